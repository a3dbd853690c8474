"""Of all that happened it is known what became of it: each kind of loss is forced, under a load of which the truth is known, and what
was made is what is stored and what is told as lost, by class. And whoever makes the load does not wait for the recorder."""
import contextlib
import os
import re
import signal
import sqlite3
import time

import pytest

import driver
import kernel
from conftest import stores_as_shipped
from driver import Truth, wait_until
from test_live_lifecycle import Storm, full_disk, shown

pytestmark = pytest.mark.live

ENDS = ("own", "merged", "filtered_out", "stored", "journals_only", "unstored", "lost.memory", "lost.shed", "lost.thinned", "lost.database",
        "lost.held", "waiting")
RECORD_ENDS = ("decoded", "used", "malformed", "lost.ring", "lost.shed", "lost.assembler", "lost.memory", "lost.stop", "waiting")


def watching(folder, *more):
    """What the truth programs do to files below the folder, and nothing else; audit and ebpf both tell these."""
    return {"name": "watching", "domain": "recorder", "streams": [{"type": "database", "event_filters": [
        {"terms": ["file", "event.action in 'create', 'rename', 'delete'", f"file.path starts with '{folder}/'"]}, *more]}]}


def acts_of(*truths):
    return sum(act["action"] in ("create", "rename", "delete") for truth in truths for act in truth.of("file"))


def check_status(status):
    """A status is of one moment, so its sums close."""
    assert status["counters.reconcile"] is True
    assert status["health.counters"] == "ok"
    for first, names, ends in ("records.received", "ebpf audit connector proc hasher own", RECORD_ENDS), \
            ("events.made", "process file network dns image driver security system http recorder signal", ENDS):
        what = first.partition(".")[0]
        for name in names.split():
            if f"{first}.{name}" in status:
                assert status[f"{first}.{name}"] == sum(status[f"{what}.{end}.{name}"] for end in ends), (name, status)
    return status


def told_at_the_stop(text):
    """The terms of the balance that the log ends with: `decoded`, `lost.shed.file`."""
    line, = re.findall(r"The balance: (.*)", text)
    terms = {}
    for side, first, second in zip(line.split("; "), ("records", "events"), ("received", "made")):
        total, ends = re.fullmatch(rf"(\d+) {first} {second}: (.*)", side).groups()
        counts = {name: int(count) for count, name in (end.split(" ") for end in ends.split(", "))}
        assert int(total) == sum(counts.values()), line  # nothing waits
        terms |= {f"{first}.{name}": count for name, count in counts.items()}
    return terms


def gaps_by_cause(recorder):
    sums = {}
    for row in recorder.query("SELECT * FROM gaps WHERE cause != 'before the history begins'"):
        assert row["begin"] <= row["end"] and row["exact"], row
        sums[row["cause"], row["class"]] = sums.get((row["cause"], row["class"]), 0) + row["count"]
    return sums


def rows(recorder, category):
    return recorder.one(f"SELECT count(*) AS n FROM events WHERE category = '{category}'")["n"]


def test_closes_while_it_works(new_recorder, folder):
    """At any moment, under a load."""
    recorder = new_recorder(source="ebpf").start()
    with Storm("files", "storm", "100000000", folder, endless=True), Storm("spawn", "storm", "100000000", driver.tiny(), endless=True):
        made = wait_until(lambda: check_status(recorder.status()).get("events.made.process"), "the storm is seen")
        looks = [check_status(recorder.status()) for _ in range(10)]
        wait_until(lambda: check_status(recorder.status())["events.made.process"] > made, "more of the storm is seen")
    assert any(look.get(f"{what}.waiting.{of}") for look in looks for what, of in
               (("events", "file"), ("events", "process"), ("records", "ebpf")))
    terms = told_at_the_stop(recorder.stop())
    assert terms["events.stored"] == recorder.one("SELECT count(*) AS n FROM events")["n"]


def test_handed_over_by_the_programs(new_recorder, folder):
    """What the programs in the kernel made and found room for is what came out of their rings."""
    recorder = new_recorder(source="ebpf", config="CX.recorder.EbpfRingBufferSizeKB = 64\n").start()
    os.kill(recorder.process.pid, signal.SIGSTOP)
    try:
        Truth("files", "storm", "500", folder)
    finally:
        os.kill(recorder.process.pid, signal.SIGCONT)

    def has_all():
        status = check_status(recorder.status(connection))
        handed_over = sum(value for name, value in status.items() if name.startswith("ebpf.made.")) - status["lost.ebpf"]
        received = status.get("records.received.ebpf", 0)  # the core may not have looked yet
        assert received <= handed_over
        return status["lost.ebpf"] > 0 and received == handed_over
    with recorder.connect() as connection:  # one for all: each that is made is an event, too
        wait_until(has_all, "nothing is in the rings of the programs")
    recorder.stop()


@contextlib.contextmanager
def locked(database):
    """Somebody holds the database, so that the writer comes to nothing."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_stopped_writer(new_recorder, folder):
    """Its queue fills, and what it gives up it counts; programs that began are never let go of."""
    programs = {"terms": ["process", "event.action is 'exec'", f"process.path is '{driver.tiny()}'"]}
    recorder = new_recorder(source="ebpf", subscription=watching(folder, programs)).start()
    truths, began = [], 0
    with locked(recorder.database):
        for _ in range(3):
            truths.append(Truth("files", "storm", "1000", folder))
            began += len(Truth("spawn", "storm", "10", driver.tiny()).of("process"))
            wait_until(lambda: check_status(recorder.status()).get("events.waiting.file"), "they wait")
        wait_until(lambda: check_status(recorder.status())["lost.database"], "what is lost is told while it is")
    wait_until(lambda: recorder.status()["queue.events"] == 0, "everything is stored")
    check_status(recorder.status())
    terms = told_at_the_stop(recorder.stop())
    shed, lost = terms.get("events.lost.shed.file", 0), terms.get("events.lost.database.file", 0)
    assert acts_of(*truths) == rows(recorder, "file") + shed + lost
    assert began == rows(recorder, "process") + terms.get("events.lost.database.process", 0)
    assert "events.lost.shed.process" not in terms
    gaps = gaps_by_cause(recorder)
    assert gaps.pop(("queue_full", "file"), 0) == shed
    assert 0 < gaps.pop(("database_error", "all")) == sum(value for name, value in terms.items() if name.startswith("events.lost.database."))
    assert not gaps


@stores_as_shipped
def test_full_disk(new_recorder, folder):
    recorder = new_recorder(subscription=watching(folder), source="ebpf")
    truths = []
    with full_disk(recorder) as ballast:
        while not check_status(recorder.status()).get("events.lost.database.file"):
            truths.append(Truth("files", "storm", "500", folder))
        ballast.unlink()
        stored = recorder.status()["stored"]
        while recorder.status()["stored"] < stored + 10:
            truths.append(Truth("files", "storm", "5", folder))
        check_status(recorder.status())
        terms = told_at_the_stop(recorder.stop())
        lost = terms["events.lost.database.file"]
        assert acts_of(*truths) == rows(recorder, "file") + lost + terms.get("events.lost.shed.file", 0)
        assert gaps_by_cause(recorder)["database_error", "all"] == \
            sum(value for name, value in terms.items() if name.startswith("events.lost.database."))


def test_tiny_backlog(new_recorder, folder, audit_state):
    """What the kernel's audit had no room for, by its own count."""
    recorder = new_recorder(subscription=watching(folder)).start()
    truths, before = [], kernel.lost()
    os.kill(recorder.process.pid, signal.SIGSTOP)  # else it puts the limit right
    try:
        kernel.auditctl("-b", "2")
        while kernel.lost() == before:
            truths.append(Truth("files", "storm", "500", folder))
    finally:
        os.kill(recorder.process.pid, signal.SIGCONT)
    wait_until(lambda: kernel.settings()["backlog_limit"] == "32768", "the backlog has its size again")
    truths.append(Truth("files", "storm", "10", folder))
    lost = kernel.lost() - before
    wait_until(lambda: check_status(recorder.status())["lost.kernel"] == lost, "the loss is counted")
    terms = told_at_the_stop(recorder.stop())
    assert not any(name.startswith(("records.lost", "events.lost")) for name in terms), terms
    assert kernel.lost() - before == lost
    told = recorder.query("SELECT count, exact FROM gaps WHERE cause = 'kernel_lost'")
    assert sum(row["count"] for row in told) == lost and all(row["exact"] for row in told)
    missing = acts_of(*truths) - rows(recorder, "file")
    assert 0 <= missing <= lost


def load(folder, seconds):
    """How many acts a storm did in that time, and the longest time in which it did none."""
    with Storm("files", "storm", "100000000", folder, endless=True) as storm:
        path, acts, at, longest = f"/proc/{storm.process.pid}/io", 0, time.monotonic(), 0
        end = at + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
            with open(path) as file:  # a line an act, each a call of write
                done = int(re.search(r"syscw: (\d+)", file.read())[1])
            if done > acts:
                acts, at = done, time.monotonic()
            longest = max(longest, time.monotonic() - at)
        storm.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: open(f"/proc/{storm.process.pid}/stat").read().rpartition(")")[2].split()[0] == "T", "it is stopped")
        with open(path) as file:
            return int(re.search(r"syscw: (\d+)", file.read())[1]), longest, storm.process.pid


def is_through(recorder):
    status = check_status(recorder.status())
    return not any(status[name] for name in ("kernel.audit.backlog", "queue.ring_bytes", "queue.events")) and \
        status["kernel.audit.pid"] in (0, recorder.process.pid)


def watched(acts):
    """Of a round: create, write, rename, delete."""
    return acts // 4 * 3 + (0, 1, 1, 2)[acts % 4]


@pytest.mark.parametrize("mode", ["ebpf", "audit-unicast"])
def test_suspended_recorder_is_in_nobodys_way(new_recorder, folder, mode):
    """A load goes on while the recorder does not run at all, and the kernel never waits for it; what was lost is told."""
    seconds = float(os.environ.get("RECORDER_SUSPENDED_S", "1.5"))  # docs/RELIABILITY.md has a minute
    short = min(seconds, 10)
    alone = load(folder, short)[0] / short
    recorder = new_recorder(source=mode, subscription=watching(folder), config="CX.recorder.EbpfRingBufferSizeKB = 64\n").start()
    beside = load(folder, short)[0] / short
    wait_until(lambda: is_through(recorder), "everybody has room again")
    waited = kernel.status()["backlog_wait_time_actual"]
    os.kill(recorder.process.pid, signal.SIGSTOP)
    try:
        began = time.time_ns()
        acts, longest, pid = load(folder, seconds)
        ended = time.time_ns()
    finally:
        os.kill(recorder.process.pid, signal.SIGCONT)
    print(f"{mode}: {alone:.0f} acts a second alone, {beside:.0f} beside a recorder ({beside / alone:.2f}), {acts / seconds:.0f} "
          f"beside one that is suspended ({acts / seconds / alone:.2f}); the longest pause then was {longest * 1000:.0f} ms")
    assert kernel.status()["backlog_wait_time_actual"] == waited
    if mode != "ebpf":
        assert kernel.settings()["backlog_wait_time"] == "0"
    assert acts > 1000
    wait_until(lambda: is_through(recorder), "everybody has room again")
    status = check_status(recorder.status())
    recorder.stop()
    missing = watched(acts) - recorder.one("SELECT count(*) AS n FROM file_events WHERE process_pid = ?", pid)["n"]
    gaps = recorder.query("SELECT * FROM gaps WHERE class IN ('file', 'all') AND cause != 'before the history begins'")
    print(missing, "of", watched(acts), "are missing:", [(row["cause"], row["count"], row["exact"]) for row in gaps])
    if mode == "ebpf":
        assert {(row["cause"], row["exact"]) for row in gaps} == {("bpf_ring_full", 1)}
        told = sum(row["count"] for row in gaps)
        assert 0 < missing <= told == status["lost.ebpf.file"] + status["lost.ebpf.file_write"]
    # Of the time in which something is missing a gap tells.
    assert missing <= 0 or any(row["begin"] <= shown(ended) and row["end"] >= shown(began) for row in gaps), (missing, gaps)
