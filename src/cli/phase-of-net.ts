import type { Command } from 'commander';

import {
  classifyNetwork,
  type Estimate,
  type LayerReport,
  type SlopeEvidence,
} from '../theory/classify-network';
import { describeLoaded, type InputFlags, loadFlags } from './data';
import { withInterrupt } from './interrupt';
import { netFacts, netRows } from './net-facts';
import type { NetFileFlags } from './net-file-options';
import { loadNet } from './net-source';
import { figures, printColumns, printJson, printTable } from './output';

/** `deepntk phase --net FILE --x FILE`: the phase of a net as measured. */
export async function printPhaseOfNet(
  path: string,
  inputs: string,
  flags: NetFileFlags & InputFlags,
  command: Command,
): Promise<void> {
  const loaded = await withInterrupt((signal) => loadFlags(inputs, flags, command, { signal }));
  const { x } = loaded;
  const net = await loadNet(path, flags, command);
  const report = classifyNetwork(net, x);
  if (flags.json) {
    printJson({
      ...report,
      net: path,
      network: netFacts(net),
      inputs: x.shape[0],
      loaded: [describeLoaded(loaded)],
    });
    return;
  }
  const { weights, gradients, activations } = report;
  printTable([
    ...netRows(path, netFacts(net)),
    [
      'phase',
      `${report.phase} (from its ${report.basis}, ${figures(report.zScore)} standard errors from the edge)`,
    ],
    ['slope from weights', evidenceWords(weights)],
    ['slope from gradients', gradients && evidenceWords(gradients)],
    ['slope from activations', activations && evidenceWords(activations)],
    ['gradient growth', `${figures(report.growthThroughDepth)} in square, through all layers at this slope`],
  ]);
  process.stdout.write('\n');
  printColumns([
    ['layer', 'weight variance', 'bias variance', 'log growth of |x|^2', 'of |gradient|^2', 'angle'],
    ...report.layers.map(layerRow),
  ]);
}

function evidenceWords({ slope, standardError, phase }: SlopeEvidence): string {
  return `${figures(slope)}, log uncertain by ${figures3(standardError)}: ${phase}`;
}

function layerRow(layer: LayerReport): string[] {
  const { weightVariance, biasVariance, activationLogGrowth, gradientLogGrowth, angle } = layer;
  const estimates = [weightVariance, biasVariance, activationLogGrowth, gradientLogGrowth, angle];
  return [String(layer.layer), ...estimates.map(estimateWords)];
}

/** 1.98 +- 0.012 */
function estimateWords(estimate: Estimate | null): string {
  if (estimate === null || Number.isNaN(estimate.value)) return '-';
  const { value, standardError } = estimate;
  return Number.isNaN(standardError)
    ? figures3(value)
    : `${figures3(value)} +- ${Number(standardError.toPrecision(2))}`;
}

function figures3(value: number): string {
  return String(Number(value.toPrecision(3)));
}
