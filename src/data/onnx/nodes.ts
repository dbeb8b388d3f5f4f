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
