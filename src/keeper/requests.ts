import {
  AuthPacket,
  ErrorCode,
  JuteRejection,
  OpCode,
  type Reader,
  ReconfigRequest,
  Xid,
} from "../jute/index.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Client } from "./client.ts";
import { answerMulti, answerMultiRead } from "./multi-requests.ts";
import {
  answerExists,
  answerGetAcl,
  answerGetAllChildrenNumber,
  answerGetChildren,
  answerGetData,
  answerGetEphemerals,
  answerSync,
  answerWhoAmI,
} from "./read-requests.ts";
import {
  answerAddWatch,
  answerCheckWatches,
  answerRemoveWatches,
  answerSetWatches,
} from "./watch-requests.ts";
import {
  type Answering,
  answerCreate,
  answerDelete,
  answerSetAcl,
  answerSetData,
  type RequestId,
} from "./write-requests.ts";

/** What the answers depend on. */
export interface AnsweringAll extends Answering {
  readonly authenticator: Authenticator;
  /** Answers addWatch and setWatches2 as servers before 3.6 do: not at all known. */
  readonly disableAddWatch: boolean;
}

/** In the header of replies to requests that the server does not know. */
const NO_ZXID = -1;

/**
 * Answers one request, in full, before it returns.
 * @throws JuteRejection when not even the header is there
 */
export function answerRequest(
  answering: AnsweringAll,
  client: Client,
  reader: Reader,
): void {
  const request: RequestId = { xid: reader.int(), type: reader.int() };
  if (
    !answering.authenticator.admits(client.identities) &&
    !BEFORE_AUTHENTICATION.has(request.type)
  ) {
    refuseUnauthenticated(answering, client, request);
    return;
  }
  try {
    answerKnown(answering, client, request, reader);
  } catch (error) {
    if (!(error instanceof JuteRejection)) throw error;
    if (IDENTIFYING.has(request.type))
      return client.finish("malformed-request");
    // A write gets its number before it is read, so the refusal has one too.
    if (WRITES.has(request.type)) answering.database.takeZxid();
    client.begin(
      request.xid,
      answering.database.zxid,
      ErrorCode["marshalling-error"],
    );
    client.end();
  }
}

const WRITES: ReadonlySet<number> = new Set([
  OpCode.create,
  OpCode.create2,
  OpCode.createContainer,
  OpCode.createTTL,
  OpCode.delete,
  OpCode.setData,
  OpCode.setACL,
  OpCode.multi,
]);

/** Read before the others; who gets these wrong is told nothing. */
const IDENTIFYING: ReadonlySet<number> = new Set([OpCode.auth, OpCode.sasl]);

const BEFORE_AUTHENTICATION: ReadonlySet<number> = new Set([
  OpCode.ping,
  OpCode.auth,
  OpCode.sasl,
  OpCode.closeSession,
]);

/** One row for each opcode. */
function answerKnown(
  answering: AnsweringAll,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  switch (request.type) {
    case OpCode.getData:
      return answerGetData(answering, client, request, reader);
    case OpCode.setData:
      return answerSetData(answering, client, request, reader);
    case OpCode.ping:
      return answerPing(answering, client);
    case OpCode.exists:
      return answerExists(answering, client, request, reader);
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
      return answerCreate(answering, client, request, reader);
    case OpCode.delete:
      return answerDelete(answering, client, request, reader);
    case OpCode.getChildren:
    case OpCode.getChildren2:
      return answerGetChildren(answering, client, request, reader);
    case OpCode.multi:
      return answerMulti(answering, client, request, reader);
    case OpCode.multiRead:
      return answerMultiRead(answering, client, request, reader);
    case OpCode.getACL:
      return answerGetAcl(answering, client, request, reader);
    case OpCode.setACL:
      return answerSetAcl(answering, client, request, reader);
    case OpCode.sync:
      return answerSync(answering, client, request, reader);
    case OpCode.auth:
      return answerAuth(answering, client, request, reader);
    case OpCode.sasl:
      return answering.authenticator.answerSasl(
        { client, xid: request.xid },
        reader,
      );
    case OpCode.setWatches:
      return answerSetWatches(answering, client, request, reader);
    case OpCode.setWatches2:
      if (answering.disableAddWatch) break;
      return answerSetWatches(answering, client, request, reader);
    case OpCode.addWatch:
      if (answering.disableAddWatch) break;
      return answerAddWatch(answering, client, request, reader);
    case OpCode.checkWatches:
      return answerCheckWatches(answering, client, request, reader);
    case OpCode.removeWatches:
      return answerRemoveWatches(answering, client, request, reader);
    case OpCode.getEphemerals:
      return answerGetEphemerals(answering, client, request, reader);
    case OpCode.getAllChildrenNumber:
      return answerGetAllChildrenNumber(answering, client, request, reader);
    case OpCode.whoAmI:
      return answerWhoAmI(answering, client, request);
    case OpCode.closeSession:
      return answerCloseSession(answering, client, request);
    case OpCode.reconfig:
      return answerReconfig(answering, client, request, reader);
    default:
      break;
  }
  client.begin(request.xid, NO_ZXID, ErrorCode.unimplemented);
  client.end();
  client.finish("unknown-request");
}

function answerPing({ database }: Answering, client: Client): void {
  client.begin(Xid.ping, database.zxid, 0);
  client.end();
}

/** A single server has no members to change. */
function answerReconfig(
  { database }: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  ReconfigRequest.read(reader);
  client.begin(request.xid, database.takeZxid(), ErrorCode.unimplemented);
  client.end();
}

function answerCloseSession(
  { database }: Answering,
  client: Client,
  request: RequestId,
): void {
  database.closeSession(client.session);
  client.begin(request.xid, database.zxid, 0);
  client.end();
  client.finish("session-closed");
}

function answerAuth(
  answering: AnsweringAll,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const { scheme, auth } = AuthPacket.read(reader);
  const identity = answering.authenticator.identify(scheme, auth, client);
  const accepted = identity !== undefined && client.addIdentity(identity);
  const error = accepted ? ErrorCode.ok : ErrorCode["auth-failed"];
  client.begin(request.xid, 0, error);
  client.end();
  if (!accepted) client.finish("authentication-failed");
}

function refuseUnauthenticated(
  { database }: Answering,
  client: Client,
  request: RequestId,
): void {
  const error = ErrorCode["session-closed-require-sasl-auth"];
  client.begin(request.xid, database.zxid, error);
  client.end();
  client.finish("not-authenticated");
}
