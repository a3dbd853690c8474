"""The recorder as a service: what the service manager is told, the log, the end in time."""
import contextlib
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

import checks
import driver
import kernel
from driver import Truth, wait_until


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
    assert [gap["cause"] for gap in recorder.query("SELECT * FROM gaps")] == ["recorder_died"]
