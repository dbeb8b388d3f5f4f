/** The key to a logarithmic colour scale. */
import type { Mark } from 'vega';

import { colourBarUri, type LogColours } from './heat-map';
import { formatNumber, formatPower, formatTick, line, text } from './marks';

export interface ColourBar {
  readonly colours: LogColours;
  readonly height: number;
  readonly thickness: number;
  /** How many entries have no logarithm, and whether all of them are finite. */
  readonly hidden: number;
  readonly finite: boolean;
  /** Stands above the bar; Θ(x, x′) by default. */
  readonly title?: string;
}

interface Tick {
  readonly value: number;
  readonly label: string | null;
}

/** Labels nearer than this, in pixels, would touch. */
const NEAREST_LABELS = 20;

/** The bar with its ticks at (0, 0); its title above; below it, where needed, what grey stands for. */
export function colourBarMarks({
  colours,
  height,
  thickness,
  hidden,
  finite,
  title = 'Θ(x, x′)',
}: ColourBar): Mark[] {
  const [low, high] = colours.domain;
  const place = (value: number) => height * (1 - Math.log(value / low) / Math.log(high / low));
  const marks: Mark[] = [
    {
      type: 'image',
      encode: {
        enter: {
          url: { value: colourBarUri(colours) },
          width: { value: thickness },
          height: { value: height },
          aspect: { value: false },
        },
      },
    },
    {
      type: 'rect',
      encode: {
        enter: { width: { value: thickness }, height: { value: height }, stroke: { value: '#444' } },
      },
    },
    text(title, { x: 0, y: -16, size: 14, align: 'left' }),
  ];
  for (const { value, label } of chooseTicks(low, high, place)) {
    const y = place(value);
    marks.push(line(thickness, y, thickness + (label === null ? 3 : 6), y));
    if (label !== null) marks.push(text(label, { x: thickness + 10, y: y + 4.5, size: 12.5, align: 'left' }));
  }
  if (hidden > 0) {
    const [red, green, blue] = colours.neutral;
    marks.push(
      {
        type: 'rect',
        encode: {
          enter: {
            y: { value: height + 14 },
            width: { value: thickness },
            height: { value: thickness },
            fill: { value: `rgb(${red}, ${green}, ${blue})` },
            stroke: { value: '#444' },
          },
        },
      },
      text(finite ? '≤ 0' : '≤ 0, NaN, ∞', {
        x: thickness + 10,
        y: height + 27,
        size: 12.5,
        align: 'left',
      }),
      text(`${hidden} ${hidden === 1 ? 'entry' : 'entries'}`, {
        x: 0,
        y: height + 48,
        size: 12.5,
        align: 'left',
      }),
    );
  }
  return marks;
}

/**
 * Powers of ten with labels, and 2 .. 9 between them without; where fewer than two powers lie in the range, labels at 2
 * and 5 too, and at the two ends if that is still too few.
 */
function chooseTicks(low: number, high: number, place: (value: number) => number): Tick[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const inRange = (tick: Tick) => tick.value >= low && tick.value <= high;
  const powers = Array.from({ length: last - first + 1 }, (_, i): Tick => {
    const exponent = first + i;
    return { value: Number(`1e${exponent}`), label: formatPower(exponent, low > 1e-3 && high < 1e4) };
  });
  const between = (digits: readonly number[], labelled: boolean) =>
    powers.flatMap(({ value }) =>
      digits.map((digit): Tick => {
        const tick = Number((digit * value).toPrecision(1));
        return { value: tick, label: labelled ? formatTick(tick) : null };
      }),
    );
  const shown = powers.filter(inRange);
  if (shown.length >= 3) {
    const minor = last - first <= 6 ? between([2, 3, 4, 5, 6, 7, 8, 9], false).filter(inRange) : [];
    return [...minor, ...thinOut(shown, place)];
  }
  const figures = powers.map(({ value }): Tick => ({ value, label: formatTick(value) }));
  const candidates = [...figures, ...between([2, 5], true)].filter(inRange);
  const ends = [low, high].map((value): Tick => ({ value, label: formatNumber(value) }));
  const labelled = candidates.length >= 3 ? candidates : [...ends, ...candidates];
  return thinOut(labelled, place);
}

/** Leaves out labels that would touch one that stands before them in the list. */
function thinOut(ticks: readonly Tick[], place: (value: number) => number): Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks) {
    if (kept.every((other) => Math.abs(place(other.value) - place(tick.value)) >= NEAREST_LABELS)) {
      kept.push(tick);
    }
  }
  return kept;
}
