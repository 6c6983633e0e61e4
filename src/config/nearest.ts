/** A mistyped word differs from the right one in this many letters at most. */
const MAX_DISTANCE = 3;

/** The word that was probably meant; undefined where none is near. */
export function nearest(
  word: string,
  words: Iterable<string>,
): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(MAX_DISTANCE, Math.floor(word.length / 2)) + 1;
  for (const one of words) {
    // The unit that a name has elsewhere is no mistyping.
    const distance =
      one === word.replace(/Ms$|Bytes$/u, "")
        ? 0
        : editDistance(word.toLowerCase(), one.toLowerCase());
    if (distance >= bestDistance) continue;
    best = one;
    bestDistance = distance;
  }
  return best;
}

/** Letters to add, remove or replace (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let at = 0; at < from.length; at++) {
    const next = [at + 1];
    for (let column = 1; column <= to.length; column++)
      next.push(
        Math.min(
          (next[column - 1] ?? 0) + 1,
          (row[column] ?? 0) + 1,
          (row[column - 1] ?? 0) + (to[column - 1] === from[at] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[to.length] ?? 0;
}
