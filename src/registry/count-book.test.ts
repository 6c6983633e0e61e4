import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CountBook,
  type FlushAttempt,
  type LedgerValue,
} from "./count-book.ts";

function total(target: string, answered: number) {
  return { service: "www", target, answered };
}

function sum(attempt: FlushAttempt | undefined): number {
  return (attempt?.counts ?? []).reduce(
    (all, { requests }) => all + requests,
    0,
  );
}

test("CountBook flushes what the totals grew by", () => {
  const book = new CountBook();
  book.observe([total("a", 0), total("b", 3)]);
  book.settle(undefined);
  const first = book.begin(10);
  assert.deepEqual(first, {
    number: 1,
    counts: [{ service: "www", target: "b", requests: 3 }],
  });
  assert.ok(first);
  book.done(first);
  assert.equal(book.hasWork, false);
  book.observe([total("a", 2), total("b", 3)]);
  assert.equal(sum(book.begin(10)), 2);
});

test("CountBook asks for the targets in rotation and those with something to flush", () => {
  const book = new CountBook();
  const rotation = [{ service: "www", target: "new" }];
  book.observe([total("gone", 0), total("late", 2)], rotation);
  assert.deepEqual(
    book.targets().map(({ target }) => target),
    ["new", "late"],
  );
  book.observe([total("gone", 0), total("late", 2)]);
  assert.deepEqual(
    book.targets().map(({ target }) => target),
    ["gone", "late"],
  );
});

test("CountBook counts a target that was forgotten and comes back from 0", () => {
  const book = new CountBook();
  book.observe([total("a", 5)]);
  book.observe([total("a", 2)]);
  book.settle(undefined);
  assert.equal(sum(book.begin(10)), 7);
});

test("CountBook asks the ledger about an attempt whose answer was lost", () => {
  for (const happened of [true, false]) {
    const book = new CountBook();
    book.observe([total("a", 5)]);
    book.settle({ number: 7, version: 3 });
    const attempt = book.begin(10);
    assert.equal(attempt?.number, 8);
    book.unknown(attempt);
    book.observe([total("a", 6)]);
    book.settle(
      happened ? { number: 8, version: 4 } : { number: 7, version: 3 },
    );
    assert.equal(sum(book.begin(10)), happened ? 1 : 6);
  }
});

test("CountBook recognises an attempt that happens late, after the next was made", () => {
  const book = new CountBook();
  book.observe([total("a", 5)]);
  book.settle(undefined);
  const first = book.begin(10);
  assert.ok(first);
  book.unknown(first);
  book.settle(undefined); // not yet
  book.observe([total("a", 9)]);
  const second = book.begin(10);
  assert.notEqual(second?.number, first.number);
  // The second fails, since the first has made the ledger meanwhile.
  book.settle({ number: first.number, version: 0 });
  assert.equal(sum(book.begin(10)), 4);
});

test("CountBook takes up what the last life left, unless it was flushed since", () => {
  const saved = {
    ledger: 7,
    unflushed: [{ service: "www", target: "a", requests: 5 }],
    doubtful: [
      { number: 8, counts: [{ service: "www", target: "a", requests: 2 }] },
    ],
  };
  const left = (number: number) => {
    const book = new CountBook(saved);
    book.settle({ number, version: 1 });
    return sum(book.begin(10));
  };
  assert.equal(left(7), 5, "as it was saved");
  assert.equal(left(8), 3, "the doubtful one had happened");
  assert.equal(left(9), 0, "all of it was flushed later");
});

test("CountBook saves again what it could not settle", () => {
  const saved = {
    ledger: 7,
    unflushed: [{ service: "www", target: "a", requests: 5 }],
    doubtful: [],
  };
  const book = new CountBook(saved);
  book.observe([total("a", 2)]);
  assert.deepEqual(book.save(), {
    ...saved,
    unflushed: [{ service: "www", target: "a", requests: 7 }],
  });
  assert.equal(new CountBook().save(), undefined);
});

/** What a server does with an attempt, and what the proxy hears of it. */
type Fate = "done" | "lost-done" | "lost-undone" | "late" | "restart";

test("CountBook counts every request once, whatever becomes of the attempts", () => {
  const step = fc.record({
    grows: fc.nat(5),
    fate: fc.constantFrom<Fate>(
      "done",
      "lost-done",
      "lost-undone",
      "late",
      "restart",
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let ledger: LedgerValue;
      let counted = 0;
      let answered = 0;
      let before = 0; // answered in earlier lives
      let late: { attempt: FlushAttempt; version: number } | undefined;
      let book = new CountBook();
      const apply = (attempt: FlushAttempt, version: number): boolean => {
        if ((ledger?.version ?? -1) !== version) return false;
        ledger = { number: attempt.number, version: version + 1 };
        counted += sum(attempt);
        return true;
      };
      const flush = (fate: Fate) => {
        book.settle(ledger);
        const attempt = book.begin(10);
        if (attempt === undefined) return;
        const version = ledger?.version ?? -1;
        if (late !== undefined) apply(late.attempt, late.version);
        late = undefined;
        if (fate === "late") late = { attempt, version };
        const done =
          (fate === "done" || fate === "lost-done") && apply(attempt, version);
        if (fate === "done") {
          if (done) book.done(attempt);
        } else book.unknown(attempt);
      };
      for (const { grows, fate } of steps) {
        answered += grows;
        book.observe([total("a", answered)]);
        if (fate === "restart") {
          book = new CountBook(book.save());
          before += answered;
          answered = 0;
        } else flush(fate);
      }
      for (let round = 0; round < 3; round++) flush("done");
      assert.equal(counted, before + answered);
    }),
  );
});
