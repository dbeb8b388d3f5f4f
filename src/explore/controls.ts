/** The sliders, each with a number to type, and the choices. They show a net, and tell of another one that is wanted. */
import { format } from './format';
import { complaintAbout, type ExploredNet, NUMBERS, type NumberName, PRESET } from './link';

interface Slider {
  readonly name: Exclude<NumberName, 'seed'>;
  readonly label: string;
  readonly symbol: string;
  readonly steps: readonly number[];
}

const SLIDERS: readonly Slider[] = [
  { name: 'depth', label: 'Depth', symbol: 'L hidden layers', steps: wholeSteps('depth') },
  { name: 'width', label: 'Width', symbol: 'M units a layer', steps: wholeSteps('width') },
  {
    name: 'weightVariance',
    label: 'Weight variance',
    symbol: 'σ_w²',
    steps: evenSteps('weightVariance', 0.01),
  },
  { name: 'biasVariance', label: 'Bias variance', symbol: 'σ_b²', steps: evenSteps('biasVariance', 0.01) },
  { name: 'inputNorm2', label: 'Input norm, squared', symbol: '|x|²', steps: ratioSteps('inputNorm2', 24) },
  { name: 'inputDim', label: 'Input features', symbol: 'n₀', steps: wholeSteps('inputDim') },
];

export interface Controls {
  show(net: ExploredNet): void;
}

/** Builds the sliders; `change` gets what is to differ in the net. */
export function createControls(change: (wanted: Partial<ExploredNet>) => void): Controls {
  const shows = SLIDERS.map((slider) => buildSlider(slider, change));
  const parametrization = element('parametrization') as HTMLSelectElement;
  const biasGradients = element('bias-gradients') as HTMLInputElement;
  let current = PRESET;
  parametrization.addEventListener('change', () => {
    change({ parametrization: parametrization.value as ExploredNet['parametrization'] });
  });
  biasGradients.addEventListener('change', () => {
    change({ biasGradients: biasGradients.checked });
  });
  element('reset').addEventListener('click', () => {
    change(PRESET);
  });
  element('redraw').addEventListener('click', () => {
    change({ seed: current.seed + 1 });
  });
  return {
    show(net) {
      current = net;
      for (const show of shows) show(net);
      parametrization.value = net.parametrization;
      biasGradients.checked = net.biasGradients;
    },
  };
}

function buildSlider(
  { name, label, symbol, steps }: Slider,
  change: (wanted: Partial<ExploredNet>) => void,
): (net: ExploredNet) => void {
  const { flag, min, max, whole } = NUMBERS[name];
  const row = document.createElement('div');
  row.className = 'slider';
  row.innerHTML = `
    <label for="${flag}">${label} <span class="symbol">${subscripts(symbol)}</span></label>
    <input type="number" id="${flag}-number" aria-label="${label}, typed" min="${min}" max="${max}" step="${whole ? 1 : 'any'}" />
    <input type="range" id="${flag}" min="0" max="${steps.length - 1}" step="1" />`;
  element('sliders').append(row);
  const range = row.querySelector<HTMLInputElement>('input[type=range]')!;
  const number = row.querySelector<HTMLInputElement>('input[type=number]')!;
  range.addEventListener('input', () => {
    change({ [name]: steps[Number(range.value)]! });
  });
  number.addEventListener('input', () => {
    const value = number.value.trim() === '' ? NaN : Number(number.value);
    const complaint = complaintAbout(name, value);
    number.setCustomValidity(complaint ?? '');
    if (complaint === null) change({ [name]: value });
  });
  number.addEventListener('change', () => {
    number.reportValidity();
  });
  let value = NaN;
  const showNumber = (): void => {
    number.value = String(value);
    number.setCustomValidity('');
  };
  number.addEventListener('blur', showNumber);
  return (net) => {
    value = net[name];
    range.value = String(nearest(steps, value));
    range.setAttribute('aria-valuetext', format(value));
    // What is being typed is not written over: it may not be finished.
    if (document.activeElement !== number) showNumber();
  };
}

export function element(id: string): HTMLElement {
  return document.getElementById(id)!;
}

function subscripts(symbol: string): string {
  return symbol.replace(/_(\w)/, '<sub>$1</sub>');
}

/** Every whole number at first, then some 5 % more each. */
function wholeSteps(name: NumberName): number[] {
  const { min, max } = NUMBERS[name];
  const steps: number[] = [];
  for (let value = min; value < max; value = Math.max(value + 1, roundTo(value * 1.05, 2))) steps.push(value);
  return [...steps, max];
}

function evenSteps(name: NumberName, step: number): number[] {
  const { min, max } = NUMBERS[name];
  const count = Math.round((max - min) / step);
  return Array.from({ length: count + 1 }, (_, i) => Number((min + i * step).toFixed(6)));
}

/** So many steps a factor of ten. */
function ratioSteps(name: NumberName, perDecade: number): number[] {
  const { min, max } = NUMBERS[name];
  const count = Math.round(perDecade * Math.log10(max / min));
  return Array.from({ length: count + 1 }, (_, i) => roundTo(min * 10 ** (i / perDecade), 3));
}

function roundTo(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

function nearest(steps: readonly number[], value: number): number {
  const above = steps.findIndex((step) => step >= value);
  if (above < 0) return steps.length - 1;
  return above > 0 && value - steps[above - 1]! < steps[above]! - value ? above - 1 : above;
}
