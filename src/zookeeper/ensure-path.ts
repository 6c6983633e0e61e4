import { createRequest } from "./multi.ts";
import { create2, exists } from "./operations.ts";
import { Request, type RequestOptions } from "./request.ts";
import type { Session } from "./session.ts";
import { parentPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

/**
 * Creates a persistent node and those above it where they are missing. Nodes
 * that exist are only looked at, so that it takes no right to create there.
 */
export async function ensurePath(
  session: Session,
  {
    serverPath,
    options,
  }: {
    readonly serverPath: string;
    readonly options: RequestOptions;
  },
): Promise<void> {
  const missing: string[] = [];
  for (
    let path: string | undefined = serverPath;
    path !== undefined;
    path = parentPath(path)
  ) {
    const look = new Request(exists, { path, watch: false }, path, options);
    session.submit(look);
    if ((await look.promise) !== undefined) break;
    missing.push(path);
  }
  for (const path of missing.toReversed()) {
    const { payload } = createRequest(path, null, {});
    const request = new Request(create2, payload, path, options);
    session.submit(request);
    try {
      await request.promise;
    } catch (error) {
      const exists =
        error instanceof ZooKeeperError && error.code === "node-exists";
      if (!exists) throw error;
    }
  }
}
