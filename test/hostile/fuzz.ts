import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';

/** Samples, and what must be true for each. */
export interface Fuzzed<Sample> {
  /** In CI. `npm run fuzz` runs for its minutes. */
  readonly runs: number;
  readonly samples: fc.Arbitrary<Sample>;
  /** Throws or rejects if it is not true. */
  check(sample: Sample): void | Promise<void>;
}

/** Set by `npm run fuzz`; see scripts/fuzz.mjs. */
const minutes = Number(process.env['FUZZ_MINUTES'] ?? 0);
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** In CPU time, which does not depend on other load. No sample should need much. */
const SLOWEST_MS = 5_000;

/** The current sample is stored here, in case it ends the process. */
const CACHE = path.resolve(import.meta.dirname, '../../.cache/fuzz');

/**
 * One test for each title, sharing the minutes. Prints seed and counts, and on failure the smallest
 * failing sample.
 */
export function itFuzzes(all: Readonly<Record<string, () => Fuzzed<unknown>>>): void {
  const titles = Object.keys(all);
  const shareMs = (minutes * 60_000) / titles.length;
  it.each(titles)('%s', { timeout: shareMs + 120_000 }, async (title) => {
    const fuzzed = all[title]?.();
    if (fuzzed) await fuzz(title, fuzzed, shareMs);
  });
}

async function fuzz<Sample>(title: string, fuzzed: Fuzzed<Sample>, shareMs: number): Promise<void> {
  const kept = path.join(CACHE, `${title.replaceAll(/\W+/g, '-')}.txt`);
  mkdirSync(CACHE, { recursive: true });
  let slowest = 0;
  const property = fc.asyncProperty(fuzzed.samples, async (sample) => {
    writeFileSync(kept, `seed ${seed}\n${fc.stringify(sample)}\n`);
    const began = process.cpuUsage();
    await fuzzed.check(sample);
    const { user, system } = process.cpuUsage(began);
    slowest = Math.max(slowest, (user + system) / 1_000);
  });
  const limited = { interruptAfterTimeLimit: shareMs, markInterruptAsFailure: false, numRuns: 2 ** 31 - 1 };
  const details = await fc.check(property, { seed, ...(minutes > 0 ? limited : { numRuns: fuzzed.runs }) });
  rmSync(kept);
  process.stderr.write(
    `fuzz: ${title}: ${details.numRuns} runs, seed ${seed}, the slowest took ${slowest.toFixed(0)} ms\n`,
  );
  const report = `${fc.defaultReportMessage(details) ?? ''}\nnpm run fuzz -- --seed ${seed}`;
  if (details.failed) throw new Error(report, { cause: details.errorInstance });
  expect(slowest).toBeLessThan(SLOWEST_MS);
}
