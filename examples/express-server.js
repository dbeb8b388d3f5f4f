'use strict';

/**
 * Kernels over HTTP: how to compute inside a handler of Express (5) without holding up other requests, and without going on
 * for a client that has left.
 *
 *     npm install express
 *     PORT=8080 node examples/express-server.js
 *     curl localhost:8080/ntk -H 'content-type: application/json' \
 *       -d '{"net":{"inputDim":3,"depth":5,"width":50},"seed":1,"inputs":[[1,2,3],[0,1,0]]}'
 *
 * What it shows: every heavy call returns a promise and runs off the event loop; its AbortSignal ends it within about 100 ms; its
 * plan says beforehand what it will take; an error says by its code whose fault it is.
 */
const { createSpec, Mlp, parameterCount } = require('deepntk');
const express = require('express');

/** What one request may take. */
const LIMITS = { parameters: 2e6, flops: 2e12, bytes: 2e9 };
/** Two jobs share the machine's threads as one would; a bound keeps one request from taking all of them. */
const THREADS_PER_REQUEST = 2;

const app = express();
app.use(express.json({ limit: '20mb' }));

app.get('/health', (request, response) => {
  response.json({ ok: true });
});

app.post('/ntk', async (request, response) => {
  const controller = new AbortController();
  // The connection closes after every response; before one is sent, it means that nobody waits for it any more.
  response.on('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the client left'));
  });
  const { net: options, seed = 0, inputs, outputs = 'trace' } = request.body ?? {};
  const spec = createSpec(options);
  const X = toArray(inputs, spec.inputDim);
  refuseIf(parameterCount(spec) > LIMITS.parameters, 'the net has too many parameters');
  // The one thing that is done at once, on the event loop: some 10 ms for a million parameters.
  const net = Mlp.random(spec, { seed });
  const settings = { outputs, threads: THREADS_PER_REQUEST };
  const plan = net.explainNtk(X, null, settings);
  refuseIf(
    plan.flops.total > LIMITS.flops || plan.bytes.total > LIMITS.bytes,
    'the kernel would take too long or too much memory',
  );
  const { data, shape, backend } = await net.ntk(X, null, { ...settings, signal: controller.signal });
  response.json({ shape, data: Array.from(data), backend });
});

// eslint-disable-next-line no-unused-vars -- Express knows a handler of errors by its four arguments
app.use((error, request, response, next) => {
  if (response.destroyed) {
    console.log(`${request.url}: ${error.message}`);
    return;
  }
  const status = error.status ?? { ERR_INVALID_ARGUMENT: 400, ERR_OUT_OF_MEMORY: 413 }[error.code] ?? 500;
  response.status(status).json({ error: status === 500 ? 'the computation failed' : error.message });
});

const server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

/** The rows of a JSON request as an N x n_0 array. */
function toArray(rows, inputDim) {
  refuseIf(!Array.isArray(rows) || !rows.every(Array.isArray), 'inputs: expected an array of rows', 400);
  refuseIf(
    rows.length === 0 || rows.some((row) => row.length !== inputDim),
    `inputs: expected rows of ${inputDim} numbers`,
    400,
  );
  return { data: Float64Array.from(rows.flat()), shape: [rows.length, inputDim] };
}

function refuseIf(wrong, message, status = 413) {
  if (wrong) throw Object.assign(new Error(message), { status });
}
