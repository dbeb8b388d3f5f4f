import fc from 'fast-check';

import {
  complaintAbout,
  type ExploredNet,
  fromLink,
  NUMBERS,
  type NumberName,
  PRESET,
  toLink,
} from '../../src/explore/link';

const numbers = Object.fromEntries(
  Object.entries(NUMBERS).map(([name, { min, max, whole }]) => [
    name,
    whole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true }),
  ]),
) as unknown as Record<NumberName, fc.Arbitrary<number>>;

const nets = fc.record<ExploredNet>({
  ...numbers,
  parametrization: fc.constantFrom('standard', 'ntk'),
  biasGradients: fc.boolean(),
});

test('a link gives back the net that it was made of, to the last bit', () => {
  fc.assert(
    fc.property(nets, (net) => {
      expect(fromLink(toLink(net))).toEqual({ net, complaints: [] });
    }),
  );
});

test('what a link leaves out is preset', () => {
  expect(fromLink('').net).toEqual(PRESET);
  expect(fromLink('#depth=7').net).toEqual({ ...PRESET, depth: 7 });
});

test.each([
  ['depth=0', 'depth: expected a whole number from 1 to 1000, got 0'],
  ['depth=1.5', 'depth: expected a whole number from 1 to 1000, got 1.5'],
  ['width=', 'width: expected a whole number from 12 to 2000, got '],
  ['sw2=NaN', 'sw2: expected a number from 0.5 to 3.5, got NaN'],
  ['bias-gradients=true', 'bias-gradients: expected yes or no, got true'],
])('%s does not fit, and is preset', (link, complaint) => {
  expect(fromLink(link)).toEqual({ net: PRESET, complaints: [complaint] });
});

test('presets fit', () => {
  for (const name of Object.keys(NUMBERS) as NumberName[])
    expect(complaintAbout(name, PRESET[name])).toBeNull();
});
