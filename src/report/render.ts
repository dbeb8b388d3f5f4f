/** From a Vega specification to SVG, and from SVG to PNG. The libraries are large: they load when a picture is drawn. */
import { dirname, join } from 'node:path';

import type * as ResvgModule from '@resvg/resvg-js';
import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';

import { loadPackage, resolvePackage } from './packages';
import { textWidth } from './text-width';

/** What SVG viewers are asked for. The first is the font that {@link renderPng} brings with it. */
export const FONT = 'DejaVu Sans, Verdana, Helvetica, Arial, sans-serif';

/**
 * Loads everything that pictures need, so that what is missing shows before a long computation.
 *
 * @throws DeepntkError `ERR_MISSING_PACKAGE`
 */
export function expectPlotting(): void {
  ['vega', 'vega-lite', '@resvg/resvg-js'].forEach(loadPackage);
  resolvePackage('dejavu-fonts-ttf/package.json');
}

/** What the types of Vega leave out. */
interface VegaInternals {
  readonly textMetrics: { width: (item: TextItem, text: unknown) => number };
  readonly resetSVGClipId: () => void;
  readonly resetSVGDefIds: () => void;
}

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** Draws a Vega specification; a letter after an underscore, as in "σ_w", becomes a subscript. */
export function renderSvg(specification: Vega.Spec): Promise<string> {
  const drawn = queue.then(() => draw(specification));
  queue = drawn.catch(() => undefined);
  return drawn;
}

/** Pictures are drawn one after another: how wide texts are is one setting for all of Vega. */
let queue: Promise<unknown> = Promise.resolve();

async function draw(specification: Vega.Spec): Promise<string> {
  const vega = loadPackage('vega') as typeof Vega & VegaInternals;
  const view = new vega.View(vega.parse(specification), { renderer: 'none', logLevel: vega.Error });
  const { textMetrics } = vega;
  const widthBefore = textMetrics.width;
  textMetrics.width = ({ fontSize = 11, fontWeight }, text) =>
    textWidth(String(text), fontSize, fontWeight === 'bold' || Number(fontWeight) >= 600);
  try {
    await view.runAsync();
    // Else the ids in a picture would count the pictures before it.
    vega.resetSVGClipId();
    vega.resetSVGDefIds();
    return drawSubscripts(await view.toSVG());
  } finally {
    textMetrics.width = widthBefore;
    view.finalize();
  }
}

/** Draws a Vega-Lite specification, as {@link renderSvg} does. */
export async function renderLite(specification: VegaLite.TopLevelSpec): Promise<string> {
  const { compile } = loadPackage('vega-lite') as typeof VegaLite;
  const vega = loadPackage('vega') as typeof Vega;
  // Warnings would go to the user's console.
  return renderSvg(compile(specification, { logger: vega.logger(vega.Error) }).spec);
}

/**
 * Rasterizes an SVG picture on white, with the DejaVu fonts of this package, so that it looks the same on every machine.
 *
 * @param scale pixels of the result for one pixel of the SVG
 */
export function renderPng(svg: string, scale: number): Uint8Array {
  const { Resvg } = loadPackage('@resvg/resvg-js') as typeof ResvgModule;
  const fonts = join(dirname(resolvePackage('dejavu-fonts-ttf/package.json')), 'ttf');
  const options: ResvgModule.ResvgRenderOptions = {
    background: 'white',
    fitTo: { mode: 'zoom', value: scale },
    font: {
      loadSystemFonts: false,
      fontFiles: [join(fonts, 'DejaVuSans.ttf'), join(fonts, 'DejaVuSans-Bold.ttf')],
      defaultFontFamily: 'DejaVu Sans',
    },
  };
  return new Uint8Array(new Resvg(svg, options).render().asPng());
}

/** The colours of a continuous Vega scheme: 0 .. 1 to [red, green, blue], each 0 .. 255. */
export function colourScheme(name: string): (position: number) => [red: number, green: number, blue: number] {
  const { scheme } = loadPackage('vega') as typeof Vega;
  const interpolate = (scheme as (name: string) => (position: number) => string)(name);
  return (position) => {
    const numbers = interpolate(position).match(/\d+/g)!;
    return [Number(numbers[0]), Number(numbers[1]), Number(numbers[2])];
  };
}

function drawSubscripts(svg: string): string {
  return svg.replace(/>([^<>]*_\p{L}[^<>]*)</gu, (_, text: string) => {
    const drawn = text.replace(
      /_(\p{L})(.)?/gu,
      (__, letter: string, next?: string) =>
        `<tspan font-size="70%" dy="0.3em">${letter}</tspan>` +
        (next === undefined ? '' : `<tspan dy="-0.21em">${next}</tspan>`),
    );
    return `>${drawn}<`;
  });
}
