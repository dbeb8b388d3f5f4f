/** Tables: accepted and refused files, the places in errors, and the notes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { type LoadDataOptions, loadData } from '../../src/index';
import { atDepth } from '../support/depth';
import { failure } from './failure';

const load = (text: string, options: LoadDataOptions = {}) => loadData(Buffer.from(text), options);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepntk-load-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('what is read', () => {
  test('numbers and named classes, quotes, CRLF and a byte-order mark', async () => {
    const text = '\ufeffwidth,"the kind",height\r\n1.5,b,-2e3\r\n"3", a ,4\r\n\r\n0,b,1\r\n';
    const data = await load(text, { labelColumn: 'the kind' });
    expect(data).toMatchObject({
      x: { data: Float64Array.of(1.5, -2000, 3, 4, 0, 1), shape: [3, 2] },
      columns: ['width', 'height'],
      labels: [1, 0, 1],
      classes: ['a', 'b'],
      y: { data: Float64Array.of(0, 1, 1, 0, 0, 1), shape: [3, 2] },
      labelColumn: 'the kind',
    });
    expect(data.summary).toBe('data in memory: 3 rows, 2 features (width, height); labels: 2 classes (a, b)');
  });

  test('each line may have its own end, and a quoted line break stays', async () => {
    const text = 'a,k\r\n1,"x\r\ny"\n2,z\r3,"x\r\ny"\r\n\n4,z';
    const { x, classes, labels } = await load(text, { labelColumn: 'k' });
    expect([Array.from(x.data), classes, labels]).toEqual([
      [1, 2, 3, 4],
      ['x\r\ny', 'z'],
      [0, 1, 0, 1],
    ]);
    expect((await failure(load('a\r\n1\n2\rx\n'))).message).toContain('line 4, column "a"');
  });

  test('without answers every column is a feature', async () => {
    expect(await load('a,b\n1,2\n')).toMatchObject({
      labels: null,
      classes: null,
      y: null,
      x: { shape: [1, 2] },
    });
  });

  test.each([
    ['.5,5.,+5,-0', [0.5, 5, 5, -0]],
    ['1E3,1e+3,1e-3,00012', [1000, 1000, 0.001, 12]],
    ['5e-324,1e-400,1.7976931348623157e308,0', [5e-324, 0, Number.MAX_VALUE, 0]],
  ])('numbers as %s', async (row, expected) => {
    expect(Array.from((await load(`a,b,c,d\n${row}\n`)).x.data)).toEqual(expected);
  });

  test('any doubles written by JavaScript are read back bit for bit, in any chunks of the text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 }),
        async (numbers) => {
          const { x } = await load(`a,b\n${numbers.map((number) => `${number},1\n`).join('')}`);
          expect(Array.from(x.data).filter((_, i) => i % 2 === 0)).toEqual(
            numbers.map((n) => (n === 0 ? 0 : n)),
          );
        },
      ),
      { numRuns: atDepth(50) },
    );
  });

  test('several targets by name, in the order asked for', async () => {
    const data = await load('a,b,c,d\n1,2,3,4\n5,6,7,8\n', { targetColumn: ['d', 'b'] });
    expect(data).toMatchObject({
      x: { data: Float64Array.of(1, 3, 5, 7), shape: [2, 2] },
      y: { data: Float64Array.of(4, 2, 8, 6), shape: [2, 2] },
      targetColumns: ['d', 'b'],
      classes: null,
    });
    expect(data.summary).toContain('targets: 2 numbers per row (d, b)');
  });

  test('chosen columns, in the order asked for', async () => {
    const { x, columns } = await load('a,b,c\n1,2,3\n', { columns: ['c', 0] });
    expect([Array.from(x.data), columns]).toEqual([
      [3, 1],
      ['c', 'a'],
    ]);
  });

  test('a gzipped file, a text of many chunks and a last line without its end', async () => {
    const rows = Array.from({ length: 9_000 }, (_, i) => `${i},${i * 0.5},${i % 3}`);
    const text = `a,b,k\n${rows.join('\n')}`;
    const plain = await loadData(file('many.csv', text), { labelColumn: 'k' });
    const packed = await loadData(file('many.csv.gz', gzipSync(text)), { labelColumn: 'k' });
    expect(plain.x.shape).toEqual([9_000, 2]);
    expect(plain.x.data[2 * 8_999 + 1]).toBe(4_499.5);
    expect(plain.x.data.buffer.byteLength).toBe(8 * 18_000);
    expect(packed.x).toEqual(plain.x);
    expect(packed.labels).toEqual(plain.labels);
  });

  test('progress goes from 0 to 1, and an abort ends the reading with its reason', async () => {
    const path = file('long.csv', `a,b\n${'1.25,3\n'.repeat(60_000)}`);
    const fractions: number[] = [];
    await loadData(path, { onProgress: ({ fraction }) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(5);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = loadData(path, {
      signal: controller.signal,
      onProgress: () => {
        controller.abort(reason);
      },
    });
    await expect(reading).rejects.toBe(reason);
  });
});

describe('separators (A6)', () => {
  test.each<[name: string, text: string, options: LoadDataOptions, row: number[]]>([
    ['commas in .csv', 'a,b\n1.5,2\n', {}, [1.5, 2]],
    ['tabs in .tsv', 'a\tb\n1.5\t2\n', {}, [1.5, 2]],
    ['semicolons and decimal commas', 'a;b\n1,5;2\n', { delimiter: ';', decimal: ',' }, [1.5, 2]],
    ['bars', 'a|b\n1.5|2\n', { delimiter: '|' }, [1.5, 2]],
    ['tabs by their word', 'a\tb\n1.5\t2\n', { delimiter: 'tab' }, [1.5, 2]],
  ])('%s', async (name, text, options, row) => {
    const extension = name.endsWith('.tsv') ? 'tsv' : 'csv';
    const { x, notes } = await loadData(file(`separated.${extension}`, text), options);
    expect(Array.from(x.data)).toEqual(row);
    expect(notes).toEqual([]);
  });

  test.each([
    ['semicolons', 'a;b\n1;2\n3;4\n'],
    ['tabs', 'a\tb\n1\t2\n3\t4\n'],
    ['commas', 'a,b\n1,2\n3,4\n'],
    ['spaces', 'a b\n1 2\n3 4\n'],
  ])('%s are found where the extension does not say it, and that is said', async (word, text) => {
    const { x, notes } = await load(text);
    expect(Array.from(x.data)).toEqual([1, 2, 3, 4]);
    expect(notes).toEqual([`data in memory: columns are separated by ${word}, as detected from the data`]);
  });

  test.each([
    ['found', 'quoted.csv', {}, 1],
    ['stated', 'quoted.csv', { delimiter: ',' }, 0],
    ['found without an extension', 'quoted', {}, 1],
  ])('decimal commas in quotes between commas: %s', async (_, name, options, notes) => {
    const path = file(name, '"a","b",c\n"1,5","-2,5",3\n"4","5e1",6\n');
    const data = await loadData(path, { decimal: ',', ...options });
    expect([...data.x.data]).toEqual([1.5, -2.5, 3, 4, 50, 6]);
    expect(data.notes).toHaveLength(notes);
    expect((await failure(loadData(path, { delimiter: ',' }))).message).toContain(
      'got "1,5"; decimal: "," (--decimal ",") reads decimal commas',
    );
  });

  test('a decimal comma outside quotes cannot be the delimiter', async () => {
    const error = await failure(load('a,b\n1,5\n', { decimal: ',', delimiter: ',' }));
    expect(error).toMatchObject({ argument: 'delimiter' });
    expect(error.message).toContain('another character than the decimal mark, or numbers in quotes');
  });

  test('a decimal comma in a .csv file: the other character is found, and said', async () => {
    const { x, notes } = await loadData(file('german.csv', 'a;b\n1,5;2\n'), { decimal: ',' });
    expect(Array.from(x.data)).toEqual([1.5, 2]);
    expect(notes[0]).toContain('columns are separated by semicolons');
  });

  test('one column needs no separator', async () => {
    expect((await load('a\n1\n2\n')).x.shape).toEqual([2, 1]);
  });

  test.each<[name: string, text: string, options: LoadDataOptions, message: string]>([
    ['both fit', 'a,b;c\n1,2;3\n', {}, 'got commas and semicolons; state it with delimiter (--delimiter)'],
    ['none fits', 'a,b\n1;2\n', {}, 'got none with the same count in the first 2 lines'],
    ['a thousands separator', 'a;b\n1.234,5;2\n', { decimal: ',', delimiter: ';' }, 'got "1.234,5"'],
  ])('%s: refused', async (_, text, options, message) => {
    expect((await failure(load(text, options))).message).toContain(message);
  });

  test('semicolons in a .csv file are named, with the option that reads them', async () => {
    const { message } = await failure(loadData(file('semi.csv', 'a;b\n1,5;2\n')));
    expect(message).toContain(
      'line 1: expected columns separated by commas, because the extension is .csv, got semicolons; delimiter: ";" (--delimiter ";")',
    );
  });
});

describe('encodings (A6)', () => {
  const utf16 = (text: string, order: 'le' | 'be'): Buffer => {
    const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
    return order === 'le' ? bytes : bytes.swap16();
  };

  test('Latin-1 is refused by line, and read when it is named: two names stay two classes', async () => {
    const bytes = Buffer.from('a,y\n1,x\n2,th\xe9\n3,th\xe8\n', 'latin1');
    const { message } = await failure(loadData(bytes, { labelColumn: 'y' }));
    expect(message).toContain('line 3: expected text in utf-8');
    expect(message).toContain('--encoding latin1');
    expect(message).toContain('UTF-16');
    const { classes } = await loadData(bytes, { labelColumn: 'y', encoding: 'latin1' });
    expect(classes).toEqual(['thè', 'thé', 'x']);
  });

  test('a character cut in two by a chunk is read, and one that the file cuts off is refused', async () => {
    const text = `y\n${'é\n'.repeat(50_000)}`;
    const { classes } = await load(`a,${text.replaceAll('é', '1,é')}`, { labelColumn: 'y' });
    expect(classes).toEqual(['é']);
    const cut = Buffer.from('a,y\n1,é').subarray(0, -1);
    expect((await failure(loadData(cut, { labelColumn: 'y' }))).message).toContain(
      'line 2: expected text in utf-8',
    );
  });

  test.each(['le', 'be'] as const)('UTF-16 %s', async (order) => {
    const bytes = utf16('a,y\n1,é\n2,ü\n', order);
    const { message } = await failure(loadData(bytes, { labelColumn: 'y' }));
    expect(message).toContain(`--encoding utf-16${order}`);
    const { classes } = await loadData(bytes, { labelColumn: 'y', encoding: `utf-16${order}` });
    expect(classes).toEqual(['é', 'ü']);
  });

  test('UTF-16 without a byte order mark, and with the mark of another encoding', async () => {
    const bare = Buffer.from('a,b\n1,2\n', 'utf16le');
    expect((await failure(loadData(bare))).message).toContain('--encoding utf-16le');
    expect((await failure(loadData(Buffer.from(bare).swap16()))).message).toContain('--encoding utf-16be');
    const marked = Buffer.from('\ufeffa\n1\n');
    expect((await failure(loadData(marked, { encoding: 'latin1' }))).message).toContain(
      'the byte order mark of utf-8',
    );
  });

  test('windows-1252 has the euro sign where Latin-1 has a control character', async () => {
    const bytes = Buffer.from([...Buffer.from('a,y\n1,'), 0x80, 10]);
    expect((await loadData(bytes, { labelColumn: 'y', encoding: 'windows-1252' })).classes).toEqual(['€']);
  });
});

describe('headers (A4, A5)', () => {
  test.each([
    ['data alone', '5,0,0,7\n0,0,0,9\n', { labelColumn: '0' }],
    ['iris without names', '5.1,3.5,setosa\n4.9,3.0,virginica\n', { labelColumn: '2' }],
    ['numbers of columns as names', 'label,0,1,2\n1,2,3,4\n', { labelColumn: 'label' }],
    ['numbers with decimal commas', '1,5;2,5\n3,5;4,5\n', { delimiter: ';', decimal: ',' as const }],
  ])('%s: names that are numbers are an error', async (_, text, options) => {
    const { message } = await failure(load(text, options));
    expect(message).toContain('line 1: expected the names of the columns, got numbers');
    expect(message).toContain('header: false (--no-header)');
    expect(message).toContain('header: true (--header)');
  });

  test('header: false reads them as data, and columns are numbers', async () => {
    const data = await load('5,0,0,7\n0,0,0,9\n4,0,3,1\n', { header: false, labelColumn: '0' });
    expect(data).toMatchObject({
      x: { shape: [3, 3] },
      classes: ['0', '4', '5'],
      labels: [2, 0, 1],
      columns: null,
    });
    expect(data.x.data[2]).toBe(7);
    expect(data.summary).toContain('3 rows, 3 features (no names in line 1); labels: 3 classes');
  });

  test('header: true reads them as names', async () => {
    const data = await load('label,0,1\n1,2,3\n', { header: true, labelColumn: 'label' });
    expect(data.columns).toEqual(['0', '1']);
  });

  test('a number does not find a name by its place, and the error says when it does', async () => {
    const { message, argument } = await failure(load('a,b\n1,2\n', { labelColumn: '1' }));
    expect(message).toContain('expected the label column "1", got columns a, b');
    expect(message).toContain('--no-header');
    expect(argument).toBe('labelColumn');
  });

  test.each([
    ['an empty first name', ',a,label\n0,1,x\n1,2,y\n'],
    ['the name that pandas gives it when it reads it', 'Unnamed: 0,a,label\n0,1,x\n1,2,y\n'],
    ['an empty name elsewhere', 'a,,label\n0,1,x\n1,2,y\n'],
  ])('%s is refused, and read with the columns named', async (_, text) => {
    const { message } = await failure(load(text, { labelColumn: 'label' }));
    expect(message).toContain('columns (--columns)');
    expect((await load(text, { labelColumn: 'label', columns: 'a' })).x.shape).toEqual([2, 1]);
  });

  test('the index column of pandas is called that', async () => {
    const { message } = await failure(load(',a\n0,1\n'));
    expect(message).toContain('line 1, column 0');
    expect(message).toContain('index=False');
  });

  test.each<[name: string, text: string, options: LoadDataOptions, message: string]>([
    ['a name twice', 'a,b,a\n1,2,3\n', {}, 'expected a name for each column, got "a" twice'],
    [
      'a column used twice',
      'a,b\n1,2\n',
      { columns: ['a', 'a'] },
      'expected every column used once, got column "a" twice',
    ],
    ['features that are the label', 'a,b\n1,2\n', { columns: 'a', labelColumn: 'a' }, 'column "a" twice'],
    [
      'no such target',
      'a,b\n1,2\n',
      { targetColumn: 'c' },
      'expected the target column "c", got columns a, b',
    ],
    ['a number beyond', 'a,b\n1,2\n', { labelColumn: 2 }, 'expected the label column 2, got columns a, b'],
    ['nothing but labels', 'kind\nx\n', { labelColumn: 'kind' }, 'at least one column of features, got none'],
  ])('%s', async (_, text, options, message) => {
    expect((await failure(load(text, options))).message).toContain(message);
  });
});

describe('cells and lines', () => {
  test.each(['0x10', '1_000', '1e', '0b1', 'Infinity', '1e999', '１', '1 2', '--1', '1.2.3', 'NaN', 'NA'])(
    '%s is no number',
    async (cell) => {
      const { message, code } = await failure(load(`a,b\n1,2\n3,"${cell}"\n`, { delimiter: ',' }));
      expect(message).toBe(
        `data in memory: line 3, column "b": expected a finite number, got ${JSON.stringify(cell)}`,
      );
      expect(code).toBe('ERR_INVALID_FILE');
    },
  );

  test.each([
    ['1,5', '; decimal: "," (--decimal ",") reads decimal commas'],
    [
      '1,234',
      '; decimal: "," (--decimal ",") reads decimal commas; separators of thousands have to be removed',
    ],
    ['-1,234,567.5', '; separators of thousands have to be removed'],
    ["12'345", '; separators of thousands have to be removed'],
  ])('%s: the error says what to do about the mark', async (cell, hint) => {
    const { message } = await failure(load(`a,b\n1,"${cell}"\n`, { delimiter: ',' }));
    expect(message).toBe(
      `data in memory: line 2, column "b": expected a finite number, got "${cell}"${hint}`,
    );
  });

  test('a point where commas are decimal marks', async () => {
    const { message } = await failure(load('a;b\n1,5;2.5\n', { decimal: ',', delimiter: ';' }));
    expect(message).toContain('got "2.5"; decimal: "." (--decimal .) reads decimal points');
  });

  test.each([
    ['an empty cell', 'a,b\n1,\n', 'line 2, column "b": expected a finite number, got an empty cell'],
    ['a cell of spaces', 'a,b\n1,   \n', 'line 2, column "b": expected a finite number, got an empty cell'],
    ['a quoted empty cell', 'a,b\n"",1\n', 'line 2, column "a": expected a finite number, got an empty cell'],
    ['after blank lines', 'a,b\n\n\n1,2\n\n3,x\n', 'line 6, column "b"'],
    ['after a quoted line break', '"a\nname",b\n1,2\n3,x\n', 'line 4, column "b"'],
    ['after both', 'a,"b\n\n2"\r\n\r\n1,2\r\n3,x\r\n', 'line 6, column "b\\n\\n2"'],
    ['without a header', '1,2\nx,4\n', 'line 2, column 0'],
    ['a short row', 'a,b\n1,2\n3\n', 'line 3: expected 2 cells, as in the first line, got 1'],
    ['a long row', 'a,b\n1,2,3\n', 'line 2: expected 2 cells, as in the first line, got 3'],
    ['an open quote', 'a,b\n1,"2\n3,4\n', 'a quote that is never closed'],
    [
      'a quote inside',
      'a,b\n1,2"x\n',
      'line 2: expected a table (CSV, TSV), got a quote inside an unquoted cell',
    ],
    [
      'text after a quote',
      'a,b\n"1"x,2\n',
      'line 2: expected a table (CSV, TSV), got text after a closing quote',
    ],
    ['an empty line in one column', 'a\n1\n\n2\n', 'before line 4: expected a cell, got an empty line'],
    ['names alone', 'a,b\n', 'expected at least one line of data, got none'],
    ['nothing', '', 'got an empty file'],
    ['empty lines alone', '\n\n', 'expected at least one line'],
  ])('%s', async (name, text, message) => {
    const options: LoadDataOptions = {
      delimiter: ',',
      ...(name === 'without a header' && { header: false }),
    };
    expect((await failure(load(text, options))).message).toContain(message);
  });

  test.each(['', ' ', 'nan', 'NaN'])('a label %j is missing, not a class', async (cell) => {
    const { message } = await failure(load(`a,k\n1,x\n2,${cell}\n`, { labelColumn: 'k' }));
    expect(message).toContain('line 3, column "k": expected a class');
  });
});
