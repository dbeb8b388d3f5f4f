'use strict';

/**
 * From a sweep to a figure: how the dispersion of the kernel grows with depth in the three phases, the exact formula drawn over
 * estimates with their 99 % intervals.
 *
 *     node examples/dispersion-figure.js [folder]                              writes dispersion.csv, .svg and .png
 *
 * What it shows: `momentsByDepth` gives a whole curve in one pass; `estimateDispersion` gives points whose intervals can be believed,
 * also where plain Monte Carlo would silently miss most of the second moment (the chaotic net at 200 layers).
 */
const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const { Resvg } = require('@resvg/resvg-js');
const { createSpec, estimateDispersion, momentsByDepth } = require('deepntk');
const vega = require('vega');
const vegaLite = require('vega-lite');

const FOLDER = process.argv[2] ?? path.join(__dirname, '..', 'demo');
const WIDTH = 100;
const DEPTHS = [1, 5, 10, 25, 50, 100, 200];
const PHASES = [
  { weightVariance: 1.6, phase: 'ordered, σ² = 1.6' },
  { weightVariance: 2, phase: 'edge of chaos, σ² = 2' },
  { weightVariance: 2.4, phase: 'chaotic, σ² = 2.4' },
];

main().catch((error) => {
  console.error(`dispersion-figure: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  const rows = [];
  const curves = [];
  for (const { weightVariance, phase } of PHASES) {
    const net = { inputDim: WIDTH, width: WIDTH, weightVariance };
    momentsByDepth(createSpec({ ...net, depth: DEPTHS.at(-1) })).forEach(({ dispersion }, depth) => {
      if (depth > 0) curves.push({ phase, depth, dispersion });
    });
    for (const depth of DEPTHS) {
      const spec = createSpec({ ...net, depth });
      const { dispersion, confidenceInterval, exact, sampler, warnings } = await estimateDispersion(spec, {
        replicas: 3000,
        seed: 1,
      });
      const [low, high] = confidenceInterval;
      rows.push({ phase, weightVariance, depth, dispersion, low, high, exact, sampler });
      for (const warning of warnings) console.warn(`depth ${depth}, ${phase}: ${warning}`);
    }
  }
  const inside = rows.filter(({ low, high, exact }) => low <= exact && exact <= high).length;
  console.log(`the exact dispersion lies in ${inside} of ${rows.length} intervals of 99 %`);

  mkdirSync(FOLDER, { recursive: true });
  const columns = Object.keys(rows[0]);
  const lines = rows.map((row) => columns.map((name) => JSON.stringify(row[name])).join(','));
  write('dispersion.csv', `${columns.join(',')}\n${lines.join('\n')}\n`);
  const svg = await draw(rows, curves);
  write('dispersion.svg', svg);
  write('dispersion.png', rasterize(svg));
}

function write(name, content) {
  const file = path.join(FOLDER, name);
  writeFileSync(file, content);
  console.log(path.relative(process.cwd(), file));
}

async function draw(rows, curves) {
  const x = {
    field: 'depth',
    type: 'quantitative',
    title: 'depth (hidden layers)',
    scale: { type: 'log', domain: [0.9, 230], nice: false },
    axis: { values: [1, 2, 5, 10, 20, 50, 100, 200] },
  };
  const y = {
    type: 'quantitative',
    title: 'dispersion E[Θ²] / E[Θ]²',
    scale: { type: 'log', domain: [0.9, 12_000], nice: false },
    axis: { values: [1, 2, 5, 10, 100, 1000, 10_000], format: ',' },
  };
  const colour = {
    field: 'phase',
    type: 'nominal',
    title: null,
    scale: { domain: PHASES.map(({ phase }) => phase), range: ['#0072b2', '#009e73', '#d55e00'] },
    legend: { orient: 'top-left', symbolType: 'circle', labelFontSize: 13, labelLimit: 0, symbolOpacity: 1 },
  };
  const specification = {
    width: 560,
    height: 380,
    padding: 12,
    background: 'white',
    title: {
      text: `Dispersion of the NTK over initializations at width ${WIDTH}`,
      subtitle: 'lines: exact; points: 3000 nets each, with intervals of 99 %',
      anchor: 'start',
      fontSize: 16,
      subtitleFontSize: 13,
      offset: 14,
    },
    layer: [
      {
        data: { values: curves },
        mark: { type: 'line' },
        encoding: { x, y: { ...y, field: 'dispersion' }, color: colour },
      },
      {
        data: { values: rows },
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: colour },
      },
      {
        data: { values: rows },
        mark: { type: 'point', filled: true, size: 45, opacity: 1 },
        encoding: { x, y: { ...y, field: 'dispersion' }, color: colour },
      },
    ],
    config: {
      font: 'DejaVu Sans, Verdana, Arial, sans-serif',
      axis: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: 'normal', gridColor: '#e8e8e8' },
    },
  };
  const view = new vega.View(vega.parse(vegaLite.compile(specification).spec), { renderer: 'none' });
  return view.toSVG();
}

/** With a font that comes from a package, so that the picture is the same on every machine. */
function rasterize(svg) {
  const fonts = path.join(path.dirname(require.resolve('dejavu-fonts-ttf/package.json')), 'ttf');
  const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => path.join(fonts, name));
  return new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: 'DejaVu Sans' },
  })
    .render()
    .asPng();
}
