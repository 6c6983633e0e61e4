import {
  CreateFlag,
  ErrorCode,
  type ErrorCodeName,
  JuteRejection,
  OpCode,
  type Reader,
  Writer,
} from "../jute/index.ts";
import {
  type Change,
  prepareCheck,
  prepareCreate,
  prepareDelete,
  prepareSetData,
  type WriteContext,
} from "./changes.ts";
import type { Client } from "./client.ts";
import { readChildren, readData, type ReadResult } from "./read-requests.ts";
import {
  type CheckVersionBody,
  type CreateBody,
  readPathVersion,
  readSetData,
  type SetDataBody,
} from "./request-bodies.ts";
import {
  type Answering,
  beginWrite,
  readCreateOf,
  type RequestId,
} from "./write-requests.ts";
import { NO_TTL, writeStat } from "./znode.ts";

type MultiOperation =
  | { readonly kind: "create"; readonly body: CreateBody }
  | { readonly kind: "delete"; readonly body: CheckVersionBody }
  | { readonly kind: "set-data"; readonly body: SetDataBody }
  | { readonly kind: "check"; readonly body: CheckVersionBody };

/** A result that was not reached or that failed has this type. */
const NO_TYPE = -1;

/**
 * All operations or none, in one transaction. The results are written while the
 * operations are applied, since a later one may change what an earlier one
 * answers; the watches fire when all have succeeded.
 */
export function answerMulti(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const operations = readOperations(reader);
  const context = beginWrite(answering, client);
  const { database } = answering;
  const results = new Writer();
  const done: Change[] = [];
  let failure: ErrorCodeName | undefined;
  for (const operation of operations) {
    const change =
      database.full && isGrowth(operation)
        ? "quota-exceeded"
        : prepare(context, operation);
    if (typeof change === "string") {
      failure = change;
      break;
    }
    database.apply(change);
    done.push(change);
    writeResult(results, operation, change);
  }
  if (failure !== undefined) {
    for (const change of done.toReversed()) database.revert(change);
    const writer = client.begin(request.xid, context.zxid, 0);
    for (let index = 0; index < operations.length; index++)
      writeError(writer, errorOf(index, done.length, failure));
    endResults(writer);
    client.end();
    return;
  }
  for (const change of done) database.announce(change);
  const writer = client.begin(request.xid, context.zxid, 0);
  writer.raw(results.take());
  endResults(writer);
  client.end();
}

/** Reads that stand each by itself: one that fails does not keep the others from answering. */
export function answerMultiRead(
  answering: Answering,
  client: Client,
  request: RequestId,
  reader: Reader,
): void {
  const reads: { type: number; path: string; watch: boolean }[] = [];
  for (;;) {
    const type = readMultiHeader(reader);
    if (type === undefined) break;
    if (type !== OpCode.getData && type !== OpCode.getChildren)
      throw new JuteRejection("truncated");
    const path = reader.ustring();
    // Apache ZooKeeper reads the flag and sets no watch.
    reader.bool();
    reads.push({ type, path, watch: false });
  }
  const { database } = answering;
  const writer = client.begin(request.xid, database.zxid, 0);
  for (const read of reads) {
    const result: ReadResult =
      read.type === OpCode.getData
        ? readData(database, client, read)
        : readChildren(database, client, read);
    if (typeof result === "string") writeError(writer, ErrorCode[result]);
    else {
      writeHeader(writer, read.type);
      if (read.type === OpCode.getData) {
        writer.byteString(result.data);
        writeStat(writer, result);
      } else {
        writer.int(result.childCount);
        for (const child of result.children ?? []) writer.ustring(child.name);
      }
    }
  }
  endResults(writer);
  client.end();
}

function readOperations(reader: Reader): MultiOperation[] {
  const operations: MultiOperation[] = [];
  for (;;) {
    const type = readMultiHeader(reader);
    if (type === undefined) return operations;
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        operations.push({
          kind: "create",
          body: readMultiCreate(type, reader),
        });
        break;
      case OpCode.delete:
        operations.push({ kind: "delete", body: readPathVersion(reader) });
        break;
      case OpCode.setData:
        operations.push({ kind: "set-data", body: readSetData(reader) });
        break;
      case OpCode.check:
        operations.push({ kind: "check", body: readPathVersion(reader) });
        break;
      default:
        throw new JuteRejection("truncated");
    }
  }
}

/** In a multi it is the flags that make a container, not the opcode. */
function readMultiCreate(type: number, reader: Reader): CreateBody {
  const body = readCreateOf(type, reader);
  return { ...body, container: body.flags === CreateFlag.container };
}

/** The type of the next operation; undefined at the end. */
function readMultiHeader(reader: Reader): number | undefined {
  const type = reader.int();
  const done = reader.bool();
  reader.int();
  return done ? undefined : type;
}

function prepare(
  context: WriteContext,
  operation: MultiOperation,
): Change | ErrorCodeName {
  switch (operation.kind) {
    case "create":
      return prepareCreate(context, operation.body);
    case "delete":
      return prepareDelete(context, operation.body);
    case "set-data":
      return prepareSetData(context, operation.body);
    case "check":
      return prepareCheck(context, operation.body);
    default:
      return operation satisfies never;
  }
}

function isGrowth(operation: MultiOperation): boolean {
  return operation.kind === "create" || operation.kind === "set-data";
}

function writeResult(
  writer: Writer,
  operation: MultiOperation,
  change: Change,
): void {
  switch (operation.kind) {
    case "create": {
      // As in Apache ZooKeeper, containers and nodes with a time to live are
      // answered as create2, and everything else without a Stat.
      const plain = change.node.ttlMs === NO_TTL;
      writeHeader(writer, plain ? OpCode.create : OpCode.create2);
      writer.ustring(change.node.path);
      if (!plain) writeStat(writer, change.node);
      return;
    }
    case "delete":
      writeHeader(writer, OpCode.delete);
      return;
    case "set-data":
      writeHeader(writer, OpCode.setData);
      writeStat(writer, change.node);
      return;
    case "check":
      writeHeader(writer, OpCode.check);
      return;
    default:
      operation satisfies never;
  }
}

/** Before the failure 0, at it its code, after it runtime-inconsistency. */
function errorOf(index: number, failed: number, code: ErrorCodeName): number {
  if (index < failed) return ErrorCode.ok;
  return ErrorCode[index === failed ? code : "runtime-inconsistency"];
}

function writeHeader(writer: Writer, type: number): void {
  writer.int(type);
  writer.bool(false);
  writer.int(0);
}

function writeError(writer: Writer, error: number): void {
  writer.int(NO_TYPE);
  writer.bool(false);
  writer.int(error);
  writer.int(error);
}

function endResults(writer: Writer): void {
  writer.int(NO_TYPE);
  writer.bool(true);
  writer.int(-1);
}
