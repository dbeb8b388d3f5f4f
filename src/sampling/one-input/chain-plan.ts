/**
 * Prepares the scalar chain of a net: the law of Theta(x, x) for one input and one output, in O(1) work per layer.
 *
 * Layer l has B_l ~ Binomial(n_l, 1/2) active units and two chi-squares, C_l with B_l and C'_l with B_l - 1 degrees of
 * freedom. Going up with w_l = s_l X_{l-1} + sb2 and X_l = C_l w_l (theory.md section 4, C), the kernel is
 * A_{L+1} + z^2 g_{L+1}, where A_l gathers the layers up to l along the gradient's part across x, and g_l what passes
 * through its part along x:
 *
 *     A_{l+1} = s C'_l A_l + alpha C_l w_l + beta + s (1 - r) (A_l + C_l g_l)      s, alpha, beta, r of layer l + 1
 *     g_{l+1} = s r (A_l + C_l g_l)
 *
 * with r = 1 where sb2 = 0: that is an identity of paths of the recursion for D_l. With sb2 > 0 the share r_l of x^{l-1}
 * in |h^l|^2 is random; with its typical value put for it the formula gives Theta', near Theta but not Theta. Theta itself
 * is then found on a way back down: Theta = A_{L+1} + sum_l c_l^2 A_l with c_l and D_l of (C), and A_l as above without r.
 *
 * Theta' is a sum of products of independent factors, one a layer. Its square is one over pairs of paths, and so both
 * E Theta' and E Theta'^2 are products of small matrices, and replicas can be drawn from the laws weighted by Theta' or
 * by Theta'^2: a path is drawn from the top down, then each layer from its law weighted by the path's factor.
 */
import { type ChainMixture, type ChainPlan, GATE_LAWS, type GateTables } from '../../backend/seam';
import { biasGradientsByLayer, type NetworkSpec } from '../../network/spec';
import { type BinomialTable, binomialTable } from '../../random/binomial';
import { type LayerLaw, pathMixture } from './chain-paths';

/**
 * The shares of the plain law and of the laws weighted by Theta' and Theta'^2. Where the three hardly overlap, the
 * variance of log(E Theta^2 / E[Theta]^2) is 1 / share_2 + 4 / share_1 - 1, and least at share_1 = 2 share_2.
 */
const SHARES = [0.1, 0.6, 0.3] as const;

/** The shares of the parts that replicas are drawn from. */
export function planShares(tilted: boolean): readonly [number, number, number] {
  return tilted ? SHARES : [1, 0, 0];
}

/** The largest factor, in powers of two, by which numbers may typically change before they are rescaled. */
const RESCALE_BITS = 64;

export function planChain(spec: NetworkSpec, inputNorm2: number, tilted: boolean): ChainPlan {
  const { depth, widths, weightVariance, biasVariance } = spec;
  const ntk = spec.parametrization === 'ntk';
  const perLayer = (value: (layer: number) => number): Float64Array =>
    Float64Array.from({ length: depth + 2 }, (_, layer) => (layer === 0 ? 0 : value(layer)));
  const weightScale = perLayer((layer) => weightVariance / widths[layer - 1]!);
  const shares = signalShares(spec, inputNorm2);
  const trained = biasGradientsByLayer(spec);
  const classes = [...new Set(spec.hiddenWidths)];
  const tables = classes.map((width) => gateTables(width));
  const plan = {
    depth,
    inputNorm2,
    biasVariance,
    weightScale,
    weightTerms: perLayer((layer) => (ntk ? weightScale[layer]! : 1)),
    biasTerms: perLayer((layer) => (trained[layer - 1]! ? (ntk ? biasVariance : 1) : 0)),
    signalScale: perLayer((layer) => weightScale[layer]! * shares[layer]!),
    noiseScale: perLayer((layer) => weightScale[layer]! * (1 - shares[layer]!)),
    rescaleEvery: rescaleInterval(spec),
    widthClass: Int32Array.from({ length: depth + 2 }, (_, layer) => classes.indexOf(widths[layer]!)),
    gates: packTables(tables.flat()),
  };
  const laws = tables.map((ofWidth): LayerLaw => ofWidth.map((table) => table.expectation));
  return { ...plan, mixture: tilted ? chainMixture(plan, laws) : null };
}

function chainMixture(plan: Omit<ChainPlan, 'mixture'>, laws: readonly LayerLaw[]): ChainMixture {
  return { shares: planShares(true), ...pathMixture(plan, (layer) => laws[plan.widthClass[layer]!]!) };
}

/** r_l: s_l E X_{l-1} / (s_l E X_{l-1} + sb2) for l = 1 .. L; 1 for the output, whose own bias the kernel does not feel. */
function signalShares(spec: NetworkSpec, inputNorm2: number): Float64Array {
  const shares = new Float64Array(spec.depth + 2).fill(1);
  if (spec.biasVariance === 0) return shares;
  let signal = (spec.weightVariance / spec.inputDim) * inputNorm2;
  for (let layer = 1; layer <= spec.depth; layer++) {
    shares[layer] = signal / (signal + spec.biasVariance);
    signal = Math.min(1e200, (spec.weightVariance / 2) * (signal + spec.biasVariance));
  }
  return shares;
}

function rescaleInterval(spec: NetworkSpec): number {
  const fastest = spec.hiddenWidths.reduce((largest, width, i) => {
    const growth = (spec.weightVariance / 2) * (width / spec.widths[i]!);
    return Math.max(largest, Math.abs(Math.log2(growth)));
  }, 1);
  return Math.max(1, Math.floor(RESCALE_BITS / fastest));
}

/** One table for each of the GATE_LAWS. A layer without active units has no gradient: its factors are 0, not negative. */
function gateTables(width: number): BinomialTable[] {
  const forward = [(): number => 1, (b: number): number => b, (b: number): number => b * (b + 2)];
  const backward = [
    (): number => 1,
    (b: number): number => Math.max(0, b - 1),
    (b: number): number => Math.max(0, b - 1) * (b + 1),
  ];
  return GATE_LAWS.map(([up, down]) => binomialTable(width, (b) => forward[up]!(b) * backward[down]!(b)));
}

function packTables(tables: readonly BinomialTable[]): GateTables {
  const start = new Int32Array(tables.length);
  tables.forEach((table, i) => {
    if (i + 1 < tables.length) start[i + 1] = start[i]! + table.keep.length;
  });
  const length = tables.reduce((sum, table) => sum + table.keep.length, 0);
  const keep = new Float64Array(length);
  const other = new Int32Array(length);
  tables.forEach((table, i) => {
    keep.set(table.keep, start[i]);
    other.set(table.other, start[i]);
  });
  return {
    bits: Int32Array.from(tables, (table) => table.bits),
    low: Int32Array.from(tables, (table) => table.low),
    start,
    keep,
    other,
  };
}
