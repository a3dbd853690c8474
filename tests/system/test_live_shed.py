"""More than can be dealt with: the writer is held still while a storm of one process goes on. What is let go of is counted and told, by class and
with the name of who makes most; what is never let go of is complete; the memory is within its budget."""
import contextlib
import ctypes
import os
import pathlib
import subprocess
import sys

import pytest

import driver
from driver import Truth, wait_until

pytestmark = pytest.mark.live

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17  # sys/ptrace.h
BUDGET_MB = 64
FILES = 40000
EVERYTHING = {"name": "all", "streams": [{"type": "database", "event_filters": [{"terms": [category]} for category in (
    "process", "file", "network", "security")]}]}
STORM = "import os, sys\nfor i in range(int(sys.argv[2])):\n    os.close(os.open(f'{sys.argv[1]}/{i}', os.O_CREAT | os.O_WRONLY))\n"


@pytest.fixture
def source():
    return "ebpf"


@contextlib.contextmanager
def held_still(pid, name):
    """One thread of a process does nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    thread, = (int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().strip() == name)

    def ptrace(request):
        if libc.ptrace(request, thread, None, None) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    ptrace(SEIZE)
    ptrace(INTERRUPT)
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        ptrace(DETACH)


def is_sanitized():
    return b"__asan_init" in pathlib.Path(os.environ["RECORDER_BIN"]).read_bytes()


def test_writer_held_still(new_recorder, folder):
    recorder = new_recorder(subscription=EVERYTHING, config=f"CX.recorder.MemoryBudgetMB = {BUDGET_MB}\n").start()
    assert recorder.status()["memory.budget_bytes"] == BUDGET_MB << 20
    with held_still(recorder.process.pid, "writer"):
        storm = subprocess.Popen([sys.executable, "-c", STORM, str(folder), str(FILES)])
        assert storm.wait(driver.DEADLINE_S) == 0
        quiet = Truth("spawn", "storm", "200", driver.tiny())
        status = wait_until(lambda: (s := recorder.status())["shedding.step"] != "nothing" and s, "a step is in force")
        assert status["health.shedding"] == ("ok" if status["shedding.step"] == "coalesce" else "warn")
    status = wait_until(lambda: (s := recorder.status())["queue.events"] == 0 and s["shedding.step"] == "nothing" and s, "it is over", 60)
    peak = int(next(line.split()[1] for line in pathlib.Path(f"/proc/{recorder.process.pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM:"))) << 10
    recorder.stop()

    # what is never let go of
    for act in quiet.of("process"):
        actions = {row["action"] for row in recorder.query(f"SELECT action FROM process_events WHERE process_pid = {act['pid']}")}
        assert {"exec", "exit"} <= actions, act
    # nothing is lost uncounted
    stored, = recorder.query(f"SELECT count(*) AS n FROM file_events WHERE action = 'create' AND process_pid = {storm.pid}")
    gaps = recorder.query("SELECT * FROM gaps WHERE cause IN ('noisy_source', 'queue_full', 'ring_full', 'bpf_ring_full')")
    told = sum(row["count"] for row in gaps if row["class"] == "file")
    assert stored["n"] < FILES and stored["n"] + told >= FILES, (stored, gaps)
    for category in ("file", "process", "network", "security"):
        of = [row for row in gaps if row["class"] == category and row["cause"] != "bpf_ring_full"]
        assert sum(row["count"] for row in of) == status[f"lost.shed.{category}"], (category, of)
    assert status["lost.ring"] == 0 and status["lost.shed.security"] == 0
    # each step is told, and that it ended
    steps = recorder.query("SELECT gap_class, gap_end FROM recorder_events WHERE action = 'throttle' AND recorder_message LIKE 'step %'")
    begun = [row["gap_class"] for row in steps if row["gap_end"] is None]
    assert begun[:2] == ["coalesce", "source"]
    assert sorted(begun) == sorted(row["gap_class"] for row in steps if row["gap_end"] is not None)
    # and who it was: the storm, or, if others are busy as well, the user of both
    messages = [row["recorder_message"] for row in recorder.query("SELECT recorder_message FROM recorder_events WHERE action = 'throttle'")]
    assert any("makes most" in message for message in messages), messages
    assert all(row["message"].startswith("source: ") for row in recorder.query(
        "SELECT recorder_message AS message FROM recorder_events WHERE gap_cause = 'noisy_source'"))
    if not is_sanitized():
        assert peak <= BUDGET_MB << 20
