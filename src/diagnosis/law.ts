/** The law of initialization that a given net is taken to have been drawn from. */
import { DeepntkError } from '../errors';
import type { NdArray } from '../ndarray';
import type { Mlp } from '../network/mlp';
import { createSpec, type MlpSpec, type NetworkSpec, readSpec } from '../network/spec';
import { classifyNetwork, type LayerReport, type NetworkReport } from '../theory/classify-network';
import { LAW_ERRORS, LAW_TOLERANCE } from './thresholds';

export interface Law {
  readonly spec: NetworkSpec;
  readonly report: NetworkReport | null;
  readonly assumptions: readonly string[];
  readonly warnings: readonly string[];
}

/** Inputs on which signals are followed; the variances need none. */
const PROBES = 16;

/**
 * @param estimate whether sigma_w^2 and sigma_b^2 are to be taken from the weights instead of the net's spec
 * @param x N x n_0
 */
export function lawOf(where: string, net: Mlp, x: NdArray, estimate: boolean): Law {
  const { spec } = net;
  if (estimate && spec.parametrization === 'ntk') {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      `${where}: law: expected "spec" for a net in NTK parametrization, whose raw parameters do not tell sigma_w^2; got "estimated"`,
    );
  }
  if (spec.depth === 0) {
    const known = estimate
      ? createSpec({ ...lawFree(spec), ...(spec.weightVariance !== null && lawOfSpec(spec)) })
      : readSpec(where, spec);
    const assumptions = estimate
      ? [`σ_w² cannot be estimated from a net without hidden layers; ${known.weightVariance} is assumed.`]
      : [];
    return { spec: known, report: null, assumptions, warnings: [] };
  }
  const known = estimate ? null : readSpec(where, spec);
  const rows = Math.min(PROBES, x.shape[0]!);
  const report = classifyNetwork(net, {
    data: x.data.slice(0, rows * spec.inputDim),
    shape: [rows, spec.inputDim],
  });
  return known === null ? estimatedLaw(spec, report) : { spec: known, report, ...checkedLaw(known, report) };
}

function estimatedLaw(spec: MlpSpec, report: NetworkReport): Law {
  const weightVariance = 2 * report.weights.slope;
  if (!(weightVariance > 0)) {
    throw new DeepntkError(
      'ERR_INVALID_ARGUMENT',
      'diagnose: expected weights that are not all zero in a hidden layer, got a layer of zeros: its law cannot be estimated',
    );
  }
  const hidden = report.layers.slice(0, -1);
  const biasVariance = hidden.reduce((sum, layer) => sum + layer.biasVariance.value, 0) / hidden.length;
  const inner = innerLayers(report.layers);
  const values = inner.map((layer) => layer.weightVariance.value);
  const range =
    inner.length === 1
      ? `layer ${inner[0]!.layer}`
      : `layers ${inner[0]!.layer} to ${inner.at(-1)!.layer}, which have ${digits(Math.min(...values))} to ${digits(Math.max(...values))}`;
  return {
    spec: createSpec({ ...lawFree(spec), weightVariance, biasVariance }),
    report,
    assumptions: [
      `The file does not say how the net was drawn. σ_w² = ${digits(weightVariance)} is n times the mean squared weight of ${range}; ` +
        `σ_b² = ${digits(biasVariance)} is the mean squared bias of the hidden layers.`,
      'Theory is asked about nets with independent Gaussian weights of these variances; a trained net, or one drawn otherwise, need not be like them.',
    ],
    warnings: otherLayers(report.layers, weightVariance),
  };
}

function checkedLaw(spec: NetworkSpec, report: NetworkReport): Pick<Law, 'assumptions' | 'warnings'> {
  const found = 2 * report.weights.slope;
  const gap = Math.abs(Math.log(found / spec.weightVariance));
  const off = gap > LAW_TOLERANCE && gap > LAW_ERRORS * report.weights.standardError;
  return {
    assumptions: [
      `The net is taken to have been drawn with σ_w² = ${digits(spec.weightVariance)} and σ_b² = ${digits(spec.biasVariance)}.`,
    ],
    warnings: [
      ...(off
        ? [
            `The weights have σ_w² = ${digits(found)}, not ${digits(spec.weightVariance)}: the net was trained, or drawn otherwise, ` +
              `and what is said of initializations is said of others than this one.`,
          ]
        : []),
      ...otherLayers(report.layers, found),
    ],
  };
}

/** Layers 2 .. L; the output layer where there is one hidden layer: those that the slope is estimated from. */
function innerLayers(layers: readonly LayerReport[]): readonly LayerReport[] {
  return layers.slice(1, Math.max(2, layers.length - 1));
}

/** The first and the last layer, where their variance is another one. */
function otherLayers(layers: readonly LayerReport[], weightVariance: number): string[] {
  return layers.flatMap(({ layer, weightVariance: { value, standardError } }) => {
    const gap = Math.abs(value - weightVariance);
    const other = gap > 2 * LAW_TOLERANCE * weightVariance && gap > LAW_ERRORS * standardError;
    return other
      ? [
          `Layer ${layer} has σ_w² = ${digits(value)}, unlike the law's ${digits(weightVariance)}: theory knows one σ_w² for all layers.`,
        ]
      : [];
  });
}

function lawOfSpec({ weightVariance, biasVariance }: NetworkSpec) {
  return { weightVariance, biasVariance };
}

function lawFree({ inputDim, hiddenWidths, outputDim, parametrization, biasGradients }: MlpSpec) {
  return { inputDim, hiddenWidths, outputDim, parametrization, biasGradients };
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
