import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BlockAllocator } from "./block-allocator.ts";
import { createStoreMemory } from "./store-memory.ts";

function allocator(maxBytes: number) {
  const memory = createStoreMemory({ maxBytes, workers: 0 });
  return { blocks: new BlockAllocator(memory), units: memory.units };
}

/** The units of a chain, in order. */
function unitsOf(blocks: BlockAllocator, first: number): number[] {
  return blocks
    .runs(first)
    .flatMap(({ unit, units }) =>
      Array.from({ length: units }, (_, i) => unit + i),
    );
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("take" as const),
    units: fc.integer({ min: 1, max: 90 }),
  }),
  fc.record({
    kind: fc.constant("more" as const),
    which: fc.nat(),
    units: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({
    kind: fc.constant("shorten" as const),
    which: fc.nat(),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ kind: fc.constant("release" as const), which: fc.nat() }),
);

describe("BlockAllocator", () => {
  test("gives each unit to one owner, loses none, and refuses only when too few are free", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400_000 }),
        fc.array(step, { maxLength: 150 }),
        (maxBytes, steps) => {
          const { blocks, units } = allocator(maxBytes);
          const chains: { first: number; last: number; units: number }[] = [];
          let used = 0;
          const pick = (which: number) =>
            chains[which % Math.max(1, chains.length)];
          for (const action of steps) {
            const chain =
              action.kind === "take" ? undefined : pick(action.which);
            if (
              action.kind === "take" ||
              (action.kind === "more" && chain !== undefined)
            ) {
              const taken = blocks.take(action.units, chain?.last);
              assert.equal(taken !== undefined, used + action.units <= units);
              if (taken === undefined) continue;
              used += action.units;
              if (chain === undefined)
                chains.push({ ...taken, units: action.units });
              else {
                chain.last = taken.last;
                chain.units += action.units;
              }
            } else if (action.kind === "shorten" && chain !== undefined) {
              const kept = Math.max(1, Math.floor(chain.units * action.part));
              const before = unitsOf(blocks, chain.first);
              chain.last = blocks.shorten(chain.first, kept);
              assert.deepEqual(
                unitsOf(blocks, chain.first),
                before.slice(0, kept),
              );
              used -= chain.units - kept;
              chain.units = kept;
            } else if (action.kind === "release" && chain !== undefined) {
              blocks.release(chain.first);
              used -= chain.units;
              chains.splice(chains.indexOf(chain), 1);
            }
            blocks.check();
            const all = chains.flatMap(({ first }) => unitsOf(blocks, first));
            assert.equal(new Set(all).size, all.length);
            assert.equal(all.length, used);
            assert.equal(blocks.freeUnits, units - used);
          }
          for (const { first } of chains) blocks.release(first);
          blocks.check();
          // What was taken apart is whole again.
          if (units > 0)
            assert.equal(blocks.runs(blocks.take(units)?.first ?? 0).length, 1);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("gives what fits into one block in one piece, to the unit", () => {
    const { blocks } = allocator(2 ** 20);
    for (const units of [1, 3, 5, 100, 127]) {
      const taken = blocks.take(units);
      assert.ok(taken !== undefined);
      assert.equal(blocks.runs(taken.first).length, 1);
      assert.equal(unitsOf(blocks, taken.first).length, units);
    }
  });

  test("puts smaller blocks together where none is large enough", () => {
    const { blocks, units } = allocator(2 ** 18);
    const taken = Array.from({ length: units }, () => blocks.take(1));
    for (const [index, one] of taken.entries())
      if (index % 2 === 0 && one !== undefined) blocks.release(one.first);
    const free = blocks.freeUnits;
    const all = blocks.take(free);
    assert.equal(blocks.runs(all?.first ?? 0).length, free);
    assert.equal(blocks.take(1), undefined);
  });

  test("is made anew around the chains that stay", () => {
    const { blocks, units } = allocator(2 ** 18);
    const taken = Array.from({ length: 20 }, (_, i) => blocks.take(i + 1));
    const kept = taken
      .filter((_, i) => i % 3 === 0)
      .map((one) => one?.first ?? 0);
    const before = kept.map((first) => unitsOf(blocks, first));
    blocks.format(kept);
    blocks.check();
    assert.deepEqual(
      kept.map((first) => unitsOf(blocks, first)),
      before,
    );
    assert.equal(blocks.freeUnits, units - before.flat().length);
  });
});
