/** One esbuild run for all functions, and one for the miner. Small ESM files, SDK included. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
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
    // Line numbers in logs, without the sources' text in the asset.
    sourcemap: 'linked',
    sourcesContent: false,
    outExtension: { '.js': '.mjs' },
    external: EXTERNAL,
    banner: BANNER,
    logLevel: 'warning',
    absWorkingDir: ROOT,
  } as const;
  buildSync({
    ...common,
    entryPoints: Object.fromEntries(
      [...FUNCTION_NAMES, 'mine'].map((name) => [
        `${name}/index`,
        join(ROOT, 'functions', `${name}.ts`),
      ]),
    ),
    outdir: out,
  });
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
