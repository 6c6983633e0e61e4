/** Where the registry stands when the connect string names no place. */
export const DEFAULT_CHROOT = "/zoogate";

/**
 * The connect string of the registry: a path in the given one is where the
 * registry stands ("/" alone: at the root); without one it is `/zoogate`.
 */
export function registryConnectString(connectString: string): string {
  return connectString.includes("/")
    ? connectString
    : `${connectString}${DEFAULT_CHROOT}`;
}

/** The same for every way to write down one registry: hosts in any order. */
export function registryIdentity(connectString: string): string {
  const whole = registryConnectString(connectString);
  const slash = whole.indexOf("/");
  const hosts = whole
    .slice(0, slash)
    .split(",")
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== "")
    .map((host) => (/:\d+$/.test(host) ? host : `${host}:2181`))
    .sort();
  const chroot = whole.slice(slash).replace(/\/+$/, "");
  return `${hosts.join(",")}${chroot}`;
}
