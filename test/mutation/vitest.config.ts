import path from 'node:path';
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** What `npm run mutation` runs for each change: tests in this process. Those that start programs take too long. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, '../..'),
  test: {
    ...base.test,
    include: (process.env['MUTATION_TESTS'] ?? '').split(' '),
    exclude: [
      'test/identity/{certificate-change,openssl-key-forms}.test.ts',
      'test/files/attacks.test.ts',
      'test/imds/{cases-connection,cases-token,sdk-requests}.test.ts',
    ],
    setupFiles: ['test/mutation/few-runs.ts'],
    retry: 0,
  },
});
