import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type JournalRecord, ManualClock } from "../base/index.ts";
import { readPageFolder } from "./page-folder.ts";
import { SiteFiles, type SiteMaterial } from "./site-files.ts";

const NO_PLACES = {
  errorPages: undefined,
  users: new Map<string, string>(),
  targetCa: undefined,
};

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "zoogate-site-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const HASH = `$scrypt$ln=10,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;

test("readPageFolder() reads pages by status and service, and nothing else", async (t) => {
  const path = await folder(t);
  await mkdir(join(path, "shop"));
  for (const name of ["404.html", "5xx.html", "200.html", "x.html", "404.txt"])
    await writeFile(join(path, name), name);
  await writeFile(join(path, "shop", "503.html"), "é");
  assert.deepEqual(await readPageFolder(path), [
    { service: "", name: "404", body: "404.html" },
    { service: "", name: "5xx", body: "5xx.html" },
    { service: "shop", name: "503", body: "\u00c3\u00a9" },
  ]);
});

test("readPageFolder() refuses pages that are too large, one or all together", async (t) => {
  const path = await folder(t);
  await writeFile(join(path, "404.html"), Buffer.alloc(256 * 1024 + 1));
  await assert.rejects(readPageFolder(path), /404\.html.*at most 262144/);
  await rm(join(path, "404.html"));
  for (let status = 400; status < 433; status++)
    await writeFile(join(path, `${status}.html`), Buffer.alloc(256 * 1024));
  await assert.rejects(readPageFolder(path), /all together.*at most 8388608/);
});

test("SiteFiles lets nobody in by a list it cannot read, and reads one again that changes", async (t) => {
  const path = await folder(t);
  const staff = join(path, "staff.users");
  const records: JournalRecord[] = [];
  const clock = new ManualClock();
  const changes: SiteMaterial[] = [];
  let wake = () => {};
  using files = await SiteFiles.open(
    { ...NO_PLACES, users: new Map([["staff", staff]]) },
    {
      journal: (record) => records.push(record),
      clock,
      onChange: (material) => {
        changes.push(material);
        wake();
      },
    },
  );
  const changed = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
      clock.advance(5000);
    });
  assert.deepEqual(files.material.users, [{ name: "staff", users: undefined }]);
  assert.equal(records[0]?.event, "users-not-read");
  await writeFile(staff, `ann:${HASH}\n`);
  await changed();
  assert.deepEqual(changes.at(-1)?.users[0]?.users, new Map([["ann", HASH]]));
  await writeFile(staff, `bob:${HASH}\nann:{SHA}x\n`);
  await changed();
  assert.deepEqual(changes.at(-1)?.users[0]?.users, new Map([["bob", HASH]]));
  assert.match(records.at(-1)?.message ?? "", /line 2: .* ann: it is SHA-1/);
  await rm(staff);
  await changed();
  assert.equal(changes.at(-1)?.users[0]?.users, undefined);
});

test("SiteFiles.configure() keeps the last good pages when new ones cannot be read", async (t) => {
  const path = await folder(t);
  await writeFile(join(path, "404.html"), "one");
  const records: JournalRecord[] = [];
  const users = new Map<string, string>();
  using files = await SiteFiles.open(
    { ...NO_PLACES, errorPages: path, users },
    { journal: (record) => records.push(record), onChange: () => {} },
  );
  await files.configure({
    ...NO_PLACES,
    errorPages: join(path, "none"),
    users,
  });
  assert.equal(files.material.pages[0]?.body, "one");
  assert.equal(records[0]?.event, "pages-not-read");
  await files.configure({ ...NO_PLACES, users });
  assert.deepEqual(files.material.pages, []);
});

test("SiteFiles reads authorities of targets, and trusts nobody else when it cannot", async (t) => {
  const file = join(await folder(t), "ca.pem");
  const events: string[] = [];
  const places = { ...NO_PLACES, targetCa: file };
  using files = await SiteFiles.open(places, {
    journal: ({ event }) => void events.push(event),
    onChange: () => {},
  });
  assert.deepEqual(files.material.targetCa, []);
  const authority = await readFile(
    join(import.meta.dirname, "../../test/vectors/tls/ca.pem"),
    "utf8",
  );
  await writeFile(file, `a comment\n${authority}\n${authority}`);
  await files.configure(places);
  assert.equal(files.material.targetCa?.length, 2);
  for (const bad of ["", "text", authority.replace(/M[A-Z]/u, "!!")]) {
    await writeFile(file, bad);
    await files.configure(places);
    assert.equal(files.material.targetCa.length, 2, "the last good ones");
  }
  assert.deepEqual(events, Array(4).fill("target-ca-not-read"));
  await files.configure(NO_PLACES);
  assert.equal(files.material.targetCa, undefined);
});
