import {
  ErrorCode,
  type ErrorCodeName,
  GetACLRequest,
  GetAllChildrenNumberRequest,
  GetEphemeralsRequest,
  OpCode,
  Permission,
  type Reader,
  SyncRequest,
  WhoAmIResponse,
  ACL,
  vector,
} from "../jute/index.ts";
import { hideDigests, permits, userName } from "./acl.ts";
import type { Client } from "./client.ts";
import type { Database } from "./database.ts";
import { Watch } from "./watch-table.ts";
import type { Answering, RequestId } from "./write-requests.ts";
import { writeStat, type Znode } from "./znode.ts";

/** A node, or why it is not shown. */
export type ReadResult = Znode | ErrorCodeName;

interface WatchedRead {
  readonly path: string;
  readonly watch: boolean;
}

const AclList = vector(ACL);

/** The node for getData; leaves the watch that was asked for. */
export function readData(
  database: Database,
  client: Client,
  read: WatchedRead,
): ReadResult {
  return readNode(database, client, read, Watch.data);
}

/** The node for getChildren; leaves the watch that was asked for. */
export function readChildren(
  database: Database,
  client: Client,
  read: WatchedRead,
): ReadResult {
  return readNode(database, client, read, Watch.child);
}

export function answerGetData(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const node = readData(database, client, readWatched(reader));
  if (typeof node === "string") {
    refuse(database, client, request, node);
    return;
  }
  const writer = client.begin(request.xid, database.zxid, 0);
  writer.byteString(node.data);
  writeStat(writer, node);
  client.end();
}

/** A watch on a node that is not there waits for its creation. No permission is needed, as in Apache ZooKeeper. */
export function answerExists(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path, watch } = readWatched(reader);
  if (path.includes("\0")) {
    refuse(database, client, request, "bad-arguments");
    return;
  }
  if (watch) {
    if (database.full) {
      refuse(database, client, request, "quota-exceeded");
      return;
    }
    database.watches.add(client, path, Watch.data);
  }
  const node = database.tree.get(path);
  if (node === undefined) {
    refuse(database, client, request, "no-node");
    return;
  }
  writeStat(client.begin(request.xid, database.zxid, 0), node);
  client.end();
}

/** getChildren and getChildren2, which adds the Stat. */
export function answerGetChildren(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const node = readChildren(database, client, readWatched(reader));
  if (typeof node === "string") {
    refuse(database, client, request, node);
    return;
  }
  const writer = client.begin(request.xid, database.zxid, 0);
  writer.int(node.childCount);
  if (node.children !== undefined) {
    const nameStart = node.parent === undefined ? 1 : node.path.length + 1;
    for (const child of node.children)
      writer.ustring(child.path.slice(nameStart));
  }
  if (request.type === OpCode.getChildren2) writeStat(writer, node);
  client.end();
}

export function answerGetAcl(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path } = GetACLRequest.read(reader);
  const node = database.tree.get(path);
  if (node === undefined) {
    refuse(database, client, request, "no-node");
    return;
  }
  const { identities } = client;
  if (!permits(node.acl, Permission.read | Permission.admin, identities)) {
    refuse(database, client, request, "no-auth");
    return;
  }
  const administers = permits(node.acl, Permission.admin, identities);
  const writer = client.begin(request.xid, database.zxid, 0);
  AclList.write(
    writer,
    administers ? node.acl.entries : hideDigests(node.acl.entries),
  );
  writeStat(writer, node);
  client.end();
}

/** One server is always up to date with itself. */
export function answerSync(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path } = SyncRequest.read(reader);
  client.begin(request.xid, database.zxid, 0).ustring(path);
  client.end();
}

export function answerGetEphemerals(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { prefixPath } = GetEphemeralsRequest.read(reader);
  const paths: string[] = [];
  for (const node of client.session.ephemerals) {
    if (prefixPath === "/" || node.path.startsWith(prefixPath))
      paths.push(node.path);
  }
  const writer = client.begin(request.xid, database.zxid, 0);
  writer.int(paths.length);
  for (const path of paths) writer.ustring(path);
  client.end();
}

export function answerGetAllChildrenNumber(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { path } = GetAllChildrenNumberRequest.read(reader);
  const node = readNode(database, client, { path, watch: false }, 0);
  if (typeof node === "string") {
    refuse(database, client, request, node);
    return;
  }
  // The root is known by both names, and counted below the empty one.
  const itself = path === "" ? 1 : 0;
  client
    .begin(request.xid, database.zxid, 0)
    .int(countBelow(database, node) + itself);
  client.end();
}

export function answerWhoAmI(
  { database }: Answering,
  client: Client,
  request: RequestId,
): void {
  WhoAmIResponse.write(client.begin(request.xid, database.zxid, 0), {
    clientInfo: client.identities.map((identity) => ({
      authScheme: identity.scheme,
      user: userName(identity),
    })),
  });
  client.end();
}

function readWatched(reader: Reader): WatchedRead {
  return { path: reader.ustring(), watch: reader.bool() };
}

function readNode(
  database: Database,
  client: Client,
  read: WatchedRead,
  watchKind: number,
): ReadResult {
  const node = database.tree.get(read.path);
  if (node === undefined) return "no-node";
  if (!permits(node.acl, Permission.read, client.identities)) return "no-auth";
  if (read.watch) {
    if (database.full) return "quota-exceeded";
    database.watches.add(client, read.path, watchKind);
  }
  return node;
}

function countBelow(database: Database, top: Znode): number {
  if (top.parent === undefined) return database.tree.size - 1;
  let count = 0;
  const waiting: Znode[] = [top];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    count += node.childCount;
    for (const child of node.children ?? []) waiting.push(child);
  }
  return count;
}

/** Answers a read that cannot be done. */
export function refuse(
  database: Database,
  client: Client,
  request: RequestId,
  code: ErrorCodeName,
): void {
  client.begin(request.xid, database.zxid, ErrorCode[code]);
  client.end();
}
