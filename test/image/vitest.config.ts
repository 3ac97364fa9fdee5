import { defineConfig } from 'vitest/config';

// Separate from the other tests: building an image takes minutes and needs root, and once is enough
// for all Node versions.
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
