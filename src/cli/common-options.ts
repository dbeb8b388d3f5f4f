/** Options that several commands have. */
import { type Command, Option } from 'commander';

import { RUN_OPTIONS } from '../kernel/options';
import { RANDOM_OPTIONS } from '../network/spec-options';
import { type OptionsOf } from '../options';
import { addDeclaredOptions, givenOptions, jsonOption, optionsOf } from './declared';
import { shardOf } from './lists';

/** Adds the flags for where the command computes, and `--json`. */
export function addRunOptions(command: Command): Command {
  return addDeclaredOptions(command.optionsGroup('Computation:'), RUN_OPTIONS).addOption(jsonOption());
}

/** The given flags of {@link addRunOptions}, as options of the library. */
export function runOptions(flags: object, command: Command): OptionsOf<typeof RUN_OPTIONS> {
  return givenOptions(RUN_OPTIONS, flags, command);
}

export const seedOption = () => optionsOf('seed', RANDOM_OPTIONS.seed)[0]!;

export const forceOption = () => new Option('--force', 'overwrite a file --out that exists');

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
