/** The options of `createSpec`, each declared once for the library and for the commands that draw a net. */
import { invalidArgument } from '../errors';
import { choiceOption, declareOption, integerOption, numberOption, optional } from '../options';

/** The largest depth, because a layer's number has 24 bits in the address of a random stream. */
const MAX_DEPTH = 2 ** 24 - 2;

/** n_0 .. n_{L+1} */
export const WIDTH_OPTIONS = {
  inputDim: optional(integerOption, { help: 'inputs of the net' }),
  depth: optional(integerOption, { min: 0, max: MAX_DEPTH, help: 'hidden layers' }),
  width: optional(integerOption, { help: 'width of every hidden layer' }),
  hiddenWidths: declareOption<readonly number[] | undefined>(
    'sizes',
    {
      default: undefined,
      flag: 'hidden',
      help: 'widths of the hidden layers one by one, as in 300,200,100',
    },
    readSizes,
  ),
  outputDim: integerOption({ default: 1, flag: 'outputs', help: 'outputs of the net' }),
};

/** Which net of a law is drawn. */
export const RANDOM_OPTIONS = {
  seed: integerOption({ default: 0, min: 0, help: 'seed of the random numbers' }),
  replica: integerOption({ default: 0, min: 0, help: 'which of the independent nets of the seed' }),
};

/** The law of initialization and the parametrization. */
export const LAW_OPTIONS = {
  weightVariance: numberOption({ default: 2, above: 0, flag: 'sw2', help: 'weight variance sigma_w^2' }),
  biasVariance: numberOption({ default: 0, min: 0, flag: 'sb2', help: 'bias variance sigma_b^2' }),
  parametrization: choiceOption<'standard' | 'ntk'>({
    default: 'standard',
    choices: ['standard', 'ntk'],
    help: 'where the variances enter',
  }),
  biasGradients: declareOption<boolean | readonly boolean[]>(
    'switch',
    { default: true, help: 'count biases as parameters' },
    (where, value) => {
      if (typeof value === 'boolean' || Array.isArray(value)) return value as boolean | readonly boolean[];
      throw invalidArgument(where, 'true, false, or a list of them, one for each layer', value);
    },
  ),
};

function readSizes(where: string, value: unknown): readonly number[] {
  if (!Array.isArray(value)) throw invalidArgument(where, 'an array of positive integers', value);
  return Array.from(value as readonly unknown[], (width, i) =>
    WIDTH_OPTIONS.outputDim.read(`${where}[${i}]`, width),
  );
}
