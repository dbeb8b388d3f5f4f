'use strict';

/** What `npm run bench` leaves: results.json, results.md, and a bar chart a suite. */
const fs = require('node:fs');
const path = require('node:path');
const { compile } = require('vega-lite');
const { nameOf } = require('../dist/cli/bench/measure');
const { FONT, renderPng, renderSvg } = require('../dist/report/render');

/** Gives the files written. */
async function writeResults(folder, { machine, results }) {
  fs.mkdirSync(folder, { recursive: true });
  const files = [];
  const write = (name, content) => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, content);
    files.push(path.relative('', file));
  };
  write('results.json', `${JSON.stringify({ machine, results }, null, 2)}\n`);
  const charts = [];
  for (const suite of new Set(results.map((result) => result.suite))) {
    const svg = await renderSvg(
      chart(
        suite,
        results.filter((result) => result.suite === suite),
        machine,
      ),
    );
    write(`${suite}.svg`, svg);
    write(`${suite}.png`, renderPng(svg, 2));
    charts.push(`![${suite}](${suite}.svg)`);
  }
  write('results.md', `${markdown(machine, results)}\n${charts.join('\n\n')}\n`);
  return files;
}

function markdown(machine, results) {
  const rows = results.map((result) => [
    result.suite,
    result.case,
    nameOf(result),
    `${Number((1000 * result.seconds).toPrecision(3))}`,
    result.unit,
    result.gflops === null ? '' : result.gflops.toFixed(1),
    result.ratio === null ? '' : result.ratio.toFixed(1),
    result.error.toExponential(1),
    String(result.runs),
  ]);
  const head = [
    'suite',
    'case',
    'variant',
    'time (ms)',
    'a',
    'GFLOP/s',
    'times TypeScript',
    'largest error',
    'runs',
  ];
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  return [
    '# Benchmarks',
    '',
    `${machine.summary}, ${machine.date}. DGEMM 1000^3 on one thread: ${machine.dgemm.toFixed(1)} GFLOP/s.`,
    'Times are medians of the runs; ratios are to the TypeScript backend on as many threads, where that was run.',
    '',
    ...lines,
    '',
  ].join('\n');
}

/** Colours that the colour-blind can tell apart (Okabe and Ito). */
const COLOURS = { native: '#0072B2', mixed: '#56B4E9', typescript: '#E69F00', none: '#777777' };

/** Bars of speed against TypeScript, or of time where there may be nothing to compare with; a block a case. */
function chart(suite, results, machine) {
  const ofTime = suite === 'startup';
  const values = results
    .map((result) => ({ ...result, value: ofTime ? 1000 * result.seconds : result.ratio }))
    .filter(({ value }) => value !== null);
  const cases = [...new Set(values.map((result) => result.case))];
  const last = cases.at(-1);
  const title = ofTime
    ? 'milliseconds from the start of node to its end'
    : 'times as fast as the TypeScript backend on as many threads';
  const domain = [0, 1.1 * Math.max(...values.map(({ value }) => value))];
  return compile({
    background: 'white',
    padding: 12,
    title: {
      text: `deepntk ${machine.deepntk}: ${suite}`,
      subtitle: `${machine.summary}, ${machine.date}`,
      anchor: 'start',
      subtitleColor: '#444',
      offset: 14,
    },
    vconcat: cases.map((name) => ({
      title: { text: name, anchor: 'start', frame: 'group', fontSize: 11, fontWeight: 'normal', offset: 4 },
      width: 560,
      height: { step: 20 },
      data: {
        values: values
          .filter((result) => result.case === name)
          .map((result) => ({
            value: result.value,
            name: nameOf(result) || ' ',
            colour: COLOURS[result.precision === 'mixed' ? 'mixed' : (result.backend ?? 'none')],
          })),
      },
      encoding: {
        x: {
          field: 'value',
          type: 'quantitative',
          scale: { domain },
          axis: name === last ? { title } : { title: null, labels: false },
        },
        y: {
          field: 'name',
          type: 'nominal',
          title: null,
          sort: null,
          axis: { minExtent: 170, ticks: false },
        },
      },
      layer: [
        { mark: 'bar', encoding: { color: { field: 'colour', type: 'nominal', scale: null } } },
        {
          mark: { type: 'text', align: 'left', dx: 4 },
          encoding: { text: { field: 'value', type: 'quantitative', format: '.3~r' } },
        },
      ],
    })),
    config: { font: FONT, view: { stroke: null }, axis: { labelLimit: 300, gridColor: '#e4e4e4' } },
  }).spec;
}

module.exports = { writeResults };
