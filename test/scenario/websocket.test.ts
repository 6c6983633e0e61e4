/**
 * WebSocket through the proxy, with the client and the server of other people
 * (`ws`): everything is done once over HTTP/1.1 and once inside TLS.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, test, type TestContext } from "node:test";
import type { ClientOptions, WebSocket } from "ws";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import {
  closed,
  nextMessage,
  openWebSocket,
  sha256,
  WebSocketTarget,
} from "../support/websocket.ts";
import { serviceView, startProxy, targetView } from "./proxy-harness.ts";
import { CA, pair } from "./secure-harness.ts";

const MEGABYTE = 1024 * 1024;

/** A target behind a proxy, and how a client reaches it. */
async function stage(
  t: TestContext,
  options: {
    readonly secure: boolean;
    readonly deflate?: boolean;
    readonly limits?: DataPlaneOptions["limits"];
  },
) {
  const { secure, deflate = false, limits = {} } = options;
  const target = await WebSocketTarget.start({ deflate });
  t.after(() => target[Symbol.asyncDispose]());
  const view = targetView(target.port);
  const { plane, port } = await startProxy([serviceView([view])], {
    listen: [{ host: "127.0.0.1", port: 0, tls: secure }],
    ...(secure ? { certificates: [pair("default")] } : {}),
    limits,
  });
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const url = `${secure ? "wss" : "ws"}://127.0.0.1:${port}`;
  const open = async (path: string, more: ClientOptions = {}) => {
    const socket = await openWebSocket(`${url}${path}`, {
      perMessageDeflate: deflate,
      ca: CA,
      maxPayload: 64 * MEGABYTE,
      ...more,
    });
    t.after(() => socket.terminate());
    return socket;
  };
  /** Both ends of a new one. */
  const both = async (): Promise<readonly [WebSocket, WebSocket]> => {
    const opened = target.opened();
    const client = await open("/hold");
    return [client, await opened];
  };
  return { target, plane, view, url, open, both };
}

type Stage = Awaited<ReturnType<typeof stage>>;

/** Nothing is left: no request in flight, no connection of any client. */
function nothingLeft({ plane, target }: Stage): Promise<void> {
  return eventually(async () => {
    const { totals, targets } = await plane.stats();
    assert.equal(totals.connectionsActive, 0);
    assert.equal(targets[0]?.inFlight, 0);
    assert.equal(target.sockets.clients.size, 0);
  });
}

for (const secure of [false, true])
  describe(`WebSocket over ${secure ? "TLS" : "HTTP/1.1"}`, () => {
    test("startDataPlane() carries messages of every size, both ways, unchanged", async (t) => {
      const place = await stage(t, { secure });
      const client = await place.open("/echo");
      for (const bytes of [0, 1, 125, 126, 65_535, 65_536, 5 * MEGABYTE]) {
        const message = randomBytes(bytes);
        const echo = nextMessage(client);
        client.send(message);
        assert.equal(sha256(await echo), sha256(message), `${bytes} bytes`);
      }
      client.close();
      await once(client, "close");
      await nothingLeft(place);
      assert.equal((await place.plane.stats()).totals.upgrades, 1);
    });

    test("startDataPlane() carries messages sent in fragments, with pings between", async (t) => {
      const place = await stage(t, { secure });
      const [client, server] = await place.both();
      const pieces = [0, 1, 1000, 70_000, 3 * MEGABYTE].map((bytes) =>
        randomBytes(bytes),
      );
      const whole = sha256(Buffer.concat(pieces));
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        const message = nextMessage(to);
        const pinged = once(to, "ping");
        for (const piece of pieces) from.send(piece, { fin: false });
        from.ping("between");
        from.send("", { fin: true });
        assert.equal(sha256(await message), whole);
        assert.equal(String((await pinged)[0]), "between");
      }
    });

    test("startDataPlane() carries pings and pongs both ways", async (t) => {
      const place = await stage(t, { secure });
      const [client, server] = await place.both();
      for (const [from, word] of [
        [client, "from the client"],
        [server, "from the server"],
      ] as const) {
        const pong = once(from, "pong");
        from.ping(word);
        assert.equal(String((await pong)[0]), word);
      }
    });

    test("startDataPlane() lets both ends agree on permessage-deflate", async (t) => {
      const place = await stage(t, { secure, deflate: true });
      const client = await place.open("/echo");
      assert.match(client.extensions, /permessage-deflate/u);
      const before = (await place.plane.stats()).totals.bytesToClients;
      const message = Buffer.alloc(4 * MEGABYTE, "compressible ");
      const echo = nextMessage(client);
      client.send(message);
      assert.equal(sha256(await echo), sha256(message));
      const after = (await place.plane.stats()).totals.bytesToClients;
      assert.ok(after - before < 100_000, `${after - before} bytes`);
    });

    test("startDataPlane() passes every close code on, both ways, with its reason", async (t) => {
      const place = await stage(t, { secure });
      for (const code of [1000, 1001, 1008, 1011, 3000, 4999])
        for (const fromClient of [true, false]) {
          const [client, server] = await place.both();
          const [from, to] = fromClient ? [client, server] : [server, client];
          const seen = closed(to);
          const answered = closed(from);
          from.close(code, `reason ${code}`);
          assert.deepEqual(await seen, { code, reason: `reason ${code}` });
          assert.equal((await answered).code, code);
        }
      await nothingLeft(place);
    });

    test("startDataPlane() passes a close without a code on", async (t) => {
      const place = await stage(t, { secure });
      const [client, server] = await place.both();
      const seen = closed(server);
      client.close();
      assert.equal((await seen).code, 1005);
      await nothingLeft(place);
    });

    test("startDataPlane() lets each end see at once that the other broke off", async (t) => {
      const place = await stage(t, { secure });
      for (const fromClient of [true, false]) {
        const [client, server] = await place.both();
        const [from, to] = fromClient ? [client, server] : [server, client];
        const seen = closed(to);
        from.terminate();
        assert.equal((await seen).code, 1006);
      }
      await nothingLeft(place);
    });

    test("startDataPlane() closes a WebSocket that is silent for tunnelIdleMs, and no other", async (t) => {
      const place = await stage(t, { secure, limits: { tunnelIdleMs: 600 } });
      const [silent, silentServer] = await place.both();
      const [busy, busyServer] = await place.both();
      let isBusyClosed = false;
      busy.on("close", () => {
        isBusyClosed = true;
      });
      // Whoever of both speaks keeps it open: a server's pings are enough.
      const pinging = setInterval(() => busyServer.ping(), 100);
      t.after(() => clearInterval(pinging));
      const codes = await Promise.all([closed(silent), closed(silentServer)]);
      assert.deepEqual(
        codes.map(({ code }) => code),
        [1006, 1006],
      );
      const [pong] = await once(busyServer, "pong");
      assert.ok(pong !== undefined && !isBusyClosed);
    });

    test("startDataPlane() reads no further than the slower end, and loses nothing", async (t) => {
      const place = await stage(t, { secure });
      const pieces = Array.from({ length: 48 }, (_, index) =>
        Buffer.alloc(MEGABYTE, randomBytes(1000 + index)),
      );
      const sums = pieces.map(sha256);
      for (const fromClient of [true, false]) {
        const [client, server] = await place.both();
        const [from, to] = fromClient ? [client, server] : [server, client];
        to.pause();
        for (const piece of pieces) from.send(piece);
        // What the kernel's buffers hold on the way, and no more.
        let before = -1;
        await eventually(() => {
          const waiting = from.bufferedAmount;
          const isStill = waiting === before;
          before = waiting;
          assert.ok(isStill, "it still moves");
        });
        assert.ok(
          before > 20 * MEGABYTE,
          `only ${before} bytes wait where they come from`,
        );
        const { promise, resolve } = Promise.withResolvers<void>();
        const got: string[] = [];
        to.on("message", (data) => {
          got.push(sha256(data as Buffer)); // binary, as sent
          if (got.length === pieces.length) resolve();
        });
        to.resume();
        await promise;
        assert.deepEqual(got, sums);
        from.close();
        await once(to, "close");
      }
      await nothingLeft(place);
    });
  });

describe("WebSocket and changes of routes", () => {
  test("DataPlane.apply() ends no WebSocket, whatever becomes of its service and target", async (t) => {
    const place = await stage(t, { secure: false });
    const { plane, view, target } = place;
    const client = await place.open("/echo");
    const speaks = async (what: string) => {
      await plane.applied();
      const echo = nextMessage(client);
      client.send(what);
      assert.equal((await echo).toString(), what);
    };
    const { targets: _, ...head } = serviceView([]);
    const { definition } = head;
    const www = (hosts: readonly string[]) =>
      ({
        kind: "service",
        service: { ...head, definition: { ...definition, hosts } },
      }) as const;
    plane.apply([www(["other.example"])]);
    await speaks("its service answers for other hosts");
    plane.apply([www([]), { kind: "target", target: targetView(1) }]);
    await speaks("another target has joined");
    const { targets: __, ...shop } = serviceView([], { name: "shop" });
    plane.apply([{ kind: "service", service: shop }]);
    plane.apply([{ kind: "service-gone", name: "shop" }]);
    await speaks("another service has come and gone");
    const signals = plane.signals()[Symbol.asyncIterator]();
    plane.apply([{ kind: "target", target: { ...view, state: "draining" } }]);
    await speaks("its target drains");
    const { registration } = view;
    assert.deepEqual((await signals.next()).value, {
      kind: "drained",
      registration,
    });
    const { name, service } = view;
    const because = "drained" as const;
    plane.apply([
      { kind: "target-gone", service, name, registration, because },
    ]);
    await speaks("its target has left");
    plane.apply([{ kind: "target", target: targetView(target.port) }]);
    await speaks("its target is back under a new registration");
    plane.apply([{ kind: "service-gone", name: "www" }]);
    await speaks("its service is gone");
    client.close(1000);
    await once(client, "close");
    await eventually(async () => {
      const { totals } = await plane.stats();
      assert.equal(totals.connectionsActive, 0);
    });
  });

  test("DataPlane.apply() sends an upgrade past a draining target, or lets it wait for another", async (t) => {
    const place = await stage(t, { secure: false });
    const { plane, view, target } = place;
    await using other = await WebSocketTarget.start();
    plane.apply([
      { kind: "target", target: { ...view, state: "draining" } },
      { kind: "target", target: targetView(other.port, { name: "other" }) },
    ]);
    await plane.applied();
    for (let count = 0; count < 3; count++) await place.open("/echo");
    assert.equal(other.sockets.clients.size, 3);
    plane.apply([
      {
        kind: "target",
        target: targetView(other.port, { name: "other", state: "draining" }),
      },
    ]);
    await plane.applied();
    const waiting = place.open("/echo");
    await eventually(async () => {
      assert.equal((await plane.stats()).totals.waiting, 1);
    });
    plane.apply([{ kind: "target", target: targetView(target.port) }]);
    const client = await waiting;
    const echo = nextMessage(client);
    client.send("hello");
    assert.equal((await echo).toString(), "hello");
    assert.equal(target.sockets.clients.size, 1);
  });
});
