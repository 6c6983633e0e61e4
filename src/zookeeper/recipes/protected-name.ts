import { randomUUID } from "node:crypto";
import type { Clock } from "../../base/index.ts";
import type { CreateOptions, NodeData } from "../multi.ts";
import type { CreateAnswer } from "../operations.ts";
import { childPath } from "../znode-path.ts";
import { persevere } from "./persevere.ts";
import { errorCode, type WritingClient } from "./recipe-client.ts";

/**
 * A node with a random identity in its name (`_c_<uuid>-<name>`, as Curator
 * writes it), so that its maker finds it again after a lost answer: it never
 * makes a second one, and never leaves one behind that it does not know of.
 *
 * Looking begins with a `sync`: the server that is asked may be behind the one
 * that took the request whose answer was lost. What the former connection had
 * under way is decided by then, since the leader refuses requests that come by a
 * connection from which the session has moved.
 */
export class ProtectedName {
  readonly folder: string;
  readonly #identity = `_c_${randomUUID()}-`;
  readonly #name: string;

  constructor(folder: string, name: string) {
    this.folder = folder;
    this.#name = name;
  }

  isName(child: string): boolean {
    return child.startsWith(this.#identity);
  }

  /** The paths of nodes with this identity: one, or none. */
  async find(
    client: WritingClient,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    await client.sync(this.folder, { signal });
    try {
      const { children } = await client.getChildren(this.folder, { signal });
      return children
        .filter((child) => this.isName(child))
        .map((child) => childPath(this.folder, child));
    } catch (error) {
      if (errorCode(error) === "no-node") return [];
      throw error;
    }
  }

  /** Makes the node; the folder too where it is missing. */
  async create(
    client: WritingClient,
    data: NodeData,
    options: CreateOptions & { readonly signal?: AbortSignal | undefined },
  ): Promise<CreateAnswer> {
    const path = childPath(this.folder, this.#identity + this.#name);
    try {
      return await client.create(path, data, options);
    } catch (error) {
      if (errorCode(error) !== "no-node") throw error;
      await client.ensurePath(this.folder, { signal: options.signal });
      return client.create(path, data, options);
    }
  }

  /** Deletes whatever bears this identity, however long it takes to reach a server. */
  async remove(
    client: WritingClient,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly clock: Clock;
    },
  ): Promise<void> {
    await persevere(
      async () => {
        const paths = await this.find(client, options.signal);
        for (const path of paths) await deleteIfThere(client, path, options);
      },
      { client, ...options },
    );
  }
}

export async function deleteIfThere(
  client: WritingClient,
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  try {
    await client.delete(path, { signal: options.signal });
  } catch (error) {
    if (errorCode(error) !== "no-node") throw error;
  }
}
