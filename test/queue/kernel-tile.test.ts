/** A worker that cannot compute a tile gives it back, for another one. */
import { TileComputer } from '../../src/queue/kernel-tile';
import { NotNow } from '../../src/queue/jobs';
import type { Store } from '../../src/queue/store';

/** A store that holds the description of a kernel whose net has so many parameters, and nothing else. */
function storeOf(description: string): Store {
  return {
    get: (_: string, into: Uint8Array) => {
      into.set(Buffer.from(description));
      return Promise.resolve(true);
    },
  } as unknown as Store;
}

test('a net that does not fit the memory here is not a failed attempt', async () => {
  const description = JSON.stringify({ parameters: 2 ** 50 });
  const computing = new TileComputer(storeOf(description)).compute(
    { kernel: 'k', length: description.length },
    0,
    {},
  );
  await expect(computing).rejects.toBeInstanceOf(NotNow);
  await expect(computing).rejects.toThrow(
    /^too little memory for this kernel here, another worker may have more: worker: the parameters of the net would take /,
  );
});
