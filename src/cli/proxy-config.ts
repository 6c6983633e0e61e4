import { formatAddress, readAddress } from "../base/index.ts";
import {
  ConfigError,
  ConfigFile,
  formatSetting,
  NO_ZOOKEEPER,
  proxySettings,
  type ProxySettings,
  type Resolved,
  resolveSettings,
  valuesOf,
} from "../config/index.ts";
import { readStaticServices, type StaticService } from "../registry/index.ts";
import { givenFlags, type ParsedFlags } from "./setting-flags.ts";

/** Where a proxy's configuration comes from. */
export interface ConfigSources {
  /** What commander read. */
  readonly flags: ParsedFlags;
  readonly env: NodeJS.ProcessEnv;
}

/** What a proxy is to do, checked and whole. */
export interface ProxyConfig {
  readonly file: string | undefined;
  readonly settings: ProxySettings;
  /** Every setting with where it comes from. */
  readonly resolved: readonly Resolved[];
  readonly services: readonly StaticService[];
}

const SERVICES = "services";

/** The file that flags or environment name. */
export function configPath({ flags, env }: ConfigSources): string | undefined {
  const named = flags["config"] ?? env["ZOOGATE_CONFIG"];
  return typeof named === "string" && named !== "" ? named : undefined;
}

/**
 * Reads everything anew.
 * @throws ConfigError with all that is wrong
 */
export async function loadProxyConfig(
  sources: ConfigSources,
): Promise<ProxyConfig> {
  const path = configPath(sources);
  const file = path === undefined ? undefined : await ConfigFile.read(path);
  const problems: string[] = [];
  const services = readServices(file, problems);
  let resolved: readonly Resolved[] = [];
  try {
    resolved = resolveSettings(proxySettings, {
      flags: givenFlags(proxySettings, sources.flags),
      assignments: assignmentsOf(sources.flags),
      env: sources.env,
      file,
      otherKeys: [SERVICES],
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.unshift(...error.problems);
  }
  if (problems.length > 0) throw new ConfigError("bad-value", problems);
  const settings = valuesOf(resolved) as unknown as ProxySettings; // each row's value was checked
  checkTogether(settings, services, file);
  return { file: path, settings, resolved, services };
}

function assignmentsOf(flags: ParsedFlags): readonly string[] {
  const set = flags["set"];
  return Array.isArray(set) ? (set as readonly string[]) : []; // gathered by commander
}

function readServices(
  file: ConfigFile | undefined,
  problems: string[],
): readonly StaticService[] {
  const given = file?.root[SERVICES];
  if (file === undefined || given === undefined || given === null) return [];
  const reading = readStaticServices(given);
  if (reading.kind === "services") return reading.services;
  for (const { path, on, message } of reading.problems) {
    const whole = [SERVICES, ...path];
    problems.push(
      `${file.where(whole, on)}: Cannot use ${whole.join(".")}: ${message}`,
    );
  }
  return [];
}

/** What no single row can check. */
function checkTogether(
  settings: ProxySettings,
  services: readonly StaticService[],
  file: ConfigFile | undefined,
): void {
  const { zookeeper, listen } = settings.main;
  if (zookeeper === NO_ZOOKEEPER && services.length === 0)
    throw new ConfigError(
      "conflicting-options",
      `${file === undefined ? "" : `${file.path}: `}Cannot serve without ZooKeeper: there are no services, with zookeeper ${NO_ZOOKEEPER} they should be in the configuration file`,
    );
  if (listen.length === 0)
    throw new ConfigError(
      "bad-value",
      "Cannot listen nowhere: listen should have one address or more",
    );
  const all = [...listen, ...settings.tls.listen];
  const twice = all.find(
    (address, index) => !address.endsWith(":0") && all.indexOf(address) < index,
  );
  if (twice !== undefined)
    throw new ConfigError(
      "bad-value",
      `Cannot listen on ${twice} twice: each address should be there once`,
    );
  checkTls(settings.tls);
  checkProxyProtocol(settings.proxyProtocol, all);
}

function checkProxyProtocol(
  { from, listen }: ProxySettings["proxyProtocol"],
  listeners: readonly string[],
): void {
  const known = listeners.map(plainText);
  const unknown = listen.find((text) => !known.includes(plainText(text)));
  const because =
    unknown !== undefined
      ? `nothing listens on ${unknown}, proxyProtocol.listen should name what listen or tls.listen do`
      : listen.length > 0 && from.length === 0
        ? "nobody is believed, proxyProtocol.from should name the load balancers"
        : undefined;
  if (because !== undefined)
    throw new ConfigError(
      "conflicting-options",
      `Cannot expect the PROXY protocol: ${because}`,
    );
}

/** Whether a listener, as it is written in the settings, expects the PROXY protocol. */
export function expectsProxyProtocol(
  listener: string,
  { listen }: ProxySettings["proxyProtocol"],
): boolean {
  return (
    listen.length === 0 || listen.map(plainText).includes(plainText(listener))
  );
}

/** One text for an address however it is written: `:80` is 0.0.0.0:80. */
function plainText(text: string): string {
  const address = readAddress(text);
  return address === undefined ? text : formatAddress(address);
}

function checkTls({ listen, cert, key, redirectHttp }: ProxySettings["tls"]) {
  const because =
    cert.length !== key.length
      ? `there are ${cert.length} certificates and ${key.length} keys, each certificate should have its key`
      : listen.length > 0 && cert.length === 0
        ? "there is no certificate, tls.cert and tls.key should name one"
        : listen.length === 0 && (cert.length > 0 || redirectHttp)
          ? "nothing listens, tls.listen should have an address"
          : undefined;
  if (because !== undefined)
    throw new ConfigError(
      "conflicting-options",
      `Cannot serve TLS: ${because}`,
    );
}

/** What `--check-config` prints: each setting, its value, where it is from. */
export function formatConfig(config: ProxyConfig): string {
  const rows = config.resolved.map(({ setting, value, source }) => [
    `${setting.key}:`,
    formatSetting(setting, value),
    `# ${source}`,
  ]);
  for (const { name, definition, targets } of config.services)
    rows.push([
      `${SERVICES}.${name}:`,
      `[${targets.map(({ url, weight }) => (weight === 1 ? url : `${url} × ${weight}`)).join(", ")}]`,
      definition === undefined
        ? "# file, defined by the registry"
        : `# file, for ${[...definition.hosts, ...(definition.hosts.length === 0 ? ["every other host"] : [])].join(", ")} at ${definition.path}`,
    ]);
  const widths = [0, 1].map((column) =>
    Math.max(...rows.map((row) => Math.min(row[column]?.length ?? 0, 40))),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join(" ")
        .trimEnd(),
    )
    .join("\n");
}
