"""Calls made in ways that few programs use, and that hide what was done from who looks at the usual ones alone."""
import json
import pathlib
import subprocess
import sys

import pytest

from conftest import both_sources
from driver import Truth, wait_until
from test_live_ebpf import EVERYTHING

pytestmark = pytest.mark.live
ODD = pathlib.Path(__file__).parent / "odd.py"
source = both_sources


def odd(what, *arguments):
    """It is done by a process of its own: its pid, and what it says of it."""
    done = subprocess.Popen([sys.executable, ODD, what, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    said = done.communicate()[0]
    assert done.returncode == 0
    return done.pid, json.loads(said)


def rows_of(recorder, view, pid, action):
    return recorder.query(f"SELECT * FROM {view} WHERE process_pid = ? AND action = ? ORDER BY sequence", pid, action)


def test_interrupted_connect(recorder, source):
    """It is no failure: the connection comes about without the program."""
    pid, said = odd("interrupt")
    recorder.stop()
    row, = [row for row in rows_of(recorder, "network_events", pid, "connect") if row["error_code"] == "EINTR"]
    assert (row["event_outcome"], row["destination_ip"], row["destination_port"]) == ("in_progress", "127.0.0.1", said["port"])
    if source == "ebpf":    # audit tells of no end
        assert said["local_port"] in {row["source_port"] for row in rows_of(recorder, "network_events", pid, "disconnect")}


@pytest.mark.parametrize("source", ["ebpf"])
def test_where_a_connection_goes(recorder, source):
    """What the kernel took from the program is told, not what its memory says."""
    pid, said = odd("connect")
    recorder.stop()
    rows = rows_of(recorder, "network_events", pid, "connect")
    assert [(row["destination_ip"], row["destination_port"], row["event_outcome"]) for row in rows] == \
        [("::1", said["port6"], "success"), ("127.0.0.1", said["port"], "success")]


@pytest.mark.parametrize("source", ["ebpf"])
def test_many_messages_by_one_call(new_recorder, source):
    recorder = new_recorder(EVERYTHING).start()
    pid, said = odd("messages")
    recorder.stop()
    rows = rows_of(recorder, "network_events", pid, "send")
    assert [(row["destination_ip"], row["destination_port"]) for row in rows] == [("127.0.0.1", port) for port in said["ports"]]


@pytest.mark.parametrize("source", ["ebpf"])
def test_of_narrow_programs(new_recorder, source):
    recorder = new_recorder(EVERYTHING).start()
    truth = Truth("narrow")
    recorder.stop()
    if not truth.acts:
        pytest.skip("this kernel runs no 32-bit calls")
    assert [row["destination_port"] for row in rows_of(recorder, "network_events", truth.pid, "send")] == \
        [act["port"] for act in truth.of("sent")]
    row, = rows_of(recorder, "security_events", truth.pid, "memory_exec")
    assert (row["auditd_syscall"], row["security_operation"]) == ("mmap", "map")


@pytest.mark.parametrize("source", ["ebpf"])
def test_stepped_clock(recorder, source):
    """As time services step it; to slew it is nothing to tell of."""
    pid, said = odd("clock")
    if said["error"]:
        pytest.skip("this machine's clock may not be set: " + said["error"])
    recorder.stop()
    assert [row["auditd_syscall"] for row in rows_of(recorder, "security_events", pid, "time_change")] == ["clock_adjtime", "clock_adjtime"]    # the library has no other


def test_room_for_a_file(recorder, folder, source):
    """It gets room, not another size."""
    pid, _ = odd("room", folder / "room")
    recorder.stop()
    row, = rows_of(recorder, "file_events", pid, "truncate")
    assert row["file_size"] is None


@pytest.mark.parametrize("source", ["ebpf"])
def test_unseen_by_io_uring(recorder, folder, source):
    """Nobody tells that it succeeded: that something may be missing is told, of each class."""
    Truth("ring", "unseen", folder)
    wait_until(lambda: {row["class"] for row in recorder.query("SELECT class FROM gaps")} >= {"file", "network"}, "the gaps are told")
    lost = {name: n for name, n in recorder.status().items() if name.startswith("lost.ebpf.") and n}
    assert lost == {"lost.ebpf.file": 1, "lost.ebpf.file_write": 2, "lost.ebpf.network": 1}
    recorder.stop()
    told = recorder.query("SELECT class, sum(count) AS n FROM gaps WHERE cause = 'bpf_ring_full' GROUP BY class")
    assert {row["class"]: row["n"] for row in told} == {"file": 3, "network": 1}
