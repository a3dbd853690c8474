"""The history of a recorder that runs: within its bound whatever comes, and nobody changes it unnoticed."""
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest

import driver
from conftest import as_shipped
from driver import Truth, cli, json_lines, wait_until

pytestmark = pytest.mark.live
shipped = as_shipped

MIB = 1 << 20
SMALL = ("CX.recorder.DatabaseMaxSizeMB = 16\nCX.recorder.DatabaseChunkSize = 1\nCX.recorder.DatabaseCleanIntervalSecs = 1\n"
         "CX.recorder.DatabaseCleanContinueIntervalMs = 10\nCX.recorder.DatabaseStatsUpdateSecs = 1\n")
ROUNDS = 150000  # of a storm: four events each, more than fit
HEAD = re.compile(r"History head (\d+:[0-9a-f]{32})")


@pytest.fixture
def source():
    return "auto"


def everything(folder, *types):
    filters = [{"terms": ["file", f"file.any_path starts with '{folder}/'"]}, *({"terms": [type]} for type in ("process", *types))]
    return {"name": "t", "streams": [{"type": "database", "event_filters": filters}]}


def size(recorder):
    total = 0
    for suffix in "", "-wal", "-shm":
        try:
            total += os.stat(f"{recorder.database}{suffix}").st_size
        except FileNotFoundError:
            pass
    return total


class Storm:
    """A file storm that tells nobody what it does."""

    def __init__(self, folder, rounds):
        self.process = subprocess.Popen([driver.TRUTH / "files", "storm", str(rounds), folder], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)

    def is_over(self):
        return self.process.poll() is not None


def verify(recorder, *arguments, check=0):
    *findings, result = json_lines(recorder.cli("verify", "--json", *arguments, check=check).text)
    assert result["kind"] == "result" and result["findings"] == len(findings)
    return findings, result


def test_within_its_bound(new_recorder, folder):
    """A storm writes more than fits while somebody asks again and again: the database stays as small as it is to be, and
    what began before the storm, and who logged in, is still told of."""
    recorder = new_recorder(subscription=everything(folder, "security"), config=SMALL).start()
    first = Truth("spawn", "storm", "50", driver.tiny())
    login = Truth("spawn", "forks", "1", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])
    sizes, answers, end = [], [], threading.Event()

    def ask():
        while not end.is_set():
            answers.append(len(json_lines(recorder.cli("query", "--json", "--limit", "200").text)))

    asker = threading.Thread(target=ask)
    asker.start()
    storm = Storm(folder, ROUNDS)
    try:
        while not storm.is_over():
            sizes.append(size(recorder))
            end.wait(0.05)
    finally:
        end.set()
        asker.join(driver.DEADLINE_S)
    assert storm.process.returncode == 0
    wait_until(lambda: recorder.status()["queue.events"] == 0, "what happened is stored")
    status = recorder.status()
    recorder.stop()
    sizes.append(size(recorder))
    assert max(sizes) <= 17 * MIB
    assert len(answers) > 0 and min(answers[1:], default=1) > 0

    cleaned = {row["category"]: row["events"] for row in recorder.query("SELECT category, events FROM cleaned")}
    assert set(cleaned) == {1}  # files, and nothing else
    stored = recorder.one("SELECT count(*) AS n FROM file_events")["n"]
    lost = sum(row["count"] for row in recorder.query("SELECT count FROM gaps"))
    assert stored + cleaned[1] + lost >= 4 * ROUNDS
    began = {row["process_pid"] for row in recorder.query("SELECT process_pid FROM process_events WHERE action = 'exec'")}
    assert {act["pid"] for act in first.of("process")} <= began
    logins = recorder.query("SELECT process_pid, user_audit_id FROM security_events WHERE action = 'session_start'")
    assert {"process_pid": login.pid, "user_audit_id": 1} in logins
    if lost == 0:
        assert recorder.cli("gaps").text == "No gap is known.\n"
    # Of files what is told is the end, all of it; who asks for more is told that it was there.
    gaps = [row for row in json_lines(recorder.cli("query", "--json", "--since", "1h", "--limit", "1", "file").text)
            if row.get("kind") == "gap" and row["cause"] == "cleaned"]
    assert [gap["class"] for gap in gaps] == ["file"]
    assert status["database.cleaned.file"] > 0 and "database.events.file" in status
    findings, result = verify(recorder)
    assert findings == [] and result["whole"] and result["keyed"] and result["events_before"] == 0
    assert recorder.one("PRAGMA integrity_check")["integrity_check"] == "ok"


def test_lower_bound_at_once(new_recorder, folder):
    """A bound that is lowered while it records is kept: what is used comes down, what is free goes to what comes next."""
    recorder = new_recorder(subscription=everything(folder), config="CX.recorder.DatabaseChunkSize = 1\n").start()
    storm = Storm(folder, 20000)
    wait_until(storm.is_over, "the storm ends")
    wait_until(lambda: recorder.status()["queue.events"] == 0, "what happened is stored")
    for name, value in ("DatabaseShareFilePercent", 1), ("DatabaseCleanIntervalSecs", 1), ("DatabaseMaxSizeMB", 16):
        recorder.cli("config", "set", f"CX.recorder.{name}", value)
    used = "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count) AS n"
    wait_until(lambda: recorder.one(used)["n"] * 4096 < 16 * MIB, "it was cleaned")
    recorder.stop()
    assert verify(recorder)[1]["whole"]


def test_changed_behind_its_back(new_recorder, folder):
    recorder = new_recorder(subscription=everything(folder)).start()
    Truth("files", "storm", "1500", folder)
    first = HEAD.findall(recorder.stop())[-1]
    assert verify(recorder, "--head", first)[1]["head_found"] == "there"
    before = shutil.copy(recorder.database, folder / "before.db")
    recorder.start()
    Truth("files", "storm", "1500", folder)
    second = HEAD.findall(recorder.stop())[-1]
    assert first != second
    text = recorder.cli("verify", "--head", second).text
    assert "whole" in text and f"head {second}" in text
    # The end was cut off: only the log knows.
    cut = ("--db", before, "--head", second)
    assert verify(recorder, "--db", before)[1]["whole"]
    assert verify(recorder, *cut, check=1)[1]["head_found"] == "missing"
    # With another's key nothing fits; without one only what was changed clumsily is found.
    other = folder / "other.key"
    other.write_bytes(bytes(32))
    other.chmod(0o600)
    assert verify(recorder, "--key", other, check=1)[0][0]["finding"] == "link"
    assert verify(recorder, "--no-key")[1]["keyed"] is False

    with sqlite3.connect(recorder.database) as db:
        block = db.execute("SELECT max(block) FROM content WHERE category = 1").fetchone()[0]
        victim = db.execute("SELECT max(sequence) FROM event_file").fetchone()[0]
        assert victim >> 12 == block
        db.execute("DELETE FROM event_file WHERE sequence = ?", (victim,))
    db.close()
    findings, result = verify(recorder, check=1)
    assert [(item["finding"], item["block"], item["category"]) for item in findings] == [("removed", block, "file")]
    assert not result["whole"]
    text = recorder.cli("verify", check=1).text
    assert f"block {block}" in text and "file events were removed" in text and "NOT whole" in text


def test_verified_while_it_records(new_recorder, folder):
    recorder = new_recorder(subscription=everything(folder), config=SMALL).start()
    storm = Storm(folder, 20000)
    n = 0
    while not storm.is_over():
        findings, result = verify(recorder)
        assert findings == [] and result["whole"]
        n += 1
    assert n > 1
    recorder.stop()
    assert verify(recorder)[1]["whole"]


def test_reset(new_recorder, folder):
    """Deleted once, and the history says so."""
    config = "# mine\nCX.recorder.DatabaseReset = 1\n"
    recorder = new_recorder(subscription=everything(folder)).start()
    Truth("files", "storm", "10", folder)
    recorder.stop()
    assert recorder.query("SELECT 1 FROM file_events") != []
    (recorder.config / "recorder.conf").write_text(config)
    for _ in range(2):
        recorder.start()
        text = recorder.stop()
    assert "DatabaseReset" not in text  # the second time nothing was deleted
    assert recorder.query("SELECT 1 FROM file_events") == []
    assert (recorder.config / "recorder.conf").read_text() == config.replace("= 1", "= 0")
    causes = [row["cause"] for row in recorder.query("SELECT cause FROM gaps")]
    assert causes[0] == "database_reset" and "recorder_stopped" in causes


def test_legacy_database(new_recorder, folder):
    recorder = new_recorder(subscription=everything(folder)).start()
    recorder.stop()
    legacy = recorder.state / "monitor.db"
    legacy.write_bytes(b"old")
    recorder.start()
    recorder.stop()
    assert legacy.exists()  # for 14 days, unless the disk is full
    (recorder.config / "recorder.conf").write_text("CX.recorder.DeleteLegacyDatabaseFreeMB = 1048576\n")
    recorder.start()
    wait_until(lambda: not legacy.exists(), "it is deleted for want of room")
    recorder.stop()
    legacy.write_bytes(b"old")
    (recorder.config / "recorder.conf").write_text("CX.recorder.DeleteLegacyDatabaseAfterDays = 0\n"
                                                   "CX.recorder.DeleteLegacyDatabaseFreeMB = 0\n")
    recorder.start()
    wait_until(lambda: not legacy.exists(), "it is deleted for its age")
    recorder.stop()
    assert cli("verify", "--state", recorder.state).text.startswith(str(recorder.database))
    assert cli("verify", "--db", recorder.database).text.startswith(str(recorder.database))  # the key lies beside it
    assert "is not a recorder database" in cli("verify", "--db", recorder.log, check=1).error
