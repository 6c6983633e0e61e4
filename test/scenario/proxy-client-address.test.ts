import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy, tlsClient } from "./secure-harness.ts";

const NAMED = "198.51.100.9, 192.0.2.7, 10.0.0.5";

for (const [who, trusted, client] of [
  ["a trusted peer speaks for", ["127.0.0.1", "10.0.0.0/8"], "192.0.2.7"],
  ["a stranger is", [], "127.0.0.1"],
] as const)
  test(`the access log names the client that ${who}, over HTTP/1.1 and HTTP/2`, async (t) => {
    const { plane, port } = await secureProxy(
      t,
      (_request, response) => void response.end("x"),
      { trusted, limits: { accessRecords: 16 } },
    );
    const socket = await tlsClient(t, port);
    socket.write(
      `GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${NAMED}\r\n\r\n`,
    );
    await once(socket, "data");
    const session = await http2Client(t, port);
    await ask(session, { ":path": "/", "x-forwarded-for": NAMED });
    const { records } = await plane.accessRecords();
    assert.deepEqual(
      records.map((record) => [record.version, record.client]),
      [
        ["1.1", client],
        ["2.0", client],
      ],
    );
  });

test("the policy hash by address goes by the client that a trusted peer speaks for", async (t) => {
  const targets = await Promise.all(
    ["one", "two", "three"].map((name) =>
      startTarget((_request, response) => void response.end(`<${name}>`)),
    ),
  );
  for (const { close } of targets) t.after(close);
  const { plane, port } = await startProxy(
    [
      serviceView(
        targets.map(({ view }) => view()),
        { definition: { policy: "hash", hash: { kind: "address" } } },
      ),
    ],
    { trusted: ["127.0.0.1"] },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const answers = new Map<string, Set<string>>();
  for (let round = 0; round < 3; round++)
    for (let last = 1; last <= 16; last++) {
      const address = `192.0.2.${last}`;
      const client = new RawClient(port).send(
        `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: ${address}\r\n\r\n`,
      );
      const [name = ""] = /<\w+>/u.exec(await client.all()) ?? [];
      answers.set(address, (answers.get(address) ?? new Set()).add(name));
    }
  for (const names of answers.values()) assert.equal(names.size, 1);
  assert.ok(new Set([...answers.values()].flatMap((all) => [...all])).size > 1);
});
