/**
 * A sorted map from strings to bytes in memory, a B+ tree whose nodes are copied before they change
 * if a frozen tree may still use them. Freezing is O(1) and a frozen tree never changes, which is
 * all that a snapshot needs. Owns the structure only.
 */
import type { KvEntry, KvRange } from './kv.ts';

const NODE_KEYS_MAX = 64;

interface Leaf {
  readonly owner: object;
  readonly keys: string[];
  readonly values: Uint8Array[];
}

interface Branch {
  readonly owner: object;
  /** keys[i] is the least key below children[i + 1]. */
  readonly keys: string[];
  readonly children: Node[];
}

type Node = Leaf | Branch;

const isBranch = (node: Node): node is Branch => 'children' in node;

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Which child may hold the key. */
function childIndex(branch: Branch, key: string): number {
  const at = lowerBound(branch.keys, key);
  return branch.keys[at] === key ? at + 1 : at;
}

export class Tree {
  #root: Node;
  /** Nodes of this owner are ours alone. Freezing takes a new owner, so that all are shared. */
  #owner: object = {};

  constructor(root?: Tree) {
    this.#root = root === undefined ? { owner: this.#owner, keys: [], values: [] } : root.#root;
  }

  /** The map as it is now; later changes of this one do not show there. */
  freeze(): Tree {
    this.#owner = {};
    return new Tree(this);
  }

  get(key: string): Uint8Array | undefined {
    let node = this.#root;
    while (isBranch(node)) node = node.children[childIndex(node, key)] as Node;
    const at = lowerBound(node.keys, key);
    return node.keys[at] === key ? node.values[at] : undefined;
  }

  put(key: string, value: Uint8Array): void {
    const root = this.#own(this.#root);
    this.#root = root;
    const split = this.#put(root, key, value);
    if (split !== undefined) {
      this.#root = { owner: this.#owner, keys: [split.key], children: [root, split.right] };
    }
  }

  delete(key: string): void {
    const root = this.#own(this.#root);
    this.#root = root;
    this.#delete(root, key);
    if (isBranch(root) && root.children.length === 1) this.#root = root.children[0] as Node;
  }

  scan({ from, to, reverse = false, limit }: KvRange): KvEntry[] {
    const found: KvEntry[] = [];
    const walk = (node: Node): void => {
      const size = isBranch(node) ? node.children.length : node.keys.length;
      const first = isBranch(node) ? childIndex(node, from) : lowerBound(node.keys, from);
      const end = isBranch(node)
        ? Math.min(size, lowerBound(node.keys, to) + 1)
        : lowerBound(node.keys, to);
      for (let i = 0; i < end - first && found.length < limit; i++) {
        const at = reverse ? end - 1 - i : first + i;
        if (isBranch(node)) walk(node.children[at] as Node);
        else found.push([node.keys[at] as string, node.values[at] as Uint8Array]);
      }
    };
    walk(this.#root);
    return found;
  }

  #own(node: Node): Node {
    if (node.owner === this.#owner) return node;
    return isBranch(node)
      ? { owner: this.#owner, keys: node.keys.slice(), children: node.children.slice() }
      : { owner: this.#owner, keys: node.keys.slice(), values: node.values.slice() };
  }

  #put(node: Node, key: string, value: Uint8Array): { key: string; right: Node } | undefined {
    if (!isBranch(node)) {
      const at = lowerBound(node.keys, key);
      const known = node.keys[at] === key;
      node.keys.splice(at, known ? 1 : 0, key);
      node.values.splice(at, known ? 1 : 0, value);
      return node.keys.length > NODE_KEYS_MAX ? this.#splitLeaf(node) : undefined;
    }
    const at = childIndex(node, key);
    const child = this.#own(node.children[at] as Node);
    node.children[at] = child;
    const split = this.#put(child, key, value);
    if (split === undefined) return undefined;
    node.keys.splice(at, 0, split.key);
    node.children.splice(at + 1, 0, split.right);
    return node.keys.length > NODE_KEYS_MAX ? this.#splitBranch(node) : undefined;
  }

  #splitLeaf(leaf: Leaf): { key: string; right: Node } {
    const middle = leaf.keys.length >> 1;
    const right: Leaf = {
      owner: this.#owner,
      keys: leaf.keys.splice(middle),
      values: leaf.values.splice(middle),
    };
    return { key: right.keys[0] as string, right };
  }

  #splitBranch(branch: Branch): { key: string; right: Node } {
    const middle = branch.keys.length >> 1;
    const keys = branch.keys.splice(middle + 1);
    const key = branch.keys.pop() as string;
    return {
      key,
      right: { owner: this.#owner, keys, children: branch.children.splice(middle + 1) },
    };
  }

  /** Empty nodes are taken out; half empty ones stay, for what is deleted is soon put elsewhere. */
  #delete(node: Node, key: string): void {
    if (!isBranch(node)) {
      const at = lowerBound(node.keys, key);
      if (node.keys[at] !== key) return;
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return;
    }
    const at = childIndex(node, key);
    const child = this.#own(node.children[at] as Node);
    node.children[at] = child;
    this.#delete(child, key);
    if (child.keys.length > 0 || (isBranch(child) && child.children.length > 0)) return;
    if (node.children.length === 1 && !isBranch(child)) return;
    node.children.splice(at, 1);
    node.keys.splice(Math.max(0, at - 1), 1);
  }
}
