import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ACL, Permission } from "../jute/index.ts";
import {
  decodeAcl,
  digestIdentity,
  hideDigests,
  OPEN_ACL,
  permits,
  resolveAcl,
  toAcl,
} from "./acl.ts";

const HERE = { scheme: "ip", id: "127.0.0.1" };
const USER = digestIdentity("u:p");

function entry(scheme: string, id: string, perms = 31): ACL {
  return { perms, id: { scheme, id } };
}

describe("digestIdentity()", () => {
  test("names a user as Apache ZooKeeper does", () => {
    assert.deepEqual(USER, {
      scheme: "digest",
      id: "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=",
    });
  });
});

describe("resolveAcl()", () => {
  test("puts who the client is in the place of auth", () => {
    const acl = resolveAcl([entry("auth", "ignored", 5)], [HERE, USER]);
    assert.deepEqual(acl?.entries, [{ perms: 5, id: USER }]);
  });

  test("keeps doubles once", () => {
    const ip = entry("ip", "10.0.0.0/8");
    assert.deepEqual(resolveAcl([ip, ip], [])?.entries, [ip]);
  });

  test("answers the one open list for the open list", () => {
    assert.equal(resolveAcl([entry("world", "anyone")], []), OPEN_ACL);
  });

  for (const [what, entries] of [
    ["an empty list", []],
    ["auth of nobody", [entry("auth", "")]],
    ["an unknown scheme", [entry("kerberos", "x")]],
    ["world that is not anyone", [entry("world", "someone")]],
    ["a digest without a password", [entry("digest", "user")]],
    ["a digest of three parts", [entry("digest", "a:b:c")]],
    ["half an address", [entry("ip", "10.0.0")]],
    ["a mask that is too long", [entry("ip", "10.0.0.0/33")]],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.equal(resolveAcl(entries, [HERE]), undefined);
    });
  }
});

describe("permits()", () => {
  test("asks for one of the permissions of a matching entry", () => {
    const acl = toAcl([entry("digest", USER.id, Permission.read)]);
    assert.ok(permits(acl, Permission.read | Permission.admin, [USER]));
    assert.ok(!permits(acl, Permission.write, [USER]));
    assert.ok(!permits(acl, Permission.read, [HERE]));
  });

  test("compares addresses under their mask", () => {
    for (const [range, address, inside] of [
      ["127.0.0.0/8", "127.0.0.1", true],
      ["127.0.0.1", "127.0.0.1", true],
      ["10.0.0.0/8", "127.0.0.1", false],
      ["0.0.0.0/0", "127.0.0.1", true],
      ["fe80::/10", "fe80::1", true],
      ["::/0", "127.0.0.1", false],
    ] as const) {
      const acl = toAcl([entry("ip", range)]);
      const identities = [{ scheme: "ip", id: address }];
      assert.equal(permits(acl, Permission.read, identities), inside, range);
    }
  });
});

describe("decodeAcl()", () => {
  test("reads what a list's bytes hold", () => {
    const acl = toAcl([entry("digest", "ü:x", 3), entry("world", "anyone", 1)]);
    assert.deepEqual(decodeAcl(Buffer.from(acl.bytes, "latin1")), acl);
  });
});

describe("hideDigests()", () => {
  test("leaves the user and takes what proves it", () => {
    assert.deepEqual(
      hideDigests([entry("digest", USER.id), entry("ip", "::1")]),
      [entry("digest", "u:x"), entry("ip", "::1")],
    );
  });
});
