import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { type Announcement, announceThrough } from "./announce.ts";
import { FakeRegistry } from "./fake-registrar.fixture.ts";
import { ServerStop } from "./stop-server.ts";

interface Stage {
  readonly registry: FakeRegistry;
  readonly server: Server;
  readonly url: string;
  readonly announcement: Announcement;
}

async function stage(
  t: TestContext,
  listener: RequestListener = (_request, response) => void response.end("ok"),
): Promise<Stage> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const url = `http://127.0.0.1:${address.port}`;
  const registry = new FakeRegistry();
  const announcement = await announceThrough(
    {
      server,
      stop: new ServerStop(server),
      facts: {
        service: "www",
        name: "one",
        url,
        weight: 1,
        hosts: [],
        server: "s",
        life: "l",
        release: "v1",
        commit: undefined,
      },
    },
    {
      openRegistrar: registry.open,
      closeSession: () => {
        registry.note("session closed");
        return Promise.resolve();
      },
    },
    {},
  );
  t.after(() => announcement[Symbol.asyncDispose]());
  return { registry, server, url, announcement };
}

describe("announce()", () => {
  it("announce() registers, drains on close, then closes server and session", async (t) => {
    const { registry, server, announcement } = await stage(t);
    await announcement.replace({ release: "v2" });
    await announcement.close();
    await announcement.close();
    assert.equal(server.listening, false);
    assert.deepEqual(
      [...new Set(registry.steps.value)],
      [
        "registered one v1",
        "replaced one v2",
        "draining one",
        "session closed",
      ],
    );
  });

  it("announce() finishes the answer under way before it closes", async (t) => {
    const asked = Promise.withResolvers<() => void>();
    const { url, announcement } = await stage(t, (_request, response) => {
      response.write("half ");
      asked.resolve(() => void response.end("whole"));
    });
    const answer = fetch(url).then((response) => response.text());
    const finish = await asked.promise;
    const closed = announcement.close();
    finish();
    assert.equal(await answer, "half whole");
    await closed;
  });

  it("announce() leaves the registry when the server is closed by its owner", async (t) => {
    const { registry, server } = await stage(t);
    server.close();
    server.closeAllConnections();
    assert.deepEqual(await registry.taken(3), [
      "registered one v1",
      "closed one",
      "session closed",
    ]);
  });

  it("announce() tells when another process takes the server's place", async (t) => {
    const { registry, announcement } = await stage(t);
    registry.lost.resolve(new Error("stood down"));
    await assert.rejects(announcement.lost, /another process/u);
  });
});
