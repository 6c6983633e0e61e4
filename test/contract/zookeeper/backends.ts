/** The servers on which the contract of the client is run. */
import { startKeeper } from "../../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
  startEnsemble,
} from "../../support/apache-zookeeper.ts";
import { startKeeperProcess } from "../../support/keeper-process.ts";

/** A running server. */
export interface Backend extends AsyncDisposable {
  readonly port: number;
}

/** A server or an ensemble outside this process, which goes on while this one stands still. */
export interface OuterBackend extends AsyncDisposable {
  readonly connectString: string;
  /** Stops (SIGSTOP) or continues the server at this port. */
  freeze(port: number): void;
  thaw(port: number): void;
}

/** A kind of server. */
export interface BackendKind<Started = Backend> {
  readonly name: string;
  /** Why it cannot be tested here; false where it can. */
  readonly missing: string | false;
  /** Starts one whose tick is 200 ms, so that sessions of 400 ms to 4 s are given. */
  start(): Promise<Started>;
}

const TICK_MS = 200;

export const backendKinds: readonly BackendKind[] = [
  {
    name: "the keeper",
    missing: false,
    start: () => startKeeper({ tickTimeMs: TICK_MS, containerCheckMs: 500 }),
  },
  {
    name: "Apache ZooKeeper",
    missing: apacheZooKeeperMissing,
    start: () =>
      startApacheZooKeeper({
        tickTimeMs: TICK_MS,
        javaOptions: ["-Dznode.container.checkIntervalMs=500"],
      }),
  },
  {
    name: "a follower of three Apache ZooKeepers",
    missing: apacheZooKeeperMissing,
    start: startFollower,
  },
];

export const outerBackendKinds: readonly BackendKind<OuterBackend>[] = [
  {
    name: "the keeper",
    missing: false,
    start: () => startKeeperProcess({ tickTimeMs: TICK_MS }),
  },
  {
    name: "Apache ZooKeeper",
    missing: apacheZooKeeperMissing,
    start: () => startApacheZooKeeper({ tickTimeMs: TICK_MS }),
  },
  {
    name: "an ensemble of three",
    missing: apacheZooKeeperMissing,
    async start() {
      const ensemble = await startEnsemble({
        tickTimeMs: TICK_MS,
        config: ["localSessionsEnabled=false"],
      });
      const at = (port: number) =>
        ensemble.servers.find((server) => server.port === port);
      return {
        connectString: ensemble.connectString,
        freeze: (port) => at(port)?.freeze(),
        thaw: (port) => at(port)?.thaw(),
        [Symbol.asyncDispose]: () => ensemble[Symbol.asyncDispose](),
      };
    },
  },
];

async function startFollower(): Promise<Backend> {
  const ensemble = await startEnsemble({
    tickTimeMs: TICK_MS,
    javaOptions: ["-Dznode.container.checkIntervalMs=500"],
    // Local sessions, which cannot move, are not what this suite is about.
    config: ["localSessionsEnabled=false"],
  });
  const leader = await ensemble.leader();
  const follower = ensemble.servers.find((server) => server !== leader);
  return {
    port: (follower ?? leader).port,
    [Symbol.asyncDispose]: () => ensemble[Symbol.asyncDispose](),
  };
}
