/**
 * Runs the examples of documents: each is TypeScript that prints, and says beside each print what
 * comes out. Owns finding and running them; `stackchain` is the sources of this checkout.
 *
 *   console.log(1 + 1); // 2
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import ts from 'typescript';

export interface Example {
  readonly name: string;
  readonly code: string;
  /** Beside the prints, in order. */
  readonly says: readonly string[];
}

const textOf = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const exampleOf = (name: string, code: string): Example => ({
  name,
  code,
  says: [...code.matchAll(/console\.log\(.*\);\s*\/\/ (.*)$/gm)].map(([, said]) => said ?? ''),
});

/** The `ts` blocks of a Markdown file, by the heading that they stand under. */
export function markdownExamples(path: string): Example[] {
  const found: Example[] = [];
  let heading = path;
  for (const [part] of textOf(path).matchAll(/^#+ .*$|^```ts\n[\s\S]*?^```$/gm)) {
    if (part.startsWith('#')) heading = part.replace(/^#+ /, '');
    else found.push(exampleOf(heading, part.replace(/^```ts\n|```$/g, '')));
  }
  return found;
}

/** The `@example` of each documented export of a source file. */
export function sourceExamples(path: string): Example[] {
  const comments =
    /\/\*\*\n((?: \*.*\n)*?) \* @example\n((?: \*.*\n)*?) \*\/\nexport (?:const|function) (\w+)/g;
  return [...textOf(path).matchAll(comments)].map(([, , code = '', name = '']) =>
    exampleOf(name, code.replace(/^ \* ?/gm, '')),
  );
}

/** Exported functions and values of a source file. */
export const exportsOf = (path: string): string[] =>
  [...textOf(path).matchAll(/^export (?:async )?(?:const|function) (\w+)/gm)].map(
    ([, name = '']) => name,
  );

const MODULES: Readonly<Record<string, () => Promise<object>>> = {
  stackchain: () => import('../../lib/index.ts'),
  'stackchain/miner': () => import('../../miner/generate.ts'),
};

const load = (name: string): Promise<object> => {
  const ours = MODULES[name];
  if (ours !== undefined) return ours();
  if (!name.startsWith('node:')) throw new Error(`an example imports ${name}`);
  return import(name) as Promise<object>;
};

/** What the example prints, line by line. Without an import of its own it sees the whole library. */
export async function run({ code }: Example): Promise<string[]> {
  const plain = stripTypeScriptTypes(code).replace(
    /^import \{([^}]*)\} from '([^']+)';$/gm,
    (_, names: string, from: string) =>
      `const {${names.replace(/(\w+) as (\w+)/g, '$1: $2')}} = await load('${from}');`,
  );
  const all = Object.entries(await load('stackchain')).filter(
    ([name]) => !plain.includes(`{${name}`),
  );
  const names = /^const \{[^}]*\} = await load/m.test(plain) ? [] : all.map(([name]) => name);
  const printed: string[] = [];
  const print = (...args: unknown[]): void => {
    printed.push(format(...args).replace(/\s+/g, ' '));
  };
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  const example = new AsyncFunction(
    'load',
    'console',
    '$all',
    `${names.length > 0 ? `const {${names.join(', ')}} = $all;` : ''}{${plain}}`,
  );
  await example(load, { log: print }, Object.fromEntries(all));
  return printed;
}

/** What a strict compiler says against the examples, each a module of its own beside the sources. */
export function typeErrors(examples: readonly Example[]): string[] {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const files = new Map(
    examples.map(({ code }, i) => [`${root}example-${i}.ts`, `${code}\nexport {};\n`]),
  );
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    customConditions: ['stackchain-source'],
    lib: ['lib.es2024.d.ts'],
    types: ['node'],
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, target, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, target, ...rest)
      : ts.createSourceFile(name, text, target);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name, i) => {
    const file = program.getSourceFile(name);
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ];
    return found.map(
      ({ messageText }) =>
        `${examples[i]?.name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}
