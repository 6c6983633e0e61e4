import { type Address, formatAddress } from "../base/index.ts";
import {
  parseAddress,
  parseListenAddress,
  type ProxySettings,
} from "../config/index.ts";
import type { ListenAddress } from "../proxy/index.ts";
import type { PassedListener } from "./inheritance.ts";
import { refusePortInUse } from "./port-in-use.ts";
import { expectsProxyProtocol } from "./proxy-config.ts";

/** Who may have opened sockets for this process before it started. */
export interface SocketSource {
  /** A listener that was asked for by the same text; each is given once. */
  take(role: PassedListener["role"], asked: string): PassedListener | undefined;
}

/** One address to listen on, and how it was asked for. */
export interface AskedListener {
  readonly role: PassedListener["role"];
  readonly asked: string;
}

/** Where a proxy answers requests; the two lists have one order. */
export interface ProxyListeners {
  readonly asked: readonly AskedListener[];
  readonly addresses: readonly ListenAddress[];
  readonly askedAdmin: string;
  /** Where the admin server is to go on. */
  readonly admin: PassedListener | undefined;
}

/**
 * The addresses of the settings, with the sockets that are open already. Others
 * are tried now, so that a mistake is told before anything is waited for.
 * @throws ListenError
 */
export async function openListeners(
  { main, tls, proxyProtocol }: ProxySettings,
  source: SocketSource | undefined,
): Promise<ProxyListeners> {
  const { redirectHttp, redirectPort } = tls;
  const expects = (text: string) => ({
    proxyProtocol: expectsProxyProtocol(text, proxyProtocol),
  });
  const wanted: readonly (Address & ListenAddress)[] = [
    ...main.listen.map((text) => ({
      ...parseListenAddress(text, "--listen"),
      socketMode: Number.parseInt(main.socketMode, 8),
      ...(redirectHttp ? { redirectPort } : {}),
      ...expects(text),
    })),
    ...tls.listen.map((text) => ({
      ...parseAddress(text, "--tls-listen"),
      tls: true,
      ...expects(text),
    })),
  ];
  const asked: AskedListener[] = [];
  const addresses: ListenAddress[] = [];
  for (const address of wanted) {
    const text = formatAddress(address);
    asked.push({ role: "data", asked: text });
    const passed = source?.take("data", text);
    if (passed === undefined) await refusePortInUse(address);
    addresses.push(
      passed === undefined
        ? address
        : {
            ...address,
            host: passed.host,
            port: passed.port,
            sockets: passed.sockets,
          },
    );
  }
  const askedAdmin = main.admin ?? "";
  const admin = source?.take("admin", askedAdmin);
  // Without a predecessor it is opened at once, which tells as well.
  if (source !== undefined && admin === undefined && main.admin !== undefined)
    await refusePortInUse(parseAddress(main.admin, "--admin"));
  return { asked, addresses, askedAdmin, admin };
}
