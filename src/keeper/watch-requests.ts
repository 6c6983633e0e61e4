import {
  AddWatchMode,
  AddWatchRequest,
  CheckWatchesRequest,
  OpCode,
  type Reader,
  RemoveWatchesRequest,
  SetWatches,
  SetWatches2,
  WatcherType,
  WatchEventType,
} from "../jute/index.ts";
import type { Client } from "./client.ts";
import type { Database } from "./database.ts";
import { refuse } from "./read-requests.ts";
import { Watch } from "./watch-table.ts";
import type { Answering, RequestId } from "./write-requests.ts";
import type { Znode } from "./znode.ts";

/**
 * Watches as a client that has come back remembers them: those whose event it
 * has missed fire at once, before the reply; the others are set.
 */
export function answerSetWatches(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const given =
    request.type === OpCode.setWatches2
      ? SetWatches2.read(reader)
      : {
          ...SetWatches.read(reader),
          persistentWatches: [],
          persistentRecursiveWatches: [],
        };
  if (database.full) {
    refuse(database, client, request, "quota-exceeded");
    return;
  }
  const since = Number(given.relativeZxid);
  for (const path of given.dataWatches)
    restore(database, client, path, {
      kind: Watch.data,
      missed: (node) => missedData(node, since),
    });
  for (const path of given.existWatches)
    restore(database, client, path, {
      kind: Watch.data,
      missed: (node) =>
        node === undefined ? undefined : WatchEventType.created,
    });
  for (const path of given.childWatches)
    restore(database, client, path, {
      kind: Watch.child,
      missed: (node) => missedChildren(node, since),
    });
  for (const path of given.persistentWatches)
    database.watches.add(
      client,
      path,
      Watch.persistentData | Watch.persistentChild,
    );
  for (const path of given.persistentRecursiveWatches)
    database.watches.add(client, path, Watch.recursive);
  client.begin(request.xid, database.zxid, 0);
  client.end();
}

export function answerAddWatch(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path, mode } = AddWatchRequest.read(reader);
  if (
    mode !== AddWatchMode.persistent &&
    mode !== AddWatchMode.persistentRecursive
  ) {
    refuse(database, client, request, "marshalling-error");
    return;
  }
  if (database.full) {
    refuse(database, client, request, "quota-exceeded");
    return;
  }
  database.watches.add(
    client,
    path,
    mode === AddWatchMode.persistent
      ? Watch.persistentData | Watch.persistentChild
      : Watch.recursive,
  );
  client.begin(request.xid, database.zxid, 0).int(0);
  client.end();
}

export function answerCheckWatches(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path, type } = CheckWatchesRequest.read(reader);
  const kinds = kindsOf(type);
  if (kinds === undefined)
    refuse(database, client, request, "marshalling-error");
  else if (!database.watches.has(client, path, kinds))
    refuse(database, client, request, "no-watcher");
  else {
    client.begin(request.xid, database.zxid, 0);
    client.end();
  }
}

export function answerRemoveWatches(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path, type } = RemoveWatchesRequest.read(reader);
  const kinds = kindsOf(type);
  if (kinds === undefined)
    refuse(database, client, request, "marshalling-error");
  else if (!database.watches.remove(client, path, kinds))
    refuse(database, client, request, "no-watcher");
  else {
    client.begin(request.xid, database.zxid, 0);
    client.end();
  }
}

interface Restoring {
  readonly kind: number;
  /** The event that was missed, if any. */
  missed(node: Znode | undefined): number | undefined;
}

function restore(
  database: Database,
  client: Client,
  path: string,
  restoring: Restoring,
): void {
  const node = database.tree.get(path);
  const event = restoring.missed(node);
  if (event === undefined) database.watches.add(client, path, restoring.kind);
  else if (node === undefined || client.maySee(node.acl))
    client.notify(event, path);
}

function missedData(
  node: Znode | undefined,
  since: number,
): number | undefined {
  if (node === undefined) return WatchEventType.deleted;
  return node.mzxid > since ? WatchEventType.dataChanged : undefined;
}

function missedChildren(
  node: Znode | undefined,
  since: number,
): number | undefined {
  if (node === undefined) return WatchEventType.deleted;
  return node.pzxid > since ? WatchEventType.childrenChanged : undefined;
}

/** The kinds that a WatcherType of checkWatches and removeWatches means. */
function kindsOf(type: number): number | undefined {
  switch (type) {
    case WatcherType.children:
      return Watch.child | Watch.persistentChild | Watch.recursive;
    case WatcherType.data:
      return Watch.data | Watch.persistentData | Watch.recursive;
    case WatcherType.any:
      return (
        Watch.data |
        Watch.child |
        Watch.persistentData |
        Watch.persistentChild |
        Watch.recursive
      );
    default:
      return undefined;
  }
}
