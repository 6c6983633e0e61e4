/**
 * One client and one workload in a process of its own; prints one line of JSON.
 * Plain JavaScript, since the native client needs an older Node.
 *
 *     node contender.mjs CLIENT PORT WORKLOAD COUNT PEERS-FOLDER
 */
import { createRequire } from "node:module";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";

const [, , client, port, workload, countText, peers] = process.argv;
const count = Number(countText);
const address = `127.0.0.1:${port}`;
const DATA = Buffer.alloc(100, 120);
const ROOT = `/bench-${process.pid}`;

/** Every adapter calls back once a request is answered. */
const ADAPTERS = {
  async zoogate() {
    const { connect, Mirror } = await import("../../src/zookeeper/index.ts");
    const zk = await connect(address, { sessionTimeoutMs: 30_000 });
    const then = (promise, done) => promise.then(done, fail);
    return {
      create: (path, done) => then(zk.create(path, DATA), done),
      createEphemeral: (path, done) =>
        then(zk.create(path, DATA, { mode: "ephemeral" }), done),
      remove: (path, done) => then(zk.delete(path), done),
      get: (path, done) => then(zk.getData(path), done),
      set: (path, done) => then(zk.setData(path, DATA), done),
      watch: (path, fired, done) =>
        then(zk.exists(path, { onWatch: fired }), done),
      async mirror() {
        const mirror = new Mirror(zk, ROOT);
        await mirror.ready();
        await mirror.close();
      },
      close: () => zk.close(),
    };
  },
  pure() {
    const { createClient, CreateMode } = peer("node-zookeeper-client");
    const zk = createClient(address, { sessionTimeout: 30_000 });
    const then = (done) => (error) =>
      error === null || error === undefined ? done() : fail(error);
    return new Promise((resolve) => {
      zk.once("connected", () =>
        resolve({
          create: (path, done) => zk.create(path, DATA, then(done)),
          createEphemeral: (path, done) =>
            zk.create(path, DATA, CreateMode.EPHEMERAL, then(done)),
          remove: (path, done) => zk.remove(path, then(done)),
          get: (path, done) => zk.getData(path, then(done)),
          set: (path, done) => zk.setData(path, DATA, then(done)),
          watch: (path, fired, done) => zk.exists(path, fired, then(done)),
          mirror: () =>
            readTree({
              children: (done) =>
                zk.getChildren(ROOT, ignore, (_, names) => done(names)),
              read: (path, done) => zk.getData(path, ignore, then(done)),
            }),
          close: () => zk.close(),
        }),
      );
      zk.connect();
    });
  },
  native() {
    const ZooKeeper = peer("zookeeper");
    const zk = new ZooKeeper({
      connect: address,
      timeout: 30_000,
      debug_level: 1,
      host_order_deterministic: false,
    });
    const then = (done) => (rc) => (rc === 0 ? done() : fail(rc));
    const EPHEMERAL = 1;
    return new Promise((resolve) => {
      zk.once("connect", () =>
        resolve({
          create: (path, done) => zk.a_create(path, DATA, 0, then(done)),
          createEphemeral: (path, done) =>
            zk.a_create(path, DATA, EPHEMERAL, then(done)),
          remove: (path, done) => zk.a_delete_(path, -1, then(done)),
          get: (path, done) => zk.a_get(path, false, then(done)),
          set: (path, done) => zk.a_set(path, DATA, -1, then(done)),
          watch: (path, fired, done) => zk.aw_exists(path, fired, () => done()),
          mirror: () =>
            readTree({
              children: (done) =>
                zk.aw_get_children(ROOT, ignore, (_rc, _error, names) =>
                  done(names),
                ),
              read: (path, done) => zk.aw_get(path, ignore, then(done)),
            }),
          close: () => zk.close(),
        }),
      );
      zk.init({});
    });
  },
  /** The floor: writes bytes, counts frames, knows nothing. */
  bare() {
    const socket = connectTcp({ host: "127.0.0.1", port: Number(port) });
    socket.setNoDelay(true);
    const waiting = [];
    let rest = Buffer.alloc(0);
    let out = [];
    let onConnected;
    const send = (type, body, done) => {
      const frame = Buffer.allocUnsafe(12 + body.length);
      frame.writeInt32BE(8 + body.length, 0);
      frame.writeInt32BE(waiting.length + 1, 4);
      frame.writeInt32BE(type, 8);
      body.copy(frame, 12);
      if (out.length === 0)
        process.nextTick(() => {
          socket.write(Buffer.concat(out));
          out = [];
        });
      out.push(frame);
      waiting.push(done);
    };
    const text = (value) => {
      const bytes = Buffer.from(value);
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const acl = Buffer.concat([
      Buffer.from("000000010000001f", "hex"),
      text("world"),
      text("anyone"),
    ]);
    const int = (value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(value);
      return bytes;
    };
    const create = (path, flags, done) =>
      send(1, Buffer.concat([text(path), text(DATA), acl, int(flags)]), done);
    let first = 0;
    socket.on("data", (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (rest.length - at >= 4) {
        const length = rest.readInt32BE(at);
        if (rest.length - at < 4 + length) break;
        at += 4 + length;
        if (onConnected !== undefined) {
          onConnected();
          onConnected = undefined;
        } else {
          const done = waiting[first];
          waiting[first] = undefined;
          first += 1;
          done();
        }
      }
      rest = rest.subarray(at);
    });
    return new Promise((resolve) => {
      onConnected = () =>
        resolve({
          create: (path, done) => create(path, 0, done),
          createEphemeral: (path, done) => create(path, 1, done),
          remove: (path, done) =>
            send(2, Buffer.concat([text(path), int(-1)]), done),
          get: (path, done) =>
            send(4, Buffer.concat([text(path), Buffer.alloc(1)]), done),
          set: (path, done) =>
            send(5, Buffer.concat([text(path), text(DATA), int(-1)]), done),
          watch: undefined,
          mirror: () =>
            readTree({
              children: (done) => done(treeNames()),
              read: (path, done) =>
                send(4, Buffer.concat([text(path), Buffer.of(1)]), done),
            }),
          close: () => socket.destroy(),
        });
      const hello = Buffer.alloc(49);
      hello.writeInt32BE(45, 0);
      hello.writeInt32BE(30_000, 16);
      hello.writeInt32BE(16, 28);
      socket.write(hello);
    });
  },
};

function peer(name) {
  return createRequire(join(peers, "package.json"))(name);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

/** Keeps `inFlight` operations under way until `total` are done. */
function pipeline(total, inFlight, operation) {
  return new Promise((resolve) => {
    let begun = 0;
    let done = 0;
    const next = () => {
      if (begun === total) return;
      const index = begun;
      begun += 1;
      operation(index, () => {
        done += 1;
        if (done === total) resolve();
        else next();
      });
    };
    for (let index = 0; index < inFlight; index++) next();
  });
}

function ignore() {}

function treeNames() {
  return Array.from({ length: count }, (_, index) => `m${index}`);
}

/** What a mirror costs with a client that has none: every node read once, with a watch. */
async function readTree({ children, read }) {
  const names = await once(children);
  if (names.length !== count) fail(`${names.length} nodes`);
  await pipeline(count, 500, (index, done) =>
    read(`${ROOT}/${names[index]}`, done),
  );
}

const once = (action) => new Promise((resolve) => action(resolve));

/** Runs a part of a workload; answers how many operations it was. */
const WORKLOADS = {
  async get(zk, total) {
    await pipeline(total, 1_000, (_, done) => zk.get(ROOT, done));
    return total;
  },
  async set(zk, total) {
    await pipeline(total, 100, (_, done) => zk.set(ROOT, done));
    return total;
  },
  async ephemerals(zk, total) {
    const half = Math.floor(total / 2);
    await pipeline(half, 100, (index, done) => {
      const path = `${ROOT}/e${index}`;
      zk.createEphemeral(path, () => zk.remove(path, done));
    });
    return half * 2;
  },
  async sequential(zk, total, latencies) {
    for (let index = 0; index < total; index++) {
      const startMs = performance.now();
      await once((done) => zk.get(ROOT, done));
      latencies.push((performance.now() - startMs) * 1_000);
    }
    return total;
  },
  async watches(zk, total) {
    await new Promise((resolve) => {
      let fired = 0;
      const onFired = () => {
        fired += 1;
        if (fired === total) resolve();
      };
      void pipeline(total, 500, (index, done) =>
        zk.watch(`${ROOT}/w${index}`, onFired, done),
      ).then(() =>
        pipeline(total, 500, (index, done) =>
          zk.create(`${ROOT}/w${index}`, done),
        ),
      );
    });
    await pipeline(total, 500, (index, done) =>
      zk.remove(`${ROOT}/w${index}`, done),
    );
    return total;
  },
  /** The whole tree, also for warming up. */
  async mirror(zk) {
    await zk.mirror();
    return count;
  },
};

const zk = await ADAPTERS[client]();
if (zk.watch === undefined && workload === "watches") {
  console.log("{}");
  process.exit(0);
}
await once((done) => zk.create(ROOT, done));
const run = WORKLOADS[workload];
if (workload === "mirror") {
  const names = treeNames();
  await pipeline(count, 500, (index, done) =>
    zk.create(`${ROOT}/${names[index]}`, done),
  );
}
await run(zk, Math.ceil(count / 5), []);
const latencies = [];
const before = process.cpuUsage();
const startMs = performance.now();
const operations = await run(zk, count, latencies);
const seconds = (performance.now() - startMs) / 1_000;
const { user, system } = process.cpuUsage(before);
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.floor(latencies.length * share)];
console.log(
  JSON.stringify({
    perSecond: operations / seconds,
    cpuUs: (user + system) / operations,
    p50Us: at(0.5),
    p99Us: at(0.99),
  }),
);
await zk.close();
process.exit(0);
