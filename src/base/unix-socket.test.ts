import assert from "node:assert/strict";
import { once } from "node:events";
import {
  lstat,
  mkdtemp,
  readdir,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { listenOnSocket, removeSocketFile } from "./unix-socket.ts";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-unix-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function serverOf(t: TestContext): Server {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end("hello");
  });
  t.after(() => server.close());
  return server;
}

async function heardAt(path: string): Promise<string> {
  const socket = connect({ path });
  socket.on("error", () => {});
  const [chunk] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return chunk.toString();
}

/** A socket's file that nobody listens on, as a killed process leaves it. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer();
  server.listen({ path: `${path}.bound` });
  await once(server, "listening");
  await rename(`${path}.bound`, path);
  server.close();
  await once(server, "close");
}

test("listenOnSocket() makes a socket with the mode asked for, and nothing beside it", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "web.sock");
  await listenOnSocket(serverOf(t), { path, mode: 0o620 });
  assert.equal(await heardAt(path), "hello");
  assert.equal((await lstat(path)).mode & 0o777, 0o620);
  assert.deepEqual(await readdir(folder), ["web.sock"]);
});

test("listenOnSocket() replaces a socket that nobody listens on", async (t) => {
  const path = join(await folderOf(t), "web.sock");
  await leaveStale(path);
  await listenOnSocket(serverOf(t), { path, mode: 0o600 });
  assert.equal(await heardAt(path), "hello");
});

test("listenOnSocket() takes no socket from who listens on it, nor the place of a file", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "web.sock");
  await listenOnSocket(serverOf(t), { path, mode: 0o600 });
  await assert.rejects(listenOnSocket(serverOf(t), { path, mode: 0o600 }), {
    code: "EADDRINUSE",
  });
  assert.equal(await heardAt(path), "hello");
  const file = join(folder, "file");
  await writeFile(file, "precious");
  await assert.rejects(
    listenOnSocket(serverOf(t), { path: file, mode: 0o600 }),
    {
      code: "EEXIST",
    },
  );
  assert.deepEqual((await readdir(folder)).toSorted(), ["file", "web.sock"]);
});

test("listenOnSocket() rejects where there is no folder", async (t) => {
  const path = join(await folderOf(t), "none", "web.sock");
  await assert.rejects(listenOnSocket(serverOf(t), { path, mode: 0o600 }));
});

test("removeSocketFile() removes what nobody listens on, and nothing else", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "web.sock");
  await listenOnSocket(serverOf(t), { path, mode: 0o600 });
  await writeFile(join(folder, "file"), "precious");
  await removeSocketFile(path);
  await removeSocketFile(join(folder, "file"));
  await removeSocketFile(join(folder, "none"));
  assert.deepEqual((await readdir(folder)).toSorted(), ["file", "web.sock"]);
  await rm(path);
  await leaveStale(path);
  await removeSocketFile(path);
  assert.deepEqual(await readdir(folder), ["file"]);
});
