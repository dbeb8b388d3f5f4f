/** A net as plain data, which any thread and any copy of the package can read. */
import { DeepntkError, describe, invalidArgument, mismatch } from '../errors';
import { isFloatArray } from '../ndarray';
import { allocateParameters, parameterCount } from './parameters';
import { type MlpSpec, readMlpSpec } from './spec';

/** A net as plain data, for `postMessage` and `structuredClone`; see `Mlp.toPlain`. */
export interface PlainNet {
  readonly format: 'deepntk-net';
  readonly version: 1;
  readonly spec: MlpSpec;
  /** In the order of `Mlp.parameters`. */
  readonly parameters: Float64Array;
  readonly notes: readonly string[];
}

/** @internal */
export function readPlainNet(where: string, plain: unknown): PlainNet {
  if (typeof plain !== 'object' || plain === null)
    throw invalidArgument(where, 'a plain net from Mlp.toPlain', plain);
  if (hasFieldsOfNet(plain))
    throw mismatch(where, 'a plain net', 'a net or a structuredClone of one: pass net.toPlain()');
  const { format, version, spec, parameters, notes = [] } = plain as Readonly<Record<string, unknown>>;
  if (format !== 'deepntk-net' || version !== 1) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: expected a plain net { format: "deepntk-net", version: 1, ... }, got format ${describe(format)}, version ` +
        `${describe(version)}: it may come from another version of deepntk`,
    );
  }
  const read = readMlpSpec(where, spec);
  const count = parameterCount(read);
  if (
    !ArrayBuffer.isView(parameters) ||
    !isFloatArray(parameters) ||
    parameters.length !== count ||
    parameters.BYTES_PER_ELEMENT !== 8
  ) {
    throw invalidArgument(`${where}: parameters`, `a Float64Array of ${count} entries`, parameters);
  }
  if (!Array.isArray(notes) || !notes.every((note) => typeof note === 'string')) {
    throw invalidArgument(`${where}: notes`, 'a list of strings', notes);
  }
  return { format, version, spec: read, parameters: parameters as Float64Array, notes };
}

/** @internal Whether this is an `Mlp`, or what `structuredClone` and `postMessage` make of one, which is of no use. */
export function hasFieldsOfNet(value: object): boolean {
  return ['spec', 'parameters', 'layers'].every((name) => name in value);
}

/** @internal Threads read parameters in place, so their memory must be shared and of fixed size. */
export function inSharedMemory(where: string, spec: MlpSpec, parameters: Float64Array): Float64Array {
  const { buffer } = parameters;
  const growable = 'growable' in buffer && buffer.growable === true;
  if (Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]' && !growable) return parameters;
  const copy = allocateParameters(where, spec);
  copy.set(parameters);
  return copy;
}
