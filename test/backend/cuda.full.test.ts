/**
 * The choice of the CUDA backend, and what is said where it cannot run, in processes of their own. No GPU is needed: the
 * addon is one that is missing, broken, or a module that stands in for it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeNative } from '../native/support';

const root = join(__dirname, '..', '..');
const built = join(root, 'build-cuda', 'Release', 'deepntk_cuda.node');
let folder: string;

beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-cuda-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A file that DEEPNTK_CUDA_ADDON can name. */
function addon(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** The CPU's addon in the dress of the GPU's; `changes` are more of its properties, as source. */
function standIn(name: string, changes = ''): string {
  return addon(
    name,
    `const native = require(${JSON.stringify(join(root, 'build', 'Release', 'deepntk.node'))});
    module.exports = {
      ...native,
      whyUnavailable: () => '',
      describe: () => ({
        device: 'Stand-in', capability: '9.0', memory: 2 ** 36, driver: '13.0', runtime: '13.0', cublas: '13.1.1',
        mixed: 'float32',
      }),
      ${changes}
    };`,
  );
}

function run(args: string[], environment: Record<string, string>) {
  const { PATH = '' } = process.env;
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', env: { PATH, ...environment } });
  return { status: child.status, stdout: child.stdout.trim(), stderr: child.stderr };
}

/** Prints what two kernels ran on, or why they did not, one line each. */
function compute(environment: Record<string, string>, options = '{}') {
  const program = `
    const { createSpec, Mlp } = require(${JSON.stringify(root)});
    (async () => {
      const array = (shape) => ({ data: new Float64Array(shape.reduce((a, b) => a * b)).fill(0.5), shape });
      const net = Mlp.fromLayers(createSpec({ inputDim: 2, depth: 1, width: 3 }), [
        { weights: array([3, 2]), biases: array([3]) }, { weights: array([1, 3]), biases: array([1]) },
      ]);
      for (const options of [${options}, { backend: 'typescript' }]) {
        try {
          const { backend, core } = await net.ntk({ data: new Float64Array([1, 2]), shape: [1, 2] }, null, options);
          console.log(backend + ' ' + core);
        } catch (error) { console.log(error.code + ' ' + error.message); }
      }
    })();`;
  const { stdout, stderr, status } = run(['-e', program], environment);
  expect(status).toBe(0);
  return {
    lines: stdout.split('\n'),
    warnings: stderr.split('\n').filter((line) => line.includes('DeepntkWarning')),
  };
}

const missing = () => ({ DEEPNTK_CUDA_ADDON: join(folder, 'none.node') });

test('without the addon another backend computes, and nothing is said', () => {
  const { lines, warnings } = compute(missing());
  expect(lines[0]).toMatch(/^(native|typescript) /);
  expect(warnings).toEqual([]);
});

test.each([
  ['DEEPNTK_BACKEND', { DEEPNTK_BACKEND: 'cuda' }, '{}'],
  ['an option', {}, "{ backend: 'cuda' }"],
])('to force it by %s is then an error that says why, and the process goes on', (_, environment, options) => {
  const { lines } = compute({ ...missing(), ...environment }, options);
  expect(lines[0]).toMatch(
    /^ERR_BACKEND_UNAVAILABLE the cuda backend cannot be used: no CUDA addon was built \(.*none\.node\); .*npm run build:cuda/,
  );
  expect(lines[1]).toBe('typescript null');
});

test.each([
  ['is no binary', 'broken.node', 'not a shared library', /was found but does not load .*npm run build:cuda/],
  [
    'is of another ABI',
    'stale.js',
    'module.exports = { abi: 1 };',
    /another version \(ABI 1, expected \d+\)/,
  ],
  [
    'fails when it is asked',
    'failing.js',
    "module.exports = { abi: ABI, whyUnavailable: () => '', describe() { throw new Error('the device is lost'); } };",
    /the CUDA addon fails: the device is lost/,
  ],
])('an addon that %s is said once, and another backend computes', (_, name, content, reason) => {
  const source = content.replace(
    'ABI,',
    `require(${JSON.stringify(join(root, 'dist/backend/native/addon.js'))}).ABI,`,
  );
  const environment = { DEEPNTK_CUDA_ADDON: addon(name, source) };
  const { lines, warnings } = compute(environment, '{}, {}');
  expect(lines.slice(0, 2).every((line) => /^(native|typescript) /.test(line))).toBe(true);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(reason);
  expect(compute({ ...environment, DEEPNTK_BACKEND: 'cuda' }).lines[0]).toMatch(reason);
});

describeNative('an addon with everything it needs', () => {
  test('is chosen before all others, and named in what it computes', () => {
    const { lines, warnings } = compute({ DEEPNTK_CUDA_ADDON: standIn('whole.js') });
    expect(lines).toEqual(['cuda sm_90', 'typescript null']);
    expect(warnings).toEqual([]);
  });

  test('is described by doctor', () => {
    const environment = { DEEPNTK_CUDA_ADDON: standIn('whole.js') };
    const { stdout } = run([join(root, 'dist', 'cli', 'main.js'), 'doctor', '--json'], environment);
    expect(JSON.parse(stdout)).toMatchObject({
      backend: 'cuda',
      available: ['cuda', 'native', 'typescript'],
      unavailable: {},
      blas: { library: 'cuBLAS', version: '13.1.1', core: 'sm_90' },
      cuda: { device: 'Stand-in', capability: '9.0', memory: 2 ** 36, cublas: '13.1.1', mixed: 'float32' },
    });
  });

  test('and whose device is missing is not chosen; doctor and a forced choice say what is missing', () => {
    const reason = 'there is no NVIDIA driver (libcuda.so.1)';
    const environment = {
      DEEPNTK_CUDA_ADDON: standIn('driverless.js', `whyUnavailable: () => ${JSON.stringify(reason)},`),
    };
    expect(compute(environment)).toMatchObject({
      lines: [expect.stringMatching(/^native /), 'typescript null'],
      warnings: [],
    });
    expect(compute({ ...environment, DEEPNTK_BACKEND: 'cuda' }).lines[0]).toContain(reason);
    const { stdout } = run([join(root, 'dist', 'cli', 'main.js'), 'doctor', '--json'], environment);
    expect(JSON.parse(stdout)).toMatchObject({
      cuda: null,
      unavailable: { cuda: `the CUDA addon is there, but ${reason}` },
    });
  });

  test.each([
    [3, 'undefined', 'ERR_OUT_OF_MEMORY the addon could not allocate the memory it needs'],
    [
      4,
      "'CUDA: computing: an illegal memory access'",
      'ERR_COMPUTATION the addon failed: CUDA: computing: an illegal memory access',
    ],
  ])('an error of the device (status %i) is an error of the call alone', (status, detail, message) => {
    const failing = `kernel(call, listener) { setImmediate(listener, ${status}, ${detail}); return () => {}; },`;
    const { lines } = compute({ DEEPNTK_CUDA_ADDON: standIn(`failing-${status}.js`, failing) });
    expect(lines).toEqual([message, 'typescript null']);
  });
});

const withBuild = existsSync(built) ? describe : describe.skip;
withBuild('the addon that was built', () => {
  test('loads on any machine, and without a GPU says what is missing', () => {
    const { lines } = compute({ DEEPNTK_BACKEND: 'cuda' });
    expect(lines[0]).toMatch(
      /^(cuda sm_|ERR_BACKEND_UNAVAILABLE .*the CUDA addon is there, but (there is no NVIDIA driver|the NVIDIA driver|cuBLAS was not found|the device has))/,
    );
  });

  test('names a cuBLAS that it does not find', () => {
    const { lines } = compute({ DEEPNTK_BACKEND: 'cuda', DEEPNTK_CUBLAS: join(folder, 'no-cublas.so') });
    expect(lines[0]).toMatch(/no-cublas\.so|there is no NVIDIA driver|the NVIDIA driver/);
  });
});
