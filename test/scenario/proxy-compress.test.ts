/** Answers compressed on their way to clients. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import { startCommand, urlOf } from "../support/command.ts";
import { decoded, textOf } from "../support/codings.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy } from "./secure-harness.ts";

const AT_ONCE = { signal: AbortSignal.abort() };
const { cache, compress } = definition();
const ON = { compress: { ...compress, enabled: true } };
const ON_CACHED = { ...ON, cache: { ...cache, enabled: true } };
const TEXT = "One line of a text that can be made much smaller.\n".repeat(100);
/** Longer than what is gathered. */
const LONG = TEXT.repeat(40);

async function behind(
  t: TestContext,
  listener: RequestListener,
  options: Partial<DataPlaneOptions> & {
    readonly definition?: Parameters<typeof definition>[0];
  } = {},
) {
  const { definition: change = ON, ...plane } = options;
  const target = await startTarget(listener);
  t.after(target.close);
  const proxy = await startProxy(
    [serviceView([target.view()], { definition: change })],
    plane,
  );
  t.after(() => proxy.plane.close(AT_ONCE));
  const fetchAs = (
    acceptEncoding: string | undefined,
    path = "/",
    more: Parameters<typeof get>[1] = {},
  ) =>
    get(proxy.url + path, {
      ...more,
      headers: {
        ...more.headers,
        ...(acceptEncoding === undefined
          ? {}
          : { "Accept-Encoding": acceptEncoding }),
      },
    });
  return { ...proxy, target, fetchAs };
}

/** Answers with a text and these fields. */
function answerText(text: string, fields: Readonly<Record<string, string>>) {
  return (_request: unknown, response: ServerResponse) => {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    for (const [name, value] of Object.entries(fields))
      response.setHeader(name, value);
    response.setHeader("Content-Length", Buffer.byteLength(text));
    response.end(text);
  };
}

for (const [length, text] of [
  ["short", TEXT],
  ["middling", TEXT.repeat(8)],
  ["long", LONG],
] as const)
  test(`startDataPlane() compresses a ${length} answer with the coding that its client likes best`, async (t) => {
    const { fetchAs } = await behind(
      t,
      answerText(text, {
        ETag: '"1"',
        "Accept-Ranges": "bytes",
        "Content-Digest": "sha-256=:AAAA:",
        Vary: "Accept",
      }),
    );
    for (const [accepted, coding] of [
      ["gzip", "gzip"],
      ["gzip, deflate, br", "br"],
      ["gzip, deflate, br, zstd", "zstd"],
      ["br;q=0.5, gzip", "gzip"],
    ] as const) {
      const answer = await fetchAs(accepted);
      const { headers } = answer;
      assert.equal(answer.status, 200);
      assert.equal(headers["content-encoding"], coding);
      assert.equal(headers.etag, 'W/"1"');
      assert.equal(headers.vary, "Accept, Accept-Encoding");
      assert.equal(headers["accept-ranges"], undefined);
      assert.equal(headers["content-digest"], undefined);
      const told = headers["content-length"];
      if (length === "long") assert.equal(told, undefined);
      else assert.equal(told, String(answer.body.length));
      assert.ok(answer.body.length < text.length / 5);
      assert.equal(textOf(answer), text);
    }
    for (const accepted of [undefined, "", "identity", "gzip;q=0", "deflate"]) {
      const { headers, body } = await fetchAs(accepted);
      assert.equal(headers["content-encoding"], undefined);
      assert.equal(headers.etag, '"1"');
      assert.equal(headers.vary, "Accept, Accept-Encoding");
      assert.equal(headers["accept-ranges"], "bytes");
      assert.equal(body.toString(), text);
    }
  });

test("startDataPlane() leaves alone what must not or need not be compressed", async (t) => {
  const cases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "/png": { "Content-Type": "image/png" },
    "/no-type": {},
    "/events": { "Content-Type": "text/event-stream" },
    "/coded": { "Content-Type": "text/css", "Content-Encoding": "gzip" },
    "/forbidden": {
      "Content-Type": "text/css",
      "Cache-Control": "public, No-Transform",
    },
    "/part": { "Content-Type": "text/css", "Content-Range": "bytes 0-9/10" },
  };
  const { fetchAs, port } = await behind(t, (request, response) => {
    const path = request.url ?? "";
    response.statusCode = path === "/part" ? 206 : 200;
    for (const [name, value] of Object.entries(cases[path] ?? {}))
      response.setHeader(name, value);
    if (path === "/small" || path === "/asked" || path === "/1.0")
      response.setHeader("Content-Type", "text/plain");
    response.end(path === "/small" ? "few" : TEXT);
  });
  for (const path of Object.keys(cases)) {
    const { headers, body } = await fetchAs("gzip", path);
    assert.equal(
      headers["content-encoding"],
      cases[path]?.["Content-Encoding"],
      path,
    );
    assert.equal(headers.vary, undefined, path);
    assert.equal(body.toString(), TEXT, path);
  }
  const small = await fetchAs("gzip", "/small");
  assert.equal(small.headers["content-encoding"], undefined);
  const asked = await fetchAs("gzip", "/asked", {
    headers: { "Cache-Control": "no-transform" },
  });
  assert.equal(asked.headers["content-encoding"], undefined);
  const old = new RawClient(port).send(
    "GET /1.0 HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
  );
  assert.doesNotMatch(await old.all(), /content-encoding/i);
});

test("startDataPlane() compresses types that the service names, and none while it is off", async (t) => {
  const listener = answerText(TEXT, { "Content-Type": "model/obj" });
  const named = await behind(t, listener, {
    definition: { compress: { ...ON.compress, types: ["model/obj"] } },
  });
  const { headers } = await named.fetchAs("gzip");
  assert.equal(headers["content-encoding"], "gzip");
  const off = await behind(t, answerText(TEXT, {}), { definition: {} });
  const plain = await off.fetchAs("gzip");
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.equal(plain.headers.vary, undefined);
});

test("startDataPlane() sends as it is what does not get smaller", async (t) => {
  const body = randomBytes(2000);
  const { fetchAs } = await behind(t, (_request, response) => {
    response.setHeader("Content-Type", "text/plain");
    response.setHeader("Content-Length", body.length);
    response.setHeader("ETag", '"n"');
    response.end(body);
  });
  const answer = await fetchAs("gzip");
  assert.equal(answer.headers["content-encoding"], undefined);
  assert.equal(answer.headers.etag, '"n"');
  assert.equal(answer.headers.vary, "Accept-Encoding");
  assert.ok(answer.body.equals(body));
});

test("startDataPlane() answers HEAD with the fields of GET", async (t) => {
  const { fetchAs } = await behind(t, answerText(LONG, { ETag: '"1"' }));
  const got = await fetchAs("br");
  const head = await fetchAs("br", "/", { method: "HEAD" });
  assert.equal(head.body.length, 0);
  for (const name of ["content-encoding", "content-length", "etag", "vary"])
    assert.equal(head.headers[name], got.headers[name], name);
});

test("startDataPlane() stores what it compressed, once for all clients that would get it", async (t) => {
  let asked = 0;
  const { fetchAs } = await behind(
    t,
    (request, response) => {
      asked += 1;
      if (String(request.headers["if-none-match"]).includes('"1"')) {
        response.statusCode = 304;
        response.setHeader("ETag", '"1"');
        response.setHeader("Vary", "Accept");
        response.setHeader("Cache-Control", "max-age=60");
        response.end();
        return;
      }
      const life = request.url === "/stale" ? 0 : 60;
      answerText(request.url === "/long" ? LONG : TEXT, {
        ETag: '"1"',
        "Cache-Control": `max-age=${life}`,
      })(request, response);
    },
    { definition: ON_CACHED },
  );
  for (const path of ["/", "/long"]) {
    asked = 0;
    const chrome = await fetchAs("gzip, deflate, br", path);
    const other = await fetchAs("br;q=1.0, gzip;q=0.8, *;q=0.1", path);
    assert.equal(asked, 1, path);
    assert.match(String(other.headers["cache-status"]), /; hit/);
    assert.equal(other.headers["content-encoding"], "br");
    assert.ok(other.body.equals(chrome.body));
    assert.equal(other.headers["content-length"], String(other.body.length));
    await fetchAs("gzip", path);
    assert.equal(asked, 2, "another coding is another answer");
    const unmodified = await fetchAs("br", path, {
      headers: { "If-None-Match": 'W/"1"' },
    });
    assert.equal(unmodified.status, 304);
    assert.equal(unmodified.headers.etag, 'W/"1"');
    assert.equal(asked, 2);
    // A part is of what is not compressed, whatever the client accepts.
    await fetchAs(undefined, path);
    const part = await fetchAs("br", path, { headers: { Range: "bytes=4-7" } });
    assert.equal(asked, 3);
    assert.equal(part.status, 206);
    assert.equal(part.body.toString(), TEXT.slice(4, 8));
  }
  asked = 0;
  const first = await fetchAs("gzip", "/stale");
  const refreshed = await fetchAs("gzip", "/stale");
  assert.equal(asked, 2);
  for (const { headers } of [first, refreshed]) {
    assert.equal(headers["content-encoding"], "gzip");
    assert.equal(headers.etag, 'W/"1"');
    assert.match(String(headers.vary), /accept-encoding/i);
  }
  assert.equal(textOf(refreshed), TEXT);
  // What the 304 left of Vary still keeps it from others.
  const plain = await fetchAs(undefined, "/stale");
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.equal(plain.body.toString(), TEXT);
});

test("startDataPlane() tells a client whose copy it had compressed that it is good", async (t) => {
  const { fetchAs } = await behind(t, (request, response) => {
    assert.equal(request.headers["if-none-match"], 'W/"1"');
    response.statusCode = 304;
    response.setHeader("ETag", '"1"');
    response.end();
  });
  const { status, headers } = await fetchAs("gzip", "/", {
    headers: { "If-None-Match": 'W/"1"' },
  });
  assert.equal(status, 304);
  assert.equal(headers.etag, 'W/"1"');
  assert.match(String(headers.vary), /accept-encoding/i);
});

test("startDataPlane() compresses once for many who ask at one time", async (t) => {
  const held: ServerResponse[] = [];
  const { fetchAs, plane } = await behind(
    t,
    (_request, response) => {
      held.push(response);
    },
    { definition: ON_CACHED },
  );
  const answers = ["br", "gzip, br", "br, *;q=0.5", "deflate, br"].map(
    (accepted) => fetchAs(accepted),
  );
  await eventually(async () => {
    assert.equal((await plane.stats()).workers[0]?.cache?.joined, 3);
    assert.equal(held.length, 1); // the thread is quicker than this one
  });
  const [response] = held;
  response?.setHeader("Content-Type", "text/css");
  response?.setHeader("Cache-Control", "max-age=60");
  response?.write(LONG.slice(0, 1000));
  response?.end(LONG.slice(1000));
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 200, String(answer.headers["proxy-status"]));
    assert.equal(answer.headers["content-encoding"], "br");
    assert.equal(textOf(answer), LONG);
  }
  assert.equal(held.length, 1);
});

test("startDataPlane() compresses to what decompresses to the same, whatever the pieces, over HTTP/1.1 and HTTP/2", async (t) => {
  let pieces: readonly Buffer[] = [];
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      response.setHeader("Content-Type", "application/json");
      const next = (index: number) => {
        const piece = pieces[index];
        if (piece === undefined) response.end();
        else response.write(piece, () => setImmediate(next, index + 1));
      };
      next(0);
    },
    {
      definition: ON,
      listen: [
        { host: "127.0.0.1", port: 0, tls: true },
        { host: "127.0.0.1", port: 0 },
      ],
    },
  );
  const session = await http2Client(t, port);
  const plain = `http://127.0.0.1:${plane.addresses[1]?.port}`;
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.nat(9000))
      .map(([bytes, times]) =>
        Buffer.concat(Array.from({ length: times + 1 }, () => bytes)),
      ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 8 }),
      fc.constantFrom("gzip", "br", "zstd"),
      async (made, coding) => {
        pieces = made.map((bytes) => Buffer.from(bytes));
        const reply = await ask(session, {
          ":path": "/",
          "accept-encoding": coding,
        });
        assert.equal(reply.headers["content-encoding"], coding);
        const headers = { "Accept-Encoding": coding };
        const answer = await get(plain, { headers });
        for (const { body } of [reply, answer])
          assert.ok(decoded(body, coding).equals(Buffer.concat(pieces)));
      },
    ),
    { numRuns: 40 },
  );
});

test("startDataPlane() lets out in time what a target sends bit by bit", async (t) => {
  const { port } = await behind(t, (_request, response) => {
    response.setHeader("Content-Type", "text/plain");
    response.write("the first line\n"); // and nothing more
  });
  const client = connect({ port, host: "127.0.0.1" });
  t.after(() => client.destroy());
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  let received = Buffer.alloc(0);
  for await (const chunk of client) {
    received = Buffer.concat([received, chunk as Buffer]);
    // The stored block that a flush leaves ends in these.
    if (received.includes(Buffer.from([0, 0, 0xff, 0xff]))) break;
  }
  assert.match(received.toString("latin1"), /content-encoding: gzip/i);
});

test("startDataPlane() holds back a target whose compressed answer is not read, and lets go when its client leaves", async (t) => {
  const total = 256 * 1024 * 1024;
  let written = 0;
  const closed = Promise.withResolvers<void>();
  const noise = Buffer.allocUnsafe(64 * 1024);
  for (let i = 0; i < noise.length; i++) noise[i] = Math.random() * 256;
  const { port, plane } = await behind(t, (_request, response) => {
    response.setHeader("Content-Type", "text/plain");
    response.once("close", () => closed.resolve());
    const pump = () => {
      while (written < total) {
        written += noise.length;
        if (!response.write(noise)) return;
      }
    };
    response.on("drain", pump);
    pump();
  });
  const client = connect({ port, host: "127.0.0.1" });
  client.on("error", () => {});
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  let before = -1;
  for (let still = 0; still < 10; still += written === before ? 1 : -still) {
    before = written;
    await wait(30);
  }
  assert.ok(written > 0 && written < 64 * 1024 * 1024, `${written} written`);
  client.resetAndDestroy();
  await closed.promise;
  while ((await plane.stats()).targets[0]?.inFlight !== 0) await wait(5);
});

test("startDataPlane() loses nothing when a target breaks off in a short answer that is compressed", async (t) => {
  let asked = 0;
  const breaking: RequestListener = (_request, response) => {
    asked += 1;
    response.setHeader("Content-Type", "text/html");
    response.setHeader("Content-Length", TEXT.length);
    response.write(TEXT.slice(0, 100));
    setTimeout(() => response.destroy(), 20);
  };
  const [bad, good] = [
    await startTarget(breaking),
    await startTarget(answerText(TEXT, {})),
  ];
  t.after(bad.close);
  t.after(good.close);
  const { plane, url } = await startProxy([
    serviceView([bad.view(), good.view()], { definition: ON }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  for (let turn = 0; turn < 4; turn++)
    assert.equal(
      textOf(await get(url, { headers: { "Accept-Encoding": "br" } })),
      TEXT,
    );
  assert.ok(asked > 0);
});

test("startDataPlane() cuts a client whose target breaks off in a long answer that is compressed", async (t) => {
  const { fetchAs } = await behind(t, (_request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.write(LONG);
    setTimeout(() => response.destroy(), 20);
  });
  await assert.rejects(fetchAs("gzip"), /aborted|hang up|ECONNRESET/);
});

test("startDataPlane() compresses no more answers at one time than it may", async (t) => {
  const held: ServerResponse[] = [];
  const { fetchAs } = await behind(
    t,
    (request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.write(TEXT);
      if (request.url === "/held") held.push(response);
      else response.end();
    },
    { limits: { maxCompressions: 1 } },
  );
  const first = fetchAs("gzip", "/held");
  while (held.length < 1) await wait(2);
  await wait(20); // its head is on its way
  const second = await fetchAs("gzip");
  assert.equal(second.headers["content-encoding"], undefined);
  assert.equal(second.headers.vary, "Accept-Encoding");
  held[0]?.end();
  assert.equal((await first).headers["content-encoding"], "gzip");
  const third = await fetchAs("gzip");
  assert.equal(third.headers["content-encoding"], "gzip");
});

test("zoogate proxy compresses what its file tells it to", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-compress-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startTarget(answerText(TEXT, {}));
  t.after(target.close);
  const config = join(folder, "zoogate.yaml");
  await writeFile(
    config,
    `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data: data
services:
  www:
    targets: ["http://127.0.0.1:${target.port}"]
    compress: {enabled: true, codings: [gzip], minSize: 1KB}
`,
  );
  await using proxy = await startCommand(["proxy", "--config", config]);
  const answer = await get(urlOf(await proxy.ready()), {
    headers: { "Accept-Encoding": "br, gzip" },
  });
  assert.equal(answer.headers["content-encoding"], "gzip");
  assert.equal(textOf(answer), TEXT);
});
