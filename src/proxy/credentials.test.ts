import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { test } from "node:test";
import { CREDENTIAL_LIMITS, Credentials, type Verdict } from "./credentials.ts";

const hash = cheapHash("secret");

/** Costs as little as is taken. */
function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, "salt");
  const key = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  const text = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(key)}`;
}

function credentials(): Credentials {
  const made = new Credentials();
  made.replace([
    { name: "staff", users: new Map([["ann", hash]]) },
    { name: "gone", users: undefined },
  ]);
  return made;
}

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

/** The verdict, waited for where need be. */
function verdict(
  on: Credentials,
  authorization: string | undefined,
  client = "::1",
): Promise<Verdict> {
  const glance = on.glance("staff", authorization, performance.now());
  if (glance.kind !== "pending") return Promise.resolve(glance);
  return new Promise((resolve) => {
    const leave = on.check(glance.claim, client, resolve);
    if (typeof leave !== "function") resolve(leave);
  });
}

test("Credentials lets in who knows the password, and nobody else", async () => {
  const on = credentials();
  const granted = { kind: "granted", user: "ann" };
  assert.deepEqual(await verdict(on, basic("ann:secret")), granted);
  assert.deepEqual(
    await verdict(on, basic("ann:secret").replace("Basic", "bAsIc ")),
    granted,
  );
  for (const authorization of [
    undefined,
    "",
    "Basic",
    "Basic !",
    "Bearer abc",
    basic("ann"),
    basic("ann:"),
    basic("ann:secret2"),
    basic("ann:secre"),
    basic("bob:secret"),
    basic("Ann:secret"),
    basic(":secret"),
    basic(`ann:${"x".repeat(2000)}`),
  ])
    assert.equal((await verdict(on, authorization)).kind, "denied");
});

test("Credentials.glance() lets nobody in by a list that is unknown or could not be read", () => {
  const on = credentials();
  for (const list of ["gone", "other"])
    for (const authorization of [undefined, basic("ann:secret")])
      assert.equal(on.glance(list, authorization, 0).kind, "closed");
});

test("Credentials.glance() remembers for a while, and no longer than the lists stay", async () => {
  const on = credentials();
  const authorization = basic("ann:secret");
  await verdict(on, authorization);
  await verdict(on, basic("ann:wrong"));
  const kindAt = (text: string, ms: number) =>
    on.glance("staff", text, performance.now() + ms).kind;
  const { grantedMs, deniedMs } = CREDENTIAL_LIMITS;
  assert.equal(kindAt(authorization, 0), "granted");
  assert.equal(kindAt(authorization, grantedMs - 60_000), "granted");
  assert.equal(kindAt(authorization, grantedMs + 1), "pending");
  assert.equal(kindAt(basic("ann:wrong"), 0), "denied");
  assert.equal(kindAt(basic("ann:wrong"), deniedMs + 1), "pending");
  on.replace([{ name: "staff", users: new Map() }]);
  assert.equal(kindAt(authorization, 0), "pending");
  assert.equal((await verdict(on, authorization)).kind, "denied");
});

test("Credentials.check() forgets what it found out under lists that have gone meanwhile", async () => {
  const on = credentials();
  const checking = verdict(on, basic("ann:secret"));
  on.replace([{ name: "staff", users: new Map() }]);
  assert.equal((await checking).kind, "denied");
});

test("Credentials.check() computes once for all who show the same", async () => {
  const on = credentials();
  const all = await Promise.all(
    Array.from({ length: 100 }, () => verdict(on, basic("ann:secret"))),
  );
  // One client could not have so many passwords wait.
  assert.ok(all.every(({ kind }) => kind === "granted"));
});

test("Credentials.check() has few wait, of one client and of all, and none for ever", async () => {
  const on = credentials();
  const { waiting, waitingOfClient, requests } = CREDENTIAL_LIMITS;
  const leaves: (() => void)[] = [];
  const ask = (password: string, client: string) => {
    const glance = on.glance("staff", basic(`ann:${password}`), 0);
    assert.ok(glance.kind === "pending");
    const answer = on.check(glance.claim, client, () => {});
    if (typeof answer === "function") leaves.push(answer);
    return typeof answer === "function" ? "waits" : answer;
  };
  for (let index = 0; index < waitingOfClient; index++)
    assert.equal(ask(`a${index}`, "1.1.1.1"), "waits");
  assert.deepEqual(ask("other", "1.1.1.1"), { kind: "busy", of: "client" });
  for (let index = waitingOfClient; index < waiting; index++)
    assert.equal(ask(`b${index}`, `2.2.2.${index}`), "waits");
  assert.deepEqual(ask("c", "3.3.3.3"), { kind: "busy", of: "all" });
  for (let index = waiting; index < requests; index++)
    assert.equal(ask("a0", "4.4.4.4"), "waits");
  assert.deepEqual(ask("a0", "4.4.4.4"), { kind: "busy", of: "all" });
  // Nobody waits any more: what is left is not computed.
  for (const leave of leaves) leave();
  assert.equal((await verdict(on, basic("ann:secret"))).kind, "granted");
});
