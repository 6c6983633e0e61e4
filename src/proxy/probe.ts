import { connect, type Socket } from "node:net";
import {
  DEFAULT_HEAD_LIMITS,
  localProxyHeader,
  parseResponseHead,
} from "../http/index.ts";
import type { ProxyProtocolDefinition } from "../registry/index.ts";
import { connectSecurely, isSecure } from "./target-tls.ts";
import type { UpstreamAddress } from "./upstream-address.ts";

/**
 * Asks a target whether it is there. Without `path` an accepted connection is
 * enough; with it an answer must come, and `good` decides by its status.
 */
export function probe(
  address: UpstreamAddress,
  options: {
    readonly timeoutMs: number;
    readonly path?: string;
    readonly authority?: string;
    readonly good?: (status: number) => boolean;
    /** Of the service: the probe speaks for nobody then. */
    readonly proxyProtocol: ProxyProtocolDefinition;
  },
): Promise<boolean> {
  const { timeoutMs, path, authority = "localhost" } = options;
  const { good = () => true, proxyProtocol } = options;
  return new Promise((resolve) => {
    const introduction =
      proxyProtocol === "off" ? undefined : localProxyHeader(proxyProtocol);
    const socket = connectTo(address, introduction);
    let received = Buffer.alloc(0);
    const finish = (ok: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(ok);
    };
    const timer = setTimeout(finish, timeoutMs, false);
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
    socket.on(isSecure(address) ? "secureConnect" : "connect", () => {
      if (path === undefined) finish(true);
      else
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: zoogate-probe\r\nConnection: close\r\n\r\n`,
        );
    });
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const result = parseResponseHead(
        received,
        0,
        received.length,
        DEFAULT_HEAD_LIMITS,
        "GET",
      );
      if (result.kind === "reject") finish(false);
      else if (result.kind === "head") finish(good(result.head.status));
    });
  });
}

function connectTo(
  address: UpstreamAddress,
  introduction: Buffer | undefined,
): Socket {
  if (isSecure(address)) return connectSecurely(address, introduction);
  const { host, port, socketPath } = address;
  const socket =
    socketPath === undefined
      ? connect({ host, port })
      : connect({ path: socketPath });
  if (introduction !== undefined) socket.write(introduction);
  return socket;
}
