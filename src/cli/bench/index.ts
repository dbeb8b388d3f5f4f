/** The suites, in the order in which they run. */
import { jacobianSuite } from './jacobian';
import { kernelSuite } from './kernel';
import { samplingSuite } from './sampling';
import { startupSuite } from './startup';
import type { Suite } from './suite';
import { trainingSuite } from './training';

export const SUITES: readonly Suite[] = [
  kernelSuite,
  jacobianSuite,
  samplingSuite,
  trainingSuite,
  startupSuite,
];
