/** The computations of a net: outputs, Jacobian and kernel, and products with them that form neither. */
import type { ArrayInput } from '../array-input';
import { forward, type ForwardOptions, type ForwardResult } from '../kernel/forward';
import { jacobian, type JacobianOptions, type JacobianResult } from '../kernel/jacobian';
import {
  explainNtk,
  type KernelNetwork,
  ntk,
  type NtkOptions,
  type NtkOutputs,
  type NtkResult,
  type NtkResultPerLayer,
} from '../kernel/ntk';
import type { KernelPlan } from '../kernel/plan';
import * as diagonal from '../large/diagonal';
import * as eigenpairs from '../large/eigenpairs';
import { explainNtkToFile, type NtkFileOptions, type NtkFileResult, ntkToFile } from '../large/ntk-to-file';
import type { KernelProductOptions, ProductOptions } from '../large/operator';
import { ntkToPart } from '../large/parts';
import type { LargeKernelPlan } from '../large/plan';
import * as products from '../large/products';
import * as sketch from '../large/sketch';

/** @internal A net as kernel functions take it. */
export let networkOf: (net: Computations) => KernelNetwork;

/** What a net computes of inputs. Every method leaves the net unchanged; docs/large-kernels.md compares the methods. */
export abstract class Computations {
  readonly #network: KernelNetwork;

  static {
    networkOf = (net) => net.#network;
  }

  /** @internal */
  protected constructor(network: KernelNetwork) {
    this.#network = network;
  }

  /**
   * The outputs f(X).
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N x K
   */
  forward(X: ArrayInput, options: ForwardOptions = {}): Promise<ForwardResult> {
    return forward(this.#network, X, options);
  }

  /**
   * The derivatives of every output by every trained parameter. Memory: N K P numbers; for kernels use {@link ntk}.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N x K x P, columns in the order of {@link parameters} (those that `parameters` and `layers` choose)
   */
  jacobian(X: ArrayInput, options: JacobianOptions = {}): Promise<JacobianResult> {
    return jacobian(this.#network, X, options);
  }

  /**
   * The empirical neural tangent kernel Theta(x, x') = sum over trained parameters p of df(x)/dp df(x')/dp, in float64
   * by default. `outputs: 'trace'`, the default, is the SUM over the K outputs; `'mean'` is the trace divided by K.
   *
   * With weight gains 1 (standard parametrization), biases trained: Theta = sum_l (x^{l-1}.x'^{l-1} + 1)(delta^l.delta'^l).
   * Cost: 2 N sum_l n_{l-1} n_l (1 + K) + N^2 sum_l (n_{l-1} + K n_l) floating-point operations; see {@link explainNtk}.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @param X2 other inputs, N' x n_0 or n_0; X itself by default, and the kernel is then exactly symmetric
   * @returns N x N' (trace, mean, sum-of-logits), N x N' x K (diagonal) or N x N' x K x K (full), with what made it
   * @throws DeepntkError `ERR_INVALID_ARGUMENT` for wrong shapes, NaN, unknown options; `ERR_OUT_OF_MEMORY` before
   *   anything is allocated where the arrays would not fit; the signal's reason on abort
   * @see theory.md section 1; Jacot, Gabriel and Hongler 2018; Novak, Sohl-Dickstein and Schoenholz 2022 (structure)
   * With `out` the kernel is not returned but written to a .npy file, tile by tile, in memory bounded by `memoryLimit`; an
   * interrupted call goes on where it was when it is made again (docs/large-kernels.md). The bits in the file depend (but on a GPU)
   * neither on the limit nor on threads or interruptions. X and X2 are then read in place: do not change them meanwhile.
   * Further errors: `ERR_INVALID_FILE` where the file exists or cannot be written, or other settings have begun it.
   *
   * @example const kernel = await net.ntk([[0.1, 0.2], [0.3, 0.4]]); // of a net with two inputs
   */
  ntk(X: ArrayInput, X2: ArrayInput | null | undefined, options: NtkFileOptions): Promise<NtkFileResult>;
  ntk(
    X: ArrayInput,
    X2: ArrayInput | null | undefined,
    options: NtkOptions & { readonly perLayer: true },
  ): Promise<NtkResultPerLayer>;
  ntk(X: ArrayInput, X2?: ArrayInput | null, options?: NtkOptions): Promise<NtkResult>;
  ntk(
    X: ArrayInput,
    X2?: ArrayInput | null,
    options: NtkOptions | NtkFileOptions = {},
  ): Promise<NtkResult | NtkResultPerLayer | NtkFileResult> {
    if (isFileOptions(options)) {
      const compute = options.shard === undefined ? ntkToFile : ntkToPart;
      return compute(this.#network, X, X2 ?? null, options);
    }
    return ntk(this.#network, X, X2 ?? null, options);
  }

  /**
   * What {@link ntk} would do with the same arguments: floating-point operations, bytes, blocks, threads and backend;
   * with `memoryLimit`, how it would write the kernel to a file. Nothing is computed.
   *
   * @param X the inputs, or how many there are
   * @param X2 likewise
   */
  explainNtk(
    X: ArrayInput | number,
    X2: ArrayInput | number | null | undefined,
    options: Omit<NtkFileOptions, 'out'> & { readonly memoryLimit: number },
  ): LargeKernelPlan;
  explainNtk(X: ArrayInput | number, X2?: ArrayInput | number | null, options?: NtkOptions): KernelPlan;
  explainNtk(
    X: ArrayInput | number,
    X2?: ArrayInput | number | null,
    options: NtkOptions | (Omit<NtkFileOptions, 'out'> & { readonly memoryLimit: number }) = {},
  ): KernelPlan | LargeKernelPlan {
    if (typeof options !== 'object' || (options as unknown) === null || !('memoryLimit' in options))
      return explainNtk(this.#network, X, X2 ?? null, options);
    return explainNtkToFile(this.#network, X, X2 ?? null, options);
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
   * @example const product = await net.kernelProduct(X, [1, -1, 0.5]); // three inputs
   */
  async kernelProduct(
    X: ArrayInput,
    V: ArrayInput,
    options: KernelProductOptions = {},
  ): Promise<products.ProductResult> {
    return products.kernelProduct(this.#network, X, V, options);
  }

  /**
   * The largest eigenvalues of the kernel of X and their eigenvectors, without the kernel. Every residual is computed, and
   * `converged` says whether all of them are within the tolerance; where they are not, the values are lower bounds.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @see K. Wu and H. Simon, Thick-restart Lanczos method for large symmetric eigenvalue problems, 2000
   * @example const { values, residuals, converged } = await net.topEigenpairs(X, { count: 20 });
   */
  async topEigenpairs(X: ArrayInput, options: eigenpairs.EigenpairOptions): Promise<eigenpairs.Eigenpairs> {
    return eigenpairs.topEigenpairs(this.#network, X, options);
  }

  /**
   * What {@link topEigenpairs} would do with the same arguments: blocks, memory, the basis, operations; nothing is computed.
   *
   * @param X inputs, N x n_0 or n_0 (one input), or their number N
   */
  explainTopEigenpairs(
    X: ArrayInput | number,
    options: eigenpairs.EigenpairOptions,
  ): eigenpairs.EigenpairPlan {
    return eigenpairs.explainTopEigenpairs(this.#network, X, options);
  }

  /**
   * Theta(x, x) of every input: cost and memory grow with N, not N^2.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N (trace, mean, sum-of-logits), N x K (diagonal) or N x K x K (full)
   */
  async kernelDiagonal(
    X: ArrayInput,
    options: diagonal.KernelDiagonalOptions = {},
  ): Promise<products.ProductResult & { readonly outputs: NtkOutputs }> {
    return diagonal.kernelDiagonal(this.#network, X, options);
  }

  /**
   * J v, exactly: the derivative of the outputs at X along v in parameter space. The Jacobian is not formed: layer by layer
   * delta^l . (V^l x^{l-1}), with the deltas of all outputs.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @param V P or P x r numbers, in the order of the columns of `net.jacobian`
   * @returns N x K, or N x K x r
   */
  async jacobianVector(
    X: ArrayInput,
    V: ArrayInput,
    options: ProductOptions = {},
  ): Promise<products.ProductResult> {
    return products.jacobianVector(this.#network, X, V, options);
  }

  /**
   * J' u, exactly: the gradient of sum_ik u_ik f_k(x_i), by back-propagation.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @param U N x K or N x K x r numbers
   * @returns P, or P x r
   */
  async vectorJacobian(
    X: ArrayInput,
    U: ArrayInput,
    options: ProductOptions = {},
  ): Promise<products.ProductResult> {
    return products.vectorJacobian(this.#network, X, U, options);
  }

  /**
   * An unbiased estimate of the kernel from r random projections: (J W) (J W)' / r with W of independent normals. The
   * standard deviation of an entry of one output is sqrt((K_ab^2 + K_aa K_bb) / r); `standardError` estimates each from the
   * projections themselves. `features` are J W, N K x r, for methods that work on random features.
   *
   * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
   * @returns N x N, with its errors
   */
  async sketchNtk(X: ArrayInput, options: sketch.SketchOptions): Promise<sketch.SketchResult> {
    return sketch.sketchNtk(this.#network, X, options);
  }
}

function isFileOptions(options: unknown): options is NtkFileOptions {
  return typeof options === 'object' && options !== null && 'out' in options;
}
