import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import type { RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import { CREDENTIAL_LIMITS } from "../../src/proxy/credentials.ts";
import type {
  AuthDefinition,
  ServiceDefinition,
} from "../../src/registry/index.ts";
import { eventually } from "../support/eventually.ts";
import { get, getMany } from "../support/http-client.ts";
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
const AUTH: AuthDefinition = {
  users: "staff",
  realm: "Staff only",
  forward: false,
  userHeader: undefined,
};

/** Costs as little as is taken. */
function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, "salt");
  const key = scryptSync(password, salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  const text = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(key)}`;
}

const SITE = {
  pages: [],
  users: [
    {
      name: "staff",
      users: new Map([
        ["ann", cheapHash("secret")],
        ["bob", cheapHash("other")],
      ]),
    },
  ],
};

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString("base64")}`;
}

const ANN = { authorization: basic("ann:secret") };
const BOB = { authorization: basic("bob:other") };

async function proxy(
  t: TestContext,
  listener: RequestListener,
  change: Partial<ServiceDefinition>,
) {
  const target = await startTarget(listener);
  t.after(target.close);
  const view = serviceView([target.view()], {
    definition: { auth: AUTH, ...change },
  });
  const started = await startProxy([view], { site: SITE });
  t.after(() => started.plane.close({ signal: AbortSignal.abort() }));
  return { ...started, target, view };
}

test("auth asks for a name and a password, and keeps both from the target", async (t) => {
  const { url } = await proxy(
    t,
    (request, response) =>
      response.end(request.headers.authorization ?? "nothing"),
    {},
  );
  for (const headers of [{}, { authorization: basic("ann:wrong") }]) {
    const refused = await get(`${url}/`, { headers });
    assert.equal(refused.status, 401);
    assert.equal(
      refused.headers["www-authenticate"],
      'Basic realm="Staff only", charset="UTF-8"',
    );
    assert.equal(refused.headers["cache-control"], "no-store");
  }
  for (const headers of [ANN, ANN, BOB]) {
    const { status, body } = await get(`${url}/`, { headers });
    assert.equal(status, 200);
    assert.equal(body.toString(), "nothing");
  }
});

test("auth holds over HTTP/2, and with a stored answer", async (t) => {
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      response.end("x");
    },
    { definition: { auth: AUTH, cache: CACHED }, site: SITE },
  );
  const session = await http2Client(t, port);
  const statusOf = async (headers: object) => {
    const answer = await ask(session, { ":path": "/", ...headers });
    return [answer.status, answer.headers["cache-status"]];
  };
  assert.deepEqual(await statusOf({}), [401, undefined]);
  assert.equal((await statusOf(ANN))[0], 200);
  assert.match(String((await statusOf(BOB))[1]), /hit/);
  assert.deepEqual(await statusOf({}), [401, undefined]);
});

test("an answer behind auth is stored when its target cannot know who asks, and given to who was let in", async (t) => {
  let asked = 0;
  const { url } = await proxy(
    t,
    (_request, response) => {
      asked += 1;
      response.setHeader("Cache-Control", "max-age=60");
      response.end("x");
    },
    { cache: CACHED },
  );
  await get(`${url}/`, { headers: ANN });
  const hit = await get(`${url}/`, { headers: BOB });
  assert.match(String(hit.headers["cache-status"]), /hit/);
  assert.equal((await get(`${url}/`)).status, 401);
  const only = await get(`${url}/`, {
    headers: { "cache-control": "only-if-cached" },
  });
  assert.equal(only.status, 401);
  assert.equal(asked, 1);
});

test("an answer whose target knows who asks is stored only when it says so (RFC 9111 section 3.5)", async (t) => {
  for (const auth of [
    { ...AUTH, forward: true },
    { ...AUTH, userHeader: "X-User" },
  ]) {
    let control = "max-age=60";
    const { url } = await proxy(
      t,
      (request, response) => {
        response.setHeader("Cache-Control", control);
        response.end(
          String(request.headers.authorization ?? request.headers["x-user"]),
        );
      },
      { cache: CACHED, auth },
    );
    const told = async (path: string, headers: typeof ANN) =>
      (await get(`${url}${path}`, { headers })).body.toString();
    const [ann, bob] = auth.forward
      ? [ANN.authorization, BOB.authorization]
      : ["ann", "bob"];
    assert.equal(await told("/1", ANN), ann);
    assert.equal(await told("/1", BOB), bob);
    control = "public, max-age=60";
    assert.equal(await told("/2", ANN), ann);
    assert.equal(await told("/2", BOB), ann);
  }
});

test("auth tells the target who asks, whoever the client says it is", async (t) => {
  const { url } = await proxy(
    t,
    (request, response) => response.end(JSON.stringify(request.rawHeaders)),
    { auth: { ...AUTH, userHeader: "X-User" } },
  );
  const { body } = await get(`${url}/`, {
    headers: { ...ANN, "x-user": "root", x_user: "root" },
  });
  const raw: string[] = JSON.parse(body.toString());
  const users = raw.filter((_, index) =>
    /^x.user$/i.test(raw[index - 1] ?? ""),
  );
  assert.deepEqual(users, ["ann"]);
  assert.ok(!raw.includes("root"));
});

test("content that comes while a password is checked reaches the target whole", async (t) => {
  const { url, port } = await proxy(
    t,
    (request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => response.end(Buffer.concat(pieces)));
    },
    {},
  );
  const body = Buffer.alloc(300_000, "0123456789");
  const posted = await get(`${url}/`, { method: "POST", headers: ANN, body });
  assert.ok(posted.body.equals(body));
  const client = new RawClient(port);
  t.after(() => client.close());
  // Two requests in one piece, the first of them not known yet.
  const one = (text: string) =>
    `POST / HTTP/1.1\r\nHost: h\r\nAuthorization: ${BOB.authorization}\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  client.send(one("first") + one("second"));
  const text = await client.until((text) => text.endsWith("second"));
  assert.match(text, /\r\n\r\nfirstHTTP\/1\.1 200 /);
});

test("a refused client may ask again on its connection, also when it sent content", async (t) => {
  const { port } = await proxy(
    t,
    (_request, response) => response.end("in"),
    {},
  );
  const client = new RawClient(port);
  t.after(() => client.close());
  const one = (authorization: string) =>
    `GET / HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\n\r\n`;
  client.send(one(basic("ann:wrong")) + one(ANN.authorization));
  const text = await client.until((text) => text.endsWith("in"));
  assert.match(text, /^HTTP\/1\.1 401 [^]*HTTP\/1\.1 200 /);
});

test("a WebSocket is let in by its password alone", async (t) => {
  const { port, target } = await proxy(t, () => {}, {});
  target.server.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello",
    );
  });
  const upgrade = async (fields: string) => {
    const client = new RawClient(port);
    t.after(() => client.close());
    client.send(
      `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n${fields}\r\n`,
    );
    return client.until((text) => text.includes("\r\n\r\n"));
  };
  assert.match(await upgrade(""), /^HTTP\/1\.1 401 /);
  assert.match(
    await upgrade(`Authorization: ${ANN.authorization}\r\n`),
    /^HTTP\/1\.1 101 /,
  );
});

test("a list of users that nobody knows, or that could not be read, lets nobody in", async (t) => {
  const { plane, url, view } = await proxy(
    t,
    (_request, response) => response.end(),
    { auth: { ...AUTH, users: "other" } },
  );
  for (const headers of [{}, ANN]) {
    const { status, headers: got } = await get(`${url}/`, { headers });
    assert.equal(status, 503);
    assert.match(String(got["proxy-status"]), /users-unknown/);
  }
  plane.replace(snapshot({ ...view, definition: definition({ auth: AUTH }) }));
  await plane.applied();
  assert.equal((await get(`${url}/`, { headers: ANN })).status, 200);
  plane.configure({
    site: { pages: [], users: [{ name: "staff", users: undefined }] },
  });
  await eventually(async () =>
    assert.equal((await get(`${url}/`, { headers: ANN })).status, 503),
  );
});

test("a flood of wrong passwords of one client is put off, and holds up neither others nor the rest", async (t) => {
  const { url } = await proxy(
    t,
    (_request, response) => response.end("in"),
    {},
  );
  assert.equal((await get(`${url}/`, { headers: ANN })).status, 200);
  // Nobody has this name, so each costs what a real password costs.
  const flood = Array.from({ length: 40 }, (_, index) =>
    get(`${url}/`, {
      headers: { authorization: basic(`nobody:${index}`) },
    }),
  );
  // Who was let in before is known, and does not wait behind them.
  const answers = await getMany({
    count: 50,
    connections: 5,
    url: () => `${url}/`,
    headers: ANN,
  });
  for (const { status } of answers) assert.equal(status, 200);
  const statuses = (await Promise.all(flood)).map(({ status }) => status);
  const put = statuses.filter((status) => status === 429).length;
  assert.ok(put >= 40 - 10 * CREDENTIAL_LIMITS.waitingOfClient, `${put}`);
  assert.ok(statuses.every((status) => status === 401 || status === 429));
});

test("a client that leaves while its password is checked leaves nothing behind", async (t) => {
  const { port, url, plane } = await proxy(
    t,
    (_request, response) => response.end("in"),
    {},
  );
  const client = new RawClient(port);
  client.send(
    `GET / HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic("nobody:x")}\r\n\r\n`,
  );
  client.socket.end();
  await client.all();
  assert.equal((await get(`${url}/`, { headers: ANN })).status, 200);
  const { targets } = await plane.stats();
  assert.ok(targets.every(({ inFlight }) => inFlight === 0));
});
