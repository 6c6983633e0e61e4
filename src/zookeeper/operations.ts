/** The operations of a client: one row each. */
import * as jute from "../jute/index.ts";
import { fromServerPath } from "./znode-path.ts";
import type { Operation } from "./request.ts";

/** One entry of an access list. */
export type AclEntry = jute.ACL;
/** What a server knows about a node besides its data. */
export type Stat = jute.Stat;

/** Everybody may do everything. */
export const OPEN_ACL: readonly AclEntry[] = [
  { perms: jute.Permission.all, id: { scheme: "world", id: "anyone" } },
];
/** Whoever is authenticated on the creating connection may do everything, nobody else anything. */
export const CREATOR_ALL_ACL: readonly AclEntry[] = [
  { perms: jute.Permission.all, id: { scheme: "auth", id: "" } },
];
/** Everybody may read. */
export const READ_ACL: readonly AclEntry[] = [
  { perms: jute.Permission.read, id: { scheme: "world", id: "anyone" } },
];

/** The number of the server's last transaction when it answered. */
export interface Answered {
  readonly zxid: bigint;
}
/** What a create made. */
export interface CreateAnswer extends Answered {
  /** With the sequence number, where one was asked for. */
  readonly path: string;
  readonly stat: Stat;
}
/** A node's data and what is known of the node. */
export interface DataAnswer extends Answered {
  /** Null and empty are different values. */
  readonly data: Buffer | null;
  readonly stat: Stat;
}
/** The names of a node's children and what is known of the node. */
export interface ChildrenAnswer extends Answered {
  /** Names, in no order. */
  readonly children: readonly string[];
  readonly stat: Stat;
}
/** Who may do what with a node, and what is known of it. */
export interface AclAnswer extends Answered {
  readonly acl: readonly AclEntry[];
  readonly stat: Stat;
}
/** One identity of a connection. */
export interface Identity {
  readonly scheme: string;
  readonly user: string;
}

const { OpCode } = jute;

function bytesOfData(payload: { readonly data: Buffer | null }): number {
  return payload.data?.length ?? 0;
}

function createOperation<Payload extends { readonly data: Buffer | null }>(
  code: number,
  request: jute.Codec<Payload>,
): Operation<Payload, CreateAnswer> {
  return {
    name: "create",
    code,
    write: request.write,
    dataBytes: bytesOfData,
    read(reader, { zxid, chroot }) {
      const path = fromServerPath(chroot, reader.ustring());
      return { path, stat: jute.Stat.read(reader), zxid };
    },
  };
}

export const create2 = createOperation(OpCode.create2, jute.CreateRequest);
export const createContainer = createOperation(
  OpCode.createContainer,
  jute.CreateRequest,
);
export const createTTL = createOperation(
  OpCode.createTTL,
  jute.CreateTTLRequest,
);

export const deleteNode: Operation<jute.DeleteRequest, undefined> = {
  name: "delete",
  code: OpCode.delete,
  write: jute.DeleteRequest.write,
  read: () => undefined,
};

export const exists: Operation<jute.ExistsRequest, Stat | undefined> = {
  name: "exists",
  code: OpCode.exists,
  write: jute.ExistsRequest.write,
  read: (reader) => jute.Stat.read(reader),
  noNode: { answer: undefined },
};

export const getData: Operation<jute.GetDataRequest, DataAnswer> = {
  name: "getData",
  code: OpCode.getData,
  write(writer, payload) {
    // Written out: the most frequent request.
    writer.ustring(payload.path);
    writer.bool(payload.watch);
  },
  read: readDataAnswer,
};

export const setData: Operation<jute.SetDataRequest, Stat> = {
  name: "setData",
  code: OpCode.setData,
  write: jute.SetDataRequest.write,
  dataBytes: bytesOfData,
  read: (reader) => jute.Stat.read(reader),
};

export const getACL: Operation<jute.GetACLRequest, AclAnswer> = {
  name: "getAcl",
  code: OpCode.getACL,
  write: jute.GetACLRequest.write,
  read(reader, { zxid }) {
    const { acl, stat } = jute.GetACLResponse.read(reader);
    return { acl, stat, zxid };
  },
};

export const setACL: Operation<jute.SetACLRequest, Stat> = {
  name: "setAcl",
  code: OpCode.setACL,
  write: jute.SetACLRequest.write,
  read: (reader) => jute.Stat.read(reader),
};

export const getChildren2: Operation<jute.GetChildren2Request, ChildrenAnswer> =
  {
    name: "getChildren",
    code: OpCode.getChildren2,
    write: jute.GetChildren2Request.write,
    read(reader, { zxid }) {
      const { children, stat } = jute.GetChildren2Response.read(reader);
      return { children, stat, zxid };
    },
  };

export const sync: Operation<jute.SyncRequest, undefined> = {
  name: "sync",
  code: OpCode.sync,
  write: jute.SyncRequest.write,
  read: () => undefined,
};

export const getEphemerals: Operation<
  jute.GetEphemeralsRequest,
  readonly string[]
> = {
  name: "getEphemerals",
  code: OpCode.getEphemerals,
  write: jute.GetEphemeralsRequest.write,
  read(reader, { chroot }) {
    const { ephemerals } = jute.GetEphemeralsResponse.read(reader);
    return ephemerals.map((path) => fromServerPath(chroot, path));
  },
};

export const getAllChildrenNumber: Operation<
  jute.GetAllChildrenNumberRequest,
  number
> = {
  name: "getAllChildrenNumber",
  code: OpCode.getAllChildrenNumber,
  write: jute.GetAllChildrenNumberRequest.write,
  read: (reader) => reader.int(),
};

export const whoAmI: Operation<undefined, readonly Identity[]> = {
  name: "whoAmI",
  code: OpCode.whoAmI,
  write: () => {},
  read(reader) {
    const { clientInfo } = jute.WhoAmIResponse.read(reader);
    return clientInfo.map(({ authScheme, user }) => ({
      scheme: authScheme,
      user,
    }));
  },
};

export const addWatch: Operation<jute.AddWatchRequest, undefined> = {
  name: "addWatch",
  code: OpCode.addWatch,
  write: jute.AddWatchRequest.write,
  read: () => undefined,
};

export const removeWatches: Operation<jute.RemoveWatchesRequest, undefined> = {
  name: "removeWatches",
  code: OpCode.removeWatches,
  write: jute.RemoveWatchesRequest.write,
  read: () => undefined,
};

export const checkWatches: Operation<jute.CheckWatchesRequest, undefined> = {
  name: "checkWatches",
  code: OpCode.checkWatches,
  write: jute.CheckWatchesRequest.write,
  read: () => undefined,
};

export const reconfig: Operation<jute.ReconfigRequest, DataAnswer> = {
  name: "reconfig",
  code: OpCode.reconfig,
  write: jute.ReconfigRequest.write,
  read: readDataAnswer,
};

export const sasl: Operation<jute.GetSASLRequest, Buffer | null> = {
  name: "authenticate",
  code: OpCode.sasl,
  write: jute.GetSASLRequest.write,
  read: (reader) => reader.buffer(),
};

export const closeSession: Operation<undefined, undefined> = {
  name: "close the session",
  code: OpCode.closeSession,
  write: () => {},
  read: () => undefined,
};

function readDataAnswer(
  reader: jute.Reader,
  context: { readonly zxid: bigint },
): DataAnswer {
  const data = reader.buffer();
  return { data, stat: jute.Stat.read(reader), zxid: context.zxid };
}

/** What the three reads that can set a watch are written from. */
export interface ReadPayload {
  readonly path: string;
  readonly watch: boolean;
}
