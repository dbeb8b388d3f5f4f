import { PNG } from 'pngjs';

import { heatMapUri, positiveRange } from '../../src/report/heat-map';
import { drawKernels, type KernelPictureOptions } from '../../src/report/kernel-picture';
import { formatNumber, formatTick } from '../../src/report/marks';
import { colourScheme } from '../../src/report/render';

const matrix = (n: number, entry: (i: number, j: number) => number) => ({
  data: Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n)),
  shape: [n, n],
});
const kernel = matrix(6, (i, j) => (i === j ? 100 : 10));
const labels = [0, 0, 1, 1, 2, 2];

/** The texts of a picture; a subscript is joined to what it belongs to. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, content]) =>
    content!.replace(/<[^>]*>/g, ''),
  );
}

function imagesOf(svg: string): PNG[] {
  return [...svg.matchAll(/data:image\/png;base64,([^"]*)/g)].map(([, data]) =>
    PNG.sync.read(Buffer.from(data!, 'base64')),
  );
}

function pixel(picture: PNG, row: number, column: number): number[] {
  return Array.from(picture.data.subarray(4 * (row * picture.width + column)).subarray(0, 3));
}

test('every panel has its title, its ratio and its range; the bar has its ticks', async () => {
  const { svg } = await drawKernels(
    [
      { kernel, title: 'σ_w² = 1', subtitle: 'ordered' },
      { kernel: matrix(6, (i, j) => (i === j ? 5000 : 1)), title: 'σ_w² = 2' },
    ],
    { labels, title: 'Two kernels' },
  );
  const texts = textsOf(svg);
  expect(texts).toEqual(
    expect.arrayContaining([
      'Two kernels',
      'σw² = 1',
      'ordered',
      'σw² = 2',
      'off-diagonal / diagonal = 0.100',
      'mean of the diagonal = 5,000',
      'entries from 10.0 to 100',
      'class of the input x′',
      'class of the input x',
      'Θ(x, x′)',
      '1',
      '10',
      '100',
      '1000',
    ]),
  );
  expect(texts.join()).not.toContain('≤ 0');
});

test('the PNG has two pixels for each of the SVG, and is not blank', async () => {
  const { svg, png } = await drawKernels([{ kernel, title: 'A' }], { labels });
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!;
  const picture = PNG.sync.read(Buffer.from(png));
  expect([picture.width, picture.height]).toEqual([2 * Number(width), 2 * Number(height)]);
  // Fonts and matrix: the corner is white, the middle of the matrix is not.
  expect(pixel(picture, 0, 0)).toEqual([255, 255, 255]);
  expect(pixel(picture, 2 * 200, 2 * 200)).not.toEqual([255, 255, 255]);
});

test('texts are drawn without any font of the machine', async () => {
  const blank = await drawKernels([{ kernel, title: ' ' }], { labels });
  const titled = await drawKernels([{ kernel, title: 'WWWWWWWW' }], { labels });
  const top = ({ png }: { png: Uint8Array }) => {
    const picture = PNG.sync.read(Buffer.from(png));
    return picture.data.subarray(0, 4 * picture.width * 110).filter((byte) => byte < 128).length;
  };
  expect(top(titled)).toBeGreaterThan(top(blank) + 500);
});

test('entries have the colours of a logarithmic scale', () => {
  const colourAt = colourScheme('viridis');
  const uri = heatMapUri({ data: Float64Array.of(1, 10, 100, 0), shape: [2, 2] }, [0, 1], [0, 1], {
    domain: [1, 100],
    colourAt,
    neutral: [190, 190, 190],
  });
  const picture = PNG.sync.read(Buffer.from(uri.split(',')[1]!, 'base64'));
  const [far, near] = [picture.width - 1, 0];
  expect(pixel(picture, near, near)).toEqual([...colourAt(0)]);
  expect(pixel(picture, near, far)).toEqual([...colourAt(0.5)]);
  expect(pixel(picture, far, near)).toEqual([...colourAt(1)]);
  expect(pixel(picture, far, far)).toEqual([190, 190, 190]);
});

test('inputs are drawn in the order of their classes', async () => {
  const shuffled = [2, 0, 1, 0, 2, 1];
  const order = [1, 3, 2, 5, 0, 4];
  const sortedKernel = matrix(6, (i, j) => 1 + i + 10 * j);
  const shuffledKernel = matrix(6, (i, j) => 1 + order.indexOf(i) + 10 * order.indexOf(j));
  const sorted = await drawKernels([{ kernel: sortedKernel, title: 'A' }], { labels });
  const unsorted = await drawKernels([{ kernel: shuffledKernel, title: 'A' }], { labels: shuffled });
  expect(unsorted.svg).toBe(sorted.svg);
});

test.each([
  ['a negative entry', -1, '≤ 0'],
  ['a zero', 0, '≤ 0'],
  ['NaN', NaN, '≤ 0, NaN, ∞'],
  ['infinity', Infinity, '≤ 0, NaN, ∞'],
])('%s is drawn grey, and the picture says so', async (_, value, key) => {
  const { svg } = await drawKernels([{ kernel: matrix(3, (i, j) => (i + j === 0 ? value : 7)), title: 'A' }]);
  expect(textsOf(svg)).toEqual(expect.arrayContaining([key, '1 entry', '3 inputs x′']));
  expect(pixel(imagesOf(svg)[0]!, 0, 0)).toEqual([190, 190, 190]);
});

test.each([
  ['kernels of one value', () => 3],
  ['kernels of zeros', () => 0],
  ['kernels over the whole range of float64', (i: number) => 10 ** (300 - 120 * i)],
])('%s can be drawn', async (_, entry) => {
  const { svg, png } = await drawKernels([{ kernel: matrix(5, entry), title: 'A' }]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(png.length).toBeGreaterThan(1000);
});

test("N x N' kernels have labels of their own on either side, and no ratio", async () => {
  const { svg } = await drawKernels(
    [{ kernel: { data: new Float64Array(6).fill(2), shape: [2, 3] }, title: 'A' }],
    {
      labels: ['cat', 'dog'],
      columnLabels: [7, 8, 9],
    },
  );
  const texts = textsOf(svg);
  expect(texts).toEqual(expect.arrayContaining(['cat', 'dog', '7', '8', '9']));
  expect(texts.join()).not.toContain('off-diagonal');
});

test('a long title shrinks instead of leaving the picture', async () => {
  const { png } = await drawKernels([{ kernel, title: 'A' }], {
    title: 'The kernel of many nets, NTK. '.repeat(4),
  });
  const picture = PNG.sync.read(Buffer.from(png));
  for (let row = 0; row < 80; row++) {
    expect(pixel(picture, row, 4)).toEqual([255, 255, 255]);
    expect(pixel(picture, row, picture.width - 5)).toEqual([255, 255, 255]);
  }
});

test.each([
  [[], {}, 'at least one panel'],
  [
    [{ kernel: { data: new Float64Array(3), shape: [2, 2] }, title: 'A' }],
    {},
    'panels[0].kernel.data: expected 4 entries for shape [2, 2], got 3',
  ],
  [
    [
      { kernel, title: 'A' },
      { kernel: matrix(2, () => 1), title: 'B' },
    ],
    {},
    'kernels of one shape, got [6, 6] and [2, 2]',
  ],
  [[{ kernel, title: 'A' }], { labels: [1, 2] }, 'labels: expected 6 labels'],
  [[{ kernel, title: 'A' }], { label: labels }, 'unknown option "label"'],
])('what does not fit together is refused: %#', async (panels, options, message) => {
  await expect(drawKernels(panels, options as KernelPictureOptions)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining(message) as string,
  });
});

test('numbers are written as people write them', () => {
  expect([0.0123, 4.56, 12345, -3, 1.234e9, 1e-7, 0].map(formatNumber)).toEqual([
    '0.0123',
    '4.56',
    '12,300',
    '−3.00',
    '1.23 · 10⁹',
    '1.00 · 10⁻⁷',
    '0.00',
  ]);
  expect([0.02, 5, 200, 20000].map(formatTick)).toEqual(['0.02', '5', '200', '20,000']);
  expect(positiveRange([{ data: Float64Array.of(-5, 0, 2, NaN, 8), shape: [5] }])).toEqual([2, 8]);
});
