"""What befalls a recorder: it is stopped, killed again and again, its kernel settings are taken away, its folder
goes, and names are made to hurt whoever reads them. Nothing is lost in silence."""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

import checks
import driver
import kernel
from conftest import as_shipped
from driver import Truth, nanoseconds, wait_until

pytestmark = pytest.mark.live
shipped = as_shipped

MAKE_AND_REMOVE = """import os, sys
for path in sys.argv[1:]:
    with open(os.fsencode(path), "wb"):
        pass
    os.unlink(os.fsencode(path))
"""


def gaps(recorder):
    return recorder.query("SELECT * FROM gaps ORDER BY begin")


def lost_in_gaps(rows):
    return sum(row["count"] or 0 for row in rows)


def test_stopped_for_seconds(recorder, folder):
    """What the kernel had no room for while nobody read is a gap; what it had room for is there."""
    def has_nothing_waiting():
        status = recorder.status()
        return not any(status[name] for name in ("kernel.audit.backlog", "queue.ring_bytes", "queue.events"))

    os.kill(recorder.process.pid, signal.SIGSTOP)
    try:
        during = Truth("files", "storm", "20000", folder)
        time.sleep(2)
    finally:
        os.kill(recorder.process.pid, signal.SIGCONT)
    wait_until(lambda: recorder.status()["kernel.audit.pid"] == recorder.process.pid, "it holds the audit stream")
    wait_until(has_nothing_waiting, "everybody has room again")
    after = Truth("files", "storm", "20", folder)
    wait_until(lambda: recorder.status()["queue.events"] == 0, "everything is stored")
    recorder.stop()
    checks.files(recorder, after)
    found = recorder.one("SELECT count(*) AS n FROM file_events WHERE process_pid = ?", during.pid)["n"]
    rows = gaps(recorder)
    assert found == len(during.of("file")) or lost_in_gaps(rows) > 0, rows
    assert all(row["begin"] <= row["end"] for row in rows)


def test_killed_again_and_again(new_recorder, folder):
    recorder = new_recorder()
    before = None
    for number in range(6):
        recorder.start()
        before = before or recorder.before
        storm = subprocess.Popen([driver.TRUTH / "files", "storm", "3000", folder], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)
        time.sleep(0.05 * (number + 1))
        recorder.kill9()
        storm.wait(driver.DEADLINE_S)
    recorder.start()
    truth = Truth("files", "storm", "10", folder)
    recorder.before = before
    recorder.stop()
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
    checks.files(recorder, truth)
    assert recorder.one("SELECT count(*) AS n FROM gaps WHERE cause = 'recorder_died'")["n"] == 6
    assert recorder.one("SELECT count(*) AS n FROM recorder_events WHERE action = 'start'")["n"] >= 1


def test_killed_while_it_starts(new_recorder):
    recorder = new_recorder()
    state = kernel.state()
    for delay in (0.002, 0.01, 0.03, 0.06, 0.1, 0.2):
        recorder.start(wait=False)
        time.sleep(delay)
        recorder.kill9()
    recorder.start()
    recorder.before = state
    recorder.stop()
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_audit_switched_off(recorder, folder):
    """An administrator's `auditctl -e 0`: seen, told, and put right."""
    kernel.auditctl("-e", "0")
    wait_until(lambda: kernel.settings()["enabled"] == "1", "audit is on again", 5)
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    checks.files(recorder, truth)
    assert [row["cause"] for row in gaps(recorder)] == ["audit_disabled"]


@pytest.mark.parametrize("taken, cause", [(("-e", "0"), "audit_disabled"), (("-D",), "rules_missing")])
def test_taken_away_at_the_end(recorder, folder, taken, cause):
    """The recorder ends before its next look: what is missing lies in a gap all the same."""
    kernel.auditctl(*taken)
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    gap = next(row for row in gaps(recorder) if row["cause"] == cause)
    assert nanoseconds(gap["begin"]) <= truth.started and truth.ended <= nanoseconds(gap["end"])


def test_backlog_limit_lowered(recorder, folder):
    kernel.auditctl("-b", "64")
    during = Truth("files", "storm", "3000", folder)
    wait_until(lambda: kernel.settings()["backlog_limit"] == "32768", "the backlog has its size again", 5)
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    checks.files(recorder, truth)
    found = recorder.one("SELECT count(*) AS n FROM file_events WHERE process_pid = ?", during.pid)["n"]
    assert found == len(during.of("file")) or lost_in_gaps(gaps(recorder)) > 0


def test_no_backlog_limit(recorder):
    """0 is no limit, which does nobody harm."""
    kernel.auditctl("-b", "0")
    time.sleep(2.5)  # two looks
    assert kernel.settings()["backlog_limit"] == "0"
    kernel.auditctl("-b", "32768")
    assert "Somebody" not in recorder.stop()


def test_lost_counter_reset(recorder, folder):
    kernel.auditctl("--reset-lost")
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    checks.files(recorder, truth)
    assert gaps(recorder) == []


def test_folder_removed(recorder, folder):
    """Its folder goes while it records: it begins a new one and says from when on the old history is gone."""
    Truth("files", "storm", "10", folder)
    shutil.rmtree(recorder.state)
    wait_until(lambda: recorder.database.exists(), "a new database is begun", 10)
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    checks.files(recorder, truth)
    assert "database_removed" in [row["cause"] for row in gaps(recorder)]


def test_database_removed(recorder, folder):
    Truth("files", "storm", "10", folder)
    recorder.database.unlink()
    wait_until(lambda: recorder.database.exists(), "a new database is begun", 10)
    truth = Truth("files", "storm", "10", folder)
    recorder.stop()
    checks.files(recorder, truth)
    assert "database_removed" in [row["cause"] for row in gaps(recorder)]


def test_names_that_hurt(recorder, folder):
    """A terminal, a table, JSON and CSV get none of the bytes that a name brings along."""
    names = [b"\x1b]0;owned\x07\x1b[31mred", b"new\nline", b"tab\there", b"\x9b31m", b"quote\"'\\", b"\xff\xfe", b"%41%",
             b"\xe2\x80\xaegnp.exe", b"comma,semi;pipe|", b"=cmd()", b"\x7f\x08\x08back"]
    # By a child: the kernel never audits who already ran when audit was switched on for the first time since boot.
    child = subprocess.Popen([sys.executable, "-c", MAKE_AND_REMOVE, *(os.path.join(os.fsencode(folder), name) for name in names)])
    assert child.wait(driver.DEADLINE_S) == 0
    recorder.stop()
    rows = recorder.query("SELECT * FROM file_events WHERE action = 'create' AND process_pid = ? ORDER BY sequence", child.pid)
    found = [driver.field(row, "file.path") for row in rows]
    assert [path for path in found if path.startswith(os.fsencode(folder) + b"/")] == \
        [os.path.join(os.fsencode(folder), name) for name in names]
    for how in ([], ["--json"], ["--csv"], ["--table"]):
        out = driver.cli("query", "file", "file.operation is 'create'", "--limit", "1000", "--db", recorder.database, *how).stdout
        allowed = b"\n" if how != ["--csv"] else b"\n\r"
        assert not [byte for byte in out if (byte < 32 and byte not in allowed) or byte == 127], how
        out.decode()  # valid UTF-8
        assert b"\xc2\x9b" not in out


def test_read_while_it_writes(recorder, folder):
    """A reader that holds its transaction open delays nobody and sees one moment."""
    Truth("files", "storm", "100", folder)
    wait_until(lambda: recorder.status()["stored"] > 300, "something is stored")
    with sqlite3.connect(f"file:{recorder.database}?mode=ro", uri=True) as reader:
        reader.execute("BEGIN")
        n = reader.execute("SELECT count(*) FROM events").fetchone()[0]
        stored = recorder.status()["stored"]
        Truth("files", "storm", "500", folder)
        wait_until(lambda: recorder.status()["stored"] > stored + 1500, "the writer goes on")
        assert reader.execute("SELECT count(*) FROM events").fetchone()[0] == n
    recorder.stop()
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
