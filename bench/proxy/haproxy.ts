import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";
import { CONTENTS } from "./scenarios.ts";

/** HAProxy on one thread, kept connections on both sides, with its small cache. */
export async function startHaproxy(stage: Stage): Promise<Contender> {
  const { folder, core, originPort, certificate } = stage;
  const port = await freePort();
  const tlsPort = await freePort();
  const config = join(folder, "haproxy.cfg");
  const accessLogFile = stage.accessLog
    ? join(folder, "haproxy-access.log")
    : undefined;
  await writeFile(
    config,
    `global
  maxconn 16000
  no strict-limits
  nbthread 1
  ${stage.accessLog ? "log stdout format raw local0 info" : ""}
defaults
  mode http
  option http-keep-alive
  option forwardfor
  ${stage.accessLog ? "log global\n  option httplog" : ""}
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
  ${certificate ? `bind 127.0.0.1:${tlsPort} backlog 4096 ssl crt ${certificate.bothFile} alpn h2,http/1.1` : ""}
  use_backend cached if { path ${CONTENTS.cached.path} }
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
    outputFile: accessLogFile,
  });
  return {
    name: "HAProxy",
    server,
    http: `http://127.0.0.1:${port}`,
    https: certificate && `https://127.0.0.1:${tlsPort}`,
    accessLogFile,
    stop: () => server.stop(),
  };
}
