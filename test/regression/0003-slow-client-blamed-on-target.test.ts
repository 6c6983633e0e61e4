/**
 * An answer that stood still because its client did not read was held against
 * the target: a few clients that never read took a healthy target out of
 * rotation.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

const LARGE = Buffer.alloc(32 * 1024 * 1024, "x");

test("Exchange blames no target for a client that does not read", async (t) => {
  const target = await startTarget((_request, response) => response.end(LARGE));
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])], {
    limits: { stallTimeoutMs: 300 },
  });
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port);
  t.after(() => client.close());
  client.socket.pause();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (;;) {
    const { totals } = await plane.stats();
    if (totals.connectionsAccepted === 1 && totals.connectionsActive === 0)
      break;
  }
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
  assert.equal(targets[0]?.failures, 0);
});
