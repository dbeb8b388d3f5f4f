/** What a diagnosis says, in words: the same ones on the page and in the terminal. */
import type { Diagnosis } from '../../diagnosis';
import { percent } from '../../diagnosis/verdict';
import { formatNumber, formatPower } from '../marks';

/** "784 → 300 × 20 → 10" */
export function netWords({ inputDim, hiddenWidths, outputDim }: Diagnosis['net']): string {
  const [first] = hiddenWidths;
  const uniform = hiddenWidths.every((width) => width === first);
  const hidden =
    first === undefined
      ? []
      : uniform
        ? [hiddenWidths.length === 1 ? `${first}` : `${first} × ${hiddenWidths.length}`]
        : hiddenWidths.length > 8
          ? [`${hiddenWidths.length} layers of ${Math.min(...hiddenWidths)} to ${Math.max(...hiddenWidths)}`]
          : hiddenWidths.map(String);
  return [inputDim, ...hidden, outputDim].join(' → ');
}

export function lawWords({
  weightVariance,
  biasVariance,
  parametrization,
  biasGradients,
  law,
}: Diagnosis['net']): string {
  const parts = [
    `σ_w² = ${short(weightVariance)}`,
    `σ_b² = ${short(biasVariance)}`,
    ...(parametrization === 'ntk' ? ['NTK parametrization'] : []),
    ...(biasGradients === true ? [] : [untrainedBiases(biasGradients)]),
    ...(law === 'estimated' ? ['variances estimated from the weights'] : []),
  ];
  return parts.join(', ');
}

function untrainedBiases(biasGradients: false | readonly boolean[]): string {
  if (biasGradients === false) return 'biases not trained';
  const layers = biasGradients.flatMap((trained, i) => (trained ? [] : [i + 1]));
  return `biases of ${layers.length === 1 ? 'layer' : 'layers'} ${layers.join(', ')} not trained`;
}

export function dataWords({ name, inputs, available, classes }: Diagnosis['data']): string {
  const of = available > inputs ? ` of ${available.toLocaleString('en-US')}` : '';
  const count = `${inputs}${of} ${inputs === 1 && available === 1 ? 'input' : 'inputs'}`;
  return [name, count, classes === null ? null : `${classes} ${classes === 1 ? 'class' : 'classes'}`]
    .filter((part) => part !== null)
    .join(', ');
}

export function phaseWords({ phase, slope }: Diagnosis['phase'], depth: number): string {
  const all = slope ** depth;
  const growth =
    Number.isFinite(all) && all > 0
      ? formatNumber(all)
      : formatPower(Math.round(depth * Math.log10(slope)), false);
  if (phase === 'edge-of-chaos') {
    return 'The net is at the edge of chaos: gradients and activations keep their size through depth, on average.';
  }
  return phase === 'ordered'
    ? `The net is in the ordered phase: a layer multiplies squared gradients by ${short(slope)}, all ${depth} of them by ${growth}. Far down all inputs look alike, and the kernel rests on the last layers.`
    : `The net is in the chaotic phase: a layer multiplies squared gradients by ${short(slope)}, all ${depth} of them by ${growth}.`;
}

export const PHASE_NAMES = {
  ordered: 'ordered',
  'edge-of-chaos': 'edge of chaos',
  chaotic: 'chaotic',
} as const;

export function spreadWords({ initialization: { exact } }: Diagnosis): string {
  return (
    `E Θ² / (E Θ)² is ${dispersion(exact.relativeVariance, exact.dispersion)}. So the kernel of one input has a standard deviation of ` +
    `${percent(exact.relativeStandardDeviation)} of its mean from one initialization to the next; infinite-width theory has it at 0 %.`
  );
}

/** R; 1 + R' where R would show only 1. */
export function dispersion(relativeVariance: number, value: number): string {
  if (!Number.isFinite(value)) return 'beyond 10^308';
  return relativeVariance < 1e-3 && relativeVariance > 0
    ? `1 + ${formatNumber(relativeVariance)}`
    : value < 1000
      ? value.toPrecision(5)
      : formatNumber(value);
}

export function monteCarloWords({ initialization, net }: Diagnosis): string {
  const { oneOutputEstimate: one, estimate } = initialization;
  const shown = estimate ?? one;
  const what =
    net.outputDim === 1
      ? `${shown.replicas.toLocaleString('en-US')} draws of the kernel (sampler: ${shown.sampler})`
      : estimate === null
        ? `${one.replicas.toLocaleString('en-US')} draws of the kernel of one output (sampler: ${one.sampler})`
        : `${estimate.replicas.toLocaleString('en-US')} nets drawn in whole`;
  const off =
    Math.abs(shown.logDispersion - shown.exactMoments.logDispersion) / shown.relativeErrors.dispersion;
  const nothing = shown.relativeErrors.dispersion < 1e-12;
  return nothing
    ? `Monte Carlo over ${what} finds the exact value: nothing is random here.`
    : `Monte Carlo over ${what} finds ${estimateWords(shown)}, ${off.toFixed(1)} standard errors from the exact ${dispersion(shown.exactMoments.relativeVariance, shown.exact)}.`;
}

export function estimateWords({
  dispersion: value,
  standardError,
}: {
  dispersion: number;
  standardError: number;
}): string {
  if (!Number.isFinite(value)) return 'a number beyond 10^308';
  if (!(standardError > 0)) return value.toPrecision(5);
  // The error to two digits, the value to the same place.
  const place = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(standardError))));
  return value < 1e5
    ? `${value.toFixed(place)} ± ${standardError.toFixed(place)}`
    : `${formatNumber(value)} ± ${formatNumber(standardError)}`;
}

export function kernelWords({ kernel }: Diagnosis): string {
  const {
    offDiagonalRatio,
    infiniteWidthOffDiagonalRatio,
    distance,
    meanDiagonal,
    infiniteWidthMeanDiagonal,
  } = kernel;
  if (distance === null)
    return 'The kernel of this net on this data overflows or vanishes in double precision.';
  const scale = `Its diagonal has the mean ${formatNumber(meanDiagonal)}, at infinite width ${formatNumber(infiniteWidthMeanDiagonal)}.`;
  const ratio =
    offDiagonalRatio === null || infiniteWidthOffDiagonalRatio === null
      ? ''
      : ` Two different inputs share ${offDiagonalRatio.toFixed(3)} of that on average, at infinite width ${infiniteWidthOffDiagonalRatio.toFixed(3)}: at 1 the net sees all inputs alike, at 0 it learns of one nothing about the others.`;
  return `As a whole the matrix is ${percent(distance)} away from the one at infinite width. ${scale}${ratio}`;
}

export function firstStepWords({ firstStep, training }: Diagnosis): string {
  const theory = `With its gates held, one step on one input at the learning rate 1 / E Θ would change Θ by ${signedPercent(firstStep.frozenGateTheory)} on average (exact, to first order).`;
  const measured =
    firstStep.measured === null || training.learningRate === null
      ? ''
      : ` The first step on all inputs, gates free, at the learning rate ${formatNumber(training.learningRate)}, changed this kernel by ${percent(firstStep.measured)}.`;
  return theory + measured;
}

export function trainingWords({ training, data }: Diagnosis): string {
  const targets = {
    given: 'the given targets',
    classes: 'one-hot targets of the classes',
    'class numbers': 'the class numbers, scaled to mean 0 and variance 1',
    random: 'random targets, as the data has none',
  }[data.targets];
  if (training.failure !== null) return `Training towards ${targets} has no result: ${training.failure}.`;
  const last = training.checkpoints.at(-1)!;
  return (
    `In ${training.steps} steps of full-batch gradient descent towards ${targets} the kernel moved by up to ${percent(training.largestChange!)}. ` +
    `The loss went to ${formatNumber(last.loss)}; had the kernel stood still, to ${formatNumber(last.predictedLoss)}. ` +
    `The outputs are then ${percent(last.predictionError)} of their way off the prediction.`
  );
}

export function widthWords({ advice, net, initialization }: Diagnosis): string | null {
  if (advice.width === null) return null;
  const { width, present } = advice.width;
  const bound = percent(advice.spread);
  const uneven = net.hiddenWidths.some((other) => other !== present)
    ? ' (the harmonic mean of its widths)'
    : '';
  if (width === null) return `No width up to 2^40 brings the spread to ${bound} at this depth and law.`;
  const enough = initialization.exact.relativeStandardDeviation <= advice.spread;
  return enough
    ? `At depth ${net.depth} a width of ${width.toLocaleString('en-US')} is enough for a spread of at most ${bound}; the net has ${present.toLocaleString('en-US')}${uneven}.`
    : `A width of ${width.toLocaleString('en-US')} instead of ${present.toLocaleString('en-US')}${uneven} would bring the spread to ${bound} at this depth and law.`;
}

export function varianceWords({ advice, net, initialization }: Diagnosis): string | null {
  if (advice.weightVariance === null) return null;
  const { weightVariance, offDiagonalRatio } = advice.weightVariance;
  const bound = percent(advice.spread);
  if (weightVariance === null) return `At this width and depth no σ_w² brings the spread to ${bound}.`;
  if (weightVariance === Infinity)
    return `At this width and depth every σ_w² keeps the spread within ${bound}.`;
  const price =
    offDiagonalRatio === null
      ? ''
      : ` At that value the off-diagonal ratio of this data is ${offDiagonalRatio.toFixed(3)} at infinite width${offDiagonalRatio > 0.6 ? ': the smaller σ_w², the more alike all inputs look to the net' : ''}.`;
  const enough = initialization.exact.relativeStandardDeviation <= advice.spread;
  const verb = enough
    ? `keeps the spread within ${bound}; the net has ${short(net.weightVariance)}`
    : `would bring the spread to ${bound} at this width and depth`;
  return `A σ_w² of at most ${floorTo3(weightVariance)} ${verb}.${price}`;
}

/** Not above the number, so that the bound is kept. */
function floorTo3(value: number): string {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 2);
  return short(Math.floor(value / unit) * unit);
}

function signedPercent(share: number): string {
  const size = Math.abs(share);
  if (size < 1e-4) return percent(size);
  const sign = share < 0 ? '−' : '+';
  return size < 1e4 ? `${sign}${percent(size)}` : `a factor of ${sign}${formatNumber(size)}`;
}

/** At most four digits. */
export function short(value: number): string {
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5
    ? String(Number(value.toPrecision(4)))
    : value === 0
      ? '0'
      : formatNumber(value);
}
