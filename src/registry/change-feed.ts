import { abortable } from "../base/index.ts";
import type { SnapshotChange } from "./snapshot.ts";

/**
 * The changes that one reader has not taken yet. A slow reader does not make it
 * grow beyond one entry for each service and two for each target: a later change
 * of the same thing replaces the earlier one, so the reader misses states in
 * between, never the last one. A departure names one registration; where that
 * still waits, it goes before, since the reader may know an older one.
 */
export class ChangeFeed {
  readonly #changes = new Map<string, SnapshotChange>();
  #ended = false;
  #wake: (() => void) | undefined;

  push(changes: readonly SnapshotChange[]): void {
    for (const change of changes) {
      const key = keyOf(change);
      this.#changes.delete(key); // to the end: a service precedes its targets
      this.#changes.set(key, change);
      if (change.kind === "target")
        this.#changes.delete(
          goneKey(change.target.service, change.target.name),
        );
    }
    this.#wake?.();
  }

  close(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** All that is waiting, in batches; ends on {@link ChangeFeed.close}. */
  async *read(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly SnapshotChange[], void, void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#changes.size > 0) {
        const batch = inOrder([...this.#changes.values()]);
        this.#changes.clear();
        yield batch;
        continue;
      }
      if (this.#ended) return;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await abortable(woken, signal);
      this.#wake = undefined;
    }
  }
}

function keyOf(change: SnapshotChange): string {
  switch (change.kind) {
    case "service":
      return `service ${change.service.name}`;
    case "service-gone":
      return `service ${change.name}`;
    case "target":
      return `target ${change.target.service}/${change.target.name}`;
    case "target-gone":
      return goneKey(change.service, change.name);
    default:
      return change satisfies never;
  }
}

function goneKey(service: string, target: string): string {
  return `target-gone ${service}/${target}`;
}

const ORDER: Readonly<Record<SnapshotChange["kind"], number>> = {
  service: 0,
  target: 1,
  "target-gone": 2,
  "service-gone": 3,
};

/** Merging may have moved a service behind its targets. */
function inOrder(changes: SnapshotChange[]): SnapshotChange[] {
  return changes.sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}
