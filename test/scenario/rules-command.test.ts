/** The rules of services as their users write them: zoogate.yaml, the real command, SIGHUP. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { RunningCommand, runCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";

const BIN = join(import.meta.dirname, "..", "..", "src", "cli", "bin.ts");

/** A folder with a configuration file, both gone at the end. */
async function ground(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-rules-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "zoogate.yaml");
  return {
    folder,
    file,
    write: (text: string) =>
      writeFile(
        file,
        `zookeeper: none\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\nworkers: 2\ndata: state\n${text}`,
      ),
    start: async () => {
      const proxy = new RunningCommand(["proxy", "--config", file]);
      t.after(() => proxy[Symbol.asyncDispose]());
      return { proxy, url: urlOf(await proxy.ready()) };
    },
  };
}

/** A plain server; answers its URL. */
async function target(t: TestContext, listener: RequestListener) {
  const server = createServer(listener);
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return `http://127.0.0.1:${address.port}`;
}

test("zoogate proxy rewrites and redirects as the file says, and otherwise after SIGHUP", async (t) => {
  const place = await ground(t);
  const url = await target(t, (request, response) => {
    response.end(request.url);
  });
  const services = (add: string) => `services:
  shop:
    path: /shop
    paths:
      strip: true
      add: ${add}
      rewrite:
        - {from: /item/*, to: /items/$1}
    redirects:
      - {path: /shop/old/*, to: /shop/new/$1, status: 301}
      - {host: www.example.org, to: "https://example.org/$1"}
    targets: ["${url}"]
`;
  await place.write(services("/v1"));
  const { proxy, url: front } = await place.start();
  const item = async () =>
    (await get(`${front}/shop/item/7?x`)).body.toString();
  assert.equal(await item(), "/v1/items/7?x");
  const moved = await get(`${front}/shop/old/a?b`);
  assert.equal(moved.status, 301);
  assert.equal(moved.headers.location, "/shop/new/a?b");
  const bare = await get(`${front}/shop/a`, {
    headers: { host: "www.example.org" },
  });
  assert.equal(bare.status, 302);
  assert.equal(bare.headers.location, "https://example.org/shop/a");
  await place.write(services("/v2"));
  proxy.child.kill("SIGHUP");
  await eventually(async () => assert.equal(await item(), "/v2/items/7?x"));
});

test("zoogate proxy says where a rule is wrong, by file, line and column", async (t) => {
  const place = await ground(t);
  await place.write(`services:
  shop:
    paths:
      rewrite:
        - {from: /a/*, to: /$2}
        - {from: /b, too: /c}
    targets: ["http://127.0.0.1:1"]
  blog:
    redirects: [{to: "https://example.org/$1", status: 200}]
    targets: ["http://127.0.0.1:1"]
  wiki:
    redirects: {to: /x}
    targets: ["http://127.0.0.1:1"]
  news:
    paths: {rewrite: [{from: /a/*, to: /$2}]}
    targets: ["http://127.0.0.1:1"]
`);
  const { code, stderr } = await runCommand([
    "proxy",
    "--config",
    place.file,
    "--check-config",
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /:11:22: Cannot use services\.shop\.paths\.rewrite\.1\.too: there is no such key, known are from, to/,
  );
  assert.match(
    stderr,
    /:14:56: Cannot use services\.blog\.redirects\.0\.status: /,
  );
  assert.match(
    stderr,
    /:17:16: Cannot use services\.wiki\.redirects: it should be a list/,
  );
  assert.match(
    stderr,
    /:20:40: Cannot use services\.news\.paths\.rewrite\.0\.to: "\/\$2"/,
  );
});

test("zoogate proxy sets and removes fields as the file says, and says which are not for that", async (t) => {
  const place = await ground(t);
  const url = await target(t, (request, response) => {
    response.setHeader("X-Powered-By", "PHP");
    response.end(JSON.stringify(request.headers));
  });
  const services = (name: string) => `services:
  shop:
    headers:
      request: {set: {${name}: "{client}"}, host: "{target}"}
      response: {remove: [X-Powered-By], add: {X-Frame-Options: DENY}}
    targets: ["${url}"]
`;
  await place.write(services("X-Client"));
  const { url: front } = await place.start();
  const { headers, body } = await get(`${front}/`);
  assert.equal(headers["x-powered-by"], undefined);
  assert.equal(headers["x-frame-options"], "DENY");
  const seen = JSON.parse(body.toString());
  assert.equal(seen["x-client"], "127.0.0.1");
  assert.equal(`http://${seen.host}`, url);
  await place.write(services("Content-Length"));
  const { code, stderr } = await runCommand([
    "proxy",
    "--config",
    place.file,
    "--check-config",
  ]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /:9:\d+: Cannot use services\.shop\.headers\.request\.set\.Content-Length: "Content-Length" cannot be changed here/,
  );
});

test("zoogate proxy asks for the passwords that zoogate password hashed, as long as they stand in the file", async (t) => {
  const place = await ground(t);
  const made = spawnSync(process.execPath, [BIN, "password", "ann"], {
    input: "se:cret\nnot read",
    encoding: "utf8",
  });
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^ann:\$scrypt\$ln=15,r=8,p=3\$\S+\n$/);
  const url = await target(t, (_request, response) => response.end("in"));
  const users = join(place.folder, "staff.users");
  await writeFile(users, made.stdout);
  await place.write(`users: {staff: staff.users}
services:
  shop:
    auth: {users: staff, realm: Shop}
    targets: ["${url}"]
  wiki:
    hosts: [wiki.example]
    auth: {users: editors}
    targets: ["${url}"]
`);
  const { proxy, url: front } = await place.start();
  const statusOf = async (password: string, host = "shop.example") => {
    const authorization = `Basic ${Buffer.from(`ann:${password}`).toString("base64")}`;
    return (await get(`${front}/`, { headers: { authorization, host } }))
      .status;
  };
  assert.equal(await statusOf("se:cret"), 200);
  assert.equal(await statusOf("secret"), 401);
  assert.equal(await statusOf("se:cret", "wiki.example"), 503);
  assert.match(proxy.stderr, /Nobody gets in to wiki: .* editors/);
  await writeFile(users, "ann:$2y$05$abc\n");
  proxy.child.kill("SIGHUP");
  await eventually(async () => assert.equal(await statusOf("se:cret"), 401));
  await proxy.until(
    () => /staff\.users: line 1: .* of ann: it is bcrypt/.test(proxy.stderr),
    "what is wrong with the line",
  );
  await rm(users);
  proxy.child.kill("SIGHUP");
  await eventually(async () => assert.equal(await statusOf("se:cret"), 503));
});

test("zoogate password takes no empty password and no name with a colon", () => {
  for (const [name, input] of [
    ["ann", "\n"],
    ["ann", ""],
    ["a:b", "secret"],
    ["ann", "x".repeat(600)],
  ] as const) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [BIN, "password", name],
      { input, encoding: "utf8" },
    );
    assert.equal(status, 1, name);
    assert.equal(stdout, "");
    assert.match(stderr, /Cannot /);
  }
});

test("zoogate proxy answers errors with the pages of a folder, and with new ones after SIGHUP", async (t) => {
  const place = await ground(t);
  const pages = join(place.folder, "pages");
  await mkdir(join(pages, "shop"), { recursive: true });
  await writeFile(join(pages, "404.html"), "<h1>Nothing");
  await writeFile(join(pages, "shop", "5xx.html"), "<h1>Shop is closed");
  const url = await target(t, (_request, response) => {
    response.statusCode = 500;
    response.end("trace");
  });
  await place.write(`errorPages: pages
services:
  shop:
    hosts: [shop.example]
    replaceErrors: true
    targets: ["${url}"]
`);
  const { proxy, url: front } = await place.start();
  const page = async (host: string) =>
    (await get(`${front}/`, { headers: { host } })).body.toString();
  assert.equal(await page("shop.example"), "<h1>Shop is closed");
  assert.equal(await page("other.example"), "<h1>Nothing");
  await writeFile(join(pages, "404.html"), "<h1>Still nothing");
  proxy.child.kill("SIGHUP");
  await eventually(async () =>
    assert.equal(await page("other.example"), "<h1>Still nothing"),
  );
});
