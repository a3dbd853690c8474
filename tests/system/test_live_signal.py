"""Signals: what sets one off is told as an event of its own, once, with who did it, and counted."""
import json
import shutil
import subprocess

import pytest

from conftest import both_sources
from driver import json_lines, nanoseconds, wait_until

pytestmark = pytest.mark.live
source = both_sources

N_FILES = 7
TERMS = ["process.path ends with '/nc'", "process.ancestry_path contains 'sshd'"]
SIGNALS = [
    {"type": "signal", "id": "nc-in-ssh", "name": "Netcat in a login by ssh", "severity": "high", "description": "Why?",
     "event_filters": [{"terms": TERMS}]},
    {"type": "signal", "id": "nc-file", "event_filters": [{"terms": [*TERMS, "file.create", "file.path contains '/loot'"]}]},
]
STORED = {"type": "database", "event_filters": [{"terms": ["process.path ends with '/nc'"]}]}


@pytest.fixture
def nc(disk_path):
    """A program named nc below one named sshd makes files: shells, both."""
    bin = disk_path / "bin"
    bin.mkdir()
    for name in "sshd", "nc":
        shutil.copy("/bin/dash", bin / name)
    script = f"i=0; while [ $i -lt {N_FILES} ]; do : > {disk_path}/loot$i; i=$((i+1)); done"

    def run():
        for old in disk_path.glob("loot*"):
            old.unlink()
        subprocess.run([bin / "sshd", "-c", f"{bin}/nc -c '{script}'; true"], check=True)
        # without sshd above it is nobody's business
        subprocess.run([bin / "nc", "-c", f": > {disk_path}/loot"], check=True)

    run.bin = bin
    return run


def test_hits(new_recorder, nc):
    recorder = new_recorder({"name": "rules", "streams": [*SIGNALS, STORED]}).start()
    nc()
    wait_until(lambda: recorder.status()["signals"] == 2, "both signals are told at once")
    recorder.stop()
    rows = recorder.query("SELECT * FROM signals ORDER BY sequence")
    told = [(row["rule_id"], row["signal_count"]) for row in rows]
    process = rows[0]["process_entity_id"]
    n_events = recorder.one("SELECT count(*) AS n FROM events WHERE process_entity_id = ? AND category != 'signal' AND "
                            "executable LIKE '%/nc'", process)["n"]
    assert sorted(told) == [("nc-file", 1), ("nc-file", N_FILES - 1), ("nc-in-ssh", 1), ("nc-in-ssh", n_events - 1)]
    for row in rows:
        assert row["process_entity_id"] == process
        assert row["process_executable"] == str(nc.bin / "nc")
        assert row["process_ancestry"].startswith(f"{nc.bin}/sshd < ")
        assert row["user_name"] == "root" and row["rule_ruleset"] == "rules"
        assert row["signal_first"] <= row["signal_last"]
    first = next(row for row in rows if row["rule_id"] == "nc-in-ssh")
    assert (first["rule_name"], first["rule_severity"], first["event_severity"], first["rule_description"]) == (
        "Netcat in a login by ssh", "high", 4, "Why?")
    assert (first["signal_event_category"], first["signal_event_action"]) == ("process", "exec")
    assert recorder.one("SELECT event_id FROM process_events WHERE action = 'exec' AND process_entity_id = ? AND "
                        "process_executable LIKE '%/nc'", process)["event_id"] == first["signal_event_id"]
    for row in recorder.query("SELECT * FROM signal_events WHERE rule_id = 'nc-file'"):
        assert "/loot" in row["file_path"] and row["event_outcome"] == "success"
    check_journal(recorder, rows)
    check_commands(recorder, first)


def check_journal(recorder, rows):
    lines = json_lines((recorder.state / "journals" / "signals.jsonl").read_text())
    lines = [line for line in lines if line["event"]["kind"] == "alert"]
    assert [line["event"]["id"] for line in lines] == [row["event_id"] for row in rows]
    for line, row in zip(lines, rows):
        assert line["rule"]["id"] == row["rule_id"] and line["signal"]["count"] == row["signal_count"]
        assert line["signal"]["event"]["id"] == row["signal_event_id"]
        assert line["process"]["executable"].endswith("/nc")
        assert line["process"]["ancestry"][0]["executable"].endswith("/sshd")
        assert line["event"]["category"] == ["intrusion_detection"]


def check_commands(recorder, first):
    found = json_lines(recorder.cli("query", "--type", "signal", "--json", "rule.id is 'nc-in-ssh'").text)
    found = [line for line in found if line.get("kind") != "gap"]
    assert [line["event"]["id"] for line in found][0] == first["event_id"] and len(found) == 2
    assert found[0]["process"]["ancestry"][0]["executable"].endswith("/sshd")
    line = recorder.cli("query", "--type", "signal", "--limit", "10").text
    assert "high Netcat in a login by ssh: exec " in line and f"× {N_FILES - 1} within " in line
    shown = recorder.cli("show", first["event_id"]).text
    assert "Netcat in a login by ssh" in shown and "ancestry" in shown and first["signal_event_id"] in shown
    shown, = json_lines(recorder.cli("show", "--json", first["event_id"]).text)
    assert shown["rule"]["id"] == "nc-in-ssh"


def test_window_ends_while_it_runs(new_recorder, nc):
    """What set it off is wanted by no stream, and the stop is not needed for the rest to be told."""
    recorder = new_recorder({"name": "rules", "streams": SIGNALS}, config="CX.recorder.SignalWindowSecs = 1\n").start()
    with recorder.connect() as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps({"command": "recorder.tail", "filters": ["rule.id is 'nc-file'"]}).encode() + b"\n")
        stream.flush()
        assert json.loads(stream.readline())["ok"]
        nc()
        told = []
        while sum(line["signal"]["count"] for line in told) < N_FILES:
            told.append(json.loads(stream.readline()))
    recorder.stop()
    assert told[0]["signal"]["count"] == 1 and len(told) > 1
    assert "/loot0" in told[0]["file"]["path"]
    assert recorder.one("SELECT sum(signal_count) AS n FROM signals WHERE rule_id = 'nc-file'")["n"] == N_FILES
    assert recorder.query("SELECT * FROM events WHERE category NOT IN ('signal', 'recorder')") == []


def test_hits_of_one_that_died(new_recorder, nc):
    """What was counted and not told died with it: a gap of signals, as long as they are counted."""
    recorder = new_recorder({"name": "rules", "streams": [*SIGNALS, STORED]}, arguments=["--set", "SignalWindowSecs=30"]).start()
    nc()
    wait_until(lambda: recorder.status()["signals"] == 2, "both signals are told at once")
    recorder.kill9()
    before = recorder.before
    recorder.start()
    recorder.before = before  # what the one that was killed left in the kernel goes too
    recorder.stop()
    gap, = recorder.query("SELECT * FROM gaps WHERE class = 'signal'")
    assert gap["cause"] == "recorder_died"
    assert nanoseconds(gap["end"]) - nanoseconds(gap["begin"]) == 30 * 10**9
