/**
 * Tools that not every machine has. A suite that needs one says plainly that it is skipped and why;
 * where all suites are demanded (STACKCHAIN_DEMAND_ALL, as in CI) it fails instead.
 */
import { execFileSync } from 'node:child_process';
import { describe, it } from 'vitest';

const demandAll = process.env['STACKCHAIN_DEMAND_ALL'] === '1';

/** The first of the commands that can be started, or undefined. */
export function findTool(commands: readonly string[]): string | undefined {
  return commands.find((command) => {
    try {
      execFileSync(command, ['--version'], { stdio: 'ignore', timeout: 20_000 });
      return true;
    } catch {
      return false;
    }
  });
}

/** A suite that runs only with the tool. `missing`: what to say where it is not there. */
export function describeWith<T>(
  tool: T | undefined,
  options: { readonly name: string; readonly missing: string },
  suite: (tool: T) => void,
): void {
  if (tool !== undefined) describe(options.name, () => suite(tool));
  else if (demandAll) {
    describe(options.name, () => {
      it('has what it needs', () => {
        throw new Error(options.missing);
      });
    });
  } else describe.skip(`${options.name} (skipped: ${options.missing})`, () => it('needs a tool'));
}
