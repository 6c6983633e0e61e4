import { randomUUID } from "node:crypto";
import { readTextIfPresent, writeFileAtomic } from "../base/index.ts";

/**
 * The id of a server or a proxy across its lives: what stands in the file, or a
 * random one that is put there.
 */
export async function readIdentity(path: string): Promise<string> {
  const text = (await readTextIfPresent(path))?.trim();
  if (text !== undefined && /^[A-Za-z0-9-]{1,64}$/.test(text)) return text;
  const id = randomUUID();
  await writeFileAtomic(path, `${id}\n`);
  return id;
}
