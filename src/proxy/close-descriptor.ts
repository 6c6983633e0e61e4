import { closeSync } from "node:fs";

/** Closes a descriptor that no server and no socket holds. */
export function closeDescriptor(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // It was closed already: what matters is that it is.
  }
}
