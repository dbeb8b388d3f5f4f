/** Describes how a command understood a net from a file, for people and for programs. */
import type { Mlp } from '../network/mlp';
import { biasGradientsByLayer, type Parametrization } from '../network/spec';
import type { Rows } from './output';

export interface NetFacts {
  /** n_0 .. n_{L+1} */
  readonly widths: readonly number[];
  readonly activation: 'relu';
  /** The layers, 1 .. L+1, whose biases are trained. */
  readonly biases: 'all' | 'none' | readonly number[];
  /** Null if the law of initialization is unknown. */
  readonly weightVariance: number | null;
  readonly biasVariance: number | null;
  readonly parametrization: Parametrization;
  readonly notes: readonly string[];
}

export function netFacts({ spec, notes }: Mlp): NetFacts {
  const { widths, weightVariance, biasVariance, parametrization } = spec;
  const layers = biasGradientsByLayer(spec).flatMap((trained, i) => (trained ? [i + 1] : []));
  const biases = layers.length === widths.length - 1 ? 'all' : layers.length === 0 ? 'none' : layers;
  return { widths, activation: 'relu', biases, weightVariance, biasVariance, parametrization, notes };
}

/** Where a net comes from, for --json: a file and how it was understood, or a draw. */
export interface NetOrigin {
  /** The file; null if the net was drawn. */
  readonly net: string | null;
  readonly network: NetFacts | null;
  readonly seed: number | null;
  readonly replica: number | null;
}

export function originOf(
  { net, seed, replica }: { readonly net?: string; readonly seed: number; readonly replica: number },
  mlp: Mlp,
): NetOrigin {
  return net === undefined
    ? { net: null, network: null, seed, replica }
    : { net, network: netFacts(mlp), seed: null, replica: null };
}

export function originRows({ net, network, seed, replica }: NetOrigin): Rows {
  return net === null || network === null
    ? [['net', `seed ${seed!}, replica ${replica!}`]]
    : netRows(net, network);
}

/** Table rows for a net from a file: its description and the notes of its reader. */
export function netRows(path: string, facts: NetFacts, label = 'net'): Rows {
  return [[label, `${path}: ${netLine(facts)}`], ...facts.notes.map((note) => ['note', note] as const)];
}

/** `6-8-8-1, ReLU, biases: layers 1, 3, law of initialization unknown` */
function netLine({ widths, biases, weightVariance, biasVariance, parametrization }: NetFacts): string {
  const layers = typeof biases === 'string' ? biases : `layers ${biases.join(', ')}`;
  const law =
    weightVariance === null
      ? 'law of initialization unknown'
      : `sigma_w^2 = ${weightVariance}, sigma_b^2 = ${biasVariance!}`;
  const raw = parametrization === 'ntk' ? ', NTK parametrization' : '';
  return `${shortWidths(widths)}, ReLU, biases: ${layers}, ${law}${raw}`;
}

/** A longer sequence of equal widths is abbreviated: `784-100 (20 layers)-10`. */
const MOST_EQUAL = 4;

function shortWidths(widths: readonly number[]): string {
  const runs: { readonly width: number; count: number }[] = [];
  for (const width of widths) {
    const last = runs.at(-1);
    if (last?.width === width) last.count++;
    else runs.push({ width, count: 1 });
  }
  return runs
    .map(({ width, count }) =>
      count > MOST_EQUAL ? `${width} (${count} layers)` : new Array<number>(count).fill(width).join('-'),
    )
    .join('-');
}
