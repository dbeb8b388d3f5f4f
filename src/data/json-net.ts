/**
 * A net as JSON, for people and for programs without a reader of binary formats:
 *
 *     { "format": "deepntk-net", "version": 1,
 *       "spec": { "inputDim": 2, "hiddenWidths": [3], "outputDim": 1, "weightVariance": 2, "biasVariance": 0,
 *                 "parametrization": "standard", "biasGradients": true },
 *       "layers": [ { "weights": { "shape": [3, 2], "data": [...] }, "biases": { "shape": [3], "data": [...] } }, ... ] }
 *
 * `spec` has the fields and defaults of `createSpec`. If `weightVariance` and `biasVariance` are null, the law is
 * unknown. If `biases` is null, the layer has no biases, and its entry of `biasGradients` is false. `data` is flat and row-major; a row of weights belongs to
 * one output of the layer. Numbers have as many digits as a float64 needs to come back bit for bit.
 */
import { DeepntkError, describe, invalidArgument } from '../errors';
import { sizeOf, type NdArray } from '../ndarray';
import { invalidFile, shown } from './files';
import type { LayerArrays } from './layers';

const FORMAT = 'deepntk-net';
const VERSION = 1;

/** JavaScript strings end near 2^29 characters; a number takes up to 25. */
const MAX_PARAMETERS = 2 ** 24;

export interface JsonNet {
  /** As it stands in the file: to be validated by `createSpec`. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** First to last; shapes and lengths agree within a layer, and from a layer to the next. */
  readonly layers: readonly LayerArrays[];
}

/**
 * Writes a net as JSON text, a line for each layer's weights and biases.
 *
 * @param spec what `createSpec` takes
 * @throws DeepntkError `ERR_INVALID_ARGUMENT` where a parameter is NaN or infinite, which JSON cannot say, or the net is
 *   too large for a string (more than 2^24 parameters): safetensors has no such limit
 */
export function encodeJsonNet(spec: object, layers: readonly LayerArrays[]): string {
  const parameters = layers.reduce(
    (sum, { weights, biases }) => sum + weights.data.length + (biases?.data.length ?? 0),
    0,
  );
  if (parameters > MAX_PARAMETERS) {
    throw invalidArgument(
      'JSON net',
      `at most ${MAX_PARAMETERS} parameters (a .safetensors file holds more)`,
      parameters,
    );
  }
  const layerTexts = layers.map(({ weights, biases }, index) => {
    const where = `JSON net: layer ${index + 1}`;
    const text = biases === null ? 'null' : encodeArray(biases, `${where}: biases`);
    return `{ "weights": ${encodeArray(weights, `${where}: weights`)},\n      "biases": ${text} }`;
  });
  return `{ "format": "${FORMAT}", "version": ${VERSION},
  "spec": ${JSON.stringify(spec)},
  "layers": [
    ${layerTexts.join(',\n    ')}
  ] }
`;
}

/**
 * Reads a JSON net.
 *
 * @param text the file's content
 * @param name what error messages call it
 * @throws DeepntkError `ERR_INVALID_FILE` where the text is not JSON, not a net, of another version, or its arrays do not
 *   fit together
 */
export function decodeJsonNet(text: string, name = 'JSON net'): JsonNet {
  const root = expectObject(parse(text, name), name, ['format', 'version', 'spec', 'layers']);
  if (root.format !== FORMAT)
    throw invalidFile(`${name}: format`, JSON.stringify(FORMAT), describe(root.format));
  if (root.version !== VERSION) throw invalidFile(`${name}: version`, `${VERSION}`, describe(root.version));
  const spec = expectObject(root.spec, `${name}: spec`);
  if (!Array.isArray(root.layers) || root.layers.length === 0) {
    throw invalidFile(`${name}: layers`, 'a list of at least one layer', describe(root.layers));
  }
  const layers = root.layers.map((layer: unknown, index) =>
    decodeLayer(layer, `${name}: layer ${index + 1}`),
  );
  layers.slice(1).forEach(({ weights }, index) => {
    const given = layers[index]!.weights.shape[0]!;
    if (weights.shape[1] !== given) {
      throw invalidFile(
        `${name}: layer ${index + 2}: weights`,
        `${given} columns, the outputs of layer ${index + 1}`,
        `${weights.shape[1]!}`,
      );
    }
  });
  return { spec, layers };
}

function encodeArray({ data, shape }: NdArray, where: string): string {
  const numbers = Array.from(data, (value, index) => {
    if (!Number.isFinite(value)) throw invalidArgument(`${where}: entry ${index}`, 'a finite number', value);
    return Object.is(value, -0) ? '-0' : String(value);
  });
  return `{ "shape": ${JSON.stringify(shape)}, "data": [${numbers.join(',')}] }`;
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message.replace(/\s+/g, ' ').slice(0, 160);
    throw new DeepntkError('ERR_INVALID_FILE', `${name}: not JSON: ${message}`, { cause: error });
  }
}

function decodeLayer(layer: unknown, where: string): LayerArrays {
  const { weights, biases } = expectObject(layer, where, ['weights', 'biases']);
  const matrix = decodeArray(weights, `${where}: weights`, 2, 'the shape [outputs, inputs]');
  if (biases === null) return { weights: matrix, biases };
  const vector = decodeArray(biases, `${where}: biases`, 1, 'the shape [outputs]');
  if (vector.shape[0] !== matrix.shape[0]) {
    throw invalidFile(
      `${where}: biases`,
      `${matrix.shape[0]!} of them, one for each row of the weights`,
      `${vector.shape[0]!}`,
    );
  }
  return { weights: matrix, biases: vector };
}

function decodeArray(value: unknown, where: string, axes: number, what: string): NdArray<Float64Array> {
  const { shape, data } = expectObject(value, where, ['shape', 'data']);
  if (
    !Array.isArray(shape) ||
    shape.length !== axes ||
    !shape.every((n) => Number.isSafeInteger(n) && n > 0)
  ) {
    throw invalidFile(where, `${what} in positive integers`, shown(shape));
  }
  const sizes = shape as number[];
  if (!Array.isArray(data) || data.length !== sizeOf(sizes)) {
    throw invalidFile(where, `${sizeOf(sizes)} numbers for shape [${sizes.join(', ')}]`, describe(data));
  }
  const wrong = data.findIndex((entry) => !Number.isFinite(entry));
  if (wrong >= 0) throw invalidFile(`${where}: entry ${wrong}`, 'a finite number', describe(data[wrong]));
  return { data: Float64Array.from(data as number[]), shape: sizes };
}

/** An object that has no other keys than the known ones, so that a misspelt key is not ignored. */
function expectObject(value: unknown, where: string, known?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidFile(where, 'an object', describe(value));
  }
  const unknown = known && Object.keys(value).find((key) => !known.includes(key));
  if (known !== undefined && unknown !== undefined) {
    throw invalidFile(where, `no keys but ${known.join(', ')}`, JSON.stringify(unknown));
  }
  return value as Record<string, unknown>;
}
