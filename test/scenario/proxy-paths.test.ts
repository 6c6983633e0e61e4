import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ServiceDefinition } from "../../src/registry/index.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  snapshot,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy } from "./secure-harness.ts";

const { cache } = definition();
const CACHED = { ...cache, enabled: true };

/** Answers what it was asked for, and sends to `/next` on `/go`. */
async function echo(t: TestContext) {
  let asked = 0;
  const target = await startTarget((request, response) => {
    asked += 1;
    const { url = "" } = request;
    const [path] = url.split("?");
    if (path?.endsWith("/go") === true) {
      response.writeHead(302, {
        Location: "/next",
        "Cache-Control": "no-store",
      });
      response.end();
      return;
    }
    response.setHeader("Cache-Control", "max-age=60");
    response.setHeader("Vary", "Accept-Language");
    response.setHeader("Content-Location", "/here");
    response.setHeader(
      "X-Prefix",
      String(request.headers["x-forwarded-prefix"] ?? "none"),
    );
    response.end(
      `${request.method} ${url} ${request.headers["accept-language"] ?? ""}`,
    );
  });
  t.after(target.close);
  return { ...target, asked: () => asked };
}

async function proxy(
  t: TestContext,
  target: Awaited<ReturnType<typeof echo>>,
  change: Partial<ServiceDefinition>,
) {
  const view = serviceView([target.view()], { definition: change });
  const started = await startProxy([view]);
  t.after(() => started.plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(started.port);
  t.after(() => client.close());
  return { ...started, view };
}

const STRIPPED = {
  path: "/app",
  paths: { strip: true, rewrite: [], add: "", location: true },
};

test("a service that strips its prefix hears paths without it, and clients hear them with it", async (t) => {
  const target = await echo(t);
  const { url } = await proxy(t, target, STRIPPED);
  const answer = await get(`${url}/app/a/b?c=%2F`, {
    headers: { "x-forwarded-prefix": "/evil" },
  });
  assert.equal(answer.body.toString(), "GET /a/b?c=%2F ");
  assert.equal(answer.headers["x-prefix"], "/app");
  assert.equal(answer.headers["content-location"], "/app/here");
  assert.equal((await get(`${url}/app`)).body.toString(), "GET / ");
  const sent = await get(`${url}/app/go`);
  assert.equal(sent.headers.location, "/app/next");
  const elsewhere = await get(`${url}/else`);
  assert.equal(elsewhere.status, 404);
});

test("a service that strips nothing hears no prefix, not even a stranger's", async (t) => {
  const target = await echo(t);
  const { url } = await proxy(t, target, {});
  const answer = await get(`${url}/a`, {
    headers: { "x-forwarded-prefix": "/evil" },
  });
  assert.equal(answer.headers["x-prefix"], "none");
});

test("a rewritten path is stored under what the client asked, told apart by Vary, and purged so", async (t) => {
  const target = await echo(t);
  const { plane, url } = await proxy(t, target, {
    ...STRIPPED,
    cache: CACHED,
    paths: {
      ...STRIPPED.paths,
      rewrite: [{ from: "/blog/*", to: "/posts/$1" }],
    },
  });
  const ask = async (path: string, language = "en") => {
    const answer = await get(`${url}${path}`, {
      headers: { "accept-language": language, host: "shop.example" },
    });
    const isHit = /; hit/.test(String(answer.headers["cache-status"]));
    return [
      answer.body.toString(),
      isHit,
      answer.headers["content-location"],
    ] as const;
  };
  const english = ["GET /posts/1 en", true, "/app/here"] as const;
  assert.deepEqual(await ask("/app/blog/1"), [
    "GET /posts/1 en",
    false,
    "/app/here",
  ]);
  assert.deepEqual(await ask("/app/blog/1"), english);
  assert.deepEqual(await ask("/app/blog/1", "de"), [
    "GET /posts/1 de",
    false,
    "/app/here",
  ]);
  // The target's own path is another URL.
  assert.equal((await ask("/app/posts/1"))[1], false);
  assert.equal(target.asked(), 3);
  assert.equal(
    await plane.purge({
      kind: "url",
      service: "www",
      host: "shop.example",
      target: "/app/blog/1",
    }),
    2,
  );
  assert.equal((await ask("/app/blog/1"))[1], false);
  assert.deepEqual(await ask("/app/posts/1"), english);
});

test("an answer to POST drops what its Location names, as clients know it", async (t) => {
  const target = await startTarget((request, response) => {
    if (request.method === "POST") response.setHeader("Location", "/list");
    else response.setHeader("Cache-Control", "max-age=60");
    response.end("x");
  });
  t.after(target.close);
  const { plane, url } = await startProxy([
    serviceView([target.view()], {
      definition: { ...STRIPPED, cache: CACHED },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const isHit = async () =>
    /; hit/.test(
      String((await get(`${url}/app/list`)).headers["cache-status"]),
    );
  assert.equal(await isHit(), false);
  assert.equal(await isHit(), true);
  const posted = await get(`${url}/app/form`, { method: "POST" });
  assert.equal(posted.headers.location, "/app/list");
  assert.equal(await isHit(), false);
});

test("a changed path rule forgets what was stored under the old one; a changed Location takes effect on it", async (t) => {
  const target = await echo(t);
  const { plane, url, view } = await proxy(t, target, {
    ...STRIPPED,
    cache: CACHED,
  });
  const change = async (paths: Partial<ServiceDefinition["paths"]>) => {
    const changed = definition({
      ...STRIPPED,
      cache: CACHED,
      paths: { ...STRIPPED.paths, ...paths },
    });
    plane.replace(snapshot({ ...view, definition: changed }));
    await plane.applied();
  };
  await get(`${url}/app/a`);
  await change({ location: false });
  const hit = await get(`${url}/app/a`);
  assert.match(String(hit.headers["cache-status"]), /; hit/);
  assert.equal(hit.headers["content-location"], "/here");
  await change({ add: "/v2" });
  const anew = await get(`${url}/app/a`);
  assert.equal(anew.body.toString(), "GET /v2/a ");
});

test("paths that could lead past a prefix are answered with 400, and no target hears of them", async (t) => {
  const target = await echo(t);
  const admin = await echo(t);
  const { plane, port } = await startProxy([
    serviceView([target.view()], {}),
    serviceView([admin.view({ service: "admin" })], {
      name: "admin",
      definition: { path: "/admin", paths: STRIPPED.paths },
    }),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  for (const path of [
    "/x/../admin",
    "/%61dmin",
    "//admin",
    "/admin;x/y",
    "/x/..;/admin",
    "/admin/%2e%2e/x",
    "/admin%2f..%2fx",
  ]) {
    const client = new RawClient(port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    const answer = await client.all();
    assert.match(answer, /^HTTP\/1\.1 400 /, path);
    assert.match(answer, /details="doubtful-path"/);
  }
  assert.equal(target.asked() + admin.asked(), 0);
});

test("redirects answer before targets and store, over HTTP/1.1 and HTTP/2", async (t) => {
  const definition = {
    cache: CACHED,
    redirects: [
      {
        scheme: undefined,
        host: "localhost",
        path: "/old/*",
        to: "https://new.example/$1",
        status: 301,
        query: true,
      },
    ],
  } as const satisfies Partial<ServiceDefinition>;
  const { port } = await secureProxy(
    t,
    (request, response) => response.end(request.url),
    { definition },
  );
  const session = await http2Client(t, port);
  const answer = await ask(session, { ":path": "/old/a?b=1" });
  assert.equal(answer.status, 301);
  assert.equal(answer.headers.location, "https://new.example/a?b=1");
  assert.equal((await ask(session, { ":path": "/new" })).status, 200);
});

test("a rewritten path reaches the target by HTTP/2 as by HTTP/1.1, from the store too", async (t) => {
  const { port } = await secureProxy(
    t,
    (request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      response.setHeader("Content-Location", "/here");
      response.end(request.url);
    },
    { definition: { ...STRIPPED, cache: CACHED } },
  );
  const session = await http2Client(t, port);
  for (const expected of [/fwd=uri-miss/, /; hit/]) {
    const answer = await ask(session, { ":path": "/app/x?y" });
    assert.equal(answer.body.toString(), "/x?y");
    assert.equal(answer.headers["content-location"], "/app/here");
    assert.match(String(answer.headers["cache-status"]), expected);
  }
  const refused = await ask(session, { ":path": "/app/../x" });
  assert.equal(refused.status, 400);
});
