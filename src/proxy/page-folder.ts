import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PageMaterial } from "./error-pages.ts";

const NAME = /^(?<name>[45](?:[0-9]{2}|xx))\.html$/;
const MAX_PAGE_BYTES = 256 * 1024;
/** Every worker has a copy. */
const MAX_TOTAL_BYTES = 8 * 1024 * 1024;
const MAX_FOLDERS = 1000;

/**
 * Reads the pages of a folder: `404.html`, `5xx.html`, and the same in
 * subfolders with the names of services. Other files do not matter.
 * @throws Error when something cannot be read or is too large
 */
export async function readPageFolder(
  folder: string,
): Promise<readonly PageMaterial[]> {
  const pages: PageMaterial[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  const subfolders = entries.filter((entry) => entry.isDirectory());
  if (subfolders.length > MAX_FOLDERS)
    throw new Error(
      `Cannot use the pages in ${JSON.stringify(folder)}: it has ${subfolders.length} subfolders, it should have at most ${MAX_FOLDERS}`,
    );
  let bytes = 0;
  for (const service of ["", ...subfolders.map(({ name }) => name)]) {
    const names = await readdir(join(folder, service));
    for (const file of names.toSorted()) {
      const name = NAME.exec(file)?.groups?.["name"];
      if (name === undefined) continue;
      const body = await readPage(join(folder, service, file));
      bytes += body.length;
      if (bytes > MAX_TOTAL_BYTES)
        throw new Error(
          `Cannot use the pages in ${JSON.stringify(folder)}: all together should have at most ${MAX_TOTAL_BYTES} bytes`,
        );
      pages.push({ service, name, body });
    }
  }
  return pages;
}

/** Of a file that grows meanwhile no more is read than it may have. */
async function readPage(path: string): Promise<string> {
  await using file = await open(path);
  const bytes = Buffer.alloc(MAX_PAGE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length);
    length += bytesRead;
    if (bytesRead === 0 || length > MAX_PAGE_BYTES) break;
  }
  if (length > MAX_PAGE_BYTES)
    throw new Error(
      `Cannot use the page ${JSON.stringify(path)}: it should have at most ${MAX_PAGE_BYTES} bytes`,
    );
  return bytes.toString("latin1", 0, length);
}
