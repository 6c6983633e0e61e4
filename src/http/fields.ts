import type { FieldList } from "./head-result.ts";
import { isToken } from "./characters.ts";
import { trimWhiteSpace } from "./white-space.ts";

/** Whether `name` is `lowerName` but for the case of its letters. */
export function isFieldName(name: string, lowerName: string): boolean {
  const { length } = name;
  if (length !== lowerName.length) return false;
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i);
    const wanted = lowerName.charCodeAt(i);
    if (
      code !== wanted &&
      (code < 0x41 || code > 0x5a || code + 0x20 !== wanted)
    )
      return false;
  }
  return true;
}

/** The first value of a field; undefined when it is not there. */
export function field(
  fields: FieldList,
  lowerName: string,
): string | undefined {
  for (let i = 0; i < fields.length; i += 2)
    if (isFieldName(fields[i] ?? "", lowerName)) return fields[i + 1];
  return undefined;
}

/** Every value of a field, in order. */
export function fieldAll(fields: FieldList, lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (isFieldName(fields[i] ?? "", lowerName))
      values.push(fields[i + 1] ?? "");
  return values;
}

/** All values of a list field as one (RFC 9110 section 5.3); undefined when it is not there. */
export function fieldJoined(
  fields: FieldList,
  lowerName: string,
): string | undefined {
  const values = fieldAll(fields, lowerName);
  return values.length === 0 ? undefined : values.join(", ");
}

/**
 * Splits a list at its commas, but not within quoted strings (RFC 9110 section
 * 5.6.1); elements keep their quotes, empty ones are left out. Undefined when
 * a quoted string does not end.
 */
export function splitList(value: string): string[] | undefined {
  return value.includes('"') ? splitAround(value, 0x2c) : splitPlain(value);
}

/** The elements of a list as if quotes meant nothing. */
export function splitPlain(value: string): string[] {
  return value
    .split(",")
    .map(trimWhiteSpace)
    .filter((element) => element !== "");
}

/** Splits at a separator outside quoted strings; see {@link splitList}. */
export function splitAround(
  value: string,
  separator: number,
): string[] | undefined {
  const elements: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i <= value.length; i++) {
    const code = i < value.length ? value.charCodeAt(i) : separator;
    if (quoted && i < value.length) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === separator) {
      const element = trimWhiteSpace(value.slice(from, i));
      if (element !== "") elements.push(element);
      from = i + 1;
    }
  }
  return quoted ? undefined : elements;
}

/** The tokens of a list in lower case; what is not a token is left out. */
export function listTokens(value: string): string[] {
  return splitPlain(value.toLowerCase()).filter(isToken);
}

/** The text of a quoted string (RFC 9110 section 5.6.4), or undefined. */
export function unquote(text: string): string | undefined {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"'))
    return undefined;
  let plain = "";
  for (let i = 1; i < text.length - 1; i++) {
    let character = text.charAt(i);
    if (character === '"') return undefined;
    if (character === "\\") {
      if (++i === text.length - 1) return undefined;
      character = text.charAt(i);
    }
    plain += character;
  }
  return plain;
}

/** `text` as it stands where a token or quoted string may. */
export function tokenOrQuoted(text: string): string {
  return isToken(text)
    ? text
    : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
