import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { startKeeper } from "../../src/keeper/index.ts";
import { textOf } from "../support/codings.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { Stage } from "../support/site.ts";

test("zoogate serve --spa answers for an application behind zoogate proxy", async (t) => {
  const keeper = await startKeeper({});
  t.after(() => keeper.close());
  await using stage = await Stage.open(keeper.connectString);
  const site = await mkdtemp(join(tmpdir(), "zoogate-spa-"));
  t.after(() => rm(site, { recursive: true, force: true }));
  await mkdir(join(site, "assets"));
  await writeFile(join(site, "index.html"), "<h1>shop</h1>");
  await writeFile(join(site, "404.html"), "<h1>lost</h1>");
  await writeFile(join(site, "assets", "app.js"), "start()");
  await writeFile(join(site, "assets", "app.js.gz"), gzipSync("start()"));
  await stage.serve(site, "one", ["--spa"]);
  const { url } = await stage.proxy();
  const page = (path: string) =>
    get(url + path, { headers: { Accept: "text/html" } });
  await eventually(async () => {
    assert.equal((await page("/")).status, 200);
  });
  for (const cached of ["miss", "hit"]) {
    const cart = await page("/cart/7");
    assert.equal(`${cart.status} ${textOf(cart)}`, "200 <h1>shop</h1>");
    assert.match(String(cart.headers["cache-status"]), new RegExp(cached));
    const script = await get(`${url}/assets/app.js`, {
      headers: { "Accept-Encoding": "gzip" },
    });
    assert.equal(script.headers["content-encoding"], "gzip");
    assert.equal(textOf(script), "start()");
  }
  // Stored for who asks for a page, and for nobody else.
  const fetched = await get(`${url}/cart/7`, { headers: { Accept: "*/*" } });
  assert.equal(`${fetched.status} ${textOf(fetched)}`, "404 <h1>lost</h1>");
  assert.equal((await page("/assets/gone.js")).status, 404);
});
