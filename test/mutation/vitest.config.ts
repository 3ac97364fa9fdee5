import path from 'node:path';
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const tests = (process.env['MUTATION_TESTS'] ?? '').split(' ');
/** They start many programs, so they only run if they are named. */
const SLOW = [
  'test/identity/certificate-change.test.ts',
  'test/identity/openssl-key-forms.test.ts',
  'test/files/attacks.test.ts',
  ...['cases-connection', 'cases-token', 'sdk-requests'].map((name) => `test/imds/${name}.test.ts`),
];

/** What `npm run mutation` runs for each change: tests in this process. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, '../..'),
  test: {
    ...base.test,
    include: tests,
    exclude: SLOW.filter((name) => !tests.includes(name)),
    setupFiles: ['test/mutation/few-runs.ts'],
    retry: 0,
  },
});
