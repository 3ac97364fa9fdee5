import { defineConfig } from 'vitest/config';

// Apart from the other tests: building an image takes minutes, needs root, and once is enough for all lines of Node.
export default defineConfig({
  test: {
    include: ['test/image/**/*.test.ts'],
    globalSetup: ['test/image/build-image.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    retry: process.env['CI'] ? 1 : 0,
  },
});
