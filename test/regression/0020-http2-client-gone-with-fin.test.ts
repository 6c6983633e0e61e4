/**
 * An HTTP/2 client that closed its connection with a plain FIN (as browsers do)
 * was kept for as long as an idle connection may last, and what it had asked of
 * a target with it; a proxy that was told to stop waited for it to its limit.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { eventually } from "../support/eventually.ts";
import { CA, secureProxy } from "../scenario/secure-harness.ts";

/** An HTTP/2 session, and the TCP connection below it. */
async function openSession(t: TestContext, port: number) {
  const raw = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  raw.on("error", () => {});
  t.after(() => raw.destroy());
  const session = connectHttp2("https://localhost", {
    createConnection: () =>
      connectTls({
        socket: raw,
        ca: CA,
        servername: "localhost",
        ALPNProtocols: ["h2"],
      }),
  });
  session.on("error", () => {});
  t.after(() => session.destroy());
  await once(session, "connect");
  return { raw, session };
}

test("Http2Connection misses a client that leaves with a plain FIN", async (t) => {
  const { plane, port } = await secureProxy(t, (_request, response) =>
    response.end("ok"),
  );
  const { raw, session } = await openSession(t, port);
  const stream = session.request({ ":path": "/" });
  stream.resume();
  await once(stream, "end");
  raw.end();
  await eventually(async () => {
    assert.equal((await plane.stats()).totals.connectionsActive, 0);
  }, 3000);
});

test("Http2Connection lets go of the target of a client that leaves with a plain FIN", async (t) => {
  const left = Promise.withResolvers<void>();
  const { plane, port } = await secureProxy(t, (request, response) => {
    request.socket.once("close", () => left.resolve());
    response.write("event\n");
  });
  const { raw, session } = await openSession(t, port);
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  await once(stream, "data");
  raw.end();
  await left.promise;
  await eventually(async () => {
    const { totals, targets } = await plane.stats();
    assert.equal(totals.connectionsActive, 0);
    assert.equal(targets[0]?.inFlight, 0);
  }, 3000);
});
