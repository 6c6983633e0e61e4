/**
 * A whole number as the command line says it.
 * @throws RangeError when it is none, or not from 1 to `max`
 */
export function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(
    `Cannot use --${name} ${text}: it is a whole number from 1 to ${max}`,
  );
}

/**
 * Runs a program of this folder: what it starts is stopped on a signal too, an
 * error is one line, and false means an exit status of 1.
 */
export async function runProgram(main: () => Promise<boolean>): Promise<void> {
  // Each child process has a listener that stops it.
  process.setMaxListeners(64);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => process.exit(130));
  try {
    if (!(await main())) process.exitCode = 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
