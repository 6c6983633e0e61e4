import {
  FORWARD_REASONS,
  type ForwardReason,
  HIT_REASONS,
  type HitReason,
  NO_STORE_REASONS,
  type NoStoreReason,
} from "./reasons.ts";

type Counts<Word extends string> = Record<Word, number>;

function zeros<Word extends string>(
  words: Readonly<Record<Word, unknown>>,
): Counts<Word> {
  const counts: Partial<Counts<Word>> = {};
  for (const word of Object.keys(words)) counts[word as Word] = 0; // a key of `words`
  return counts as Counts<Word>; // every key was set
}

/** What a cache has done since it began; plain properties, because a hit counts one. */
export class Counters {
  readonly hits: Counts<HitReason> = zeros(HIT_REASONS);
  readonly forwarded: Counts<ForwardReason> = zeros(FORWARD_REASONS);
  readonly notStored: Counts<NoStoreReason> = zeros(NO_STORE_REASONS);
  stored = 0;
  revalidated = 0;
  invalidated = 0;
  purged = 0;
  unsatisfiable = 0;
  joined = 0;
}
