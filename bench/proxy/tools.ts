import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** A program of Debian that the comparison uses. */
interface Tool {
  readonly command: string;
  readonly package: string;
  readonly version: readonly string[];
}

export const TOOLS = {
  h2load: {
    command: "h2load",
    package: "nghttp2-client",
    version: ["--version"],
  },
  nginx: { command: "nginx", package: "nginx-light", version: ["-v"] },
  haproxy: { command: "haproxy", package: "haproxy", version: ["-v"] },
  varnish: { command: "varnishd", package: "varnish", version: ["-V"] },
  caddy: { command: "caddy", package: "caddy", version: ["version"] },
  npm: { command: "npm", package: "npm", version: ["--version"] },
  openssl: { command: "openssl", package: "openssl", version: ["version"] },
  taskset: {
    command: "taskset",
    package: "util-linux",
    version: ["--version"],
  },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;

/**
 * Finds these programs, or installs them where this is root on a Debian; says
 * both aloud. Answers the first line of each one's version, for those that
 * are there.
 */
export function provideTools(
  names: readonly ToolName[],
): ReadonlyMap<ToolName, string> {
  const missing = names.filter((name) => versionOf(name) === undefined);
  if (missing.length > 0) install(missing);
  const found = new Map<ToolName, string>();
  for (const name of names) {
    const version = versionOf(name);
    if (version !== undefined) found.set(name, version);
    else
      console.error(
        `!! ${name} is missing and is left out: apt-get install ${TOOLS[name].package}`,
      );
  }
  return found;
}

function versionOf(name: ToolName): string | undefined {
  const { command, version } = TOOLS[name];
  const run = spawnSync(command, version, { encoding: "utf8" });
  if (run.error !== undefined) return undefined;
  return `${run.stdout}${run.stderr}`.split("\n")[0]?.trim();
}

function install(names: readonly ToolName[]): void {
  const packages = names.map((name) => TOOLS[name].package);
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  console.error(`Installing from Debian: ${packages.join(" ")}`);
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ])
    spawnSync("apt-get", args, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
}
