"""The recorder as a service: what the service manager is told, the log, the end in time."""
import contextlib
import os
import pathlib
import re
import pty
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

import checks
import driver
import kernel
from conftest import as_shipped
from driver import Truth, cli, wait_until

shipped = as_shipped


class Manager:
    """The end of NOTIFY_SOCKET that systemd has. `heard`: what was said, in order."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(driver.DEADLINE_S)
        self.heard = []

    def environment(self, **more):
        return dict(os.environ, NOTIFY_SOCKET=str(self.path), **more)

    def has_heard(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def wait(self, pattern):
        """Listens until something new matches."""
        while True:
            said = self.socket.recv(4096).decode()
            self.heard.append(said)
            if re.match(pattern, said):
                return said


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


@contextlib.contextmanager
def storm(*command):
    """A truth program that goes on until the end of the block."""
    process = subprocess.Popen([driver.TRUTH / command[0], *command[1:]], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


class SlowCapture:
    """A capture that goes into a pipe: as slow as it is read is the core."""

    def __init__(self, folder):
        self.path = folder / "capture"
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.pause_s = None  # between 64 KiB; None: nothing is read
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            reads = [self.woken] if self.pause_s is None else [self.woken, self.fd]
            ready = select.select(reads, [], [])[0]
            if self.woken in ready and not self.woken.recv(1):
                return
            if self.fd in ready:
                os.read(self.fd, 65536)
                time.sleep(self.pause_s or 0)

    def read(self, pause_s):
        self.pause_s = pause_s
        self.wake.send(b"x")

    def close(self):
        self.wake.close()
        self.thread.join()
        self.woken.close()
        os.close(self.fd)


@pytest.fixture
def capture(tmp_path):
    capture = SlowCapture(tmp_path)
    yield capture
    capture.close()


# The service manager

@pytest.mark.live
def test_manager_is_told(new_recorder, manager):
    recorder = new_recorder(env=manager.environment(WATCHDOG_USEC="4000000")).start(wait=False)
    manager.wait("READY=1")
    assert manager.heard[0].startswith("STATUS=Recording with ") and manager.heard[0].endswith(", 1 subscription")
    assert recorder.status()["state"] == "recording"  # ready means that it records
    manager.wait("WATCHDOG=1")
    manager.wait("WATCHDOG=1")
    recorder.process.send_signal(signal.SIGHUP)
    manager.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+$")
    manager.wait("READY=1")
    (recorder.config / "recorder.conf").write_text("nonsense\n")
    recorder.process.send_signal(signal.SIGHUP)
    manager.wait("STATUS=.*settings refused: .*recorder.conf:1")
    recorder.stop(signal.SIGTERM)
    manager.wait("STOPPING=1")


@pytest.mark.live
def test_a_thread_that_is_stuck_gives_no_sign_of_life(capture, new_recorder, manager, folder):
    recorder = new_recorder(env=manager.environment(WATCHDOG_USEC="4000000"), arguments=["--capture", capture.path]).start()
    manager.wait("WATCHDOG=1")
    Truth("files", "storm", "3000", folder)
    wait_until(lambda: "The core has work and has not moved" in recorder.log_text(), "the core is stuck")
    n = recorder.log_text().count("no sign of life")
    while manager.has_heard():  # what was said before that
        manager.wait("")
    wait_until(lambda: recorder.log_text().count("no sign of life") > n + 1, "it is stuck still")
    assert not manager.has_heard()
    capture.read(0)
    manager.wait("WATCHDOG=1")
    recorder.stop()


# The log

@pytest.mark.live
def test_log(new_recorder, tmp_path):
    log = tmp_path / "recorder.log"
    recorder = new_recorder(arguments=["--log-level", "debug", "--log-file", log]).start()
    text = recorder.stop()
    timed = r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z recorder: "
    assert re.search(timed + "info: Recording with ", text)
    assert re.search(timed + "debug: The core ended after ", text)
    assert re.search(timed + "debug: The core ended after ", log.read_text())
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    recorder.arguments = recorder.arguments[4:]
    recorder.start()
    assert "debug" not in recorder.stop()


@pytest.mark.live
def test_log_level_changes_while_it_runs(new_recorder):
    recorder = new_recorder().start()
    driver.cli("config", "set", "LogLevel", "debug", "--state", recorder.state, "--config", recorder.config)
    assert "debug: The core ended after " in recorder.stop()
    recorder.start()
    driver.cli("config", "set", "LogLevel", "error", "--state", recorder.state, "--config", recorder.config)
    assert "Stopped after" not in recorder.stop()


@pytest.mark.live
def test_log_to_the_journal(new_recorder):
    """A socket that is not the journal's, but called so: what counts is the name of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        name = os.fstat(theirs.fileno())
        recorder = new_recorder(env=dict(os.environ, JOURNAL_STREAM=f"{name.st_dev}:{name.st_ino}"),
                                prefix=["bash", "-c", f'exec "$0" "$@" 2>&{theirs.fileno()}'], pass_fds=[theirs.fileno()])
        recorder.start().stop()
        lines = ours.recv(65536).decode().splitlines()
    assert any(line.startswith("<6>Recording with ") for line in lines)
    assert all(re.match("<[3467]>", line) for line in lines)


# The end

def stopped(recorder, code=0):
    """SIGTERM; the seconds until it has ended."""
    began = time.monotonic()
    recorder.process.send_signal(signal.SIGTERM)
    text = recorder.exit(code)
    took = time.monotonic() - began
    assert took < 5, text
    return text


def summary(text):
    return {name: int(number) for number, name in re.findall(r"(\d+) (ms|events stored|records for want of time)", text)}


@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf", "audit"])
def test_everything_is_stored_at_the_end(new_recorder, folder, source):
    """Storms of both kinds go on; what had happened when SIGTERM came is there, or a gap says what is not."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    recorder = new_recorder().start()
    with storm("files", "storm", "100000000", elsewhere), storm("spawn", "storm", "100000000", driver.tiny()):
        files = Truth("files", "storm", "2000", folder)
        processes = Truth("spawn", "storm", "500", driver.tiny())
        text = stopped(recorder)
    said = summary(text)
    assert kernel.state() == recorder.before
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
    n_stored = recorder.one("SELECT count(*) AS n FROM events")["n"]
    assert n_stored == said["events stored"]
    gaps = recorder.query("SELECT * FROM gaps")
    assert sum(gap["count"] for gap in gaps if gap["cause"] == "stop") == said["records for want of time"]
    if not gaps:
        checks.files(recorder, files)
        checks.processes(recorder, processes)
    last = recorder.query("SELECT action FROM recorder_events ORDER BY sequence DESC LIMIT 1")
    assert last == [{"action": "stop"}]


@pytest.mark.live
def test_what_there_is_no_time_for_is_a_gap(capture, new_recorder, folder):
    recorder = new_recorder(arguments=["--capture", capture.path]).start()
    capture.read(0.05)
    Truth("files", "storm", "20000", folder)
    text = stopped(recorder)
    lost = summary(text)["records for want of time"]
    assert lost > 0
    gaps = recorder.query("SELECT * FROM gaps WHERE cause = 'stop'")
    assert [(gap["class"], gap["unit"], gap["count"], gap["exact"]) for gap in gaps] == [("all", "records", lost, 1)]
    assert gaps[0]["begin"] <= gaps[0]["end"]
    last = recorder.query("SELECT action FROM recorder_events ORDER BY sequence DESC LIMIT 1")
    assert last == [{"action": "stop"}]
    assert kernel.state() == recorder.before


@pytest.mark.live
def test_the_end_waits_for_nobody(capture, new_recorder, folder):
    """Here the core hangs for ever. The kernel is as it was all the same, and the next start tells the gap."""
    recorder = new_recorder(arguments=["--capture", capture.path]).start()
    Truth("files", "storm", "3000", folder)
    assert "The stop took too long" in stopped(recorder, code=1)
    assert kernel.state() == recorder.before
    recorder.arguments = recorder.arguments[2:]
    recorder.start().stop()
    # What the programs had kept of writes went with them.
    kept = ["kept_untold"] if "Recording with ebpf" in recorder.log_text() else []
    assert [gap["cause"] for gap in recorder.query("SELECT * FROM gaps ORDER BY sequence")] == [*kept, "recorder_died"]


# The unit

BUILD = driver.BIN.parent


@pytest.fixture
def unit(tmp_path):
    """The unit as it is installed, but for the program, which is the one that is tested."""
    path = tmp_path / "recorder.service"
    text = (BUILD / "dist" / "recorder.service").read_text()
    path.write_text(re.sub(r"(?m)^(ExecStart=)\S+", rf"\1{driver.BIN}", text))
    return path


def analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=driver.DEADLINE_S)


def test_unit_is_right(unit):
    done = analyze("verify", "--man=no", unit)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_unit_is_confined(unit):
    done = analyze("security", "--offline=true", "--threshold=37", "--no-pager", unit)
    assert done.returncode == 0, done.stdout


@pytest.mark.live
@pytest.mark.parametrize("source", ["ebpf", "audit"])
def test_it_works_as_the_unit_confines_it(new_recorder, unit, manager, folder, source):
    """With the capabilities, the system calls and the read-only tree of the unit all is seen, and the kernel put back."""
    analyze("--version")
    # The search for leaks is done by ptrace(2), which a service has no use for.
    recorder = new_recorder(env=manager.environment(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"))
    recorder.state.mkdir(mode=0o700)
    recorder.prefix = [sys.executable, pathlib.Path(__file__).with_name("confine.py"), unit, recorder.folder]
    recorder.start()
    manager.wait("READY=1")
    assert ("ebpf" in recorder.status()["event_source"]) == (source == "ebpf")
    truths = Truth("files", "storm", "50", folder), Truth("spawn", "storm", "20", driver.tiny())
    network = Truth("network", "storm", "5")
    setting = recorder.cli("config", "set", "LogLevel", "debug", "--config", recorder.config)
    assert "(at once)" in setting.text
    text = recorder.stop(signal.SIGTERM)
    assert "No eBPF" not in text and "No process connector" not in text, text
    checks.files(recorder, truths[0])
    checks.processes(recorder, truths[1])
    assert recorder.query("SELECT * FROM network_events WHERE process_pid = ?", network.pid)
    assert recorder.query("SELECT * FROM file_events WHERE file_path_confidence = 'guessed' AND process_pid = ?",
                          truths[0].pid) == []
    assert recorder.query("SELECT * FROM gaps") == []


# Uninstalling

@pytest.mark.live
def test_uninstall(new_recorder, tmp_path):
    recorder = new_recorder(config="LogLevel = info\n").start()
    (recorder.state / "subscriptions" / "saved.json").write_bytes(driver.DEFAULT.read_bytes())
    (recorder.state / "subscriptions.key").write_bytes(bytes(32))
    for unfinished in (recorder.state / "subscriptions" / ".saved.json.Xy1234", recorder.state / ".subscriptions.key.Xy1234",
                       recorder.state / ".audit.rules.Xy1234", recorder.config / ".recorder.conf.Xy1234"):
        unfinished.write_bytes(b"half")
    (recorder.state / "notes.txt").write_text("of somebody else")
    where = ["--config", recorder.config]
    refused = recorder.cli("uninstall", *where, check=2)
    assert "--yes" in refused.error
    assert recorder.status()["state"] == "recording"
    done = recorder.cli("uninstall", "--yes", *where)
    recorder.exit(0)
    assert kernel.state() == recorder.before
    assert f"removed {recorder.state}/subscriptions/saved.json\n" in done.text
    assert f"removed {recorder.state}/subscriptions\n" in done.text
    left = {path.name for path in recorder.state.iterdir()} - {"recorder.db-wal", "recorder.db-shm"}
    assert left == {"recorder.db", "history.key", "redaction.key", "notes.txt"}
    assert (recorder.config / "recorder.conf").exists()
    last = recorder.query("SELECT action, recorder_message FROM recorder_events WHERE action <> 'hash' ORDER BY sequence DESC LIMIT 2")
    assert last == [{"action": "stop", "recorder_message": "stopped"},
                    {"action": "config", "recorder_message": "uninstalled"}]
    done = recorder.cli("uninstall", "--yes", "--purge", *where)
    assert [path.name for path in recorder.state.iterdir()] == ["notes.txt"]
    assert f"kept {recorder.state}: " in done.text
    assert not recorder.config.exists()
    (recorder.state / "notes.txt").unlink()
    recorder.cli("uninstall", "--yes", "--purge", *where)
    assert not recorder.state.exists()
    assert recorder.cli("uninstall", "--yes", "--purge", *where).text == ""


@pytest.mark.live
def test_uninstall_cleans_up_after_one_that_was_killed(new_recorder):
    recorder = new_recorder(subscription=driver.DEFAULT, source="audit").start()
    before = recorder.before
    recorder.kill9()
    assert kernel.state() != before
    assert "of the kernel's audit" in recorder.cli("uninstall", "--yes").text
    assert kernel.state() == before


@pytest.mark.live
def test_uninstall_leaves_the_rules_of_another(new_recorder, tmp_path):
    recorder = new_recorder().start()
    rules = kernel.rules()
    done = cli("uninstall", "--yes", "--state", tmp_path / "nowhere")
    assert f"another recorder, pid {recorder.process.pid}" in done.text
    assert kernel.rules() == rules
    recorder.stop()


def test_uninstall_asks(tmp_path):
    state = tmp_path / "state"
    (state / "subscriptions").mkdir(parents=True)
    saved = state / "subscriptions" / "saved.json"
    saved.write_text("{}")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([driver.BIN, "uninstall", "--state", state], stdin=theirs, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    os.write(ours, b"n\n")
    output, error = process.communicate(timeout=driver.DEADLINE_S)
    os.close(ours)
    os.close(theirs)
    if os.geteuid() != 0:
        assert process.returncode == 4
        return
    assert process.returncode == 1 and "Go on? [y/N]" in output and str(state) in output
    assert "nothing is removed" in error
    assert saved.exists()


OURS_AND_THEIRS = """
set -eu
for folder in /etc /var/lib /var/log /run /usr/local/lib; do mount -t tmpfs none $folder; done
mkdir -p /etc/audit/rules.d /etc/audit/plugins.d /etc/systemd/system /usr/local/lib/systemd/system /etc/recorder \
    /var/lib/recorder/subscriptions /var/log/recorder
printf '# Written by the recorder, and so on\n-a always,exit -F arch=b64 -S execve -F key=recorder\n' >/etc/audit/rules.d/recorder.rules
echo '-w /etc/passwd -p wa -k recorder_of_somebody_else' >/etc/audit/rules.d/other.rules
printf 'log_file = /a\nq_depth = 32768\n' >/etc/audit/auditd.conf
printf 'log_file = /a\nq_depth = 2000\n' >/etc/audit/auditd.conf.before-recorder
printf 'active = yes\nargs = LOG_WARN\n' >/etc/audit/plugins.d/syslog.conf
printf 'active = no\nargs = LOG_INFO\n' >/etc/audit/plugins.d/syslog.conf.before-recorder
echo 'path = /opt/other/recorder' >/etc/audit/plugins.d/recorder.conf
printf '[Service]\nExecStart=/usr/bin/recorder run\n' >/etc/systemd/system/recorder.service
printf '[Service]\nExecStart=/opt/other\n' >/usr/local/lib/systemd/system/recorder.service
echo >/var/lib/recorder/recorder.db
echo >/var/lib/recorder/subscriptions/default.json
echo >/var/log/recorder/logins.jsonl
echo 'LogLevel = info' >/etc/recorder/recorder.conf
"$0" uninstall --yes "$@"
grep q_depth /etc/audit/auditd.conf
find /etc /var/lib /var/log /usr/local/lib -type f -printf 'left %p\n'
"""


@pytest.mark.live
@pytest.mark.parametrize("extent, more", [
    (["--keep"], {"/var/lib/recorder/recorder.db", "/var/log/recorder/logins.jsonl", "/etc/recorder/recorder.conf",
                  "/var/lib/recorder/subscriptions/default.json"}),
    ([], {"/var/lib/recorder/recorder.db", "/var/log/recorder/logins.jsonl", "/etc/recorder/recorder.conf"}),
    (["--purge"], set())])
def test_uninstall_of_the_installed_places(audit_state, extent, more):
    """In folders that only this test sees: what is ours goes, what is called like it stays."""
    done = subprocess.run(["unshare", "--mount", "bash", "-c", OURS_AND_THEIRS, driver.BIN, *extent], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=driver.DEADLINE_S)
    assert done.returncode == 0, done.stderr
    left = set(re.findall("(?m)^left (.*)$", done.stdout))
    assert left == {"/etc/audit/rules.d/other.rules", "/etc/audit/plugins.d/recorder.conf", "/etc/audit/auditd.conf",
                    "/etc/audit/plugins.d/syslog.conf", "/etc/audit/plugins.d/syslog.conf.before-recorder",
                    "/usr/local/lib/systemd/system/recorder.service"} | more
    assert "removed /etc/audit/rules.d/recorder.rules\n" in done.stdout
    assert "removed /etc/systemd/system/recorder.service\n" in done.stdout
    assert "put back /etc/audit/auditd.conf\n" in done.stdout and "\nq_depth = 2000\n" in done.stdout
