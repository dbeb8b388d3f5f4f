/// <reference lib="dom" />
/** How smoothly the sliders of `deepntk explore` move, in headless Chromium. */
import type { Browser } from 'puppeteer-core';

import { describeInChromium, launchChromium } from '../support/browser';
import { openExplore, sampled } from './page';

let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
});

describeInChromium('the page in Chromium', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });

  test('sliders move smoothly: no task of the page takes longer than three frames', async () => {
    const { page, complaints } = await openExplore(browser!, 'depth=300&width=100');
    await page.tracing.start({ categories: ['toplevel'] });
    await page.evaluate(async () => {
      const drag = async (id: string): Promise<void> => {
        const slider = document.getElementById(id) as HTMLInputElement;
        const end = Number(slider.max);
        for (let i = 0; i <= 60; i++) {
          slider.value = String(Math.round((end * i) / 60));
          slider.dispatchEvent(new Event('input', { bubbles: true }));
          await new Promise((next) => requestAnimationFrame(next));
        }
      };
      for (const id of ['sw2', 'depth', 'width', 'sb2']) await drag(id);
    });
    await sampled(page);
    const tasks = pageTasks(await page.tracing.stop());
    // Of the thread's own time, which other programs on the machine do not lengthen.
    console.log(
      `${tasks.length} tasks; the longest take ${tasks
        .slice(0, 5)
        .map((ms) => ms.toFixed(1))
        .join(', ')} ms of CPU time`,
    );
    expect(tasks.length).toBeGreaterThan(240);
    expect(tasks[0]!).toBeGreaterThan(0.5); // it was measured
    expect(tasks[0]!).toBeLessThan(50);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the thread's CPU time. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** CPU time of the tasks of pages' main threads, in milliseconds, the longest first. */
function pageTasks(trace: Uint8Array | undefined): number[] {
  const { traceEvents } = JSON.parse(Buffer.from(trace!).toString('utf8')) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
  const named = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const mains = new Set(named.map(threadOf));
  return traceEvents
    .filter((event) => event.ph === 'X' && event.name.includes('RunTask') && mains.has(threadOf(event)))
    .map(({ tdur }) => (tdur ?? 0) / 1000)
    .sort((a, b) => b - a);
}
