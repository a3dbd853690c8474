"""Hashes of what runs and is mapped: found behind the recording, told when they are known, waited for by who asks for them."""
import collections
import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import both_sources
from driver import DEFAULT, json_lines, wait_until

pytestmark = pytest.mark.live
source = both_sources

MB = 1 << 20
ALL = {"name": "all", "streams": [{"type": "database", "event_filters": [{"terms": [category]} for category in ("process", "image", "file")]}]}


def copy_of(program, folder, name, more=b""):
    """A program that nobody has run so far."""
    path = folder / name
    shutil.copy(program, path)
    with path.open("ab") as file:
        file.write(os.urandom(16) + more)
    return path


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def rows_of(recorder, path, view="process_events"):
    return recorder.query(f"SELECT * FROM {view} WHERE action = 'exec' AND process_executable = ? ORDER BY sequence", str(path))


def told_of(recorder, path):
    return recorder.query("SELECT * FROM recorder_events WHERE action = 'hash' AND file_path = ? ORDER BY sequence", str(path))


def wait_told(recorder, path):
    wait_until(lambda: told_of(recorder, path), f"the hash of {path} is told")


def test_of_a_program(new_recorder, disk_path):
    program = copy_of("/bin/true", disk_path, "once")
    recorder = new_recorder(ALL).start()
    for _ in range(3):
        subprocess.run([program], check=True)
    wait_told(recorder, program)
    recorder.stop()
    data = program.read_bytes()
    told, = told_of(recorder, program)
    assert told["file_hash_state"] == "ok"
    assert told["file_hash_md5"] == hashlib.md5(data).hexdigest()
    assert told["file_hash_sha1"] == hashlib.sha1(data).hexdigest()
    assert told["file_hash_sha256"] == hashlib.sha256(data).hexdigest()
    assert told["file_size"] == len(data) and told["file_inode"] == program.stat().st_ino
    assert told["file_header_bytes"] == data[:16].hex() and 1000 < told["file_entropy"] <= 8000
    rows = rows_of(recorder, program)
    assert len(rows) == 3
    for row in rows:
        assert (row["process_hash_id"], row["process_hash_state"]) == (told["file_hash_id"], "ok")
        assert row["process_hash_sha256"] == told["file_hash_sha256"]
    # In the JSON too, and found by it, whatever the case.
    for hash in told["file_hash_sha256"], told["file_hash_sha1"].upper(), told["file_hash_md5"]:
        found = json_lines(recorder.cli("query", f"process.hash is '{hash}'", "process.exec", "--json").text)
        found = [event for event in found if event.get("kind") != "gap"]
        assert [event["process"]["hash"]["sha256"] for event in found] == 3 * [told["file_hash_sha256"]]


def test_of_two_versions(new_recorder, disk_path):
    """The same name, another content: each with its own."""
    program = copy_of("/bin/true", disk_path, "twice")
    recorder = new_recorder(ALL).start()
    first = sha256(program)
    subprocess.run([program], check=True)
    wait_told(recorder, program)
    with program.open("ab") as file:
        file.write(b"another")
    second = sha256(program)
    subprocess.run([program], check=True)
    wait_until(lambda: len(told_of(recorder, program)) == 2, "both are told")
    recorder.stop()
    assert [row["process_hash_sha256"] for row in rows_of(recorder, program)] == [first, second]


def test_what_cannot_be_hashed(new_recorder, disk_path):
    large = copy_of("/bin/true", disk_path, "large", bytes(2 * MB))
    recorder = new_recorder(ALL, config="CX.recorder.MaxHashSizeMB = 1\n").start()
    subprocess.run([large], check=True)
    wait_told(recorder, large)
    recorder.stop()
    told, = told_of(recorder, large)
    assert (told["file_hash_state"], told["file_size"], told["file_hash_sha256"]) == ("too_big", large.stat().st_size, None)
    row, = rows_of(recorder, large)
    assert (row["process_hash_state"], row["process_hash_sha256"]) == ("too_big", None)


@pytest.mark.parametrize("source", ["ebpf"])  # audit is behind, and has a name only
def test_of_one_that_removes_itself(new_recorder, disk_path):
    """It runs, and its name is gone at once."""
    program = copy_of("/bin/dash", disk_path, "gone")
    data = sha256(program)
    recorder = new_recorder(ALL).start()
    with subprocess.Popen([program, "-c", f"rm {program}; read line"], stdin=subprocess.PIPE) as process:
        wait_until(lambda: recorder.query("SELECT 1 FROM recorder_events WHERE action = 'hash' AND file_path LIKE ?", f"{program}%"),
                   "the hash is told")
        process.stdin.close()
    recorder.stop()
    row = rows_of(recorder, program)[0]
    assert (row["process_hash_state"], row["process_hash_sha256"]) == ("ok", data)


def test_of_what_runs_already(new_recorder, disk_path):
    program = copy_of("/bin/sleep", disk_path, "before")
    with subprocess.Popen([program, "1000"]) as process:
        recorder = new_recorder(ALL).start()
        wait_told(recorder, program)
        process.kill()
        recorder.stop()
    row, = recorder.query("SELECT * FROM process_events WHERE action = 'snapshot' AND process_pid = ?", process.pid)
    assert row["process_hash_sha256"] == sha256(program)


@pytest.fixture(params=["idle", "full"])
def processors(request):
    """Full: all of them are at something else, twice over."""
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2 * os.cpu_count())] if request.param == "full" else []
    yield
    for process in busy:
        process.kill()
        process.wait()


def test_waiting_for_it(new_recorder, disk_path, processors):
    """Who asks for a hash has the first event of it, and what was done behind it comes behind it."""
    wanted, other = copy_of("/bin/dash", disk_path, "wanted"), copy_of("/bin/dash", disk_path, "other")
    made = disk_path / "made"
    stream = {"type": "journal", "name": "hashes", "event_filters": [
        {"terms": ["process.exec", f"process.hash is '{sha256(wanted)}'"]}, {"terms": ["file.create", f"file.path is '{made}'"]}]}
    recorder = new_recorder({"name": "hashes", "streams": [*ALL["streams"], stream]}).start()
    subprocess.run([wanted, "-c", f": > {made}; true"], check=True)
    subprocess.run([other, "-c", "true"], check=True)
    wait_told(recorder, other)
    recorder.stop()
    lines = json_lines((recorder.state / "journals" / "hashes.jsonl").read_text())
    lines = [line for line in lines if line["event"]["category"] != ["configuration"] and line["event"]["action"] in ("exec", "create")]
    assert [line["event"]["action"] for line in lines] == ["exec", "create"]
    assert lines[0]["process"]["hash"]["sha256"] == sha256(wanted) and lines[0]["process"]["hash"]["state"] == "ok"


def test_over_a_restart(new_recorder, disk_path):
    program = copy_of("/bin/true", disk_path, "kept")
    recorder = new_recorder(ALL, config="CX.recorder.HashCacheSize = 1000\n").start()
    subprocess.run([program], check=True)
    wait_told(recorder, program)
    recorder.stop()
    assert (recorder.state / "hashes").stat().st_mode & 0o777 == 0o600
    recorder.start()
    subprocess.run([program], check=True)
    wait_until(lambda: len(told_of(recorder, program)) == 2, "it is told anew")
    assert recorder.status()["hashes.from_cache"] >= 1
    recorder.stop()
    assert {row["process_hash_sha256"] for row in rows_of(recorder, program)} == {sha256(program)}


@pytest.mark.parametrize("source", ["ebpf"])
@pytest.mark.parametrize("hashed", [1, 0])
def test_of_a_library(new_recorder, disk_path, hashed):
    library = copy_of(next(line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text().splitlines() if "/libm" in line or
                           "/libc" in line), disk_path, "library.so")
    recorder = new_recorder(ALL, config=f"CX.recorder.EnableLibraryHashing = {hashed}\n").start()
    subprocess.run(["/usr/bin/python3", "-c", f"import ctypes; ctypes.CDLL('{library}')"], check=True)
    if hashed:
        wait_told(recorder, library)
    recorder.stop()
    rows = recorder.query("SELECT * FROM image_events WHERE dll_path = ?", str(library))
    assert {row["dll_hash_sha256"] for row in rows} == {sha256(library) if hashed else None}
    assert len({row["dll_hash_id"] for row in rows}) == 1 and rows[0]["dll_hash_id"]
    if hashed:
        found = json_lines(recorder.cli("query", f"image.hash is '{sha256(library)}'", "--json").text)
        assert {event["dll"]["path"] for event in found if event.get("kind") != "gap"} == {str(library)}


def script_of(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def of_script(recorder, script):
    return recorder.query("SELECT * FROM process_events WHERE action = 'exec' AND process_interpreter = ? ORDER BY sequence", str(script))


def test_of_a_script(new_recorder, disk_path):
    """What an interpreter reads is hashed like what runs, and kept as it stands there."""
    text = f"#!/bin/sh\n# {os.urandom(8).hex()}\n:\n"
    script = script_of(disk_path, "script of #", text)
    recorder = new_recorder(ALL).start()
    subprocess.run([script], check=True)
    wait_told(recorder, script)
    subprocess.run([script], check=True)
    recorder.stop()
    told, = told_of(recorder, script)
    assert (told["file_hash_state"], told["file_hash_sha256"], told["file_content"]) == ("ok", sha256(script), text)
    assert told["recorder_truncated"] is None and told["file_hash_tlsh"] is None
    rows = of_script(recorder, script)
    assert len(rows) == 2
    for row in rows:
        assert pathlib.Path(row["process_executable"]).resolve() == pathlib.Path("/bin/sh").resolve()
        assert (row["process_script_hash_id"], row["process_script_hash_state"]) == (told["file_hash_id"], "ok")
        assert row["process_script_hash_sha256"] == sha256(script) != row["process_hash_sha256"]
    found = json_lines(recorder.cli("query", f"process.script.hash is '{sha256(script)}'", "process.exec", "--json").text)
    found = [event for event in found if event.get("kind") != "gap"]
    assert [event["process"]["script"]["hash"]["sha256"] for event in found] == 2 * [sha256(script)]
    found = json_lines(recorder.cli("query", f"file.hash.id is '{told['file_hash_id']}'", "--json").text)
    assert [event["file"]["content"] for event in found if event.get("kind") != "gap"] == [text]
    shown = recorder.cli("show", told["event_id"]).text
    assert all(line in shown for line in text.splitlines())


def test_of_a_script_by_argument(new_recorder, disk_path):
    """The kernel does not know of it; its arguments say which one it is."""
    shell = script_of(disk_path, "told.sh", f"# {os.urandom(8).hex()}\n:\n")
    python = script_of(disk_path, "told.py", f"#!/usr/bin/env python3\n# {os.urandom(8).hex()}\n" + "x = 1\n" * 5000)
    recorder = new_recorder(ALL).start()
    subprocess.run(["/bin/sh", "-e", shell.name, "x"], cwd=disk_path, check=True)
    subprocess.run(["/usr/bin/env", "python3", "-B", python], check=True)
    subprocess.run(["/bin/sh", "-c", f": {shell}"], check=True)
    for script in shell, python:
        wait_told(recorder, script)
    recorder.stop()
    for script in shell, python:
        told, = told_of(recorder, script)
        row, = of_script(recorder, script)
        assert row["process_script_hash_sha256"] == told["file_hash_sha256"] == sha256(script)
        assert told["file_content"] == script.read_text()[:16 << 10]
        inferred = row["recorder_inferred"]
        assert all(name in inferred for name in ("process.interpreter", "process.script.hash.id"))
        assert ("content" in (told["recorder_truncated"] or "")) == (script == python)


@pytest.mark.parametrize("source", ["ebpf"])
def test_of_what_is_not_for_the_user(new_recorder, disk_path):
    """Who names a file to an interpreter does not put into the history what he may not read."""
    secret = script_of(disk_path, "secret", f"# {os.urandom(8).hex()}\n")
    secret.chmod(0o600)
    recorder = new_recorder(ALL).start()
    subprocess.run(["/bin/sh", secret], user=12345, group=12345, extra_groups=[], stderr=subprocess.DEVNULL)
    wait_told(recorder, secret)
    recorder.stop()
    told, = told_of(recorder, secret)
    assert (told["file_hash_sha256"], told["file_content"]) == (sha256(secret), None)
    assert "file.content" in told["recorder_missing"]


@pytest.mark.parametrize("source", ["ebpf"])
def test_of_scripts_and_settings(new_recorder, disk_path):
    """EnableScriptContent at once, EnableFuzzyHash from the start on."""
    scripts = [script_of(disk_path, f"{i}.sh", f"#!/bin/sh\n# {os.urandom(400).hex()}\n:\n") for i in range(2)]
    recorder = new_recorder(ALL, config="CX.recorder.EnableFuzzyHash = 1\nCX.recorder.EnableScriptContent = 0\n").start()
    subprocess.run([scripts[0]], check=True)
    wait_told(recorder, scripts[0])
    recorder.cli("config", "set", "EnableScriptContent", "1")
    subprocess.run([scripts[1]], check=True)
    wait_told(recorder, scripts[1])
    recorder.stop()
    told = [told_of(recorder, script)[0] for script in scripts]
    assert [row["file_content"] for row in told] == [None, scripts[1].read_text()]
    assert [len(row["file_hash_tlsh"]) for row in told] == [72, 72] and told[0]["file_hash_tlsh"].startswith("T1")


@pytest.mark.parametrize("source", ["ebpf"])
def held_locks(recorder):
    """{name: first bytes of what the recorder has locked for reading} of its database."""
    names = {os.stat(f"{recorder.database}{end}").st_ino: end for end in ("", "-shm")}
    held = collections.defaultdict(set)
    for line in pathlib.Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "POSIX" and fields[3] == "READ" and int(fields[4]) == recorder.process.pid:
            end = names.get(int(fields[5].rpartition(":")[2]))
            held[end].add(int(fields[6]))
    return held


def test_of_our_own_database(new_recorder):
    """Whoever names it to an interpreter makes nobody open it: with the descriptor that is closed the locks of SQLite would go."""
    recorder = new_recorder(ALL).start()
    ours = [pathlib.Path(f"{recorder.database}{end}") for end in ("", "-wal", "-shm")]

    def named_and_told():
        for path in ours:
            subprocess.run(["sh", "-n", path], check=False, stderr=subprocess.DEVNULL)  # -n: nothing of it is run
        return told_of(recorder, ours[-1])

    # What is written to between the exec and the look at it is no version that anybody asks for.
    wait_until(named_and_told, "somebody asked for the hash of the -shm")
    held = held_locks(recorder)
    assert 1073741826 in held[""] and 128 in held["-shm"], held  # SHARED, and that somebody has the -shm
    assert {told["file_hash_state"] for path in ours for told in told_of(recorder, path)} == {"skipped"}
    recorder.stop()
    assert recorder.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_verify(new_recorder, disk_path):
    """What is told later does not break the chain."""
    recorder = new_recorder(DEFAULT).start()
    program = copy_of("/bin/true", disk_path, "verified")
    subprocess.run([program], check=True)
    wait_told(recorder, program)
    subprocess.run([program], check=True)
    recorder.stop()
    assert "whole" in recorder.cli("verify").text
