/** A node in a queue of sequential nodes. */
export interface Contestant {
  /** The child's name. */
  readonly name: string;
  /** What stands before the number, without the identity of its maker: `lock-`, `__READ__`. */
  readonly kind: string;
  readonly sequence: number;
}

const IDENTITY = /^_c_[0-9a-f-]{36}-/u;
const SEQUENCE = /^(.*)(\d{10})$/su;

/**
 * The contestants among the children of a folder, of these kinds, in the order
 * in which they were made. Names that are none are left out.
 *
 * Known limit: after 2^31 nodes under one parent ZooKeeper's numbers turn
 * negative, and such a queue must be moved to another path.
 */
export function contestants(
  children: readonly string[],
  kinds: ReadonlySet<string>,
): readonly Contestant[] {
  const found: Contestant[] = [];
  for (const name of children) {
    const parts = SEQUENCE.exec(name.replace(IDENTITY, ""));
    const kind = parts?.[1] ?? "";
    if (parts === null || !kinds.has(kind)) continue;
    found.push({ name, kind, sequence: Number(parts[2]) });
  }
  return found.sort((left, right) => left.sequence - right.sequence);
}
