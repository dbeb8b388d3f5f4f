/**
 * Pictures and pages: figures of the paper, heat maps of kernels, the page of a diagnosis.
 *
 * @module deepntk/report
 */
export { diagnosisPage } from './diagnosis-page';
export {
  computeFigure,
  drawFigure,
  FIGURE_NAMES,
  type FigureFormat,
  type FigureName,
  type FigureOptions,
  type FigurePicture,
  formatFigure,
  type PictureOptions,
  readFigure,
  writeFigure,
} from './figures';
export type { FigureCell, FigureProvenance, FigureRow, FigureTable } from './figures/figure';
export type { FigureParameters, FigureParameterValue } from './figures/parameters';
export {
  drawKernels,
  type KernelPanel,
  type KernelPicture,
  type KernelPictureOptions,
} from './kernel-picture';
