import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/own-temp-dir.ts'],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    // Two cores are what CI has; more workers only make timings noisy.
    maxWorkers: 2,
    reporters: ['default'],
  },
});
