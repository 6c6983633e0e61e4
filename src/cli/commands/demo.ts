import { Command, Option } from "commander";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatAddress } from "../../base/index.ts";
import { DEFAULT_ZOOKEEPER, parseAddress } from "../../config/index.ts";
import { DemoStage } from "../demo-stage.ts";
import { Lifetime, printReady } from "../lifetime.ts";

const SERVICE = "www";
const SITE = new URL("../../../demo/site/", import.meta.url);

/** `zoogate demo` */
export function demoCommand(): Command {
  return new Command("demo")
    .addOption(
      new Option("--listen <address>", "where the proxy answers").default(
        "127.0.0.1:8080",
      ),
    )
    .addHelpText(
      "after",
      `
Starts a keeper, two replicas of a small site and one proxy, each a process of
its own, and prints what to open and what to try. All of it ends with this
command, and its files, in a temporary folder, with it.`,
    )
    .action(runDemo);
}

async function runDemo(flags: { readonly listen: string }): Promise<void> {
  const listen = parseAddress(flags.listen, "--listen");
  using lifetime = new Lifetime();
  const folder = await mkdtemp(join(tmpdir(), "zoogate-demo-"));
  const stage = new DemoStage({
    signal: lifetime.signal,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    const site = join(folder, "site");
    await cp(fileURLToPath(SITE), site, { recursive: true });
    const zookeeper = await startKeeper(stage, folder);
    const shared = ["--zookeeper", zookeeper, "--log-level", "warn"];
    const replica = (number: number) =>
      stage.start({
        name: `replica-${number}`,
        args: [
          "serve",
          site,
          "--service",
          SERVICE,
          "--name",
          `replica-${number}`,
          "--listen",
          "127.0.0.1:0",
          "--data",
          join(folder, `replica-${number}`),
          ...shared,
        ],
      });
    const proxy = stage.start({
      name: "proxy",
      args: [
        "proxy",
        "--listen",
        formatAddress(listen),
        "--data",
        join(folder, "proxy"),
        ...shared,
      ],
    });
    const [where] = await Promise.all([proxy, replica(1), replica(2)]);
    const url = /http:\/\/[^\s,]+/u.exec(where)?.[0] ?? where;
    printReady(url);
    process.stdout.write(whatToTry({ url, zookeeper, site, stage }));
    await lifetime.ended();
  } catch (error) {
    if (!lifetime.signal.aborted) throw error;
  } finally {
    lifetime.end();
    await stage.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** On its usual port, so that ZooKeeper's tools find it, else on a free one. */
async function startKeeper(stage: DemoStage, folder: string): Promise<string> {
  const start = (listen: string) =>
    stage.start({
      name: "keeper",
      args: [
        "keeper",
        "--listen",
        listen,
        "--data",
        join(folder, "keeper"),
        "--log-level",
        "warn",
      ],
    });
  let where: string;
  try {
    where = await start(DEFAULT_ZOOKEEPER);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("in use")))
      throw error;
    where = await start("127.0.0.1:0");
  }
  return /[\d.]+:\d+/u.exec(where)?.[0] ?? where;
}

function whatToTry(demo: {
  readonly url: string;
  readonly zookeeper: string;
  readonly site: string;
  readonly stage: DemoStage;
}): string {
  const { url, zookeeper, site, stage } = demo;
  const zoogate = thisCommand();
  return `
  Open   ${url}

  Try, in another terminal:
    ${zoogate} status --zookeeper ${zookeeper}
        services, targets, and how many requests each has answered
    curl -so /dev/null -D - ${url}/ | grep -i cache-status
        the second answer is a hit
    kill -9 ${stage.pidOf("replica-1")}
        one replica dies; reload: the site does not (the replica is back in 10 s)
    kill -9 ${stage.pidOf("keeper")}
        the coordinator dies; reload: the site does not notice
    edit a file in ${site}
        save and reload: a new release is live, nothing stale is shown
    zkCli.sh -server ${zookeeper} ls /zoogate/services/${SERVICE}/targets
        any ZooKeeper tool can look inside

  Stop it all with Ctrl-C.
`;
}

/** How the reader called us, so that what we print can be pasted. */
function thisCommand(): string {
  switch (process.env["npm_lifecycle_event"]) {
    case "start":
      return "npm run -s zoogate --";
    case "npx":
      return "npx zoogate";
    default:
      return "zoogate";
  }
}
