/**
 * Net changes of one commit: what the last of several changes of a key leaves. Owns the folding,
 * not what is changed (fold.ts).
 */
import type { Change, RowKey } from '../ports/store.ts';

interface Folded {
  readonly key: RowKey;
  value: Uint8Array | undefined;
  /** Whether the snapshot has a value there: known from the first change. */
  readonly wasThere: boolean;
}

export class ChangeSet {
  readonly #rows = new Map<string, Folded>();

  get size(): number {
    return this.#rows.size;
  }

  /** `wasThere` counts only when this is the first change of the key. */
  set(key: RowKey, value: Uint8Array | undefined, wasThere: boolean): void {
    const id = `${key.pk} ${key.sk}`;
    const known = this.#rows.get(id);
    if (known === undefined) this.#rows.set(id, { key, value, wasThere });
    else known.value = value;
  }

  /** What came and went within the commit is left out: it was never there and is not now. */
  list(): Change[] {
    const changes: Change[] = [];
    for (const { key, value, wasThere } of this.#rows.values()) {
      if (value !== undefined) changes.push({ ...key, value });
      else if (wasThere) changes.push(key);
    }
    return changes;
  }
}
