import * as jute from "../jute/index.ts";
import type { AclEntry, Stat } from "./operations.ts";
import { OPEN_ACL } from "./operations.ts";
import type { Operation } from "./request.ts";
import { fromServerPath, toServerPath } from "./znode-path.ts";
import {
  codeOfNumber,
  type FailedMultiResult,
  ZooKeeperError,
  type ZooKeeperErrorCode,
} from "./zookeeper-error.ts";

/** What a node may be created with. */
/** Creates a node. */
export interface CreateOptions {
  /** `persistent` unless given. */
  readonly mode?: jute.CreateMode | undefined;
  /** Everybody may do everything unless given. */
  readonly acl?: readonly AclEntry[] | undefined;
  /** For the two modes with TTL: removed when it had no child and no change for so long. */
  readonly ttlMs?: number | undefined;
}

/** Data of a node; a string is written as UTF-8. Null and empty are different values. */
export type NodeData = Uint8Array | string | null;

export interface CreateOp {
  readonly kind: "create";
  readonly path: string;
  readonly data: NodeData;
  readonly options: CreateOptions;
}
/** Deletes a node that has this version; -1 is any. */
export interface DeleteOp {
  readonly kind: "delete";
  readonly path: string;
  readonly version: number;
}
/** Changes the data of a node that has this version; -1 is any. */
export interface SetDataOp {
  readonly kind: "set-data";
  readonly path: string;
  readonly data: NodeData;
  readonly version: number;
}
/** Requires that a node exists and has this version; -1 is any. */
export interface CheckOp {
  readonly kind: "check";
  readonly path: string;
  readonly version: number;
}
/** One operation of a multi; made by {@link op}. */
export type MultiOp = CreateOp | DeleteOp | SetDataOp | CheckOp;

/** Reads data and stat of a node. */
export interface GetDataOp {
  readonly kind: "get-data";
  readonly path: string;
}
/** Reads the names of the children of a node. */
export interface GetChildrenOp {
  readonly kind: "get-children";
  readonly path: string;
}
/** One operation of a multiRead; made by {@link op}. */
export type MultiReadOp = GetDataOp | GetChildrenOp;

interface VersionOptions {
  /** The version that the node must have; any unless given. */
  readonly version?: number | undefined;
}

/** Makes the operations of `multi` and `multiRead`. */
export const op = {
  create(
    path: string,
    data: NodeData = null,
    options: CreateOptions = {},
  ): CreateOp {
    return { kind: "create", path, data, options };
  },
  delete(path: string, options: VersionOptions = {}): DeleteOp {
    return { kind: "delete", path, version: options.version ?? -1 };
  },
  setData(
    path: string,
    data: NodeData,
    options: VersionOptions = {},
  ): SetDataOp {
    return { kind: "set-data", path, data, version: options.version ?? -1 };
  },
  /** The node must exist, and have this version where one is given. */
  check(path: string, options: VersionOptions = {}): CheckOp {
    return { kind: "check", path, version: options.version ?? -1 };
  },
  getData(path: string): GetDataOp {
    return { kind: "get-data", path };
  },
  getChildren(path: string): GetChildrenOp {
    return { kind: "get-children", path };
  },
} as const;

/** The result of one operation of a multi that was done. */
export type MultiResult<Op extends MultiOp = MultiOp> = Op extends CreateOp
  ? {
      readonly kind: "create";
      readonly path: string;
      /** Apache ZooKeeper gives it for container and TTL nodes only. */
      readonly stat: Stat | undefined;
    }
  : Op extends DeleteOp
    ? { readonly kind: "delete" }
    : Op extends SetDataOp
      ? { readonly kind: "set-data"; readonly stat: Stat }
      : { readonly kind: "check" };
/** The results of a multi, by position. */
export type MultiResults<Ops extends readonly MultiOp[]> = {
  readonly [Index in keyof Ops]: MultiResult<Ops[Index]>;
};

/** The result of one operation of a multiRead. */
export type MultiReadResult<Op extends MultiReadOp = MultiReadOp> =
  | (Op extends GetDataOp
      ? {
          readonly kind: "data";
          readonly data: Buffer | null;
          readonly stat: Stat;
        }
      : { readonly kind: "children"; readonly children: readonly string[] })
  | { readonly kind: "error"; readonly code: ZooKeeperErrorCode };
/** The results of a multiRead, by position. */
export type MultiReadResults<Ops extends readonly MultiReadOp[]> = {
  readonly [Index in keyof Ops]: MultiReadResult<Ops[Index]>;
};

/** The bytes of a node's data. */
export function toBytes(data: NodeData): Uint8Array | null {
  return typeof data === "string" ? Buffer.from(data, "utf8") : data;
}

const { OpCode } = jute;
const END: jute.MultiHeader = { type: -1, done: true, err: -1 };

/** What a multi or multiRead is written from. */
export interface MultiPayload<Op> {
  readonly chroot: string;
  readonly ops: readonly Op[];
}
type Outcome =
  | { readonly kind: "done"; readonly results: readonly MultiResult[] }
  | { readonly kind: "undone"; readonly numbers: readonly number[] };

export const multi: Operation<MultiPayload<MultiOp>, Outcome> = {
  name: "multi",
  code: OpCode.multi,
  write(writer, { chroot, ops }) {
    for (const one of ops) writeOp(writer, one, toServerPath(chroot, one.path));
    jute.MultiHeader.write(writer, END);
  },
  dataBytes({ ops }) {
    let bytes = 0;
    for (const one of ops) if ("data" in one) bytes += one.data?.length ?? 0;
    return bytes;
  },
  read(reader, { chroot }) {
    const results: MultiResult[] = [];
    const numbers: number[] = [];
    for (;;) {
      const { type, done } = jute.MultiHeader.read(reader);
      if (done) break;
      if (type === OpCode.error) numbers.push(reader.int());
      else results.push(readResult(reader, type, chroot));
    }
    if (numbers.length === 0) return { kind: "done", results };
    return { kind: "undone", numbers };
  },
};

export const multiRead: Operation<
  MultiPayload<MultiReadOp>,
  readonly MultiReadResult[]
> = {
  name: "multiRead",
  code: OpCode.multiRead,
  write(writer, { chroot, ops }) {
    for (const one of ops) {
      const type =
        one.kind === "get-data" ? OpCode.getData : OpCode.getChildren;
      jute.MultiHeader.write(writer, { type, done: false, err: -1 });
      const path = toServerPath(chroot, one.path);
      jute.GetDataRequest.write(writer, { path, watch: false });
    }
    jute.MultiHeader.write(writer, END);
  },
  read(reader) {
    const results: MultiReadResult[] = [];
    for (;;) {
      const { type, done } = jute.MultiHeader.read(reader);
      if (done) return results;
      results.push(readReadResult(reader, type));
    }
  },
};

function writeOp(writer: jute.Writer, one: MultiOp, path: string): void {
  const header = (type: number) =>
    jute.MultiHeader.write(writer, { type, done: false, err: -1 });
  switch (one.kind) {
    case "create": {
      const request = createRequest(path, one.data, one.options);
      // As the Java client does: inside a multi servers know no create2.
      header(request.code === OpCode.create2 ? OpCode.create : request.code);
      if (request.code === OpCode.createTTL)
        jute.CreateTTLRequest.write(writer, request.payload);
      else jute.CreateRequest.write(writer, request.payload);
      return;
    }
    case "delete":
      header(OpCode.delete);
      jute.DeleteRequest.write(writer, { path, version: one.version });
      return;
    case "set-data": {
      header(OpCode.setData);
      writer.ustring(path);
      writer.buffer(toBytes(one.data));
      writer.int(one.version);
      return;
    }
    case "check":
      header(OpCode.check);
      jute.CheckVersionRequest.write(writer, { path, version: one.version });
      return;
    default:
      one satisfies never;
  }
}

type CreateForm =
  | {
      readonly code: typeof OpCode.create2 | typeof OpCode.createContainer;
      readonly payload: jute.CreateRequest;
    }
  | {
      readonly code: typeof OpCode.createTTL;
      readonly payload: jute.CreateTTLRequest;
    };

/** Which of the three create requests it takes, and its content. */
export function createRequest(
  path: string,
  data: NodeData,
  options: CreateOptions,
): CreateForm {
  const { mode = "persistent", acl = OPEN_ACL, ttlMs = 0 } = options;
  const flags = jute.CreateFlag[mode];
  const bytes = toBytes(data);
  const payload = {
    path,
    data: bytes === null ? null : asBuffer(bytes),
    acl,
    flags,
  };
  if (mode === "persistent-ttl" || mode === "persistent-sequential-ttl")
    return {
      code: OpCode.createTTL,
      payload: { ...payload, ttl: BigInt(ttlMs) },
    };
  if (mode === "container") return { code: OpCode.createContainer, payload };
  return { code: OpCode.create2, payload };
}

/** The same bytes as a Buffer, not copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readResult(
  reader: jute.Reader,
  type: number,
  chroot: string,
): MultiResult {
  switch (type) {
    case OpCode.create:
      return {
        kind: "create",
        path: fromServerPath(chroot, reader.ustring()),
        stat: undefined,
      };
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL: {
      const path = fromServerPath(chroot, reader.ustring());
      return { kind: "create", path, stat: jute.Stat.read(reader) };
    }
    case OpCode.delete:
      return { kind: "delete" };
    case OpCode.setData:
      return { kind: "set-data", stat: jute.Stat.read(reader) };
    case OpCode.check:
      return { kind: "check" };
    default:
      throw new Error(`Cannot read the result of a multi: type ${type}`);
  }
}

function readReadResult(reader: jute.Reader, type: number): MultiReadResult {
  switch (type) {
    case OpCode.getData: {
      const data = reader.buffer();
      return { kind: "data", data, stat: jute.Stat.read(reader) };
    }
    case OpCode.getChildren:
      return {
        kind: "children",
        children: jute.GetChildrenResponse.read(reader).children,
      };
    default:
      return { kind: "error", code: codeOfNumber(reader.int()) };
  }
}

/** The error of a multi of which nothing was done. */
export function multiError(
  numbers: readonly number[],
  ops: readonly MultiOp[],
): ZooKeeperError {
  const notTried = jute.ErrorCode["runtime-inconsistency"];
  const failedIndex = Math.max(
    0,
    numbers.findIndex((number) => number !== 0 && number !== notTried),
  );
  const results = numbers.map((number, index): FailedMultiResult => {
    if (index < failedIndex) return { kind: "rolled-back" };
    if (index > failedIndex) return { kind: "not-tried" };
    return { kind: "failed", code: codeOfNumber(number) };
  });
  const number = numbers[failedIndex] ?? notTried;
  const failed = ops[failedIndex];
  return new ZooKeeperError(codeOfNumber(number), {
    op:
      failed === undefined ? "multi" : `multi (${failedIndex}: ${failed.kind})`,
    path: failed?.path,
    number,
    failedIndex,
    results,
  });
}
