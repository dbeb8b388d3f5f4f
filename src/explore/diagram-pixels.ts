/** The phase diagram as pixels: exact values on a grid, interpolated in between, in bands of colour. */
import type { DiagramRequest } from './worker-messages';

/** Columns of exact values, sigma_w^2 equally spaced; the edge of chaos is one of them where the axis is centred on it. */
const COLUMNS = 121;
/** Depths are computed one by one up to here, and then this many a factor of e. */
const DEPTHS_PER_E = 40;

/** ln(R - 1) of nets of one sigma_w^2 at these depths. */
type ColumnOf = (weightVariance: number, depths: readonly number[]) => readonly number[];

export function diagramPixels(request: DiagramRequest, columnOf: ColumnOf): Uint8ClampedArray<ArrayBuffer> {
  const { net, pixels, weightVariances, lambdas, thresholds, colours } = request;
  const { width, height } = pixels;
  const [left, right] = weightVariances;
  const [low, high] = lambdas;
  const depths = depthsUpTo(Math.max(2, Math.ceil(high * net.width)));
  const columns = Array.from({ length: COLUMNS }, (_, i) =>
    columnOf(left + ((right - left) * i) / (COLUMNS - 1), depths),
  );
  const limits = thresholds.map((dispersion) => Math.log(dispersion - 1));
  const rgba = new Uint8ClampedArray(4 * width * height);
  let interval = depths.length - 2;
  for (let row = 0; row < height; row++) {
    const depth = net.width * high * (low / high) ** ((row + 0.5) / height);
    if (depth < 0.5) break; // no net has so few layers: what is left stays transparent
    const at = Math.max(1, depth);
    while (interval > 0 && depths[interval]! > at) interval--;
    const share = (at - depths[interval]!) / (depths[interval + 1]! - depths[interval]!);
    const values = columns.map((column) => mix(column[interval]!, column[interval + 1]!, share));
    for (let x = 0; x < width; x++) {
      const position = ((x + 0.5) / width) * (COLUMNS - 1);
      const i = Math.min(COLUMNS - 2, Math.floor(position));
      const value = mix(values[i]!, values[i + 1]!, position - i);
      const above = limits.findIndex((limit) => value < limit);
      rgba.set([...colours.at(above)!, 255], 4 * (row * width + x));
    }
  }
  return rgba;
}

/** 1, 2, ... and then ever fewer, up to `last` and including it. */
function depthsUpTo(last: number): number[] {
  const depths: number[] = [];
  for (let depth = 1; depth < last; depth = Math.max(depth + 1, Math.round(depth * (1 + 1 / DEPTHS_PER_E)))) {
    depths.push(depth);
  }
  return [...depths, last];
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}
