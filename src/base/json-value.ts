/**
 * For `JSON.stringify`, which knows neither maps nor bigints: a Map becomes an
 * object, a bigint a string.
 */
export function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  return typeof value === "bigint" ? String(value) : value;
}
