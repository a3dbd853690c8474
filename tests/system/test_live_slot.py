"""Who holds the kernel's audit stream comes and goes while a storm runs: the recorder goes over from one way of reading to the other."""
import concurrent.futures
import signal
import time

import pytest

import checks
import driver
import kernel
from driver import Truth, wait_until
from test_live_auditd import is_up

pytestmark = pytest.mark.live
FREE_S = 1
NOTICED_S = 2.5  # a second, and what a recorder with sanitizers takes
FREE = f"CX.recorder.AuditdSlotFreeSecs = {FREE_S}\nCX.recorder.AuditdEnableRawLoggingRuleLoading = 1\n"


@pytest.fixture
def source():
    return "audit"


class Storm:
    """Processes, one after the other, while the block runs, and some before and behind it."""

    def __init__(self, folder):
        self.folder, self.truths = folder, []

    def run(self):
        while not self.end:
            self.truths.append(Truth("spawn", "storm", "150", driver.tiny()))
            folder = self.folder / str(len(self.truths))
            folder.mkdir()
            self.truths.append(Truth("files", "all", folder))

    def __enter__(self):
        self.end = False
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.running = self.pool.submit(self.run)
        wait_until(lambda: self.truths, "the storm has begun")
        return self

    def __exit__(self, *unused):
        n = len(self.truths)
        wait_until(lambda: len(self.truths) > n + 2 or self.running.done(), "the storm goes on behind")
        self.end = True
        self.running.result()
        self.pool.shutdown()

    def check(self, recorder):
        """All of it is there, once, and nothing is said to be missing."""
        assert recorder.query("SELECT * FROM gaps WHERE cause NOT LIKE 'recorder_%'") == []
        for truth in self.truths:
            if truth.of("process"):
                checks.processes(recorder, truth)
            else:
                checks.check_actor(checks.files(recorder, truth), truth)


def auditd_in(folder, name):
    (folder / name).mkdir()
    return kernel.Auditd(folder / name)


def moves(recorder):
    return [row["recorder_message"] for row in recorder.query(
        "SELECT recorder_message FROM recorder_events WHERE recorder_message LIKE '%records of audit come by%' ORDER BY sequence")]


def reads(recorder, mode):
    """Who comes or goes is noticed within a second; the slot is not taken before it has been free for a while."""
    wait_until(lambda: recorder.status()["event_source"] == mode, f"audit is read by {mode}", NOTICED_S + FREE_S * (mode == "unicast"))


def test_auditd_starts_and_stops(new_recorder, folder, tmp_path, audit_state):
    """Its first start is refused by the kernel, since we hold what it wants; the second is not. Once it has ended, we hold it again."""
    recorder = new_recorder(config=FREE).start()
    assert recorder.status()["event_source"] == "unicast"
    before = kernel.status()
    with Storm(folder) as storm:
        with pytest.raises(RuntimeError, match="auditd does not start"):
            auditd_in(tmp_path, "first").__enter__()
        recorder.cli("config", "set", "AuditdSlotFreeSecs", "60")
        reads(recorder, "multicast")
        with auditd_in(tmp_path, "second") as auditd:
            is_up(auditd)
            wait_until(lambda: kernel.status()["backlog_wait_time"] == audit_state["settings"]["backlog_wait_time"],
                       "the kernel waits for auditd as before")
            holds = f"process {auditd.process.pid} holds the audit stream; recording beside it, by multicast"
            wait_until(lambda: recorder.check("source")["why"] == holds, "health says who holds it")
            recorder.cli("config", "set", "AuditdSlotFreeSecs", "1")
            time.sleep(1.5)
            assert recorder.status()["event_source"] == "multicast"
            assert auditd.process.poll() is None
        reads(recorder, "unicast")
        wait_until(lambda: kernel.status() | {"pid": 0, "backlog": 0, "lost": 0} == before | {"pid": 0, "backlog": 0, "lost": 0},
                   "the kernel is as it was")
    recorder.stop()
    storm.check(recorder)
    first, second = moves(recorder)
    assert "wanted the audit stream: it has it if it is started again; the records of audit come by multicast now" in first
    assert "Nobody has held the audit stream for" in second and second.endswith("come by unicast now")


def test_auditd_is_killed(new_recorder, folder, tmp_path):
    """What the kernel keeps for the next one came to us already."""
    with auditd_in(tmp_path, "auditd") as auditd:
        is_up(auditd)
        recorder = new_recorder(config=FREE).start()
        assert recorder.status()["event_source"] == "multicast"
        with Storm(folder) as storm:
            auditd.process.kill()
            auditd.process.wait()
            reads(recorder, "unicast")
        recorder.stop()
    storm.check(recorder)
    assert len(moves(recorder)) == 1


def test_a_silent_auditd_is_killed(new_recorder, tmp_path):
    """Audit is asked each second while it has something to tell, else less often, and the kernel has nothing to tell of who is killed."""
    logins = {"name": "logins", "domain": "recorder", "streams": [{"type": "database", "event_filters": [{"terms": ["security.login"]}]}]}
    with auditd_in(tmp_path, "auditd") as auditd:
        is_up(auditd)
        recorder = new_recorder(config=FREE, subscription=logins).start()
        assert recorder.status()["event_source"] == "multicast"
        time.sleep(2.5)  # the start itself is told by a record, so audit was asked in the first second: just now
        auditd.process.kill()
        auditd.process.wait()
        reads(recorder, "unicast")
        recorder.stop()
    assert len(moves(recorder)) == 1


def test_auditd_is_started_again(new_recorder, tmp_path):
    """Nobody takes its place in between."""
    with auditd_in(tmp_path, "auditd") as auditd:
        recorder = new_recorder(config=FREE.replace("= 1\n", "= 10\n", 1)).start()
        auditd.stop()
        wait_until(lambda: recorder.status()["kernel.audit.pid"] == 0, "it has gone", NOTICED_S)
        time.sleep(2)
        with auditd:
            is_up(auditd)
            assert recorder.status()["event_source"] == "multicast"
            recorder.process.send_signal(signal.SIGINT)
            recorder.exit()
    assert moves(recorder) == []
    kernel.auditctl("-e", "0")  # audit is not switched off under auditd, which came after the recorder


def test_other_ways_are_kept(new_recorder):
    """What --source names is not left."""
    recorder = new_recorder(config=FREE, arguments=["--source", "audit-multicast"]).start()
    time.sleep(3)
    assert recorder.status()["event_source"] == "multicast" and moves(recorder) == []
    recorder.stop()


def test_what_the_kernel_has_kept(new_recorder, folder, audit_state):
    """While audit is on and nobody is its daemon the kernel keeps records for the next, who may be we: what was told is told once."""
    kernel.auditctl("-b", "32768", "-e", "1")
    beside = new_recorder(config=FREE, arguments=["--source", "audit-multicast"]).start()
    truth = Truth("spawn", "storm", "300", driver.tiny())
    files = Truth("files", "all", folder)
    beside.stop()
    beside.arguments = ["--source", "audit"]
    beside.start()
    wait_until(lambda: beside.status()["event_source"] == "unicast", "it is the daemon")
    time.sleep(1)
    beside.stop()
    checks.processes(beside, truth)
    checks.check_actor(checks.files(beside, files), files)
    assert beside.query("SELECT * FROM gaps WHERE cause IN ('serial_jump', 'serial_gap')") == []
    kernel.restore(audit_state)
