import assert from "node:assert/strict";
import { test } from "node:test";
import { ListeningSockets } from "./listening-sockets.ts";

const PORT = { host: "127.0.0.1", port: 80 };
const at = (socketPath: string) => ({ host: "", port: 0, socketPath });

/** For each worker, the addresses it listens on itself. */
function shares(listening: ListeningSockets, workers: number) {
  return Array.from({ length: workers }, (_, index) =>
    listening
      .listenOf(index + 1)
      .flatMap(({ elsewhere, socketPath, port }) =>
        elsewhere === true ? [] : [socketPath ?? port],
      ),
  );
}

test("ListeningSockets gives every port to each worker, and a Unix socket to one", () => {
  const addresses = [PORT, at("/a"), at("/b"), at("/c")];
  const listening = new ListeningSockets(addresses, 2);
  assert.deepEqual(shares(listening, 2), [
    [80, "/b"],
    [80, "/a", "/c"],
  ]);
  assert.deepEqual(shares(new ListeningSockets(addresses, 1), 1), [
    [80, "/a", "/b", "/c"],
  ]);
});

test("ListeningSockets leaves a Unix socket that is open already with its worker, and opens it anew after that", () => {
  const addresses = [PORT, { ...at("/a"), sockets: [[7, 8]] }];
  const listening = new ListeningSockets(addresses, 2);
  const socketsOf = (column: number) => listening.listenOf(column)[1]?.sockets;
  assert.deepEqual(shares(listening, 2), [[80], [80, "/a"]]);
  assert.deepEqual(socketsOf(2), [[7]]);
  listening.ended(2);
  assert.deepEqual(socketsOf(2), [[8]]);
  listening.ended(2);
  assert.deepEqual(socketsOf(2), []);
  assert.deepEqual(shares(listening, 2), [[80], [80, "/a"]]);
});
