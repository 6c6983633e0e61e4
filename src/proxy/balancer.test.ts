import assert from "node:assert/strict";
import { test } from "node:test";
import { Balancer, type Candidate } from "./balancer.ts";

interface Fake extends Candidate {
  state: { score: number; inFlight: number; ejection: number };
}

function fake(
  name: string,
  given: Partial<Fake["state"]> & { weight?: number; latencyMs?: number } = {},
): Fake {
  const state = { score: 0, inFlight: 0, ejection: 0, ...given };
  return {
    name,
    weight: given.weight ?? 1,
    latencyMs: given.latencyMs ?? 0,
    state,
    score: () => state.score,
    inFlight: () => state.inFlight,
    ejection: () => state.ejection,
  };
}

const none = { tried: [], key: "" };

/** Sends `count` requests and answers how many each target got. */
function spread(balancer: Balancer<Fake>, targets: Fake[], count: number) {
  const got = new Map<string, number>();
  for (let request = 0; request < count; request++) {
    const chosen = balancer.choose(targets, {
      tried: [],
      key: `/page/${request}`,
    });
    assert.ok(chosen !== undefined);
    chosen.state.score += 1 / chosen.weight;
    got.set(chosen.name, (got.get(chosen.name) ?? 0) + 1);
  }
  return got;
}

test("Balancer.choose() by least-requests splits evenly, and by weight", () => {
  const even = [fake("a"), fake("b"), fake("c")];
  const got = spread(new Balancer("least-requests"), even, 3000);
  assert.deepEqual([...got.values()], [1000, 1000, 1000]);
  const weighted = [fake("a", { weight: 3 }), fake("b")];
  const shares = spread(new Balancer("least-requests"), weighted, 4000);
  assert.ok(Math.abs((shares.get("a") ?? 0) - 3000) <= 2);
});

test("Balancer.choose() decides ties by requests in flight", () => {
  const targets = [fake("a", { inFlight: 2 }), fake("b", { inFlight: 1 })];
  const chosen = new Balancer<Fake>("least-requests").choose(targets, none);
  assert.equal(chosen?.name, "b");
});

test("Balancer.choose() walks in order of score over what was not tried", () => {
  const targets = [
    fake("c", { score: 3 }),
    fake("a", { score: 1 }),
    fake("b", { score: 2 }),
  ];
  const balancer = new Balancer<Fake>("least-requests");
  const tried: Fake[] = [];
  for (;;) {
    const chosen = balancer.choose(targets, { tried, key: "" });
    if (chosen === undefined) break;
    tried.push(chosen);
  }
  assert.deepEqual(
    tried.map(({ name }) => name),
    ["a", "b", "c"],
  );
});

test("Balancer.choose() leaves ejected targets out, and refusing ones to the very last", () => {
  const targets = [
    fake("refused", { ejection: 2 }),
    fake("failing", { ejection: 1, score: 5 }),
    fake("fine", { score: 99 }),
    fake("fine too", { score: 98 }),
  ];
  const balancer = new Balancer<Fake>("least-requests");
  const order: string[] = [];
  const tried: Fake[] = [];
  for (;;) {
    const chosen = balancer.choose(targets, { tried, key: "" });
    if (chosen === undefined) break;
    tried.push(chosen);
    order.push(chosen.name);
  }
  assert.deepEqual(order, ["fine too", "fine", "failing", "refused"]);
});

test("Balancer.choose() uses failing targets again when less than half are healthy", () => {
  const targets = [
    fake("failing", { ejection: 1 }),
    fake("failing too", { ejection: 1, score: 1 }),
    fake("fine", { score: 50 }),
  ];
  const chosen = new Balancer<Fake>("least-requests").choose(targets, none);
  assert.equal(chosen?.name, "failing");
});

test("Balancer.choose() uses the last target whatever its health", () => {
  const chosen = new Balancer<Fake>("least-requests").choose(
    [fake("only", { ejection: 2 })],
    none,
  );
  assert.equal(chosen?.name, "only");
});

test("Balancer.choose() prefers what the request prefers while there is one", () => {
  const targets = [fake("old"), fake("new", { score: 10 })];
  const balancer = new Balancer<Fake>("least-requests");
  const prefer = ({ name }: Fake) => name === "new";
  assert.equal(balancer.choose(targets, { ...none, prefer })?.name, "new");
  assert.equal(
    balancer.choose(targets, { ...none, prefer: () => false })?.name,
    "old",
  );
});

test("Balancer.choose() by round-robin takes turns", () => {
  const got = spread(
    new Balancer("round-robin"),
    [fake("a"), fake("b"), fake("c")],
    300,
  );
  assert.deepEqual([...got.values()], [100, 100, 100]);
});

test("Balancer.choose() by p2c prefers the less busy", () => {
  const targets = [fake("busy", { inFlight: 9 }), fake("idle")];
  const chosen = new Balancer<Fake>("p2c").choose(targets, none);
  assert.equal(chosen?.name, "idle");
});

test("Balancer.choose() by hash keeps keys when a target leaves, and spreads by weight", () => {
  const targets = [fake("a"), fake("b"), fake("c", { weight: 2 })];
  const balancer = new Balancer<Fake>("hash");
  const before = new Map<string, string>();
  for (let key = 0; key < 4000; key++)
    before.set(
      `${key}`,
      balancer.choose(targets, { tried: [], key: `${key}` })?.name ?? "",
    );
  const onC = [...before.values()].filter((name) => name === "c").length;
  assert.ok(Math.abs(onC - 2000) < 200, `${onC} of 4000 on the heavier one`);
  for (const [key, name] of before) {
    if (name === "a") continue;
    const after = balancer.choose(targets.slice(1), { tried: [], key });
    assert.equal(after?.name, name);
  }
});

test("Balancer.choose() passes over full targets, but for no worse health", () => {
  const balancer = new Balancer<Fake>("least-requests");
  const [well, busy, ill] = [
    fake("well", { score: 9 }),
    fake("busy"),
    fake("ill", { ejection: 2 }),
  ];
  const full = new Set([busy]);
  const isFull = (target: Fake) => full.has(target);
  const choose = (targets: readonly Fake[], more = {}) =>
    balancer.choose(targets, { ...none, isFull, ...more });
  assert.equal(choose([well, busy, ill]), well);
  full.add(well);
  assert.equal(choose([well, busy, ill]), undefined);
  assert.equal(choose([ill]), ill);
  assert.equal(choose([busy]), undefined);
  // Another release will do, unless only one may answer.
  full.delete(well);
  const prefer = (target: Fake) => target === busy;
  assert.equal(choose([well, busy], { prefer }), well);
  assert.equal(choose([well, busy], { prefer, strict: true }), undefined);
});
