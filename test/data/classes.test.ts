import { choosePerClass, createScaling, oneHot, takeRows } from '../../src/data/classes';

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
