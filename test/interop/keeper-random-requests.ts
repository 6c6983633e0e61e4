/** Random requests for the comparison of two servers, from a seed. */
import {
  type ACL,
  AddWatchRequest,
  AuthPacket,
  CheckVersionRequest,
  CheckWatchesRequest,
  type Codec,
  CreateRequest,
  CreateTTLRequest,
  DeleteRequest,
  encode,
  GetDataRequest,
  MultiHeader,
  type OpCodeName,
  record,
  SetACLRequest,
  SetDataRequest,
  SetWatches,
  SetWatches2,
  ustring,
} from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";

const PathOnly = record({ path: ustring });

/** mulberry32: small, and the same everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T; // the index is within
  }
}

/** One request, and its xid where that is no running number. */
export interface Request {
  readonly type: OpCodeName | number;
  readonly body: Buffer;
  readonly xid?: number;
}

/** Nodes with watches, all of which everybody may read. */
const WATCHED_NAMES = ["a", "b", "c"];
/** Nodes with any ACL, and without watches. */
const GUARDED_NAMES = ["d", "e"];
const ODD_PATHS = [
  "",
  "x",
  "//a",
  "/a/",
  "/..",
  "/a/./b",
  "/zookeeper",
  "/\u0001",
  "/é",
  "/zookeeper/quota",
  "/zookeeper/config",
];
const IDS: readonly ACL[][] = [
  [...OPEN],
  [...OPEN],
  [...OPEN],
  [],
  [{ perms: 31, id: { scheme: "auth", id: "" } }],
  [{ perms: 1, id: { scheme: "world", id: "anyone" } }],
  [
    {
      perms: 31,
      id: { scheme: "digest", id: "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=" },
    },
  ],
  [
    { perms: 31, id: { scheme: "ip", id: "127.0.0.1" } },
    { perms: 1, id: { scheme: "world", id: "anyone" } },
    { perms: 1, id: { scheme: "world", id: "anyone" } },
  ],
  [{ perms: 31, id: { scheme: "ip", id: "127.0.0.0/8" } }],
  [{ perms: 31, id: { scheme: "ip", id: "10.0.0.0/8" } }],
  [{ perms: 31, id: { scheme: "ip", id: "1.2.3" } }],
  [{ perms: 31, id: { scheme: "digest", id: "no-colon" } }],
  [{ perms: 31, id: { scheme: "digest", id: "a:b:c" } }],
  [{ perms: 31, id: { scheme: "nope", id: "x" } }],
  [
    { perms: 6, id: { scheme: "auth", id: "" } },
    { perms: 1, id: { scheme: "auth", id: "ignored" } },
  ],
];

/** Makes requests; remembers nothing, so most hit nodes only by chance of few names. */
export class Requests {
  readonly #random: Random;
  #persistent = false;
  #guarded = false;
  constructor(random: Random) {
    this.#random = random;
  }

  /** Persistent watches are one client's, one-shot watches the others': see the header. */
  next(persistent: boolean): Request {
    this.#persistent = persistent;
    const random = this.#random;
    this.#guarded = random.chance(0.3);
    const made = random.pick([
      () => this.#create(),
      () => this.#create(),
      () => this.#create(),
      () => this.#delete(),
      () => this.#delete(),
      () => this.#setData(),
      () => this.#setData(),
      () => this.#read(),
      () => this.#read(),
      () => this.#read(),
      () => this.#acl(),
      () => this.#multi(),
      () => this.#multi(),
      () => this.#multiRead(),
      () => this.#watch(),
      () => this.#watch(),
      () => this.#other(),
    ])();
    if (!random.chance(0.01) || made.body.length === 0) return made;
    // Cut off within the body, or with something after it.
    return random.chance(0.5)
      ? { ...made, body: made.body.subarray(0, random.below(made.body.length)) }
      : { ...made, body: Buffer.concat([made.body, Buffer.from("more")]) };
  }

  path(): string {
    const random = this.#random;
    if (random.chance(0.04)) return random.pick(ODD_PATHS);
    let path = "";
    for (let depth = random.below(3); depth >= 0; depth--)
      path += `/${random.pick(this.#guarded ? GUARDED_NAMES : WATCHED_NAMES)}`;
    return path;
  }

  #anyAcl(): readonly ACL[] {
    const random = this.#random;
    return this.#guarded && random.chance(0.5) ? random.pick(IDS) : OPEN;
  }

  get #mayWatch(): boolean {
    return !this.#guarded && !this.#persistent;
  }

  #data(): Buffer | null {
    return this.#random.pick([
      null,
      Buffer.alloc(0),
      Buffer.from("data"),
      Buffer.from([0, 200, 255]),
    ]);
  }

  #version(): number {
    return this.#random.pick([-1, -1, -1, 0, 1, 2]);
  }

  #createFields() {
    const random = this.#random;
    const sequential = random.chance(0.2);
    return {
      path: this.path() + (sequential ? random.pick(["/", "/s-"]) : ""),
      data: this.#data(),
      acl: this.#anyAcl(),
      flags: random.pick(sequential ? [2, 3] : [0, 0, 0, 0, 1]),
    };
  }

  #create(): Request {
    const random = this.#random;
    const fields = this.#createFields();
    const odd = random.chance(0.05);
    switch (random.below(8)) {
      case 0: {
        // Without a time to live where the flags want none: see the header.
        const flags = odd ? random.below(8) : random.pick([5, 6]);
        const ttl = random.pick([0n, -1n, 60_000n, MAX_TTL, MAX_TTL + 1n]);
        return {
          type: "createTTL",
          body: encode(CreateTTLRequest, {
            ...fields,
            flags,
            ttl: flags === 5 || flags === 6 ? ttl : 60_000n,
          }),
        };
      }
      case 1:
        return {
          type: "createContainer",
          body: encode(CreateRequest, {
            ...fields,
            flags: odd ? random.below(4) : 4,
          }),
        };
      default:
        return {
          type: random.pick(["create", "create2"] as const),
          body: encode(CreateRequest, {
            ...fields,
            flags: odd ? random.pick([4, 5, 6, 7, -1]) : fields.flags,
          }),
        };
    }
  }

  #delete(): Request {
    return {
      type: "delete",
      body: encode(DeleteRequest, {
        path: this.#random.chance(0.02) ? "/" : this.path(),
        version: this.#version(),
      }),
    };
  }

  #setData(): Request {
    return {
      type: "setData",
      body: encode(SetDataRequest, {
        path: this.path(),
        data: this.#data(),
        version: this.#version(),
      }),
    };
  }

  #read(): Request {
    return {
      type: this.#random.pick([
        "exists",
        "getData",
        "getChildren",
        "getChildren2",
      ] as const),
      body: encode(GetDataRequest, {
        path: this.#random.chance(0.1) ? "/" : this.path(),
        watch: this.#mayWatch && this.#random.chance(0.4),
      }),
    };
  }

  #acl(): Request {
    const random = this.#random;
    const path = this.path();
    if (random.chance(0.5))
      return { type: "getACL", body: encode(PathOnly, { path }) };
    return {
      type: "setACL",
      body: encode(SetACLRequest, {
        path,
        acl: this.#anyAcl(),
        version: this.#version(),
      }),
    };
  }

  #multi(): Request {
    const random = this.#random;
    const parts: Buffer[] = [];
    for (let count = random.below(5); count > 0; count--) {
      const path = this.path();
      const version = this.#version();
      switch (random.below(5)) {
        case 0:
          parts.push(
            part(random.pick([1, 15]), CreateRequest, this.#createFields()),
          );
          break;
        case 1:
          parts.push(part(2, DeleteRequest, { path, version }));
          break;
        case 2:
          parts.push(
            part(5, SetDataRequest, { path, data: this.#data(), version }),
          );
          break;
        case 3:
          parts.push(part(13, CheckVersionRequest, { path, version }));
          break;
        default:
          parts.push(
            part(19, CreateRequest, { ...this.#createFields(), flags: 4 }),
          );
      }
    }
    if (random.chance(0.03)) parts.push(part(7, PathOnly, { path: "/a" }));
    return { type: "multi", body: Buffer.concat([...parts, END]) };
  }

  #multiRead(): Request {
    const random = this.#random;
    const parts: Buffer[] = [];
    for (let count = random.below(4); count > 0; count--)
      parts.push(
        part(random.pick([4, 8]), GetDataRequest, {
          path: this.path(),
          watch: this.#mayWatch && random.chance(0.2),
        }),
      );
    return { type: "multiRead", body: Buffer.concat([...parts, END]) };
  }

  #watch(): Request {
    const random = this.#random;
    this.#guarded = false;
    const path = this.path();
    if (random.chance(0.25))
      return {
        type: "removeWatches",
        body: encode(CheckWatchesRequest, {
          path,
          type: this.#persistent ? 3 : random.below(6),
        }),
      };
    if (this.#persistent)
      return random.pick<Request>([
        {
          type: "addWatch",
          body: encode(AddWatchRequest, {
            path: random.pick(["/a", "/b", "/b/a"]),
            mode: 0,
          }),
        },
        {
          type: "addWatch",
          body: encode(AddWatchRequest, {
            path: random.pick(["/", "/c", "/a/b"]),
            mode: random.pick([1, 1, 1, 7]),
          }),
        },
        {
          type: "setWatches2",
          xid: -8,
          body: encode(SetWatches2, {
            relativeZxid: 0n,
            dataWatches: [],
            existWatches: [],
            childWatches: [],
            persistentWatches: random.chance(0.5) ? ["/a", "/b"] : [],
            persistentRecursiveWatches: random.chance(0.2) ? ["/c"] : [],
          }),
        },
      ]);
    return random.pick<Request>([
      {
        type: "setWatches",
        xid: -8,
        body: encode(SetWatches, this.#watches()),
      },
      {
        type: "setWatches2",
        xid: -8,
        body: encode(SetWatches2, {
          ...this.#watches(),
          persistentWatches: [],
          persistentRecursiveWatches: [],
        }),
      },
    ]);
  }

  #watches() {
    const random = this.#random;
    return {
      relativeZxid: BigInt(random.below(2_000)),
      dataWatches: random.chance(0.5) ? [this.path()] : [],
      existWatches: random.chance(0.5) ? [this.path()] : [],
      childWatches: random.chance(0.5) ? [this.path()] : [],
    };
  }

  #other(): Request {
    const random = this.#random;
    const none = Buffer.alloc(0);
    const path = this.path();
    return random.pick<Request>([
      { type: "sync", body: encode(PathOnly, { path }) },
      {
        type: "getEphemerals",
        body: encode(PathOnly, { path: random.pick(["", "/", "/a"]) }),
      },
      {
        type: "getAllChildrenNumber",
        body: encode(PathOnly, { path: random.pick(["/", path]) }),
      },
      { type: "whoAmI", body: none },
      { type: 999, body: none },
      { type: "reconfig", body: Buffer.alloc(20, 0xff) },
      {
        type: "auth",
        xid: -4,
        body: encode(AuthPacket, {
          type: 0,
          scheme: random.pick(["digest", "digest", "ip"]),
          auth: Buffer.from(random.pick(["u:p", "v:q"])),
        }),
      },
    ]);
  }
}

function part<T>(type: number, codec: Codec<T>, value: T): Buffer {
  return Buffer.concat([
    encode(MultiHeader, { type, done: false, err: -1 }),
    encode(codec, value),
  ]);
}

const MAX_TTL = 0xff_ffff_ffffn;

const END = encode(MultiHeader, { type: -1, done: true, err: -1 });
