/** Embeds the proxy in a process of one's own. */
export { Proxy, type StartProxyOptions } from "./start-proxy.ts";
