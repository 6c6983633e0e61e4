import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Deque } from "./deque.ts";

test("Deque behaves as an array's push and shift, whatever the order of calls", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer(), { nil: undefined }), { maxLength: 200 }),
      (calls) => {
        const deque = new Deque<number>();
        const model: number[] = [];
        for (const call of calls) {
          if (call === undefined) assert.equal(deque.shift(), model.shift());
          else {
            deque.push(call);
            model.push(call);
          }
          assert.equal(deque.length, model.length);
          assert.equal(deque.peek(), model[0]);
        }
        assert.deepEqual([...deque], model);
      },
    ),
  );
});
