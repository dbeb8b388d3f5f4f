import { createSpec, type NetworkSpec } from 'deepntk/browser';

import type { ExploredNet } from './link';

/** The net as the library takes it. */
export function specOf(net: ExploredNet): NetworkSpec {
  const { inputDim, depth, width, weightVariance, biasVariance, parametrization, biasGradients } = net;
  return createSpec({ inputDim, depth, width, weightVariance, biasVariance, parametrization, biasGradients });
}
