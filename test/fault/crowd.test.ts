/**
 * Thousands of connections that say nothing, or never finish what they say,
 * beside one that asks: it is answered, and the others leave nothing behind.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import {
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

/** Both ends are files of this process, which may commonly hold 20,000. */
const CROWD = 4000;

async function arrive(port: number, text: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  return socket;
}

test("startDataPlane() answers beside a crowd that holds its connections", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const { plane, port, url } = await startProxy(
    [serviceView([target.view()])],
    {
      workers: 2,
      limits: { headTimeoutMs: 2000, idleTimeoutMs: 3000 },
    },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const crowd: Socket[] = [];
  t.after(() => {
    for (const socket of crowd) socket.destroy();
  });
  const begun = "GET / HTTP/1.1\r\nHost: a\r\nX-Never: ";
  while (crowd.length < CROWD)
    crowd.push(
      ...(await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          arrive(port, index % 2 === 0 ? begun : ""),
        ),
      )),
    );
  for (let count = 0; count < 20; count++)
    assert.equal((await get(`${url}/${count}`)).status, 200);
  // Nobody has to leave: they are shown out.
  await eventually(async () => {
    const { totals, targets } = await plane.stats();
    assert.equal(totals.connectionsActive, 0);
    assert.equal(targets[0]?.inFlight, 0);
  }, 15_000);
  assert.equal((await get(`${url}/after`)).status, 200);
});
