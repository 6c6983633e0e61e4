"""kazoo's recipes against the server given as host:port; prints one line for each that works."""

import logging
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError, NoAuthError, NoNodeError
from kazoo.protocol.states import EventType
from kazoo.recipe.barrier import DoubleBarrier
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.watchers import ChildrenWatch, DataWatch
from kazoo.security import make_digest_acl

logging.basicConfig(level=logging.CRITICAL)
HOSTS = sys.argv[1]
LIMIT = 10.0


def started():
    client = KazooClient(hosts=HOSTS, timeout=10.0)
    client.start(timeout=LIMIT)
    return client


def wait(event, what):
    assert event.wait(LIMIT), "timed out: " + what


def basics(a, b):
    assert a.create("/basic/a/b", b"one", makepath=True) == "/basic/a/b"
    data, stat = b.get("/basic/a/b")
    assert data == b"one" and stat.version == 0
    b.set("/basic/a/b", b"two", version=0)
    try:
        a.set("/basic/a/b", b"x", version=0)
        raise AssertionError("bad version was accepted")
    except BadVersionError:
        pass
    assert a.exists("/basic/none") is None
    try:
        a.get("/basic/none")
        raise AssertionError("no error")
    except NoNodeError:
        pass
    assert sorted(a.get_children("/basic")) == ["a"]
    path, stat = a.create("/basic/stat", b"", include_data=True)
    assert path == "/basic/stat" and stat.numChildren == 0
    a.delete("/basic", recursive=True)
    assert a.exists("/basic") is None


def transactions(a, b):
    t = a.transaction()
    t.create("/tx", b"1")
    t.create("/tx/c", b"2")
    t.check("/tx", 0)
    t.set_data("/tx", b"3")
    results = t.commit()
    assert results[0] == "/tx" and results[1] == "/tx/c", results
    t = a.transaction()
    t.set_data("/tx", b"4")
    t.delete("/tx")
    results = t.commit()
    assert type(results[1]).__name__ == "NotEmptyError", results
    assert b.get("/tx")[0] == b"3"
    a.delete("/tx", recursive=True)


def acls(a, b):
    a.add_auth("digest", "u:p")
    a.create("/acl", b"", acl=[make_digest_acl("u", "p", all=True)])
    try:
        b.get("/acl")
        raise AssertionError("no-auth expected")
    except NoAuthError:
        pass
    b.add_auth("digest", "u:p")
    b.get("/acl")
    entries, _ = b.get_acls("/acl")
    assert entries[0].id.scheme == "digest"
    a.delete("/acl")


def locks(a, b):
    lock = a.Lock("/lock", "a")
    other = b.Lock("/lock", "b")
    assert lock.acquire(timeout=LIMIT)
    assert not other.acquire(blocking=False)
    got = threading.Event()
    thread = threading.Thread(target=lambda: (other.acquire(timeout=LIMIT), got.set()))
    thread.start()
    assert not got.wait(0.05)
    lock.release()
    wait(got, "lock")
    thread.join()
    other.release()
    read1, read2, write = a.ReadLock("/rw"), b.ReadLock("/rw"), b.WriteLock("/rw")
    assert read1.acquire(timeout=LIMIT) and read2.acquire(timeout=LIMIT)
    assert not write.acquire(blocking=False)
    read1.release()
    read2.release()
    assert write.acquire(timeout=LIMIT)
    write.release()
    semaphore = a.Semaphore("/semaphore", max_leases=1)
    assert semaphore.acquire(timeout=LIMIT)
    assert not b.Semaphore("/semaphore", max_leases=1).acquire(blocking=False)
    semaphore.release()


def elections(a, b):
    led = []
    first, second = threading.Event(), threading.Event()
    go_on = threading.Event()
    one = a.Election("/election", "one")
    two = b.Election("/election", "two")

    def lead(name, event):
        led.append(name)
        event.set()
        if name == "one":
            go_on.wait(LIMIT)

    threads = [threading.Thread(target=one.run, args=(lead, "one", first))]
    threads[0].start()
    wait(first, "first leader")
    threads.append(threading.Thread(target=two.run, args=(lead, "two", second)))
    threads[1].start()
    assert not second.wait(0.05)
    go_on.set()
    wait(second, "second leader")
    for thread in threads:
        thread.join()
    assert led == ["one", "two"]


def counters(a, b):
    one, two = a.Counter("/counter"), b.Counter("/counter")
    threads = []
    for counter in (one, two):
        def add(counter=counter):
            for _ in range(20):
                counter += 1
        threads.append(threading.Thread(target=add))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.value == 40, one.value


def watches(a, b):
    a.ensure_path("/watch")
    values, children = [], []
    changed, listed = threading.Event(), threading.Event()

    @DataWatch(a, "/watch/x")
    def on_data(data, stat, event):
        values.append(data)
        if data == b"3":
            changed.set()

    @ChildrenWatch(a, "/watch")
    def on_children(names):
        children.append(sorted(names))
        if names == ["x"]:
            listed.set()

    b.create("/watch/x", b"1")
    wait(listed, "children watch")
    b.set("/watch/x", b"2")
    b.set("/watch/x", b"3")
    wait(changed, "data watch")
    assert values[0] is None and values[-1] == b"3", values
    fired = threading.Event()
    a.get("/watch/x", watch=lambda event: event.type == EventType.DELETED and fired.set())
    b.delete("/watch/x")
    wait(fired, "one-shot watch")


def caches(a, b):
    b.ensure_path("/cache/a/b")
    cache = TreeCache(a, "/cache")
    initialized, seen = threading.Event(), threading.Event()

    def listen(event):
        if event.event_type == TreeEvent.INITIALIZED:
            initialized.set()
        if event.event_data is not None and event.event_data.data == b"new":
            seen.set()

    cache.listen(listen)
    cache.start()
    wait(initialized, "tree cache")
    b.create("/cache/a/c", b"new")
    wait(seen, "tree cache update")
    assert cache.get_data("/cache/a/c").data == b"new"
    assert sorted(cache.get_children("/cache/a")) == ["b", "c"]
    cache.close()


def groups(a, b):
    one, two = a.Party("/party", "one"), b.Party("/party", "two")
    one.join()
    two.join()
    assert sorted(one) == ["one", "two"]
    two.leave()
    assert len(one) == 1
    barrier = a.Barrier("/barrier")
    barrier.create()
    passed = threading.Event()
    thread = threading.Thread(target=lambda: b.Barrier("/barrier").wait(LIMIT) and passed.set())
    thread.start()
    barrier.remove()
    wait(passed, "barrier")
    thread.join()
    queue = a.Queue("/queue")
    queue.put(b"first")
    queue.put(b"second")
    assert b.Queue("/queue").get() == b"first"
    locking = a.LockingQueue("/locking-queue")
    locking.put(b"entry")
    other = b.LockingQueue("/locking-queue")
    assert other.get(timeout=LIMIT) == b"entry"
    other.consume()
    doubles = [DoubleBarrier(client, "/double", 2) for client in (a, b)]
    threads = [threading.Thread(target=lambda d=d: (d.enter(), d.leave())) for d in doubles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive(), "double barrier"


def servers(a, b):
    assert a.server_version()[0] == 3
    assert a.command(b"ruok") == "imok"
    assert "Mode: standalone" in a.command(b"stat")
    assert a.sync("/") == "/"


def sessions(a, b):
    a.create("/session", ephemeral=True, makepath=True)
    session = a.client_id[0]
    a._connection._socket.shutdown(2)
    for _ in range(200):
        try:
            a.get("/session")
            break
        except Exception:
            a.handler.sleep_func(0.05)
    assert a.client_id[0] == session, "the session was resumed"
    assert b.exists("/session") is not None


def main():
    for check in (basics, transactions, acls, locks, elections, counters, watches,
                  caches, groups, servers, sessions):
        a, b = started(), started()
        try:
            check(a, b)
        finally:
            for client in (a, b):
                client.stop()
                client.close()
        print("ok", check.__name__, flush=True)


main()
