/** The histogram of Theta over its mean, on a logarithmic axis, with what each bin has in the second moment. */
import { expressionFunction, type Spec, type View } from 'vega';

import { format, powerOfTen } from './format';
import { type Colours, createView, keepPlot, type Size } from './plot';
import type { SampleReply } from './worker-messages';

export interface Histogram {
  show(reply: SampleReply): void;
}

expressionFunction('ratioLabel', (power: number) => ratioLabel(power));

export function createHistogram(place: HTMLElement): Histogram {
  let view: View | undefined;
  let last: SampleReply | undefined;
  const draw = (): void => {
    if (last === undefined) return;
    const { edges, probability, secondMomentShare } = last;
    const bins = Array.from(probability, (share, i) => ({
      from: edges[i]!,
      to: edges[i + 1]!,
      share,
      second: secondMomentShare[i]!,
    }));
    view
      ?.signal('range', [edges[0]!, edges.at(-1)!])
      .signal('ticks', ratioTicks(edges[0]!, edges.at(-1)!))
      .data('bins', bins)
      .run();
  };
  keepPlot(place, (size, colours) => {
    view?.finalize();
    view = createView(place, specification(size, colours), colours);
    draw();
  });
  return {
    show(reply) {
      last = reply;
      draw();
    },
  };
}

/** Places of ticks, as powers of ten, where the ratio is a round number. */
function ratioTicks(low: number, high: number): number[] {
  const decades = high - low;
  if (decades > 2.5) {
    const step = Math.ceil(decades / 7);
    const first = Math.ceil(low / step) * step;
    return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
  }
  const [from, to] = [10 ** low, 10 ** high];
  const mantissas = decades > 1 ? [1, 2, 5] : decades > 0.5 ? [1, 1.5, 2, 3, 4, 5, 7] : null;
  if (mantissas !== null) {
    const exponents = [-2, -1, 0, 1, 2, 3];
    const ratios = exponents.flatMap((exponent) => mantissas.map((mantissa) => mantissa * 10 ** exponent));
    return ratios.filter((ratio) => ratio >= from && ratio <= to).map(Math.log10);
  }
  const rough = (to - from) / 6;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const first = Math.ceil(from / step);
  const count = Math.floor(to / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Math.log10((first + i) * step));
}

function ratioLabel(power: number): string {
  const exponent = Math.round(power);
  if (Math.abs(exponent) >= 4 && Math.abs(power - exponent) < 1e-9) return powerOfTen(exponent);
  return format(Number((10 ** power).toPrecision(6)), 4);
}

function specification(size: Size, { bars, second, ink }: Colours): Spec {
  return {
    width: size.width,
    height: size.height,
    autosize: { type: 'fit', contains: 'padding' },
    padding: { left: 2, right: 12, top: 4, bottom: 2 },
    signals: [
      { name: 'range', value: [-1, 1] },
      { name: 'ticks', value: [] },
    ],
    data: [
      { name: 'bins' },
      {
        name: 'tallest',
        source: 'bins',
        transform: [
          { type: 'aggregate', fields: ['share', 'second'], ops: ['max', 'max'], as: ['share', 'second'] },
        ],
      },
    ],
    scales: [
      { name: 'x', type: 'linear', domain: { signal: 'range' }, range: 'width', zero: false, nice: false },
      {
        name: 'y',
        type: 'linear',
        domain: {
          fields: [{ data: 'tallest', field: 'share' }, { data: 'tallest', field: 'second' }, [0.001]],
        },
        range: 'height',
        nice: true,
        zero: true,
      },
    ],
    axes: [
      {
        scale: 'x',
        orient: 'bottom',
        title: 'Θ / E[Θ]',
        values: { signal: 'ticks' },
        encode: { labels: { update: { text: { signal: 'ratioLabel(datum.value)' } } } },
      },
      { scale: 'y', orient: 'left', title: 'share per bin', format: '~%', tickCount: 5, grid: true },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'bins' },
        encode: {
          update: {
            x: { scale: 'x', field: 'from', offset: 0.5 },
            x2: { scale: 'x', field: 'to', offset: -0.5 },
            y: { scale: 'y', field: 'share' },
            y2: { scale: 'y', value: 0 },
            fill: { value: bars },
          },
        },
      },
      {
        type: 'rule',
        encode: {
          update: {
            x: { scale: 'x', value: 0 },
            y: { value: 0 },
            y2: { signal: 'height' },
            stroke: { value: ink },
            strokeDash: { value: [5, 4] },
          },
        },
      },
      {
        type: 'text',
        encode: {
          update: {
            x: { scale: 'x', value: 0 },
            y: { value: -8 },
            text: { value: 'exact mean' },
            align: { value: 'center' },
            fontSize: { value: 12 },
          },
        },
      },
      {
        type: 'line',
        from: { data: 'bins' },
        encode: {
          update: {
            x: { scale: 'x', signal: '(datum.from + datum.to) / 2' },
            y: { scale: 'y', field: 'second' },
            stroke: { value: second },
            strokeWidth: { value: 2.5 },
            interpolate: { value: 'monotone' },
          },
        },
      },
    ],
  };
}
