/** The servers on which the contract of the client is run. */
import { startKeeper } from "../../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
  startEnsemble,
} from "../../support/apache-zookeeper.ts";

/** A running server. */
export interface Backend extends AsyncDisposable {
  readonly port: number;
}

/** A kind of server. */
export interface BackendKind {
  readonly name: string;
  /** Why it cannot be tested here; false where it can. */
  readonly missing: string | false;
  /** Starts one whose tick is 200 ms, so that sessions of 400 ms to 4 s are given. */
  start(): Promise<Backend>;
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
