"""Secrets in what programs are told: nowhere on the disk, equal where they are equal, and found by who knows them."""
import pathlib
import secrets
import shutil
import subprocess

import pytest

from conftest import both_sources
from driver import BIN, cli, json_lines, query, wait_until

pytestmark = pytest.mark.live
source = both_sources

ALL = {"name": "all", "streams": [
    {"type": "database", "event_filters": [{"terms": [category]} for category in ("process", "file", "security", "system")]},
    {"type": "journal", "name": "processes", "event_filters": [{"terms": ["process"]}]}]}


def named(folder, name):
    program = folder / name
    shutil.copy("/bin/true", program)
    return program


def files_with(folder, text):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def mark_of(secret, *arguments):
    mark = cli("redact", *arguments, stdin=None, input=secret.encode() + b"\n").text.strip()
    assert mark.startswith("<redacted:") and len(mark) == 27
    return mark


def run_all(folder, secret, other):
    mysql, curl, tool = (named(folder, name) for name in ("mysql", "curl", "tool"))
    subprocess.run([mysql, "-uroot", f"-p{secret}", "db"], check=True)
    subprocess.run([curl, "-u", f"joe:{secret}", f"https://joe:{secret}@localhost/?a=1&token={other}"], check=True)
    subprocess.run([tool, "--password", secret, "-p", "22"], check=True)
    subprocess.run(["sh", "-c", f"DB_PASSWORD={secret} {tool} -v; exit 0"], check=True)
    script = folder / "script"
    script.write_text(f"#!/bin/sh\nAPI_TOKEN='{other}'\n:\n")
    script.chmod(0o755)
    subprocess.run([script], check=True)


def test_nowhere_on_the_disk(new_recorder, disk_path):
    secret, other = "a1" + secrets.token_hex(8), "b2" + secrets.token_hex(8)
    sleeper = subprocess.Popen(["sh", "-c", f"sleep 1000; : --password={secret}"], start_new_session=True)  # /proc tells of it
    recorder = new_recorder(ALL)
    try:
        recorder.start()
        run_all(disk_path, secret, other)
        wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE process_executable = ? AND action = 'exit'", str(disk_path / "tool")),
                   "the tool is told of")
        wait_until(lambda: recorder.query("SELECT 1 FROM recorder_events WHERE action = 'hash' AND file_path = ? AND file_content IS NOT NULL",
                                          str(disk_path / "script")), "the script is hashed")
        assert recorder.status()["redacted"] >= 6
        recorder.stop()
    finally:
        sleeper.kill()
        sleeper.wait()
    assert files_with(recorder.folder, "sleep 1000")        # it was there to be kept
    assert files_with(recorder.folder, secret) == []        # database, journal, proc.bin, log
    assert files_with(recorder.folder, other) == []
    assert recorder.state.joinpath("proc.bin").exists()
    assert recorder.state.joinpath("redaction.key").stat().st_mode & 0o777 == 0o600

    mark, other_mark = mark_of(secret, "--state", recorder.state), mark_of(other, "--state", recorder.state)
    assert mark != other_mark
    lines = {pathlib.Path(row["process_executable"]).name: row for row in recorder.query(
        "SELECT * FROM process_events WHERE action = 'exec' AND process_executable LIKE ?", f"{disk_path}/%")}
    assert lines["mysql"]["process_command_line"] == f"{disk_path}/mysql -uroot -p{mark} db"
    assert lines["curl"]["process_command_line"] == f"{disk_path}/curl -u joe:{mark} https://joe:{mark}@localhost/?a=1&token={other_mark}"
    shown = {event["process"]["name"]: event for event in json_lines(recorder.cli("query", "event.action is 'exec'", "--json").text)
             if event["process"].get("executable", "").startswith(str(disk_path))}
    assert shown["tool"]["process"]["args"][1:] in (["--password", mark, "-p", "22"], ["-v"])
    assert shown["mysql"]["recorder"]["redacted"] == ["process.args", "process.command_line"]
    # Who knows it finds it, in all of them.
    found = json_lines(recorder.cli("query", f"process.cmd contains '{mark}'", "event.action is 'exec'", "--json").text)
    assert {"mysql", "curl", "tool", "sh"} <= {event["process"]["name"] for event in found}
    content, = recorder.query("SELECT file_content FROM recorder_events WHERE action = 'hash' AND file_path = ?", str(disk_path / "script"))
    assert f"API_TOKEN='{other_mark}'" in content["file_content"]

    # The next run knows the sleeper by what was remembered, and the same secret by the same digest.
    recorder.start()
    subprocess.run([disk_path / "tool", f"--secret={secret}"], check=True)
    wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE process_command_line = ?", f"{disk_path}/tool --secret={mark}"),
               "the same secret is told by the same digest")
    recorder.stop()
    assert files_with(recorder.folder, secret) == []


def test_capture_and_patterns(new_recorder, tmp_path, disk_path):
    """A capture has the secrets, its import has none, and the same rows as the run, also by a pattern that the import is not told of."""
    secret, capture = "c3" + secrets.token_hex(8), tmp_path / "capture"
    recorder = new_recorder(ALL, arguments=["--capture", capture])
    (recorder.config / "redaction.conf").write_text("# ours\nopen sesame (\\w+)\n")
    recorder.start()
    assert "secrets in it are not replaced" in recorder.log_text()
    tool = named(disk_path, "tool")
    subprocess.run([tool, "open", "sesame", secret, "--password", secret], check=True)
    wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE process_executable = ? AND action = 'exit'", str(tool)), "it is told of")
    recorder.stop()
    assert files_with(recorder.state, secret) == []
    copy = tmp_path / "copy.db"
    shutil.copy(recorder.state / "redaction.key", tmp_path)
    cli("import", "audit", capture, "--db", copy, "--config", tmp_path)
    assert files_with(tmp_path, secret) == [capture] or source_is_hex(capture)
    sql = "SELECT process_command_line FROM process_events WHERE action = 'exec' AND process_executable = ?"
    assert query(copy, sql, str(tool)) == recorder.query(sql, str(tool)) != []
    mark = mark_of(secret, "--db", copy)
    assert query(copy, sql, str(tool)) == [{"process_command_line": f"{tool} open sesame {mark} --password {mark}"}]


def source_is_hex(capture):
    """What the kernel's programs told stands in hex in a capture."""
    return b"RECORDER_PROBE" in capture.read_bytes()


@pytest.mark.parametrize("source", ["audit"])
def test_off_and_mistakes(new_recorder, disk_path):
    secret = "d4" + secrets.token_hex(8)
    recorder = new_recorder(ALL, config="CX.recorder.EnableRedaction = 0\n").start()
    tool = named(disk_path, "tool")
    subprocess.run([tool, f"--password={secret}"], check=True)
    wait_until(lambda: recorder.query("SELECT 1 FROM process_events WHERE process_command_line = ?", f"{tool} --password={secret}"), "it is kept")
    recorder.stop()
    (recorder.config / "recorder.conf").unlink()
    (recorder.config / "redaction.conf").write_text("fine\nbad(\n")
    done = subprocess.run([BIN, "run", "--config", recorder.config, "--state", recorder.state], capture_output=True, timeout=60)
    assert done.returncode == 2 and b"redaction.conf: line 2: bad regular expression" in done.stderr
