/** The backend that runs everywhere: register-blocked loops over typed arrays, in worker threads if a job is large. */
import { fillNormals } from '../../random/normal';
import {
  type Backend,
  type Operation,
  type Operations,
  operationsOf,
  type RunOptions,
  type TaskOf,
} from '../seam';
import { PROGRAMS } from './programs';
import { execute } from './run';

export const typescriptBackend: Backend = {
  name: 'typescript',
  describe: () => ({ blas: null, cuda: null }),
  fillNormals: (out, key, scale) => {
    fillNormals(out, key, scale);
  },
  ...operationsOf(
    PROGRAMS,
    <O extends Operation>(name: O) =>
      ((task: TaskOf<O>, run: RunOptions) => execute(name, task, run)) as Operations[O],
  ),
};
