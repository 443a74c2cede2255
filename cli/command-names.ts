/**
 * Which command a word means: case does not matter, a prefix of a seed command is that command,
 * other commands go by a prefix that fits one alone (interfaces section 1).
 */

/** The seed's commands: their prefixes win over all others. No two share a first letter. */
export const SEED_COMMANDS = [
  'create-wallet',
  'list-addresses',
  'init-blockchain',
  'print-blockchain',
  'get-balance',
  'send',
  'up',
] as const;

export type NameMatch =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly candidates: readonly string[] };

export function matchCommand(word: string, names: readonly string[]): NameMatch {
  const wanted = word.toLowerCase();
  if (wanted === '') return { ok: false, candidates: [] };
  if (names.includes(wanted)) return { ok: true, name: wanted };
  const seed = SEED_COMMANDS.find((name) => name.startsWith(wanted) && names.includes(name));
  if (seed !== undefined) return { ok: true, name: seed };
  const candidates = names.filter((name) => name.startsWith(wanted));
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return { ok: true, name: only };
  return { ok: false, candidates };
}
