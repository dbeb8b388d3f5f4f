/** The net that the page shows, and its link: the part of the URL after #, with the names of the command's flags. Pure. */

export interface ExploredNet {
  readonly inputDim: number;
  readonly depth: number;
  readonly width: number;
  readonly weightVariance: number;
  readonly biasVariance: number;
  /** |x|^2 */
  readonly inputNorm2: number;
  readonly parametrization: 'standard' | 'ntk';
  readonly biasGradients: boolean;
  readonly seed: number;
}

export type NumberName = {
  [Name in keyof ExploredNet]: ExploredNet[Name] extends number ? Name : never;
}[keyof ExploredNet];

interface NumberRule {
  /** The flag without its dashes. */
  readonly flag: string;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  readonly preset: number;
}

/** What can be shown. Below widths of 12 nets with a dead layer show, which the theory leaves out. */
export const NUMBERS: Readonly<Record<NumberName, NumberRule>> = {
  inputDim: { flag: 'input-dim', min: 1, max: 10_000, whole: true, preset: 100 },
  depth: { flag: 'depth', min: 1, max: 1000, whole: true, preset: 50 },
  width: { flag: 'width', min: 12, max: 2000, whole: true, preset: 100 },
  weightVariance: { flag: 'sw2', min: 0.5, max: 3.5, whole: false, preset: 2 },
  biasVariance: { flag: 'sb2', min: 0, max: 1, whole: false, preset: 0 },
  inputNorm2: { flag: 'input-norm2', min: 0.01, max: 10_000, whole: false, preset: 1 },
  seed: { flag: 'seed', min: 0, max: Number.MAX_SAFE_INTEGER, whole: true, preset: 1 },
};

const NAMES = Object.keys(NUMBERS) as NumberName[];

export const PRESET: ExploredNet = {
  ...(Object.fromEntries(NAMES.map((name) => [name, NUMBERS[name].preset])) as Record<NumberName, number>),
  parametrization: 'standard',
  biasGradients: true,
};

/** `depth=50&width=100&...`: all of the net, so that a link says the same tomorrow. */
export function toLink(net: ExploredNet): string {
  const entries = NAMES.map((name) => `${NUMBERS[name].flag}=${net[name]}`);
  return [
    ...entries,
    `parametrization=${net.parametrization}`,
    `bias-gradients=${net.biasGradients ? 'yes' : 'no'}`,
  ].join('&');
}

/** The net of a link. What it leaves out is preset; what does not fit is preset too, and told in words. */
export function fromLink(link: string): {
  readonly net: ExploredNet;
  readonly complaints: readonly string[];
} {
  const given = new URLSearchParams(link.replace(/^#/, ''));
  const complaints: string[] = [];
  const choice = <T extends string>(flag: string, preset: T, allowed: readonly T[]): T => {
    const text = given.get(flag);
    if (text === null) return preset;
    if (allowed.includes(text as T)) return text as T;
    complaints.push(`${flag}: expected ${allowed.join(' or ')}, got ${text}`);
    return preset;
  };
  const numbers = NAMES.map((name) => {
    const rule = NUMBERS[name];
    const text = given.get(rule.flag);
    const complaint = text === null ? null : complaintAbout(name, text.trim() === '' ? NaN : Number(text));
    if (complaint !== null) complaints.push(`${complaint}, got ${text!}`);
    return [name, text === null || complaint !== null ? rule.preset : Number(text)] as const;
  });
  const net = {
    ...(Object.fromEntries(numbers) as Record<NumberName, number>),
    parametrization: choice('parametrization', PRESET.parametrization, ['standard', 'ntk']),
    biasGradients: choice('bias-gradients', 'yes', ['yes', 'no']) === 'yes',
  };
  return { net, complaints };
}

/** What is wrong with a number that a net is to have; null where it fits. */
export function complaintAbout(name: NumberName, value: number): string | null {
  const { flag, min, max, whole } = NUMBERS[name];
  const fits = value >= min && value <= max && (!whole || Number.isInteger(value));
  return fits ? null : `${flag}: expected ${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`;
}
