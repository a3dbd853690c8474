"""Beside another audit daemon: the recorder listens along, and the other keeps every record it would have had."""
import collections
import re
import subprocess
import sys

import pytest

import checks
import driver
import kernel
from driver import Truth

pytestmark = pytest.mark.live


@pytest.fixture
def auditd(tmp_path, audit_state):
    (tmp_path / "auditd").mkdir()
    with kernel.Auditd(tmp_path / "auditd") as auditd:
        yield auditd


@pytest.fixture
def beside(auditd, new_recorder):
    """A recorder that was started while auditd ran."""
    recorder = new_recorder().start()
    status = recorder.status()
    assert "multicast" in status["event_source"]
    assert status["kernel.audit.pid"] == auditd.process.pid
    return recorder


def records(lines):
    """(serial, type) of each record, and those of system calls with their fields."""
    heads, calls = [], []
    for line in lines:
        head = re.match(r"type=(\S+) msg=audit\((\d+\.\d+):(\d+)\): ?(.*)", line)
        if head:
            heads.append((int(head[3]), head[1]))
            if head[1] == "SYSCALL":
                calls.append(dict(pair.split("=", 1) for pair in head[4].split() if "=" in pair))
    return heads, calls


def test_everything_is_in_both(beside, auditd, folder):
    processes = Truth("spawn", "storm", "200", driver.tiny())
    files = Truth("files", "all", folder)
    network = Truth("network", "all", folder)
    status = beside.status()
    beside.stop()
    assert kernel.lost() == status["kernel.audit.lost"]
    auditd.stop()

    assert beside.query("SELECT * FROM gaps") == []
    checks.processes(beside, processes)
    checks.check_actor(checks.files(beside, files), files)
    checks.connections(beside, network)

    heads, calls = records(auditd.lines())
    serials = sorted({serial for serial, kind in heads if not kind.startswith("DAEMON_")})  # those count for themselves
    assert serials == list(range(serials[0], serials[-1] + 1)), "auditd lost events"
    # Not only the events, but each with all its records: auditd's own rules could want any of them.
    types = collections.Counter(kind for _, kind in heads)
    assert types["PROCTITLE"] >= types["EXECVE"] > 0
    execs = collections.Counter(int(call["pid"]) for call in calls
                                if call["success"] == "yes" and call["syscall"] in ("59", "322"))
    assert all(execs[act["pid"]] == 1 for act in processes.of("process"))
    acts = collections.Counter(int(call["pid"]) for call in calls if call["success"] == "yes")
    assert acts[files.pid] >= len(files.of("file")) - len(files.of("file", action="none"))


def test_a_slot_that_is_taken(new_recorder):
    with kernel.SlotHolder() as holder:
        before = kernel.status()["pid"]
        recorder = new_recorder().start()
        assert "multicast" in recorder.status()["event_source"]
        truth = Truth("spawn", "storm", "20", driver.tiny())
        recorder.stop()
        assert kernel.status()["pid"] == before
        assert holder.taken > 20 * 500
    checks.processes(recorder, truth)


def test_unicast_is_not_stolen(new_recorder):
    """Asked for the slot that somebody else has, the recorder says no."""
    with kernel.SlotHolder():
        before = kernel.status()["pid"]
        recorder = new_recorder(arguments=["--source", "audit-unicast"])
        recorder.start(wait=False)
        text = recorder.exit(1)
        assert kernel.status()["pid"] == before
        assert before in text or "slot" in text or "another" in text.lower(), text


def test_a_slot_whose_holder_died(new_recorder):
    """The kernel notices late that a daemon is gone: its slot is free all the same."""
    holder = subprocess.Popen([sys.executable, "-c", "import kernel\nwith kernel.SlotHolder():\n  print(1, flush=True)\n"
                               "  input()"], cwd=kernel.__file__.rpartition("/")[0], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    assert kernel.status()["pid"] == str(holder.pid)
    recorder = new_recorder().start()
    assert "unicast" in recorder.status()["event_source"]
    truth = Truth("spawn", "storm", "5", driver.tiny())
    recorder.stop()
    checks.processes(recorder, truth)
