import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConnectString } from "./connect-string.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

test("parseConnectString() reads hosts, ports, IPv6 literals and the chroot", () => {
  assert.deepEqual(
    parseConnectString("zk1:2182, zk2,[::1]:2183,[fe80::2],10.0.0.1:1/a/b/"),
    {
      servers: [
        { host: "zk1", port: 2182 },
        { host: "zk2", port: 2181 },
        { host: "::1", port: 2183 },
        { host: "fe80::2", port: 2181 },
        { host: "10.0.0.1", port: 1 },
      ],
      chroot: "/a/b",
    },
  );
  assert.equal(parseConnectString("zk/").chroot, "");
  assert.deepEqual(parseConnectString("::1").servers, [
    { host: "::1", port: 2181 },
  ]);
});

test("parseConnectString() refuses what it cannot read", () => {
  for (const text of [
    "",
    ",",
    "/a",
    "zk:0",
    "zk:65536",
    "zk:x",
    "zk:1:2",
    "[zk]:2181",
    "[::1",
    "a b:1",
    "zk//a",
    "zk/a/../b",
  ])
    assert.throws(
      () => parseConnectString(text),
      (error) =>
        error instanceof ZooKeeperError && error.code === "bad-connect-string",
      text,
    );
});
