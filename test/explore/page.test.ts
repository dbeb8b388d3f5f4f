/** The file of the page of `deepntk explore`; the page in a browser: page.full.test.ts. */
import { statSync } from 'node:fs';

import { EXPLORE_PAGE } from '../../src/report/explore-page';

test('the file stands alone, and is small', () => {
  expect(statSync(EXPLORE_PAGE).size).toBeLessThan(1e6);
});
