/** The hosts of a connect string, without ports and brackets. */
export function zooKeeperHosts(connectString: string): readonly string[] {
  const slash = connectString.indexOf("/");
  const servers = slash === -1 ? connectString : connectString.slice(0, slash);
  return servers.split(",").map((server) =>
    server
      .trim()
      .replace(/:\d+$/u, "")
      .replaceAll(/^\[|\]$/gu, ""),
  );
}
