/** What the numbers mean, in words. */
import { classifyPhase, type Moments } from 'deepntk/browser';

import { format, percent } from './format';
import type { ExploredNet } from './link';

const PHASES = {
  ordered: ['Ordered phase', 'gradients shrink on their way down'],
  'edge-of-chaos': ['Edge of chaos', 'gradients keep their size on their way down'],
  chaotic: ['Chaotic phase', 'gradients grow on their way down'],
} as const;

export interface Words {
  readonly phase: string;
  readonly explanation: string;
}

export function describeNet(
  net: ExploredNet,
  { relativeStandardDeviation: spread, relativeVariance }: Moments,
): Words {
  const { weightVariance, biasVariance } = net;
  const { phase, slope } = classifyPhase({ weightVariance, biasVariance });
  const [name, gradients] = PHASES[phase];
  const factor = phase === 'edge-of-chaos' ? '' : `, by ${format(slope, 3)} a layer in squared norm`;
  return { phase: name, explanation: `${gradients}${factor}. ${spreadInWords(spread, relativeVariance)}` };
}

function spreadInWords(spread: number, relativeVariance: number): string {
  if (spread < 0.1)
    return `The kernel hardly depends on the draw: it is typically within ${percent(spread)} of its mean.`;
  if (spread < 0.5) return `From net to net the kernel varies by some ${percent(spread)} of its mean.`;
  if (relativeVariance < 3)
    return `The kernel is random: it varies by ${percent(spread)} of its mean from net to net.`;
  return 'The mean says little about a single net: it, and still more the second moment, is made by rare nets with a huge kernel.';
}
