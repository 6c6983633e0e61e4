import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import type { ServiceDefinition } from "../../src/registry/index.ts";
import { serviceView, startProxy, startTarget } from "./proxy-harness.ts";

/** A certificate for tests, or its key. */
export function tlsFile(name: string): string {
  return join(import.meta.dirname, "..", "vectors", "tls", name);
}

export const CA: string = readFileSync(tlsFile("ca.pem"), "utf8");

/** The pair of files of a certificate for tests. */
export function pair(name: string) {
  return {
    certFile: tlsFile(`${name}.pem`),
    keyFile: tlsFile(`${name}.key.pem`),
  };
}

/** A proxy with TLS before one `node:http` target, both closed at the end. */
export async function secureProxy(
  t: TestContext,
  listener: RequestListener,
  options: Partial<DataPlaneOptions> & {
    readonly definition?: Partial<ServiceDefinition>;
  } = {},
) {
  const { definition = {}, ...plane } = options;
  const target = await startTarget(listener);
  t.after(target.close);
  const proxy = await startProxy(
    [serviceView([target.view()], { definition })],
    {
      listen: [{ host: "127.0.0.1", port: 0, tls: true }],
      certificates: [pair("default"), pair("www"), pair("wildcard")],
      ...plane,
    },
  );
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  return { ...proxy, target };
}

/** A TLS client that trusts the test authority; resolves after the handshake. */
export async function tlsClient(
  t: TestContext,
  port: number,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: CA,
    servername: "localhost",
    ...options,
  });
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  socket.on("error", () => {});
  return socket;
}

/** An HTTP/2 client over TLS. */
export async function http2Client(
  t: TestContext,
  port: number,
): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://localhost:${port}`, {
    ca: CA,
    lookup: (_name, _options, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  session.on("error", () => {});
  t.after(() => session.destroy());
  await once(session, "connect");
  return session;
}

/** What came of one HTTP/2 request. */
export interface Http2Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
  /** How the stream was closed; 0 for an answer that is whole. */
  readonly resetCode: number;
}

/** Sends one request and reads the answer to its end. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Reply> {
  const stream = session.request(headers, { endStream: body === undefined });
  const pieces: Buffer[] = [];
  let answer: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("response", (got) => {
    answer = got;
  });
  stream.on("trailers", (got) => {
    trailers = got;
  });
  stream.on("data", (piece: Buffer) => void pieces.push(piece));
  stream.on("error", () => {});
  if (body !== undefined) stream.end(body);
  await new Promise<void>((resolve) => {
    stream.once("close", () => resolve());
  });
  return {
    status: Number(answer[":status"] ?? 0),
    headers: answer,
    trailers,
    body: Buffer.concat(pieces),
    resetCode: stream.rstCode ?? 0,
  };
}
