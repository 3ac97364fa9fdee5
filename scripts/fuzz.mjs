// `npm run fuzz -- --minutes N [--seed S]`: runs the fuzz tests of test/hostile for a time instead
// of a fixed number of samples. Both files run at the same time, each for N minutes shared by its
// tests. On failure it prints the seed and the smallest failing sample. A sample that ended the
// process is in .cache/fuzz/.
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes must be a number above 0');
process.env.FUZZ_MINUTES = String(minutes);
if (values.seed !== undefined) process.env.FUZZ_SEED = values.seed;
const files = ['test/hostile/endpoint-fuzz.test.ts', 'test/hostile/reading-fuzz.test.ts'];
const vitest = await startVitest('test', files, { watch: false, maxWorkers: files.length });
await vitest.close();
