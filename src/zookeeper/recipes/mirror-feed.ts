import type {
  MirrorChange,
  MirrorDeleted,
  MirrorSet,
  MirrorSynced,
} from "./mirror-node.ts";

/**
 * What one reader of a mirror has not taken yet. A slow reader does not make
 * it grow beyond one entry for each path: later changes of a path are merged
 * into the earlier one, so the reader misses intermediate states, never the
 * last one.
 */
export class MirrorFeed {
  readonly #changes = new Map<string, MirrorSet | MirrorDeleted>();
  #synced: MirrorSynced | undefined;
  #end: { readonly error: unknown } | "closed" | undefined;
  #wake: (() => void) | undefined;

  push(changes: readonly MirrorChange[]): void {
    for (const change of changes) {
      if (change.kind === "synced") {
        this.#synced = {
          ...change,
          newTree: change.newTree || this.#synced?.newTree === true,
        };
      } else {
        this.#merge(change);
      }
    }
    this.#wake?.();
  }

  close(): void {
    this.#end ??= "closed";
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** All that is waiting, as one batch; undefined when the feed has ended. */
  async take(): Promise<readonly MirrorChange[] | undefined> {
    while (this.#changes.size === 0 && this.#synced === undefined) {
      if (this.#end === "closed") return undefined;
      if (this.#end !== undefined) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const batch: MirrorChange[] = [...this.#changes.values()];
    if (this.#synced !== undefined) batch.push(this.#synced);
    this.#changes.clear();
    this.#synced = undefined;
    return batch;
  }

  #merge(change: MirrorSet | MirrorDeleted): void {
    const earlier = this.#changes.get(change.path);
    if (earlier === undefined) {
      this.#changes.set(change.path, change);
      return;
    }
    // The reader's own last knowledge is what the earlier change began with.
    const known = earlier.kind === "set" ? earlier.previous : earlier.node;
    this.#changes.delete(change.path); // to the end: order of the latest change
    if (change.kind === "set")
      this.#changes.set(change.path, { ...change, previous: known });
    else if (known !== undefined) this.#changes.set(change.path, change);
  }
}
