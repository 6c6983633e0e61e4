import { parsePasswordHash } from "./password-hash.ts";

/** Users of one list and the hashes of their passwords. */
export interface UserListMaterial {
  /** As definitions name it. */
  readonly name: string;
  /** Undefined when the file could not be read: nobody gets in. */
  readonly users: ReadonlyMap<string, string> | undefined;
}

/** What stands in a file of users, and what is wrong with it. */
export interface UserFileReading {
  readonly users: ReadonlyMap<string, string>;
  /** One for each line that is left out; none holds anything of a hash. */
  readonly problems: readonly string[];
}

export const MAX_USER_FILE_BYTES = 4 * 1024 * 1024;
/** What may stand in a `user-id` (RFC 7617 section 2) and in a field. */
const NAME = /^[!-9;-~](?:[ -9;-~]{0,126}[!-9;-~])?$/;

/**
 * Reads lines of `NAME:HASH`; empty ones and those behind a `#` do not matter.
 * A line that cannot be used shuts its user out and nobody else.
 */
export function readUserFile(text: string): UserFileReading {
  const users = new Map<string, string>();
  const problems: string[] = [];
  const named = new Set<string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const wrong = (message: string) =>
      problems.push(`line ${index + 1}: ${message}`);
    if (colon < 0 || !NAME.test(name)) {
      wrong("it should be NAME:HASH, the name of 1 to 128 ASCII characters");
      continue;
    }
    if (named.has(name)) {
      // Which of the two was meant is anybody's guess.
      users.delete(name);
      wrong(`${name} stands here for the second time, and is shut out`);
      continue;
    }
    named.add(name);
    const hash = line.slice(colon + 1);
    const reading = parsePasswordHash(hash);
    if (reading.kind === "hash") users.set(name, hash);
    else wrong(`Cannot check the password of ${name}: ${reading.message}`);
  }
  return { users, problems };
}
