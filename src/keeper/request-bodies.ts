/**
 * The bodies of the requests that arrive most, read with node data as a string
 * of bytes (see znode.ts). The other requests are read by the records of jute.
 */
import { ACL, type Reader, vector } from "../jute/index.ts";

const AclList = vector(ACL);

export interface CreateBody {
  readonly path: string;
  readonly data: string | null;
  readonly acl: readonly ACL[];
  readonly flags: number;
  /** Of createTTL only. */
  readonly ttlMs: number | undefined;
  /** By createContainer. */
  readonly container: boolean;
}

export interface DeleteBody {
  readonly path: string;
  readonly version: number;
}

export interface SetDataBody {
  readonly path: string;
  readonly data: string | null;
  readonly version: number;
}

export interface SetAclBody {
  readonly path: string;
  readonly acl: readonly ACL[];
  readonly version: number;
}

export interface CheckVersionBody {
  readonly path: string;
  readonly version: number;
}

/** CreateRequest. */
export function readCreate(
  reader: Reader,
  options: { readonly container: boolean },
): CreateBody {
  return {
    path: reader.ustring(),
    data: reader.byteString(),
    acl: AclList.read(reader),
    flags: reader.int(),
    ttlMs: undefined,
    container: options.container,
  };
}

/** CreateTTLRequest. */
export function readCreateTtl(reader: Reader): CreateBody {
  return {
    path: reader.ustring(),
    data: reader.byteString(),
    acl: AclList.read(reader),
    flags: reader.int(),
    ttlMs: Number(reader.long()),
    container: false,
  };
}

/** DeleteRequest and CheckVersionRequest. */
export function readPathVersion(reader: Reader): DeleteBody {
  return { path: reader.ustring(), version: reader.int() };
}

/** SetDataRequest. */
export function readSetData(reader: Reader): SetDataBody {
  return {
    path: reader.ustring(),
    data: reader.byteString(),
    version: reader.int(),
  };
}
