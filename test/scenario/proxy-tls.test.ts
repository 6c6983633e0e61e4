import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import type { JournalRecord } from "../../src/base/index.ts";
import { RawClient } from "./proxy-harness.ts";
import {
  ask,
  http2Client,
  secureProxy,
  tlsClient,
  tlsFile,
} from "./secure-harness.ts";

/** Everything that comes until the other side ends. */
async function readAll(socket: TLSSocket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1");
  for await (const piece of socket) text += String(piece);
  return text;
}

const CACHED = {
  cache: {
    enabled: true,
    defaultTtlMs: 120_000,
    heuristic: "last-modified",
    maxEntryBytes: 16_777_216,
  },
} as const;

test("a TLS listener speaks HTTP/1.1 to clients that offer nothing else", async (t) => {
  const { port } = await secureProxy(t, (request, response) => {
    response.end(JSON.stringify(request.headers));
  });
  const offers = [
    {},
    { ALPNProtocols: ["http/1.1"] },
    { ALPNProtocols: ["http/1.1", "http/1.0"] },
  ];
  for (const offer of offers) {
    const socket = await tlsClient(t, port, offer);
    socket.write(
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    const text = await readAll(socket);
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /"x-forwarded-proto":"https"/);
  }
});

test("a TLS connection is kept, pipelined and read to its end like a plain one", async (t) => {
  const { port } = await secureProxy(
    t,
    (request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      response.end(`${request.url} `.repeat(20_000));
    },
    { definition: CACHED },
  );
  const socket = await tlsClient(t, port);
  const get = (path: string, more = "") =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  socket.write(get("/a") + get("/b") + get("/a") + get("/b"));
  socket.write(get("/c", "Connection: close\r\n"));
  const text = await readAll(socket);
  assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 5);
  assert.equal(text.match(/Cache-Status: zoogate; hit/g)?.length, 2);
  assert.equal(text.match(/\/b /g)?.length, 40_000);
  assert.ok(text.endsWith("/c "));
});

test("an upload over TLS arrives whole, and a cut answer is no whole one", async (t) => {
  const { port } = await secureProxy(t, (request, response) => {
    if (request.method === "GET") {
      response.writeHead(200, { "Content-Length": "100000" });
      response.write("some");
      setTimeout(() => response.socket?.resetAndDestroy(), 20);
      return;
    }
    let read = 0;
    request.on("data", (piece: Buffer) => {
      read += piece.length;
    });
    request.on("end", () => response.end(String(read)));
  });
  const socket = await tlsClient(t, port);
  const body = Buffer.alloc(5_000_000);
  socket.write(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body);
  assert.match(await readAll(socket), /\r\n\r\n5000000$/);
  const cut = await tlsClient(t, port);
  cut.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await assert.rejects(readAll(cut), { code: "ECONNRESET" });
});

test("the scheme is part of a cache key", async (t) => {
  let asked = 0;
  const { plane, port } = await secureProxy(
    t,
    (_request, response) => {
      asked += 1;
      response.setHeader("Cache-Control", "max-age=60");
      response.end(String(asked));
    },
    {
      definition: CACHED,
      listen: [
        { host: "127.0.0.1", port: 0, tls: true },
        { host: "127.0.0.1", port: 0 },
      ],
    },
  );
  const session = await http2Client(t, port);
  const request = { ":path": "/", ":authority": "www.example" };
  assert.equal((await ask(session, request)).body.toString(), "1");
  assert.equal((await ask(session, request)).body.toString(), "1");
  const plain = new RawClient(plane.addresses[1]?.port ?? 0);
  t.after(() => plain.close());
  plain.send(
    "GET / HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n",
  );
  assert.match(await plain.all(), /\r\n\r\n2$/);
});

test("a certificate is chosen by server name, the first for all other names", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    response.end();
  });
  const names: readonly (readonly [string, string])[] = [
    ["www.example", "www.example"],
    ["example", "www.example"],
    ["api.wild.example", "wild.example"],
    ["wild.example", "wild.example"],
    ["a.b.wild.example", "localhost"],
    ["unknown.example", "localhost"],
    ["", "localhost"],
  ];
  for (const [servername, subject] of names) {
    const socket = await tlsClient(t, port, {
      servername,
      checkServerIdentity: () => undefined,
    });
    assert.equal(socket.getPeerCertificate().subject.CN, subject, servername);
    socket.destroy();
  }
});

test("TLS below 1.2 and suites without forward secrecy are refused", async (t) => {
  const { port, plane } = await secureProxy(t, (_request, response) => {
    response.end();
  });
  const refused = [
    { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" },
    { maxVersion: "TLSv1.2", ciphers: "AES128-SHA:AES256-SHA256" },
    { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" },
  ] as const;
  for (const options of refused)
    await assert.rejects(tlsClient(t, port, options), options.ciphers);
  const good = await tlsClient(t, port, { maxVersion: "TLSv1.2" });
  assert.match(good.getCipher().name, /^ECDHE-.*(?:GCM|POLY1305)/);
  const { totals } = await plane.stats();
  assert.equal(totals.clientFaults["tls-handshake"], refused.length);
});

test("a TLS session resumes, in any worker", async (t) => {
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      response.end();
    },
    { workers: 2 },
  );
  const tickets: Buffer[] = [];
  const first = await tlsClient(t, port);
  first.on("session", (ticket: Buffer) => void tickets.push(ticket));
  first.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await readAll(first);
  const session = tickets.at(-1);
  assert.ok(session);
  for (let i = 0; i < 8; i++) {
    const again = await tlsClient(t, port, { session });
    assert.equal(again.isSessionReused(), true);
    again.destroy();
  }
});

test("a handshake that does not come is ended, and counts until then", async (t) => {
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      response.end();
    },
    { limits: { handshakeTimeoutMs: 200, maxConnections: 1 } },
  );
  const silent = new RawClient(port);
  t.after(() => silent.close());
  await once(silent.socket, "connect");
  const second = new RawClient(port);
  await second.all();
  assert.equal(
    (await plane.stats()).totals.refusals["too-many-connections"],
    1,
  );
  await silent.all();
  while ((await plane.stats()).totals.connectionsActive > 0);
  const socket = await tlsClient(t, port);
  assert.equal(socket.authorized, true);
});

test("bytes that are not TLS end the connection and nothing else", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    response.end("fine");
  });
  const plain = new RawClient(port);
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await plain.all();
  const session = await http2Client(t, port);
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
});

test("startDataPlane() refuses certificates that cannot be used", async (t) => {
  const bad: readonly (readonly [string, string, RegExp])[] = [
    ["missing.pem", "www.key.pem", /^Cannot read certificate .*missing\.pem/],
    ["www.pem", "default.key.pem", /default\.key\.pem" is not its key$/],
    ["www.key.pem", "www.key.pem", /it should be a certificate in PEM$/],
    ["www.pem", "www.pem", /it should be a private key in PEM/],
  ];
  for (const [cert, key, message] of bad)
    await assert.rejects(
      secureProxy(t, () => {}, {
        certificates: [{ certFile: tlsFile(cert), keyFile: tlsFile(key) }],
      }),
      { message },
    );
  await assert.rejects(
    secureProxy(t, () => {}, { certificates: [] }),
    {
      message: "Cannot serve TLS: there is no certificate",
    },
  );
});

async function certificateFolder(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files = {
    certFile: join(folder, "cert.pem"),
    keyFile: join(folder, "key.pem"),
  };
  const put = async (name: string) => {
    await copyFile(tlsFile(`${name}.pem`), files.certFile);
    await copyFile(tlsFile(`${name}.key.pem`), files.keyFile);
  };
  return { files, put };
}

test("DataPlane.reloadCertificates() takes new files in every worker, and keeps the last good ones for bad", async (t) => {
  const { files, put } = await certificateFolder(t);
  await put("www");
  const records: JournalRecord[] = [];
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      response.end("kept");
    },
    {
      certificates: [files],
      journal: (record) => void records.push(record),
      workers: 2,
    },
  );
  const serial = async () => {
    const socket = await tlsClient(t, port, { servername: "www.example" });
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const open = await tlsClient(t, port, { servername: "www.example" });
  const before = await serial();
  await writeFile(files.certFile, "half a certif");
  assert.equal(await plane.reloadCertificates(), false);
  const told = records.find(({ event }) => event === "certificates-not-read");
  assert.equal(told?.level, "error");
  assert.match(told?.message ?? "", /the last good certificates stay$/);
  assert.equal(await serial(), before);
  await put("renewed");
  assert.equal(await plane.reloadCertificates(), true);
  // The workers have the message before they answer this.
  await plane.stats();
  for (let i = 0; i < 8; i++) assert.notEqual(await serial(), before);
  open.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await readAll(open), /kept$/);
});

test("plain listeners send everybody to HTTPS but the ACME authority", async (t) => {
  const { plane, port } = await secureProxy(
    t,
    (request, response) => {
      response.end(`token ${request.url}`);
    },
    {
      listen: [
        { host: "127.0.0.1", port: 0, tls: true },
        { host: "127.0.0.1", port: 0, redirectPort: 0 },
        { host: "127.0.0.1", port: 0, redirectPort: 443 },
      ],
    },
  );
  const send = async (listener: number, head: string) => {
    const raw = new RawClient(plane.addresses[listener]?.port ?? 0);
    t.after(() => raw.close());
    return raw.send(`${head}\r\nConnection: close\r\n\r\n`).all();
  };
  const moved = await send(1, "POST /a?b=c HTTP/1.1\r\nHost: www.example:81");
  assert.match(moved, /^HTTP\/1\.1 308 /);
  assert.ok(moved.includes(`Location: https://www.example:${port}/a?b=c\r\n`));
  const usual = await send(2, "GET /%0d%0aX:y HTTP/1.1\r\nHost: [::1]");
  assert.ok(usual.includes("Location: https://[::1]/%0d%0aX:y\r\n"));
  const challenge = "/.well-known/acme-challenge/abc";
  const acme = await send(1, `GET ${challenge} HTTP/1.1\r\nHost: www.example`);
  assert.ok(acme.endsWith(`token ${challenge}`));
  const absolute = await send(
    2,
    "GET http://b.example/x HTTP/1.1\r\nHost: b.example",
  );
  assert.ok(absolute.includes("Location: https://b.example/x\r\n"));
  const bad = await send(2, "GET / HTTP/1.1\r\nHost: a b");
  assert.match(bad, /^HTTP\/1\.1 400 /);
});

test("hstsSeconds adds Strict-Transport-Security over TLS, unless the target sent its own", async (t) => {
  const { plane, port } = await secureProxy(
    t,
    (request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      if (request.url === "/own")
        response.setHeader("Strict-Transport-Security", "max-age=1");
      response.end();
    },
    {
      definition: CACHED,
      limits: { hstsSeconds: 31_536_000 },
      listen: [
        { host: "127.0.0.1", port: 0, tls: true },
        { host: "127.0.0.1", port: 0 },
      ],
    },
  );
  const session = await http2Client(t, port);
  const name = "strict-transport-security";
  for (let round = 0; round < 2; round++) {
    const none = await ask(session, { ":path": "/" });
    assert.equal(none.headers[name], "max-age=31536000");
    const own = await ask(session, { ":path": "/own" });
    assert.equal(own.headers[name], "max-age=1");
  }
  const bad = await ask(session, { ":method": "TRACE", ":path": "/" });
  assert.equal(bad.headers[name], "max-age=31536000");
  const get = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
  const socket = await tlsClient(t, port);
  socket.write(get("/") + get("/own") + get("/new"));
  socket.end("TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const text = await readAll(socket);
  assert.deepEqual(text.match(/^strict-transport-security: .*$/gim), [
    "Strict-Transport-Security: max-age=31536000",
    "Strict-Transport-Security: max-age=1",
    "Strict-Transport-Security: max-age=31536000",
    "Strict-Transport-Security: max-age=31536000",
  ]);
  const plain = new RawClient(plane.addresses[1]?.port ?? 0);
  plain.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.doesNotMatch(await plain.all(), /strict-transport/i);
});

test("DataPlane.configure() leaves certificates in force", async (t) => {
  const { port, plane } = await secureProxy(t, (_request, response) => {
    response.end();
  });
  plane.configure({ trusted: ["10.0.0.0/8"] });
  const socket = await tlsClient(t, port, { servername: "www.example" });
  assert.equal(socket.getPeerCertificate().subject.CN, "www.example");
});
