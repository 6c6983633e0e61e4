import assert from "node:assert/strict";
import {
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type JournalRecord } from "../base/index.ts";
import { serveDirectory, type StaticServer } from "./static-server.ts";
import { TargetError } from "./target-error.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface AskOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

interface Stage {
  readonly dir: string;
  readonly server: StaticServer;
  readonly journal: JournalRecord[];
  readonly get: (path: string, options?: AskOptions) => Promise<Answer>;
  /** The next release after the given one. */
  readonly releaseAfter: (release: string) => Promise<string>;
}

const FILES = {
  "index.html": "<h1>home</h1>",
  "style.css": "body{}",
  "docs/index.html": "<h1>docs</h1>",
  "docs/a b.txt": "0123456789",
  ".env": "secret",
  ".git/config": "secret",
  ".well-known/security.txt": "contact",
};

async function folder(
  t: TestContext,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "zoogate-site-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await fill(dir, files);
  return dir;
}

async function fill(
  dir: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(dir, name, ".."), { recursive: true });
    await writeFile(join(dir, name), content);
  }
}

async function stage(
  t: TestContext,
  dir: string,
  release?: string,
): Promise<Stage> {
  const journal: JournalRecord[] = [];
  const server = await serveDirectory({
    dir,
    listen: { host: "127.0.0.1", port: 0 },
    release,
    journal: (record) => void journal.push(record),
  });
  t.after(() => server[Symbol.asyncDispose]());
  return {
    dir,
    server,
    journal,
    get: (path, options = {}) => ask(server.address.port, path, options),
    async releaseAfter(before) {
      for await (const { release: name } of server.releases()) {
        if (name !== before) return name;
      }
      throw new Error("The server was closed");
    },
  };
}

function ask(port: number, path: string, options: AskOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port, path, agent: false, ...options },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

/** Sends bytes as they stand: clients tidy paths up before they send them. */
function askRaw(port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
  });
}

function release(answer: Answer): string {
  const value = answer.headers["zoogate-release"];
  assert.equal(typeof value, "string");
  return String(value);
}

function code(expected: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof TargetError &&
    error.code === expected &&
    !error.message.includes("\n");
}

describe("serveDirectory()", () => {
  it("serveDirectory() answers files, index pages and types", async (t) => {
    const { get } = await stage(t, await folder(t, FILES));
    const home = await get("/");
    assert.equal(home.status, 200);
    assert.equal(home.body.toString(), "<h1>home</h1>");
    assert.equal(home.headers["content-type"], "text/html; charset=utf-8");
    assert.equal(home.headers["zoogate-cache-control"], "public, max-age=120");
    assert.equal(home.headers["cache-control"], "no-cache");
    assert.match(release(home), /^[0-9a-f]{16}$/u);
    const text = await get("/docs/a%20b.txt?version=2");
    assert.equal(text.body.toString(), "0123456789");
    assert.equal(text.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal((await get("/docs/")).body.toString(), "<h1>docs</h1>");
  });

  it("serveDirectory() keeps the query and never names a host when it adds a slash", async (t) => {
    const { get, server } = await stage(t, await folder(t, FILES));
    const answer = await get("/docs?a=1");
    assert.equal(answer.status, 301);
    assert.equal(answer.headers["location"], "/docs/?a=1");
    assert.equal(answer.headers["zoogate-cache-control"], "no-store");
    const raw = await askRaw(server.address.port, "//docs");
    assert.match(raw, /\r\nLocation: \/docs\/\r\n/u);
  });

  it("serveDirectory() sends an entity tag of the content: 304, 412, If-Range", async (t) => {
    const { get } = await stage(t, await folder(t, FILES));
    const tag = String((await get("/style.css")).headers["etag"]);
    assert.match(tag, /^"[0-9a-f]{32}"$/u);
    const same = await get("/style.css", { headers: { "if-none-match": tag } });
    assert.equal(same.status, 304);
    assert.equal(same.headers["etag"], tag);
    assert.match(release(same), /^[0-9a-f]{16}$/u);
    const failed = await get("/style.css", { headers: { "if-match": '"x"' } });
    assert.equal(failed.status, 412);
    assert.equal(failed.headers["zoogate-cache-control"], "no-store");
    const part = { range: "bytes=0-1", "if-range": tag };
    assert.equal((await get("/style.css", { headers: part })).status, 206);
    const weak = { range: "bytes=0-1", "if-range": `W/${tag}` };
    assert.equal((await get("/style.css", { headers: weak })).status, 200);
  });

  it("serveDirectory() answers ranges", async (t) => {
    const { get } = await stage(t, await folder(t, FILES));
    const path = "/docs/a%20b.txt";
    const middle = await get(path, { headers: { range: "bytes=2-4" } });
    assert.equal(middle.status, 206);
    assert.equal(middle.headers["content-range"], "bytes 2-4/10");
    assert.equal(middle.body.toString(), "234");
    const last = await get(path, { headers: { range: "bytes=-3" } });
    assert.equal(last.body.toString(), "789");
    const beyond = await get(path, { headers: { range: "bytes=20-" } });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers["content-range"], "bytes */10");
  });

  it("serveDirectory() answers HEAD as GET without the content, and 405 to the rest", async (t) => {
    const { get } = await stage(t, await folder(t, FILES));
    const head = await get("/docs/a%20b.txt", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], "10");
    assert.equal(head.body.length, 0);
    const post = await get("/", { method: "POST" });
    assert.equal(post.status, 405);
    assert.equal(post.headers["allow"], "GET, HEAD");
  });

  it("serveDirectory() answers 404 with the site's own page where there is one", async (t) => {
    const { get, dir, releaseAfter } = await stage(t, await folder(t, FILES));
    const plain = await get("/nothing");
    assert.equal(plain.status, 404);
    assert.match(plain.body.toString(), /404 Not Found/u);
    assert.equal(plain.headers["zoogate-cache-control"], "public, max-age=120");
    await writeFile(join(dir, "404.html"), "lost");
    await releaseAfter(release(plain));
    const own = await get("/nothing");
    assert.equal(own.status, 404);
    assert.equal(own.body.toString(), "lost");
    assert.equal(own.headers["etag"], undefined);
  });

  it("serveDirectory() serves no names that begin with a dot, but /.well-known/ (RFC 8615)", async (t) => {
    const { get } = await stage(t, await folder(t, FILES));
    for (const path of ["/.env", "/.git/config", "/%2eenv", "/docs/../.env"])
      assert.equal((await get(path)).status, 404, path);
    const known = await get("/.well-known/security.txt");
    assert.equal(known.body.toString(), "contact");
  });

  it("serveDirectory() lets nobody out of the directory", async (t) => {
    const outside = await folder(t, { "secret.txt": "secret" });
    const dir = await folder(t, FILES);
    await symlink(join(outside, "secret.txt"), join(dir, "link.txt"));
    await symlink(outside, join(dir, "out"));
    await symlink(join(dir, ".git"), join(dir, "git"));
    await symlink("/dev/zero", join(dir, "zero"));
    const { server, get } = await stage(t, dir);
    const { port } = server.address;
    const targets = [
      "/link.txt",
      "/out/secret.txt",
      "/git/config",
      "/zero",
      "/../secret.txt",
      `/..%2f${outside.split("/").pop()}/secret.txt`,
      "/docs/..%2f..%2f..%2f..%2fetc/passwd",
      "http://localhost/../../etc/passwd",
    ];
    for (const target of targets) {
      const raw = await askRaw(port, target);
      assert.match(raw, /^HTTP\/1\.1 404 /u, target);
      assert.doesNotMatch(raw, /secret\n|root:/u, target);
    }
    for (const target of ["/%00", "/%", "/%ff"])
      assert.match(await askRaw(port, target), /^HTTP\/1\.1 400 /u, target);
    assert.equal((await get("/docs/")).status, 200);
  });

  it("serveDirectory() follows links that stay inside", async (t) => {
    const dir = await folder(t, FILES);
    await symlink("docs", join(dir, "latest"));
    await symlink("..", join(dir, "docs", "up"));
    const { get } = await stage(t, dir);
    const linked = await get("/latest/a%20b.txt");
    assert.equal(linked.body.toString(), "0123456789");
    assert.match(release(linked), /^[0-9a-f]{16}$/u);
  });

  it("serveDirectory() names equal contents equally, whatever their times", async (t) => {
    const one = await stage(t, await folder(t, FILES));
    const two = await stage(t, await folder(t, FILES));
    const other = await stage(t, await folder(t, { ...FILES, "x.txt": "" }));
    const name = release(await one.get("/"));
    assert.equal(release(await two.get("/")), name);
    assert.notEqual(release(await other.get("/")), name);
  });

  it("serveDirectory() names a new release when the content changes, and the old one when it returns", async (t) => {
    const { dir, get, releaseAfter } = await stage(t, await folder(t, FILES));
    const first = release(await get("/"));
    // As editors do: a new file is renamed over the old one.
    await writeFile(join(dir, ".index.swp"), "<h1>new</h1>");
    await rename(join(dir, ".index.swp"), join(dir, "index.html"));
    const second = await releaseAfter(first);
    const answer = await get("/");
    assert.equal(answer.body.toString(), "<h1>new</h1>");
    assert.equal(release(answer), second);
    await writeFile(join(dir, "index.html"), FILES["index.html"]);
    assert.equal(await releaseAfter(second), first);
  });

  it("serveDirectory() notices changes in directories that come later", async (t) => {
    const { dir, get, releaseAfter } = await stage(t, await folder(t, FILES));
    const first = release(await get("/"));
    await fill(dir, { "new/deep/page.txt": "1" });
    const second = await releaseAfter(first);
    assert.equal(release(await get("/new/deep/page.txt")), second);
    await writeFile(join(dir, "new/deep/page.txt"), "2");
    const third = await releaseAfter(second);
    await rm(join(dir, "new"), { recursive: true });
    assert.equal(await releaseAfter(third), first);
    assert.equal((await get("/new/deep/page.txt")).status, 404);
  });

  it("serveDirectory() lets nothing be stored that the named release does not hold", async (t) => {
    const { dir, get, releaseAfter } = await stage(t, await folder(t, FILES));
    const first = release(await get("/style.css"));
    await writeFile(join(dir, "style.css"), "body{color:red}");
    await writeFile(join(dir, "added.txt"), "added");
    await rm(join(dir, "docs"), { recursive: true });
    for (const path of ["/style.css", "/added.txt", "/docs/a%20b.txt"]) {
      const between = await get(path);
      assert.equal(between.headers["zoogate-cache-control"], "no-store", path);
      assert.equal(between.headers["zoogate-release"], undefined, path);
    }
    const untouched = await get("/");
    assert.equal(release(untouched), first);
    const second = await releaseAfter(first);
    for (const path of ["/style.css", "/added.txt", "/docs/a%20b.txt"])
      assert.equal(release(await get(path)), second, path);
  });

  it("serveDirectory() switches as a whole when DIR is a link that is swapped", async (t) => {
    const home = await folder(t, {
      "one/index.html": "one",
      "two/index.html": "two",
    });
    await symlink("one", join(home, "current"));
    const { get, releaseAfter } = await stage(t, join(home, "current"));
    const first = release(await get("/"));
    await symlink("two", join(home, "next"));
    await rename(join(home, "next"), join(home, "current"));
    const second = await releaseAfter(first);
    const answer = await get("/");
    assert.equal(answer.body.toString(), "two");
    assert.equal(release(answer), second);
  });

  it("serveDirectory() keeps its release while a build empties the directory", async (t) => {
    const dir = await folder(t, { "index.html": "one" });
    const { get, journal, releaseAfter } = await stage(t, dir);
    const first = release(await get("/"));
    await rm(dir, { recursive: true });
    await mkdir(dir);
    const during = await get("/");
    assert.equal(during.status, 404);
    assert.equal(during.headers["zoogate-cache-control"], "no-store");
    await writeFile(join(dir, "index.html"), "two");
    const second = await releaseAfter(first);
    assert.equal(release(await get("/")), second);
    assert.ok(journal.every(({ level }) => level !== "error"));
  });

  it("serveDirectory() names later content after a given release and its digest", async (t) => {
    const { dir, get, releaseAfter } = await stage(
      t,
      await folder(t, FILES),
      "v1",
    );
    assert.equal(release(await get("/")), "v1");
    await writeFile(join(dir, "index.html"), "changed");
    assert.match(await releaseAfter("v1"), /^v1\+[0-9a-f]{16}$/u);
  });

  it("serveDirectory() streams large files, whole and in parts", async (t) => {
    const large = Buffer.alloc(3_000_000);
    for (let at = 0; at < large.length; at += 4) large.writeInt32LE(at, at);
    const dir = await folder(t, { "large.bin": large });
    const { get } = await stage(t, dir);
    assert.ok((await get("/large.bin")).body.equals(large));
    const part = await get("/large.bin", {
      headers: { range: "bytes=999999-2000000" },
    });
    assert.ok(part.body.equals(large.subarray(999_999, 2_000_001)));
    const head = await get("/large.bin", { method: "HEAD" });
    assert.equal(head.headers["content-length"], "3000000");
  });

  it("serveDirectory() cuts an answer whose file changes while it is sent", async (t) => {
    const dir = await folder(t, { "large.bin": Buffer.alloc(32_000_000, "a") });
    const { server } = await stage(t, dir);
    const socket = connect(server.address.port, "127.0.0.1");
    let bytes = 0;
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.write("GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    await truncate(join(dir, "large.bin"), 31_999_999);
    socket.on("data", (chunk) => (bytes += chunk.length));
    socket.resume();
    await closed;
    assert.ok(bytes < 32_000_000, `${bytes} bytes came`);
  });

  it("serveDirectory() finishes answers under way when it closes", async (t) => {
    const dir = await folder(t, { "large.bin": Buffer.alloc(32_000_000, "a") });
    const { server } = await stage(t, dir);
    const bytes = Promise.withResolvers<number>();
    await new Promise<void>((resolve, reject) => {
      const asked = request(
        { port: server.address.port, path: "/large.bin", agent: false },
        (response) => {
          let count = 0;
          response.on("data", (chunk: Buffer) => (count += chunk.length));
          response.on("end", () => bytes.resolve(count));
          response.on("error", bytes.reject);
          resolve();
        },
      );
      asked.on("error", reject);
      asked.end();
    });
    await server.close();
    assert.equal(await bytes.promise, 32_000_000);
    await server.close();
  });

  it("serveDirectory() says Connection: close once it hangs up", async (t) => {
    const { server, get } = await stage(t, await folder(t, FILES));
    server.hangUp();
    assert.equal((await get("/")).headers["connection"], "close");
  });

  it("serveDirectory() refuses what it cannot serve in one line", async (t) => {
    const dir = await folder(t, FILES);
    const listen = { host: "127.0.0.1", port: 0 };
    await assert.rejects(
      serveDirectory({ dir: join(dir, "none"), listen }),
      code("unreadable-directory"),
    );
    await assert.rejects(
      serveDirectory({ dir: join(dir, "style.css"), listen }),
      code("unreadable-directory"),
    );
    await using first = await serveDirectory({ dir, listen });
    await assert.rejects(
      serveDirectory({ dir, listen: first.address }),
      code("address-in-use"),
    );
  });
});
