import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type JournalRecord, silentJournal } from "../base/index.ts";
import { readIdentity, targetName } from "./identity.ts";
import { TargetError } from "./target-error.ts";

const listen = { host: "127.0.0.1", port: 3000 };
const advertised = { host: "web7.example", port: 80 };

describe("readIdentity()", () => {
  it("readIdentity() keeps one server id for each listen address, and a new life each time", async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), "zoogate-identity-"));
    t.after(() => rm(dataDir, { recursive: true }));
    const given = { dataDir, listen, advertised, journal: silentJournal };
    const first = await readIdentity(given);
    const again = await readIdentity(given);
    const other = await readIdentity({
      ...given,
      listen: { ...listen, port: 3001 },
    });
    assert.match(first.server, /^[0-9a-f]{32}$/u);
    assert.equal(again.server, first.server);
    assert.notEqual(again.life, first.life);
    assert.notEqual(other.server, first.server);
  });

  it("readIdentity() takes the url where there is no data directory, or a useless one", async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "zoogate-identity-"));
    t.after(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, "file"), "");
    const journal: JournalRecord[] = [];
    for (const dataDir of [undefined, join(dir, "file")]) {
      const { server } = await readIdentity({
        dataDir,
        listen,
        advertised,
        journal: (record) => void journal.push(record),
      });
      assert.equal(server, "http://web7.example:80");
    }
    assert.deepEqual(
      journal.map(({ event }) => event),
      ["identity-not-kept"],
    );
  });
});

describe("targetName()", () => {
  const listen = { host: "127.0.0.1", port: 3000 };
  it("targetName() is host name and port unless it is given", () => {
    assert.match(targetName(undefined, listen), /^[A-Za-z0-9._+-]+:3000$/u);
    assert.ok(
      targetName(undefined, listen).includes(hostname().slice(0, 4)) ||
        hostname() === "",
    );
    assert.equal(targetName("one", listen), "one");
    const atSocket = { host: "", port: 0, socketPath: "/run/web.sock" };
    assert.match(targetName(undefined, atSocket), /[^:]:\/run\/web\.sock$/u);
    assert.throws(
      () => targetName("", listen),
      (error) => error instanceof TargetError && error.code === "bad-name",
    );
  });
});
