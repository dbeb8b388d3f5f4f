/** Converts a graph to the layers of a net. The graph must be one chain of nodes from the input to the output. */
import { sizeOf } from '../../ndarray';
import { invalidFile } from '../files';
import type { LayerArrays } from '../layers';
import { arraysOf, foldBatchNorm, type Layer } from './batch-norm';
import { FLOAT_TYPES } from './constants';
import type { OnnxModel, OnnxNode, OnnxValue } from './messages';
import { attributesOf, expectInputCount, nodeName, refusedNode } from './nodes';
import { BATCH, extentWord, shapeOf } from './shapes';
import { Constants, isWider, transpose } from './values';

export interface OnnxOptions {
  /** Folds a BatchNormalization into the layer before it. By default it is refused. */
  readonly foldBatchNorm: boolean;
}

export interface OnnxNet {
  readonly layers: readonly LayerArrays[];
  /** Changes and assumptions, one sentence each. */
  readonly notes: readonly string[];
}

export function layersOfGraph({ graph, producer }: OnnxModel, name: string, options: OnnxOptions): OnnxNet {
  const constants = new Constants(graph, name);
  const inputs = graph.inputs.filter((value) => !constants.has(value.name));
  if (inputs.length !== 1) throw invalidFile(name, 'a graph of one input', listed(inputs));
  if (graph.outputs.length !== 1) throw invalidFile(name, 'a graph of one output', listed(graph.outputs));
  const chain = new Chain(inputs[0]!, constants, name, options, producer === 'pytorch');
  for (const node of graph.nodes) chain.append(node);
  return chain.finish(graph.outputs[0]!.name);
}

function expectBatchOfFloats({ name: value, elementType, dims }: OnnxValue, name: string): void {
  const where = `${name}: input ${JSON.stringify(value)}`;
  if (!FLOAT_TYPES.has(elementType)) throw invalidFile(where, 'floats', `data type ${elementType}`);
  if (dims === null || dims.length >= 2) return;
  throw invalidFile(where, 'a batch of inputs, [N, n_0] or more axes', `shape [${dims.join(', ')}]`);
}

function listed(values: readonly OnnxValue[]): string {
  return values.length === 0 ? 'none' : values.map((value) => JSON.stringify(value.name)).join(', ');
}

/** The part of the net that has been read. */
class Chain {
  readonly #layers: Layer[] = [];
  readonly #notes: string[] = [];
  readonly #constants: Constants;
  readonly #name: string;
  readonly #options: OnnxOptions;
  readonly #fromPyTorch: boolean;
  /** The name of the value that the chain has reached. */
  #value: string;
  #elementType: number;
  /** Whether that value has passed a Relu since the last layer. */
  #activated = false;
  #folded = false;
  readonly #batch: number | string | null;
  /** The extents of the inputs without the batch; null if they are unknown. */
  #extents: readonly (number | string | null)[] | null;

  constructor(
    input: OnnxValue,
    constants: Constants,
    name: string,
    options: OnnxOptions,
    fromPyTorch: boolean,
  ) {
    this.#constants = constants;
    this.#name = name;
    this.#options = options;
    this.#fromPyTorch = fromPyTorch;
    this.#value = input.name;
    this.#elementType = input.elementType;
    expectBatchOfFloats(input, name);
    // Exporters write the batch size of their example. It is ignored, because every operator of a chain works on rows.
    this.#batch = input.dims?.[0] ?? null;
    this.#extents = input.dims?.slice(1) ?? null;
  }

  append(node: OnnxNode): void {
    if (node.domain !== '' && node.domain !== 'ai.onnx') {
      throw this.#refused(node, 'a standard ONNX operator', `an operator of the domain ${node.domain}`);
    }
    const given = node.inputs.filter((input) => input !== '');
    if (given.every((input) => this.#constants.has(input)) && this.#constants.define(node)) return;
    if (node.op === 'Shape' && given.join() === this.#value && this.#defineShape(node)) return;
    const others = given.filter((input) => !this.#constants.has(input));
    if (others.length !== 1 || others[0] !== this.#value) {
      throw this.#refused(
        node,
        'one chain of nodes, in which each node takes the result of the previous node and constants',
        `the inputs ${given.map((input) => JSON.stringify(input)).join(', ') || 'none'}`,
      );
    }
    if (node.outputs.filter((output) => output !== '').length !== 1) {
      throw this.#refused(node, 'one output', `${node.outputs.length}`);
    }
    this.#apply(node);
    this.#value = node.outputs[0]!;
  }

  finish(output: string): OnnxNet {
    const last = this.#layers.at(-1);
    if (last === undefined) throw invalidFile(this.#name, 'at least one Gemm or MatMul', 'none');
    if (output !== this.#value) {
      throw invalidFile(
        this.#name,
        `the end of the chain, ${JSON.stringify(this.#value)}, as output`,
        JSON.stringify(output),
      );
    }
    if (this.#activated) throw invalidFile(this.#name, 'a last layer without activation', 'a Relu after it');
    if (this.#options.foldBatchNorm && !this.#folded)
      this.#notes.push(
        'The graph has no BatchNormalization: foldBatchNorm (--fold-batch-norm) changed nothing.',
      );
    return { layers: this.#layers.map(arraysOf), notes: this.#notes };
  }

  #apply(node: OnnxNode): void {
    expectInputCount(node, this.#name);
    switch (node.op) {
      case 'Gemm':
        this.#gemm(node);
        return;
      case 'MatMul':
        attributesOf(node, [], this.#name);
        this.#begin(node, this.#weightsAt(node, 1), false);
        return;
      case 'Add':
        attributesOf(node, [], this.#name);
        this.#add(
          node,
          node.inputs.find((input) => input !== this.#value)!,
        );
        return;
      case 'Relu':
        attributesOf(node, [], this.#name);
        if (this.#layers.length === 0) throw this.#refused(node, 'a layer before it', 'none');
        this.#activated = true;
        return;
      case 'Identity':
        return;
      case 'Dropout':
        attributesOf(node, ['ratio', 'seed'], this.#name);
        return;
      case 'Cast':
        this.#cast(node);
        return;
      case 'Flatten': {
        const axis = attributesOf(node, ['axis'], this.#name).axis?.int ?? 1;
        if (axis !== 1) throw this.#refused(node, 'axis 1', `${axis}`);
        this.#flatten();
        return;
      }
      case 'Reshape':
        this.#reshape(node);
        return;
      case 'BatchNormalization':
        this.#batchNorm(node);
        return;
      default:
        throw this.#refused(
          node,
          'a net of Gemm, MatMul, Add and Relu (with Flatten, Reshape, Identity, Dropout and Cast that change no number)',
          `the operator ${node.op}`,
        );
    }
  }

  #cast(node: OnnxNode): void {
    const to = attributesOf(node, ['to', 'saturate'], this.#name).to?.int ?? 0;
    if (!isWider(this.#elementType, to))
      throw this.#refused(node, 'a cast that changes no number', `one to data type ${to}`);
    this.#elementType = to;
  }

  #gemm(node: OnnxNode): void {
    const known = ['alpha', 'beta', 'transA', 'transB'] as const;
    const { alpha, beta, transA, transB } = attributesOf(node, known, this.#name);
    if ((transA?.int ?? 0) !== 0) throw this.#refused(node, 'transA 0', `${transA!.int}`);
    this.#begin(node, this.#weightsAt(node, 1), (transB?.int ?? 0) !== 0);
    const [, , bias = ''] = node.inputs;
    if (bias !== '') this.#add(node, bias);
    const layer = this.#layers.at(-1)!;
    for (const [factor, numbers] of [[alpha, layer.weights] as const, [beta, layer.biases] as const]) {
      if (factor === undefined || factor.float === 1 || numbers === null) continue;
      numbers.forEach((value, i) => (numbers[i] = value * factor.float));
      this.#notes.push(
        `${nodeName(node)} has ${factor.name} ${factor.float}, which is multiplied into the parameters: the kernel is that of the products`,
      );
    }
  }

  /** The name of the weights, which must be the given input of a node. */
  #weightsAt(node: OnnxNode, index: number): string {
    const value = node.inputs[index] ?? '';
    if (!this.#constants.has(value))
      throw this.#refused(node, `constant weights as input ${index + 1}`, 'the inputs of the layer');
    return value;
  }

  /** @param transposed whether the weights are outputs x inputs */
  #begin(node: OnnxNode, value: string, transposed: boolean): void {
    const before = this.#layers.at(-1);
    if (before !== undefined && !this.#activated) {
      throw this.#refused(node, `a Relu after ${nodeName(before.node)}`, 'none');
    }
    const shape = this.#constants.shapeOf(value);
    if (shape.length !== 2 || shape.includes(0)) {
      throw this.#refused(node, 'a matrix of weights', `shape [${shape.join(', ')}]`);
    }
    const [outputs, inputs] = transposed ? [shape[0]!, shape[1]!] : [shape[1]!, shape[0]!];
    if (before === undefined) this.#expectInputs(node, inputs);
    else if (before.outputs !== inputs) {
      throw this.#refused(
        node,
        `${before.outputs} inputs, the outputs of ${nodeName(before.node)}`,
        `${inputs}`,
      );
    }
    const numbers = this.#constants.parameter(value, nodeName(node));
    const weights = transposed ? numbers : transpose(numbers, inputs, outputs);
    this.#layers.push({ node, inputs, outputs, weights, biases: null });
    this.#activated = false;
    // In graphs of PyTorch's exporter, only the results of a batch normalization are taken from a tuple.
    if (this.#fromPyTorch && /^getitem(_\d+)?$/.test(node.outputs[0]!)) {
      this.#notes.push(
        `${nodeName(node)} seems to have a BatchNorm that PyTorch's exporter folded into it: the kernel is that of the folded weights and biases`,
      );
    }
  }

  #expectInputs(node: OnnxNode, inputs: number): void {
    const extents = this.#extents;
    if (extents === null) return;
    if (extents.length !== 1) {
      throw this.#refused(node, 'flattened inputs', `${extents.length + 1} axes`);
    }
    if (typeof extents[0] === 'number' && extents[0] !== inputs) {
      throw this.#refused(node, `${extents[0]} inputs, as the graph has`, `${inputs}`);
    }
  }

  #add(node: OnnxNode, value: string): void {
    const layer = this.#layers.at(-1);
    if (layer === undefined || this.#activated) {
      throw this.#refused(node, 'the bias of a Gemm or MatMul right before it', 'another place');
    }
    if (layer.biases !== null)
      throw this.#refused(node, `one bias of ${nodeName(layer.node)}`, 'a second bias');
    const shape = this.#constants.shapeOf(value);
    const row = shape.length === 1 || (shape.length === 2 && shape[0] === 1);
    if ((!row && !(shape.length === 0 && layer.outputs === 1)) || (row && shape.at(-1) !== layer.outputs)) {
      throw this.#refused(node, `a bias for each of ${layer.outputs} outputs`, `shape [${shape.join(', ')}]`);
    }
    layer.biases = this.#constants.parameter(value, nodeName(node));
  }

  #flatten(): void {
    if (this.#layers.length > 0 || this.#extents === null) return;
    const known = this.#extents.every((extent) => typeof extent === 'number');
    this.#extents = [known ? sizeOf(this.#extents as number[]) : null];
  }

  #defineShape(node: OnnxNode): boolean {
    const last = this.#layers.at(-1);
    const extents = last === undefined ? this.#extents : [last.outputs];
    if (extents !== null)
      this.#constants.defineIntegers(node.outputs[0]!, shapeOf(node, extents, this.#name));
    return extents !== null;
  }

  /** Accepts only a Reshape to [N, n]. The rows may be -1 or the N of the example, and the columns may be -1. */
  #reshape(node: OnnxNode): void {
    const { allowzero } = attributesOf(node, ['allowzero'], this.#name);
    const shape = this.#weightsAt(node, 1);
    const dims = this.#constants.shapeOf(shape).join();
    if (dims !== '2') throw this.#refused(node, 'a Reshape to [N, n]', `a shape of shape [${dims}]`);
    const [rows, columns] = Array.from(this.#constants.numbers(shape)) as [number, number];
    if (this.#layers.length === 0) this.#flatten();
    const width = this.#layers.at(-1)?.outputs ?? this.#extents?.[0];
    const kept = rows === BATCH || rows === this.#batch || (rows === 0 && (allowzero?.int ?? 0) === 0);
    const fits = columns === -1 || (columns > 0 && columns < BATCH && (width ?? columns) === columns);
    if ((!kept && !(rows === -1 && columns !== -1)) || !fits) {
      const got = `[${extentWord(rows)}, ${extentWord(columns)}]`;
      throw this.#refused(node, `a Reshape to [N, ${String(width ?? 'n')}]`, got);
    }
  }

  #batchNorm(node: OnnxNode): void {
    const layer = this.#layers.at(-1);
    if (!this.#options.foldBatchNorm || layer === undefined || this.#activated) {
      const remedy =
        layer !== undefined && !this.#activated
          ? '; foldBatchNorm (--fold-batch-norm) folds it into the layer before it'
          : '';
      throw this.#refused(node, 'a net without normalization layers', `a batch normalization${remedy}`);
    }
    foldBatchNorm(node, layer, this.#constants, this.#name);
    this.#folded = true;
    this.#notes.push(
      `${nodeName(node)} is folded into ${nodeName(layer.node)}: the kernel is that of the folded weights and biases`,
    );
  }

  #refused(node: OnnxNode, what: string, got: string): Error {
    return refusedNode(this.#name, node, what, got);
  }
}
