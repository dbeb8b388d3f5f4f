/** The options of kernels that are not stored in memory, each declared once for the library and for the command. */
import { expectNumber } from '../errors';
import { choiceOption, declareOption, integerOption, numberOption, optional } from '../options';

/** Numbers in the file of a kernel. */
export type Dtype = 'float64' | 'float32';

/**
 * How features that do not fit into memory are recovered.
 *
 * - `resident`: the features of all inputs are computed once and stay in memory
 * - `recompute`: the features of a panel of rows stay in memory; the others are computed again for every panel
 * - `spill`: the features of a panel of rows stay in memory; the others are written to a temporary file once and read again
 */
export type FeatureStrategy = 'resident' | 'recompute' | 'spill';

export const FEATURE_STRATEGIES: readonly FeatureStrategy[] = ['resident', 'recompute', 'spill'];

export const MEMORY_OPTION = {
  memoryLimit: declareOption<number | undefined>(
    'bytes',
    {
      default: undefined,
      flag: 'memory',
      help: 'limit on the memory of the process, as in 2G or 500M (default: three quarters of what is free)',
    },
    (where, value) => expectNumber(where, value, { above: 0, what: 'a number of bytes' }),
  ),
};

/** How a kernel is written to a file in tiles. */
export const TILE_FILE_OPTIONS = {
  dtype: choiceOption<Dtype>({
    default: 'float64',
    choices: ['float64', 'float32'],
    help: 'numbers in the file',
  }),
  features: optional(choiceOption<FeatureStrategy>, {
    choices: FEATURE_STRATEGIES,
    help: 'how to recover features that do not fit into memory (default: the cheapest)',
  }),
};

/** Which eigenpairs are computed, and how well. */
export const EIGENPAIR_OPTIONS = {
  count: integerOption({ default: 10, help: 'number of eigenvalues' }),
  tolerance: numberOption({
    default: 1e-6,
    above: 0,
    max: 1,
    help: 'largest residual of a pair, divided by the largest eigenvalue',
  }),
};
