import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressUrl, advertisedAddress } from "./advertise.ts";
import { TargetError, type TargetErrorCode } from "./target-error.ts";

const LOCAL = ["127.0.0.1"];
const REMOTE = ["zk1.example", "zk2.example"];

function registered(given: {
  readonly host: string;
  readonly advertise?: string;
  readonly zookeeperHosts: readonly string[];
  readonly ownAddresses?: readonly string[];
}): string {
  const { host, ...others } = given;
  const listen = { host, port: 3000 };
  return addressUrl(advertisedAddress({ listen, ...others }));
}

function fails(code: TargetErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof TargetError && error.code === code;
}

describe("advertisedAddress()", () => {
  it("advertisedAddress() takes an address that others can reach as it is", () => {
    assert.equal(
      registered({ host: "10.0.0.7", zookeeperHosts: REMOTE }),
      "http://10.0.0.7:3000",
    );
  });

  it("advertisedAddress() takes loopback for a wildcard when ZooKeeper is on this machine", () => {
    for (const zookeeperHosts of [LOCAL, ["localhost"], ["::1", "127.0.0.2"]]) {
      for (const host of ["0.0.0.0", "::", "127.0.0.1"])
        assert.equal(
          registered({ host, zookeeperHosts }),
          "http://127.0.0.1:3000",
        );
    }
  });

  it("advertisedAddress() keeps the loopback address that is listened on", () => {
    assert.equal(
      registered({ host: "::1", zookeeperHosts: LOCAL }),
      "http://[::1]:3000",
    );
    assert.equal(
      registered({ host: "localhost", zookeeperHosts: LOCAL }),
      "http://localhost:3000",
    );
  });

  it("advertisedAddress() asks for --advertise when ZooKeeper is on another machine", () => {
    for (const host of ["0.0.0.0", "::", "127.0.0.1", "localhost"])
      assert.throws(
        () => registered({ host, zookeeperHosts: REMOTE }),
        fails("advertise-needed"),
      );
    assert.throws(
      () => registered({ host: "::", zookeeperHosts: [...LOCAL, ...REMOTE] }),
      fails("advertise-needed"),
    );
  });

  it("advertisedAddress() takes this machine's address by which ZooKeeper is reached", () => {
    const zookeeperHosts = ["10.0.0.7"];
    const ownAddresses = ["10.0.0.7"];
    assert.equal(
      registered({ host: "0.0.0.0", zookeeperHosts, ownAddresses }),
      "http://10.0.0.7:3000",
    );
    assert.throws(
      () => registered({ host: "127.0.0.1", zookeeperHosts, ownAddresses }),
      fails("advertise-needed"),
    );
  });

  it("advertisedAddress() takes a Unix socket where all proxies are on this machine", () => {
    const listen = { host: "", port: 0, socketPath: "/run/web.sock" };
    const url = (zookeeperHosts: readonly string[], advertise?: string) =>
      addressUrl(
        advertisedAddress({
          listen,
          zookeeperHosts,
          advertise,
          ownAddresses: ["10.0.0.7"],
        }),
      );
    assert.equal(url(LOCAL), "unix:/run/web.sock");
    assert.equal(url(["10.0.0.7"]), "unix:/run/web.sock");
    assert.throws(() => url(REMOTE), fails("advertise-needed"));
    assert.equal(url(REMOTE, "unix:/run/other.sock"), "unix:/run/other.sock");
    assert.throws(() => url(REMOTE, "unix:other.sock"), fails("bad-address"));
  });

  it("advertisedAddress() takes --advertise HOST[:PORT], and nothing else", () => {
    const cases = [
      ["web7.example", "http://web7.example:3000"],
      ["web7.example:80", "http://web7.example:80"],
      ["[fd00::7]:81", "http://[fd00::7]:81"],
      ["fd00::7", "http://[fd00::7]:3000"],
    ] as const;
    for (const [advertise, url] of cases)
      assert.equal(
        registered({ host: "::", advertise, zookeeperHosts: REMOTE }),
        url,
      );
    for (const advertise of [
      "",
      "http://web7",
      "web7:0",
      "web7:65536",
      "0.0.0.0",
      "[::]:80",
      "a b",
      "web7/path",
    ])
      assert.throws(
        () => registered({ host: "::", advertise, zookeeperHosts: REMOTE }),
        fails("bad-address"),
        advertise,
      );
  });
});
