/** A kernel matrix over the mean of its diagonal, as a picture of its own. */
import type { Spec } from 'vega';

import type { NdArray } from '../../ndarray';
import { axisMarks, classRuns } from '../class-axis';
import { colourBarMarks } from '../colour-bar';
import { countHidden, heatMapUri, type LogColours, positiveRange } from '../heat-map';
import { colourScheme, FONT } from '../render';

const SIDE = 300;
const MARGIN = { left: 58, top: 34, bottom: 52 };
const BAR = { gap: 18, thickness: 14, labels: 58 };
const NEUTRAL = [190, 190, 190] as const;

/** Over the mean of the diagonal. */
export function relativeKernel({ data, shape }: NdArray, meanDiagonal: number): NdArray {
  return { data: Float64Array.from(data, (entry) => entry / meanDiagonal), shape };
}

/**
 * @param kernel N x N
 * @param together the kernels that share one scale, this one among them
 */
export function kernelPanel(
  kernel: NdArray,
  together: readonly NdArray[],
  labels: readonly number[] | null,
): Spec {
  const runs = classRuns('diagnosis', labels ?? undefined, kernel.shape[0]!);
  const order = runs.flatMap(({ inputs }) => inputs);
  const colours: LogColours = {
    domain: positiveRange(together),
    colourAt: colourScheme('viridis'),
    neutral: NEUTRAL,
  };
  return {
    $schema: 'https://vega.github.io/schema/vega/v5.json',
    width: MARGIN.left + SIDE + BAR.gap + BAR.thickness + BAR.labels,
    height: MARGIN.top + SIDE + MARGIN.bottom,
    padding: 0,
    background: 'white',
    autosize: 'none',
    config: { text: { font: FONT } },
    marks: [
      {
        type: 'group',
        encode: { enter: { x: { value: MARGIN.left }, y: { value: MARGIN.top } } },
        marks: [
          {
            type: 'image',
            encode: {
              enter: {
                url: { value: heatMapUri(kernel, order, order, colours) },
                width: { value: SIDE },
                height: { value: SIDE },
                aspect: { value: false },
                smooth: { value: false },
              },
            },
          },
          {
            type: 'rect',
            encode: { enter: { width: { value: SIDE }, height: { value: SIDE }, stroke: { value: '#444' } } },
          },
          ...axisMarks('x', runs, SIDE),
          ...axisMarks('y', runs, SIDE),
        ],
      },
      {
        type: 'group',
        encode: { enter: { x: { value: MARGIN.left + SIDE + BAR.gap }, y: { value: MARGIN.top } } },
        marks: colourBarMarks({
          colours,
          height: SIDE,
          thickness: BAR.thickness,
          hidden: countHidden(kernel),
          finite: kernel.data.every(Number.isFinite),
          title: 'Θ / mean',
        }),
      },
    ],
  };
}
