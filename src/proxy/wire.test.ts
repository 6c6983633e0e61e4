import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import {
  adoptAccepted,
  InputBuffers,
  SERVER_OPTIONS,
  Wire,
  type WireHandler,
} from "./wire.ts";

const IGNORES: WireHandler = {
  onBytes() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
};

/** A connection whose accepted end is made a wire, in one way or the other. */
async function wirePair(
  t: TestContext,
  makeWire: (input: InputBuffers, accepted: Socket) => Wire,
) {
  const input = new InputBuffers();
  const { promise, resolve } = Promise.withResolvers<Wire>();
  const server = createServer(SERVER_OPTIONS, (accepted) => {
    resolve(makeWire(input, accepted));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
  const wire = await promise;
  wire.handler = IGNORES;
  t.after(() => {
    wire.destroy();
    client.destroy();
    server.close();
  });
  return { input, wire, client };
}

const WAYS = [
  { name: "adoptAccepted()", make: adoptAccepted },
  {
    name: "Wire.fallback()",
    make: (input: InputBuffers, accepted: Socket) => {
      accepted.resume();
      return Wire.fallback(input, accepted);
    },
  },
];

for (const { name, make } of WAYS) {
  test(`${name} passes bytes, the end and the close on`, async (t) => {
    const { wire, client } = await wirePair(t, make);
    const seen: string[] = [];
    const closed = Promise.withResolvers<void>();
    wire.handler = {
      ...IGNORES,
      onBytes: (bytes, end) => {
        seen.push(bytes.toString("latin1", 0, end));
        wire.write(Buffer.from(`got ${seen.length}`));
      },
      onEnd: () => {
        seen.push("end");
        wire.end();
      },
      onClose: () => closed.resolve(),
    };
    client.write("one");
    assert.equal(String((await once(client, "data"))[0]), "got 1");
    client.end("two");
    assert.equal(String((await once(client, "data"))[0]), "got 2");
    await closed.promise;
    assert.deepEqual(seen, ["one", "two", "end"]);
    assert.equal(wire.closed, true);
  });

  test(`${name} closes when it is reset while its FIN is on its way`, async (t) => {
    const { wire, client } = await wirePair(t, make);
    const closed = Promise.withResolvers<void>();
    wire.handler = {
      ...IGNORES,
      onEnd: () => {
        wire.write(Buffer.from("last words"));
        wire.end();
        process.nextTick(() => wire.reset());
      },
      onClose: () => closed.resolve(),
    };
    client.end();
    assert.equal(String((await once(client, "data"))[0]), "last words");
    await closed.promise;
  });

  test(`${name} reads nothing while it is paused`, async (t) => {
    const { wire, client } = await wirePair(t, make);
    const first = Promise.withResolvers<void>();
    let received = 0;
    let wanted = Promise.withResolvers<void>();
    wire.handler = {
      ...IGNORES,
      onBytes: (_bytes, end) => {
        received += end;
        first.resolve();
        wire.pause();
        if (received >= 3) wanted.resolve();
      },
    };
    client.write("a");
    await first.promise;
    client.write("bc");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(received, 1);
    wanted = Promise.withResolvers<void>();
    wire.resume();
    await wanted.promise;
    assert.equal(received, 3);
  });

  test(`${name} says when the kernel has taken what it did not take at once`, async (t) => {
    const { wire, client } = await wirePair(t, make);
    client.pause();
    const drained = Promise.withResolvers<void>();
    wire.handler = { ...IGNORES, onDrain: () => drained.resolve() };
    let sent = 0;
    const block = Buffer.alloc(1024 * 1024, "x");
    for (; sent < 64 && wire.write(block); sent++);
    assert.ok(wire.pendingBytes > 0);
    client.resume();
    await drained.promise;
    assert.equal(wire.pendingBytes, 0);
  });
}

test("Wire.stream() gives a connection input memory of its own", async (t) => {
  const { input, wire, client } = await wirePair(t, adoptAccepted);
  const buffers: Buffer[] = [];
  let next = Promise.withResolvers<void>();
  wire.handler = {
    ...IGNORES,
    onBytes: (bytes) => {
      buffers.push(bytes);
      wire.stream(buffers.length === 1);
      next.resolve();
    },
  };
  for (const text of ["one", "two", "three"]) {
    next = Promise.withResolvers<void>();
    client.write(text);
    await next.promise;
  }
  assert.equal(buffers[0], input.shared);
  assert.notEqual(buffers[1], input.shared);
  assert.equal(buffers[2], input.shared);
});
