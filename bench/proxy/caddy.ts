import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";

/** Caddy's `reverse_proxy` with its defaults; it has no store of its own. */
export async function startCaddy(stage: Stage): Promise<Contender> {
  const { folder, core, originPort, certificate } = stage;
  const port = await freePort();
  const tlsPort = await freePort();
  const accessLogFile = stage.accessLog
    ? join(folder, "caddy-access.log")
    : undefined;
  const site = `bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort}
  ${accessLogFile === undefined ? "" : `log {\n    output file ${accessLogFile} {\n      roll_disabled\n    }\n  }`}`;
  const secure =
    certificate === undefined
      ? ""
      : `https://:${tlsPort} {
  tls ${certificate.certFile} ${certificate.keyFile}
  ${site}
}`;
  const config = join(folder, "Caddyfile");
  await writeFile(
    config,
    `{
  admin off
  auto_https off
  default_sni localhost
}
http://:${port} {
  ${site}
}
${secure}
`,
  );
  const server = await ChildServer.start({
    name: "caddy",
    core,
    port,
    command: "caddy",
    args: ["run", "--config", config, "--adapter", "caddyfile"],
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  return {
    name: "Caddy",
    server,
    http: `http://127.0.0.1:${port}`,
    https: certificate && `https://127.0.0.1:${tlsPort}`,
    storeless: true,
    accessLogFile,
    stop: () => server.stop(),
  };
}
