import { after, before, describe } from "node:test";
import {
  connect,
  type ZooKeeper,
  type ZooKeeperOptions,
} from "../../../src/zookeeper/index.ts";
import {
  type CuttingProxy,
  startCuttingProxy,
} from "../../support/cutting-proxy.ts";
import { type Backend, backendKinds } from "../zookeeper/backends.ts";

/** A client that reaches the server by a proxy of its own. */
export interface Reached extends AsyncDisposable {
  readonly zk: ZooKeeper;
  readonly proxy: CuttingProxy;
}

/** One server for the tests of a file, and clients of it. */
export class Ground {
  backend: Backend | undefined;
  #folders = 0;

  get connectString(): string {
    if (this.backend === undefined)
      throw new Error("Cannot connect: no server");
    return `127.0.0.1:${this.backend.port}`;
  }

  connect(
    options: ZooKeeperOptions & { readonly chroot?: string } = {},
  ): Promise<ZooKeeper> {
    const { chroot = "", ...rest } = options;
    return connect(this.connectString + chroot, {
      sessionTimeoutMs: 4_000,
      ...rest,
    });
  }

  async reach(options: ZooKeeperOptions = {}): Promise<Reached> {
    const proxy = await startCuttingProxy(this.backend?.port ?? 0);
    const zk = await connect(proxy.connectString, {
      sessionTimeoutMs: 4_000,
      ...options,
    });
    return {
      zk,
      proxy,
      async [Symbol.asyncDispose]() {
        proxy.open();
        await zk.close();
        await proxy[Symbol.asyncDispose]();
      },
    };
  }

  /** A path that no other test uses; nothing is there. */
  folder(): string {
    this.#folders += 1;
    return `/ground-${this.#folders}`;
  }

  /** Makes the server end the session of a client, as if it had timed out. */
  async expire(zk: ZooKeeper): Promise<void> {
    const session = zk.sessionCredentials;
    if (session === undefined) throw new Error("Cannot expire: no session");
    const thief = await connect(this.connectString, {
      session,
      renewSession: false,
    });
    await thief.close();
  }
}

/** Runs the tests of `body` on each kind of server. */
export function describeOnEach(
  title: string,
  body: (ground: Ground) => void,
): void {
  for (const kind of backendKinds) {
    describe(`${title} on ${kind.name}`, { skip: kind.missing }, () => {
      const ground = new Ground();
      before(async () => {
        ground.backend = await kind.start();
      });
      after(() => ground.backend?.[Symbol.asyncDispose]());
      body(ground);
    });
  }
}
