/** A browser of other people's making loads the demo site through the proxy. */
import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { chromiumMissing, dumpDom } from "../support/chromium.ts";
import { Stage } from "../support/site.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TLS = join(ROOT, "test", "vectors", "tls");

/** Says by what protocol it and its parts came. */
const PROTOCOL_PAGE = `<!doctype html>
<title>protocol</title>
<ul id="protocols"></ul>
<script>
addEventListener("load", async () => {
  await Promise.all(Array.from({ length: 40 }, (_, i) => fetch("/style.css?" + i).then((reply) => reply.text())));
  const post = await fetch("/style.css", { method: "POST", body: "x".repeat(300000) });
  await post.text();
  const entries = [
    ...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource"),
  ];
  for (const { name, nextHopProtocol, decodedBodySize } of entries) {
    const item = document.createElement("li");
    item.textContent = nextHopProtocol + " " + decodedBodySize + " " + new URL(name).pathname;
    document.getElementById("protocols").append(item);
  }
  document.title = "done " + post.status;
});
</script>
`;

test(
  "a browser loads the demo site over HTTP/2 with TLS",
  { skip: chromiumMissing, timeout: 150_000 },
  async () => {
    await using keeper = await startKeeper();
    await using stage = await Stage.open(keeper.connectString);
    const site = join(stage.folder, "site");
    await cp(join(ROOT, "demo", "site"), site, { recursive: true });
    await writeFile(join(site, "protocol.html"), PROTOCOL_PAGE);
    await stage.serve(site, "one");
    await stage.serve(site, "two");
    const { command } = await stage.proxy([
      "--tls-listen",
      "127.0.0.1:0",
      "--tls-cert",
      join(TLS, "default.pem"),
      "--tls-key",
      join(TLS, "default.key.pem"),
      "--redirect-http",
    ]);
    const ready = await command.ready();
    const url = /https:\/\/\S+?(?=[,\s])/u.exec(ready)?.[0] ?? "";
    const plain = /http:\/\/\S+?(?=[,\s])/u.exec(ready)?.[0] ?? "";

    // By the plain address: the redirect leads to HTTPS.
    const home = await dumpDom(`${plain}/`, 2000);
    assert.match(home, /You are through the gate/);
    assert.doesNotMatch(home, /Asking…/, "its script ran and was answered");

    const page = await dumpDom(`${url}/protocol.html`, 5000);
    assert.match(page, /<title>done 40\d<\/title>/);
    const items = [...page.matchAll(/<li>(\S+) (\d+) (\S+)<\/li>/gu)];
    assert.ok(items.length >= 41, page);
    for (const [, protocol, bytes, path = ""] of items) {
      assert.equal(protocol, "h2", path);
      if (path === "/style.css") assert.notEqual(Number(bytes), 0);
    }
  },
);
