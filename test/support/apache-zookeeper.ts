/**
 * Starts Apache ZooKeeper as Debian installs it, alone or as an ensemble of
 * three, on free ports of 127.0.0.1.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fourLetterWord } from "./four-letter-word.ts";
import { freePort, freePorts } from "./free-port.ts";

const JARS = [
  "/usr/share/java/zookeeper.jar",
  "/usr/share/java/slf4j-simple.jar",
];
/** Its manifest leaves it out; TLS needs it. */
const NETTY_JAR = "/usr/share/java/netty-codec.jar";
/** Of a transaction log. */
const HEADER_BYTES = 16;
const START_LIMIT_MS = 20_000;

/** Why Apache ZooKeeper cannot be started here, for `{ skip }`; false where it can. */
export const apacheZooKeeperMissing: string | false =
  JARS.every((jar) => existsSync(jar)) && existsSync("/usr/bin/java")
    ? false
    : "Apache ZooKeeper and Java are not installed";

interface ServerOptions {
  /** Options of the JVM, such as `-Dreadonlymode.enabled=true`. */
  readonly javaOptions?: readonly string[];
  /** Further lines of zoo.cfg. */
  readonly config?: readonly string[];
}

/** One running server. */
export interface ApacheZooKeeper extends AsyncDisposable {
  readonly port: number;
  readonly connectString: string;
  readonly pid: number;
  /** SIGTERM, then waits for the end. Its data stays. */
  stop(): Promise<void>;
  /** SIGKILL, then waits for the end. Its data stays. */
  kill(): Promise<void>;
  /** SIGSTOP: the kernel still takes connections, nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Starts it again on the same port and data, and waits until it serves. */
  restart(): Promise<void>;
  fourLetter(word: string): Promise<string>;
}

/** Starts one server and waits until it serves. Disposing stops it and removes its data. */
export async function startApacheZooKeeper(
  options: ServerOptions & {
    readonly tickTimeMs?: number;
    /** A free one unless given. */
    readonly port?: number;
  } = {},
): Promise<ApacheZooKeeper> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-zk-"));
  const port = options.port ?? (await freePort());
  const server = new Server({
    folder,
    port,
    javaOptions: options.javaOptions ?? [],
    config: [
      `tickTime=${options.tickTimeMs ?? 2_000}`,
      "clientPortAddress=127.0.0.1",
      `clientPort=${port}`,
      "maxClientCnxns=0",
      "admin.enableServer=false",
      "4lw.commands.whitelist=*",
      "extendedTypesEnabled=true",
      ...(options.config ?? []),
    ],
  });
  await server.startOrDispose();
  return server;
}

/** Three servers that form an ensemble. */
export interface ApacheEnsemble extends AsyncDisposable {
  readonly servers: readonly ApacheZooKeeper[];
  readonly connectString: string;
  /** The server that leads now. */
  leader(): Promise<ApacheZooKeeper>;
}

/** Starts three servers and waits until all serve. */
export async function startEnsemble(
  options: ServerOptions & { readonly tickTimeMs?: number } = {},
): Promise<ApacheEnsemble> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-ensemble-"));
  const ports = await freePorts(9);
  const members = [0, 1, 2].map((index) => {
    const [client, peer, election] = ports.slice(index * 3, index * 3 + 3);
    return {
      port: client as number, // nine were asked for
      line: `server.${index + 1}=127.0.0.1:${peer}:${election}:participant;127.0.0.1:${client}`,
    };
  });
  const servers = members.map(
    ({ port }, index) =>
      new Server({
        folder: join(folder, String(index + 1)),
        port,
        myId: index + 1,
        javaOptions: [
          "-Dreadonlymode.enabled=true",
          // super:test
          "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
          ...(options.javaOptions ?? []),
        ],
        config: [
          `tickTime=${options.tickTimeMs ?? 1_000}`,
          "initLimit=10",
          "syncLimit=5",
          "maxClientCnxns=0",
          "admin.enableServer=false",
          "4lw.commands.whitelist=*",
          "standaloneEnabled=false",
          "reconfigEnabled=true",
          "extendedTypesEnabled=true",
          "localSessionsEnabled=true",
          "localSessionsUpgradingEnabled=true",
          ...members.map(({ line }) => line),
          ...(options.config ?? []),
        ],
      }),
  );
  const dispose = async () => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(servers.map((server) => server.start()));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    servers,
    connectString: ports
      .filter((_, index) => index % 3 === 0)
      .map((port) => `127.0.0.1:${port}`)
      .join(","),
    async leader() {
      for (;;) {
        for (const server of servers)
          if (/Mode: leader/u.test(await server.fourLetter("srvr")))
            return server;
        await wait(20);
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
}

class Server implements ApacheZooKeeper {
  readonly port: number;
  readonly #folder: string;
  readonly #javaOptions: readonly string[];
  readonly #config: readonly string[];
  readonly #myId: number | undefined;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(options: {
    readonly folder: string;
    readonly port: number;
    readonly javaOptions: readonly string[];
    readonly config: readonly string[];
    readonly myId?: number;
  }) {
    this.port = options.port;
    this.#folder = options.folder;
    this.#javaOptions = options.javaOptions;
    this.#config = options.config;
    this.#myId = options.myId;
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("Cannot name a pid: not started");
    return pid;
  }

  async start(): Promise<void> {
    const data = join(this.#folder, "data");
    await mkdir(data, { recursive: true });
    if (this.#myId !== undefined)
      await writeFile(join(data, "myid"), `${this.#myId}\n`);
    const config = join(this.#folder, "zoo.cfg");
    // Written anew each time: with reconfig the server rewrites it.
    await writeFile(
      config,
      [...this.#config, `dataDir=${data}`, ""].join("\n"),
    );
    this.#spawn(config);
    await this.#untilItServes();
  }

  async startOrDispose(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  #spawn(config: string): void {
    const jars = existsSync(NETTY_JAR) ? [...JARS, NETTY_JAR] : JARS;
    const child = spawn(
      "/usr/bin/java",
      [
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        ...this.#javaOptions,
        "-cp",
        jars.join(":"),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        config,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#child = child;
    child.on("error", (error) => {
      this.#output += String(error);
    });
    const keep = (text: Buffer) => {
      this.#output = (this.#output + text.toString()).slice(-20_000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  }

  async #untilItServes(): Promise<void> {
    const limitMs = performance.now() + START_LIMIT_MS;
    // `ruok` answers before the data base is ready, `srvr` does not name a mode.
    while (!(await this.fourLetter("srvr")).includes("Mode:")) {
      if (this.#child?.exitCode !== null || performance.now() > limitMs)
        throw new Error(`Cannot start Apache ZooKeeper:\n${this.#output}`);
      await wait(20);
    }
  }

  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#removeEmptyLogs();
    await this.start();
  }

  /**
   * A server that is killed while it begins a log leaves one without a header,
   * and does not start again (ZOOKEEPER-1621). Nothing was acknowledged from it.
   */
  async #removeEmptyLogs(): Promise<void> {
    const logs = join(this.#folder, "data", "version-2");
    for (const name of await readdir(logs)) {
      const path = join(logs, name);
      if (name.startsWith("log.") && (await stat(path)).size < HEADER_BYTES)
        await rm(path);
    }
  }

  fourLetter(word: string): Promise<string> {
    return fourLetterWord(this.port, word);
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    if (child.signalCode !== null || child.pid === undefined) return;
    const ended = once(child, "exit");
    child.kill(signal);
    child.kill("SIGCONT");
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
