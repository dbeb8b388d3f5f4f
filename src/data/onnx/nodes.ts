/** Helpers for every node of a graph. */
import { invalidFile } from '../files';
import type { OnnxAttribute, OnnxNode } from './messages';

/** The name of a node in messages, such as `Gemm (node "node_linear")`. */
export function nodeName({ op, name, outputs }: OnnxNode): string {
  return `${op} (node ${JSON.stringify(name === '' ? (outputs[0] ?? '') : name)})`;
}

/**
 * The attributes of a node by name.
 *
 * @param known the names that the reader knows. Other names are refused, so that no attribute is ignored
 */
export function attributesOf<Name extends string>(
  node: OnnxNode,
  known: readonly Name[],
  name: string,
): Partial<Record<Name, OnnxAttribute>> {
  const found: Partial<Record<Name, OnnxAttribute>> = {};
  for (const attribute of node.attributes) {
    if (!(known as readonly string[]).includes(attribute.name)) {
      const what = known.length === 0 ? 'no attributes' : `no attributes but ${known.join(', ')}`;
      throw invalidFile(`${name}: ${nodeName(node)}`, what, JSON.stringify(attribute.name));
    }
    found[attribute.name as Name] = attribute;
  }
  return found;
}

/** The error that refuses a node. */
export function refusedNode(name: string, node: OnnxNode, what: string, got: string): Error {
  return invalidFile(`${name}: ${nodeName(node)}`, what, got);
}

/** The least and the most inputs of the operators that a chain may have; BatchNormalization is checked where it is folded. */
const INPUT_COUNTS: ReadonlyMap<string, readonly [least: number, most: number]> = new Map([
  ['Gemm', [2, 3]],
  ['MatMul', [2, 2]],
  ['Add', [2, 2]],
  ['Relu', [1, 1]],
  ['Identity', [1, 1]],
  // A third input is the training mode, in which units are dropped.
  ['Dropout', [1, 2]],
  ['Cast', [1, 1]],
  ['Flatten', [1, 1]],
  ['Reshape', [2, 2]],
]);

/** Refuses a node with more or fewer inputs than its operator has, so that none is missed or ignored. */
export function expectInputCount(node: OnnxNode, name: string): void {
  const [least, most] = INPUT_COUNTS.get(node.op) ?? [0, Infinity];
  const count = node.inputs.filter((input) => input !== '').length;
  if (count >= least && count <= most) return;
  const inputs = most === 1 ? '1 input' : `${least === most ? '' : `${least} or `}${most} inputs`;
  throw refusedNode(name, node, inputs, `${count}`);
}
