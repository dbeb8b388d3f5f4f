/** Several kernel matrices side by side, in one picture with one colour bar. */
import type { GroupMark, Mark, Spec } from 'vega';

import { type ArrayInput, type ClassLabels, readArray } from '../array-input';
import { describeShape, expectList, expectOptions, invalidArgument, mismatch } from '../errors';
import { summarizeKernel } from '../kernel/statistics';
import type { NdArray } from '../ndarray';
import { axisMarks, classRuns, type ClassRun, expectText } from './class-axis';
import { colourBarMarks } from './colour-bar';
import { countHidden, heatMapUri, type LogColours, positiveRange } from './heat-map';
import { fittingSize, formatNumber, text } from './marks';
import { colourScheme, FONT, renderPng, renderSvg } from './render';

/** One matrix of a picture. */
export interface KernelPanel {
  /** N x N' (trace, mean or sum-of-logits); entries <= 0 are drawn grey. */
  readonly kernel: ArrayInput;
  /** Stands above the matrix; "_w" is drawn as a subscript. */
  readonly title: string;
  /** A second, smaller line, such as the phase. */
  readonly subtitle?: string;
}

/** What a picture says besides its matrices. */
export interface KernelPictureOptions {
  /** Stands above all matrices. */
  readonly title?: string;
  /** The classes of the N inputs of the rows; rows are drawn in the order of their classes. */
  readonly labels?: ClassLabels;
  /** The classes of the N' inputs of the columns; `labels` by default. */
  readonly columnLabels?: ClassLabels;
}

/** A picture in two formats. */
export interface KernelPicture {
  readonly svg: string;
  /** The same, two pixels for each of the SVG's. */
  readonly png: Uint8Array;
}

/** Edge of a matrix, and distances around it, in pixels. */
const SIDE = 300;
const GAP = 26;
const MARGIN = { left: 62, top: 58, bottom: 66, summary: 56 };
const TITLE_HEIGHT = 40;
const BAR = { gap: 30, thickness: 16, labels: 78 };
/** Far from every colour of the scheme, which has no grey. */
const NEUTRAL = [190, 190, 190] as const;

/**
 * Draws kernels as heat maps on one logarithmic scale, with the ratio of their mean off-diagonal to their mean diagonal
 * entry below each square one.
 *
 * @param panels at least one; all of the same N x N'
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where shapes or labels do not fit together
 * @example const { svg, png } = await drawKernels([{ kernel, title: 'σ_w² = 2' }], { labels });
 */
export async function drawKernels(
  panels: readonly KernelPanel[],
  options: KernelPictureOptions = {},
): Promise<KernelPicture> {
  const svg = await renderSvg(kernelSpecification(panels, options));
  return { svg, png: renderPng(svg, 2) };
}

function kernelSpecification(panels: readonly KernelPanel[], options: KernelPictureOptions): Spec {
  expectOptions('drawKernels', options, ['title', 'labels', 'columnLabels']);
  if (options.title !== undefined) expectText('drawKernels: title', options.title);
  const read = readPanels(panels);
  const [n = 0, n2 = 0] = read[0]!.kernel.shape;
  const rows = classRuns('drawKernels: labels', options.labels, n);
  const columnLabels = options.columnLabels ?? (n === n2 ? options.labels : undefined);
  const columns = classRuns('drawKernels: columnLabels', columnLabels, n2);
  const colours: LogColours = {
    domain: positiveRange(read.map((panel) => panel.kernel)),
    colourAt: colourScheme('viridis'),
    neutral: NEUTRAL,
  };
  const hidden = read.reduce((sum, { kernel }) => sum + countHidden(kernel), 0);
  const finite = read.every(({ kernel }) => kernel.data.every(Number.isFinite));

  const top = MARGIN.top + (options.title === undefined ? 0 : TITLE_HEIGHT);
  const barX = MARGIN.left + read.length * (SIDE + GAP) - GAP + BAR.gap;
  const width = barX + BAR.thickness + BAR.labels;
  const marks: Mark[] = read.map((panel, index) =>
    panelMarks(panel, index, { x: MARGIN.left + index * (SIDE + GAP), y: top }, rows, columns, colours),
  );
  marks.push({
    type: 'group',
    encode: { enter: { x: { value: barX }, y: { value: top } } },
    marks: colourBarMarks({ colours, height: SIDE, thickness: BAR.thickness, hidden, finite }),
  });
  if (options.title !== undefined) {
    marks.push(
      text(options.title, {
        x: width / 2,
        y: 26,
        size: fittingSize(options.title, width - 20, 17),
        bold: true,
      }),
    );
  }
  return {
    $schema: 'https://vega.github.io/schema/vega/v5.json',
    description: read.map(({ title, subtitle }) => `${title} ${subtitle ?? ''}`.trim()).join('; '),
    width,
    height: top + SIDE + MARGIN.bottom + (read.every(({ kernel }) => square(kernel)) ? MARGIN.summary : 0),
    padding: 0,
    autosize: 'none',
    background: 'white',
    config: { text: { font: FONT } },
    marks,
  };
}

/** A panel whose kernel has been read. */
interface ReadPanel extends Pick<KernelPanel, 'title' | 'subtitle'> {
  readonly kernel: NdArray;
}

function readPanels(panels: readonly KernelPanel[]): readonly ReadPanel[] {
  const list = expectList('drawKernels: panels', panels, 'a list of panels { kernel, title }');
  const read = list.map((panel, index): ReadPanel => {
    const where = `drawKernels: panels[${index}]`;
    const { kernel, title, subtitle } = (panel ?? {}) as {
      kernel?: unknown;
      title?: unknown;
      subtitle?: unknown;
    };
    const array = readArray(`${where}.kernel`, kernel);
    if (array.shape.length !== 2 || array.data.length === 0)
      throw mismatch(`${where}.kernel`, "N x N'", `shape ${describeShape(array.shape)}`);
    return {
      kernel: array,
      title: expectText(`${where}.title`, title),
      ...(subtitle !== undefined && { subtitle: expectText(`${where}.subtitle`, subtitle) }),
    };
  });
  const [first] = read;
  if (first === undefined) throw invalidArgument('drawKernels: panels', 'at least one panel', panels);
  const other = read.find(({ kernel }) => String(kernel.shape) !== String(first.kernel.shape));
  if (other !== undefined) {
    const shapes = [first, other].map(({ kernel }) => describeShape(kernel.shape)).join(' and ');
    throw mismatch('drawKernels: panels', 'kernels of one shape', shapes);
  }
  return read;
}

function panelMarks(
  panel: ReadPanel,
  index: number,
  at: { readonly x: number; readonly y: number },
  rows: ClassRun[],
  columns: ClassRun[],
  colours: LogColours,
): GroupMark {
  const url = heatMapUri(
    panel.kernel,
    rows.flatMap((run) => run.inputs),
    columns.flatMap((run) => run.inputs),
    colours,
  );
  const lines = square(panel.kernel) ? summaryLines(panel.kernel) : [];
  return {
    type: 'group',
    encode: { enter: { x: { value: at.x }, y: { value: at.y } } },
    marks: [
      {
        type: 'image',
        encode: {
          enter: {
            url: { value: url },
            width: { value: SIDE },
            height: { value: SIDE },
            aspect: { value: false },
            smooth: { value: false },
          },
        },
      },
      {
        type: 'rect',
        encode: {
          enter: { width: { value: SIDE }, height: { value: SIDE }, stroke: { value: '#444' } },
        },
      },
      ...axisMarks('x', columns, SIDE),
      ...axisMarks('y', rows, SIDE, { titled: index === 0 }),
      text(panel.title, {
        x: SIDE / 2,
        y: panel.subtitle === undefined ? -12 : -30,
        size: fittingSize(panel.title, SIDE, 16),
        bold: true,
      }),
      ...(panel.subtitle === undefined
        ? []
        : [text(panel.subtitle, { x: SIDE / 2, y: -10, size: fittingSize(panel.subtitle, SIDE, 14) })]),
      ...lines.map((line, i) =>
        text(line, { x: SIDE / 2, y: SIDE + 68 + 20 * i, size: 13.5, bold: i === 0 }),
      ),
    ],
  };
}

function square({ shape }: NdArray): boolean {
  return shape[0] === shape[1] && shape[0]! > 1;
}

function summaryLines(kernel: NdArray): string[] {
  const { offDiagonalRatio, meanDiagonal, smallest, largest } = summarizeKernel(kernel);
  return [
    `off-diagonal / diagonal = ${Number.isFinite(offDiagonalRatio) ? offDiagonalRatio.toFixed(3) : '–'}`,
    `mean of the diagonal = ${formatNumber(meanDiagonal)}`,
    `entries from ${formatNumber(smallest)} to ${formatNumber(largest)}`,
  ];
}
