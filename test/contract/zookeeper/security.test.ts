/** TLS and SASL against Apache ZooKeeper; SASL against the keeper too. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { startKeeper } from "../../../src/keeper/index.ts";
import { connect, ZooKeeper } from "../../../src/zookeeper/index.ts";
import {
  type ApacheZooKeeper,
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../support/apache-zookeeper.ts";
import { EventReader } from "../../support/event-reader.ts";
import { freePort } from "../../support/free-port.ts";

const run = promisify(execFile);

describe(
  "ZooKeeper over TLS and with SASL on Apache ZooKeeper",
  { skip: apacheZooKeeperMissing },
  () => {
    let folder = "";
    let server: ApacheZooKeeper;
    let securePort = 0;
    let ca: Buffer;
    let cert: Buffer;
    let key: Buffer;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "zoogate-tls-"));
      const path = (name: string) => join(folder, name);
      const arguments_ =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 " +
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1";
      await run("openssl", [
        ...arguments_.split(" "),
        "-keyout",
        path("key.pem"),
        "-out",
        path("cert.pem"),
      ]);
      [cert, key] = await Promise.all([
        readFile(path("cert.pem")),
        readFile(path("key.pem")),
      ]);
      ca = cert;
      // One certificate serves as authority, server and client.
      await writeFile(path("server.pem"), Buffer.concat([key, cert]));
      await writeFile(path("ca.pem"), ca);
      await writeFile(
        path("jaas.conf"),
        'Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_alice="alice\'s secret"; };\n',
      );
      securePort = await freePort();
      server = await startApacheZooKeeper({
        javaOptions: [`-Djava.security.auth.login.config=${path("jaas.conf")}`],
        config: [
          "secureClientPortAddress=127.0.0.1",
          `secureClientPort=${securePort}`,
          "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
          `ssl.keyStore.location=${path("server.pem")}`,
          `ssl.trustStore.location=${path("ca.pem")}`,
          "ssl.clientAuth=need",
          "ssl.protocol=TLSv1.3",
          "ssl.enabledProtocols=TLSv1.3,TLSv1.2",
          "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
        ],
      });
    });
    after(async () => {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    test("a client certificate opens the session, and large data passes", async () => {
      await using zk = await connect(`localhost:${securePort}`, {
        tls: { ca, cert, key },
      });
      const data = Buffer.alloc(900_000, 5);
      await zk.create("/tls", data);
      assert.deepEqual((await zk.getData("/tls")).data, data);
      assert.ok((await zk.whoAmI()).length > 0);
    });

    test("a server whose certificate is not trusted is not connected to", async () => {
      const records: unknown[] = [];
      await using zk = new ZooKeeper(`localhost:${securePort}`, {
        tls: { cert, key },
        journal: (record) => records.push(record.error),
      });
      while (!records.some((error) => error instanceof Error))
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(zk.state.kind, "connecting");
    });

    test("SASL DIGEST-MD5 proves who the client is before anything else", async () => {
      const sasl = { username: "alice", password: "alice's secret" };
      await using zk = await connect(server.connectString, { sasl });
      assert.ok(
        (await zk.whoAmI()).some(
          ({ scheme, user }) => scheme === "sasl" && user === "alice",
        ),
      );
      const acl = [{ perms: 31, id: { scheme: "sasl", id: "alice" } }];
      await zk.create("/hers", "x", { acl });
      await using other = await connect(server.connectString);
      await assert.rejects(other.getData("/hers"), { code: "no-auth" });
    });

    test("SASL with a wrong password never goes live", async () => {
      const sasl = { username: "alice", password: "wrong" };
      const events: string[] = [];
      await using zk = new ZooKeeper(server.connectString, {
        sasl,
        journal: ({ event }) => events.push(event),
      });
      while (!events.includes("sasl-refused"))
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(events.includes("session-live"), false);
      assert.notEqual(zk.state.kind, "live");
    });
  },
);

test("SASL DIGEST-MD5 works on the keeper", async () => {
  await using keeper = await startKeeper({
    users: [{ user: "alice", password: "alice's secret" }],
  });
  const sasl = { username: "alice", password: "alice's secret" };
  await using zk = await connect(keeper.connectString, { sasl });
  const states = new EventReader((signal) => zk.states({ signal }));
  await zk.create("/hers", "x");
  assert.equal((await zk.getData("/hers")).data?.toString(), "x");
  await states.stop();
});
