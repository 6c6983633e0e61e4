import {
  ErrorCode,
  type ErrorCodeName,
  OpCode,
  type Reader,
  SetACLRequest,
} from "../jute/index.ts";
import {
  type Change,
  prepareCreate,
  prepareDelete,
  prepareSetAcl,
  prepareSetData,
  type WriteContext,
} from "./changes.ts";
import type { Client } from "./client.ts";
import type { Database } from "./database.ts";
import {
  type CreateBody,
  readCreate,
  readCreateTtl,
  readPathVersion,
  readSetData,
} from "./request-bodies.ts";
import { writeStat } from "./znode.ts";

/** Which request it is. */
export interface RequestId {
  readonly xid: number;
  readonly type: number;
}

/** Where a request finds everything. */
export interface Answering {
  readonly database: Database;
  readonly wallMs: () => number;
}

/** The transaction that a client's write begins. */
export function beginWrite(answering: Answering, client: Client): WriteContext {
  const { database } = answering;
  return {
    tree: database.tree,
    session: client.session,
    identities: client.identities,
    zxid: database.takeZxid(),
    wallMs: answering.wallMs(),
  };
}

/** create, create2, createContainer and createTTL, by the opcode. */
export function readCreateOf(type: number, reader: Reader): CreateBody {
  return type === OpCode.createTTL
    ? readCreateTtl(reader)
    : readCreate(reader, { container: type === OpCode.createContainer });
}

export function answerCreate(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const body = readCreateOf(request.type, reader);
  const context = beginWrite(answering, client);
  const change = answering.database.full
    ? "quota-exceeded"
    : prepareCreate(context, body);
  if (!perform(answering, client, request, change)) return;
  const writer = client.begin(request.xid, context.zxid, 0);
  writer.ustring(change.node.path);
  if (request.type !== OpCode.create) writeStat(writer, change.node);
  client.end();
}

export function answerDelete(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const body = readPathVersion(reader);
  const context = beginWrite(answering, client);
  const change = prepareDelete(context, body);
  if (!perform(answering, client, request, change)) return;
  client.begin(request.xid, context.zxid, 0);
  client.end();
}

export function answerSetData(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const body = readSetData(reader);
  const context = beginWrite(answering, client);
  const change = answering.database.full
    ? "quota-exceeded"
    : prepareSetData(context, body);
  if (!perform(answering, client, request, change)) return;
  writeStat(client.begin(request.xid, context.zxid, 0), change.node);
  client.end();
}

export function answerSetAcl(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const body = SetACLRequest.read(reader);
  const context = beginWrite(answering, client);
  const change = prepareSetAcl(context, body);
  if (!perform(answering, client, request, change)) return;
  writeStat(client.begin(request.xid, context.zxid, 0), change.node);
  client.end();
}

/**
 * Applies a change and fires its watches, so that a client hears of its own
 * change before the reply; answers a refusal.
 */
function perform(
  answering: Answering,
  client: Client,
  request: RequestId,
  change: Change | ErrorCodeName,
): change is Change {
  if (typeof change === "string") {
    client.begin(request.xid, answering.database.zxid, ErrorCode[change]);
    client.end();
    return false;
  }
  answering.database.apply(change);
  answering.database.announce(change);
  return true;
}
