"""It can be trusted: what its threads and children may do, who may write its files, whether it is what was released, and who touches it."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest

import driver
import kernel
from driver import DEADLINE_S, cli, wait_until

DAC_READ_SEARCH, NET_ADMIN, SYS_PTRACE, SYS_NICE, AUDIT_CONTROL, AUDIT_READ, PERFMON, BPF = (
    1 << number for number in (2, 12, 19, 23, 30, 37, 38, 39))
THREADS = {
    "reader": SYS_PTRACE | DAC_READ_SEARCH | SYS_NICE,
    "core": SYS_PTRACE | DAC_READ_SEARCH | SYS_NICE,
    "writer": DAC_READ_SEARCH,
    "hasher": SYS_PTRACE | DAC_READ_SEARCH,
}
CONTROL = AUDIT_CONTROL | AUDIT_READ | SYS_PTRACE | DAC_READ_SEARCH | SYS_NICE
EVERYTHING = {"name": "all", "streams": [{"type": "database", "event_filters": [
    {"terms": [term]} for term in ("process", "file", "network", "dns", "image", "driver", "security", "system", "http")]}]}


def status_of(path):
    return dict(line.split(":\t", 1) for line in (pathlib.Path(path) / "status").read_text().splitlines() if ":\t" in line)


def threads_of(recorder):
    """Of each its name and its status; those of the pool have the same name."""
    return [((task / "comm").read_text().strip(), status_of(task)) for task in pathlib.Path(f"/proc/{recorder.process.pid}/task").iterdir()
            if int(task.name) != recorder.process.pid]


def tampering(recorder, **conditions):
    rows = recorder.query("SELECT * FROM security_events WHERE action = 'tamper' ORDER BY sequence")
    return [row for row in rows if all(row[name] == value for name, value in conditions.items())]


def tamper(recorder, **conditions):
    return wait_until(lambda: tampering(recorder, **conditions), f"somebody is said to have done it: {conditions}")[0]


# Threads and children

@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf", "audit"])
def test_threads_are_confined(new_recorder, folder, source):
    """Each has the capabilities it needs and a filter of system calls, and what the recorder does still works: nothing is refused."""
    recorder = new_recorder(EVERYTHING).start()
    driver.Truth("files", "storm", "50", folder)
    driver.Truth("spawn", "storm", "5", driver.tiny())
    with recorder.connect() as connection, connection.makefile("rwb") as stream:  # a job
        stream.write(json.dumps({"command": "recorder.query", "filters": ["process"], "limit": 1}).encode() + b"\n")
        stream.flush()
        assert json.loads([*stream][-1])["ok"]
    threads = threads_of(recorder)
    for name, capabilities in THREADS.items():
        status, = [status for of, status in threads if of == name]
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", (name, status)
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == capabilities, (name, status)
        assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    jobs = [status for name, status in threads if name not in THREADS and status["Seccomp"] == "2"]
    assert jobs and all(int(status["CapPrm"], 16) == DAC_READ_SEARCH for status in jobs)
    control = status_of(f"/proc/{recorder.process.pid}")
    assert int(control["CapEff"], 16) == CONTROL
    assert int(control["CapPrm"], 16) == int(control["CapBnd"], 16) == CONTROL | NET_ADMIN | PERFMON | BPF
    assert recorder.status()["refused_calls"] == 0
    assert recorder.check("trust")["level"] == "ok", recorder.check("trust")
    assert "refused" not in recorder.stop()


@pytest.fixture
def provider():
    """A program that knows the hashes of all files."""
    folder = pathlib.Path("/run/recorder-test-trust")
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "hashes.sock"))
        listener.listen()

        def serve():
            with contextlib.suppress(OSError):  # until the end
                while True:
                    connection, _ = listener.accept()
                    with connection, connection.makefile("rwb") as stream:
                        for _ in stream:
                            stream.write(json.dumps({"ok": True, "sha256": "ab" * 32}).encode() + b"\n")
                            stream.flush()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield "CX.recorder.FileInfoProviderDomain = recorder-test-trust\nCX.recorder.FileInfoProviderName = hashes\n"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    shutil.rmtree(folder)


@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf"])
def test_the_hasher_may_ask(new_recorder, provider, source):
    """It alone has a use for a socket."""
    recorder = new_recorder(EVERYTHING, config=provider).start()
    driver.Truth("spawn", "storm", "2", driver.tiny())
    wait_until(lambda: recorder.query("SELECT * FROM recorder_events WHERE file_hash_sha256 = ?", "ab" * 32), "the provider was asked")
    assert recorder.status()["refused_calls"] == 0
    recorder.stop()


def test_the_canary_has_no_privileges(tmp_path):
    """It drops all before it does anything."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    trace = tmp_path / "trace"
    subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=capset,openat,prctl", driver.BIN, "canary", "1", tmp_path / "file"], check=True,
                   timeout=DEADLINE_S, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    text = trace.read_text()
    dropped = re.search(r"capset\(\{version=\S+ pid=0\}, \{effective=0, permitted=0, inheritable=0\}\)\s*= 0", text)
    assert dropped, text
    assert "PR_SET_NO_NEW_PRIVS, 1" in text[dropped.end():text.index(f'"{tmp_path}/file"')]


PROBE = """#!/bin/sh
{{ cat /proc/self/status; echo; env; echo; ls -l /proc/self/fd; }} >{out}
echo active
"""


@pytest.mark.live
def test_a_command_has_no_privileges(new_recorder, tmp_path):
    """Programs of the host that it runs get neither capabilities nor descriptors nor what its environment says."""
    programs, out = tmp_path / "bin", tmp_path / "out"
    programs.mkdir()
    (programs / "systemctl").write_text(PROBE.format(out=out))
    (programs / "systemctl").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SECRET_OF_OURS": "1"}
    recorder = new_recorder(config="CX.recorder.JournaldRawLoggingWrite = 1\nCX.recorder.JournaldRawLogging = 1\n", env=environment).start()
    status, variables, files = out.read_text().split("\n\n")
    for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
        assert f"{name}:\t0000000000000000" in status, status
    assert "NoNewPrivs:\t1" in status
    assert {line.split("=")[0] for line in variables.splitlines()} <= {"PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}, variables
    numbers = {int(number): target for number, target in re.findall(r" (\d+) -> (\S+)", files)}
    assert numbers[0] == "/dev/null" and numbers[1] == str(out) and numbers[2] == "/dev/null"
    assert set(numbers) - {0, 1, 2} <= {3} and all(re.match(r"/proc/\d+/fd", numbers[n]) for n in set(numbers) - {0, 1, 2}), files
    recorder.stop()


# Files

def refused(recorder, *arguments):
    """What it says, and ends with the code for permissions."""
    recorder.start(wait=False)
    assert recorder.process.wait(DEADLINE_S) == 4, recorder.log_text()
    recorder.process = None
    return recorder.log_text()


OTHER = 65534


@pytest.mark.live
@pytest.mark.parametrize("spoil, where, why", [
    (lambda r: r.state.chmod(0o777), "state", "can be written by others"),
    (lambda r: (r.config / "recorder.conf").chmod(0o666), "config/recorder.conf", "can be written by others"),
    (lambda r: os.chown(r.config / "recorder.conf", OTHER, 0), "config/recorder.conf", "belongs to user 65534"),
    (lambda r: r.config.chmod(0o777), "config", "can be written by everybody"),
    (lambda r: r.database.chmod(0o620), "state/recorder.db", "can be written by others"),
    (lambda r: os.chown(r.database, OTHER, 0), "state/recorder.db", "belongs to user 65534"),
    (lambda r: (r.state / "history.key").chmod(0o606), "state/history.key", "can be written by others"),
    (lambda r: (r.state / "subscriptions").chmod(0o770), "state/subscriptions", "can be written by others"),
    (lambda r: (r.state / "journals").chmod(0o702), "state/journals", "can be written by others"),
    (lambda r: r.folder.chmod(0o777), "", "can be written by everybody"),
], ids=["state", "settings", "settings-owner", "config-folder", "database", "database-owner", "key", "subscriptions", "journals", "above"])
def test_files_that_others_can_write_are_refused(new_recorder, spoil, where, why):
    recorder = new_recorder(config="")
    for name in "subscriptions", "journals":
        (recorder.state / name).mkdir(parents=True, exist_ok=True)
    recorder.state.chmod(0o700)
    recorder.database.touch(0o600)
    (recorder.state / "history.key").touch(0o600)
    spoil(recorder)
    text = refused(recorder)
    assert f"recorder: {recorder.folder / where} {why}" in text and "(ch" in text, text


@pytest.mark.live
def test_files_while_it_runs(new_recorder):
    """Settings and subscriptions that others could write are not obeyed; a folder above that is another user's is told."""
    recorder = new_recorder(config="CX.recorder.ConfigRefreshIntervalSecs = 1\nCX.recorder.ReconfigureIntervalSeconds = 1\n")
    home = recorder.folder / "home"
    home.mkdir()
    os.chown(home, OTHER, OTHER)
    recorder.state = home / "run"
    recorder.database, recorder.socket = recorder.state / "recorder.db", recorder.state / "recorder.sock"
    recorder.start()
    assert wait_until(lambda: recorder.check("trust")["level"] == "warn", "a folder is another user's")
    assert f"{home} belongs to user {OTHER}" in recorder.check("trust")["why"]
    config = recorder.config / "recorder.conf"
    config.write_text(config.read_text() + "CX.recorder.HashCacheSize = 1234\n")
    config.chmod(0o666)
    wait_until(lambda: "recorder.conf can be written by others" in recorder.check("settings")["why"], "the settings are refused")
    document = recorder.state / "subscriptions" / "theirs.json"
    temporary = recorder.folder / "theirs.json"
    temporary.write_text(json.dumps({**EVERYTHING, "name": "theirs"}))
    os.chown(temporary, OTHER, OTHER)
    temporary.rename(document)
    wait_until(lambda: "theirs.json" in recorder.check("subscriptions")["why"], "the subscription is refused")
    assert "belongs to user 65534" in recorder.check("subscriptions")["why"]
    document.unlink()
    recorder.stop()


# What was released

@pytest.fixture
def signed(tmp_path):
    """A copy of the program with its signature; the private key, and a file of the public one."""
    copy, key, public = tmp_path / "signed" / "recorder", tmp_path / "private", tmp_path / "public"
    copy.parent.mkdir()
    shutil.copy2(driver.BIN, copy)
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    subprocess.run([driver.SOURCE / "scripts" / "sign", key, copy], check=True)
    return copy, key, public


def verify(program, *arguments, code):
    done = subprocess.run([program, "verify", "--self", *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == code, done
    return done.stdout


def test_verify_self(signed, tmp_path):
    copy, key, public = signed
    assert f"{copy}: genuine: what was signed by key " in verify(copy, "--key", public, code=0)
    report = json.loads(verify(copy, "--key", public, "--json", code=0))
    assert report["signed"] and report["outcome"] == "signed" and report["program"] == str(copy)
    config = tmp_path / "config"
    config.mkdir()
    assert "no public key is there" in verify(copy, "--config", config, code=1)
    shutil.copy(public, config / "signing.pub")
    verify(copy, "--config", config, code=0)
    if os.geteuid() == 0:
        (config / "signing.pub").chmod(0o666)
        assert "the keys cannot be trusted" in verify(copy, "--config", config, code=1)
    other = tmp_path / "other"
    subprocess.run(f"openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out {other}", shell=True, check=True)
    assert "none of those that are trusted" in verify(copy, "--key", other, code=1)
    signature = pathlib.Path(f"{copy}.sig")
    whole = signature.read_text()
    signature.write_text(whole.replace("key: ", "key; "))
    assert "its second line" in verify(copy, "--key", public, code=1)
    signature.unlink()
    assert json.loads(verify(copy, "--key", public, "--json", code=1))["outcome"] == "unsigned"
    signature.write_text(whole)
    with open(copy, "ab") as program:  # what stands behind the ELF does not keep it from running
        program.write(b"x")
    assert "is not of this content" in verify(copy, "--key", public, code=1)
    # As a person checks it who trusts no program of ours.
    raw = tmp_path / "raw"
    raw.write_bytes(subprocess.run(f"tail -n 1 {signature} | cut -c 12- | base64 -d", shell=True, check=True, capture_output=True).stdout)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-sigfile", raw, "-in"]
    assert subprocess.run([*command, driver.BIN], capture_output=True).returncode == 0
    assert subprocess.run([*command, copy], capture_output=True).returncode != 0


@pytest.mark.live
def test_an_altered_program_does_not_start(new_recorder, signed, monkeypatch):
    copy, key, public = signed
    monkeypatch.setattr(driver, "BIN", copy)
    recorder = new_recorder(config="")
    recorder.start()
    assert recorder.check("trust")["level"] == "warn" and "no public key" in recorder.check("trust")["why"]
    recorder.stop()
    shutil.copy(public, recorder.config / "signing.pub")
    recorder.start()
    assert f"{copy} is what was signed by key" in recorder.stop()
    with open(copy, "ab") as program:
        program.write(b"x")
    assert f"recorder: {copy} is not proved to be what was released: the signature by key" in refused(recorder)
    (recorder.config / "recorder.conf").write_text("CX.recorder.EnableSelfVerification = 0\n")
    recorder.start().stop()


# Tampering

PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
LOOKS_INTO_MEMORY = "import sys; open(f'/proc/{sys.argv[1]}/mem', 'rb').close()"
TRACES = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
assert libc.ptrace(0x4206, int(sys.argv[1]), None, None) == 0
"""


def python(*arguments):
    """By another process than the tests, which started the recorder and may do more to it."""
    child = subprocess.Popen([sys.executable, "-c", *map(str, arguments)], stdin=subprocess.DEVNULL)
    assert child.wait(DEADLINE_S) == 0
    return child.pid


LOGINS = {"name": "logins", "streams": [{"type": "database", "event_filters": [{"terms": ["security"]}]},
                                        {"type": "journal", "name": "dns", "event_filters": [{"terms": ["dns"]}]}]}


@pytest.mark.live
@pytest.mark.parametrize("source", ["audit"])
def test_rules_and_audit(new_recorder, source):
    recorder = new_recorder(EVERYTHING).start()
    kernel.auditctl("-D", "-k", "recorder")
    row = tamper(recorder, security_operation="audit_rules")
    assert row["security_object"] == "recorder" and "were removed by somebody" in row["auditd_message"]
    assert row["process_executable"].endswith("/auditctl"), row
    assert recorder.check("trust")["level"] == "warn"
    kernel.auditctl("-e", "0")
    row = tamper(recorder, security_operation="audit_disabled")
    assert row["security_object"] == "audit_enabled=0" and row["process_executable"].endswith("/auditctl"), row
    recorder.stop()
    told = [(row["security_operation"], row["security_object"], row["process_executable"]) for row in tampering(recorder)]
    assert [operation for operation, *_ in told] == ["audit_rules", "audit_disabled"], told


@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf"])
def test_files_and_process(new_recorder, source):
    """With who did it where the events of files are there; all of it in every stream."""
    subscription = {"name": "all", "streams": [*EVERYTHING["streams"], {"type": "journal", "name": "dns", "event_filters": [{"terms": ["dns"]}]}]}
    recorder = new_recorder(subscription, config="").start()
    pid, key = recorder.process.pid, recorder.state / "history.key"
    by = python("import os, sys; os.chmod(sys.argv[1], 0o400)", key)
    row = tamper(recorder, security_operation="file.chmod")
    assert row["security_object"] == str(key) and row["process_pid"] == by, row
    by = python("import sys; open(sys.argv[1], 'ab').write(b'x' * 10)", recorder.state / "proc.bin")
    row = tamper(recorder, security_operation="file.write")
    assert row["process_pid"] == by, {name: value for name, value in row.items() if value is not None}
    by = python("import os, sys; open(sys.argv[1] + '.new', 'w').close(); os.rename(sys.argv[1] + '.new', sys.argv[1])",
                recorder.config / "recorder.conf")
    row = tamper(recorder, security_operation="file.rename")
    assert row["security_object"] == str(recorder.config / "recorder.conf") and row["process_pid"] == by, row
    by = python(TRACES, pid)
    row = tamper(recorder, security_operation="process.ptrace")
    assert row["process_pid"] == by and row["process_target_pid"] == pid, row
    by = python(LOOKS_INTO_MEMORY, pid)
    tamper(recorder, security_operation="process.ptrace", process_pid=by)
    by = python("import os, signal, sys; [os.kill(int(sys.argv[1]), n) for n in (signal.SIGSTOP, signal.SIGCONT)]", pid)
    row = tamper(recorder, security_operation="process.signal")
    assert row["process_pid"] == by and row["process_target_signal"] == signal.SIGSTOP, row
    by = python("import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGTERM)", pid)
    recorder.exit()
    assert tampering(recorder, process_pid=by)[0]["process_target_signal"] == signal.SIGTERM
    journal = driver.json_lines((recorder.state / "journals" / "dns.jsonl").read_text())
    told = [event for event in journal if event["event"]["action"] == "tamper"]
    assert len(told) == len(tampering(recorder)) >= 7


@pytest.mark.live
@pytest.mark.parametrize("source", ["audit"])
def test_files_that_nobody_watches(new_recorder, source):
    """Nobody subscribed to files: that they are others is seen, who did it not.  What the recorder does itself is no tampering."""
    recorder = new_recorder(LOGINS, config="").start()
    recorder.cli("config", "set", "HashCacheSize", "5000")
    recorder.cli("query", "--limit", "1")
    for n, name in enumerate(("history.key", "redaction.key"), 1):
        replaced = recorder.folder / "key"
        replaced.write_bytes(b"x" * 32)
        replaced.chmod(0o600)
        replaced.rename(recorder.state / name)
        wait_until(lambda: len(tampering(recorder)) == n, "it is told")
        row = tampering(recorder)[-1]
        assert (row["security_operation"], row["security_object"], row["process_pid"]) == ("file", str(recorder.state / name), None)
        assert "changed or replaced" in row["auditd_message"]
    recorder.stop()
    assert len(tampering(recorder)) == 2


@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf"])
def test_nobody_detaches_the_programs(new_recorder, source):
    """The kernel lets go of them when the recorder's descriptors are closed, and for nobody else."""
    recorder = new_recorder(EVERYTHING).start()
    links = json.loads(subprocess.run(["bpftool", "--json", "link", "show"], check=True, capture_output=True).stdout)
    programs = json.loads(subprocess.run(["bpftool", "--json", "prog", "show"], check=True, capture_output=True).stdout)
    names = {program["id"]: program.get("name", "") for program in programs}
    ours = [link for link in links if names.get(link.get("prog_id"), "").startswith("on_")]
    assert len(ours) >= 5
    before = kernel.programs()
    for link in ours:
        done = subprocess.run(["bpftool", "link", "detach", "id", str(link["id"])], capture_output=True, text=True)
        assert done.returncode != 0 and "not supported" in done.stderr, (link, done)
    assert kernel.programs() == before
    recorder.stop()
