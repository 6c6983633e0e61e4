/**
 * Accepted sockets may be half open, and so were those in their TLS handshake: a
 * client that connected and left again, as health checks do, was held and
 * counted as a connection until the handshake's time was up.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { secureProxy, tlsClient } from "../scenario/secure-harness.ts";

test("a TLS connection whose client leaves before its handshake is done is closed at once", async (t) => {
  const { plane, port } = await secureProxy(
    t,
    (_request, response) => response.end("ok"),
    { limits: { handshakeTimeoutMs: 600_000 } },
  );
  for (const bytes of ["", "\x16\x03\x01"]) {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.end(bytes, "latin1");
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.resume();
    });
    await eventually(async () =>
      assert.equal((await plane.stats()).totals.connectionsActive, 0),
    );
  }
});

test("a TLS client that has said all it had to say still gets its answer", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    setTimeout(() => response.end("late"), 200);
  });
  const raw = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const socket = await tlsClient(t, port, { socket: raw });
  let text = "";
  socket.setEncoding("latin1").on("data", (more: string) => {
    text += more;
  });
  socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(socket, "end");
  assert.match(text, /late$/u);
});
