import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";
import { errorMessage } from "./error-message.ts";
import { moduleBeside } from "./module-beside.ts";

test("Backoff doubles up to its cap and starts over after reset()", () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 500, random: () => 0 });
  const delays = Array.from({ length: 5 }, () => backoff.nextMs());
  assert.deepEqual(delays, [50, 100, 200, 250, 250]);
  backoff.reset();
  assert.equal(backoff.nextMs(), 50);
});

test("errorMessage() names the cause once", () => {
  const cause = new Error("connect ECONNREFUSED");
  assert.equal(
    errorMessage(new Error("Cannot connect", { cause })),
    "Cannot connect (connect ECONNREFUSED)",
  );
  assert.equal(errorMessage("plain"), "plain");
});

test("moduleBeside() keeps the extension of the module that asks", () => {
  assert.equal(
    moduleBeside("file:///app/dist/proxy/plane.js", "./worker").href,
    "file:///app/dist/proxy/worker.js",
  );
  assert.equal(
    moduleBeside("file:///app/src/proxy/plane.ts", "./worker").href,
    "file:///app/src/proxy/worker.ts",
  );
});
