/** An esbuild run for each function, and one for the miner. Small ESM files, SDK included. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { FUNCTION_NAMES } from './names.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What a bundle leaves out: native parts that no Lambda has; what uses them falls back by name. */
const EXTERNAL = ['secp256k1', 'classic-level'];

/** CommonJS parts of the SDK ask for `require`. */
const BANNER = {
  js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
};

/** Bundles into `<out>/<name>/index.mjs` and `<out>/miner/main.mjs`; answers `out`. */
export function bundleAll(out: string): string {
  rmSync(out, { recursive: true, force: true });
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    // The SDK's modules first: of its CommonJS nothing can be left out.
    mainFields: ['module', 'main'],
    // Line numbers in logs, without the sources' text in the asset.
    sourcemap: 'linked',
    sourcesContent: false,
    outExtension: { '.js': '.mjs' },
    external: EXTERNAL,
    banner: BANNER,
    logLevel: 'warning',
    absWorkingDir: ROOT,
  } satisfies BuildOptions;
  for (const name of [...FUNCTION_NAMES, 'mine']) {
    buildSync({
      ...common,
      // What a function loads only when it needs it lies beside, and costs no cold start.
      splitting: true,
      chunkNames: '[name]-[hash]',
      entryPoints: { index: join(ROOT, 'functions', `${name}.ts`) },
      outdir: join(out, name),
    });
  }
  buildSync({
    ...common,
    entryPoints: {
      main: join(ROOT, 'miner', 'main.ts'),
      worker: join(ROOT, 'miner', 'worker.ts'),
    },
    outdir: join(out, 'miner'),
  });
  return out;
}
