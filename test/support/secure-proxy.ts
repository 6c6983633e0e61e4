import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tlsFile } from "../scenario/secure-harness.ts";
import { startCommand, urlOf } from "./command.ts";
import { get } from "./http-client.ts";

/** `zoogate proxy` with and without TLS, from the text of a configuration file. */
export async function startSecureProxy(t: TestContext, config: string) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-secure-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "zoogate.yaml");
  await writeFile(file, config);
  const command = await startCommand([
    "proxy",
    "--config",
    file,
    "--tls-listen",
    "127.0.0.1:0",
    "--tls-cert",
    tlsFile("default.pem"),
    "--tls-key",
    tlsFile("default.key.pem"),
  ]);
  t.after(() => command[Symbol.asyncDispose]());
  const ready = await command.ready();
  const portOf = (pattern: RegExp) => Number(pattern.exec(ready)?.[1]);
  const admin = /admin (\S+)/u.exec(ready)?.[1] ?? "";
  return {
    command,
    url: urlOf(ready),
    port: portOf(/http:\/\/127\.0\.0\.1:(\d+)/u),
    tlsPort: portOf(/https:\/\/127\.0\.0\.1:(\d+)/u),
    metrics: async () => (await get(`${admin}/metrics`)).body.toString(),
  };
}
