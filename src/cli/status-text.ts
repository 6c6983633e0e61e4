import type {
  ProxyReport,
  RegistryReport,
  ServiceReport,
} from "../registry/index.ts";

/** `zoogate status` for a person: a block for each service, then the proxies. */
export function formatStatus(report: RegistryReport, nowMs: number): string {
  const blocks = report.services.map((service) => serviceBlock(service, nowMs));
  if (blocks.length === 0) blocks.push("No service is registered.\n");
  blocks.push(proxiesBlock(report.proxies, nowMs));
  if (report.problems.length > 0)
    blocks.push(
      `Problems\n${report.problems
        .map(({ path, message }) => `  ${path}: ${message}\n`)
        .join("")}`,
    );
  return blocks.join("\n");
}

function serviceBlock(service: ServiceReport, nowMs: number): string {
  const { hosts, path } = service.definition;
  const where = hosts.length === 0 ? "every other host" : hosts.join(", ");
  const release = service.currentRelease ?? "none named";
  const rows = service.targets
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((target) => [
      target.name,
      target.url,
      target.state,
      target.release ?? "-",
      String(target.requests),
      target.sinceMs === undefined ? "-" : age(nowMs - target.sinceMs),
    ]);
  const retired =
    service.retiredRequests === 0
      ? ""
      : `  ${service.retiredRequests} requests by targets that have left\n`;
  return `${service.name}  ${where}${path === "/" ? "" : path}  release ${release}\n${
    rows.length === 0
      ? "  no targets\n"
      : table([
          ["target", "url", "state", "release", "requests", "since"],
          ...rows,
        ])
  }${retired}`;
}

function proxiesBlock(proxies: readonly ProxyReport[], nowMs: number): string {
  if (proxies.length === 0) return "No proxy is connected.\n";
  return `Proxies\n${table(
    proxies.map((proxy) => [
      proxy.id,
      proxy.listeners.join(" ") || "-",
      `zoogate ${proxy.version}`,
      proxy.since === undefined ? "-" : age(nowMs - proxy.since),
    ]),
  )}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** "42 s", "5 min", "3 h", "12 d". */
function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
