import assert from "node:assert/strict";
import { test } from "node:test";
import { RoutingTable } from "./routing-table.ts";

function service(
  name: string,
  given: { hosts?: string[]; path?: string; czxid?: bigint } = {},
) {
  const { hosts = [], path = "/", czxid = 1n } = given;
  return { name, hosts, path, czxid };
}

test("RoutingTable.find() takes the service that names the host, with or without a port", () => {
  const table = new RoutingTable();
  table.set(service("www", { hosts: ["example.com"] }));
  table.set(service("six", { hosts: ["::1"] }));
  assert.equal(table.find("example.com", "/")?.name, "www");
  assert.equal(table.find("example.com:8080", "/x")?.name, "www");
  assert.equal(table.find("[::1]:8080", "/x")?.name, "six");
  assert.equal(table.find("other.example", "/"), undefined);
});

test("RoutingTable.find() gives hosts nobody names to a service without hosts", () => {
  const table = new RoutingTable();
  table.set(service("www", { hosts: ["example.com"], path: "/only" }));
  table.set(service("rest"));
  assert.equal(table.find("127.0.0.1:1", "/")?.name, "rest");
  assert.equal(table.find("example.com", "/else"), undefined);
});

test("RoutingTable.find() prefers the longest prefix of whole segments", () => {
  const table = new RoutingTable();
  table.set(service("root"));
  table.set(service("app", { path: "/app" }));
  table.set(service("deep", { path: "/app/deep/" }));
  assert.equal(table.find("h", "/app")?.name, "app");
  assert.equal(table.find("h", "/app?x=1")?.name, "app");
  assert.equal(table.find("h", "/app/deep/x")?.name, "deep");
  assert.equal(table.find("h", "/apple")?.name, "root");
});

test("RoutingTable.find() prefers the older of two services with one claim, and says so", () => {
  const table = new RoutingTable();
  table.set(service("young", { hosts: ["h"], czxid: 9n }));
  table.set(service("old", { hosts: ["h"], czxid: 3n }));
  assert.equal(table.find("h", "/")?.name, "old");
  assert.deepEqual(table.conflicts(), [
    { host: "h", path: "/", winner: "old", loser: "young" },
  ]);
  table.delete("old");
  assert.equal(table.find("h", "/")?.name, "young");
  assert.deepEqual(table.conflicts(), []);
});

test("RoutingTable.set() replaces what the service claimed before", () => {
  const table = new RoutingTable();
  table.set(service("www", { hosts: ["a"] }));
  table.set(service("www", { hosts: ["b"] }));
  assert.equal(table.find("a", "/"), undefined);
  assert.equal(table.find("b", "/")?.name, "www");
});

test("RoutingTable.isDoubtful() finds paths that a server could take for another service's", () => {
  const table = new RoutingTable();
  table.set(service("root", { hosts: ["h"] }));
  table.set(service("admin", { hosts: ["h"], path: "/admin" }));
  table.set(service("deep", { hosts: ["h"], path: "/a/b/" }));
  const isDoubtful = (path: string) =>
    table.isDoubtful({ hostname: "h", path }, table.find("h", path));
  for (const path of [
    "//admin",
    "///admin/x",
    "/%61dmin",
    "/admin%2fx",
    "/admin%5Cx",
    "/admin;x=1",
    "/admin;/x",
    "/;/admin",
    "/x/../admin",
    "/x/%2e%2e/admin",
    "/x/.%2E/admin",
    "/x/..;/admin",
    "/x/..%2fadmin",
    "/x/..%5cadmin",
    "/admin/../x",
    "/admin/..",
    "/.",
    "/a//b/x",
    "/a/%62/",
  ])
    assert.ok(isDoubtful(path), path);
  for (const path of [
    "/",
    "/x",
    "/admin",
    "/admin/",
    "/admin//x",
    "/admin/a%2fb",
    "/admin/x;y=1/z",
    "/.well-known/x",
    "/x/.../y",
    "/x;y=1",
    "/caf%C3%A9",
    "/Admin",
    "/administrator",
    "/a/b/%20",
  ])
    assert.ok(!isDoubtful(path), path);
});

test("RoutingTable.isDoubtful() asks nothing of hosts with one service for all paths", () => {
  const table = new RoutingTable();
  table.set(service("root", { hosts: ["h"] }));
  assert.equal(table.hasPrefixes, false);
  table.set(service("app", { hosts: ["other"], path: "/app" }));
  assert.equal(table.hasPrefixes, true);
  const path = "/x/../app";
  assert.equal(
    table.isDoubtful({ hostname: "h", path }, table.find("h", path)),
    false,
  );
  table.delete("app");
  assert.equal(table.hasPrefixes, false);
});
