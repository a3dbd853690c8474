"""What is known of processes over the time in which no recorder runs (proc.bin)."""
import contextlib
import json
import os
import stat
import subprocess

import pytest

from conftest import both_sources
from driver import wait_until
from test_live_change import ask, register

pytestmark = pytest.mark.live
source = both_sources

EXEC = "import os, sys; sys.stdin.readline(); os.execv(sys.argv[1], sys.argv[1:])"


@contextlib.contextmanager
def asleep(*command):
    """A process that waits for a line, then ends or becomes the program."""
    process = subprocess.Popen(command or ["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def end_and_exec(ended, execs):
    """The one ends, the other becomes the program."""
    ended.kill()
    ended.wait()
    execs.stdin.write(b"go\n")
    execs.stdin.flush()
    wait_until(lambda: os.readlink(f"/proc/{execs.pid}/exe") == os.path.realpath("/bin/cat"), "another program")


def told(recorder, action, pid, after):
    return recorder.query("SELECT * FROM process_events WHERE action = ? AND process_pid = ? AND sequence > ? ORDER BY sequence", action, pid,
                          after)


def last(recorder):
    return recorder.one("SELECT max(sequence) AS n FROM events")["n"]


def wait_known(recorder, *processes):
    for process in processes:
        wait_until(lambda: told(recorder, "fork", process.pid, 0), "the process is known")


def check(recorder, after, stays, ended, execs, began):
    """What the second run says of them."""
    row, = told(recorder, "snapshot", stays.pid, after)
    first, = told(recorder, "exec", stays.pid, 0)
    assert row["process_entity_id"] == first["process_entity_id"] and row["process_changes"] is None
    assert row["process_exec_count"] == first["process_exec_count"] == 1
    assert row["process_parent_entity_id"] == first["process_parent_entity_id"]
    assert not told(recorder, "exit", stays.pid, 0)

    row, = told(recorder, "exit", ended.pid, 0)
    first, = told(recorder, "exec", ended.pid, 0)
    assert row["process_entity_id"] == first["process_entity_id"] and row["sequence"] > after
    assert row["recorder_completeness"] == "inferred" and row["process_exit_code"] is None and row["process_exit_signal"] is None
    assert json.loads(row["recorder_missing"]) == ["event.end", "process.exit_code"]
    assert not told(recorder, "snapshot", ended.pid, after)

    row, = told(recorder, "snapshot", execs.pid, after)
    first, = told(recorder, "fork", execs.pid, 0)
    assert row["process_entity_id"] == first["process_entity_id"]
    assert json.loads(row["process_changes"]) == ["program begun unrecorded"] and row["process_executable"] == os.path.realpath("/bin/cat")
    assert row["process_previous_executable"].startswith(os.path.dirname(os.path.realpath("/usr/bin/python3")))
    assert row["process_exec_count"] == 2

    row, = told(recorder, "snapshot", began.pid, after)
    assert json.loads(row["process_changes"]) == ["begun unrecorded"]


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_over_a_pause(new_recorder, how):
    recorder = new_recorder(config="CX.recorder.PersistenceWriteProcessIntervalSecs = 1\n").start()
    file = recorder.state / "proc.bin"
    with asleep() as stays, asleep() as ended, asleep("/usr/bin/python3", "-c", EXEC, "/bin/cat") as execs:
        wait_known(recorder, stays, ended, execs)
        wait_until(lambda: told(recorder, "exec", execs.pid, 0), "the program is known")
        if how == "stopped":
            recorder.stop()
        else:
            written = f"process.pid={execs.pid} "
            wait_until(lambda: file.exists() and written in file.read_text(), "it is written")
            recorder.kill9()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        end_and_exec(ended, execs)
        after = last(recorder)
        before = recorder.before
        with asleep() as began:
            recorder.start()
            recorder.before = before  # what one that was killed left in the kernel goes too
            wait_until(lambda: told(recorder, "exit", ended.pid, 0), "the end is told")
            recorder.stop()
            check(recorder, after, stays, ended, execs, began)
    cause, = {gap["cause"] for gap in recorder.query("SELECT cause FROM gaps WHERE cause LIKE 'recorder_%'")}
    assert cause == {"stopped": "recorder_stopped", "killed": "recorder_died"}[how]


def test_over_a_time_without_subscription(new_recorder):
    """The same of a recorder that runs on."""
    everything = {"name": "all", "domain": "recorder", "streams": [{"type": "database", "event_filters": [{"terms": ["process"]}]}]}
    recorder = new_recorder(subscription=None).start()
    register(recorder, everything)
    wait_until(lambda: told(recorder, "snapshot", os.getpid(), 0), "what runs is known: who begins meanwhile may have no fork")
    with asleep() as stays, asleep() as ended, asleep("/usr/bin/python3", "-c", EXEC, "/bin/cat") as execs:
        wait_known(recorder, stays, ended, execs)
        wait_until(lambda: told(recorder, "exec", execs.pid, 0), "the program is known")
        ask(recorder, "recorder.clear-subscriptions")
        wait_until(lambda: (recorder.state / "proc.bin").exists(), "what runs is written")
        end_and_exec(ended, execs)
        after = last(recorder)
        with asleep() as began:
            register(recorder, everything)
            wait_until(lambda: told(recorder, "exit", ended.pid, 0), "the end is told")
            recorder.stop()
            check(recorder, after, stays, ended, execs, began)
    images = recorder.query("SELECT process_entity_id, process_exec_count, count(*) AS n FROM processes GROUP BY 1, 2 HAVING n > 1")
    assert images == []


def test_damaged(new_recorder):
    recorder = new_recorder().start()
    recorder.stop()
    file = recorder.state / "proc.bin"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    recorder.start()
    assert "proc.bin cannot be used" in recorder.log_text()
    recorder.stop()
    note = recorder.one("SELECT recorder_message FROM recorder_events WHERE recorder_message LIKE 'proc.bin%'")
    assert "it is not whole" in note["recorder_message"]
    assert file.read_bytes().startswith(b"recorder processes 1 ")
    assert not recorder.query("SELECT * FROM process_events WHERE event_code = 'REMEMBERED'")
