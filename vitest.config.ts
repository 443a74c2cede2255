import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/own-temp-dir.ts'],
    // How long a test may take is no assertion: a machine that is busy takes longer and proves the same.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // Two cores are what CI has; more workers only make timings noisy.
    // An emulator that is named is one for all: its suites deploy stacks of the same names, in turn.
    maxWorkers: process.env['AWS_ENDPOINT_URL'] === undefined ? 2 : 1,
    reporters: ['default'],
  },
});
