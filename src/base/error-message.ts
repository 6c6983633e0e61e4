/** One line that says what `error` says, with its causes. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = ownMessage(error);
  if (error.cause === undefined) return own;
  const cause = errorMessage(error.cause);
  return own.includes(cause) ? own : `${own} (${cause})`;
}

function ownMessage(error: Error): string {
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(errorMessage).join("; ");
  return "code" in error ? String(error.code) : error.name;
}
