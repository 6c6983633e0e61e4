import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultDataFolder, stateFolder } from "./state-folder.ts";

test("defaultDataFolder() follows XDG_STATE_HOME, and only an absolute one", () => {
  assert.equal(
    defaultDataFolder({ XDG_STATE_HOME: "/var/state" }),
    "/var/state/zoogate",
  );
  assert.match(
    defaultDataFolder({ XDG_STATE_HOME: "state" }),
    /\.local\/state\/zoogate$/u,
  );
});

test("stateFolder() is one for each connect string and address, and stays below its parent", () => {
  const folder = stateFolder("/d", ["a:2181,b:2181/../x", "0.0.0.0:80"]);
  assert.equal(folder, "/d/a_2181,b_2181_.._x@0.0.0.0_80");
});
