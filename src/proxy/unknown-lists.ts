import type { Journal } from "../base/index.ts";
import type { ServiceHead } from "../registry/index.ts";
import type { SiteMaterial } from "./site-files.ts";

/**
 * Tells, once for each, of services whose `auth` names a list of users that
 * this proxy has not: nobody gets in to them.
 */
export class UnknownLists {
  readonly #journal: Journal;
  /** By service: the list that was told of. */
  #told: ReadonlyMap<string, string> = new Map();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  look(
    services: ReadonlyMap<string, { readonly head: ServiceHead }>,
    { users }: SiteMaterial,
  ): void {
    const known = new Set(users.map(({ name }) => name));
    const missing = new Map<string, string>();
    for (const [service, { head }] of services) {
      const list = head.definition.auth?.users;
      if (list === undefined || known.has(list)) continue;
      missing.set(service, list);
      if (this.#told.get(service) !== list)
        this.#journal({
          level: "error",
          room: "proxy",
          event: "users-unknown",
          message: `Nobody gets in to ${service}: its auth names the users ${list}, of whom this proxy has no file (users, --users)`,
          service,
        });
    }
    this.#told = missing;
  }
}
