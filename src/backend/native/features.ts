/** Features, tiles and products by the addon; see native/addon/features.cpp. */
import { invalidArgument } from '../../errors';
import type { KernelForm } from '../forms';
import type {
  FeatureBlock,
  FeatureShape,
  FeaturesTask,
  GramTileTask,
  ProductsTask,
  RunOptions,
} from '../seam';
import type { Addon } from './addon';
import { runJob } from './job';

const FORMS: readonly KernelForm[] = ['trace', 'full', 'diagonal', 'sum-of-logits'];

export async function features(addon: Addon, task: FeaturesTask, run: RunOptions): Promise<void> {
  const { x, block } = task;
  const job = { ...shapeOf(task), ...threadsOf(run), n: block.n, x: fixed(x), ...blockOf(block) };
  return runJob((listener) => addon.startFeatures(job, listener), undefined, run, features);
}

export async function gramTile(addon: Addon, task: GramTileTask, run: RunOptions): Promise<void> {
  const { a, b, edge, scale, tile, mirror } = task;
  const second = b === null ? null : blockOf(b);
  const job = {
    ...shapeOf(task),
    ...threadsOf(run),
    n: a.n,
    n2: b?.n ?? a.n,
    edge,
    scale,
    ...blockOf(a),
    values2: second?.values ?? null,
    exponents2: second?.exponents ?? null,
    single: tile instanceof Float32Array,
    tile: fixed(tile),
    mirror: mirror && fixed(mirror),
  };
  return runJob((listener) => addon.startGramTile(job, listener), undefined, run, gramTile);
}

export async function products(addon: Addon, task: ProductsTask, run: RunOptions): Promise<void> {
  const { block, directions, product, rows, columns } = task;
  const job = {
    ...shapeOf(task),
    ...threadsOf(run),
    n: block.n,
    directions,
    transposed: product === 'add-transposed',
    ...blockOf(block),
    rows: fixed(rows),
    columns: fixed(columns),
  };
  return runJob((listener) => addon.startProducts(job, listener), undefined, run, products);
}

const threadsOf = ({ threads }: RunOptions) => ({ threads });

function shapeOf({ network, form, weightTerms, biasTerms, precision, group }: FeatureShape) {
  const { widths, parameters, weightGains, biasGains } = network;
  return {
    widths,
    parameters: fixed(parameters),
    weightGains: fixed(weightGains),
    biasGains: fixed(biasGains),
    form: FORMS.indexOf(form),
    weightTerms: fixed(weightTerms),
    biasTerms: fixed(biasTerms),
    group,
    mixed: precision === 'mixed',
  };
}

function blockOf({ values, exponents }: FeatureBlock) {
  return { values: fixed(values), exponents: fixed(exponents) };
}

/** Memory that could move or shrink while a thread uses it is refused. */
function fixed<T extends Float64Array | Float32Array | Int32Array>(array: T): T {
  const { buffer } = array;
  const resizable = 'resizable' in buffer && buffer.resizable === true;
  const growable = 'growable' in buffer && buffer.growable === true;
  if (resizable || growable) throw invalidArgument('native backend', 'an array of a fixed length', array);
  return array;
}
