/**
 * What a write does to the tree, in three steps as Apache ZooKeeper's request
 * processors have them. `prepare…` checks a request against the tree and
 * answers a change or the code of the refusal; it alters nothing. `applyChange`
 * alters the tree. The change then waits in the turn's list until storage has
 * it, and only then does anybody hear of it (see turn.ts).
 *
 * A multi prepares and applies its operations one after the other, so that each
 * sees those before it; when one is refused, `revertChange` undoes the others
 * in reverse order. Nobody has seen them.
 */
import {
  CreateFlag,
  type ErrorCodeName,
  type Id,
  Permission,
} from "../jute/index.ts";
import { type Acl, permits, resolveAcl } from "./acl.ts";
import { isValidPath, parentPath } from "./paths.ts";
import type {
  CheckVersionBody,
  CreateBody,
  DeleteBody,
  SetAclBody,
  SetDataBody,
} from "./request-bodies.ts";
import type { Session } from "./session-table.ts";
import { isSpecialPath, type Tree } from "./tree.ts";
import { CONTAINER, NO_TTL, Znode } from "./znode.ts";

/** Who asks, and when. */
export interface WriteContext {
  readonly tree: Tree;
  readonly session: Session;
  readonly identities: readonly Id[];
  readonly zxid: number;
  readonly wallMs: number;
}

/** One prepared step, with what is needed to undo it. */
export type Change =
  | {
      readonly kind: "create";
      readonly node: Znode;
      readonly parent: Znode;
      readonly previousPzxid: number;
    }
  | {
      readonly kind: "delete";
      readonly node: Znode;
      readonly parent: Znode;
      readonly zxid: number;
      readonly previousPzxid: number;
    }
  | {
      readonly kind: "set-data";
      readonly node: Znode;
      readonly data: string | null;
      readonly zxid: number;
      readonly wallMs: number;
      readonly previousData: string | null;
      readonly previousMzxid: number;
      readonly previousMtimeMs: number;
    }
  | {
      readonly kind: "set-acl";
      readonly node: Znode;
      readonly acl: Acl;
      readonly previousAcl: Acl;
    }
  | { readonly kind: "check"; readonly node: Znode };

/** The longest time to live: 40 bits of milliseconds, as Apache ZooKeeper has it. */
const MAX_TTL_MS = 0xff_ffff_ffff;

export function prepareCreate(
  context: WriteContext,
  body: CreateBody,
): Change | ErrorCodeName {
  const { tree } = context;
  const mode = createMode(body);
  if (mode === undefined) return "bad-arguments";
  const above = parentPath(body.path);
  if (above === undefined || body.path.includes("\0")) return "bad-arguments";
  const acl = resolveAcl(body.acl, context.identities);
  if (acl === undefined) return "invalid-acl";
  const parent = tree.get(above);
  if (parent === undefined) return "no-node";
  if (!permits(parent.acl, Permission.create, context.identities))
    return "no-auth";
  const path = mode.sequential
    ? body.path + sequenceSuffix(parent.childrenCreated)
    : body.path;
  if (!isValidPath(path)) return "bad-arguments";
  if (tree.get(path) !== undefined) return "node-exists";
  if (parent.owner !== undefined) return "no-children-for-ephemerals";
  const node = new Znode({
    id: tree.takeId(),
    path,
    parent,
    data: body.data,
    acl,
    zxid: context.zxid,
    wallMs: context.wallMs,
    owner: mode.ephemeral ? context.session : undefined,
    ttlMs: mode.ttlMs,
  });
  return { kind: "create", node, parent, previousPzxid: parent.pzxid };
}

export function prepareDelete(
  context: WriteContext,
  body: DeleteBody,
): Change | ErrorCodeName {
  const above = parentPath(body.path);
  if (
    above === undefined ||
    body.path.includes("\0") ||
    isSpecialPath(body.path)
  )
    return "bad-arguments";
  const parent = context.tree.get(above);
  if (parent === undefined) return "no-node";
  if (!permits(parent.acl, Permission.delete, context.identities))
    return "no-auth";
  const node = context.tree.get(body.path);
  if (node === undefined) return "no-node";
  if (!isVersion(node.version, body.version)) return "bad-version";
  if (node.children !== undefined) return "not-empty";
  return deletion(node, parent, context.zxid);
}

/** The deletion of a node that is known to be there and to have no children. */
export function deletion(node: Znode, parent: Znode, zxid: number): Change {
  return {
    kind: "delete",
    node,
    parent,
    zxid,
    previousPzxid: parent.pzxid,
  };
}

export function prepareSetData(
  context: WriteContext,
  body: SetDataBody,
): Change | ErrorCodeName {
  const node = context.tree.get(body.path);
  if (!isValidPath(body.path)) return "bad-arguments";
  if (node === undefined) return "no-node";
  if (!permits(node.acl, Permission.write, context.identities))
    return "no-auth";
  if (!isVersion(node.version, body.version)) return "bad-version";
  return {
    kind: "set-data",
    node,
    data: body.data,
    zxid: context.zxid,
    wallMs: context.wallMs,
    previousData: node.data,
    previousMzxid: node.mzxid,
    previousMtimeMs: node.mtimeMs,
  };
}

export function prepareSetAcl(
  context: WriteContext,
  body: SetAclBody,
): Change | ErrorCodeName {
  if (!isValidPath(body.path)) return "bad-arguments";
  const acl = resolveAcl(body.acl, context.identities);
  if (acl === undefined) return "invalid-acl";
  const node = context.tree.get(body.path);
  if (node === undefined) return "no-node";
  if (!permits(node.acl, Permission.admin, context.identities))
    return "no-auth";
  if (!isVersion(node.aversion, body.version)) return "bad-version";
  return { kind: "set-acl", node, acl, previousAcl: node.acl };
}

export function prepareCheck(
  context: WriteContext,
  body: CheckVersionBody,
): Change | ErrorCodeName {
  if (!isValidPath(body.path)) return "bad-arguments";
  const node = context.tree.get(body.path);
  if (node === undefined) return "no-node";
  if (!permits(node.acl, Permission.read, context.identities)) return "no-auth";
  if (!isVersion(node.version, body.version)) return "bad-version";
  return { kind: "check", node };
}

export function applyChange(tree: Tree, change: Change): void {
  switch (change.kind) {
    case "create":
      tree.add(change.node);
      change.parent.childrenCreated = (change.parent.childrenCreated + 1) | 0;
      change.parent.pzxid = change.node.czxid;
      return;
    case "delete":
      tree.remove(change.node);
      change.parent.pzxid = change.zxid;
      return;
    case "set-data":
      tree.setData(change.node, change.data);
      change.node.version = (change.node.version + 1) | 0;
      change.node.mzxid = change.zxid;
      change.node.mtimeMs = change.wallMs;
      return;
    case "set-acl":
      change.node.acl = change.acl;
      change.node.aversion = (change.node.aversion + 1) | 0;
      return;
    case "check":
      return;
    default:
      change satisfies never;
  }
}

/** Undoes the change that was applied last. */
export function revertChange(tree: Tree, change: Change): void {
  switch (change.kind) {
    case "create":
      tree.remove(change.node);
      change.parent.childrenCreated = (change.parent.childrenCreated - 1) | 0;
      change.parent.pzxid = change.previousPzxid;
      return;
    case "delete":
      tree.add(change.node);
      change.parent.pzxid = change.previousPzxid;
      return;
    case "set-data":
      tree.setData(change.node, change.previousData);
      change.node.version = (change.node.version - 1) | 0;
      change.node.mzxid = change.previousMzxid;
      change.node.mtimeMs = change.previousMtimeMs;
      return;
    case "set-acl":
      change.node.acl = change.previousAcl;
      change.node.aversion = (change.node.aversion - 1) | 0;
      return;
    case "check":
      return;
    default:
      change satisfies never;
  }
}

interface CreateModeBits {
  readonly sequential: boolean;
  readonly ephemeral: boolean;
  readonly ttlMs: number;
}

/**
 * The opcode decides what a node becomes and the flags must fit it. With the
 * flags of a container a plain create makes a persistent node, as measured on
 * Apache ZooKeeper.
 */
function createMode(body: CreateBody): CreateModeBits | undefined {
  const { flags, ttlMs } = body;
  const hasTtl =
    flags === CreateFlag["persistent-ttl"] ||
    flags === CreateFlag["persistent-sequential-ttl"];
  if (flags < 0 || flags > CreateFlag["persistent-sequential-ttl"])
    return undefined;
  if (hasTtl !== (ttlMs !== undefined)) return undefined;
  if (ttlMs !== undefined && (ttlMs <= 0 || ttlMs > MAX_TTL_MS))
    return undefined;
  const { container } = body;
  return {
    sequential:
      flags === CreateFlag["persistent-sequential"] ||
      flags === CreateFlag["ephemeral-sequential"] ||
      flags === CreateFlag["persistent-sequential-ttl"],
    ephemeral:
      !container &&
      (flags === CreateFlag.ephemeral ||
        flags === CreateFlag["ephemeral-sequential"]),
    ttlMs: ttlMs ?? (container ? CONTAINER : NO_TTL),
  };
}

/** Java's `%010d`: a negative number keeps its sign within the ten places. */
function sequenceSuffix(value: number): string {
  return value < 0
    ? `-${String(-value).padStart(9, "0")}`
    : String(value).padStart(10, "0");
}

function isVersion(present: number, expected: number): boolean {
  return expected === -1 || expected === present;
}
