/** A diagnosis as one page of HTML: a single file without scripts, for the screen (light, dark, phone) and for paper. */
import type { Criterion, Diagnosis } from '../diagnosis';
import { invalidArgument } from '../errors';
import { percent } from '../diagnosis/verdict';
import { list, paragraph, text } from './diagnosis/html';
import {
  adviceSection,
  initializationSection,
  kernelSection,
  methodSection,
  phaseSection,
  trainingSection,
} from './diagnosis/sections';
import { STYLE } from './diagnosis/style';
import { dataWords, lawWords, netWords } from './diagnosis/words';
import { expectPackages } from './packages';

/** What the pictures of a page are drawn with. */
export const PAGE_PACKAGES = ['vega', 'vega-lite', 'pngjs'];

/**
 * Draws the page of a diagnosis.
 *
 * @returns a whole HTML document, which refers to nothing outside of it
 * @throws DeepntkError `ERR_MISSING_PACKAGE` where vega, vega-lite or pngjs is not installed
 * @example writeFileSync('report.html', await diagnosisPage(await diagnose(spec, { x, labels })))
 */
export async function diagnosisPage(diagnosis: Diagnosis): Promise<string> {
  const given = diagnosis as Partial<Diagnosis> | null | undefined;
  if (typeof given?.net !== 'object' || typeof given.kernel !== 'object')
    throw invalidArgument('diagnosisPage', 'what diagnose returned', diagnosis);
  expectPackages(PAGE_PACKAGES);
  const { net, verdict } = diagnosis;
  const title = `${netWords(net)} ReLU net`;
  const sections = [
    phaseSection(diagnosis),
    await initializationSection(diagnosis),
    await kernelSection(diagnosis),
    await trainingSection(diagnosis),
    adviceSection(diagnosis),
    methodSection(diagnosis),
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>deepntk diagnosis: ${title}</title>`,
    `<style>${STYLE}</style></head><body><main>`,
    `<header><p class="kind">deepntk diagnosis${diagnosis.quick ? ' (quick)' : ''}</p><h1>${text(title)}</h1>`,
    `<p class="data">${text(`${lawWords(net)}. ${dataWords(diagnosis.data)}.`)}</p></header>`,
    `<div class="verdict ${verdict.answer}"><h2><span aria-hidden="true">${SIGNS[verdict.answer]}</span> ${text(verdict.sentence)}</h2>`,
    `${paragraph(CONSEQUENCES[verdict.answer])}</div>`,
    `<ul class="criteria">${verdict.criteria.map(criterionCard).join('')}</ul>`,
    diagnosis.warnings.length === 0 ? '' : `<div class="note" role="note">${list(diagnosis.warnings)}</div>`,
    ...sections,
    `<footer>deepntk ${diagnosis.version}</footer>`,
    '</main></body></html>\n',
  ].join('\n');
}

const SIGNS = { describes: '✓', 'initialization-only': '◐', 'does-not': '✕' } as const;

const CONSEQUENCES = {
  describes:
    'Its kernel is the deterministic one of theory, and stays what it is in training: kernel regression with it tells how the net learns.',
  'initialization-only':
    'At the start its kernel is the deterministic one of theory. Training changes it, so that predictions from the initial kernel hold for a while only.',
  'does-not':
    'Its kernel is a random one, or another one than in theory: conclusions from the infinite-width kernel do not carry over.',
} as const;

const NAMES: Readonly<Record<Criterion['name'], string>> = {
  spread: 'Spread over initializations',
  distance: 'Distance from infinite width',
  kernelChange: 'Movement in training',
};

function criterionCard({ name, value, limit, holds, sentence }: Criterion): string {
  const status = holds ? '✓ within' : '✕ beyond';
  return (
    `<li><span class="name">${NAMES[name]}</span><span class="value">${value === null ? '–' : percent(value)}</span>` +
    `<span class="status ${holds ? 'holds' : 'fails'}">${status} the bound of ${percent(limit)}</span><span class="reason">${text(sentence)}</span></li>`
  );
}
