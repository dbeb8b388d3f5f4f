import type { Addon } from '../../src/backend/native/addon';

export type Random = (n: number) => number;
export interface HostileTask {
  readonly operation: string;
  readonly call: object;
}
export const TASKS: Record<string, (random: Random) => object>;
export function generator(seed: number): Random;
export function hostileTask(random: Random, operations?: readonly string[]): HostileTask;
/** The status of the job at its end, or null if the task was refused. */
export function attempt(addon: Addon, task: HostileTask, random: Random): Promise<number | null>;
