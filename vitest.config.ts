import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Key generation by OpenSSL and child processes need more than the default 5 s on a busy machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    // The tests must not depend on the AWS set-up of whoever runs them, nor on a proxy.
    env: { AWS_PROFILE: '', HTTP_PROXY: '', HTTPS_PROXY: '', http_proxy: '', https_proxy: '' },
  },
});
