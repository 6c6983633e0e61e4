/*
 * Which bytes may stand where, as tables indexed by the byte. A table look-up
 * costs half a nanosecond; comparisons or regular expressions cost several.
 */

/** In {@link TOKEN}: a token character. */
export const IS_TOKEN = 1;
/** In {@link TOKEN}: an underscore, which gateway interfaces take for a hyphen. */
export const IS_UNDERSCORE = 2;

/** In {@link TARGET}: may stand in the path of a request target. */
export const IN_PATH = 1;
/** In {@link TARGET}: may stand in its query. */
export const IN_QUERY = 2;

function tableOf(mark: (code: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => mark(code));
}

function isAlphanumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a)
  );
}

function isOneOf(code: number, characters: string): boolean {
  return characters.includes(String.fromCharCode(code));
}

/** RFC 9110 section 5.6.2: tchar. */
export const TOKEN: Uint8Array = tableOf((code) => {
  if (code === 0x5f) return IS_TOKEN | IS_UNDERSCORE;
  return isAlphanumeric(code) || isOneOf(code, "!#$%&'*+-.^`|~") ? IS_TOKEN : 0;
});

/** RFC 9110 section 5.5: VCHAR, obs-text, SP and HTAB; no other control. */
export const FIELD_VALUE: Uint8Array = tableOf((code) =>
  code === 0x09 || (code >= 0x20 && code !== 0x7f) ? 1 : 0,
);

/**
 * What browsers send in a target (the URL standard's percent-encode sets are
 * looser than RFC 3986), less what some parser reads as something else: white
 * space, controls, a fragment, quotes and angle brackets, bytes above 0x7e,
 * and in the path a backslash.
 */
export const TARGET: Uint8Array = tableOf((code) => {
  if (code <= 0x20 || code >= 0x7f || isOneOf(code, '"#<>')) return 0;
  return code === 0x5c ? IN_QUERY : IN_PATH | IN_QUERY;
});

/** A host name as it stands in Host: letters, digits and `-._~`. */
export const HOST_NAME: Uint8Array = tableOf((code) =>
  isAlphanumeric(code) || isOneOf(code, "-._~") ? 1 : 0,
);

/** Value of a hexadecimal digit, 0xff for anything else. */
export const HEX: Uint8Array = tableOf((code) => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : 0xff;
});

/** Whether `text` is a token (RFC 9110 section 5.6.2): not empty, tchar only. */
export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f || TOKEN[code] === 0) return false;
  }
  return true;
}

/** Whether `text` may stand as a field value: latin1, no controls but HTAB. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || FIELD_VALUE[code] === 0) return false;
  }
  return true;
}
