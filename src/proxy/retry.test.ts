import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decideRetry,
  isIdempotent,
  outlookAfter,
  RetryBudget,
  type Attempt,
} from "./retry.ts";

const definition = { attempts: 3, deadlineMs: 10_000 };
const cutGet: Attempt = {
  fault: "cut",
  idempotent: true,
  anySent: true,
  bodyHeld: true,
  attempts: 1,
  elapsedMs: 5,
  anotherTarget: true,
  anotherAnswers: true,
};

function decide(change: Partial<Attempt>, budget = new RetryBudget()) {
  return decideRetry({ ...cutGet, ...change }, { definition, budget });
}

function because(change: Partial<Attempt>) {
  const decision = decide(change);
  return decision.retry ? undefined : decision.because;
}

test("decideRetry() repeats an idempotent request that was cut, for free", () => {
  assert.deepEqual(decide({}), { retry: true, costs: false });
});

test("decideRetry() pays for a cut where no other target answers", () => {
  assert.deepEqual(decide({ anotherAnswers: false }), {
    retry: true,
    costs: true,
  });
  const budget = new RetryBudget();
  for (let count = 0; count < 3; count++) budget.retryStarted();
  assert.deepEqual(decide({ anotherAnswers: false }, budget), {
    retry: false,
    because: "no-budget",
  });
  assert.equal(decide({}, budget).retry, true);
});

test("decideRetry() never repeats a POST once its bytes left", () => {
  assert.deepEqual(decide({ idempotent: false }), {
    retry: false,
    because: "not-repeatable",
  });
  assert.equal(decide({ idempotent: false, anySent: false }).retry, true);
  assert.equal(decide({ idempotent: false, fault: "refused" }).retry, true);
});

test("decideRetry() needs the body, another target, an attempt and time", () => {
  assert.equal(because({ bodyHeld: false }), "body-gone");
  assert.equal(because({ anotherTarget: false }), "no-target-left");
  assert.equal(because({ attempts: 3 }), "attempts-used-up");
  assert.equal(because({ elapsedMs: 10_001 }), "too-late");
});

test("decideRetry() pays for a slow head or a listed status from the budget", () => {
  const budget = new RetryBudget();
  const fault = "listed-status";
  assert.deepEqual(decide({ fault }, budget), { retry: true, costs: true });
  for (let retry = 0; retry < 3; retry++) budget.retryStarted();
  assert.deepEqual(decide({ fault }, budget), {
    retry: false,
    because: "no-budget",
  });
  for (let request = 0; request < 20; request++) budget.requestStarted();
  assert.equal(decide({ fault }, budget).retry, true);
});

test("isIdempotent() knows the methods of RFC 9110 §9.2.2 alone", () => {
  assert.equal(isIdempotent("PUT"), true);
  assert.equal(isIdempotent("POST"), false);
  assert.equal(isIdempotent("BREW"), false);
});

test("outlookAfter() has hope where the only target may be back, or was only unlucky", () => {
  const alone = {
    fault: "refused",
    idempotent: false,
    bodyHeld: true,
    anotherTarget: false,
    repeated: false,
  } as const;
  const cut = { ...alone, fault: "cut", idempotent: true } as const;
  assert.equal(outlookAfter(alone), "return");
  assert.equal(
    outlookAfter({ ...alone, fault: "connect-timed-out" }),
    "return",
  );
  assert.equal(outlookAfter({ ...alone, bodyHeld: false }), "none");
  assert.equal(outlookAfter({ ...alone, anotherTarget: true }), "none");
  assert.equal(outlookAfter(cut), "once-more");
  assert.equal(outlookAfter({ ...cut, repeated: true }), "none");
  assert.equal(outlookAfter({ ...cut, idempotent: false }), "none");
  for (const fault of ["invalid-response", "head-timed-out"] as const)
    assert.equal(outlookAfter({ ...cut, fault }), "none");
});
