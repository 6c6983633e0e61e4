import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningCommand, startCommand, urlOf } from "./command.ts";

/** One replica of a site, as `zoogate serve` runs it. */
export interface Replica {
  readonly name: string;
  readonly command: RunningCommand;
  readonly url: string;
}

/** A temporary folder, the commands started in it, and one way to end them. */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly zookeeper: string;
  readonly #commands: RunningCommand[] = [];

  private constructor(folder: string, zookeeper: string) {
    this.folder = folder;
    this.zookeeper = zookeeper;
  }

  static async open(zookeeper: string): Promise<Stage> {
    return new Stage(
      await mkdtemp(join(tmpdir(), "zoogate-scenario-")),
      zookeeper,
    );
  }

  /** Writes a site of one page and one picture; answers its folder. */
  async writeSite(name: string, page: string): Promise<string> {
    const folder = join(this.folder, name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "index.html"), page);
    await writeFile(join(folder, "picture.png"), PICTURE);
    return folder;
  }

  async serve(
    site: string,
    name: string,
    flags: readonly string[] = [],
  ): Promise<Replica> {
    const command = await this.start([
      "serve",
      site,
      "--name",
      name,
      "--listen",
      "127.0.0.1:0",
      "--data",
      join(this.folder, `data-${name}`),
      ...(flags.includes("--service") ? [] : ["--service", "www"]),
      ...flags,
    ]);
    return { name, command, url: urlOf(await command.ready()) };
  }

  /** A proxy; `data` names its folder, so that a restart finds its files. */
  async proxy(
    flags: readonly string[] = [],
    data = "data-proxy",
  ): Promise<{ readonly command: RunningCommand; readonly url: string }> {
    const command = await this.start([
      "proxy",
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--data",
      join(this.folder, data),
      ...flags,
    ]);
    return { command, url: urlOf(await command.ready()) };
  }

  async start(args: readonly string[]): Promise<RunningCommand> {
    const command = await startCommand([
      ...args,
      "--zookeeper",
      this.zookeeper,
    ]);
    this.#commands.push(command);
    return command;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#commands
        .toReversed()
        .map((command) => command[Symbol.asyncDispose]()),
    );
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Bytes of every value, with a PNG's signature: nothing may decode them. */
export const PICTURE: Buffer = Buffer.concat([
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  randomBytes(20_000),
]);
