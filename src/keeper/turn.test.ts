import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Database } from "./database.ts";
import { SessionTable } from "./session-table.ts";
import { Tree } from "./tree.ts";
import { type Storage, Turn } from "./turn.ts";

/** Writes down what happens, in order. */
class Stage implements Storage {
  readonly happened: string[] = [];
  readonly database = new Database(
    { tree: Tree.fresh(), sessions: new SessionTable(0), zxid: 0 },
    { maxMemoryBytes: 1e9 },
  );
  readonly turn = new Turn({
    database: this.database,
    storage: this,
    onEnd: () => this.happened.push("end"),
    onFailure: (error) => this.happened.push(`failed: ${String(error)}`),
  });
  failing: "commit" | "sync" | undefined;
  finishSync: () => void = () => {};

  commit(): void {
    this.happened.push("commit");
    if (this.failing === "commit") throw new Error("disk full");
  }

  sync(): void {
    this.happened.push("sync");
    if (this.failing === "sync") throw new Error("disk broken");
  }

  syncLater(): Promise<void> {
    this.happened.push("sync begins");
    return new Promise((resolve, reject) => {
      this.finishSync = () => {
        this.happened.push("sync done");
        if (this.failing === "sync") reject(new Error("disk broken"));
        else resolve();
      };
    });
  }

  close(): void {}

  write(...clients: string[]): void {
    for (const name of clients) {
      this.database.takeZxid();
      this.read(name);
    }
  }

  read(name: string): void {
    this.turn.willFlush({
      seal: () => this.happened.push(`seal ${name}`),
      flush: () => this.happened.push(`flush ${name}`),
    });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });
}

describe("Turn", () => {
  test("sends to one client after commit and sync", async () => {
    const stage = new Stage();
    stage.write("a");
    await nextTurn();
    assert.deepEqual(stage.happened, [
      "commit",
      "seal a",
      "sync",
      "flush a",
      "end",
    ]);
  });

  test("goes on while the disk syncs, and sends what came then after the next sync", async () => {
    const stage = new Stage();
    stage.write("a", "b");
    await nextTurn();
    stage.write("c");
    await nextTurn();
    const first = ["commit", "seal a", "seal b", "sync begins"];
    assert.deepEqual(stage.happened, first);
    stage.finishSync();
    await nextTurn();
    await nextTurn();
    assert.deepEqual(stage.happened.slice(first.length), [
      "sync done",
      "flush a",
      "flush b",
      "end",
      "commit",
      "seal c",
      "sync",
      "flush c",
      "end",
    ]);
  });

  test("holds back reads that may have seen what is not on disk yet", async () => {
    const stage = new Stage();
    stage.write("a", "b");
    await nextTurn();
    stage.read("reader");
    await nextTurn();
    assert.ok(!stage.happened.includes("flush reader"));
    stage.finishSync();
    await nextTurn();
    await nextTurn();
    assert.deepEqual(stage.happened.slice(-2), ["flush reader", "end"]);
  });

  test("does not touch the disk for reads alone", async () => {
    const stage = new Stage();
    stage.read("a");
    await nextTurn();
    assert.deepEqual(stage.happened, ["seal a", "flush a", "end"]);
  });

  for (const failing of ["commit", "sync"] as const) {
    for (const clients of [["a"], ["a", "b"]]) {
      test(`sends nothing to ${clients.length} clients after a failed ${failing}, ever`, async () => {
        const stage = new Stage();
        stage.failing = failing;
        stage.write(...clients);
        await nextTurn();
        stage.finishSync();
        await nextTurn();
        assert.ok(stage.happened.some((line) => line.startsWith("failed")));
        stage.failing = undefined;
        stage.write("later");
        await nextTurn();
        await stage.turn.end();
        assert.ok(!stage.happened.some((line) => line.startsWith("flush")));
      });
    }
  }

  test("ends with everything sent, also in the middle of a sync", async () => {
    const stage = new Stage();
    stage.write("a", "b");
    await nextTurn();
    stage.write("c");
    const ended = stage.turn.end();
    stage.finishSync();
    await ended;
    assert.ok(stage.happened.includes("flush a"));
    assert.ok(stage.happened.includes("flush c"));
  });
});
