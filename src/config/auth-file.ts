import { ConfigError } from "./config-error.ts";
import { readText } from "./read-text.ts";

/** Credentials of ZooKeeper's `digest` scheme. */
export interface DigestCredentials {
  readonly scheme: "digest";
  /** `user:password`. Never printed. */
  readonly auth: string;
}

/**
 * Reads credentials from a file: one line, `user:password`.
 * @throws ConfigError `unreadable-file`, `bad-auth-file`; the message never
 *   holds what the file says
 */
export async function readAuthFile(path: string): Promise<DigestCredentials> {
  const text = await readText(path, "the credentials");
  const lines = text.split(/\r?\n/u).filter((line) => line.trim() !== "");
  const [auth] = lines;
  if (lines.length !== 1 || auth === undefined || !/^[^:]+:.+$/u.test(auth))
    throw new ConfigError(
      "bad-auth-file",
      `Cannot use the credentials in ${JSON.stringify(path)}: it should hold one line, user:password`,
    );
  return { scheme: "digest", auth: auth.trim() };
}
