/** Shared by the fuzz tests: bytes that are random, or a good message with a few bytes changed. */
import fc from 'fast-check';

/** Runs of a fuzz test. */
export const FUZZ_RUNS = 10_000;

/** Prints the seed, so that a failure can be run again: STACKCHAIN_SEED=… in the environment. */
export function fuzzSeed(what: string): number {
  const given = Number(process.env['STACKCHAIN_SEED']);
  const seed = Number.isInteger(given) && given !== 0 ? given : Date.now() | 0;
  console.info(`fuzz ${what}: seed ${seed}`);
  return seed;
}

type Edit = readonly [kind: 'set' | 'cut' | 'insert', at: number, value: number];

const edit = fc.tuple(
  fc.constantFrom('set', 'cut', 'insert'),
  fc.nat(),
  // Bytes that begin a wider count are where decoders go wrong.
  fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0xfc, 0xfd, 0xfe, 0xff)),
) as fc.Arbitrary<Edit>;

function applied(message: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const bytes = [...message];
  for (const [kind, anywhere, value] of edits) {
    const at = anywhere % (bytes.length + 1);
    if (kind === 'set') bytes[at] = value;
    else bytes.splice(at, kind === 'cut' ? 1 : 0, ...(kind === 'cut' ? [] : [value]));
  }
  return Uint8Array.from(bytes);
}

/** Half random bytes, half one of the messages with one to four changes. */
export const mangled = (messages: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...messages), fc.array(edit, { minLength: 1, maxLength: 4 }))
      .map(([message, edits]) => applied(message, edits)),
  );
