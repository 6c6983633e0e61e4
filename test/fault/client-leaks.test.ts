/** What a client does for ever must cost no memory: reconnects, watches, streams. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Clock, systemClock } from "../../src/base/index.ts";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect, ZooKeeperError } from "../../src/zookeeper/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { EventReader } from "../support/event-reader.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1_000 : 2_500;
const ALLOWED_GROWTH_BYTES = 3_000_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // the flag above

/** Time that runs faster, so that delays between attempts cost little. */
function fasterClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    wallMs: () => systemClock.wallMs(),
    after: (delayMs, action, options) =>
      systemClock.after(delayMs / factor, action, options),
  };
}

/** Repeats a round for the given time; memory after it may not exceed that after the first third. */
async function staysFlat(
  t: TestContext,
  what: string,
  round: () => Promise<number>,
): Promise<void> {
  const used = async () => {
    // Sockets give their buffers back a turn after they were closed.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      collectGarbage();
    }
    return process.memoryUsage().heapUsed + process.memoryUsage().external;
  };
  let count = 0;
  const repeat = async (forMs: number) => {
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) count += await round();
  };
  await repeat(durationMs / 3);
  const before = await used();
  await repeat((durationMs * 2) / 3);
  const growth = (await used()) - before;
  t.diagnostic(
    `${count} ${what}, memory grew by ${Math.round(growth / 1_024)} KB`,
  );
  assert.ok(growth < ALLOWED_GROWTH_BYTES, `memory grew by ${growth} bytes`);
}

describe("the memory of a ZooKeeper client", () => {
  it("stays flat over reconnects", async (t) => {
    await using keeper = await startKeeper();
    await using proxy = await startCuttingProxy(keeper.port);
    await using zk = await connect(proxy.connectString, {
      sessionTimeoutMs: 600_000,
      clock: fasterClock(100),
    });
    const id = zk.sessionId;
    await zk.create("/leak");
    await zk.getData("/leak", { onWatch: () => {} });
    const stream = new EventReader((signal) =>
      zk.watch("/leak", { kind: "recursive", signal }),
    );
    await staysFlat(t, "reconnects", async () => {
      const lost = zk.sync().catch((error: unknown) => {
        assert.ok(error instanceof ZooKeeperError);
      });
      proxy.cut();
      await lost;
      await zk.live();
      await zk.sync();
      return 1;
    });
    assert.equal(zk.sessionId, id);
    await stream.stop();
  });

  it("stays flat over watches set and fired", async (t) => {
    await using keeper = await startKeeper();
    await using zk = await connect(keeper.connectString);
    await zk.create("/leak");
    const watches = 500;
    await staysFlat(t, "watches", async () => {
      let fired = 0;
      const onWatch = () => {
        fired += 1;
      };
      await Promise.all(
        Array.from({ length: watches }, () =>
          zk.getData("/leak", { onWatch: () => onWatch() }),
        ),
      );
      await zk.setData("/leak", "x");
      assert.equal(fired, watches);
      return watches;
    });
  });

  it("stays flat over streams that begin and end, and requests that are given up", async (t) => {
    await using keeper = await startKeeper();
    await using zk = await connect(keeper.connectString);
    await zk.create("/leak");
    const controller = new AbortController();
    const { signal } = controller;
    await staysFlat(t, "streams", async () => {
      for (const kind of ["data", "children", "recursive"] as const)
        for await (const event of zk.watch("/leak", { kind, signal })) {
          assert.equal(event.kind, "re-synced");
          break;
        }
      await zk.getData("/leak", { signal, timeoutMs: 60_000 });
      return 3;
    });
  });
});
