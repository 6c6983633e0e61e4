import { encodeName, decodeName } from "./names.ts";

/**
 * Where everything stands, below the chroot. `docs/znodes.md` shows it to
 * operators.
 */
export const SERVICES = "/services";
export const REQUESTS = "/requests";
export const LEDGER = "/ledger";
export const PROXIES = "/proxies";

export function servicePath(service: string): string {
  return `${SERVICES}/${encodeName(service)}`;
}

export function targetsPath(service: string): string {
  return `${servicePath(service)}/targets`;
}

export function targetPath(service: string, target: string): string {
  return `${targetsPath(service)}/${encodeName(target)}`;
}

export function releasesPath(service: string): string {
  return `${servicePath(service)}/releases`;
}

export function releasePath(service: string, release: string): string {
  return `${releasesPath(service)}/${encodeName(release)}`;
}

export function currentPath(service: string): string {
  return `${servicePath(service)}/current`;
}

export function overridePath(service: string, target: string): string {
  return `${servicePath(service)}/overrides/${encodeName(target)}`;
}

export function requestsPath(service: string): string {
  return `${REQUESTS}/${encodeName(service)}`;
}

export function countPath(service: string, target: string): string {
  return `${requestsPath(service)}/${encodeName(target)}`;
}

export function ledgerPath(proxy: string): string {
  return `${LEDGER}/${encodeName(proxy)}`;
}

export function proxyPath(id: string): string {
  return `${PROXIES}/${encodeName(id)}`;
}

/** What a path below `/services` is. */
export type ServicesNode =
  | { readonly kind: "service"; readonly service: string }
  | {
      readonly kind: "target" | "release" | "override";
      readonly service: string;
      readonly name: string;
    }
  | { readonly kind: "current"; readonly service: string }
  /** A folder, or something that a newer version put there. */
  | { readonly kind: "other" }
  | { readonly kind: "bad-name" };

const OTHER: ServicesNode = { kind: "other" };
const BAD_NAME: ServicesNode = { kind: "bad-name" };

const FOLDERS = {
  targets: "target",
  releases: "release",
  overrides: "override",
} as const;

/** Reads a path relative to `/services`, with or without a slash before it. */
export function readServicesPath(path: string): ServicesNode {
  const parts = path.split("/");
  if (parts[0] === "") parts.shift();
  const [first = "", folder, last, ...deeper] = parts;
  if (first === "" || deeper.length > 0) return OTHER;
  const service = decodeName(first);
  if (service === undefined) return BAD_NAME;
  if (folder === undefined) return { kind: "service", service };
  if (last === undefined)
    return folder === "current" ? { kind: "current", service } : OTHER;
  if (!isFolder(folder)) return OTHER;
  const name = decodeName(last);
  return name === undefined
    ? BAD_NAME
    : { kind: FOLDERS[folder], service, name };
}

function isFolder(folder: string): folder is keyof typeof FOLDERS {
  return Object.hasOwn(FOLDERS, folder);
}
