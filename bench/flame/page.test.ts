import assert from "node:assert/strict";
import { test } from "node:test";
import { flamePage } from "./page.ts";

const leaf = (name: string, total: number) => ({ name, total, children: [] });

test("flamePage() holds each graph's frames and needs nothing else", () => {
  const tree = {
    name: "all",
    total: 100,
    children: [leaf("write", 70), leaf("parse", 30)],
  };
  const page = flamePage("Zoogate", [{ title: "cached", tree }]);
  assert.match(
    page,
    /\["all",100,\[\["write",70,\[\]\],\["parse",30,\[\]\]\]\]/,
  );
  assert.doesNotMatch(page, /\b(?:src|href)=|https?:|@import/);
});

test("flamePage() leaves frames out that are too narrow to be seen", () => {
  const tree = {
    name: "all",
    total: 1e6,
    children: [leaf("wide", 999_999), leaf("narrow", 1)],
  };
  assert.doesNotMatch(flamePage("t", [{ title: "t", tree }]), /narrow/);
});

test("flamePage() lets no name end its script or begin an element", () => {
  const tree = leaf("</script><b>", 1);
  const page = flamePage("<i>", [{ title: "t", tree }]);
  assert.equal(page.split("</script>").length, 2);
  assert.doesNotMatch(page, /<i>|<b>/);
});
