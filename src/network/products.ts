/** What can be had of a kernel, or of the Jacobian, without forming either; docs/large-kernels.md has examples. */
import type { ArrayInput } from '../array-input';
import type { NtkOutputs } from '../kernel/ntk';
import * as diagonal from '../large/diagonal';
import * as eigenpairs from '../large/eigenpairs';
import type { KernelProductOptions, ProductOptions } from '../large/operator';
import * as products from '../large/products';
import * as sketch from '../large/sketch';
import { type Mlp, networkOf, readNet } from './mlp';

/** The arguments of a function of the public face, with the net as the computations see it. */
function withNetwork<Rest extends unknown[], Result>(
  compute: (network: ReturnType<typeof networkOf>, ...rest: Rest) => Result,
  net: Mlp,
  ...rest: Rest
): Result {
  return compute(networkOf(readNet(compute.name, net)), ...rest);
}

/**
 * The kernel of X times V, exactly, without the kernel: K V = J (J' V), two passes of back-propagation's products.
 * Cost: 2 N P (1 + K) operations for features and 4 N P a vector (for `trace` and `mean` times K outputs), with P
 * parameters; memory: a block of features, or all where they fit, and P numbers a vector.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @param V N or N x r numbers; for `outputs: 'full'` N x K or N x K x r
 * @returns an array of V's shape
 * @throws DeepntkError `ERR_INVALID_ARGUMENT`, `ERR_OUT_OF_MEMORY` where `memoryLimit` is too low; the signal's reason
 * @example const product = await kernelProduct(net, X, [1, -1, 0.5]); // three inputs
 */
export async function kernelProduct(
  net: Mlp,
  X: ArrayInput,
  V: ArrayInput,
  options: KernelProductOptions = {},
): Promise<products.ProductResult> {
  return withNetwork(products.kernelProduct, net, X, V, options);
}

/**
 * The largest eigenvalues of the kernel of X and their eigenvectors, without the kernel. Every residual is computed, and
 * `converged` says whether all of them are within the tolerance; where they are not, the values are lower bounds.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @see K. Wu and H. Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, 2000
 * @example const { values, residuals, converged } = await topEigenpairs(net, X, { count: 20 });
 */
export async function topEigenpairs(
  net: Mlp,
  X: ArrayInput,
  options: eigenpairs.EigenpairOptions,
): Promise<eigenpairs.Eigenpairs> {
  return withNetwork(eigenpairs.topEigenpairs, net, X, options);
}

/**
 * What {@link topEigenpairs} would do with the same arguments: blocks, memory, the basis, operations; nothing is computed.
 *
 * @param X inputs, N x n_0 or n_0 (one input), or their number N
 */
export function explainTopEigenpairs(
  net: Mlp,
  X: ArrayInput | number,
  options: eigenpairs.EigenpairOptions,
): eigenpairs.EigenpairPlan {
  return withNetwork(eigenpairs.explainTopEigenpairs, net, X, options);
}

/**
 * Theta(x, x) of every input: cost and memory grow with N, not N^2.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @returns N (trace, mean, sum-of-logits), N x K (diagonal) or N x K x K (full)
 */
export async function kernelDiagonal(
  net: Mlp,
  X: ArrayInput,
  options: diagonal.KernelDiagonalOptions = {},
): Promise<products.ProductResult & { readonly outputs: NtkOutputs }> {
  return withNetwork(diagonal.kernelDiagonal, net, X, options);
}

/**
 * J v, exactly: the derivative of the outputs at X along v in parameter space. The Jacobian is not formed: layer by layer
 * delta^l . (V^l x^{l-1}), with the deltas of all outputs.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @param V P or P x r numbers, in the order of the columns of `net.jacobian`
 * @returns N x K, or N x K x r
 */
export async function jacobianVector(
  net: Mlp,
  X: ArrayInput,
  V: ArrayInput,
  options: ProductOptions = {},
): Promise<products.ProductResult> {
  return withNetwork(products.jacobianVector, net, X, V, options);
}

/**
 * J' u, exactly: the gradient of sum_ik u_ik f_k(x_i), by back-propagation.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @param U N x K or N x K x r numbers
 * @returns P, or P x r
 */
export async function vectorJacobian(
  net: Mlp,
  X: ArrayInput,
  U: ArrayInput,
  options: ProductOptions = {},
): Promise<products.ProductResult> {
  return withNetwork(products.vectorJacobian, net, X, U, options);
}

/**
 * An unbiased estimate of the kernel from r random projections: (J W) (J W)' / r with W of independent normals. The
 * standard deviation of an entry of one output is sqrt((K_ab^2 + K_aa K_bb) / r); `standardError` estimates each from the
 * projections themselves. `features` are J W, N K x r, for methods that work on random features.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @returns N x N, with its errors
 */
export async function sketchNtk(
  net: Mlp,
  X: ArrayInput,
  options: sketch.SketchOptions,
): Promise<sketch.SketchResult> {
  return withNetwork(sketch.sketchNtk, net, X, options);
}
