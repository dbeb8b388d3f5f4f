/** The options for the file of a net, each declared once for `Mlp.load` and for the commands. */
import { invalidArgument } from '../errors';
import { declareOption, switchOption } from '../options';

export const SAFETENSORS_OPTIONS = {
  order: declareOption<readonly string[] | undefined>(
    'names',
    { default: undefined, help: 'modules of a .safetensors --net in the order in which they run' },
    (where, value) => {
      if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value;
      throw invalidArgument(where, 'a list of names of modules', value);
    },
  ),
  prefix: declareOption<string | undefined>(
    'text',
    {
      default: undefined,
      help: 'prefix of one net in a .safetensors --net with several nets, such as models.0.',
    },
    (where, value) => {
      if (typeof value === 'string' && value !== '') return value;
      throw invalidArgument(where, 'the prefix of the tensors of one net', value);
    },
  ),
};

export const ONNX_OPTIONS = {
  foldBatchNorm: switchOption<boolean>({
    default: false,
    help: 'fold a BatchNormalization of an .onnx --net into the layer before it',
  }),
};
