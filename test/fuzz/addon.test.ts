import { describeNative } from '../native/support';
import { attempt, generator, hostileTask, TASKS } from './addon';

describeNative('the raw addon, handed hostile tasks at random', (_, addon) => {
  test.each(Object.keys(TASKS))('%s refuses or computes', async (operation) => {
    const random = generator(20261124);
    const counts = { computed: 0, refused: 0 };
    for (let i = 0; i < 400; i++) {
      const status = await attempt(addon, hostileTask(random, [operation]), random);
      counts[status === null ? 'refused' : 'computed']++;
    }
    expect(counts.computed).toBeGreaterThan(50);
    expect(counts.refused).toBeGreaterThan(50);
  });
});
