/** The page: what is moved changes the net, the net changes what is shown. Heavy work is the workers'. */
import { type Moments, moments, version } from 'deepntk/browser';

import { createControls, element } from './controls';
import { createDiagram, createLegend, diagramRequest, type Place } from './diagram';
import { specOf } from './explored-spec';
import { format, percent, withError } from './format';
import { createHistogram } from './histogram';
import { type ExploredNet, fromLink, NUMBERS, toLink } from './link';
import { describeNet } from './words';
import type { DiagramReply, Reply, Request, SampleReply } from './worker-messages';

/** The worker's program, put in by the build. */
declare const WORKER_PROGRAM: string;

/** Layers of all replicas together that are sampled, about a second of work. */
const LAYERS = 3e6;
const REPLICAS = { min: 3000, max: 40_000 };
/** Milliseconds without a move after which the link is written, the result read out, and colours computed. */
const QUIET = 250;

let net: ExploredNet;
let written = '';
let requests = 0;
let frame = 0;
const sampler = startWorker((reply) => {
  if (reply.kind === 'sample')
    later(() => {
      showSample(reply);
    });
});
const painter = startWorker((reply) => {
  if (reply.kind === 'diagram') showColours(reply);
});
const controls = createControls(change);
const diagram = createDiagram(element('diagram'), pointAt);
const histogram = createHistogram(element('histogram'));
createLegend(element('legend'));
let coloured: Partial<ExploredNet> = {};
let wantedSample = 0;
let wantedColours = 0;
let announcement = '';

element('version').textContent = version;
addEventListener('hashchange', () => {
  if (location.hash.slice(1) !== written) readLink();
});
readLink();

function readLink(): void {
  const link = location.hash.length > 1 ? location.hash : (document.documentElement.dataset['link'] ?? '');
  const { net: linked, complaints } = fromLink(link);
  const place = element('complaints');
  place.hidden = complaints.length === 0;
  place.textContent =
    complaints.length === 0 ? '' : `Of this link: ${complaints.join('; ')}. Presets are shown instead.`;
  net = linked;
  show();
}

function change(wanted: Partial<ExploredNet>): void {
  net = { ...net, ...wanted };
  show();
}

/** Everything that a move changes, once a frame at most. */
function show(): void {
  if (frame !== 0) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    const exact = moments(specOf(net), { inputNorm2: net.inputNorm2 });
    controls.show(net);
    showNumbers(exact);
    diagram.show(net);
    const replicas = Math.round(Math.min(REPLICAS.max, Math.max(REPLICAS.min, LAYERS / net.depth)));
    sampler.postMessage({ kind: 'sample', id: (wantedSample = ++requests), net, replicas });
    afterMoves();
  });
}

const afterMoves = whenQuiet(() => {
  written = toLink(net);
  history.replaceState(null, '', `#${written}`);
  element('announcement').textContent = announcement;
  element('diagram').setAttribute(
    'aria-label',
    `Phase diagram over weight variance and depth over width, the dispersion as colour. ${announcement}`,
  );
  if (!sameColours()) {
    coloured = net;
    painter.postMessage(diagramRequest(net, (wantedColours = ++requests)));
  }
});

/** The diagram is one of all depths and weight variances. */
function sameColours(): boolean {
  const names = [
    'width',
    'biasVariance',
    'inputNorm2',
    'inputDim',
    'parametrization',
    'biasGradients',
  ] as const;
  return names.every((name) => coloured[name] === net[name]);
}

function showNumbers(exact: Moments): void {
  const { dispersion, logDispersion, mean, logMean, relativeStandardDeviation: spread } = exact;
  const { phase, explanation } = describeNet(net, exact);
  const verdict = element('verdict');
  const name = document.createElement('strong');
  name.textContent = phase;
  verdict.replaceChildren(name, `: ${explanation}`);
  const shown = {
    dispersion: [dispersion, format(dispersion, dispersion < 1.1 ? 5 : 4, logDispersion)],
    spread: [spread, percent(spread)],
    mean: [mean, format(mean, 4, logMean)],
    lambda: [net.depth / net.width, format(net.depth / net.width, 3)],
  } as const;
  for (const [id, [value, text]] of Object.entries(shown)) {
    const place = element(id) as HTMLDataElement;
    place.value = String(value);
    place.textContent = text;
  }
  announcement = `${phase}. Dispersion ${shown.dispersion[1]}, mean ${shown.mean[1]}, spread ${shown.spread[1]}.`;
}

function showSample(reply: SampleReply): void {
  if (reply.id !== wantedSample) return;
  const { mean, meanError, dispersion, dispersionError, replicas, done } = reply;
  histogram.show(reply);
  const count = replicas.toLocaleString('en');
  const place = element('sampling');
  place.textContent =
    `Sampled: mean ${withError(mean, meanError)}, dispersion ${withError(dispersion, dispersionError)}, ` +
    `from ${count} nets, the rare ones drawn often and weighed back${done ? '.' : ', so far …'}` +
    (reply.below > 0.005
      ? ` ${percent(reply.below)} of the nets lie below the axis: they have a dead layer.`
      : '');
  Object.assign(place.dataset, { replicas, done, mean, meanError, dispersion, dispersionError });
  element('histogram').setAttribute(
    'aria-label',
    `Histogram of the kernel over its mean, of ${count} nets: the sampled mean is ${withError(mean, meanError)}.`,
  );
  element('command').textContent = commandOf(replicas);
}

function showColours(reply: DiagramReply): void {
  if (reply.id === wantedColours) diagram.setPixels(reply);
}

/** The pointer on the diagram: tells what is there, and takes the net there when it is pressed. */
function pointAt(place: Place | null, pressed: boolean): void {
  const reading = element('reading');
  if (place === null) {
    reading.textContent = '\u00a0';
    return;
  }
  const { min, max } = NUMBERS.depth;
  const depth = Math.min(max, Math.max(min, Math.round(place.lambda * net.width)));
  const weightVariance = Number(place.weightVariance.toFixed(2));
  const there = moments(specOf({ ...net, depth, weightVariance }), { inputNorm2: net.inputNorm2 });
  reading.textContent =
    `σ² = ${weightVariance}, λ = ${format(depth / net.width, 3)} (${depth} layers): ` +
    `dispersion ${format(there.dispersion, 4, there.logDispersion)}`;
  if (pressed) change({ depth, weightVariance });
}

function commandOf(replicas: number): string {
  const { parametrization, biasGradients } = net;
  const numbers = Object.entries(NUMBERS).map(
    ([name, { flag }]) => `--${flag} ${net[name as keyof typeof NUMBERS]}`,
  );
  return [
    'npx deepntk dispersion',
    ...numbers,
    ...(parametrization === 'ntk' ? ['--parametrization ntk'] : []),
    ...(biasGradients ? [] : ['--no-bias-gradients']),
    `--replicas ${replicas} --sampler tilted`,
  ].join(' ');
}

function startWorker(receive: (reply: Reply) => void): { postMessage(request: Request): void } {
  const url = URL.createObjectURL(new Blob([WORKER_PROGRAM], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    receive(data);
  });
  return worker;
}

/** At the next frame; of several that come before it, the last. */
let pending: (() => void) | null = null;
function later(action: () => void): void {
  if (pending === null) {
    requestAnimationFrame(() => {
      const last = pending;
      pending = null;
      last?.();
    });
  }
  pending = action;
}

/** Does it once nothing has asked for it for a while. */
function whenQuiet(action: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, QUIET);
  };
}
