import { type Address, formatAddress } from "../base/index.ts";
import {
  DEFAULT_ADMIN,
  parseAddress,
  parseListenAddress,
  type ProxySettings,
} from "../config/index.ts";
import type { ListenAddress } from "../proxy/index.ts";
import type { PassedListener } from "./inheritance.ts";
import { refusePortInUse } from "./port-in-use.ts";
import { expectsProxyProtocol } from "./proxy-config.ts";

/** What a listener is for. */
export type ListenerUse = "http" | "https" | "admin";

/** Who has opened sockets for this process before it started. */
export interface SocketSource {
  /** A listener that was asked for by the same text; each is given once. */
  take(use: ListenerUse, asked: string): PassedListener | undefined;
  /** One that is named for this use, when no more are asked for by their text. */
  takeNamed?(use: ListenerUse, asked: string): PassedListener | undefined;
  /** @throws ConfigError when some were not taken that should have been */
  refuseRest?(): void;
}

/** Where a proxy answers requests; the lists have one order. */
export interface ProxyListeners {
  readonly asked: readonly string[];
  readonly addresses: readonly ListenAddress[];
  readonly askedAdmin: string;
  /** Where the admin server is to go on. */
  readonly admin: PassedListener | undefined;
}

interface Wanted {
  readonly use: ListenerUse;
  readonly asked: string;
  readonly address: Address & ListenAddress;
}

/**
 * The addresses of the settings, with the sockets that are open already. Others
 * are tried now, so that a mistake is told before anything is waited for.
 * @throws ListenError, ConfigError
 */
export async function openListeners(
  settings: ProxySettings,
  source: SocketSource | undefined,
): Promise<ProxyListeners> {
  const wanted = wantedBy(settings);
  const askedAdmin = settings.main.admin ?? DEFAULT_ADMIN;
  const passed = wanted.map(({ use, asked }) => source?.take(use, asked));
  let admin = source?.take("admin", askedAdmin);
  // Only then, so that a name takes no socket from the address it is bound to.
  for (const [index, { use, asked }] of wanted.entries())
    passed[index] ??= source?.takeNamed?.(use, asked);
  admin ??= source?.takeNamed?.("admin", askedAdmin);
  source?.refuseRest?.();
  const addresses: ListenAddress[] = [];
  for (const [index, { address }] of wanted.entries())
    addresses.push(await openOne(address, passed[index]));
  // Without a source it is opened at once, which tells as well.
  const opensAdmin = admin === undefined && settings.main.admin !== undefined;
  if (source !== undefined && opensAdmin)
    await refusePortInUse(parseAddress(askedAdmin, "--admin"));
  return {
    asked: wanted.map(({ asked }) => asked),
    addresses,
    askedAdmin,
    admin,
  };
}

function wantedBy({
  main,
  tls,
  proxyProtocol,
}: ProxySettings): readonly Wanted[] {
  const { redirectHttp, redirectPort } = tls;
  const want = (use: ListenerUse, text: string): Wanted => {
    const parsed =
      use === "https"
        ? parseAddress(text, "--tls-listen")
        : parseListenAddress(text, "--listen");
    return {
      use,
      asked: formatAddress(parsed),
      address: {
        ...parsed,
        socketMode: Number.parseInt(main.socketMode, 8),
        ...(use === "https" ? { tls: true } : {}),
        ...(use === "http" && redirectHttp ? { redirectPort } : {}),
        proxyProtocol: expectsProxyProtocol(text, proxyProtocol),
      },
    };
  };
  return [
    ...main.listen.map((text) => want("http", text)),
    ...tls.listen.map((text) => want("https", text)),
  ];
}

async function openOne(
  address: Address & ListenAddress,
  passed: PassedListener | undefined,
): Promise<ListenAddress> {
  if (passed === undefined) {
    await refusePortInUse(address);
    return address;
  }
  const { host, port, sockets, isSingle } = passed;
  return { ...address, host, port, sockets, isSingle };
}
