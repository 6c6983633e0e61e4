/** A browser of other people's making loads the demo site through the proxy. */
import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect } from "../../src/zookeeper/index.ts";
import { chromiumMissing, dumpDom } from "../support/chromium.ts";
import { Stage } from "../support/site.ts";
import { WebSocketTarget } from "../support/websocket.ts";

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

/** Opens a WebSocket beside the page, and says what it heard, and how the page came. */
const SOCKET_PAGE = `<!doctype html>
<title>waiting</title>
<script>
const socket = new WebSocket("wss://" + location.host + "/socket/echo");
const said = "x".repeat(200000);
socket.onopen = () => socket.send(said);
socket.onmessage = ({ data }) => socket.close(4001, data === said ? "same" : "other");
socket.onclose = ({ code, reason, wasClean }) => {
  const [{ nextHopProtocol }] = performance.getEntriesByType("navigation");
  document.title = ["closed", code, reason, wasClean, nextHopProtocol].join(" ");
};
(async () => {
  // The browser's own time stands still while a page fetches, not while it waits for a socket.
  for (let i = 0; socket.readyState !== 3 && i < 2000; i++) await (await fetch("/?" + i)).text();
})();
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

test(
  "a browser opens a WebSocket beside a page that came by HTTP/2",
  { skip: chromiumMissing, timeout: 150_000 },
  async () => {
    await using keeper = await startKeeper();
    await using stage = await Stage.open(keeper.connectString);
    await using target = await WebSocketTarget.start();
    const site = await stage.writeSite("site", SOCKET_PAGE);
    await stage.serve(site, "one");
    await using zookeeper = await connect(`${keeper.connectString}/zoogate`);
    await zookeeper.create(
      "/services/chat",
      JSON.stringify({ path: "/socket" }),
    );
    await stage.start([
      "register",
      "--service",
      "chat",
      "--name",
      "chat-1",
      "--port",
      String(target.port),
      "--data",
      join(stage.folder, "chat"),
    ]);
    const { command } = await stage.proxy([
      "--tls-listen",
      "127.0.0.1:0",
      "--tls-cert",
      join(TLS, "default.pem"),
      "--tls-key",
      join(TLS, "default.key.pem"),
    ]);
    const url =
      /https:\/\/\S+?(?=[,\s])/u.exec(await command.ready())?.[0] ?? "";
    const page = await dumpDom(`${url}/`, 5000);
    assert.match(page, /<title>closed 4001 same true h2<\/title>/u);
    assert.deepEqual(target.closes, [{ code: 4001, reason: "same" }]);
  },
);
