/** Closed forms about the NTK of ReLU nets: pure functions that need no backend. */
export { moments, type MomentPair, type Moments, type MomentsOptions } from './moments';
export type { Assumption } from './moment-recursion';
