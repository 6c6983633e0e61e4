import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLine, accessLines } from "./access-line.ts";
import type { AccessRecord } from "./access-ring.ts";

const RECORD: AccessRecord = {
  atMs: Date.UTC(2026, 10, 3, 4, 5, 6, 7),
  client: "10.0.0.1",
  method: "GET",
  host: "www.example",
  version: "1.1",
  path: "/a?b=c",
  status: 200,
  bytes: 4096,
  ms: 1.23456,
  service: "www",
  target: "web-1",
  cache: "hit",
  referer: "",
  agent: "curl/8",
};

test("accessLine() writes JSON with time, version and milliseconds", () => {
  assert.deepEqual(JSON.parse(accessLine(RECORD, "json")), {
    time: "2026-11-03T04:05:06.007Z",
    client: "10.0.0.1",
    method: "GET",
    host: "www.example",
    path: "/a?b=c",
    version: "1.1",
    status: 200,
    bytes: 4096,
    ms: 1.235,
    service: "www",
    target: "web-1",
    cache: "hit",
    referer: "",
    agent: "curl/8",
  });
});

test("accessLine() writes the combined format as Apache does", () => {
  assert.equal(
    accessLine(RECORD, "combined"),
    '10.0.0.1 - - [03/Nov/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 200 4096 "-" "curl/8"',
  );
});

test("accessLine() gives a client that left before its answer nginx's 499", () => {
  assert.match(
    accessLine({ ...RECORD, status: 0, bytes: 0 }, "combined"),
    / 499 0 /u,
  );
});

test("accessLine() keeps one line, and its quotes, whatever a client sends", () => {
  const agent = 'x" 200 1\r\n\\\u0000\u00e9';
  const combined = accessLine({ ...RECORD, agent }, "combined");
  assert.match(combined, /"x\\x22 200 1\\x0D\\x0A\\x5C\\x00\\xE9"$/u);
  const json = accessLine({ ...RECORD, agent }, "json");
  assert.doesNotMatch(combined + json, /\n/u);
  assert.equal(JSON.parse(json).agent, agent);
});

test("accessLines() ends every line, and passes on what was lost", () => {
  const { text, lines, lost } = accessLines(
    { records: [RECORD, { ...RECORD, path: "/z" }], lost: 3 },
    "json",
  );
  assert.deepEqual(
    text.split("\n").map((line) => (line === "" ? "" : JSON.parse(line).path)),
    ["/a?b=c", "/z", ""],
  );
  assert.deepEqual([lines, lost], [2, 3]);
});
