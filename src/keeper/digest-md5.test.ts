import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DigestMd5 } from "./digest-md5.ts";

/** The exchange of RFC 2831 section 4. */
const NONCE = "OA6MG9tEQGm2hh";
const RESPONSE = `charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="${NONCE}",nc=00000001,cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`;

function server(): DigestMd5 {
  return new DigestMd5(
    (user) => (user === "chris" ? "secret" : undefined),
    NONCE,
  );
}

describe("DigestMd5", () => {
  test("proves the exchange of RFC 2831 section 4", () => {
    const result = server().respond(Buffer.from(RESPONSE));
    assert.ok(result.kind === "proved");
    assert.equal(result.user, "chris");
    assert.equal(
      String(result.final),
      "rspauth=ea40f60335c427b5527b84dbabcdfffd",
    );
  });

  for (const [what, from, to] of [
    ["another user", "chris", "eve"],
    ["a wrong response", "d388", "d389"],
    ["a nonce of another exchange", NONCE, "OA6MG9tEQGm2hi"],
    ["a count above one", "00000001", "00000002"],
    ["an identity that is not its own", "qop=auth", 'qop=auth,authzid="root"'],
    ["a layer that is not offered", "qop=auth", "qop=auth-int"],
  ] as const) {
    test(`refuses ${what}`, () => {
      const response = Buffer.from(RESPONSE.replaceAll(from, to));
      assert.equal(server().respond(response).kind, "refused");
    });
  }

  test("refuses what is no response", () => {
    for (const text of ["", "x", '="', "response=", 'username="\\'])
      assert.equal(server().respond(Buffer.from(text)).kind, "refused");
    assert.equal(server().respond(Buffer.alloc(10_000)).kind, "refused");
  });
});
