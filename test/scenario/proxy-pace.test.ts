/**
 * Clients that send or read too slowly, by HTTP/1.1, TLS and HTTP/2, and those
 * who seem to, because their target is slow.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { describe, test, type TestContext } from "node:test";
import { delay } from "../../src/base/index.ts";
import type { DataPlane, ProxyLimits } from "../../src/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import { http2Client, pair, secureProxy, tlsClient } from "./secure-harness.ts";

const PROTOCOLS = ["http/1.1", "tls", "h2"] as const;
type Protocol = (typeof PROTOCOLS)[number];

async function proxy(
  t: TestContext,
  listener: RequestListener,
  limits: Partial<ProxyLimits>,
) {
  const started = await secureProxy(t, listener, {
    listen: [
      { host: "127.0.0.1", port: 0 },
      { host: "127.0.0.1", port: 0, tls: true },
    ],
    certificates: [pair("default")],
    limits,
  });
  const [plain, secure] = started.plane.addresses;
  return {
    plane: started.plane,
    ports: { plain: plain?.port ?? 0, secure: secure?.port ?? 0 },
  };
}

interface Ports {
  readonly plain: number;
  readonly secure: number;
}

/** One request, with what its client can see of the answer. */
interface Asked {
  readonly send: (bytes: Buffer, last: boolean) => void;
  readonly answer: Readable;
  /** The status, or 0 when the connection or stream was cut before one. */
  readonly status: Promise<number>;
  /** Resolves at the end; false when that is a reset. */
  readonly whole: Promise<boolean>;
}

function overSocket(socket: Socket, method: string, length: number): Asked {
  const status = Promise.withResolvers<number>();
  const whole = Promise.withResolvers<boolean>();
  socket.on("error", () => {});
  socket.once("data", (chunk: Buffer) => {
    status.resolve(Number(chunk.toString("latin1").slice(9, 12)));
  });
  let ended = false;
  socket.on("end", () => {
    ended = true;
  });
  socket.on("close", () => {
    status.resolve(0);
    whole.resolve(ended);
  });
  const framing = length > 0 ? `Content-Length: ${length}\r\n` : "";
  socket.write(
    `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n`,
  );
  return {
    send: (bytes) => socket.write(bytes),
    answer: socket,
    status: status.promise,
    whole: whole.promise,
  };
}

async function request(
  t: TestContext,
  ports: Ports,
  how: {
    readonly protocol: Protocol;
    readonly method?: string;
    readonly length?: number;
  },
): Promise<Asked> {
  const { protocol, method = "GET", length = 0 } = how;
  if (protocol === "http/1.1") {
    const socket = connect(ports.plain, "127.0.0.1");
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return overSocket(socket, method, length);
  }
  if (protocol === "tls")
    return overSocket(await tlsClient(t, ports.secure), method, length);
  const session = await http2Client(t, ports.secure);
  const stream = session.request(
    {
      ":method": method,
      ":path": "/",
      ":authority": "a",
      ...(length > 0 ? { "content-length": length } : {}),
    },
    { endStream: length === 0 },
  );
  stream.on("error", () => {});
  const status = Promise.withResolvers<number>();
  const whole = Promise.withResolvers<boolean>();
  stream.on("response", (headers) => status.resolve(headers[":status"] ?? 0));
  stream.on("close", () => {
    status.resolve(0);
    whole.resolve(stream.rstCode === 0);
  });
  return {
    send: (bytes, last) => {
      if (stream.destroyed || stream.writableEnded) return;
      stream.write(bytes);
      if (last) stream.end();
    },
    answer: stream,
    status: status.promise,
    whole: whole.promise,
  };
}

async function refusals(plane: DataPlane) {
  const { totals } = await plane.stats();
  return {
    sending: totals.refusals["sending-too-slow"],
    reading: totals.refusals["reading-too-slow"],
    head: totals.refusals["head-too-slow"],
  };
}

/** Reads so many bytes every 50 ms, until it ends. */
async function readSlowly(answer: Readable, bytesEach: number) {
  answer.pause();
  answer.on("readable", () => {});
  while (!answer.closed) {
    let left = bytesEach;
    while (left > 0) {
      const piece = answer.read() as Buffer | null; // of a stream without objects
      if (piece === null) break;
      left -= piece.length;
    }
    await delay(50, { keepAlive: true });
  }
}

const SLOW_BODY = {
  minBodyBytesPerSecond: 1000,
  bodyGraceMs: 600,
  stallTimeoutMs: 1000,
} as const;

void describe("the pace of clients", { concurrency: 3 }, () => {
  for (const protocol of PROTOCOLS) {
    test(`a client that drips its content is answered with 408 (${protocol})`, async (t) => {
      const { plane, ports } = await proxy(
        t,
        (incoming, response) => {
          incoming.resume();
          incoming.on("end", () => response.end("whole"));
        },
        SLOW_BODY,
      );
      const asked = await request(t, ports, {
        protocol,
        method: "POST",
        length: 1000,
      });
      const drip = setInterval(() => asked.send(Buffer.from("x"), false), 40);
      t.after(() => clearInterval(drip));
      assert.equal(await asked.status, 408);
      assert.deepEqual(await refusals(plane), {
        sending: 1,
        reading: 0,
        head: 0,
      });
    });

    test(`a client whose target does not read its content is not too slow (${protocol})`, async (t) => {
      const { plane, ports } = await proxy(
        t,
        (incoming, response) => {
          incoming.on("end", () => response.end("whole"));
          setTimeout(() => incoming.resume(), 2500);
        },
        {
          ...SLOW_BODY,
          minBodyBytesPerSecond: 10_000_000,
          stallTimeoutMs: 5000,
        },
      );
      const length = 24 * 1024 * 1024;
      const asked = await request(t, ports, {
        protocol,
        method: "POST",
        length,
      });
      asked.send(Buffer.alloc(length), true);
      assert.equal(await asked.status, 200);
      assert.deepEqual(await refusals(plane), {
        sending: 0,
        reading: 0,
        head: 0,
      });
    });

    test(`a client that reads too slowly is cut, though it does move (${protocol})`, async (t) => {
      const { plane, ports } = await proxy(
        t,
        (_request, response) => {
          response.end(Buffer.alloc(256 * 1024 * 1024));
        },
        { minSendBytesPerSecond: 200_000_000, stallTimeoutMs: 1500 },
      );
      const asked = await request(t, ports, { protocol });
      assert.equal(await asked.status, 200);
      await readSlowly(asked.answer, 512 * 1024);
      assert.equal(await asked.whole, false);
      assert.deepEqual(await refusals(plane), {
        sending: 0,
        reading: 1,
        head: 0,
      });
    });

    test(`a client whose target sends slowly is not too slow (${protocol})`, async (t) => {
      const { plane, ports } = await proxy(
        t,
        (_request, response) => {
          let pieces = 0;
          const drip = setInterval(() => {
            pieces += 1;
            response.write("x");
            if (pieces < 10) return;
            clearInterval(drip);
            response.end();
          }, 200);
          response.on("close", () => clearInterval(drip));
        },
        { minSendBytesPerSecond: 200_000_000, stallTimeoutMs: 600 },
      );
      const asked = await request(t, ports, { protocol });
      asked.answer.resume();
      assert.equal(await asked.status, 200);
      assert.equal(await asked.whole, true);
      assert.deepEqual(await refusals(plane), {
        sending: 0,
        reading: 0,
        head: 0,
      });
    });
  }

  test("a slow reader of a stored answer is cut too, and its head in slow drips is answered with 408", async (t) => {
    const { plane, ports } = await proxy(
      t,
      (_request, response) => {
        response.setHeader("Cache-Control", "max-age=60");
        response.end(Buffer.alloc(12 * 1024 * 1024));
      },
      {
        minSendBytesPerSecond: 500_000_000,
        stallTimeoutMs: 1000,
        headTimeoutMs: 500,
      },
    );
    for (const protocol of PROTOCOLS) {
      const asked = await request(t, ports, { protocol });
      assert.equal(await asked.status, 200);
      asked.answer.pause();
    }
    // Who does not read does not see the end either.
    await eventually(async () =>
      assert.equal((await refusals(plane)).reading, PROTOCOLS.length),
    );
    const socket = connect(ports.plain, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write("GET / HTTP/1.1\r\nHo");
    const [answer] = (await once(socket, "data")) as [Buffer]; // what a socket reads
    assert.match(answer.toString(), /^HTTP\/1\.1 408 /);
    assert.equal((await refusals(plane)).head, 1);
  });
});
