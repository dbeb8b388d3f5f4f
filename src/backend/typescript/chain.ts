/**
 * The scalar chain, one replica at a time. src/sampling/one-input/chain-plan.ts explains the formulas.
 *
 * The twin is native/core/chain.cpp, which computes many replicas at once and gives the same bits.
 */
import { REJECTED, type LayerStream, retryChiSquare, tryChiSquare } from '../../random/chi-square';
import { sharedBlocks } from '../../random/blocks';
import { uniform } from '../../random/normal';
import { PURPOSE, streamOf, words as wordsOf } from '../../random/streams';
import { type ChainPlan, type ChainReplicas, type ChainTask, GATE_LAWS, type PathTables } from '../seam';
import { type ChainRecord, createRecord, keepLayer } from './chain-record';
import { binaryExponent, powerOfTwo } from '../../numbers/powers';

/** Draws replicas number `from` to `to` - 1 of the task, counted from its first, into `out`. */
export function sampleChain(task: ChainTask, from: number, to: number, out: ChainReplicas): void {
  const chain = new Chain(task.plan, task.seed);
  for (let i = from; i < to; i++) {
    chain.draw(task.first + i);
    out.thetas[i] = chain.theta;
    out.exponents[i] = chain.exponent;
    out.weights[i] = chain.weight;
    out.weightExponents[i] = chain.weightExponent;
    out.parts[i] = chain.part;
  }
}

const { max, min, sqrt } = Math;

/** Layers whose blocks are drawn at once. */
const LAYERS = 128;
/** The position of the second blocks of these layers among the blocks. */
const SECOND = LAYERS;

const LAWS = GATE_LAWS.length;
const UPS = GATE_LAWS.map(([up]) => up);
const DOWNS = GATE_LAWS.map(([, down]) => down);

/** The numbers of one replica, and the way to draw the next. */
class Chain {
  theta = 0;
  exponent = 0;
  weight = 1;
  weightExponent = 0;
  part = 0;

  /** Theta' = across + square * along, over 2^exponent. */
  #across = 0;
  #along = 0;
  /** A_{L+1} of Theta itself. */
  #own = 0;
  #square = 0;
  #dead = false;

  readonly #at: LayerStream;
  readonly #law: Uint8Array;
  /** What the backward pass needs; null without biases. */
  readonly #record: ChainRecord | null;
  readonly #blocks = sharedBlocks();
  readonly #words = this.#blocks.words;
  readonly #normals = this.#blocks.normals;

  constructor(
    private readonly plan: ChainPlan,
    seed: number,
  ) {
    const [key0, key1] = wordsOf(seed);
    this.#at = { key0, key1, replica0: 0, replica1: 0, stream: 0 };
    this.#law = new Uint8Array(plan.depth + 1);
    this.#record = plan.biasVariance > 0 ? createRecord(plan.depth) : null;
  }

  draw(replica: number): void {
    [this.#at.replica0, this.#at.replica1] = wordsOf(replica);
    const squareDof = this.#choosePath();
    this.#climb(squareDof);
    if (this.#record !== null) this.theta = this.#descend(this.#record);
    else if (this.#dead) this.theta = this.plan.biasTerms[this.plan.depth + 1]! * powerOfTwo(-this.exponent);
    else this.theta = this.#across + this.#square * this.#along;
    this.#weigh();
  }

  /** Draws `count` blocks into the shared ones from position `at`. */
  #draw(at: number, count: number, index: number, stream: number, indexStep: number, streamStep: number) {
    const { key0, key1, replica0, replica1 } = this.#at;
    this.#blocks.draw(at, count, index, stream, replica0, replica1, key0, key1, indexStep, streamStep);
  }

  /** Chooses the part of the mixture and the law of every layer; returns the degrees of freedom of the output's square. */
  #choosePath(): number {
    const { depth, mixture } = this.plan;
    this.part = 0;
    if (mixture === null) return 1;
    const stream = streamOf(PURPOSE.chainPath, 0);
    const words = this.#words;
    this.#draw(0, 1, 0, stream, 0, 0);
    const choice = uniform(words[0]!, words[1]!);
    if (choice < mixture.shares[0]) {
      this.#law.fill(0);
      return 1;
    }
    this.part = choice < mixture.shares[0] + mixture.shares[1] ? 1 : 2;
    const tables = this.part === 1 ? mixture.first : mixture.second;
    const top = firstAbove(tables.top, 0, tables.top.length, uniform(words[2]!, words[3]!));
    let state = tables.topState[top]!;
    let drawn = depth + 1; // from this layer on
    for (let layer = depth; layer >= 1; layer--) {
      if (layer < drawn) {
        // Two layers share a block, an even one and the next.
        const last = layer >> 1;
        const first = max(0, last - (LAYERS - 1));
        this.#draw(0, last - first + 1, 1 + first, stream, 1, 0);
        drawn = 2 * first;
      }
      const at = 2 * (layer - drawn);
      state = this.#stepDown(tables, layer, state, uniform(words[at]!, words[at + 1]!));
    }
    return tables.topDof[top]!;
  }

  #stepDown(tables: PathTables, layer: number, state: number, u: number): number {
    const row = tables.states * layer + state;
    const option = firstAbove(tables.cumulative, tables.start[row]!, tables.start[row + 1]!, u);
    this.#law[layer] = tables.law[option]!;
    return tables.source[option]!;
  }

  /** From the input to the output. */
  #climb(squareDof: number): void {
    const { plan } = this;
    const { depth, biasVariance, weightScale, weightTerms, biasTerms, signalScale, noiseScale } = plan;
    const normals = this.#normals;
    const words = this.#words;
    const record = this.#record;
    let exponent = 0;
    let untilRescaled = plan.rescaleEvery;
    let unit = 1;
    let signal = weightScale[1]! * plan.inputNorm2 + biasVariance;
    let across = weightTerms[1]! * plan.inputNorm2 + biasTerms[1]!;
    let along = 0;
    let own = across; // of Theta's A_l, where Theta' differs
    this.#dead = false;
    for (let layer = 1; layer <= depth; layer++) {
      const position = (layer - 1) % LAYERS;
      if (position === 0) this.#drawLayers(layer);
      const law = this.#law[layer]!;
      const second = 4 * (SECOND + position);
      const active = drawGates(
        plan,
        LAWS * plan.widthClass[layer]! + law,
        words[second + 2]!,
        words[second + 3]!,
      );
      if (active === 0) this.#dead = true;
      const upDof = active + 2 * UPS[law]!;
      const downDof = max(0, active - 1) + 2 * DOWNS[law]!;
      let up = tryChiSquare(upDof, normals[2 * position]!, words[second]!);
      let down = tryChiSquare(downDof, normals[2 * position + 1]!, words[second + 1]!);
      if (up === REJECTED) up = this.#retry(upDof, layer, 0);
      if (down === REJECTED) down = this.#retry(downDof, layer, 1);

      const scale = weightScale[layer + 1]!;
      const activation = signal * up;
      const sum = across + along * up;
      if (record !== null) keepLayer(record, layer, exponent, own, up, down);
      signal = scale * activation + biasVariance * unit;
      if (record !== null) record.noise[layer + 1] = (biasVariance * unit) / signal;
      const term = weightTerms[layer + 1]! * activation + biasTerms[layer + 1]! * unit;
      own = scale * (down * own) + term;
      across = scale * (down * across) + term + noiseScale[layer + 1]! * sum;
      along = signalScale[layer + 1]! * sum;
      if (--untilRescaled === 0) {
        untilRescaled = plan.rescaleEvery;
        const shift = binaryExponent(max(signal, max(across, along)));
        const factor = powerOfTwo(-shift);
        signal *= factor;
        across *= factor;
        along *= factor;
        own *= factor;
        exponent += shift;
        unit = powerOfTwo(-exponent);
      }
    }
    this.exponent = exponent;
    this.#across = across;
    this.#along = along;
    this.#own = own;
    const position = depth % LAYERS;
    if (position === 0) this.#drawLayers(depth + 1);
    this.#square = tryChiSquare(squareDof, normals[2 * position]!, words[4 * (SECOND + position)]!);
    if (this.#square === REJECTED) this.#square = this.#retry(squareDof, depth + 1, 0);
  }

  /** Draws both blocks of `layer` and of the layers above it, as many as fit. */
  #drawLayers(layer: number): void {
    const count = min(LAYERS, this.plan.depth + 2 - layer);
    const stream = streamOf(PURPOSE.chain, layer);
    this.#draw(0, count, 0, stream, 0, 1);
    this.#blocks.toNormals(0, count);
    this.#draw(SECOND, count, 1, stream, 0, 1);
  }

  #retry(dof: number, layer: number, which: 0 | 1): number {
    this.#at.stream = streamOf(PURPOSE.chain, layer);
    return retryChiSquare(dof, this.#at, which);
  }

  /**
   * The backward pass, which only nets with biases need. c_l is the part of delta^l along x^l, D_l is its squared norm, and
   * Theta = A_{L+1} + sum_l c_l^2 A_l. A includes what the layers below add across.
   */
  #descend({ noise, across, up, down, exponents }: ChainRecord): number {
    const { depth, weightScale, rescaleEvery } = this.plan;
    const normals = this.#normals;
    let top = depth; // of the layers whose blocks are drawn, downwards to `bottom`
    let bottom = depth;
    let sum = this.#own;
    let along = sqrt(this.#square);
    let norm2 = 1;
    let shift = 0; // the numbers below are stored over 2^shift, their squares over 2^(2 shift)
    let factor = 1;
    for (let layer = depth; layer >= 1; layer--) {
      const scale = weightScale[layer + 1]!;
      if (up[layer] === 0) {
        along = 0;
        norm2 = 0;
      } else {
        if (layer === depth) along *= sqrt(scale);
        else {
          if (layer < bottom) {
            const count = min(LAYERS, layer);
            this.#draw(0, count, 0, streamOf(PURPOSE.chainNoise, layer), 0, -1);
            this.#blocks.toNormals(0, count);
            top = layer;
            bottom = layer - count + 1;
          }
          const share = noise[layer + 1]!;
          along =
            sqrt(scale * ((1 - share) * up[layer + 1]!)) * along +
            sqrt(scale * (share * norm2)) * normals[2 * (top - layer)]!;
        }
        norm2 = along * along + scale * (norm2 * down[layer]!);
      }
      if (layer === depth || layer % rescaleEvery === 0) {
        const by = binaryExponent(norm2) >> 1;
        shift += by;
        along *= powerOfTwo(-by);
        norm2 *= powerOfTwo(-2 * by);
        factor = powerOfTwo(2 * shift + exponents[layer]! - this.exponent);
      }
      sum += along * along * across[layer]! * factor;
    }
    return sum;
  }

  /** Sets the weight, 1 / q. The terms of q may be out of the range of doubles, so they are scaled by the largest. */
  #weigh(): void {
    const { mixture } = this.plan;
    if (mixture === null) return;
    const { shares, inverseMean, inverseSecondMoment } = mixture;
    const weigher = this.#across + this.#square * this.#along;
    const by = binaryExponent(weigher);
    const significand = weigher * powerOfTwo(-by);
    const firstExponent = this.exponent + by + inverseMean.exponent;
    const secondExponent = 2 * (this.exponent + by) + inverseSecondMoment.exponent;
    const top = max(0, firstExponent, secondExponent);
    const first = significand * inverseMean.value * powerOfTwo(firstExponent - top);
    const second = significand * significand * inverseSecondMoment.value * powerOfTwo(secondExponent - top);
    this.weight = 1 / (shares[0] * powerOfTwo(-top) + (shares[1] * first + shares[2] * second));
    this.weightExponent = -top;
  }
}

function drawGates({ gates }: ChainPlan, table: number, word0: number, word1: number): number {
  const bits = gates.bits[table]!;
  const row = word0 >>> (32 - bits);
  const at = gates.start[table]! + row;
  const u = uniform(word1, (word0 << bits) >>> 0);
  return u < gates.keep[at]! ? row + gates.low[table]! : gates.other[at]!;
}

/** The first index in `from` .. `to` - 1 whose entry exceeds u; the last index if rounding leaves none. */
function firstAbove(cumulative: Float64Array, from: number, to: number, u: number): number {
  let index = from;
  while (index < to - 1 && u >= cumulative[index]!) index++;
  return index;
}
