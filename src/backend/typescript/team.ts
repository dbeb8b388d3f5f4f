/**
 * Threads that run one program together. A program is a sequence of stages. The threads take the tiles of a stage one by one,
 * and a stage ends for all threads at once. No entry of a result depends on the thread that computed it
 * (src/linalg/product.ts), so the bits of results do not depend on the number of threads.
 */

export interface Team {
  /** Runs every tile 0 .. count - 1 once, among all threads, and waits until the last is finished. */
  stage(count: number, tile: (index: number) => void): void;
  /** Counts work. It throws {@link Stopped} if the program should stop. Call it every few milliseconds. */
  readonly advance: (flops: number) => void;
}

/** Counts the work of a product. @param share the part of the dense product that is left after compaction */
export function countWork(team: Team, share: number): (flops: number) => void {
  return (flops) => {
    team.advance(flops / share);
  };
}

/** Thrown out of a program that was told to stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** The calling thread alone. */
export const soloTeam: Team = {
  stage(count, tile) {
    for (let index = 0; index < count; index++) tile(index);
  },
  advance() {
    // There is no watcher.
  },
};

/** The shared state of a team. The thread that started the team watches it. */
export interface TeamControl {
  readonly size: number;
  readonly words: Int32Array;
  readonly work: BigInt64Array;
}

/** Positions in {@link TeamControl.words}. */
const STOP = 0;
const ARRIVED = 1;
const GENERATION = 2;
const NEXT_TILE = 3;

/** Milliseconds after which a waiting thread checks whether it should stop. A thread that died wakes no other. */
const STOP_CHECK = 10;

export function createTeamControl(size: number): TeamControl {
  return {
    size,
    words: new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT)),
    work: new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)),
  };
}

/** Floating-point operations done so far by all threads. */
export function workDone(control: TeamControl): number {
  return Number(Atomics.load(control.work, 0));
}

export function stopTeam(control: TeamControl): void {
  Atomics.store(control.words, STOP, 1);
  Atomics.notify(control.words, GENERATION);
}

/** The team as one of its threads uses it. */
export function joinTeam(control: TeamControl): Team {
  const { size, words, work } = control;

  function checkStop(): void {
    if (Atomics.load(words, STOP) !== 0) throw new Stopped('the computation was stopped');
  }

  function waitForAll(): void {
    const generation = Atomics.load(words, GENERATION);
    if (Atomics.add(words, ARRIVED, 1) === size - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, NEXT_TILE, 0);
      Atomics.store(words, GENERATION, (generation + 1) | 0);
      Atomics.notify(words, GENERATION);
      return;
    }
    while (Atomics.load(words, GENERATION) === generation) {
      Atomics.wait(words, GENERATION, generation, STOP_CHECK);
      checkStop();
    }
  }

  return {
    stage(count, tile) {
      for (;;) {
        checkStop();
        const index = Atomics.add(words, NEXT_TILE, 1);
        if (index >= count) break;
        tile(index);
      }
      waitForAll();
    },
    advance(flops) {
      Atomics.add(work, 0, BigInt(Math.round(flops)));
      checkStop();
    },
  };
}
