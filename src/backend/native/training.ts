import { LOSS_NAMES, type OptimizerRule, type RunOptions, type TrainTask } from '../seam';
import type { Addon, TrainingArguments } from './addon';
import { runJob } from './job';

const OPTIMIZERS: readonly OptimizerRule['name'][] = ['gd', 'momentum', 'adam'];

/** Takes steps of gradient descent in a job of the addon. */
export async function train(
  addon: Addon,
  task: TrainTask,
  network: Pick<
    TrainingArguments,
    'widths' | 'parameters' | 'weightGains' | 'biasGains' | 'x' | 'n' | 'threads'
  >,
  run: RunOptions,
): Promise<void> {
  const job: TrainingArguments = {
    ...network,
    y: task.y,
    loss: LOSS_NAMES.indexOf(task.loss),
    biasGradients: task.biasGradients,
    optimizer: OPTIMIZERS.indexOf(task.optimizer.name),
    beta1: task.optimizer.beta1,
    beta2: task.optimizer.beta2,
    epsilon: task.optimizer.epsilon,
    firstMoments: task.moments[0],
    secondMoments: task.moments[1],
    stepsBefore: task.stepsBefore,
    steps: task.batchSizes.length,
    learningRates: task.learningRates,
    batchSizes: task.batchSizes,
    batchRows: task.batchRows,
    losses: task.losses,
    gradients: task.gradients,
    slots: task.gradients.length,
    minSlotRows: task.minSlotRows,
    rowBlock: task.rowBlock,
  };
  await runJob((listener) => addon.startTraining(job, listener), null, run, train);
}
