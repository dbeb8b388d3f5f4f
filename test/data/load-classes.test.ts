/** Classes or numbers, and test data that must fit training data. */
import { createSpec, type LabelledData, type LoadDataOptions, loadData, Mlp, train } from '../../src/index';
import { encodeNpy } from '../../src/data/npy';
import { failure } from './failure';

const load = (text: string, options: LoadDataOptions = {}) =>
  loadData(Buffer.from(text), { delimiter: ',', ...options });
const column = (name: string, cells: readonly (string | number)[]): string =>
  `a,${name}\n${cells.map((cell, i) => `${i},${cell}\n`).join('')}`;
const repeated = (cells: readonly (string | number)[], times: number) =>
  Array.from({ length: times * cells.length }, (_, i) => cells[i % cells.length]!);

describe('classes or numbers (A3, B1, B2)', () => {
  test.each<[name: string, cells: (string | number)[], classes: string[], said: string]>([
    ['names', repeated(['owl', 'cat', 'dog'], 5), ['cat', 'dog', 'owl'], 'labels: 3 classes (cat, dog, owl)'],
    ['numbers from 0', repeated([2, 0, 1], 5), ['0', '1', '2'], 'labels: 3 classes (0, 1, 2)'],
    [
      'numbers from 1',
      repeated([3, 1, 2], 5),
      ['1', '2', '3'],
      'labels: 3 classes (1, 2, 3), numbered 0, 1, 2',
    ],
    ['-1 and 1', repeated([1, -1], 5), ['-1', '1'], 'labels: 2 classes (-1, 1), numbered 0, 1'],
    ['two digits', repeated([8, 3], 5), ['3', '8'], 'labels: 2 classes (3, 8), numbered 0, 1'],
    [
      'numbers in value order',
      repeated([10, 9, 2], 5),
      ['2', '9', '10'],
      'labels: 3 classes (2, 9, 10), numbered 0, 1, 2',
    ],
    [
      'one number written in three ways',
      ['1', '1.0', '01', '2'],
      ['1', '2'],
      'labels: 2 classes (1, 2), numbered 0, 1',
    ],
    ['names and numbers', repeated(['1', 'b'], 5), ['1', 'b'], 'labels: 2 classes (1, b)'],
  ])('%s', async (_, cells, classes, said) => {
    const data = await load(column('k', cells), { labelColumn: 'k' });
    expect(data.classes).toEqual(classes);
    expect(data.labels!.map((label) => classes[label])).toEqual(
      cells.map((cell) => (classes.includes(String(cell)) ? String(cell) : String(Number(cell)))),
    );
    expect(data.summary).toContain(`; ${said}`);
  });

  test.each(['NA', 'N/A', 'null', 'NULL', 'None', '<NA>', '?'])(
    'a label %s is a missing value, unless it is stated to be a class',
    async (mark) => {
      for (const cells of [
        ['cat', mark, 'dog', mark],
        ['1', mark, '0', mark],
      ]) {
        const text = column('k', cells);
        const { code, message } = await failure(load(text, { labelColumn: 'k' }));
        expect(code).toBe('ERR_INVALID_FILE');
        expect(message).toBe(
          `data in memory: line 3, column "k": expected a class, got "${mark}", a usual mark of a missing value, in 2 rows (1, 3, counted from 0); ` +
            'remove these rows, or read it as a class with targetsAre: "classes" (--targets-are classes)',
        );
        const classes = [...new Set(cells)];
        for (const options of [{ targetsAre: 'classes' as const }, { classes }])
          expect((await load(text, { labelColumn: 'k', ...options })).classes).toContain(mark);
      }
    },
  );

  test('class names that only resemble a missing value are classes', async () => {
    const { classes } = await load(column('k', ['none', 'nan ny', 'Na', 'NAT']), { labelColumn: 'k' });
    expect(classes).toEqual(['NAT', 'Na', 'nan ny', 'none']);
  });

  test('26 letters from 1 on (B4): 26 classes, the first is "1"', async () => {
    const letters = Array.from({ length: 260 }, (_, i) => (i % 26) + 1);
    const { classes, labels, y, summary } = await load(column('k', letters), { labelColumn: 'k' });
    expect([classes!.length, classes![0], labels![0], y!.shape]).toEqual([26, '1', 0, [260, 26]]);
    expect(summary).toContain('labels: 26 classes (1, 2, 3, 4, 5, 6, ..., 26), numbered 0, 1, ..., 25');
  });

  const prices = Array.from({ length: 60 }, (_, i) => 20_000 + ((i * 7919) % 6001));
  test.each([
    ['fractions', prices.map((price) => price / 10 + 0.5), 'expected a class (a name or a whole number)'],
    ['whole prices', prices, 'expected classes that several rows share, got 60 different values in 60 rows'],
    ['identifiers', prices.map((price) => `id${price}`), 'got 60 different values in 60 rows'],
    [
      'mostly different values',
      prices.map((price, i) => prices[i % 48] ?? price),
      'got 48 different values in 60 rows',
    ],
  ])('a label column of %s is refused, naming the column and --target-column', async (_, cells, message) => {
    const error = await failure(load(column('price', cells), { labelColumn: 'price' }));
    expect(error.message).toContain('column "price"');
    expect(error.message).toContain(message);
    expect(error.message).toContain('targetColumn (--target-column)');
  });

  test('the same column is targets, or classes, when that is said', async () => {
    const text = column('price', prices);
    const { y, summary } = await load(text, { targetColumn: 'price' });
    expect([y!.shape, y!.data[1]]).toEqual([[60, 1], prices[1]]);
    expect(summary).toContain('targets: 1 number per row (price)');
    const { classes } = await load(text, { labelColumn: 'price', targetsAre: 'classes' });
    expect(classes).toHaveLength(60);
    const fractions = await load(column('k', ['0.5', '1.5', '.5']), {
      labelColumn: 'k',
      targetsAre: 'classes',
    });
    expect(fractions).toMatchObject({ classes: ['0.5', '1.5'], labels: [0, 1, 0] });
  });

  test.each([
    [10, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], [3, 8, 3]],
    [
      ['8', '3'],
      ['8', '3'],
      [1, 0, 1],
    ],
  ])('all classes by the option, %j', async (classes, expected, labels) => {
    const data = await load(column('k', [3, 8, 3]), { labelColumn: 'k', classes });
    expect(data).toMatchObject({ classes: expected, labels });
  });

  test('numbers that one float64 stands for would be one class: refused, also where the classes are known', async () => {
    const large = ['9007199254740992', '9007199254740993'];
    const { message } = await failure(load(column('k', large), { labelColumn: 'k' }));
    expect(message).toContain('line 2, column "k": expected a class number below 2^53, got 9007199254740992');
    const named = await load(
      column(
        'k',
        large.map((id) => `u${id}`),
      ),
      { labelColumn: 'k' },
    );
    expect(named.labels).toEqual([0, 1]);
    const options = { labelColumn: 'k', classes: [large[0]!, 'none'] };
    const unknown = await failure(load(column('k', ['none', large[1]!]), options));
    expect(unknown.message).toContain(`got "${large[1]!}"`);
  });

  test('a class that the option does not have is named, and one that no row has is said', async () => {
    const { message } = await failure(
      load(column('k', ['cat', 'bird']), { labelColumn: 'k', classes: ['cat', 'dog'] }),
    );
    expect(message).toContain(
      'line 3, column "k": expected a class of classes (--classes) (cat, dog), got "bird"',
    );
    const { notes } = await load(column('k', ['cat']), { labelColumn: 'k', classes: ['cat', 'dog'] });
    expect(notes).toContain('data in memory, column "k": no row has the class dog');
  });

  test.each<[LoadDataOptions, string, string]>([
    [
      { labelColumn: 'k', targetColumn: 'a' },
      'targetColumn',
      'not to be given with labelColumn (--label-column)',
    ],
    [{ labelColumn: 'k', y: 'y.npy' }, 'y', 'not to be given with labelColumn'],
    [
      { targetColumn: 'k', targetsAre: 'classes' },
      'targetsAre',
      'labelColumn (--label-column) reads classes',
    ],
    [
      { labelColumn: 'k', targetsAre: 'numbers' },
      'targetsAre',
      'targetColumn (--target-column) reads numbers',
    ],
    [{ targetsAre: 'classes' }, 'targetsAre', 'expected y (--y), labelColumn (--label-column) or'],
    [{ targetColumn: 'k', classes: 3 }, 'classes', 'not to be given with target numbers'],
    [{ delimiter: ',', decimal: ',' }, 'delimiter', 'expected another character than the decimal mark'],
    [{ columns: [] }, 'columns', 'expected at least one column'],
    [{ labelColumn: -1 }, 'labelColumn', 'the name or the number of a column, got -1'],
    [{ delimiter: 'x' }, 'delimiter', 'one character that separates columns'],
    [{ delimiter: '--' }, 'delimiter', 'one character that separates columns'],
    [{ encoding: 'ascii' as 'utf-8' }, 'encoding', 'one of "utf-8", "utf-16le"'],
    [{ classes: ['a', 'a'] }, 'classes', 'distinct names of classes'],
  ])('%j is refused, and the error has its argument', async (options, argument, message) => {
    const error = await failure(load('a,k\n1,x\n', options));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', argument });
    expect(error.message).toContain(message);
    expect(error.naming('--flag')).toMatch(/^--flag(: |\[)/);
  });
});

describe('test data fit training data (A1, A2)', () => {
  const training = () => load('a,b,c,k\n3,0,0,cat\n0,3,0,dog\n0,0,3,owl\n', { labelColumn: 'k' });

  test('classes are those of the training data, also where one is missing', async () => {
    const test = await load('a,b,c,k\n0,0,3,owl\n0,3,0,dog\n', { like: await training() });
    expect(test).toMatchObject({ labels: [2, 1], classes: ['cat', 'dog', 'owl'], y: { shape: [2, 3] } });
    expect(test.notes).toEqual(['data in memory, column "k": no row has the class cat']);
  });

  test('columns in another order are put in order, and that is said', async () => {
    const test = await load('c,k,a,b\n3,owl,1,2\n', { like: await training() });
    expect(Array.from(test.x.data)).toEqual([1, 2, 3]);
    expect(test.columns).toEqual(['a', 'b', 'c']);
    expect(test.notes[0]).toContain('columns c, a, b are put in the order of data in memory: a, b, c');
  });

  test.each<[name: string, text: string, options: LoadDataOptions, message: string]>([
    ['other names', 'x,y,z,k\n1,2,3,cat\n', {}, 'got no a, b, c, also x, y, z'],
    ['a missing column', 'a,b,k\n1,2,cat\n', {}, 'got no c'],
    ['one column more', 'a,b,c,d,k\n1,2,3,4,cat\n', {}, 'got also d, which columns (--columns) can omit'],
    ['another case', 'A,b,c,k\n1,2,3,cat\n', {}, 'got no a, also A'],
    [
      'an unknown class',
      'a,b,c,k\n1,2,3,cat\n1,2,3,bird\n',
      {},
      'line 3, column "k": expected a class of data in memory (cat, dog, owl), got "bird"',
    ],
    ['a class in another case', 'a,b,c,k\n1,2,3,Cat\n', {}, 'got "Cat"'],
    [
      'numbers for classes',
      'a,b,c,k\n1,2,3,0.5\n',
      { targetColumn: 'k' },
      'expected classes, as data in memory has (cat, dog, owl), got 1 numbers per row',
    ],
    [
      'another number of features',
      '1,2\n',
      { header: false },
      'expected 3 features, as data in memory has, got 2',
    ],
  ])('%s: refused', async (_, text, options, message) => {
    expect((await failure(load(text, { ...options, like: await training() }))).message).toContain(message);
  });

  test('columns can be left out by name', async () => {
    const test = await load('a,b,c,d,k\n1,2,3,4,cat\n', { like: await training(), columns: ['a', 'b', 'c'] });
    expect(Array.from(test.x.data)).toEqual([1, 2, 3]);
  });

  test('data without names are taken by place, and that is said', async () => {
    const test = await load('1,2,3\n', { like: await training(), header: false });
    expect(test.notes).toEqual([
      'data in memory: has no column names; its columns are assumed to be in the order of data in memory',
    ]);
    const array = await loadData(encodeNpy({ data: new Float64Array(3), shape: [1, 3] }), {
      like: await training(),
    });
    expect(array.notes).toHaveLength(1);
  });

  test('classes that are numbers are matched by value', async () => {
    const numbers = await load(column('k', [1, 2, 3]), { labelColumn: 'k' });
    expect((await load(column('k', ['3.0', '01']), { like: numbers })).labels).toEqual([2, 0]);
    const { message } = await failure(load(column('k', [0]), { like: numbers }));
    expect(message).toContain('expected a class of data in memory (1, 2, 3), got "0"');
  });

  test('targets have to be as many, and of the same names', async () => {
    const numbers = await load('a,p,q\n1,2,3\n', { targetColumn: ['p', 'q'] });
    expect((await load('q,a,p\n3,1,2\n', { like: numbers, targetColumn: ['p', 'q'] })).y!.data).toEqual(
      Float64Array.of(2, 3),
    );
    const one = await failure(load('a,p\n1,2\n', { like: numbers, targetColumn: 'p' }));
    expect(one.message).toContain('expected 2 numbers per row, as data in memory has, got 1');
    const swapped = await failure(load('a,p,q\n1,2,3\n', { like: numbers, targetColumn: ['q', 'p'] }));
    expect(swapped.message).toContain('in this order: p, q, got q, p');
  });

  test('target columns are found by name, in the order of the training data', async () => {
    const numbers = await load('a,p,q\n1,2,3\n', { targetColumn: ['q', 'p'] });
    const test = await load('p,q,a\n2,3,1\n', { like: numbers });
    expect(test).toMatchObject({ x: { data: Float64Array.of(1) }, y: { data: Float64Array.of(3, 2) } });
    expect((await load('a\n1\n', { like: numbers })).y).toBeNull();
    const { message } = await failure(load('a,p\n1,2\n', { like: numbers }));
    expect(message).toContain('got also p, which columns (--columns) can omit');
  });

  test('options may repeat, but not change, what the answers of the training data are', async () => {
    const named = await training();
    expect((await load('a,b,c,k\n1,2,3,cat\n', { like: named, classes: named.classes! })).labels).toEqual([
      0,
    ]);
    const numbers = await load('a,p\n1,2\n', { targetColumn: 'p' });
    for (const [like, options, message] of [
      [
        named,
        { classes: ['owl', 'dog', 'cat'] },
        'classes: expected those of data in memory (cat, dog, owl)',
      ],
      [named, { classes: 3 }, 'classes: expected those of data in memory (cat, dog, owl), got 3'],
      [named, { y: 'y.npy', targetsAre: 'numbers' }, 'targetsAre: expected "classes", as data in memory has'],
      [
        numbers,
        { y: 'y.npy', targetsAre: 'classes' },
        'targetsAre: expected "numbers", as data in memory has',
      ],
      [numbers, { y: 'y.npy', classes: 2 }, 'none: it has numbers'],
    ] as const) {
      const error = await failure(load('a,b,c\n1,2,3\n', { like, ...options }));
      expect(error).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        argument: message.startsWith('targetsAre') ? 'targetsAre' : 'classes',
      });
      expect(error.message).toContain(message);
    }
  });

  test('what loadData returns is trained on as it is', async () => {
    const data = await training();
    const test = await load('c,a,b,k\n3,0,0,owl\n', { like: data });
    const net = Mlp.random(createSpec({ inputDim: 3, depth: 1, width: 30, outputDim: 3 }), { seed: 1 });
    const options = { learningRate: 0.05, steps: 200, testData: test as LabelledData };
    const { evaluations } = await train(net, data as LabelledData, options);
    expect(evaluations.at(-1)).toMatchObject({ accuracy: 1, testAccuracy: 1 });
  });

  test.each([{}, { name: 'x' }, 'tr.csv', null, { x: { data: new Float64Array(2), shape: [2] } }])(
    'like: %j is refused',
    async (like) => {
      expect(await failure(load('a\n1\n', { like: like as never }))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        argument: 'like',
      });
    },
  );
});

describe('targets of the cross-entropy (B1), in the library', () => {
  const x = { data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] };
  const fit = (outputs: number, y: number[], testY?: number[]) => {
    const net = Mlp.random(createSpec({ inputDim: 2, depth: 1, width: 3, outputDim: outputs }), { seed: 1 });
    const targets = (values: number[]) => ({ data: Float64Array.from(values), shape: [2, outputs] });
    return train(
      net,
      { x, y: targets(y) },
      {
        loss: 'cross-entropy',
        learningRate: 0.1,
        steps: 1,
        ...(testY && { testData: { x, y: targets(testY) } }),
      },
    );
  };

  test.each<[name: string, outputs: number, y: number[], testY: number[] | undefined, message: string]>([
    ['one output', 1, [1, 1], undefined, 'y: expected two classes or more for the cross-entropy'],
    ['a row of zeros', 2, [0, 1, 0, 0], undefined, 'y: row 1: expected a share > 0 of one class at least'],
    ['a row of zeros in test data', 2, [0, 1, 1, 0], [0, 0, 1, 0], 'testData.y: row 0: expected a share > 0'],
    [
      'a negative share',
      2,
      [0, 1, -1, 0],
      undefined,
      'y: entry 2: expected a share of a class, >= 0, got -1',
    ],
  ])('%s is refused', async (_, outputs, y, testY, message) => {
    const error = await failure(fit(outputs, y, testY));
    expect(error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(error.message).toContain(message);
  });

  test('one-hot rows and shares pass', async () => {
    expect((await fit(2, [0, 1, 0.25, 0.75])).losses).toHaveLength(2);
  });
});
