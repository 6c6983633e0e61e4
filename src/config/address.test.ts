import assert from "node:assert/strict";
import { test } from "node:test";
import { isAddress, parseAddress } from "./address.ts";

test("parseAddress() reads HOST:PORT", () => {
  const address = { host: "127.0.0.1", port: 80 };
  assert.deepEqual(parseAddress("127.0.0.1:80", "--listen"), address);
});

test("parseAddress() refuses what is not HOST:PORT, and says how it should be", () => {
  for (const text of ["80", "host", "unix:/run/web.sock", ""]) {
    assert.ok(!isAddress(text));
    assert.throws(() => parseAddress(text, "--listen"), {
      code: "bad-address",
      message: /--listen .* should be HOST:PORT/u,
    });
  }
});
