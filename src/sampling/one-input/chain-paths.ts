/** Paths of the scalar chain (src/sampling/one-input/chain-plan.ts): their total weight, and how to draw one by its weight. */
import { type ChainMixture, type ChainPlan, GATE_LAWS, type PathTables } from '../../backend/seam';
import { type Scaled, scaled, toNumber } from '../../numbers/scaled';

/** E[C^i C'^j] of one layer for each (i, j) of GATE_LAWS. */
export type LayerLaw = readonly number[];

type ChainShape = Omit<ChainPlan, 'mixture'>;

/** The components of the vector that the chain carries: 1, w_l, A_l, g_l. */
const [UNIT, SIGNAL, ACROSS, ALONG] = [0, 1, 2, 3];
const COMPONENTS = 4;

/** One term of the linear map from layer l to layer l + 1; `up` and `down` are the powers of C_l and C'_l in it. */
interface Step {
  readonly from: number;
  readonly to: number;
  readonly up: 0 | 1;
  readonly down: 0 | 1;
  readonly factor: number;
}

/** A term of the map between states, which are components or unordered pairs of them. */
interface Option {
  readonly from: number;
  readonly to: number;
  readonly law: number;
  readonly weight: number;
}

export function pathMixture(
  plan: ChainShape,
  lawOf: (layer: number) => LayerLaw,
): Pick<ChainMixture, 'first' | 'second' | 'inverseMean' | 'inverseSecondMoment'> {
  const first = walk(plan, singleStates(), lawOf);
  const second = walk(plan, pairStates(), lawOf);
  return {
    first: first.tables,
    second: second.tables,
    inverseMean: inverse(first.total),
    inverseSecondMoment: inverse(second.total),
  };
}

/** What is walked over: components, or pairs of components. */
interface StateSpace {
  readonly states: number;
  readonly start: (vector: Float64Array) => Float64Array;
  /** How often the vector counts in a state: 2 for pairs. */
  readonly power: number;
  readonly options: (steps: readonly Step[]) => Option[];
  /** The states that Theta', or its square, is read from at the top: how often, and with which moment of z^2. */
  readonly ends: readonly { readonly state: number; readonly weight: number; readonly dof: number }[];
}

function singleStates(): StateSpace {
  return {
    states: COMPONENTS,
    start: (vector) => vector,
    power: 1,
    options: (steps) =>
      steps.map(({ from, to, up, down, factor }) => ({ from, to, law: lawIndex(up, down), weight: factor })),
    ends: [
      { state: ACROSS, weight: 1, dof: 1 },
      { state: ALONG, weight: 1, dof: 3 },
    ],
  };
}

/** Pairs i <= j. E[z^2] = 1 and E[z^4] = 3; squares drawn with their 0th, 1st, 2nd power have 1, 3, 5 degrees of freedom. */
function pairStates(): StateSpace {
  const pairs: [number, number][] = [];
  for (let i = 0; i < COMPONENTS; i++) for (let j = i; j < COMPONENTS; j++) pairs.push([i, j]);
  const indexOf = (i: number, j: number): number =>
    pairs.findIndex(([a, b]) => a === Math.min(i, j) && b === Math.max(i, j));
  return {
    states: pairs.length,
    start: (vector) => Float64Array.from(pairs, ([i, j]) => vector[i]! * vector[j]!),
    power: 2,
    options: (steps) =>
      steps.flatMap((one) =>
        steps
          .filter((two) => one.to <= two.to)
          .map((two) => ({
            from: indexOf(one.from, two.from),
            to: indexOf(one.to, two.to),
            law: lawIndex(one.up + two.up, one.down + two.down),
            weight: one.factor * two.factor,
          })),
      ),
    ends: [
      { state: indexOf(ACROSS, ACROSS), weight: 1, dof: 1 },
      { state: indexOf(ACROSS, ALONG), weight: 2, dof: 3 },
      { state: indexOf(ALONG, ALONG), weight: 3, dof: 5 },
    ],
  };
}

/** Carries the expected state up the layers, and notes for each layer how much every option brought to its target. */
function walk(
  plan: ChainShape,
  space: StateSpace,
  lawOf: (layer: number) => LayerLaw,
): { tables: PathTables; total: Scaled } {
  const writer = optionWriter(space.states);
  // Brought near 1 first: the square of an input norm may be out of a double's range.
  const first = normalized(Float64Array.from(startVector(plan)), 0);
  let { state, exponent } = normalized(space.start(first.state), space.power * first.exponent);
  let steps: readonly Step[] = [];
  let options: readonly Option[] = [];
  for (let layer = 1; layer <= plan.depth; layer++) {
    const law = lawOf(layer);
    const next = new Float64Array(space.states);
    const byTarget: Option[][] = Array.from({ length: space.states }, () => []);
    const own = stepsInto(plan, layer + 1);
    if (!areEqual(own, steps)) [steps, options] = [own, space.options(own)]; // hidden layers are mostly alike
    for (const option of options) {
      const weight = state[option.from]! * option.weight * law[option.law]!;
      if (weight === 0) continue;
      next[option.to]! += weight;
      addOption(byTarget[option.to]!, { ...option, weight });
    }
    writer.layer(byTarget);
    ({ state, exponent } = normalized(next, exponent));
  }
  const ends = space.ends.map(({ state: end, weight }) => weight * state[end]!);
  const total = ends.reduce((sum, end) => sum + end, 0);
  let below = 0;
  const top = Float64Array.from(ends, (end) => (below += end) / total);
  const tables = {
    states: space.states,
    top,
    topState: Uint8Array.from(space.ends, (end) => end.state),
    topDof: Uint8Array.from(space.ends, (end) => end.dof),
    ...writer.finish(),
  };
  return { tables, total: scaled(total, exponent) };
}

/** (1, w_1, A_1, g_1). The component 1 is left out where nothing starts from it later: it would only dwarf the others. */
function startVector(plan: ChainShape): number[] {
  const { inputNorm2, biasVariance, weightScale, weightTerms, biasTerms } = plan;
  const unit = biasVariance > 0 || biasTerms.some((term) => term > 0) ? 1 : 0;
  return [unit, weightScale[1]! * inputNorm2 + biasVariance, weightTerms[1]! * inputNorm2 + biasTerms[1]!, 0];
}

/** The terms of the map from layer l - 1 to layer l, given l. */
function stepsInto(plan: ChainShape, layer: number): Step[] {
  const step = (from: number, to: number, up: 0 | 1, down: 0 | 1, factor: number): Step => ({
    from,
    to,
    up,
    down,
    factor,
  });
  const scale = plan.weightScale[layer]!;
  const noise = plan.noiseScale[layer]!;
  const signal = plan.signalScale[layer]!;
  return [
    step(UNIT, UNIT, 0, 0, 1),
    step(UNIT, SIGNAL, 0, 0, plan.biasVariance),
    step(SIGNAL, SIGNAL, 1, 0, scale),
    step(UNIT, ACROSS, 0, 0, plan.biasTerms[layer]!),
    step(SIGNAL, ACROSS, 1, 0, plan.weightTerms[layer]!),
    step(ACROSS, ACROSS, 0, 1, scale),
    step(ACROSS, ACROSS, 0, 0, noise),
    step(ALONG, ACROSS, 1, 0, noise),
    step(ACROSS, ALONG, 0, 0, signal),
    step(ALONG, ALONG, 1, 0, signal),
  ].filter(({ factor }) => factor > 0);
}

function areEqual(one: readonly Step[], two: readonly Step[]): boolean {
  return (
    one.length === two.length &&
    one.every(({ from, to, up, down, factor }, i) => {
      const other = two[i]!;
      return (
        from === other.from &&
        to === other.to &&
        up === other.up &&
        down === other.down &&
        factor === other.factor
      );
    })
  );
}

function lawIndex(up: number, down: number): number {
  return GATE_LAWS.findIndex(([u, d]) => u === up && d === down);
}

/** Adds an option, or its weight to the option that leads to the same place by the same law. */
function addOption(options: Option[], option: Option): void {
  const at = options.findIndex(({ from, law }) => from === option.from && law === option.law);
  if (at < 0) options.push(option);
  else options[at] = { ...option, weight: options[at]!.weight + option.weight };
}

function optionWriter(states: number) {
  const start: number[] = new Array<number>(states).fill(0); // layer 0 has no options
  const cumulative: number[] = [];
  const source: number[] = [];
  const law: number[] = [];
  return {
    layer(byTarget: readonly (readonly Option[])[]) {
      for (const options of byTarget) {
        start.push(source.length);
        const total = options.reduce((sum, { weight }) => sum + weight, 0);
        let below = 0;
        // The likeliest first: the draw looks at one or two of them.
        for (const option of [...options].sort((a, b) => b.weight - a.weight)) {
          below += option.weight;
          cumulative.push(below / total);
          source.push(option.from);
          law.push(option.law);
        }
      }
    },
    finish: () => ({
      start: Int32Array.from([...start, source.length]),
      cumulative: Float64Array.from(cumulative),
      source: Uint8Array.from(source),
      law: Uint8Array.from(law),
    }),
  };
}

/** Takes a power of two out of the state, so that its largest component lies in [1, 2). */
function normalized(state: Float64Array, exponent: number): { state: Float64Array; exponent: number } {
  const largest = state.reduce((max, value) => Math.max(max, value), 0);
  if (largest === 0) return { state, exponent };
  const shift = Math.floor(Math.log2(largest));
  return { state: state.map((value) => toNumber(scaled(value, -shift))), exponent: exponent + shift };
}

function inverse(total: Scaled): { value: number; exponent: number } {
  return { value: 1 / total.value, exponent: -total.exponent };
}
