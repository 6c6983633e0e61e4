import assert from "node:assert/strict";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import type {
  HeadersDefinition,
  ServiceDefinition,
} from "../../src/registry/index.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  snapshot,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy, tlsClient } from "./secure-harness.ts";

const { cache, headers: none } = definition();
const CACHED = { ...cache, enabled: true };

function rules(change: {
  readonly request?: Partial<HeadersDefinition["request"]>;
  readonly response?: Partial<HeadersDefinition["response"]>;
}): HeadersDefinition {
  return {
    request: { ...none.request, ...change.request },
    response: { ...none.response, ...change.response },
  };
}

async function proxy(
  t: TestContext,
  listener: RequestListener,
  change: Partial<ServiceDefinition>,
) {
  const target = await startTarget(listener);
  t.after(target.close);
  const view = serviceView([target.view()], { definition: change });
  const started = await startProxy([view]);
  t.after(() => started.plane.close({ signal: AbortSignal.abort() }));
  return {
    ...started,
    /** Other header rules. */
    change: async (headers: HeadersDefinition) => {
      const changed = definition({ ...change, headers });
      started.plane.replace(snapshot({ ...view, definition: changed }));
      await started.plane.applied();
    },
  };
}

const HARDENED = rules({
  request: { set: { "X-Client": "{client}" }, remove: ["Cookie"] },
  response: {
    set: { "X-Frame-Options": "DENY" },
    add: { "X-Site": "{host}" },
    remove: ["X-Powered-By"],
  },
});

const listener: RequestListener = (request, response) => {
  response.setHeader("Cache-Control", "max-age=60");
  response.setHeader("ETag", '"1"');
  response.setHeader("X-Powered-By", "PHP");
  response.setHeader("X-Seen", JSON.stringify(request.headers));
  response.end("hello");
};

function check(headers: IncomingHttpHeaders, host: string): void {
  assert.equal(headers["x-frame-options"], "DENY");
  assert.equal(headers["x-site"], host);
  assert.equal(headers["x-powered-by"], undefined);
}

test("header rules hold for answers from a target, from the store, as 304, 206 and HEAD", async (t) => {
  const { url } = await proxy(t, listener, {
    cache: CACHED,
    headers: HARDENED,
  });
  const host = "shop.example";
  const cases: readonly (readonly [object, number, string?])[] = [
    [{ cookie: "a=b" }, 200],
    [{}, 200],
    [{ "if-none-match": '"1"' }, 304],
    [{ range: "bytes=1-2" }, 206],
    [{}, 200, "HEAD"],
  ];
  for (const [fields, status, method = "GET"] of cases) {
    const answer = await get(`${url}/`, {
      method,
      headers: { host, ...fields },
    });
    assert.equal(answer.status, status);
    check(answer.headers, host);
  }
  const seen = JSON.parse(
    String((await get(`${url}/`, { headers: { host } })).headers["x-seen"]),
  );
  assert.equal(seen.cookie, undefined);
  assert.equal(seen["x-client"], "127.0.0.1");
});

test("header rules hold over HTTP/2, from a target and from the store", async (t) => {
  const { port } = await secureProxy(t, listener, {
    definition: { cache: CACHED, headers: HARDENED },
  });
  const session = await http2Client(t, port);
  for (const expected of [/fwd=/, /hit/]) {
    const answer = await ask(session, { ":path": "/" });
    assert.match(String(answer.headers["cache-status"]), expected);
    check(answer.headers, `localhost:${port}`);
  }
});

test("a changed rule for answers takes effect on what is stored", async (t) => {
  const { url, change } = await proxy(t, listener, { cache: CACHED });
  await get(`${url}/`);
  const hit = async () => {
    const { headers } = await get(`${url}/`);
    assert.match(String(headers["cache-status"]), /hit/);
    return [headers["x-a"], headers["x-powered-by"]];
  };
  assert.deepEqual(await hit(), [undefined, "PHP"]);
  await change(
    rules({ response: { set: { "X-A": "1" }, remove: ["X-Powered-By"] } }),
  );
  assert.deepEqual(await hit(), ["1", undefined]);
  await change(rules({ response: { set: { "X-A": "2" } } }));
  assert.deepEqual(await hit(), ["2", "PHP"]);
  await change(rules({}));
  assert.deepEqual(await hit(), [undefined, "PHP"]);
});

test("a changed rule for requests forgets what was stored under the old one", async (t) => {
  const { url, change } = await proxy(t, listener, { cache: CACHED });
  await get(`${url}/`);
  await change(rules({ request: { set: { "X-Theme": "dark" } } }));
  const { headers } = await get(`${url}/`);
  assert.match(String(headers["cache-status"]), /uri-miss/);
  assert.equal(JSON.parse(String(headers["x-seen"]))["x-theme"], "dark");
});

test("an answer that varies with a field made up for each client is not stored", async (t) => {
  let vary = "";
  const { url } = await proxy(
    t,
    (_request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      response.setHeader("Vary", vary);
      response.end("x");
    },
    {
      cache: CACHED,
      headers: rules({
        request: { set: { "X-Client": "{client}", "X-Site": "{host}" } },
      }),
    },
  );
  const isHit = async (path: string) => {
    await get(`${url}${path}`);
    const { headers } = await get(`${url}${path}`);
    return /hit/.test(String(headers["cache-status"]));
  };
  vary = "X-Client";
  assert.equal(await isHit("/1"), false);
  vary = "X-Forwarded-For";
  assert.equal(await isHit("/2"), false);
  vary = "X-Site, Accept";
  assert.equal(await isHit("/3"), true);
});

test("header rules hold for the proxy's own answers, which keep their own fields", async (t) => {
  const { url } = await proxy(t, (request) => request.socket.destroy(), {
    headers: rules({
      response: {
        set: { "Cache-Control": "max-age=9", "X-Frame-Options": "DENY" },
      },
    }),
  });
  const { status, headers } = await get(`${url}/`);
  assert.equal(status, 502);
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-frame-options"], "DENY");
});

test("header rules of one service are not those of the next request on its connection", async (t) => {
  const target = await startTarget((_request, response) => response.end("x"));
  t.after(target.close);
  const { plane, port } = await startProxy([
    serviceView([target.view()], {
      definition: {
        hosts: ["a.example"],
        headers: rules({ response: { set: { "X-A": "1" } } }),
      },
    }),
    serviceView([target.view({ service: "b" })], {
      name: "b",
      definition: { hosts: ["b.example"] },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port);
  t.after(() => client.close());
  const one = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  client.send(
    `${one("a.example")}${one("b.example")}${one("c.example")}bad\r\n\r\n`,
  );
  const answers = (await client.all()).split("HTTP/1.1 ").slice(1);
  assert.deepEqual(
    answers.map((text) => [text.slice(0, 3), text.includes("X-A: 1")]),
    [
      ["200", true],
      ["200", false],
      ["404", false],
      ["400", false],
    ],
  );
});

test("a target that is told another Host may name it in Location", async (t) => {
  const { url } = await proxy(
    t,
    (request, response) => {
      response.setHeader("X-Host", String(request.headers.host));
      response.setHeader("Location", "http://inner.example/next");
      response.statusCode = 302;
      response.end();
    },
    { headers: rules({ request: { host: "inner.example" } }) },
  );
  const { headers } = await get(`${url}/`);
  assert.equal(headers["x-host"], "inner.example");
  assert.equal(headers.location, "/next");
});

test("a WebSocket asks with the rules for requests, and is answered as its target says", async (t) => {
  const target = await startTarget(() => {});
  t.after(target.close);
  target.server.on("upgrade", (request, socket) => {
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${String(request.headers["x-a"])}`,
    );
  });
  const { plane, port } = await startProxy([
    serviceView([target.view()], {
      definition: {
        headers: rules({
          request: { set: { "X-A": "1" } },
          response: { set: { "X-B": "2" } },
        }),
      },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port);
  t.after(() => client.close());
  client.send(
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  );
  const text = await client.until((text) => text.endsWith("\r\n\r\n1"));
  assert.match(text, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(text, /X-B/);
});

test("a rule for Strict-Transport-Security stands in place of the proxy's, once, from the store too", async (t) => {
  const { port } = await secureProxy(t, listener, {
    definition: {
      cache: CACHED,
      headers: rules({
        response: { set: { "Strict-Transport-Security": "max-age=7" } },
      }),
    },
    limits: { hstsSeconds: 9 },
  });
  const session = await http2Client(t, port);
  for (const expected of [/fwd=/, /hit/]) {
    const answer = await ask(session, { ":path": "/" });
    assert.match(String(answer.headers["cache-status"]), expected);
    assert.equal(answer.headers["strict-transport-security"], "max-age=7");
    const client = await tlsClient(t, port);
    client.write(
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let text = "";
    for await (const chunk of client) text += String(chunk);
    assert.equal(text.match(/strict-transport/gi)?.length, 1);
  }
});

test("header rules hold for requests that wait for another's answer", async (t) => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  let answer = () => {};
  const { url, plane } = await proxy(
    t,
    (_request, response) => {
      answer = () => {
        response.setHeader("Cache-Control", "max-age=60");
        response.end("x");
      };
      onAsked();
    },
    { cache: CACHED, headers: HARDENED },
  );
  const first = get(`${url}/`, { headers: { host: "h" } });
  await asked;
  const second = get(`${url}/`, { headers: { host: "h" } });
  await eventually(async () => {
    const [worker] = (await plane.stats()).workers;
    assert.equal(worker?.cache?.joined, 1);
  });
  answer();
  for (const { headers } of await Promise.all([first, second]))
    check(headers, "h");
  assert.match(String((await second).headers["cache-status"]), /collapsed/);
});
