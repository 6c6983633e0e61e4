/** The npm package `node-zookeeper-client`, which has callbacks and no types, as promises. */
import { createRequire } from "node:module";
import type { EventEmitter } from "node:events";

type Callback = (error: Error | null, ...results: never[]) => void;
type Data = Buffer | undefined;

export interface OtherEvent {
  readonly name: string;
  readonly path: string;
}
type Watcher = (event: OtherEvent) => void;

export interface OtherStat {
  readonly version: number;
  readonly ephemeralOwner: Buffer;
  readonly numChildren: number;
}

interface OtherTransaction {
  create(path: string, data?: Buffer): OtherTransaction;
  setData(path: string, data: Buffer, version?: number): OtherTransaction;
  check(path: string, version?: number): OtherTransaction;
  remove(path: string, version?: number): OtherTransaction;
  commit(done: Callback): void;
}

/** What of it the tests use. */
export interface OtherClient extends EventEmitter {
  connect(): void;
  close(): void;
  addAuthInfo(scheme: string, auth: Buffer): void;
  getSessionId(): Buffer;
  create(
    path: string,
    data: Data,
    acls: unknown,
    mode: number,
    done: Callback,
  ): void;
  mkdirp(path: string, done: Callback): void;
  remove(path: string, version: number, done: Callback): void;
  exists(path: string, watcher: Watcher | undefined, done: Callback): void;
  getData(path: string, watcher: Watcher | undefined, done: Callback): void;
  setData(path: string, data: Buffer, version: number, done: Callback): void;
  getChildren(path: string, watcher: Watcher | undefined, done: Callback): void;
  getACL(path: string, done: Callback): void;
  setACL(path: string, acls: unknown, version: number, done: Callback): void;
  transaction(): OtherTransaction;
}

export interface OtherLibrary {
  createClient(
    connectString: string,
    options: { readonly sessionTimeout: number; readonly spinDelay?: number },
  ): OtherClient;
  readonly ACL: Readonly<Record<string, unknown>>;
  readonly CreateMode: {
    readonly PERSISTENT: number;
    readonly PERSISTENT_SEQUENTIAL: number;
    readonly EPHEMERAL: number;
    readonly EPHEMERAL_SEQUENTIAL: number;
  };
}

export const library = createRequire(import.meta.url)(
  "node-zookeeper-client",
) as OtherLibrary; // it has no types of its own

/** The results of one call, after the error. */
export function ask<Results extends readonly unknown[]>(
  call: (done: Callback) => void,
): Promise<Results> {
  return new Promise((resolve, reject) => {
    call((error, ...results) => {
      if (error === null || error === undefined)
        resolve(results as unknown as Results); // what the caller says it is
      else reject(error);
    });
  });
}
