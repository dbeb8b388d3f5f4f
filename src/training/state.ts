/** What a run needs to go on where it stopped. */
import { expectInteger, invalidArgument } from '../errors';
import type { Evaluation } from './loss';
import type { Workspace } from './task';

/** All that a run has after `step` steps, as plain arrays of its own. */
export interface TrainingState {
  readonly step: number;
  /** In the order of `net.parameters`. */
  readonly parameters: Float64Array;
  /** Momentum's v or Adam's m, and Adam's v; empty where the optimizer has none. */
  readonly moments: readonly [Float64Array, Float64Array];
  /** The losses before each of the steps taken. */
  readonly losses: Float64Array;
  readonly evaluations: readonly Evaluation[];
}

export function snapshot(
  run: {
    readonly workspace: Workspace;
    readonly losses: Float64Array;
    readonly evaluations: readonly Evaluation[];
  },
  step: number,
): TrainingState {
  const { parameters, moments } = run.workspace;
  return {
    step,
    parameters: Float64Array.from(parameters),
    moments: [Float64Array.from(moments[0]), Float64Array.from(moments[1])],
    losses: run.losses.slice(0, step),
    evaluations: [...run.evaluations],
  };
}

/** The beginning of a run: at step 0, or where a state says. */
export function restoreState(
  where: string,
  workspace: Workspace,
  steps: number,
  state: TrainingState | undefined,
) {
  const losses = new Float64Array(steps + 1);
  if (state === undefined) return { startStep: 0, losses, kernels: [], evaluations: [] };
  const name = `${where}: resumeFrom`;
  const startStep = expectInteger(`${name}.step`, state.step, { min: 0, max: steps });
  const restore = (part: string, target: Float64Array, source: Float64Array): void => {
    if (!(source instanceof Float64Array) || source.length !== target.length) {
      throw invalidArgument(`${name}.${part}`, `a Float64Array of ${target.length} numbers`, source);
    }
    target.set(source);
  };
  restore('parameters', workspace.parameters, state.parameters);
  restore('moments[0]', workspace.moments[0], state.moments[0]);
  restore('moments[1]', workspace.moments[1], state.moments[1]);
  restore('losses', losses.subarray(0, startStep), state.losses);
  return { startStep, losses, kernels: [], evaluations: [...state.evaluations] };
}
