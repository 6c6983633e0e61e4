import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { DigestMd5 } from "./sasl.ts";

const CHALLENGE =
  'realm="zk-sasl-md5",nonce="OA6MG9tEQGm2hh",charset=utf-8,algorithm=md5-sess,qop="auth"';

function md5(text: string | Buffer): Buffer {
  return createHash("md5").update(text).digest();
}

test("DigestMd5 answers a challenge as RFC 2831 section 2.1.2 says", () => {
  const exchange = new DigestMd5(
    { username: "chris", password: "secret" },
    "OA6MHXh6VqTrRk",
  );
  const step = exchange.next(Buffer.from(CHALLENGE));
  assert.ok(step.kind === "send");
  const text = step.token.toString();
  const a1 = Buffer.concat([
    md5("chris:zk-sasl-md5:secret"),
    Buffer.from(":OA6MG9tEQGm2hh:OA6MHXh6VqTrRk"),
  ]);
  const proof = (a2: string) =>
    md5(
      `${md5(a1).toString("hex")}:OA6MG9tEQGm2hh:00000001:OA6MHXh6VqTrRk:auth:${md5(a2).toString("hex")}`,
    ).toString("hex");
  const uri = "zookeeper/zk-sasl-md5";
  assert.match(
    text,
    new RegExp(`response=${proof(`AUTHENTICATE:${uri}`)}`, "u"),
  );
  assert.doesNotMatch(text, /secret/u);
  const done = exchange.next(Buffer.from(`rspauth=${proof(`:${uri}`)}`));
  assert.equal(done.kind, "done");
});

test("DigestMd5 refuses a server that does not know the password", () => {
  const exchange = new DigestMd5({ username: "u", password: "p" });
  exchange.next(Buffer.from(CHALLENGE));
  assert.equal(exchange.next(Buffer.from("rspauth=0")).kind, "refused");
  assert.equal(
    new DigestMd5({ username: "u", password: "p" }).next(null).kind,
    "refused",
  );
});
