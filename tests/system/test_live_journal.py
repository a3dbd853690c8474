"""Journals of a recorder that runs: what is in the database is in the files, once, whichever file it is in by now."""
import json
import os
import subprocess
import threading

import pytest

import checks
import driver
from driver import Truth

pytestmark = pytest.mark.live


def with_journal(folder, **options):
    filters = [{"terms": ["file", f"file.any_path starts with '{folder}/'"]}]
    return {"name": "t", "streams": [{"type": "database", "event_filters": filters},
                                     {"type": "journal", "name": "j", "event_filters": filters, **options}]}


def stored(recorder):
    return [row["sequence"] for row in recorder.query("SELECT sequence FROM events ORDER BY sequence")]


def sequences(text):
    return [json.loads(line)["event"]["sequence"] for line in text.splitlines()]


def journaled(recorder):
    return sequences(recorder.cli("tail", "--journal", "j", "--no-follow", "--json").text)


def test_rotated_and_compressed_under_load(new_recorder, folder):
    recorder = new_recorder(subscription=with_journal(folder, max_size_mb=1, keep=1000, compress=True)).start()
    command = [driver.BIN, "tail", "--state", recorder.state, "--journal", "j", "--json", "--since", "1d"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        try:
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(iter(tail.stdout.readline, b"")))
            reader.start()
            truth = Truth("files", "storm", "2000", folder)
            recorder.stop()
            expected = stored(recorder)
            driver.wait_until(lambda: len(lines) >= len(expected), "tail shows the last event")
        finally:
            tail.terminate()
        reader.join(driver.DEADLINE_S)
        assert tail.stderr.read() == b""
    checks.files(recorder, truth)
    assert len(expected) >= 8000
    assert journaled(recorder) == expected
    assert sequences(b"".join(lines).decode()) == expected
    sizes = {path.name: path.stat().st_size for path in (recorder.state / "journals").iterdir()}
    assert max(sizes.values()) <= 1 << 20
    assert any(name.endswith(".zst") for name in sizes) and not any(name.endswith((".tmp", ".new")) for name in sizes)
    assert recorder.query("SELECT * FROM gaps") == []


def test_old_files_are_bounded(new_recorder, folder):
    recorder = new_recorder(subscription=with_journal(folder, max_size_mb=1, keep=1)).start()
    Truth("files", "storm", "1500", folder)
    recorder.stop()
    expected, found = stored(recorder), journaled(recorder)
    assert found == expected[-len(found):] and len(found) < len(expected)
    assert {path.name for path in (recorder.state / "journals").iterdir()} == {"j.jsonl", "j.jsonl.1"}


def test_torn_line(new_recorder, folder):
    recorder = new_recorder(subscription=with_journal(folder)).start()
    Truth("files", "storm", "5", folder)
    recorder.stop()
    journal = recorder.state / "journals" / "j.jsonl"
    os.truncate(journal, journal.stat().st_size - 10)
    expected = stored(recorder)[:-1]
    assert "was torn by a crash" in recorder.start().log_text()
    recorder.stop()
    row = recorder.one("SELECT * FROM recorder_events WHERE action = 'health'")
    assert str(journal) in row["recorder_message"]
    assert journaled(recorder) == expected + stored(recorder)[len(expected) + 1:]


def test_one_that_cannot_be_written(new_recorder, folder):
    """It alone lacks events, and is told to; the history and the other have all."""
    document = with_journal(folder)
    document["streams"].append({**document["streams"][1], "name": "other"})
    recorder = new_recorder(subscription=document).start()
    Truth("files", "storm", "50", folder)
    journal = recorder.state / "journals" / "j.jsonl"
    journal.rename(journal.with_suffix(".aside"))
    os.mkfifo(journal)  # nobody waits for who reads it
    lost = driver.wait_until(lambda: Truth("files", "storm", "50", folder) and recorder.status()["lost.journal"], "events are lost to it")
    state = {check["id"]: check for check in json.loads(recorder.cli("health", "--json", check=1).text)["checks"]}
    assert state["journals"]["level"] == "fail" and str(journal) in state["journals"]["why"]
    assert state["database"]["level"] == "ok"
    journal.unlink()

    def works_again():
        Truth("files", "storm", "50", folder)
        return journal.exists() and f"The journal {journal} works again" in recorder.log_text()
    driver.wait_until(works_again, "it is begun anew")
    driver.wait_until(lambda: recorder.query("SELECT 1 FROM gaps WHERE cause = 'journal_error'"), "the gap is told")
    status = recorder.status()
    recorder.stop()
    assert status["lost.database"] == 0 and status["lost.journal"] >= lost
    gap, = recorder.query("SELECT * FROM gaps WHERE cause != 'before the history begins' AND cause NOT LIKE 'recorder%'")
    assert (gap["cause"], gap["class"], gap["count"], gap["exact"]) == ("journal_error", "journals", status["lost.journal"], 1)
    other = sequences((recorder.state / "journals" / "other.jsonl").read_text())
    assert other == stored(recorder)
