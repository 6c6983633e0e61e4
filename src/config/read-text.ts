import { readFile } from "node:fs/promises";
import { ConfigError } from "./config-error.ts";

/**
 * The text of a file that somebody named; `what` says what it should hold, as
 * in "the credentials".
 * @throws ConfigError `unreadable-file`; the message holds nothing of the text
 */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why =
      error instanceof Error && "code" in error
        ? String(error.code)
        : "unreadable";
    throw new ConfigError(
      "unreadable-file",
      `Cannot read ${what} in ${JSON.stringify(path)}: ${why}`,
      error,
    );
  }
}
