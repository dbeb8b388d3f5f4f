import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSpec, Mlp } from '../../src/index';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'deepntk-nets-'))));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const spec = createSpec({
  inputDim: 4,
  hiddenWidths: [7, 3],
  outputDim: 2,
  weightVariance: 1.3,
  biasVariance: 0.2,
  parametrization: 'ntk',
  biasGradients: false,
});
const net = Mlp.random(spec, { seed: 9 });

describe('a saved net', () => {
  test('comes back from JSON bit for bit, with its spec', async () => {
    const path = join(folder, 'net.json');
    await net.save(path);
    const loaded = await Mlp.load(path);
    expect(loaded.parameters).toEqual(net.parameters);
    expect(loaded.spec).toEqual(spec);
  });

  test('comes back from safetensors bit for bit, with its spec; options say otherwise', async () => {
    const path = join(folder, 'net.safetensors');
    await net.save(path);
    const loaded = await Mlp.load(path);
    expect(loaded.parameters).toEqual(net.parameters);
    expect(loaded.spec).toEqual(spec);
    const other = await Mlp.load(path, { parametrization: 'standard', weightVariance: 1 });
    expect(other.spec).toEqual({ ...spec, parametrization: 'standard', weightVariance: 1 });
  });

  test('of no hidden layer, too', async () => {
    const linear = Mlp.random(createSpec({ inputDim: 3, depth: 0, outputDim: 2 }), { seed: 1 });
    for (const file of ['linear.json', 'linear.safetensors']) {
      await linear.save(join(folder, file));
      expect((await Mlp.load(join(folder, file))).parameters).toEqual(linear.parameters);
    }
  });
});

describe('a net that cannot be saved or loaded', () => {
  const refused = async (
    attempt: Promise<unknown>,
    code: string,
    message: string | RegExp,
  ): Promise<void> => {
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  };

  test('names the formats for another extension', async () => {
    await refused(net.save(join(folder, 'net.pt')), 'ERR_INVALID_ARGUMENT', /ends in .json or .safetensors/);
    await refused(
      Mlp.load(join(folder, 'net.pt')),
      'ERR_INVALID_ARGUMENT',
      /ends in .json, .safetensors or .onnx/,
    );
    await refused(
      Mlp.load(3 as never),
      'ERR_INVALID_ARGUMENT',
      'Mlp.load: path: expected the path of a file, got 3',
    );
  });

  test('leaves no file behind where a parameter is not a number', async () => {
    const broken = Mlp.random(spec, { seed: 1 });
    broken.parameters[3] = NaN;
    await refused(broken.save(join(folder, 'broken.json')), 'ERR_INVALID_ARGUMENT', /NaN/);
    expect(readdirSync(folder).filter((file) => file.includes('broken'))).toEqual([]);
  });

  test('says which file is missing', async () => {
    await refused(Mlp.load(join(folder, 'none.json')), 'ERR_INVALID_FILE', /none\.json/);
  });

  test('says where the spec of a JSON net is wrong', async () => {
    const path = join(folder, 'wrong.json');
    const written = JSON.parse(JSON.stringify(await jsonOf(net))) as { spec: Record<string, unknown> };
    writeFileSync(path, JSON.stringify({ ...written, spec: { ...written.spec, weightVariance: -1 } }));
    await refused(
      Mlp.load(path),
      'ERR_INVALID_FILE',
      /wrong\.json: spec: .*weightVariance: expected a finite number > 0, got -1/,
    );
    writeFileSync(path, JSON.stringify({ ...written, spec: { ...written.spec, hiddenWidths: [7, 4] } }));
    await refused(
      Mlp.load(path),
      'ERR_INVALID_FILE',
      /spec: expected the widths of its layers, 4, 7, 3, 2, got 4, 7, 4, 2/,
    );
  });

  test('takes no law with a JSON net, which has its own', async () => {
    const path = join(folder, 'net.json');
    await net.save(path);
    await refused(
      Mlp.load(path, { weightVariance: 2 }),
      'ERR_INVALID_ARGUMENT',
      /unknown option "weightVariance"/,
    );
  });
});

async function jsonOf(source: Mlp): Promise<unknown> {
  const path = join(folder, 'copy.json');
  await source.save(path);
  return JSON.parse(readFileSync(path, 'utf8'));
}
