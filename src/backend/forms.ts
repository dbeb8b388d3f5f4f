/** The forms of a kernel: which entries of the K x K block of two inputs are computed. The twin is native/core/forms.hpp. */

/**
 * - `trace`: the sum of the block's diagonal
 * - `full`: the whole block
 * - `diagonal`: the block's diagonal
 * - `sum-of-logits`: the kernel of the one function sum_k f_k / sqrt(K)
 */
export type KernelForm = 'trace' | 'full' | 'diagonal' | 'sum-of-logits';

/** A kernel's form, and the net for its number of outputs K, the last width. */
export interface Formed {
  readonly form: KernelForm;
  readonly network: { readonly widths: readonly number[] };
}

/** Rows of deltas of one input: K, or 1 for the sum of logits. */
export function chainsOf({ form, network }: Formed): number {
  return form === 'sum-of-logits' ? 1 : network.widths.at(-1)!;
}

/** Numbers of a pair of inputs: 1, K or K^2. */
export function entriesOf({ form, network }: Formed): number {
  const outputs = network.widths.at(-1)!;
  return form === 'full' ? outputs ** 2 : form === 'diagonal' ? outputs : 1;
}

/** The shape of a kernel of n x n2 inputs. */
export function kernelShape(form: KernelForm, n: number, n2: number, outputs: number): number[] {
  if (form === 'full') return [n, n2, outputs, outputs];
  if (form === 'diagonal') return [n, n2, outputs];
  return [n, n2];
}
