/**
 * Calls `work` while `performance.now()` advances by a second at each look: what is repeated until its time is up
 * (`deepntk bench`) is repeated as few times as it may be.
 */
export async function withFastClock<T>(work: () => Promise<T>): Promise<T> {
  let now = performance.now();
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => (now += 1000));
  try {
    return await work();
  } finally {
    clock.mockRestore();
  }
}
