/** Large bodies pass through byte for byte, in bounded memory. */
import assert from "node:assert/strict";
import { createHash, type Hash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { Stage } from "../support/site.ts";

const MIB = 2 ** 20;
const FILE_MIB = 200;
const GROWTH_MIB = 64;

test("zoogate proxy passes 200 MB byte for byte while its memory grows by less than 64 MB", async () => {
  await using keeper = await startKeeper();
  await using stage = await Stage.open(keeper.connectString);
  const site = await stage.writeSite("site", "hello");
  const expected = createHash("sha256");
  await pipeline(
    Readable.from(blocks(expected)),
    createWriteStream(join(site, "large.bin")),
  );
  await stage.serve(site, "web-1");
  const { url, command } = await stage.proxy(["--workers", "1"]);
  await eventually(async () =>
    assert.equal((await get(`${url}/`)).status, 200),
  );
  const before = await residentMib(command.pid);
  let peak = before;
  const sampler = setInterval(() => {
    void residentMib(command.pid).then((now) => (peak = Math.max(peak, now)));
  }, 50);
  const seen = createHash("sha256");
  const bytes = await download(`${url}/large.bin`, seen);
  clearInterval(sampler);
  peak = Math.max(peak, await residentMib(command.pid));
  assert.equal(bytes, FILE_MIB * MIB);
  assert.equal(seen.digest("hex"), expected.digest("hex"));
  assert.ok(
    peak - before < GROWTH_MIB,
    `grew by ${(peak - before).toFixed(1)} MiB`,
  );
});

function* blocks(hash: Hash): Generator<Buffer> {
  for (let block = 0; block < FILE_MIB; block++) {
    const bytes = randomBytes(MIB);
    hash.update(bytes);
    yield bytes;
  }
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]) / 1024;
}

function download(url: string, hash: Hash): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url);
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        hash.update(chunk);
      });
      response.on("error", reject);
      response.on("end", () => resolve(bytes));
    });
    outgoing.end();
  });
}
