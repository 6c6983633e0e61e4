/** The servers on which the contract of the client is run. */
import { startKeeper } from "../../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
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
];
