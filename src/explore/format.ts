/** Numbers as people read them. */

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** 10 to a whole power, such as 10⁻⁷. */
export function powerOfTen(exponent: number): string {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)]!);
  return `10${exponent < 0 ? '⁻' : ''}${digits}`;
}

/** Some significant digits: 0.0123, 12.3, 1 230, 1.23 × 10⁷; the number is e to `log` where a double cannot hold it. */
export function format(value: number, digits = 4, log = Math.log(value)): string {
  if (value === 0 && log === -Infinity) return '0';
  const power = log / Math.LN10;
  if (power >= 6 || power < -4) {
    const exponent = Math.floor(power + 1e-12);
    return `${(10 ** (power - exponent)).toPrecision(3)} × ${powerOfTen(exponent)}`;
  }
  const decimals = Math.max(0, digits - 1 - Math.floor(power));
  return value.toLocaleString('en', { maximumFractionDigits: decimals }).replaceAll(',', '\u202f');
}

/** A number and its error, with the digits that the error leaves: 101.9 ± 0.14, (4.98 ± 0.02) × 10²¹ */
export function withError(value: number, error: number): string {
  const power = Math.floor(Math.log10(Math.max(Math.abs(value), error)));
  const exponent = power >= 6 || power < -4 ? power : 0;
  const unit = 10 ** exponent;
  const decimals = error > 0 ? Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(error / unit)))) : 3;
  const both = `${(value / unit).toFixed(decimals)} ± ${(error / unit).toFixed(decimals)}`;
  return exponent === 0 ? both : `(${both}) × ${powerOfTen(exponent)}`;
}

export function percent(share: number): string {
  return share < 10 ? `${format(100 * share, 2)} %` : format(share, 3);
}
