import { decide, percent } from '../../src/diagnosis/verdict';
import { DIAGNOSIS_THRESHOLDS } from '../../src/index';

const limits = { spread: 0.1, distance: 0.2, kernelChange: 0.3 };

test.each([
  [0.05, 0.1, 0.1, 'describes'],
  [0.1, 0.2, 0.3, 'describes'],
  [0.05, 0.1, 0.31, 'initialization-only'],
  [0.11, 0.1, 0.1, 'does-not'],
  [0.05, 0.21, 0.1, 'does-not'],
  [0.11, 0.21, 0.31, 'does-not'],
  [0.05, null, 0.1, 'does-not'],
  [0.05, 0.1, null, 'initialization-only'],
  [Infinity, 0.1, 0.1, 'does-not'],
])('spread %p, distance %p, change %p: %s', (spread, distance, kernelChange, answer) => {
  const verdict = decide({ spread, distance, kernelChange }, limits);
  expect(verdict.answer).toBe(answer);
  expect(verdict.criteria.map(({ name }) => name)).toEqual(['spread', 'distance', 'kernelChange']);
  expect(verdict.criteria.map(({ limit }) => limit)).toEqual([0.1, 0.2, 0.3]);
  expect(verdict.criteria.map(({ holds }) => holds)).toEqual([
    spread <= 0.1,
    distance !== null && distance <= 0.2,
    kernelChange !== null && kernelChange <= 0.3,
  ]);
});

test('the reasons have the number and the bound in them', () => {
  const { criteria } = decide({ spread: 0.413, distance: 0.0259, kernelChange: null }, limits);
  expect(criteria[0]!.sentence).toContain('41 % from one initialization to the next (bound: 10 %)');
  expect(criteria[1]!.sentence).toContain('2.6 % away from the one at infinite width (bound: 20 %)');
  expect(criteria[2]!.sentence).toContain('Training broke off');
});

test('the thresholds cannot be changed by accident', () => {
  expect(Object.isFrozen(DIAGNOSIS_THRESHOLDS)).toBe(true);
});

test('shares are written in percent, two digits', () => {
  const written = [0, 1e-6, 0.00854, 0.04, 0.412, 2.304, 1234, 1e30, Infinity].map(percent);
  expect(written).toEqual([
    '0 %',
    'less than 0.01 %',
    '0.85 %',
    '4.0 %',
    '41 %',
    '230 %',
    '123,400 %',
    'over 1,000,000 %',
    'over 1,000,000 %',
  ]);
});
