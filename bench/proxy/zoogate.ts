import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChildServer, freePort } from "./child-server.ts";
import type { Contender, Stage } from "./contender.ts";

const BIN = join(import.meta.dirname, "..", "..", "src", "cli", "bin.ts");

/**
 * Zoogate as its users run it, with one worker and everything that is on by
 * default: a keeper, the origin registered in it, and the proxy. Only the proxy,
 * its main thread included, is measured.
 */
export async function startZoogate(
  stage: Stage,
  options: {
    /** A folder for the CPU profile of each thread. */
    readonly profileFolder?: string | undefined;
  } = {},
): Promise<Contender> {
  const { folder, core, otherCore, originPort, certificate } = stage;
  const started: ChildServer[] = [];
  const stop = async () => {
    for (const server of started.toReversed()) await server.stop();
  };
  const zoogate = async (
    name: string,
    port: number,
    args: readonly string[],
  ): Promise<ChildServer> => {
    const profile =
      name === "proxy" && options.profileFolder !== undefined
        ? ["--cpu-prof", `--cpu-prof-dir=${options.profileFolder}`]
        : [];
    const server = await ChildServer.start({
      name: `zoogate ${name}`,
      core: name === "proxy" ? core : otherCore,
      port,
      command: process.execPath,
      args: [...profile, BIN, name, ...args],
    });
    started.push(server);
    return server;
  };
  try {
    const keeperPort = await freePort();
    const zookeeper = ["--zookeeper", `127.0.0.1:${keeperPort}`];
    const data = (name: string) => [
      "--data",
      join(folder, `zoogate-${keeperPort}`, name),
    ];
    await zoogate("keeper", keeperPort, [
      "--listen",
      `127.0.0.1:${keeperPort}`,
      ...data("keeper"),
    ]);
    await zoogate("register", originPort, [
      ...zookeeper,
      "--service",
      "bench",
      "--port",
      String(originPort),
      "--release",
      "one",
      ...data("register"),
    ]);
    const accessLogFile = stage.accessLog
      ? join(folder, "zoogate-access.log")
      : undefined;
    const port = await freePort();
    const tlsPort = await freePort();
    const admin = await freePort();
    // As long as nginx and HAProxy are told to: connections are kept on purpose.
    const config = join(folder, `zoogate-${keeperPort}.yaml`);
    await writeFile(config, "limits: { idleTimeout: 10m }\n");
    const server = await zoogate("proxy", port, [
      ...zookeeper,
      "--config",
      config,
      "--listen",
      `127.0.0.1:${port}`,
      "--admin",
      `127.0.0.1:${admin}`,
      "--workers",
      "1",
      ...data("proxy"),
      ...(accessLogFile === undefined ? [] : ["--access-log", accessLogFile]),
      ...(certificate === undefined
        ? []
        : [
            "--tls-listen",
            `127.0.0.1:${tlsPort}`,
            "--tls-cert",
            certificate.certFile,
            "--tls-key",
            certificate.keyFile,
          ]),
    ]);
    return {
      name: "Zoogate",
      server,
      http: `http://127.0.0.1:${port}`,
      https: certificate && `https://127.0.0.1:${tlsPort}`,
      accessLogFile,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
