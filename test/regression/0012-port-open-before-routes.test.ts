/**
 * Workers listened before they were told of any service: who asked in that
 * moment, as on every restart of a busy proxy, got 404.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startDataPlane } from "../../src/proxy/index.ts";
import { freePort } from "../support/free-port.ts";
import { get } from "../support/http-client.ts";
import {
  serviceView,
  snapshot,
  startTarget,
} from "../scenario/proxy-harness.ts";

test("startDataPlane() knows its services before its port opens", async (t) => {
  const target = await startTarget((_request, response) => {
    response.end("here");
  });
  t.after(target.close);
  const port = await freePort();
  const starting = startDataPlane({
    listen: [{ host: "127.0.0.1", port }],
    workers: 2,
    snapshot: snapshot(serviceView([target.view()])),
  });
  t.after(async () => (await starting).close({ signal: AbortSignal.abort() }));
  const statuses = await Promise.all(
    Array.from({ length: 8 }, () => firstStatus(port)),
  );
  assert.deepEqual(new Set(statuses), new Set([200]));
});

/** Knocks until the port is open. */
async function firstStatus(port: number): Promise<number> {
  for (;;) {
    try {
      return (await get(`http://127.0.0.1:${port}/`)).status;
    } catch (error) {
      assert.ok(error instanceof Error && "code" in error);
      assert.ok(error.code === "ECONNREFUSED" || error.code === "ECONNRESET");
    }
  }
}
