import { readFile } from "node:fs/promises";

/** The version of this package; both `src` and `dist` lie beside package.json. */
export async function packageVersion(): Promise<string> {
  const text = await readFile(
    new URL("../../package.json", import.meta.url),
    "utf8",
  );
  const { version } = JSON.parse(text) as { version: string }; // our own file
  return version;
}
