import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";
import { PATHS } from "./origin.ts";

/** HAProxy on one thread, kept connections on both sides, with its small cache. */
export async function startHaproxy(stage: Stage): Promise<Contender> {
  const { folder, core, originPort } = stage;
  const port = await freePort();
  const config = join(folder, "haproxy.cfg");
  await writeFile(
    config,
    `global
  maxconn 4000
  nbthread 1
defaults
  mode http
  option http-keep-alive
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
cache store
  total-max-size 64
  max-object-size 1000000
  max-age 86400
frontend in
  bind 127.0.0.1:${port} backlog 4096
  use_backend cached if { path ${PATHS.cached} }
  default_backend uncached
backend cached
  http-request cache-use store
  http-response cache-store store
  http-response set-header X-Cache MISS
  server origin 127.0.0.1:${originPort}
backend uncached
  server origin 127.0.0.1:${originPort}
`,
  );
  const server = await ChildServer.start({
    name: "haproxy",
    core,
    port,
    command: "haproxy",
    args: ["-f", config, "-db"],
  });
  return {
    name: "HAProxy",
    server,
    urls: {
      cached: `http://127.0.0.1:${port}${PATHS.cached}`,
      uncached: `http://127.0.0.1:${port}${PATHS.uncached}`,
    },
    stop: () => server.stop(),
  };
}
