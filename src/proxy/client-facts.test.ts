import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { DEFAULT_HEAD_LIMITS, parseRequestHead } from "../http/index.ts";
import { ClientFacts } from "./client-facts.ts";
import { Networks } from "./networks.ts";

function factsOf(address: string, trusted: readonly string[]): ClientFacts {
  const networks = new Networks(trusted);
  const ends = { source: { address, port: 1 }, destination: undefined };
  return new ClientFacts(
    { socket: new Socket(), ends },
    { trusts: (one) => networks.has(one) },
  );
}

function requestWith(fields: readonly string[]) {
  let text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (let index = 0; index < fields.length; index += 2)
    text += `${fields[index] ?? ""}: ${fields[index + 1] ?? ""}\r\n`;
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  const { length } = bytes;
  const result = parseRequestHead(bytes, 0, length, DEFAULT_HEAD_LIMITS);
  assert.ok(result.kind === "head");
  return result.head;
}

const TRUSTED = ["10.0.0.0/8", "2001:db8::/32", "unix:"];
const FOR = "X-Forwarded-For";

const CASES: readonly (readonly [
  why: string,
  peer: string,
  fields: readonly string[],
  client: string,
])[] = [
  ["itself when it is not trusted", "192.0.2.1", [FOR, "1.1.1.1"], "192.0.2.1"],
  ["itself when it names nobody", "10.0.0.1", [], "10.0.0.1"],
  ["whom a trusted peer names", "10.0.0.1", [FOR, "1.1.1.1"], "1.1.1.1"],
  [
    "nobody left of a stranger",
    "10.0.0.1",
    [FOR, "9.9.9.9, 1.1.1.1"],
    "1.1.1.1",
  ],
  [
    "the stranger behind several trusted",
    "10.0.0.1",
    [FOR, "9.9.9.9, 1.1.1.1, 10.2.2.2", FOR, "10.3.3.3"],
    "1.1.1.1",
  ],
  [
    "the first when all are trusted",
    "10.0.0.1",
    [FOR, "10.1.1.1, 10.2.2.2"],
    "10.1.1.1",
  ],
  [
    "who named what is no address",
    "10.0.0.1",
    [FOR, "1.1.1.1, unknown, 10.2.2.2"],
    "10.2.2.2",
  ],
  [
    "itself when it names what is no address",
    "10.0.0.1",
    [FOR, 'a"b'],
    "10.0.0.1",
  ],
  ["an address with its port", "10.0.0.1", [FOR, "1.1.1.1:4711"], "1.1.1.1"],
  [
    "IPv6 in every form",
    "10.0.0.1",
    [FOR, "[2001:DB9:0::1]:80"],
    "2001:db9::1",
  ],
  [
    "IPv4 inside of IPv6",
    "::ffff:10.0.0.1",
    [FOR, "::ffff:1.1.1.1"],
    "1.1.1.1",
  ],
  [
    "Forwarded",
    "10.0.0.1",
    ["Forwarded", 'for=1.1.1.1, for="[2001:db8::1]"'],
    "1.1.1.1",
  ],
  [
    "nobody when Forwarded is malformed",
    "10.0.0.1",
    ["Forwarded", "for=1.1.1.1;;="],
    "10.0.0.1",
  ],
  [
    "X-Forwarded-For before Forwarded",
    "10.0.0.1",
    ["Forwarded", "for=9.9.9.9", FOR, "1.1.1.1"],
    "1.1.1.1",
  ],
  ["whom a trusted Unix socket names", "unix:", [FOR, "1.1.1.1"], "1.1.1.1"],
];

for (const [why, peer, fields, client] of CASES)
  test(`ClientFacts.addressOf() is ${why}`, () => {
    const facts = factsOf(peer, TRUSTED);
    assert.equal(facts.addressOf(requestWith(fields)), client);
  });

test("Networks knows addresses, networks of both families and Unix sockets", () => {
  const networks = new Networks(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);
  for (const address of ["10.9.9.9", "192.0.2.1", "2001:db8::7"])
    assert.ok(networks.has(address), address);
  for (const address of ["11.0.0.1", "192.0.2.2", "2001:db9::7", "unix:", ""])
    assert.ok(!networks.has(address), address);
  assert.ok(new Networks(["unix:"]).has("unix:"));
  assert.ok(new Networks([]).isEmpty && !networks.isEmpty);
  assert.throws(() => new Networks(["web.example"]), RangeError);
});
