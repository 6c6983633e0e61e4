import { entryAddress, type TargetEntry } from "./target-entry.ts";

/** The targets of all services by registration and by address. */
export class TargetIndex {
  readonly #byAddress = new Map<string, Set<TargetEntry>>();
  readonly #byRegistration = new Map<string, TargetEntry>();

  get(registration: string): TargetEntry | undefined {
    return this.#byRegistration.get(registration);
  }

  add(entry: TargetEntry): void {
    this.#byRegistration.set(entry.registration, entry);
    const key = entryAddress(entry);
    const entries = this.#byAddress.get(key);
    if (entries === undefined) this.#byAddress.set(key, new Set([entry]));
    else entries.add(entry);
  }

  /** Called before the entry's address changes, or when it goes. */
  delete(entry: TargetEntry): void {
    this.#byRegistration.delete(entry.registration);
    const key = entryAddress(entry);
    const entries = this.#byAddress.get(key);
    entries?.delete(entry);
    if (entries?.size === 0) this.#byAddress.delete(key);
  }

  /** The others that are registered under the entry's address. */
  sharingAddress(entry: TargetEntry): TargetEntry[] {
    const entries = this.#byAddress.get(entryAddress(entry)) ?? [];
    return [...entries].filter((other) => other !== entry);
  }
}
