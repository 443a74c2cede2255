/**
 * Net changes of one commit: what the last of several changes of a key leaves. Owns the folding,
 * not what is changed (fold.ts).
 */
import type { Change, RowKey } from '../ports/store.ts';
import type { OutpointKey } from '../types.ts';

interface Folded {
  readonly key: RowKey;
  value: Uint8Array | undefined;
  /** Whether the snapshot has a value there: known from the first change. */
  readonly wasThere: boolean;
}

const toChange = ({ key, value, wasThere }: Folded): Change[] => {
  if (value !== undefined) return [{ pk: key.pk, sk: key.sk, value }];
  return wasThere ? [key] : [];
};

export class ChangeSet {
  /** Coins come and go within a window: by outpoint, which names one coin row. */
  readonly #coins = new Map<OutpointKey, Folded>();
  /** Rows that a block which was taken off may have had too. */
  readonly #rows = new Map<string, Folded>();
  /** Rows that only one block can have: as long as none was taken off, there is nothing to fold. */
  readonly #once: Change[] = [];

  get size(): number {
    return this.#coins.size + this.#rows.size + this.#once.length;
  }

  /** `wasThere` counts only when this is the first change of the coin. */
  coin(outpoint: OutpointKey, key: RowKey, value: Uint8Array | undefined, wasThere: boolean): void {
    const known = this.#coins.get(outpoint);
    if (known === undefined) this.#coins.set(outpoint, { key, value, wasThere });
    else known.value = value;
  }

  /** A row that a block brings when it joins the chain. */
  put({ pk, sk }: RowKey, value: Uint8Array): void {
    const known = this.#rows.size === 0 ? undefined : this.#rows.get(`${pk} ${sk}`);
    if (known === undefined) this.#once.push({ pk, sk, value });
    else known.value = value;
  }

  /** A row that changes because a block leaves the chain; blocks leave before others join. */
  takeBack(key: RowKey, value: Uint8Array | undefined): void {
    if (this.#once.length > 0) throw new Error('assertion failed: a block leaves after one joined');
    const id = `${key.pk} ${key.sk}`;
    const known = this.#rows.get(id);
    if (known === undefined) this.#rows.set(id, { key, value, wasThere: true });
    else known.value = value;
  }

  /** What came and went within the commit is left out: it was never there and is not now. */
  list(): Change[] {
    const changes = [...this.#once];
    for (const row of this.#rows.values()) for (const change of toChange(row)) changes.push(change);
    for (const row of this.#coins.values())
      for (const change of toChange(row)) changes.push(change);
    return changes;
  }
}
