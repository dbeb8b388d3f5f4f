'use strict';

/** deepntk itself. `float32` is its mixed precision: the forward pass in float64, the rest in float32. */
const { backendInfo, version } = require('deepntk');
const peer = require('./peer');

async function main() {
  const job = peer.readJob();
  const { net, x } = await peer.load(job);
  const options = {
    threads: job.threads,
    backend: job.backend,
    precision: job.precision === 'float32' ? 'mixed' : 'float64',
  };
  const { blas } = backendInfo();
  const library = blas === null ? '' : `, ${blas.library} ${blas.version} (${blas.core})`;
  await peer.serve(
    job,
    { version: `deepntk ${version}${library}` },
    [x.shape[0], x.shape[0]],
    async () => (await net.ntk(x, null, options)).data,
  );
}

main();
