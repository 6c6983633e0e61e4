import { startCaddy } from "./caddy.ts";
import type { Start } from "./contender.ts";
import { startHaproxy } from "./haproxy.ts";
import { startNginx } from "./nginx.ts";
import { startNodeProxy } from "./node-field.ts";
import type { ToolName } from "./tools.ts";
import { startVarnish } from "./varnish.ts";
import { startZoogate } from "./zoogate.ts";

/** A contender by its name on the command line. */
interface Entry {
  readonly start: Start;
  /** Left out where this is not installed. */
  readonly needs?: ToolName;
}

export const FIELD: Readonly<Record<string, Entry>> = {
  zoogate: { start: startZoogate },
  nginx: { start: startNginx, needs: "nginx" },
  haproxy: { start: startHaproxy, needs: "haproxy" },
  varnish: { start: startVarnish, needs: "varnish" },
  caddy: { start: startCaddy, needs: "caddy" },
  fastify: {
    start: (stage) => startNodeProxy("fastify", stage),
    needs: "npm",
  },
  "http-proxy-3": {
    start: (stage) => startNodeProxy("http-proxy-3", stage),
    needs: "npm",
  },
  httpxy: { start: (stage) => startNodeProxy("httpxy", stage), needs: "npm" },
};

export const DEFAULT_CONTENDERS: readonly string[] = [
  "zoogate",
  "nginx",
  "haproxy",
];

/** @throws RangeError for a name that is not in the field */
export function toolsNeeded(names: readonly string[]): readonly ToolName[] {
  return names.flatMap((name) => {
    const entry = FIELD[name];
    if (entry === undefined)
      throw new RangeError(
        `Cannot compare ${JSON.stringify(name)}: there are ${Object.keys(FIELD).join(", ")}`,
      );
    return entry.needs === undefined ? [] : [entry.needs];
  });
}
