/** From a Vega specification to SVG, and from SVG to PNG. The libraries are large: they load when a picture is drawn. */
import { dirname, join } from 'node:path';

import type * as ResvgModule from '@resvg/resvg-js';
import type * as Vega from 'vega';
import type * as VegaLite from 'vega-lite';

import { loadPackage, resolvePackage } from './packages';

/** What SVG viewers are asked for. The first is the font that {@link renderPng} brings with it. */
export const FONT = 'DejaVu Sans, Verdana, Helvetica, Arial, sans-serif';

/** Draws a Vega specification; a letter after an underscore, as in "σ_w", becomes a subscript. */
export async function renderSvg(specification: Vega.Spec): Promise<string> {
  const vega = loadPackage('vega') as typeof Vega;
  const view = new vega.View(vega.parse(specification), { renderer: 'none', logLevel: vega.Error });
  try {
    return drawSubscripts(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Draws a Vega-Lite specification, as {@link renderSvg} does. */
export async function renderLite(specification: VegaLite.TopLevelSpec): Promise<string> {
  const { compile } = loadPackage('vega-lite') as typeof VegaLite;
  return renderSvg(compile(specification).spec);
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
  return svg.replace(/(<text[^>]*>)([^<]*)(<\/text>)/g, (_, open: string, text: string, close: string) => {
    const drawn = text.replace(
      /_(\p{L})(.)?/gu,
      (__, letter: string, next?: string) =>
        `<tspan font-size="70%" dy="0.3em">${letter}</tspan>` +
        (next === undefined ? '' : `<tspan dy="-0.21em">${next}</tspan>`),
    );
    return open + drawn + close;
  });
}
