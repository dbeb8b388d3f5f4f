import type { ArrayInput } from '../array-input';
import type { EigenpairOptions, Eigenpairs } from '../large/eigenpairs';
import { type Mlp, readNet } from './mlp';

/**
 * The largest eigenvalues of the kernel of X and their eigenvectors: `net.topEigenpairs(X, options)` as a function.
 *
 * @param X inputs, N x n_0, or n_0 numbers for one input; any `ArrayInput`
 * @example const { values, residuals, converged } = await topEigenpairs(net, X, { count: 20 });
 */
export async function topEigenpairs(net: Mlp, X: ArrayInput, options: EigenpairOptions): Promise<Eigenpairs> {
  return readNet('topEigenpairs', net).topEigenpairs(X, options);
}
