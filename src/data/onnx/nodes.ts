/** What is asked of every node of a graph. */
import { invalidFile } from '../files';
import type { OnnxAttribute, OnnxNode } from './messages';

/** `Gemm (node "node_linear")`, as messages call a node. */
export function nodeName({ op, name, outputs }: OnnxNode): string {
  return `${op} (node ${JSON.stringify(name === '' ? (outputs[0] ?? '') : name)})`;
}

/**
 * The attributes of a node by name.
 *
 * @param known the names that the reader knows; others are refused, so that none is ignored
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

/** Refuses a node, saying what stands in its way. */
export function refusedNode(name: string, node: OnnxNode, what: string, got: string): Error {
  return invalidFile(`${name}: ${nodeName(node)}`, what, got);
}
