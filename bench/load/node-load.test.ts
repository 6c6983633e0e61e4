import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { runNodeLoad } from "./node-load.ts";

/** Load on a server of this process, closed at the end. */
async function loadOn(
  listener: RequestListener,
): Promise<Awaited<ReturnType<typeof runNodeLoad>>> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new TypeError("Cannot listen");
  try {
    return await runNodeLoad({
      url: new URL(`http://127.0.0.1:${address.port}/`),
      ratePerSecond: 200,
      seconds: 0.25,
      connections: 4,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("runNodeLoad() sends as many as the rate says and times each", async () => {
  const outcome = await loadOn((_, response) => response.end("x"));
  assert.equal(outcome.requests, 50);
  assert.equal(outcome.errors, 0);
  assert.ok(outcome.ms.p50 > 0 && outcome.ms.p50 <= outcome.ms.p999);
});

test("runNodeLoad() counts other answers and cut connections as errors", async () => {
  let count = 0;
  const outcome = await loadOn((request, response) => {
    count++;
    if (count % 2 === 0) request.socket.destroy();
    else response.writeHead(500).end();
  });
  assert.equal(outcome.errors, outcome.requests);
});
