import { expectSameSettings, readSettings } from '../../src/runs/head';

const FORMAT = { format: 'deepntk-test', version: 2 };

test('equal settings pass, whatever their order', () => {
  expectSameSettings(
    'run.json',
    { seed: 1, spec: { depth: 2, widths: [1, 2] } },
    { spec: { widths: [1, 2], depth: 2 }, seed: 1 },
  );
});

test.each([
  [{ seed: 1 }, { seed: 2 }, 'seed 1, here 2'],
  [{}, { seed: 2 }, 'seed null, here 2'],
  [{ seed: 2 }, {}, 'seed 2, here null'],
  [{ spec: { depth: 20 }, seed: 1 }, { spec: { depth: 30 }, seed: 1 }, 'depth 20, here 30'],
  [{ inputs: { shape: [2, 3] } }, { inputs: { shape: [2, 4] } }, 'inputs.shape [2,3], here [2,4]'],
  [{ mode: 'grid' }, { mode: ['grid'] }, 'mode "grid", here ["grid"]'],
])('the first difference is named: %j and %j', (found, wanted, difference) => {
  expect(() => {
    expectSameSettings('run.json', found, wanted);
  }).toThrow(`run.json belongs to other settings: ${difference}`);
});

test('another format, another version, and no settings are refused', () => {
  const read = (head: object) => () => readSettings(head as Record<string, unknown>, FORMAT, 'a.json');
  expect(read({ format: 'x' })).toThrow('a.json: expected the format deepntk-test, got "x"');
  expect(read({ ...FORMAT, version: 1 })).toThrow('a.json: expected version 2 of deepntk-test, got 1');
  expect(read(FORMAT)).toThrow('a.json: expected settings, got undefined');
  expect(read({ ...FORMAT, settings: { seed: 1 } })()).toEqual({ seed: 1 });
});
