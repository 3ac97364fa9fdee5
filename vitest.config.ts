import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm run test:image`
    exclude: ['test/image/**'],
    // Key generation by OpenSSL and child processes need more than the default 5 s on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Nor does a second, which is `expect.poll`'s own, mean anything there.
    expect: { poll: { timeout: 15_000 } },
    restoreMocks: true,
    // Most of them wait for other processes: more of them at a time than processors.
    maxWorkers: 3,
    // Real processes on a busy CI machine; the report says which test needed its second try.
    retry: process.env['CI'] ? 1 : 0,
    // The tests must not depend on the AWS set-up of whoever runs them, nor on a proxy.
    env: { AWS_PROFILE: '', HTTP_PROXY: '', HTTPS_PROXY: '', http_proxy: '', https_proxy: '' },
  },
});
