/**
 * A stored answer is written at once, so a long one is pending until its last
 * byte: a client that read it steadily, but for longer than the stall time, was
 * cut.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { get } from "../support/http-client.ts";
import {
  definition,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";

const SIZE = 15 * 1024 * 1024;

test("ClientConnection cuts no client that reads slowly but steadily", async (t) => {
  const target = await startTarget((_request, response) => {
    response.setHeader("Cache-Control", "max-age=60");
    response.end(Buffer.alloc(SIZE, "x"));
  });
  t.after(target.close);
  const { cache } = definition();
  const { plane, port, url } = await startProxy(
    [
      serviceView([target.view()], {
        definition: { cache: { ...cache, enabled: true } },
      }),
    ],
    { cacheBytes: 64 * 1024 * 1024, limits: { stallTimeoutMs: 800 } },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  await get(`${url}/`);
  const close = "Connection: close\r\n";
  await Promise.all(["", close].map((line) => readSlowly(port, line)));
});

/** Takes a little every few milliseconds, until everything has come. */
function readSlowly(port: number, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const socket = connect({
      port,
      host: "127.0.0.1",
      onread: {
        buffer: Buffer.alloc(64 * 1024),
        callback: (read) => {
          bytes += read;
          if (bytes >= SIZE) socket.destroy();
          else setTimeout(() => socket.resume(), 10);
          return false;
        },
      },
    });
    socket.on("error", reject);
    socket.on("close", () => {
      try {
        assert.ok(bytes >= SIZE, `${bytes} bytes of ${SIZE}`);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${line}\r\n`);
  });
}
