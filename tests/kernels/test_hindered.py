"""What cannot be tried on a machine that somebody needs: a kernel that would panic, and one that is locked for the rest of its boot. In the
guest, as the last tests, in this order."""
import signal

import pytest

import driver
import kernel
from driver import Truth, wait_until

PANIC = "not all that are needed are loaded: the kernel would panic when it loses a record (`-f 2`), and more rules make that likelier"
LOCKED = "not all that are needed are loaded: the kernel's audit is locked (`-e 2`) and takes no rule before the machine starts again"


@pytest.fixture(params=["audit", "ebpf"])
def source(request):
    return request.param


def rules_check(recorder):
    check = recorder.check("rules")
    return check["level"], check["why"]


def gaps(recorder, cause):
    return {gap["class"] for gap in recorder.query("SELECT * FROM gaps WHERE cause = ?", cause)}


def login():
    return Truth("spawn", "forks", "1", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])


def test_that_panics(new_recorder, folder, source):
    kernel.auditctl("-b", "32768", "-f", "2")
    try:
        recorder = new_recorder().start()
        status = recorder.status()
        assert kernel.rules() == []
        if source == "ebpf":  # what the programs show, and what others say of logins, needs none
            assert rules_check(recorder)[0] == "ok" and status["event_source.file"] == "ebpf"
        else:
            assert rules_check(recorder) == ("fail", PANIC)
            assert status["state"] == "degraded" and status["event_source.file"] == "none"
        (folder / "first").mkdir()
        truth, user = Truth("files", "all", folder / "first"), login()
        recorder.cli("config", "set", "AuditdDisableKernelPanicProtection", "1")
        wait_until(kernel.rules, "they may be loaded")
        assert rules_check(recorder)[0] == "ok"
        (folder / "then").mkdir()
        then = Truth("files", "all", folder / "then")
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    finally:
        kernel.auditctl("-f", "1")
    assert (len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", truth.pid)) > 10) == (source == "ebpf")
    assert len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", then.pid)) > 10
    # Audit was on: what programs say of logins needs no rule.
    assert recorder.query("SELECT 1 FROM security_events WHERE event_code = 'LOGIN' AND process_pid = ?", user.pid)
    assert ("file" in gaps(recorder, "rules_panic")) == (source == "audit")


@pytest.mark.parametrize("source", ["audit"])
def test_that_is_locked(new_recorder, folder):
    """Rules of ours that are there do what they can; others are missing, and said to be."""
    before = new_recorder().start()
    wanted = kernel.rules()
    before.kill9()
    kernel.auditctl("-e", "2")
    recorder = new_recorder().start()
    assert rules_check(recorder)[0] == "ok" and recorder.status()["event_source.file"] == "audit"
    (folder / "first").mkdir()
    truth = Truth("files", "all", folder / "first")
    recorder.stop()
    assert kernel.rules() == wanted
    assert len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", truth.pid)) > 10
    assert gaps(recorder, "rules_locked") == set()

    reads = new_recorder(subscription={"name": "reads", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [{"terms": ["file.read"]}, {"terms": ["process"]}]}]}).start()
    assert rules_check(reads) == ("fail", LOCKED) and reads.status()["event_source.file"] == "none"
    assert reads.status()["event_source.process"] != "none"
    rule = f"-a always,exit -F path={folder} -F perm=r -k mine\n"
    assert "is locked" in reads.cli("audit-rules", "register", "-", stdin=None, input=rule.encode()).text
    reads.stop()
    assert gaps(reads, "rules_locked") >= {"file", "all"}  # it may say more: a rule is there as a whole or not
    assert kernel.rules() == wanted


@pytest.mark.parametrize("source", ["ebpf"])
def test_that_is_locked_with_ebpf(new_recorder, folder):
    recorder = new_recorder().start()
    assert recorder.status()["event_source.file"] == "ebpf"
    truth = Truth("files", "all", folder)
    recorder.stop()
    assert len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", truth.pid)) > 10
