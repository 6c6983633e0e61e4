/**
 * With every target accepting requests and cutting them, each request was given
 * to three of them: a failing service saw three times its load.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { getMany } from "../support/http-client.ts";
import {
  serviceView,
  startProxy,
  targetView,
} from "../scenario/proxy-harness.ts";

test("Exchange asks targets that all fail at most 1.2 times for each request", async (t) => {
  let asked = 0;
  const ports: number[] = [];
  for (let count = 0; count < 4; count++) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        if (!chunk.includes("HTTP/1.1")) return;
        if (!chunk.includes("zoogate-probe")) asked += 1;
        setTimeout(() => socket.destroy(), 20);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    ports.push((server.address() as AddressInfo).port); // it listens on TCP
  }
  const { plane, url } = await startProxy([
    serviceView(ports.map((port) => targetView(port))),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const count = 1500;
  const answers = await getMany({
    count,
    connections: 50,
    url: (index) => `${url}/${index}`,
  });
  assert.ok(answers.every(({ status }) => status === 502));
  // The first failures of each target are not known as such: they are allowed.
  assert.ok(asked <= count * 1.2 + 3 * 50, `asked ${asked} times`);
  const { targets } = await plane.stats();
  for (const { inFlight } of targets) assert.equal(inFlight, 0);
});
