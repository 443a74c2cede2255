/**
 * A directory with the parents it lacks. Node's own `recursive` never returns where the system says
 * that a name is missing although its parent is there, as /proc does.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

/** Throws what the system says, unless the directory is there. */
export function makeDir(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Told first by some systems: that nothing may be made there, or that the name is taken.
    if (isDirectory(path)) return;
    const parent = dirname(path);
    const isParentless = (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(parent);
    if (!isParentless || parent === path) throw error;
    makeDir(parent, mode);
    makeDir(path, mode);
  }
}
