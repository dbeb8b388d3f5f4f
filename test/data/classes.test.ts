import { decodeCsv } from '../../src/data/csv';
import { choosePerClass, createScaling, oneHot, takeRows } from '../../src/data/classes';
import { errorCode } from './error-code';

describe('CSV', () => {
  test('numbers and named classes, quotes, CRLF and a byte-order mark', () => {
    const text = '\ufeffwidth,"the kind",height\r\n1.5,b,-2e3\r\n"3", a ,4\r\n\r\n0,b,1\r\n';
    const { x, labels, classes } = decodeCsv(text, { labelColumn: 'the kind' });
    expect(x).toEqual({ data: Float64Array.of(1.5, -2000, 3, 4, 0, 1), shape: [3, 2] });
    expect(labels).toEqual([1, 0, 1]);
    expect(classes).toEqual(['a', 'b']);
  });

  test('labels that are whole numbers keep theirs', () => {
    const { labels, classes } = decodeCsv('7;0\n8;3\n', { labelColumn: 1, header: false, delimiter: ';' });
    expect(labels).toEqual([0, 3]);
    expect(classes).toEqual(['0', '1', '2', '3']);
  });

  test('without a label column every column is a feature', () => {
    const { x, labels, classes } = decodeCsv('a,b\n1,2\n');
    expect([x.shape, labels, classes]).toEqual([[1, 2], null, null]);
  });

  test.each<[name: string, text: string, message: string]>([
    ['an empty file', '', 'expected at least one line, got an empty file'],
    ['only names', 'a,kind\n', 'expected at least one line of data, got none'],
    [
      'a word among numbers',
      'a,kind\n1,x\nfew,y\n',
      't.csv: line 3, column "a": expected a finite number, got "few"',
    ],
    ['an empty entry', 'a,kind\n,x\n', 'line 2, column "a": expected a finite number, got ""'],
    ['an empty label', 'a,kind\n1,\n', 't.csv: row 0: expected a label, got an empty entry'],
    [
      'lines of different lengths',
      'a,kind\n1,x,3\n',
      'expected lines of comma-separated values, got Invalid Record Length',
    ],
    ['no such column', 'a,b\n1,2\n', 'expected the label column "kind", got columns a, b'],
    ['nothing but labels', 'kind\nx\n', 'expected at least one column of features, got none'],
  ])('%s: an error that names the place', (_, text, message) => {
    const action = () => decodeCsv(text, { labelColumn: 'kind' }, 't.csv');
    expect(action).toThrow(message);
    expect(errorCode(action)).toBe('ERR_INVALID_FILE');
  });
});

describe('classes', () => {
  test('one-hot rows', () => {
    expect(oneHot([1, 0])).toEqual({ data: Float64Array.of(0, 1, 1, 0), shape: [2, 2] });
    expect(oneHot([1], 3).data).toEqual(Float64Array.of(0, 1, 0));
    expect(() => oneHot([0, 3], 3)).toThrow('oneHot: labels[1]: expected an integer >= 0 and <= 2, got 3');
    expect(() => oneHot([0.5])).toThrow('labels[0]');
    expect(() => oneHot([])).toThrow('at least one label');
  });

  const labels = Array.from({ length: 90 }, (_, i) => (i * 7) % 3);

  test('a choice has so many of each class, in class order, each once, and is the seed’s', () => {
    const rows = choosePerClass(labels, 5, { seed: 1 });
    expect(rows.map((row) => labels[row])).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(new Set(rows).size).toBe(15);
    expect(choosePerClass(labels, 5, { seed: 1 })).toEqual(rows);
    expect(choosePerClass(labels, 5, { seed: 2 })).not.toEqual(rows);
    expect(choosePerClass(labels, 3, { seed: 1 }).slice(0, 3)).toEqual(rows.slice(0, 3));
  });

  test('every sample is chosen about equally often', () => {
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 3000; seed++) {
      for (const row of choosePerClass(labels, 1, { seed })) counts.set(row, (counts.get(row) ?? 0) + 1);
    }
    // 100 times each on average, deviation 10: none of 90 is beyond 5 deviations (probability 5e-5).
    expect(counts.size).toBe(90);
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(50);
  });

  test('a class with too few samples, or none, is named', () => {
    expect(() => choosePerClass([0, 1, 1], 2, { seed: 1 })).toThrow(
      'expected at least 2 samples of class 0, got 1',
    );
    expect(() => choosePerClass([0, 0, 2, 2], 2, { seed: 1 })).toThrow('samples of class 1, got none');
    expect(() => choosePerClass([0, 1], 1, { seed: 1, classes: 3 })).toThrow('samples of class 2, got none');
  });

  test('rows are taken in the order given, and one that is not there is refused', () => {
    const x = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] };
    expect(takeRows(x, [2, 0])).toEqual({ data: Float64Array.of(5, 6, 1, 2), shape: [2, 2] });
    expect(() => takeRows(x, [3])).toThrow('rows[0]');
  });
});

describe('scaling', () => {
  const x = { data: Float64Array.of(3, 4, 0.1, 0, 0, 0.1), shape: [2, 3] };

  test('unit norm: every input has norm 1, an input of zeros stays', () => {
    const { data } = createScaling(
      'unit-norm',
      x,
    )({ data: Float64Array.of(3, 4, 0, 0, 0, 0), shape: [2, 3] });
    expect(Array.from(data)).toEqual([expect.closeTo(0.6, 15), expect.closeTo(0.8, 15), 0, 0, 0, 0]);
  });

  test('standard: mean 0 and deviation 1 of the reference; a constant feature becomes 0; other data use the same numbers', () => {
    const scale = createScaling('standard', x);
    expect(Array.from(scale(x).data)).toEqual([1, 1, 0, -1, -1, 0]);
    expect(Array.from(scale({ data: Float64Array.of(1.5, 6, 7), shape: [1, 3] }).data)).toEqual([0, 2, 0]);
    expect(() => scale({ data: new Float64Array(2), shape: [1, 2] })).toThrow('expected 3 features, got 2');
  });

  test('none: a copy', () => {
    const copy = createScaling('none', x)(x);
    expect(copy).toEqual(x);
    expect(copy.data).not.toBe(x.data);
  });
});
