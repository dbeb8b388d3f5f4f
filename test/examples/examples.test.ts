import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const EXAMPLES = join(__dirname, '..', '..', 'examples');

test('README.md of the examples names every one of them', () => {
  const text = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
  const programs = readdirSync(EXAMPLES).filter((file) => file.endsWith('.js'));
  expect(programs.length).toBeGreaterThanOrEqual(4);
  for (const program of programs) expect(text).toContain(`](${program})`);
});
