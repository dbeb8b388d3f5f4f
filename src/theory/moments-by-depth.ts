/** The moments of one net after every number of its hidden layers. */
import { expectInteger, invalidArgument, isList } from '../errors';
import type { MlpSpec } from '../network/spec';
import { biasFactor, expectUniformBiases, weightFactor, weightScale } from './layer-law';
import { enterTerm, passHiddenLayer, startRecursion } from './moment-recursion';
import { type Moments, type MomentsOptions, momentsOfState, readMomentsOptions } from './moments';

/**
 * The exact moments of the nets that consist of the first l hidden layers of `spec` and its output layer, for every l of
 * `depths`: what {@link moments} gives for each of them, from one pass over the layers. O(depth) in all.
 *
 * @param options.depths numbers of hidden layers, 0 to the spec's depth, in rising order; every one of them by default
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where `moments` would, or where a depth is out of range or out of order
 * @example momentsByDepth(createSpec({ inputDim: 100, depth: 49, width: 100 })).map(({ dispersion }) => dispersion) // 50 numbers
 */
export function momentsByDepth(
  spec: MlpSpec,
  options: MomentsOptions & { readonly depths?: readonly number[] } = {},
): Moments[] {
  const where = 'momentsByDepth';
  if (typeof options !== 'object' || (options as unknown) === null)
    throw invalidArgument(where, 'an options object', options);
  const { depths: asked, ...rest } = options;
  const { spec: known, inputNorm2, assumption } = readMomentsOptions(where, spec, rest);
  expectUniformBiases(where, known.biasGradients);
  const depths =
    asked === undefined ? Array.from({ length: known.depth + 1 }, (_, l) => l) : expectDepths(where, asked);
  depths.forEach((depth, i) => {
    expectInteger(`${where}: depths[${i}]`, depth, { min: 0, max: known.depth });
    if (i > 0 && depth <= depths[i - 1]!) {
      throw invalidArgument(
        `${where}: depths[${i}]`,
        `a number > ${depths[i - 1]!}, the one before it`,
        depth,
      );
    }
  });
  const state = startRecursion(known, inputNorm2, assumption);
  const results: Moments[] = [];
  for (let l = 0; results.length < depths.length; l++) {
    if (l > 0) passHiddenLayer(state, weightScale(known, known.widths[l - 1]!), known.widths[l]!);
    enterTerm(state, weightFactor(known, known.widths[l]!), biasFactor(known, 1));
    if (l === depths[results.length]) results.push(momentsOfState(state, known.outputDim));
  }
  return results;
}

function expectDepths(where: string, depths: readonly number[]): number[] {
  if (!isList(depths)) throw invalidArgument(`${where}: depths`, 'a list of depths', depths);
  return [...depths];
}
