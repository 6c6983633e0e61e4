import { type Address, readAddress } from "../base/index.ts";
import { ConfigError } from "./config-error.ts";

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address of the machine).
 * @throws ConfigError `bad-address`
 */
export function parseAddress(text: string, option: string): Address {
  const address = readAddress(text);
  if (address !== undefined && address.socketPath === undefined) return address;
  throw new ConfigError(
    "bad-address",
    `Cannot use ${option} ${JSON.stringify(text)}: it should be HOST:PORT, as in 127.0.0.1:8080`,
  );
}

/**
 * The same, or `unix:/PATH`.
 * @throws ConfigError `bad-address`
 */
export function parseListenAddress(text: string, option: string): Address {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new ConfigError(
    "bad-address",
    `Cannot use ${option} ${JSON.stringify(text)}: it should be HOST:PORT, as in 127.0.0.1:8080, or unix:/PATH`,
  );
}

/** Whether {@link parseListenAddress} takes it. */
export function isListenAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/** Whether it is the mode of a file, as octal digits. */
export function isMode(text: string): boolean {
  return /^[0-7]{3}$/u.test(text);
}

/** Whether {@link parseAddress} takes it. */
export function isAddress(text: string): boolean {
  const address = readAddress(text);
  return address !== undefined && address.socketPath === undefined;
}
