'use strict';

/** Peers as processes: what run.js and replicas.js share. */
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { median } = require('../common');

/** Of npm, installed into a folder of their own: none is a dependency of deepntk. */
const PACKAGES = ['@jax-js/jax@0.1.25', '@tensorflow/tfjs@4.22.0', '@tensorflow/tfjs-backend-wasm@4.22.0'];

/** The folder that has the peers of npm; '' where the registry is out of reach. */
function installPackages(folder) {
  const packages = path.join(folder, 'packages');
  fs.mkdirSync(packages);
  fs.writeFileSync(path.join(packages, 'package.json'), '{"private":true}\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...PACKAGES];
  try {
    execFileSync('npm', args, { cwd: packages, stdio: ['ignore', 'ignore', 'inherit'] });
    return packages;
  } catch (error) {
    console.log(`the peers of npm could not be installed: ${error.message.split('\n')[0]}`);
    return '';
  }
}

/** A peer in a process of its own, on as many CPUs as it has threads. `run` gives the seconds of one run. */
function startPeer(file, job, { folder, environment, python }) {
  const kernel = path.join(folder, `${file}.npy`);
  const description = path.join(folder, `${file}.json`);
  fs.writeFileSync(description, JSON.stringify({ ...job, kernel }));
  const program = [file.endsWith('.py') ? python : process.execPath, path.join(__dirname, file), description];
  const pin =
    process.platform === 'linux' && job.device === 'cpu' ? ['taskset', '-c', `0-${job.threads - 1}`] : [];
  const [command, ...args] = [...pin, ...program];
  const child = spawn(command, args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => (complaint = `${complaint}${text}`.slice(-2000)));
  child.stdin.on('error', () => {}); // it ended: reading says so
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.on('error', (error) => (complaint = error.message));
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (!done) return JSON.parse(value);
    const said = complaint.trim().split('\n');
    throw new Error(said.findLast((line) => /error/i.test(line)) || said.at(-1) || 'it ended without a word');
  };
  const peer = {
    kernel,
    last: 0,
    hello: read().catch((error) => ({ skipped: error.message })),
    async run() {
      child.stdin.write('run\n');
      const { seconds } = await read();
      peer.last = seconds;
      return seconds;
    },
    async stop() {
      child.stdin.end();
      child.kill();
      await ended;
    },
  };
  return peer;
}

/** The two by turns, so that whatever else the machine does hits both; medians of the seconds of a run. */
async function runByTurns(peer, ours, repeats) {
  const times = { peer: [], ours: [] };
  for (let i = 0; i < repeats; i++) {
    times.peer.push(await peer.run());
    times.ours.push(await ours.run());
  }
  return { peer: median(times.peer), ours: median(times.ours) };
}

const milliseconds = (seconds) => `${(seconds * 1000).toPrecision(3)} ms`;

module.exports = { installPackages, milliseconds, runByTurns, startPeer };
