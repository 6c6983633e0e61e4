import { findHostConflicts } from "./host-conflicts.ts";
import { servicePath } from "./layout.ts";
import type { Problems } from "./problems.ts";
import type { ServiceHead } from "./snapshot.ts";

/** Keeps the problems in step with the hosts that two services claim. */
export class ConflictReport {
  readonly #problems: Problems;
  #keys: ReadonlySet<string> = new Set();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  report(heads: Iterable<ServiceHead>): void {
    const keys = new Set<string>();
    for (const { host, path, winner, loser } of findHostConflicts(heads)) {
      const key = `${servicePath(loser)} ${host ?? "*"} ${path}`;
      keys.add(key);
      const claim = host ?? "every host that no service names";
      this.#problems.set(
        {
          path: servicePath(loser),
          code: "host-conflict",
          message: `${claim} (path ${path}) already belongs to the older service ${winner}`,
        },
        key,
      );
    }
    for (const key of this.#keys) if (!keys.has(key)) this.#problems.clear(key);
    this.#keys = keys;
  }
}
