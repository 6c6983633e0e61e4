import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import type { ServiceDefinition } from "../../src/registry/index.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy } from "./secure-harness.ts";

const EURO = Buffer.from("<p>€", "utf8").toString("latin1");
const SITE = {
  users: [],
  pages: [
    { service: "", name: "404", body: "<p>nothing here" },
    { service: "", name: "5xx", body: EURO },
    { service: "www", name: "502", body: "<p>www is away" },
    { service: "www", name: "500", body: "<p>www is broken" },
    { service: "", name: "4xx", body: `<p>${"x".repeat(200_000)}` },
  ],
};
const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function proxy(
  t: TestContext,
  listener: RequestListener,
  change: Partial<ServiceDefinition> = {},
  site: typeof SITE = SITE,
) {
  const target = await startTarget(listener);
  t.after(target.close);
  const started = await startProxy(
    [
      serviceView([target.view()], {
        definition: { hosts: ["www.example"], ...change },
      }),
      serviceView([], {
        name: "shop",
        definition: {
          hosts: ["shop.example"],
          retry: { ...definition().retry, waitMs: 0 },
        },
      }),
    ],
    { site },
  );
  t.after(() => started.plane.close({ signal: AbortSignal.abort() }));
  const page = async (
    host: string,
    headers: object = BROWSER,
    method = "GET",
  ) => get(`${started.url}/`, { method, headers: { host, ...headers } });
  return { ...started, page };
}

const CUT: RequestListener = (request) => request.socket.destroy();

test("the proxy's own errors have the page of the service, else everybody's, else of the hundred", async (t) => {
  const { page } = await proxy(t, CUT);
  const cases: readonly (readonly [string, number, string])[] = [
    ["www.example", 502, "<p>www is away"],
    ["shop.example", 503, "<p>€"],
    ["other.example", 404, "<p>nothing here"],
  ];
  for (const [host, status, body] of cases) {
    const answer = await page(host);
    assert.equal(answer.status, status);
    assert.equal(answer.body.toString(), body);
    assert.equal(answer.headers["content-type"], "text/html; charset=utf-8");
    assert.equal(answer.headers["cache-control"], "no-store");
    const head = await page(host, BROWSER, "HEAD");
    assert.equal(head.status, status);
    assert.equal(head.body.length, 0);
    assert.equal(
      head.headers["content-length"],
      answer.headers["content-length"],
    );
  }
  const unavailable = await page("shop.example");
  assert.ok(Number(unavailable.headers["retry-after"]) > 0);
  assert.ok(unavailable.headers["proxy-status"] !== undefined);
});

test("an error speaks HTML to browsers, a problem to who takes JSON, else a page or a line", async (t) => {
  const { page } = await proxy(t, CUT);
  const problem = await page("shop.example", { accept: "application/json" });
  assert.equal(problem.headers["content-type"], "application/problem+json");
  assert.deepEqual(JSON.parse(problem.body.toString()), {
    title: "Service Unavailable",
    status: 503,
  });
  assert.equal((await page("shop.example", {})).body.toString(), "<p>€");
  const none = await proxy(t, CUT, {}, { users: [], pages: [] });
  const plain = await none.page("shop.example", { accept: "*/*" });
  assert.equal(plain.body.toString(), "503 Service Unavailable\n");
  assert.equal(plain.headers["content-type"], "text/plain");
  const html = await none.page("shop.example");
  assert.equal(html.headers["content-type"], "text/html; charset=utf-8");
  assert.match(
    html.body.toString(),
    /<html lang="en">[^]*<h1>Service Unavailable<\/h1>/,
  );
});

test("a target's error gives way to a page only where its service wants that and there is one", async (t) => {
  let status = 500;
  const listener: RequestListener = (_request, response) => {
    response.writeHead(status, { "Retry-After": "7" });
    response.end("trace of a program");
  };
  const kept = await proxy(t, listener);
  assert.equal(
    (await kept.page("www.example")).body.toString(),
    "trace of a program",
  );
  const { page } = await proxy(t, listener, { replaceErrors: true });
  const replaced = await page("www.example");
  assert.equal(replaced.status, 500);
  assert.equal(replaced.body.toString(), "<p>www is broken");
  assert.equal(replaced.headers["retry-after"], "7");
  status = 503;
  assert.equal((await page("www.example")).body.toString(), "<p>€");
  status = 404;
  assert.equal(
    (await page("www.example")).body.toString(),
    "trace of a program",
  );
  const none = await proxy(
    t,
    listener,
    { replaceErrors: true },
    { users: [], pages: [] },
  );
  status = 500;
  assert.equal(
    (await none.page("www.example")).body.toString(),
    "trace of a program",
  );
});

test("a page of any size goes out whole, and the next request on its connection is answered", async (t) => {
  const { port } = await proxy(t, (_request, response) => response.end("ok"), {
    path: "/",
  });
  const client = new RawClient(port);
  t.after(() => client.close());
  client.send(
    "TRACE / HTTP/1.1\r\nHost: www.example\r\nAccept: text/html\r\n\r\nGET / HTTP/1.1\r\nHost: www.example\r\n\r\n",
  );
  const text = await client.until((text) => text.endsWith("ok"));
  assert.match(text, /^HTTP\/1\.1 405 /);
  assert.match(text, /xHTTP\/1\.1 200 /);
});

test("pages stand in for errors over HTTP/2 too", async (t) => {
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      response.statusCode = 500;
      response.end("trace");
    },
    { definition: { replaceErrors: true }, site: SITE },
  );
  const session = await http2Client(t, port);
  const answer = await ask(session, { ":path": "/", ...BROWSER });
  assert.equal(answer.status, 500);
  assert.equal(answer.body.toString(), "<p>www is broken");
  const head = await ask(session, { ":path": "/", ":method": "HEAD" });
  assert.equal(head.status, 500);
  assert.equal(head.body.length, 0);
});
