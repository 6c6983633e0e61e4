/** The system's word for an error (`ECONNREFUSED`), or its name. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string"
    ? error.code
    : error.name;
}
