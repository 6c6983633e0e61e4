import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { serveDirectory } from "./static-server.ts";
import { asksForPage, couldBePage } from "./site-variants.ts";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function serving(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
  options: { readonly spa?: boolean } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), "zoogate-variants-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), content);
  }
  const server = await serveDirectory({
    dir,
    listen: { host: "127.0.0.1", port: 0 },
    ...options,
  });
  t.after(() => server[Symbol.asyncDispose]());
  return async (
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = "GET",
  ) => {
    const answer = await fetch(
      `http://127.0.0.1:${server.address.port}${path}`,
      {
        headers: { "accept-encoding": "identity", ...headers },
        method,
      },
    );
    const text = await answer.text();
    const field = (name: string) => answer.headers.get(name);
    return { status: answer.status, text, field };
  };
}

const APPLICATION = {
  "index.html": "<h1>application</h1>",
  "404.html": "<h1>nothing here</h1>",
  "app.js": "start()",
  "docs/page.html": "<h1>page</h1>",
};

test("serveDirectory() with `spa` gives the index page for paths that could be pages", async (t) => {
  const ask = await serving(t, APPLICATION, { spa: true });
  for (const path of [
    "/cart",
    "/cart/items/7",
    "/cart/",
    "/docs/",
    "/a?b=c.d",
  ]) {
    const { status, text, field } = await ask(path, HTML);
    assert.equal(`${status} ${text}`, "200 <h1>application</h1>", path);
    assert.equal(field("cache-control"), "no-cache");
    assert.equal(field("vary"), "Accept");
    assert.equal(field("content-type"), "text/html; charset=utf-8");
    // The proxy may store it: it is what this release says.
    assert.match(field("zoogate-cache-control") ?? "", /max-age/);
    const tag = field("etag") ?? "";
    const again = await ask(path, {
      ...HTML,
      "if-none-match": tag,
      "cache-control": "max-age=0", // else fetch() says no-cache
    });
    assert.equal(again.status, 304);
  }
  assert.equal((await ask("/cart", HTML, "HEAD")).status, 200);
  assert.equal((await ask("/app.js", HTML)).text, "start()");
});

test("serveDirectory() with `spa` says 404 for files, hidden names, and who asks for no page", async (t) => {
  const ask = await serving(t, APPLICATION, { spa: true });
  for (const [path, headers] of [
    ["/logo.png", HTML],
    ["/old/app.3f2.js", HTML],
    ["/.env", HTML],
    ["/api/items", { accept: "application/json" }],
    ["/api/items", { accept: "*/*" }],
    ["/cart", { accept: "text/html;q=0, */*" }],
  ] as const) {
    const { status, text, field } = await ask(path, headers);
    assert.equal(`${status} ${text}`, "404 <h1>nothing here</h1>", path);
    if (!path.includes(".")) assert.equal(field("vary"), "Accept");
  }
  assert.equal((await ask("/cart", HTML, "POST")).status, 405);
});

test("serveDirectory() without `spa` gives 404.html, or a page of its own", async (t) => {
  const ask = await serving(t, APPLICATION);
  const missing = await ask("/cart", HTML);
  assert.equal(
    `${missing.status} ${missing.text}`,
    "404 <h1>nothing here</h1>",
  );
  assert.equal(missing.field("vary"), null);
  const bare = await serving(t, { "app.js": "" }, { spa: true });
  const { status, text } = await bare("/cart", HTML);
  assert.equal(status, 404);
  assert.match(text, /404 Not Found/);
});

test("serveDirectory() sends a precompressed sibling to who can read it", async (t) => {
  const script = "start();".repeat(50);
  const [br, gz] = [brotliCompressSync(script), gzipSync(script)];
  const ask = await serving(
    t,
    {
      "index.html": "<h1>home</h1>",
      "index.html.gz": gzipSync("<h1>home</h1>"),
      "app.js": script,
      "app.js.br": br,
      "app.js.gz": gz,
      "plain.css": "p{}",
    },
    { spa: true },
  );
  const tags = new Set<string | null>();
  for (const [accepted, coding, bytes] of [
    ["gzip, br", "br", br],
    ["gzip, br;q=0.5", "gzip", gz],
    ["gzip", "gzip", gz],
    ["zstd", null, script],
    ["identity", null, script],
  ] as const) {
    const { status, text, field } = await ask("/app.js", {
      "accept-encoding": accepted,
    });
    assert.equal(status, 200);
    assert.equal(text, script, "fetch() decodes it");
    assert.equal(field("content-encoding"), coding);
    assert.equal(field("content-length"), String(bytes.length));
    assert.equal(field("content-type"), "text/javascript; charset=utf-8");
    assert.equal(field("vary"), "Accept-Encoding");
    assert.match(field("zoogate-cache-control") ?? "", /max-age/);
    tags.add(field("etag"));
  }
  assert.equal(tags.size, 3, "each has its own strong tag");
  const part = await ask("/app.js", {
    "accept-encoding": "identity",
    range: "bytes=0-4",
  });
  assert.equal(`${part.status} ${part.text}`, "206 start");
  const beyond = await ask("/app.js", {
    "accept-encoding": "gzip",
    range: "bytes=9999-",
  });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.field("content-encoding"), null);
  const plain = await ask("/plain.css", { "accept-encoding": "gzip" });
  assert.equal(plain.field("vary"), null);
  const page = await ask("/cart", { ...HTML, "accept-encoding": "gzip" });
  assert.equal(page.text, "<h1>home</h1>");
  assert.equal(page.field("content-encoding"), "gzip");
  assert.equal(page.field("vary"), "Accept, Accept-Encoding");
});

test("couldBePage() goes by the extension of the last name", () => {
  for (const key of ["index.html", "cart", "v1.2/cart", "cart/index.html"])
    assert.ok(couldBePage(key), key);
  for (const key of ["app.js", "cart/logo.png", "a/b.", "myindex.html"])
    assert.ok(!couldBePage(key), key);
});

test("asksForPage() takes a client at its word (RFC 9110 section 12.5.1)", () => {
  for (const accept of [
    "text/html",
    "a/b, TEXT/HTML;level=1",
    "text/html;q=0.1",
  ])
    assert.ok(asksForPage(accept), accept);
  for (const accept of [
    undefined,
    "",
    "*/*",
    "text/*",
    "text/html;q=0",
    "text/html; q = 0.00",
  ])
    assert.ok(!asksForPage(accept), String(accept));
});
