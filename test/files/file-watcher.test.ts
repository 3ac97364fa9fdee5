import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FileHints, FileWatcher, type WatchFiles, watchFiles } from '../../src/files/file-watcher.ts';
import { MINUTE, recordingLog, SECOND } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { freshDirectory } from './support.ts';

const START = 0;

function watching(watch: WatchFiles, lookMs = 0) {
  const clock = new VirtualClock(START);
  const { log, lines } = recordingLog();
  const looks: number[] = [];
  const look = async (): Promise<number> => {
    looks.push(clock.now());
    await clock.sleep(lookMs);
    return 30 * SECOND;
  };
  const made = new FileWatcher({ paths: ['/some/file'], check: look, watch, clock, log });
  const stopping = new AbortController();
  const running = made.run(stopping.signal);
  onTestFinished(() => {
    stopping.abort();
  });
  return { watcher: made, clock, looks, lines, stopping, running };
}

/** A watch whose events come from the test. */
function watchByHand(): { watch: WatchFiles; hints: () => FileHints; closed: () => boolean } {
  let given: FileHints | undefined;
  let isClosed = false;
  const close = (): Promise<void> => {
    isClosed = true;
    return Promise.resolve();
  };
  const watch: WatchFiles = (_, hints) => {
    given = hints;
    return Promise.resolve({ close });
  };
  const hints = (): FileHints => given ?? { hint: () => undefined, failed: () => undefined };
  return { watch, hints, closed: () => isClosed };
}

describe('the file watcher', () => {
  test.each(['EACCES', 'EPERM'])(
    'does not report a file that may not be watched (%s) as a lack of watches',
    async (code) => {
      const { clock, lines } = watching(() => Promise.reject(Object.assign(new Error('denied'), { code })));
      await clock.advance(SECOND);
      expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'FILE_WATCH_DENIED' } }]);
    },
  );

  test('checks at once, and every 30 s without a hint', async () => {
    const { clock, looks } = watching(watchByHand().watch);
    await clock.advance(MINUTE);
    expect(looks).toEqual([0, 30 * SECOND, 60 * SECOND]);
  });

  test('checks 300 ms after the first of many hints', async () => {
    const { watch, hints } = watchByHand();
    const { clock, looks } = watching(watch);
    await clock.advance(SECOND);
    for (let event = 0; event < 20; event += 1) {
      hints().hint();
      await clock.advance(10);
    }
    await clock.advance(SECOND);
    expect(looks).toEqual([0, 1_300]);
  });

  test('checks again after a hint during a check', async () => {
    const { watch, hints } = watchByHand();
    const { clock, looks } = watching(watch, 2 * SECOND);
    await clock.advance(SECOND);
    hints().hint();
    await clock.advance(4 * SECOND);
    expect(looks).toEqual([0, 2_300]);
  });

  test('logs missing inotify once, and finds changes by its checks', async () => {
    const { watch, hints } = watchByHand();
    const { clock, looks, lines } = watching(watch);
    await clock.advance(SECOND);
    hints().failed(Object.assign(new Error('too many open files'), { code: 'EMFILE', syscall: 'watch' }));
    hints().failed(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    await clock.advance(MINUTE);
    expect(looks).toHaveLength(3);
    expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'FILE_WATCH_UNAVAILABLE' } }]);
  });

  test('logs a watch that cannot start once', async () => {
    const { clock, looks, lines } = watching(() => Promise.reject(new Error('ENOSPC')));
    await clock.advance(MINUTE);
    expect(looks).toHaveLength(3);
    expect(lines).toHaveLength(1);
  });

  test('stops at once, also while it waits, and ends its watch', async () => {
    const { watch, closed } = watchByHand();
    const { clock, stopping, running } = watching(watch);
    await clock.advance(SECOND);
    stopping.abort();
    await running;
    expect(closed()).toBe(true);
  });
});

test('the watch of the system hints at files that change, and at new ones', async () => {
  const directory = freshDirectory();
  const [present, missing] = [path.join(directory, 'present'), path.join(directory, 'missing')];
  writeFileSync(present, 'one');
  const hint = vi.fn();
  const watch = await watchFiles([present, missing], { hint, failed: (error) => expect.fail(String(error)) });
  onTestFinished(() => watch.close());
  // It may take a while until the watch has begun.
  for (const file of [present, missing]) {
    hint.mockClear();
    await vi.waitFor(
      () => {
        writeFileSync(file, randomUUID());
        expect(hint).toHaveBeenCalled();
      },
      { timeout: 10_000, interval: 100 },
    );
  }
});
