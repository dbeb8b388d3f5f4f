import { resolve } from 'node:path';

import { type Command, Option } from 'commander';

import { complaintAbout, type ExploredNet, NUMBERS, type NumberName, PRESET } from '../explore/link';
import { copyExplorePage, EXPLORE_PAGE, exploreUrl, hasDisplay, openInBrowser } from '../report/explore-page';
import { jsonOption } from './declared';
import { givenFlags } from './net-options';
import { addOutOptions, expectOut, type OutFlags } from './common-options';
import { printJson } from './output';
import { real, UsageError } from './usage';

type NumberFlags = Readonly<
  Record<'inputDim' | 'depth' | 'width' | 'sw2' | 'sb2' | 'inputNorm2' | 'seed', number>
>;

interface Flags extends NumberFlags, OutFlags {
  readonly parametrization: ExploredNet['parametrization'];
  readonly biasGradients: boolean;
  readonly json?: true;
}

const DESCRIPTIONS: Readonly<Record<NumberName, string>> = {
  inputDim: 'inputs of the net',
  depth: 'hidden layers',
  width: 'width of every hidden layer',
  weightVariance: 'weight variance sigma_w^2',
  biasVariance: 'bias variance sigma_b^2',
  inputNorm2: 'squared norm of the input',
  seed: 'seed of the nets that are sampled',
};
/** What the flags are called in commander's result. */
const FLAG_NAMES = {
  inputDim: 'inputDim',
  depth: 'depth',
  width: 'width',
  weightVariance: 'sw2',
  biasVariance: 'sb2',
  inputNorm2: 'inputNorm2',
  seed: 'seed',
} as const satisfies Readonly<Record<NumberName, keyof NumberFlags>>;

const NAMES = Object.keys(DESCRIPTIONS) as NumberName[];
const NET_FLAGS = [...NAMES.map((name) => FLAG_NAMES[name]), 'parametrization', 'biasGradients'];

export function addExploreCommand(program: Command): void {
  const command = program
    .command('explore')
    .description(
      'an interactive page: sliders, the phase diagram, the exact dispersion, a histogram of the kernel',
    );
  for (const name of NAMES) {
    const { flag, preset, min, max } = NUMBERS[name];
    const range = name === 'seed' ? '' : `, ${min} to ${max}`;
    command.addOption(
      new Option(`--${flag} <number>`, `${DESCRIPTIONS[name]}${range}`).argParser(real({})).default(preset),
    );
  }
  command
    .addOption(
      new Option('--parametrization <name>', 'where the variances enter')
        .choices(['standard', 'ntk'])
        .default(PRESET.parametrization),
    )
    .option('--no-bias-gradients', 'do not count biases as parameters');
  addOutOptions(command, 'write a copy of the page, which begins with this net, instead of opening it')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The page is one HTML file that needs neither a server nor a network: it computes in the browser. It is opened where there
is a display (and BROWSER is not "none"); its address is printed in any case. The net of one output that the flags describe is
in the address, after #.

Examples:
  $ deepntk explore --depth 20 --width 300 --sw2 2.2
  $ deepntk explore --depth 20 --width 300 --out explore.html
`,
    )
    .action(async (flags: Flags) => {
      const net = givenFlags(command, NET_FLAGS).length > 0 ? netOf(flags) : null;
      const path = flags.out === undefined ? EXPLORE_PAGE : resolve(flags.out);
      await expectOut(flags);
      if (flags.out !== undefined) await copyExplorePage(path, net);
      const url = exploreUrl(path, net);
      if (flags.json) {
        printJson({ path, url });
        return;
      }
      process.stdout.write(`${url}\n`);
      if (flags.out === undefined && hasDisplay() && !(await openInBrowser(url))) {
        process.stderr.write('deepntk: no program took the page; open the address above in a browser\n');
      }
    });
}

function netOf(flags: Flags): ExploredNet {
  const numbers = NAMES.map((name) => {
    const value = flags[FLAG_NAMES[name]];
    const complaint = complaintAbout(name, value);
    if (complaint !== null) throw new UsageError(`--${complaint}, got ${value}`);
    return [name, value] as const;
  });
  const { parametrization, biasGradients } = flags;
  return { ...(Object.fromEntries(numbers) as Record<NumberName, number>), parametrization, biasGradients };
}
