import { RegistryError } from "./registry-error.ts";

/** Longest name, in bytes of UTF-8 before encoding. */
const MAX_NAME_BYTES = 128;
const PLAIN = /^[A-Za-z0-9._:+-]{1,128}$/;
const ENCODED = /^(?:[A-Za-z0-9._:+-]|%[0-9A-F]{2}){1,384}$/;

/**
 * A name of a service, target or release as one component of a path. Letters,
 * digits and `._:+-` stand for themselves, every other byte of its UTF-8 is
 * written `%XX`; so are the dots of "." and "..", which no path may hold.
 * @throws RegistryError `bad-name` for an empty or overlong name
 */
export function encodeName(name: string): string {
  if (PLAIN.test(name) && name !== "." && name !== "..") return name;
  const bytes = Buffer.from(name, "utf8");
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES)
    throw new RegistryError(
      "bad-name",
      `Cannot use ${JSON.stringify(name.slice(0, 64))} as a name: it has ${bytes.length} bytes, names have 1 to ${MAX_NAME_BYTES}`,
    );
  const dots = name === "." || name === "..";
  let encoded = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    encoded +=
      PLAIN.test(character) && !dots
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The name that a component of a path stands for; undefined where it is not one of ours. */
export function decodeName(component: string): string | undefined {
  if (PLAIN.test(component)) return component;
  if (!ENCODED.test(component)) return undefined;
  try {
    const name = decodeURIComponent(component);
    return encodeName(name) === component ? name : undefined;
  } catch {
    return undefined; // not UTF-8, or too long
  }
}
