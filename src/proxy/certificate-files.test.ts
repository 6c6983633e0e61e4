import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type JournalRecord, ManualClock } from "../base/index.ts";
import { CertificateFiles } from "./certificate-files.ts";
import type { TlsMaterial } from "./worker-messages.ts";

const VECTORS = join(import.meta.dirname, "..", "..", "test", "vectors", "tls");

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-certificates-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const certFile = join(folder, "cert.pem");
  const keyFile = join(folder, "key.pem");
  const put = async (name: string) => {
    await copyFile(join(VECTORS, `${name}.pem`), certFile);
    await copyFile(join(VECTORS, `${name}.key.pem`), keyFile);
  };
  await put("www");
  const clock = new ManualClock();
  const changes: TlsMaterial[] = [];
  const records: JournalRecord[] = [];
  const files = await CertificateFiles.open([{ certFile, keyFile }], {
    clock,
    journal: (record) => void records.push(record),
    onChange: (material) => void changes.push(material),
  });
  t.after(() => files.close());
  return { files, clock, changes, records, put, certFile };
}

test("CertificateFiles.poll() takes files that have changed, and only those", async (t) => {
  const { files, changes, put } = await setUp(t);
  assert.deepEqual(files.material.certificates[0]?.names, [
    "www.example",
    "example",
  ]);
  await files.poll();
  assert.equal(changes.length, 0);
  await put("wildcard");
  await files.poll();
  assert.equal(changes.length, 1);
  assert.deepEqual(changes[0]?.certificates[0]?.names, [
    "*.wild.example",
    "wild.example",
  ]);
});

test("CertificateFiles.poll() keeps the last good files, and tells of bad ones once", async (t) => {
  const { files, changes, records, put, certFile } = await setUp(t);
  const before = files.material;
  const told = () =>
    records.filter(({ event }) => event === "certificates-not-read").length;
  // A renewal in the middle: the certificate is new, its key is not.
  await copyFile(join(VECTORS, "renewed.pem"), certFile);
  await files.poll();
  await files.poll();
  assert.equal(told(), 1);
  await writeFile(certFile, "");
  await files.poll();
  assert.equal(told(), 2);
  await rm(certFile);
  await files.poll();
  await files.poll();
  assert.equal(told(), 3);
  assert.equal(files.material.certificates, before.certificates);
  assert.equal(changes.length, 0);
  await put("renewed");
  await files.poll();
  assert.equal(changes.length, 1);
});

test("CertificateFiles.poll() sees a file of the same size and another time", async (t) => {
  const { files, changes, certFile } = await setUp(t);
  await utimes(certFile, 1, 1);
  await files.poll();
  assert.equal(changes.length, 1);
});

test("CertificateFiles gives tickets a new key twice a day", async (t) => {
  const { files, clock, changes } = await setUp(t);
  const before = files.material.ticketKeys;
  assert.equal(before.length, 48);
  clock.advance(11 * 3600 * 1000);
  await files.poll();
  assert.equal(changes.length, 0);
  clock.advance(3600 * 1000);
  await files.poll();
  assert.equal(changes.length, 1);
  assert.notDeepEqual(files.material.ticketKeys, before);
});

test("CertificateFiles tells of a certificate that is about to expire", async (t) => {
  const { files, clock, records } = await setUp(t);
  const notAfterMs = files.material.certificates[0]?.notAfterMs ?? 0;
  const day = 24 * 3600 * 1000;
  const tell = async (beforeMs: number) => {
    clock.advance(notAfterMs - beforeMs - clock.wallMs());
    await files.reload();
    return records.findLast(({ event }) => event === "certificate-expires");
  };
  const soon = await tell(3.5 * day);
  assert.equal(soon?.level, "warn");
  assert.match(soon?.message ?? "", /www\.example, example expires in 3 days$/);
  const over = await tell(-day);
  assert.equal(over?.level, "error");
  assert.match(over?.message ?? "", /has expired$/);
});
