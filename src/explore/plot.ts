/** A Vega view that fits its place on the page, in the page's colours, and is redrawn when either changes. */
import { type Config, Error as ERROR_LEVEL, parse, type Spec, View } from 'vega';

export interface Colours {
  readonly card: string;
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly accent: string;
  readonly bars: string;
  readonly second: string;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Calls `make` now, and when the place has another size or the page other colours. */
export function keepPlot(place: HTMLElement, make: (size: Size, colours: Colours) => void): void {
  const draw = (): void => {
    make({ width: place.clientWidth, height: place.clientHeight }, pageColours());
  };
  let drawn = place.clientWidth;
  new ResizeObserver(() => {
    if (place.clientWidth === drawn) return;
    drawn = place.clientWidth;
    draw();
  }).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  draw();
}

export function createView(place: HTMLElement, specification: Spec, colours: Colours): View {
  const { ink, muted, line } = colours;
  const font = getComputedStyle(document.body).fontFamily;
  const config: Config = {
    background: 'transparent',
    axis: {
      domainColor: muted,
      tickColor: muted,
      gridColor: line,
      labelColor: muted,
      titleColor: ink,
      labelFont: font,
      titleFont: font,
      labelFontSize: 12,
      titleFontSize: 13,
      titleFontWeight: 'normal',
    },
    text: { font, fill: ink },
  };
  const view = new View(parse(specification, config), {
    renderer: 'canvas',
    container: place,
    logLevel: ERROR_LEVEL,
  });
  // The place has a role and a label of its own.
  place.removeAttribute('aria-roledescription');
  return view;
}

function pageColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const names = ['card', 'ink', 'muted', 'line', 'accent', 'bars', 'second'] as const;
  return Object.fromEntries(
    names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  ) as Record<(typeof names)[number], string>;
}
