/** What `deepntk merge` prints of a sample of kernel matrices. */
import type { NumberMoments } from '../sampling/matrix/kernel-moments';
import type { MergedNtkSample } from '../sampling/merge';
import { figures, printJson, printTable } from './output';

export function printSample(sample: MergedNtkSample, json: true | undefined): void {
  if (json) {
    printJson(sample);
    return;
  }
  const { mean, standardError, dispersion, exponent, byWeightVariance } = sample;
  const first = { mean: mean.data[0]!, standardError: standardError.data[0]! };
  const unit = exponent === 0 ? '' : ` times 2^${exponent}`;
  printTable([
    ['kernel', `${mean.shape.join(' x ')}, outputs ${sample.outputs}`],
    ['first entry', `${withError(first)}${unit}, dispersion ${figures(dispersion.data[0]!)}`],
    ['largest eigenvalue', `${withError(sample.largestEigenvalue)}${unit}`],
    ['condition number', withError(sample.conditionNumber)],
    ['dead replicas', String(sample.deadReplicas)],
    ['replicas', `${sample.replicas} from number ${sample.firstReplica}, seed ${sample.seed}`],
    [
      'further sigma_w^2',
      byWeightVariance.length === 0
        ? null
        : byWeightVariance.map(({ weightVariance }) => weightVariance).join(', '),
    ],
    ['sampler', sample.sampler],
  ]);
}

function withError({ mean, standardError }: Pick<NumberMoments, 'mean' | 'standardError'>): string {
  return `${figures(mean)} +- ${figures(standardError)}`;
}
