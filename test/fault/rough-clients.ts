import type { EventEmitter } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { delay } from "../../src/base/index.ts";
import type { Random } from "../fuzz/http-random.ts";
import { CA } from "../scenario/secure-harness.ts";
import { breakOff } from "./rough-target.ts";

/** Where the clients go, and what decides their ways. */
export interface Place {
  readonly port: number;
  readonly tlsPort: number;
  readonly random: Random;
}

/** One client's doing, from its connection to its end. */
type Way = (place: Place) => Promise<void>;

/** Nobody stays for longer. */
const PATIENCE_MS = 2500;
/** What targets do with an answer, and with a body before it. */
const ANSWERS = [
  "good/1",
  "good/0",
  "good/cached/0",
  "good/cached/10",
  "good/cached/2",
  "slow",
  "shared/1",
  "shared/2",
  "never",
  "endless",
  "stalls",
  "half",
  "cuts",
  "resets",
  "leaves",
  "garbage",
  "liar",
];
const BODIES = ["reader", "good/1", "early", "deaf", "never", "resets"];

async function open({ port, tlsPort, random }: Place): Promise<Socket> {
  const where = { host: "127.0.0.1", allowHalfOpen: true };
  const isSecure = random.once(3);
  const socket = isSecure
    ? connectTls({ ...where, port: tlsPort, ca: CA, servername: "localhost" })
    : connect({ ...where, port });
  socket.on("error", () => {});
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once("close", () => clearTimeout(timer));
  await opened(socket, isSecure ? "secureConnect" : "connect");
  return socket;
}

/** Rejects when it is closed instead. */
function opened(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    emitter.once(event, () => resolve());
    emitter.once("close", () => reject(new Error("Cannot go on: closed")));
  });
}

function get(path: string, lines = ""): string {
  return `GET /${path} HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
}

function post(path: string, bytes: number): string {
  return `POST /${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`;
}

/** Goes, in one of the ways there are to go. */
function leave(socket: Socket, random: Random): void {
  const way = random.below(3);
  if (way === 0) socket.end().resume();
  else if (way === 1 && !("encrypted" in socket)) breakOff(socket);
  else socket.destroy();
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Reads a little every few milliseconds, up to so many bytes. */
function sip(socket: Socket, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    if (socket.closed || socket.readableEnded) resolve();
    socket.once("close", () => resolve());
    socket.once("end", () => resolve());
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.length;
      if (seen >= bytes) {
        socket.pause();
        resolve();
        return;
      }
      socket.pause();
      setTimeout(() => socket.resume(), 3);
    });
  });
}

/** What clients on bytes do. */
export const WAYS: Readonly<Record<string, Way>> = {
  async reader(place) {
    const socket = await open(place);
    socket.on("end", () => socket.end());
    socket.write(get(place.random.pick(ANSWERS), "Connection: close\r\n"));
    socket.resume();
    await gone(socket);
  },
  async slowReader(place) {
    const socket = await open(place);
    socket.write(get(place.random.pick(ANSWERS)));
    await sip(socket, place.random.below(400_000));
    leave(socket, place.random);
    await gone(socket);
  },
  async neverReader(place) {
    const socket = await open(place);
    socket.pause();
    socket.write(get(place.random.pick(["endless", "good/0", "shared/3"])));
    await delay(place.random.below(1500), { keepAlive: true });
    leave(socket, place.random);
    await gone(socket);
  },
  async slowWriter(place) {
    const { random } = place;
    const socket = await open(place);
    const pieces = 1 + random.below(40);
    socket.write(post(random.pick(BODIES), pieces * 1000));
    socket.on("end", () => socket.end());
    socket.resume();
    const leavesAt = random.once(3) ? random.below(pieces) : pieces;
    for (let at = 0; at < leavesAt && !socket.destroyed; at++) {
      socket.write(Buffer.alloc(1000, "x"));
      await delay(random.below(12), { keepAlive: true });
    }
    if (leavesAt < pieces || random.once(2)) leave(socket, random);
    else await delay(100, { keepAlive: true }).then(() => socket.end());
    await gone(socket);
  },
  async muchWriter(place) {
    const socket = await open(place);
    socket.write(post(place.random.pick(BODIES), 2_000_000));
    socket.write(Buffer.alloc(2_000_000, "y"));
    socket.on("end", () => socket.end());
    await sip(socket, 1);
    leave(socket, place.random);
    await gone(socket);
  },
  async halfCloser(place) {
    const socket = await open(place);
    socket.end(get(place.random.pick(ANSWERS)));
    socket.resume();
    await gone(socket);
  },
  async halfWriter(place) {
    const socket = await open(place);
    socket.end(`${post(place.random.pick(BODIES), 5000)}only some`);
    socket.resume();
    await gone(socket);
  },
  async babbler(place) {
    const socket = await open(place);
    const bytes = Buffer.from(
      Array.from({ length: 200 }, () => place.random.below(256)),
    );
    socket.write(place.random.once(2) ? bytes : `GET / HTTP/9.1\r\n\r\n`);
    socket.on("end", () => socket.end());
    socket.resume();
    await gone(socket);
  },
  async headDripper(place) {
    const socket = await open(place);
    socket.resume();
    socket.on("end", () => socket.end());
    for (const piece of ["GET", " /good", "/1 HT", "TP/1.1\r\nHo"]) {
      socket.write(piece);
      await delay(place.random.below(40), { keepAlive: true });
    }
    if (place.random.once(2)) leave(socket, place.random);
    else socket.write("st: a\r\nConnection: close\r\n\r\n");
    await gone(socket);
  },
  async pipeliner(place) {
    const { random } = place;
    const socket = await open(place);
    const paths = Array.from({ length: 6 }, () => random.pick(ANSWERS));
    socket.write(paths.map((path) => get(path)).join(""));
    await sip(socket, random.below(100_000));
    leave(socket, random);
    await gone(socket);
  },
  async sharers(place) {
    const path = `shared/${place.random.below(1_000_000)}`;
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const socket = await open(place);
        socket.write(get(path, "Connection: close\r\n"));
        socket.on("end", () => socket.end());
        if (place.random.once(2)) socket.resume();
        else {
          await sip(socket, place.random.below(60_000));
          leave(socket, place.random);
        }
        await gone(socket);
      }),
    );
  },
  async tunnel(place) {
    const { random } = place;
    const socket = await open(place);
    const path = random.pick(["tunnel", "tunnel", "abandoned", "good/1"]);
    socket.write(get(path, "Connection: Upgrade\r\nUpgrade: rough\r\n"));
    socket.on("end", () => socket.end());
    for (let count = 0; count < 5 && !socket.destroyed; count++) {
      socket.write(Buffer.alloc(1 + random.below(50_000), "z"));
      await delay(random.below(50), { keepAlive: true });
    }
    if (random.once(3)) await sip(socket, random.below(100_000));
    leave(socket, random);
    await gone(socket);
  },
  async hoarder(place) {
    const socket = await open(place);
    socket.pause();
    socket.write(get("tunnel", "Connection: Upgrade\r\nUpgrade: rough\r\n"));
    for (let count = 0; count < 40 && !socket.destroyed; count++) {
      if (!socket.write(Buffer.alloc(100_000, "h"))) break;
      await delay(5, { keepAlive: true });
    }
    await delay(place.random.below(800), { keepAlive: true });
    leave(socket, place.random);
    await gone(socket);
  },
  http2,
};

/** Several requests on one session, each ending in its own way. */
async function http2({ tlsPort, random }: Place): Promise<void> {
  const session = connectHttp2(`https://localhost:${tlsPort}`, {
    ca: CA,
    lookup: (_name, _options, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]),
    settings: { initialWindowSize: random.once(2) ? 16_384 : 65_535 },
  });
  session.on("error", () => {});
  const timer = setTimeout(() => session.destroy(), PATIENCE_MS);
  const closed = new Promise<void>((resolve) => {
    session.once("close", () => resolve());
  });
  await opened(session, "connect");
  await Promise.all(
    Array.from({ length: 1 + random.below(6) }, () => stream(session, random)),
  );
  if (random.once(3)) session.destroy();
  else session.close();
  await closed;
  clearTimeout(timer);
}

async function stream(
  session: ClientHttp2Session,
  random: Random,
): Promise<void> {
  const isPost = random.once(3);
  const asked = session.request(
    {
      ":path": `/${random.pick(isPost ? BODIES : ANSWERS)}`,
      ":method": isPost ? "POST" : "GET",
    },
    { endStream: !isPost },
  );
  asked.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    asked.once("close", () => resolve());
  });
  if (isPost) await pour(asked, random);
  const way = random.below(4);
  if (way === 0) {
    asked.pause(); // opens no window
    await delay(random.below(600), { keepAlive: true });
  } else asked.resume();
  if (way === 1) await delay(random.below(100), { keepAlive: true });
  if (way <= 1) asked.close(8);
  await closed;
}

/** A body, drop by drop; not always to its end. */
async function pour(asked: ClientHttp2Stream, random: Random): Promise<void> {
  for (let piece = random.below(20); piece > 0; piece--) {
    if (asked.destroyed) return;
    asked.write(Buffer.alloc(3000, "p"));
    await delay(random.below(10), { keepAlive: true });
  }
  if (!random.once(4)) asked.end();
}
