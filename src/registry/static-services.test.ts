import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultDefinition } from "./definition-schema.ts";
import {
  applyChanges,
  emptySnapshot,
  type ServiceHead,
  type Snapshot,
  type SnapshotChange,
  type TargetView,
} from "./snapshot.ts";
import { readStaticServices, type StaticService } from "./static-definition.ts";
import { StaticServices } from "./static-services.ts";

function services(value: unknown): readonly StaticService[] {
  const reading = readStaticServices(value);
  assert.ok(reading.kind === "services");
  return reading.services;
}

function head(name: string, release?: string): SnapshotChange {
  const service: ServiceHead = {
    name,
    czxid: 7n,
    definition: { ...defaultDefinition, hosts: [`${name}.registered`] },
    currentRelease: release,
  };
  return { kind: "service", service };
}

function target(service: string, name: string): SnapshotChange {
  const view: TargetView = {
    service,
    name,
    registration: `${service}/${name}@9`,
    czxid: 9n,
    mzxid: 9n,
    url: "http://10.9.9.9:1",
    host: "10.9.9.9",
    port: 1,
    socketPath: undefined,
    weight: 1,
    release: undefined,
    commit: undefined,
    state: "ready",
    server: undefined,
    life: undefined,
    sinceMs: undefined,
  };
  return { kind: "target", target: view };
}

function goneTarget(service: string, name: string): SnapshotChange {
  return {
    kind: "target-gone",
    service,
    name,
    registration: `${service}/${name}@9`,
    because: "drained",
  };
}

/** What a proxy serves: names of services, with their hosts and targets. */
function shape(snapshot: Snapshot) {
  return Object.fromEntries(
    [...snapshot.services].map(([name, service]) => [
      name,
      [
        ...service.definition.hosts,
        ...[...service.targets.values()]
          .map((one) => one.registration)
          .toSorted(),
      ],
    ]),
  );
}

test("StaticServices.merge() adds services, and targets to registered ones", () => {
  const fixed = new StaticServices(
    services({
      www: { targets: ["http://a:1"] },
      own: { hosts: ["own.example"], targets: ["http://b:1"] },
    }),
  );
  const registered = applyChanges(emptySnapshot, [
    head("www", "v1"),
    target("www", "web-1"),
    head("other"),
  ]);
  const merged = fixed.merge(registered);
  assert.deepEqual(shape(merged), {
    www: ["www.registered", "www/a:1@0", "www/web-1@9"],
    own: ["own.example", "own/b:1@0"],
    other: ["other.registered"],
  });
  assert.equal(merged.services.get("www")?.currentRelease, "v1");
  assert.equal(merged.services.get("www")?.czxid, 7n);
  assert.equal(merged.services.get("own")?.czxid, 0n);
});

test("StaticServices.changes() leads to what merge() gives, whatever the registry does", () => {
  const fixed = new StaticServices(
    services({
      www: { hosts: ["file.example"], targets: ["http://a:1", "http://b:1"] },
    }),
  );
  const steps: readonly SnapshotChange[][] = [
    [head("www"), target("www", "web-1"), target("www", "a:1")],
    [goneTarget("www", "a:1"), head("other"), target("other", "x")],
    [head("www", "v2"), goneTarget("www", "web-1")],
    [{ kind: "service-gone", name: "www" }],
    [head("www"), target("www", "b:1")],
    [{ kind: "service-gone", name: "other" }],
  ];
  let registered = emptySnapshot;
  let served = fixed.merge(registered);
  for (const step of steps) {
    registered = applyChanges(registered, step);
    served = applyChanges(served, fixed.changes(step));
    assert.deepEqual(shape(served), shape(fixed.merge(registered)));
  }
  assert.deepEqual(shape(served), {
    www: ["file.example", "www/a:1@0", "www/b:1@0"],
  });
});

test("StaticServices.replace() answers what leads from one file to the next", () => {
  const registered = applyChanges(emptySnapshot, [
    head("www"),
    target("www", "web-1"),
    target("www", "a:1"),
  ]);
  const files = [
    { www: { targets: ["http://a:1", "http://b:1"] }, own: {} },
    { www: { hosts: ["file.example"], targets: ["http://b:1"] } },
    { www: { targets: [{ url: "http://c:1", name: "b:1", weight: 3 }] } },
    {},
    { own: { hosts: ["own.example"], targets: ["unix:/x"] } },
  ];
  const fixed = new StaticServices();
  let served = fixed.merge(registered);
  for (const file of files) {
    served = applyChanges(served, fixed.replace(services(file), registered));
    const expected = fixed.merge(registered);
    assert.deepEqual(shape(served), shape(expected));
    for (const [name, service] of served.services)
      for (const [key, one] of service.targets)
        assert.equal(
          one.url,
          expected.services.get(name)?.targets.get(key)?.url,
        );
  }
});

test("StaticServices.replace() leaves targets alone that stay as they were", () => {
  const file = { own: { targets: ["http://a:1"] } };
  const fixed = new StaticServices(services(file));
  assert.deepEqual(
    fixed.replace(services(file), emptySnapshot).map(({ kind }) => kind),
    ["service"],
  );
});
