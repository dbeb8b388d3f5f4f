import { join } from 'node:path';

/**
 * A program for a process of its own: it writes the kernel of `n` inputs to a file, under a memory limit of `above` MiB more
 * than the process holds. It prints the most memory that was resident, the limit, the plan and the tiles, as JSON.
 */
export function kernelProgram(options: object, n: number, above: number): string {
  return `
    const { readFileSync } = require('node:fs');
    const { createSpec, Mlp } = require(${JSON.stringify(join(__dirname, '..', '..', 'dist'))});
    const net = Mlp.random(createSpec({ inputDim: 50, depth: 10, width: 100 }), { seed: 1 });
    const X = { data: Float64Array.from({ length: ${n} * 50 }, (_, i) => Math.sin(i * i)), shape: [${n}, 50] };
    const memoryLimit = process.memoryUsage.rss() + ${above} * 2 ** 20;
    net.ntk(X, null, { ...${JSON.stringify(options)}, memoryLimit }).then(({ plan, tiles }) => {
      const peak = 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      console.log(JSON.stringify({ peak, memoryLimit, plan, tiles }));
    });`;
}
