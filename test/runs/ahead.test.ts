import { drawAhead, drawInTurn } from '../../src/runs/ahead';

/** Draws whose end the test decides, and what became of them. */
function controlled() {
  const log: string[] = [];
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const draw = (task: number, signal: AbortSignal | undefined): Promise<string> => {
    log.push(`begin ${task}`);
    return new Promise((resolve, reject) => {
      const abort = () => {
        log.push(`abort ${task}`);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort);
      ends.set(task, {
        resolve: () => {
          log.push(`end ${task}`);
          signal?.removeEventListener('abort', abort);
          resolve(`batch ${task}`);
        },
        reject,
      });
    });
  };
  return {
    log,
    draw,
    end: (task: number) => {
      ends.get(task)!.resolve();
    },
    fail: (task: number, error: Error) => {
      ends.get(task)!.reject(error);
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('the next task is drawn while the caller has the one before, and never two at a time', async () => {
  const { log, draw, end } = controlled();
  const batches = drawAhead([1, 2, 3], draw, undefined);
  const first = batches.next();
  await settle();
  expect(log).toEqual(['begin 1']);
  end(1);
  expect((await first).value).toEqual([1, 'batch 1']);
  expect(log).toEqual(['begin 1', 'end 1', 'begin 2']);
  end(2);
  await settle();
  expect(log).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2']);
  expect((await batches.next()).value).toEqual([2, 'batch 2']);
  end(3);
  expect((await batches.next()).value).toEqual([3, 'batch 3']);
  expect((await batches.next()).done).toBe(true);
  expect(log.slice(4)).toEqual(['begin 3', 'end 3']);
});

test('a caller that leaves aborts what is being drawn, and waits for it', async () => {
  const { log, draw, end } = controlled();
  const batches = drawAhead([1, 2, 3], draw, undefined);
  const first = batches.next();
  end(1);
  await first;
  await batches.return();
  expect(log).toEqual(['begin 1', 'end 1', 'begin 2', 'abort 2']);
});

test('a draw that fails ends it with its error, when it is asked for', async () => {
  const { log, draw, end, fail } = controlled();
  const batches = drawAhead([1, 2, 3], draw, undefined);
  const first = batches.next();
  end(1);
  expect((await first).value).toEqual([1, 'batch 1']);
  fail(2, new Error('no memory'));
  await settle();
  await expect(batches.next()).rejects.toThrow('no memory');
  expect(log).not.toContain('begin 3');
});

test("the caller's signal aborts it with its reason", async () => {
  const { draw } = controlled();
  const stop = new AbortController();
  const batches = drawAhead([1, 2], draw, stop.signal);
  const first = batches.next();
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  await expect(drawAhead([1], draw, stop.signal).next()).rejects.toThrow('enough');
});

test('an abort while the caller has a batch ends it, though the next one is drawn', async () => {
  const { draw, end } = controlled();
  const stop = new AbortController();
  const batches = drawAhead([1, 2, 3], draw, stop.signal);
  const first = batches.next();
  end(1);
  await first;
  end(2);
  stop.abort(new Error('enough'));
  await expect(batches.next()).rejects.toThrow('enough');
});

test('a draw that throws at once loses nothing that was drawn before', async () => {
  const { draw, end } = controlled();
  const batches = drawAhead(
    [1, 2],
    (task, signal) => {
      if (task === 2) throw new Error('no memory');
      return draw(task, signal);
    },
    undefined,
  );
  const first = batches.next();
  end(1);
  expect((await first).value).toEqual([1, 'batch 1']);
  await expect(batches.next()).rejects.toThrow('no memory');
});

test('in turn, a task is drawn when it is asked for', async () => {
  const { log, draw, end } = controlled();
  const batches = drawInTurn([1, 2], draw, undefined);
  const first = batches.next();
  end(1);
  expect((await first).value).toEqual([1, 'batch 1']);
  await settle();
  expect(log).toEqual(['begin 1', 'end 1']);
  const second = batches.next();
  end(2);
  expect((await second).value).toEqual([2, 'batch 2']);
  await expect(drawInTurn([1], draw, AbortSignal.abort(new Error('enough'))).next()).rejects.toThrow(
    'enough',
  );
});
