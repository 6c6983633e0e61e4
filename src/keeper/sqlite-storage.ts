import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  openSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { toSessionId } from "../jute/index.ts";
import { decodeAcl, OPEN_ACL } from "./acl.ts";
import type { PendingCommit, RestoredState } from "./database.ts";
import { KeeperError } from "./keeper-error.ts";
import { Session, SessionTable } from "./session-table.ts";
import { Tree } from "./tree.ts";
import type { Storage } from "./turn.ts";
import { Znode } from "./znode.ts";

/** "Zoog": says in the file's header whose it is. */
const APPLICATION_ID = 0x5a6f_6f67;
const SCHEMA_VERSION = 1;
/** How long another keeper that is just closing the file is waited for. */
const LOCK_WAIT_MS = 250;
/** Pages of the log that are folded into the file at once: 16 MB. */
const CHECKPOINT_PAGES = 4_000;

/**
 * Nodes have numbers for keys: a parent's is lower than its children's, so that
 * reading them in order rebuilds the tree, and paths are not stored twice.
 */
const SCHEMA = `
  CREATE TABLE keeper (one INTEGER PRIMARY KEY CHECK (one = 1), zxid INTEGER NOT NULL) STRICT;
  CREATE TABLE sessions (id INTEGER PRIMARY KEY, password BLOB NOT NULL, timeout_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE nodes (
    id INTEGER PRIMARY KEY, parent INTEGER, name TEXT NOT NULL, owner INTEGER, ttl_ms INTEGER NOT NULL,
    czxid INTEGER NOT NULL, ctime INTEGER NOT NULL,
    pzxid INTEGER NOT NULL, created INTEGER NOT NULL,
    mzxid INTEGER NOT NULL, mtime INTEGER NOT NULL, version INTEGER NOT NULL,
    acl BLOB, aversion INTEGER NOT NULL, data BLOB
  ) STRICT;
  INSERT INTO keeper VALUES (1, 0);
`;

/**
 * The tree and the sessions in one SQLite file, in WAL mode. A commit appends to
 * the log; the sync of the log, which `synchronous=FULL` would do within the
 * commit, is a step of its own (`synchronous=NORMAL` leaves exactly that one
 * out), so that it need not keep the event loop waiting. Nothing is acknowledged
 * between the two. The file is locked for as long as it is open.
 */
export class SqliteStorage implements Storage {
  readonly #file: DatabaseSync;
  readonly #statements: Statements;
  readonly #path: string;
  /** The log, once it has been synced for the first time. */
  #log: number | undefined;
  #closed = false;

  private constructor(file: DatabaseSync, path: string) {
    this.#file = file;
    this.#path = path;
    this.#statements = prepareStatements(file);
  }

  /**
   * Opens a file, or makes it, and reads everything.
   * @throws KeeperError, and leaves the file as it was, when it cannot be trusted
   */
  static open(
    path: string,
    now: { readonly wallMs: number; readonly nowMs: number },
  ): { readonly storage: SqliteStorage; readonly state: RestoredState } {
    const file = openFile(path);
    try {
      const fresh = prepareSchema(file, path);
      const storage = new SqliteStorage(file, path);
      const state = fresh ? storage.#begin(now) : storage.#restore(path, now);
      return { storage, state };
    } catch (error) {
      file.close();
      throw asKeeperError(error, path);
    }
  }

  commit(pending: PendingCommit): void {
    const file = this.#file;
    const { begin, commit, setZxid, openSession, closeSession } =
      this.#statements;
    begin.run();
    try {
      for (const session of pending.openedSessions)
        openSession.run(session.id, session.password, session.timeoutMs);
      for (const node of pending.nodes) this.#write(node);
      for (const session of pending.closedSessions)
        closeSession.run(session.id);
      setZxid.run(pending.zxid);
      commit.run();
    } catch (error) {
      if (file.isTransaction) file.exec("ROLLBACK");
      throw error;
    }
  }

  sync(): void {
    fdatasyncSync(this.#openLog());
  }

  syncLater(): Promise<void> {
    const log = this.#openLog();
    return new Promise((resolve, reject) => {
      fdatasync(log, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  /** The folder is synced too, once, so that the log has its name after a power cut. */
  #openLog(): number {
    if (this.#log !== undefined) return this.#log;
    const folder = openSync(dirname(this.#path), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    this.#log = openSync(`${this.#path}-wal`, "r+");
    return this.#log;
  }

  /** Folds the log into the file and unlocks it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
    if (this.#log !== undefined) closeSync(this.#log);
  }

  #write(node: Znode): void {
    const { insert, update, remove } = this.#statements;
    if (node.removed) {
      if (node.stored) remove.run(node.id);
      node.stored = false;
      return;
    }
    const data = node.data === null ? null : Buffer.from(node.data, "latin1");
    const acl =
      node.acl === OPEN_ACL ? null : Buffer.from(node.acl.bytes, "latin1");
    if (node.stored) {
      update.run(
        node.pzxid,
        node.childrenCreated,
        node.mzxid,
        node.mtimeMs,
        node.version,
        acl,
        node.aversion,
        data,
        node.id,
      );
      return;
    }
    insert.run(
      node.id,
      node.parent?.id ?? null,
      node.name,
      node.owner?.id ?? null,
      node.ttlMs,
      node.czxid,
      node.ctimeMs,
      node.pzxid,
      node.childrenCreated,
      node.mzxid,
      node.mtimeMs,
      node.version,
      acl,
      node.aversion,
      data,
    );
    node.stored = true;
  }

  #begin(now: { readonly wallMs: number }): RestoredState {
    const tree = Tree.fresh();
    this.commit({
      zxid: 0,
      nodes: [...tree.all()],
      openedSessions: [],
      closedSessions: [],
    });
    this.sync();
    return { tree, sessions: new SessionTable(now.wallMs), zxid: 0 };
  }

  #restore(
    path: string,
    now: { readonly wallMs: number; readonly nowMs: number },
  ): RestoredState {
    const sessions = new SessionTable(now.wallMs);
    const readSessions = this.#file.prepare(
      "SELECT id, password, timeout_ms FROM sessions",
    );
    readSessions.setReadBigInts(true);
    for (const row of readSessions.iterate()) {
      sessions.restore(
        new Session({
          id: toSessionId(bigintOf(row["id"])),
          password: bytesOf(row["password"]),
          timeoutMs: Number(row["timeout_ms"]),
          nowMs: now.nowMs,
        }),
      );
    }
    const tree = new Tree();
    this.#restoreNodes(path, tree, sessions);
    const row = this.#file.prepare("SELECT zxid FROM keeper").get();
    if (row === undefined)
      throw damaged(path, "it has no count of transactions");
    return { tree, sessions, zxid: Number(row["zxid"]) };
  }

  #restoreNodes(path: string, tree: Tree, sessions: SessionTable): void {
    const byId = new Map<number, Znode>();
    const rows = this.#file.prepare(
      `SELECT id, parent, name, CAST(owner AS TEXT) AS owner, ttl_ms, czxid, ctime,
              pzxid, created, mzxid, mtime, version, acl, aversion, data
       FROM nodes ORDER BY id`,
    );
    for (const row of rows.iterate()) {
      const node = restoreNode(path, row, { byId, sessions });
      byId.set(node.id, node);
      tree.restore(node);
    }
    if (byId.size === 0) throw damaged(path, "it has no nodes");
  }
}

interface Statements {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly setZxid: StatementSync;
  readonly openSession: StatementSync;
  readonly closeSession: StatementSync;
  readonly insert: StatementSync;
  readonly update: StatementSync;
  readonly remove: StatementSync;
}

function prepareStatements(file: DatabaseSync): Statements {
  return {
    begin: file.prepare("BEGIN"),
    commit: file.prepare("COMMIT"),
    setZxid: file.prepare("UPDATE keeper SET zxid = ?"),
    openSession: file.prepare(
      "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)",
    ),
    closeSession: file.prepare("DELETE FROM sessions WHERE id = ?"),
    insert: file.prepare(
      "INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    update: file.prepare(
      "UPDATE nodes SET pzxid = ?, created = ?, mzxid = ?, mtime = ?, version = ?, acl = ?, aversion = ?, data = ? WHERE id = ?",
    ),
    remove: file.prepare("DELETE FROM nodes WHERE id = ?"),
  };
}

function openFile(path: string): DatabaseSync {
  const existed = existsSync(path);
  try {
    const file = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
    if (!existed) chmodSync(path, 0o600);
    return file;
  } catch (error) {
    throw new KeeperError(
      "data-file-unreadable",
      `Cannot open the keeper's file ${JSON.stringify(path)}: ${String(error)}`,
      { cause: error },
    );
  }
}

/** Checks whose file it is; answers whether it is a new one. */
function prepareSchema(file: DatabaseSync, path: string): boolean {
  file.exec("PRAGMA locking_mode = EXCLUSIVE");
  const applicationId = pragma(file, "application_id");
  const version = pragma(file, "user_version");
  const tables = Number(
    file.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"],
  );
  const fresh = tables === 0 && applicationId === 0 && version === 0;
  if (!fresh && applicationId !== APPLICATION_ID)
    throw new KeeperError(
      "data-file-foreign",
      `Cannot use ${JSON.stringify(path)}: it is a SQLite file of another program, and should be one of zoogate keeper`,
    );
  if (version > SCHEMA_VERSION)
    throw new KeeperError(
      "data-file-newer",
      `Cannot use ${JSON.stringify(path)}: it has format ${version}, and this version of zoogate knows formats up to ${SCHEMA_VERSION}`,
    );
  file.exec("PRAGMA journal_mode = WAL");
  file.exec("PRAGMA synchronous = NORMAL");
  file.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  if (!fresh) {
    checkWhole(file, path);
    return false;
  }
  file.exec("BEGIN EXCLUSIVE");
  file.exec(SCHEMA);
  file.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  file.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  file.exec("COMMIT");
  return true;
}

function checkWhole(file: DatabaseSync, path: string): void {
  const row = file.prepare("PRAGMA quick_check(1)").get();
  const result = row === undefined ? "no answer" : Object.values(row)[0];
  if (result !== "ok") throw damaged(path, String(result));
}

function pragma(file: DatabaseSync, name: string): number {
  const row = file.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name]);
}

type Row = Readonly<Record<string, unknown>>;

function restoreNode(
  path: string,
  row: Row,
  known: {
    readonly byId: ReadonlyMap<number, Znode>;
    readonly sessions: SessionTable;
  },
): Znode {
  const id = Number(row["id"]);
  const parentId = row["parent"];
  const parent =
    parentId === null ? undefined : known.byId.get(Number(parentId));
  if (parent === undefined && (parentId !== null || known.byId.size > 0))
    throw damaged(path, `node ${id} has no parent`);
  const ownerId = row["owner"];
  const owner =
    typeof ownerId === "string"
      ? known.sessions.get(BigInt(ownerId))
      : undefined;
  if (ownerId !== null && owner === undefined)
    throw damaged(path, `ephemeral node ${id} has no session`);
  const acl = row["acl"];
  const data = row["data"];
  const node = new Znode({
    id,
    path: pathOf(parent, String(row["name"])),
    parent,
    data: data === null ? null : bytesOf(data).toString("latin1"),
    acl: acl === null ? OPEN_ACL : decodeAcl(bytesOf(acl)),
    zxid: Number(row["czxid"]),
    wallMs: Number(row["ctime"]),
    owner,
    ttlMs: Number(row["ttl_ms"]),
  });
  node.pzxid = Number(row["pzxid"]);
  node.childrenCreated = Number(row["created"]);
  node.mzxid = Number(row["mzxid"]);
  node.mtimeMs = Number(row["mtime"]);
  node.version = Number(row["version"]);
  node.aversion = Number(row["aversion"]);
  node.stored = true;
  return node;
}

function pathOf(parent: Znode | undefined, name: string): string {
  if (parent === undefined) return "/";
  return parent.parent === undefined ? `/${name}` : `${parent.path}/${name}`;
}

function bytesOf(value: unknown): Buffer {
  if (!(value instanceof Uint8Array))
    throw new TypeError("Cannot read a column: it should hold bytes");
  return Buffer.from(value.buffer, value.byteOffset, value.length);
}

function bigintOf(value: unknown): bigint {
  if (typeof value !== "bigint")
    throw new TypeError("Cannot read a column: it should hold a number");
  return value;
}

function damaged(path: string, what: string): KeeperError {
  return new KeeperError(
    "data-file-damaged",
    `Cannot use ${JSON.stringify(path)}: it is damaged (${what}); it was left as it is`,
  );
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function asKeeperError(error: unknown, path: string): unknown {
  if (error instanceof KeeperError) return error;
  const code =
    error instanceof Error && "errcode" in error
      ? Number(error.errcode) & 0xff
      : undefined;
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB)
    return damaged(path, String(error));
  if (code === SQLITE_BUSY)
    return new KeeperError(
      "data-file-in-use",
      `Cannot use ${JSON.stringify(path)}: another process has it open`,
      { cause: error },
    );
  if (code === undefined) return damaged(path, String(error));
  return new KeeperError(
    "data-file-unreadable",
    `Cannot use ${JSON.stringify(path)}: ${String(error)}`,
    { cause: error },
  );
}
