/** The phase diagram: the dispersion as bands of colour, from the worker, and the net on it, which a pointer can move. */
import { scheme, type Spec, type View } from 'vega';

import type { ExploredNet } from './link';
import { NUMBERS } from './link';
import { type Colours, createView, keepPlot, type Size } from './plot';
import type { DiagramReply, DiagramRequest } from './worker-messages';

const LAMBDAS = [0.01, 5] as const;
const VARIANCES = [NUMBERS.weightVariance.min, NUMBERS.weightVariance.max] as const;
/** Dispersions between two bands. */
const THRESHOLDS = [1.01, 1.03, 1.1, 1.3, 2, 5, 20, 100, 1000];
/** Evenly from dark to light, and told apart by all eyes. */
const BANDS = Array.from({ length: THRESHOLDS.length + 1 }, (_, i) =>
  (scheme('viridis') as (position: number) => string)(i / THRESHOLDS.length),
);
const PIXELS = { width: 640, height: 480 };

export interface Place {
  readonly weightVariance: number;
  readonly lambda: number;
}

export interface Diagram {
  /** Moves the net's mark: nothing else is drawn anew. */
  show(net: ExploredNet): void;
  /** Puts the colours of another width, input or biases in. */
  setPixels(reply: DiagramReply): void;
}

/** What the worker needs to know for the colours; the same for all nets that have one diagram. */
export function diagramRequest(net: ExploredNet, id: number): DiagramRequest {
  const colours = BANDS.map((text) => text.match(/\d+/g)!.map(Number) as [number, number, number]);
  return {
    kind: 'diagram',
    id,
    net,
    pixels: PIXELS,
    weightVariances: VARIANCES,
    lambdas: LAMBDAS,
    thresholds: THRESHOLDS,
    colours,
  };
}

/** @param point is told where the pointer is, null where it has left, and whether it is pressed */
export function createDiagram(
  place: HTMLElement,
  point: (at: Place | null, pressed: boolean) => void,
): Diagram {
  const image = document.createElement('canvas');
  image.width = PIXELS.width;
  image.height = PIXELS.height;
  let view: View | undefined;
  let net: ExploredNet | undefined;
  const showNet = (): void => {
    if (net === undefined) return;
    const lambda = net.depth / net.width;
    const inside = Math.min(LAMBDAS[1], Math.max(LAMBDAS[0], lambda));
    const shape = lambda > inside ? 'triangle-up' : lambda < inside ? 'triangle-down' : 'circle';
    view?.signal('net', { x: net.weightVariance, y: inside, shape }).run();
  };
  keepPlot(place, (size, colours) => {
    view?.finalize();
    view = createView(place, specification(size, colours), colours);
    view.data('image', [{ image }]);
    showNet();
    listen(place, view, point);
  });
  return {
    show(shown) {
      net = shown;
      showNet();
    },
    setPixels({ pixels, width, height }) {
      image.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0);
      view?.data('image', [{ image }]).run();
    },
  };
}

/** The bands, each with the dispersion that it begins at. */
export function createLegend(list: HTMLElement): void {
  BANDS.forEach((colour, i) => {
    const item = document.createElement('li');
    item.style.setProperty('--band', colour);
    const label = document.createElement('span');
    label.textContent = i === 0 ? '' : String(THRESHOLDS[i - 1]);
    item.append(label);
    list.append(item);
  });
}

function listen(place: HTMLElement, view: View, point: (at: Place | null, pressed: boolean) => void): void {
  const canvas = place.querySelector('canvas')!;
  const placeOf = ({ offsetX, offsetY }: PointerEvent): Place | null => {
    const [left, top] = view.origin();
    const invert = (name: string, pixel: number): number =>
      (view.scale(name) as { invert(pixel: number): number }).invert(pixel);
    const [weightVariance, lambda] = [invert('x', offsetX - left), invert('y', offsetY - top)];
    const inside =
      weightVariance >= VARIANCES[0] &&
      weightVariance <= VARIANCES[1] &&
      lambda >= LAMBDAS[0] * 0.98 &&
      lambda <= LAMBDAS[1] * 1.02;
    return inside ? { weightVariance, lambda } : null;
  };
  const pressed = (event: PointerEvent): boolean => (event.buttons & 1) !== 0;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    point(placeOf(event), pressed(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    point(placeOf(event), pressed(event));
  });
  canvas.addEventListener('pointerleave', () => {
    point(null, false);
  });
}

function specification(size: Size, { ink, muted }: Colours): Spec {
  const label = (text: string, x: number, align: 'left' | 'center' | 'right') => ({
    type: 'text' as const,
    encode: {
      enter: {
        text: { value: text },
        x: { scale: 'x', value: x },
        y: { value: -8 },
        align: { value: align },
        fontSize: { value: 13 },
        fill: { value: ink },
      },
    },
  });
  return {
    width: size.width,
    height: size.height,
    autosize: { type: 'fit', contains: 'padding' },
    padding: { left: 2, right: 12, top: 4, bottom: 2 },
    signals: [{ name: 'net', value: { x: 2, y: 0.1, shape: 'circle' } }],
    data: [{ name: 'image' }],
    scales: [
      { name: 'x', type: 'linear', domain: [...VARIANCES], range: 'width', zero: false },
      { name: 'y', type: 'log', domain: [...LAMBDAS], range: 'height', nice: false },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', title: 'weight variance σ²', tickCount: 7, format: '~g' },
      {
        scale: 'y',
        orient: 'left',
        title: 'depth / width, λ',
        values: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
        format: '~g',
      },
    ],
    marks: [
      {
        type: 'image',
        from: { data: 'image' },
        encode: {
          update: {
            image: { field: 'image' },
            width: { signal: 'width' },
            height: { signal: 'height' },
            aspect: { value: false },
            smooth: { value: true },
          },
        },
      },
      {
        type: 'rect',
        encode: {
          update: {
            width: { signal: 'width' },
            height: { signal: 'height' },
            stroke: { value: muted },
          },
        },
      },
      {
        type: 'rule',
        encode: {
          update: {
            x: { scale: 'x', value: 2 },
            y: { value: 0 },
            y2: { signal: 'height' },
            stroke: { value: '#ffffff' },
            strokeDash: { value: [5, 4] },
            strokeWidth: { value: 1.5 },
          },
        },
      },
      label('ordered', VARIANCES[0], 'left'),
      label('edge of chaos', 2, 'center'),
      label('chaotic', VARIANCES[1], 'right'),
      ...(['x', 'y'] as const).map((axis) => ({
        type: 'rule' as const,
        encode: {
          update: {
            x: axis === 'x' ? { scale: 'x', signal: 'net.x' } : { value: 0 },
            x2: axis === 'x' ? { scale: 'x', signal: 'net.x' } : { signal: 'width' },
            y: axis === 'y' ? { scale: 'y', signal: 'net.y' } : { value: 0 },
            y2: axis === 'y' ? { scale: 'y', signal: 'net.y' } : { signal: 'height' },
            stroke: { value: '#ffffff' },
            strokeOpacity: { value: 0.55 },
          },
        },
      })),
      {
        type: 'symbol',
        encode: {
          update: {
            x: { scale: 'x', signal: 'net.x' },
            y: { scale: 'y', signal: 'net.y' },
            shape: { signal: 'net.shape' },
            size: { value: 190 },
            fill: { value: '#e8452c' },
            stroke: { value: '#ffffff' },
            strokeWidth: { value: 2.5 },
          },
        },
      },
    ],
  };
}
