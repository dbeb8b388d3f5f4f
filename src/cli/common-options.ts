/** Options that several commands have. */
import { type Command, Option } from 'commander';

import { RUN_OPTIONS } from '../kernel/options';
import { RANDOM_OPTIONS } from '../network/spec-options';
import { type OptionsOf } from '../options';
import { expectTarget } from '../runs/target';
import { addDeclaredOptions, givenOptions, jsonOption, optionsOf } from './declared';
import { shardOf } from './lists';
import { UsageError } from './usage';

/** Adds the flags for where the command computes, and `--json`. */
export function addRunOptions(command: Command): Command {
  return addDeclaredOptions(command.optionsGroup('Computation:'), RUN_OPTIONS).addOption(jsonOption());
}

/** The given flags of {@link addRunOptions}, as options of the library. */
export function runOptions(flags: object, command: Command): OptionsOf<typeof RUN_OPTIONS> {
  return givenOptions(RUN_OPTIONS, flags, command);
}

export const seedOption = () => optionsOf('seed', RANDOM_OPTIONS.seed)[0]!;

/** The flags of {@link addOutOptions}. */
export interface OutFlags {
  readonly out?: string;
  readonly force?: true;
}

/** Adds `--out` and `--force`. @param help the help of `--out` */
export function addOutOptions(command: Command, help: string): Command {
  return command.option('--out <file>', help).option('--force', 'overwrite a file --out that exists');
}

/**
 * Checks, before the work begins, that its result can be written.
 *
 * @throws DeepntkError `ERR_INVALID_FILE` as `expectTarget`
 */
export async function expectOut({ out, force }: OutFlags): Promise<void> {
  if (out !== undefined) await expectTarget(out, force === true);
  else if (force) throw new UsageError('--force: expected --out with it, got none');
}

/**
 * Adds the flags that divide a job among machines.
 *
 * @param shard the help of `--shard`
 * @param queue the help of `--queue`
 */
export function addDivisionOptions(command: Command, shard: string, queue: string): Command {
  return command
    .optionsGroup('Several machines:')
    .option('--shard <i/n>', shard, shardOf)
    .option('--queue <name>', queue)
    .addOption(redisOption());
}

export const redisOption = () =>
  new Option('--redis <url>', 'address of the Redis server')
    .default('redis://127.0.0.1:6379')
    .env('DEEPNTK_REDIS');
