/**
 * The same random requests go to Apache ZooKeeper and to the keeper; every
 * answer and every notification must be equal: order, zxid, error and body.
 * Masked are only times, session ids and the order of children.
 *
 * Left out of the requests, each a difference that is meant:
 * - `check` outside a multi, which stops Apache ZooKeeper 3.8.0 for good
 *   (ZOOKEEPER-2623); the keeper answers -6.
 * - createTTL with the flags of a node that has no time to live and a negative
 *   one, which stops Apache ZooKeeper 3.8.0 too; the keeper answers -8.
 * - Watches of different modes by one client on one path: the newer mode
 *   replaces the older one before ZOOKEEPER-4466 (3.9); in the keeper both stand.
 * - Watches on nodes that the client may not read: they fire before 3.8.4
 *   (CVE-2024-23944); in the keeper, as in later versions, they do not.
 * - `checkWatches`, which before ZOOKEEPER-4466 answers for the watches of
 *   other clients too; in the keeper for the client's own.
 * - `removeWatches` of type data or children on a recursive watch, which leaves
 *   half of it there before 3.9; in the keeper it removes it.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Codec,
  decode,
  GetACLResponse,
  GetChildren2Response,
  GetChildrenResponse,
  GetDataResponse,
  GetEphemeralsResponse,
  OpCode,
  Stat,
  WatcherEvent,
} from "../../src/jute/index.ts";
import { startKeeper } from "../../src/keeper/index.ts";
import {
  RawClient,
  type RawFrame,
} from "../../src/keeper/raw-client.fixture.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import { Random, type Request, Requests } from "./keeper-random-requests.ts";

const CLIENTS = 3;
/** Longer under `npm run soak`. */
const SOAK_SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 0);
const STEPS = SOAK_SECONDS === 0 ? 1_200 : SOAK_SECONDS * 500;
const SEED = Number(
  process.env["KEEPER_DIFFERENTIAL_SEED"] ??
    Math.trunc(Math.random() * 2 ** 31),
);

/** A time's digits that stay the same for seventeen minutes. */
const TIME_DIGITS = 11;
const WINDOW_MS = 16 ** (16 - TIME_DIGITS);
/**
 * Milliseconds of this hour as the eight bytes of a Stat. So many digits are
 * asked that no zxid beside a time passes for its beginning.
 */
const NOW = new RegExp(
  `(?:${[0, 1, 2, 3]
    .map((window) =>
      (Date.now() + window * WINDOW_MS)
        .toString(16)
        .padStart(16, "0")
        .slice(0, TIME_DIGITS),
    )
    .join("|")})[0-9a-f]{${16 - TIME_DIGITS}}`,
  "gu",
);

/** One server with its clients, of which each may be replaced by a new session. */
class Side {
  readonly #port: number;
  readonly clients: RawClient[] = [];
  /** Session ids as the number of the session. */
  readonly #sessions = new Map<bigint, number>();

  constructor(port: number) {
    this.#port = port;
  }

  async open(index: number): Promise<void> {
    const client = await RawClient.connect(this.#port, { timeoutMs: 40_000 });
    assert.ok(client.session !== undefined);
    this.#sessions.set(client.session.sessionId, this.#sessions.size);
    this.clients[index] = client;
  }

  client(index: number): RawClient {
    const client = this.clients[index];
    assert.ok(client !== undefined);
    return client;
  }

  /** The frames up to the reply, as text. */
  async ask(index: number, request: Request): Promise<string[]> {
    const client = this.client(index);
    const xid = client.send(request.type, request.body, request.xid);
    const shown: string[] = [];
    for (;;) {
      const frame = await client.next();
      if (frame === undefined) return [...shown, "closed"];
      shown.push(this.#show(frame, frame.xid === xid ? request : undefined));
      if (frame.xid !== xid) continue;
      // An unknown request is answered, then the connection is closed.
      if (frame.err === -6 && frame.zxid === -1n)
        shown.push((await client.next()) === undefined ? "closed" : "open");
      return shown;
    }
  }

  /** What a client is told before it gets the answer to a ping. */
  async told(index: number): Promise<string[]> {
    return this.ask(index, { type: "ping", body: Buffer.alloc(0), xid: -2 });
  }

  #show(frame: RawFrame, request: Request | undefined): string {
    const head = `xid ${frame.xid} zxid ${frame.zxid} err ${frame.err}`;
    const body = frame.body;
    if (request === undefined) {
      const event = decode(WatcherEvent, body);
      return `${head} ${JSON.stringify(event)}`;
    }
    if (frame.err !== 0 || body.length === 0)
      return `${head} ${body.toString("hex")}`;
    const type =
      typeof request.type === "number" ? request.type : OpCode[request.type];
    switch (type) {
      case OpCode.getData:
        return `${head} ${this.#record(GetDataResponse, body)}`;
      case OpCode.getChildren:
        return `${head} ${this.#record(GetChildrenResponse, body)}`;
      case OpCode.getChildren2:
        return `${head} ${this.#record(GetChildren2Response, body)}`;
      case OpCode.getEphemerals:
        return `${head} ${this.#record(GetEphemeralsResponse, body)}`;
      case OpCode.getACL:
        return `${head} ${this.#record(GetACLResponse, body)}`;
      case OpCode.exists:
      case OpCode.setData:
      case OpCode.setACL:
        return `${head} ${this.#record(Stat, body)}`;
      case OpCode.whoAmI:
        return `${head} ${body.length}`;
      case OpCode.multiRead:
        return `${head} ${body.length}`;
      default:
        // Times and session ids stand in eight bytes each.
        return `${head} ${this.#maskedHex(body)}`;
    }
  }

  #record<T>(codec: Codec<T>, body: Buffer): string {
    const result = decode(codec, body);
    assert.ok(result.kind === "value");
    assert.equal(result.size, body.length);
    return JSON.stringify(result.value, (name, value: unknown) => {
      if (name === "ctime" || name === "mtime") return "time";
      if (name === "ephemeralOwner" && typeof value === "bigint")
        return value === 0n ? 0 : `session ${this.#sessions.get(value)}`;
      if (
        (name === "children" || name === "ephemerals") &&
        Array.isArray(value)
      )
        return value.map(String).sort();
      return typeof value === "bigint" ? String(value) : value;
    });
  }

  #maskedHex(body: Buffer): string {
    let text = body.toString("hex").replaceAll(NOW, "______time______");
    for (const [id, number] of this.#sessions)
      text = text.replaceAll(
        id.toString(16).padStart(16, "0"),
        `___session ${String(number).padStart(4, "0")}_`,
      );
    return text;
  }

  async close(): Promise<void> {
    for (const client of this.clients) await client[Symbol.asyncDispose]();
  }
}

async function compare(apache: Side, keeper: Side): Promise<void> {
  const random = new Random(SEED);
  const requests = new Requests(random);
  for (let index = 0; index < CLIENTS; index++) {
    await apache.open(index);
    await keeper.open(index);
  }
  const trail: string[] = [];
  for (let number = 0; number < STEPS; number++) {
    const index = random.below(CLIENTS);
    const closes = random.chance(0.005);
    const request: Request = closes
      ? { type: "closeSession", body: Buffer.alloc(0) }
      : requests.next(index === CLIENTS - 1);
    trail.push(
      `client ${index} ${request.type} ${JSON.stringify(request.body.toString("latin1"))}`,
    );
    const expected = await apache.ask(index, request);

    const given = await keeper.ask(index, request);
    if (closes) {
      // The nodes of a session go in any order.
      expected.sort();
      given.sort();
    }
    const message = `seed ${SEED}, step ${number}: ${trail.slice(-3).join("\n")}`;
    assert.deepEqual(given, expected, message);
    if (closes || expected.at(-1) === "closed") {
      await apache.open(index);
      await keeper.open(index);
    }
    for (let other = 0; other < CLIENTS; other++) {
      const before = await apache.told(other);
      const own = await keeper.told(other);
      if (closes) {
        before.sort();
        own.sort();
      }
      assert.deepEqual(own, before, `told to client ${other}: ${message}`);
    }
  }
}

describe("the keeper", () => {
  test(
    "answers random requests as Apache ZooKeeper does",
    { skip: apacheZooKeeperMissing },
    async (context) => {
      context.diagnostic(`seed ${SEED}, ${STEPS} steps`);
      await using server = await startApacheZooKeeper({
        config: ["reconfigEnabled=true"],
      });
      await using keeper = await startKeeper();
      const apache = new Side(server.port);
      const own = new Side(keeper.port);
      try {
        await compare(apache, own);
      } finally {
        await apache.close();
        await own.close();
      }
    },
  );
});
