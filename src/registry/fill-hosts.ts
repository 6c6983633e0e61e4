import type { Journal } from "../base/index.ts";
import type { ZooKeeper } from "../zookeeper/index.ts";
import { parseDefinition, readHost } from "./definition-schema.ts";
import { ensureNode, hasCode, type NodeAcl } from "./folders.ts";
import { servicePath } from "./layout.ts";
import { RegistryError } from "./registry-error.ts";

/**
 * Makes sure that the service's node stands. `hosts` fill an empty definition;
 * where there is one they change nothing, and a difference is told.
 * @throws RegistryError `bad-value` for what is no host name
 */
export async function fillHosts(
  zk: ZooKeeper,
  options: {
    readonly service: string;
    readonly hosts: readonly string[];
    readonly acl: NodeAcl;
    readonly journal: Journal;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { service, acl, journal, signal } = options;
  const path = servicePath(service);
  const hosts = options.hosts.map(checkHost);
  const data = hosts.length === 0 ? null : JSON.stringify({ hosts });
  for (;;) {
    if (await ensureNode(zk, path, { acl, data, signal })) return;
    if (data === null) return;
    const node = await zk.getData(path, { signal });
    const parsed = parseDefinition(node.data);
    if (parsed.kind !== "value" || parsed.value.kind !== "empty") {
      const defined =
        parsed.kind === "value" && parsed.value.kind === "definition"
          ? parsed.value.definition.hosts
          : [];
      const missing = hosts.filter((host) => !defined.includes(host));
      if (missing.length > 0)
        journal({
          level: "warn",
          room: "registry",
          event: "hosts-ignored",
          message: `${path} has a definition already, and it does not name ${missing.join(", ")}: change it there`,
          path,
          hosts: missing,
        });
      return;
    }
    try {
      await zk.setData(path, data, { version: node.stat.version, signal });
      return;
    } catch (error) {
      if (!hasCode(error, "bad-version") && !hasCode(error, "no-node"))
        throw error;
    }
  }
}

function checkHost(host: string): string {
  const read = readHost(host);
  if (read !== undefined) return read;
  throw new RegistryError(
    "bad-value",
    `Cannot serve the host ${JSON.stringify(host)}: it is not a host name (write it without scheme, port and wildcard)`,
  );
}
