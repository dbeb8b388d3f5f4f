import { createRequire } from 'node:module';
import { extname } from 'node:path';

import type { Command } from 'commander';

import type { BackendName } from '../backend/seam';
import { writeFileAtomically } from '../data/files';
import { diagnose, type Diagnosis, diagnosisJson, type DiagnoseOptions } from '../diagnosis';
import { FULL_EFFORT, QUICK_EFFORT } from '../diagnosis/thresholds';
import { DeepntkError } from '../errors';
import { Mlp } from '../network/mlp';
import type { NetworkSpec } from '../network/spec';
import type * as Page from '../report/diagnosis-page';
import type * as Packages from '../report/packages';
import {
  addDiagnoseDataOptions,
  checkDataFlags,
  type DiagnoseDataFlags,
  type DiagnoseInputs,
  readDiagnoseData,
} from './diagnose-data';
import { addOutOptions, addRunOptions, expectOut, type OutFlags, runOptions } from './common-options';
import { expectOutputsFit } from './data';
import { printDiagnosis } from './diagnose-report';
import { withInterrupt } from './interrupt';
import { givenFlags, specFromFlags } from './net-options';
import { netFacts } from './net-facts';
import { addNetSourceOptions, checkNetFlags, loadNet, type NetSourceFlags } from './net-source';
import { printError, printJson } from './output';
import { progressBar } from './progress';
import { UsageError } from './usage';

interface Flags extends NetSourceFlags, DiagnoseDataFlags, OutFlags {
  readonly quick?: true;
  readonly backend?: BackendName;
  readonly threads?: number;
  readonly json?: true;
}

const load = createRequire(__filename);

export function addDiagnoseCommand(program: Command): void {
  const command = program
    .command('diagnose')
    .description('tell whether infinite-width theory describes a net on data, and why');
  addDiagnoseDataOptions(command);
  addOutOptions(
    addNetSourceOptions(command).option(
      '--quick',
      'fewer inputs, fewer draws, longer steps: a first look in seconds',
    ),
    'write a page with pictures to this .html file',
  );
  addRunOptions(command)
    .addHelpText(
      'after',
      `
Without --net a net is drawn with --seed. --outputs is by default the number of classes of the data, --input-dim that of its
features. Where the file of a net does not state sigma_w^2 and sigma_b^2, they are estimated unless --sw2 states them.
The verdict follows from three numbers and their bounds: docs/diagnose.md.

Examples:
  $ deepntk diagnose --mnist --depth 20 --width 300 --sw2 2 --out report.html
  $ deepntk diagnose --x table.csv --label-column species --scale standard --depth 5 --width 100
  $ deepntk diagnose --net weights.safetensors --x X.npy --y labels.npy --quick --json
`,
    )
    .action(async (flags: Flags) => {
      checkDataFlags(flags);
      checkNetFlags(flags, command, ['replica']);
      if (flags.out !== undefined && extname(flags.out).toLowerCase() !== '.html') {
        throw new UsageError(`--out: expected an .html file, got ${JSON.stringify(flags.out)}`);
      }
      await withInterrupt((signal) => runDiagnose(flags, command, signal));
    });
}

async function runDiagnose(flags: Flags, command: Command, signal: AbortSignal): Promise<void> {
  const { out } = flags;
  await expectOut(flags);
  if (out !== undefined) {
    // Better to hear now than at the end that the page cannot be drawn.
    const { PAGE_PACKAGES } = load('../report/diagnosis-page') as typeof Page;
    (load('../report/packages') as typeof Packages).expectPackages(PAGE_PACKAGES);
  }
  const start = performance.now();
  const most = mostInputs(flags);
  const data = await readDiagnoseData(flags, command, most, signal);
  const net = await readSubject(flags, command, data);
  const options: DiagnoseOptions = {
    seed: flags.seed,
    ...(flags.net === undefined && { replica: flags.replica }),
    quick: flags.quick === true,
    inputs: most,
    signal,
    ...runOptions(flags, command),
  };
  const diagnosis = await watched(net, data, options);
  if (out !== undefined) {
    const { diagnosisPage } = load('../report/diagnosis-page') as typeof Page;
    const page = await diagnosisPage(diagnosis);
    signal.throwIfAborted();
    await writeFileAtomically(out, [Buffer.from(page)]);
  }
  const network = net instanceof Mlp ? netFacts(net) : null;
  const run = {
    net: flags.net ?? null,
    network,
    out: out ?? null,
    seconds: (performance.now() - start) / 1000,
  };
  const loaded = [data.described];
  if (flags.json) printJson({ ...diagnosisJson(diagnosis), loaded, run });
  else {
    printDiagnosis(diagnosis, run);
    diagnosis.warnings.forEach((warning) => {
      printError(`warning: ${warning}`);
    });
  }
}

function mostInputs({ mnist, inputs, quick }: Flags): number {
  const { inputs: usual } = quick ? QUICK_EFFORT : FULL_EFFORT;
  return typeof mnist === 'number' ? mnist : (inputs ?? usual);
}

async function readSubject(flags: Flags, command: Command, data: DiagnoseInputs): Promise<Mlp | NetworkSpec> {
  const features = data.x.shape[1]!;
  if (flags.net !== undefined) {
    const net = await loadNet(flags.net, flags, command);
    expectFeatures(data, net.spec.inputDim, `the inputs of ${flags.net}`);
    expectOutputs(data, net.spec.outputDim, `the outputs of ${flags.net}`);
    return net;
  }
  if (flags.inputDim !== undefined) expectFeatures(data, flags.inputDim, '--input-dim');
  const classes = data.described.classes?.length ?? data.y?.shape[1];
  const given = givenFlags(command, ['outputs']).length > 0;
  if (given) expectOutputs(data, flags.outputs, '--outputs');
  const outputs = given ? flags.outputs : (classes ?? 1);
  return specFromFlags(flags, command, { inputDim: features, outputDim: outputs });
}

/** A net of one output learns the class numbers or the single target. */
function expectOutputs({ loaded }: DiagnoseInputs, outputs: number, what: string): void {
  if (loaded !== null && (outputs > 1 || loaded.classes === null)) expectOutputsFit(loaded, outputs, what);
}

function expectFeatures({ x, source }: DiagnoseInputs, wanted: number, what: string): void {
  const features = x.shape[1]!;
  if (features === wanted) return;
  throw new DeepntkError(
    'ERR_INVALID_FILE',
    `${source}: expected ${wanted} features an input, ${what}, got ${features}`,
  );
}

/** Runs the diagnosis with a progress bar; what the library says of its arguments is said of the files and flags. */
async function watched(
  net: Mlp | NetworkSpec,
  { source, x, y, labels, name }: DiagnoseInputs,
  options: DiagnoseOptions,
): Promise<Diagnosis> {
  const bar = progressBar('diagnose');
  try {
    const data = { x, name, ...(y && { y }), ...(labels && { labels }) };
    return await diagnose(net, data, {
      ...options,
      ...(bar && {
        onProgress: (progress) => {
          bar.onProgress(progress, progress.stage);
        },
      }),
    });
  } catch (error) {
    if (!(error instanceof DeepntkError) || error.code !== 'ERR_INVALID_ARGUMENT') throw error;
    if (!['x', 'y', 'labels'].includes(error.argument ?? ''))
      throw new UsageError(error.message, { cause: error });
    throw new DeepntkError('ERR_INVALID_FILE', error.naming(source), { cause: error });
  } finally {
    bar?.stop();
  }
}
