'use strict';

/** deepntk's replicas: `sampleNtk` for several inputs, the scalar chain of `estimateDispersion` for one. */
const { createSpec, estimateDispersion, readNpy, sampleNtk, version } = require('deepntk');
const { resolveBackend } = require('../../dist/backend/choose');
const { replicaSource } = require('../../dist/sampling/one-input/sources');
const peer = require('./peer');

async function main() {
  const job = peer.readJob();
  const { depth, width, replicas, threads } = job;
  const backend = job.device === 'cuda' ? 'cuda' : 'native';
  const x = await readNpy(job.x);
  const [n, inputDim] = x.shape;
  const spec = createSpec({ inputDim, depth, width });
  let seed = 0;
  if (n === 1) {
    // What is compared is the sample; what is timed is the estimate, end to end.
    const { thetas, exponents } = await replicaSource('chain', spec, 1, 1, resolveBackend(backend)).sample(
      0,
      replicas,
      { threads },
    );
    const logs = Array.from(thetas, (theta, i) => Math.log(theta) + exponents[i] * Math.LN2);
    await peer.serve(job, { version: `deepntk ${version}`, note: 'chain' }, [replicas, 1], async () => {
      await estimateDispersion(spec, {
        replicas,
        seed: ++seed,
        sampler: 'chain',
        threads,
        backend,
      });
      return logs;
    });
    return;
  }
  const sample = () => sampleNtk(spec, x, { replicas, seed: ++seed, keepReplicas: true, threads, backend });
  const { sampler } = await sample();
  await peer.serve(job, { version: `deepntk ${version}`, note: sampler }, [replicas, n], async () => {
    const { data } = (await sample()).replicaKernels;
    return Float64Array.from({ length: replicas * n }, (_, i) => {
      const row = Math.floor(i / n) * n * n;
      return i % n === 0 ? Math.log(data[row]) : data[row + (i % n)] / data[row];
    });
  });
}

main();
