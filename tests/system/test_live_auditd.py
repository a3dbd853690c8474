"""The configuration of the host's audit daemon: made what the settings want, with the real one beside."""
import os
import pathlib
import re
import signal
import stat
import subprocess
import time

import pytest

import driver
import kernel
from driver import Truth, wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def source():
    return "audit"


@pytest.fixture
def host(new_recorder, audit_state):
    """A recorder that is not started yet, and auditd with its files where that recorder looks for them."""
    def make(config="", log_format="RAW", **options):
        recorder = new_recorder(config=config, **options)
        recorder.state.mkdir(mode=0o700)
        recorder.auditd = kernel.Auditd(recorder.state, log_format)
        recorder.conf = recorder.auditd.move_below()
        recorder.conf.write_text("# Of an administrator.\n" + recorder.conf.read_text())
        return recorder
    return make


def is_up(auditd):
    """Before that it ignores signals."""
    def catches():
        status = pathlib.Path(f"/proc/{auditd.process.pid}/status").read_text()
        return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) & 1
    wait_until(catches, "auditd listens for SIGHUP")


def config_events(recorder):
    return [row["recorder_message"] for row in recorder.query(
        "SELECT recorder_message FROM recorder_events WHERE action = 'config' AND recorder_message LIKE '%auditd%' ORDER BY sequence")]


def test_queue_depth(host):
    """The one value that is written if nobody says otherwise: in place, with what was there kept, and auditd reads it again."""
    recorder = host()
    before = recorder.conf.read_text()
    recorder.conf.chmod(0o640)
    with recorder.auditd as auditd:
        is_up(auditd)
        recorder.start()
        text = recorder.conf.read_text()
        assert text == before.replace("q_depth = 2000", "q_depth = 32768")
        assert stat.S_IMODE(recorder.conf.stat().st_mode) == 0o640
        assert (recorder.conf.parent / "auditd.conf.before-recorder").read_text() == before
        wait_until(lambda: any("op=reconfigure" in line and "success" in line for line in auditd.lines()), "auditd reads it again")
        assert auditd.process.poll() is None
        assert recorder.check("auditd") | {"since": None} == {
            "id": "auditd", "title": "The audit daemon is configured as wanted", "level": "ok", "since": None, "mend": "",
            "why": "not as the settings would have it, and not to be written: write_logs = NO (was yes), max_restarts = 10 (was not set)"}
        recorder.stop()
        assert config_events(recorder) == ["auditd: q_depth = 32768 (was 2000); reloaded"]
        # The next start finds it as it is to be.
        changed = recorder.conf.stat().st_mtime_ns
        recorder.start().stop()
        assert recorder.conf.stat().st_mtime_ns == changed and len(config_events(recorder)) == 1
        assert (recorder.conf.parent / "auditd.conf.before-recorder").read_text() == before


def test_settings_while_it_runs(host):
    recorder = host("CX.recorder.AudispdQueueDepthWrite = 0\n")
    (recorder.conf.parent / "plugins.d" / "syslog.conf").write_text("active = no\npath = /sbin/audisp-syslog\n")
    with recorder.auditd as auditd:
        is_up(auditd)
        recorder.start()
        assert "q_depth = 2000" in recorder.conf.read_text()
        recorder.cli("config", "set", "AudispdQueueDepthWrite", "1")
        wait_until(lambda: "q_depth = 32768" in recorder.conf.read_text(), "the setting is in force")
        recorder.cli("config", "set", "AudispdMaxRestarts", "50")
        recorder.cli("config", "set", "AudispdMaxRestartsWrite", "1")
        wait_until(lambda: "max_restarts = 50" in recorder.conf.read_text(), "the setting is in force")
        recorder.cli("config", "set", "AudispdOverflowAction", "suspend")
        recorder.cli("config", "set", "AudispdOverflowActionWrite", "1")
        wait_until(lambda: "overflow_action = suspend" in recorder.conf.read_text(), "the setting is in force")
        recorder.cli("config", "set", "SyslogPluginRawLogging", "1")
        recorder.cli("config", "set", "SyslogPluginRawLoggingWrite", "1")
        syslog = recorder.conf.parent / "plugins.d" / "syslog.conf"
        wait_until(lambda: syslog.read_text() == "active = yes\npath = /sbin/audisp-syslog\n", "the setting is in force")
        recorder.stop()


def test_migration(host):
    """A configuration with which auditd of today starts no dispatcher."""
    recorder = host("CX.recorder.AudispdQueueDepthWrite = 0\n")
    recorder.conf.write_text(recorder.conf.read_text().replace("log_format = RAW", "log_format = NOLOG").replace("write_logs = yes\n", ""))
    recorder.start().stop()
    text = recorder.conf.read_text()
    assert "log_format = RAW\n" in text and text.endswith("write_logs = NO\n")
    assert config_events(recorder) == ["auditd: write_logs = NO (was not set), log_format = RAW (was NOLOG)"]


def test_what_floods_its_log(host, folder):
    """While auditd writes all it gets, no rules are loaded, unless the settings have it so, or it stops."""
    recorder = host()
    with recorder.auditd as auditd:
        recorder.start()
        assert kernel.rules() == []
        check = recorder.check("rules")
        assert (check["level"], check["why"]) == ("fail", "not all that are needed are loaded: auditd would write all that they give to its log")
        recorder.cli("config", "set", "AuditdEnableRawLoggingRuleLoading", "1")
        wait_until(kernel.rules, "the rules are loaded")
        wait_until(lambda: recorder.check("rules")["level"] == "ok", "it is well")
        recorder.cli("config", "set", "AuditdEnableRawLoggingRuleLoading", "0")
        wait_until(lambda: kernel.rules() == [], "the rules are gone")
        recorder.cli("config", "set", "AuditdRawLoggingWrite", "1")
        wait_until(kernel.rules, "it writes no log any more, so the rules are loaded")
        assert "write_logs = NO" in recorder.conf.read_text()
        truth = Truth("files", "all", folder)
        recorder.stop()
        assert auditd.process.poll() is None
    assert len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", truth.pid)) > 10
    # Twice they were withheld; of what needs none nothing is missing.
    gaps = recorder.query("SELECT * FROM gaps WHERE cause = 'rules_flood' ORDER BY \"begin\"")
    assert {gap["class"] for gap in gaps} == {"process", "file", "network", "driver", "security"} and len(gaps) == 10
    assert all(gap["begin"] < gap["end"] for gap in gaps)


def test_what_floods_its_log_beside_ebpf(host, folder):
    """What the programs show needs no rules, nor do logins; those of a user wait."""
    recorder = host(arguments=["--source", "ebpf"])
    rule = f"-a always,exit -F path={folder} -F perm=r -k mine\n"
    with recorder.auditd as auditd:
        is_up(auditd)
        recorder.start()
        assert recorder.check("rules")["level"] == "ok"
        said = recorder.cli("audit-rules", "register", "-", stdin=None, input=rule.encode()).text
        assert "auditd would write all that they give to its log" in said
        assert not any("mine" in loaded for loaded in kernel.rules())
        status = recorder.status()
        assert status["has_user_defined_audit_rules"] is True and status["kernel.audit.user_rules"] == 0
        check = recorder.check("rules")
        assert (check["level"], check["why"]) == ("fail", "not all that are needed are loaded: auditd would write all that they give to its log")
        recorder.cli("config", "set", "AuditdEnableRawLoggingRuleLoading", "1")
        wait_until(lambda: any("mine" in loaded for loaded in kernel.rules()), "the user's rule is loaded")
        assert recorder.check("rules")["level"] == "ok"
        recorder.cli("config", "set", "AuditdEnableRawLoggingRuleLoading", "0")
        wait_until(lambda: not any("mine" in loaded for loaded in kernel.rules()), "it is gone")
        assert recorder.cli("audit-rules", "show").text == rule
        assert recorder.cli("audit-rules", "remove").text == "1 rule removed\n"
        assert recorder.check("rules")["level"] == "ok"
        truth = Truth("files", "all", folder)
        login = Truth("spawn", "forks", "1", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])
        recorder.stop()
    assert len(recorder.query("SELECT 1 FROM file_events WHERE process_pid = ?", truth.pid)) > 10
    assert len(recorder.query("SELECT 1 FROM security_events WHERE event_code = 'LOGIN' AND process_pid = ?", login.pid)) == 1


def test_auditd_that_starts_later(host):
    recorder = host(arguments=["--source", "audit-multicast"]).start()
    assert kernel.rules() != []
    with recorder.auditd:
        wait_until(lambda: kernel.rules() == [], "the rules are gone")
    wait_until(kernel.rules, "the rules are back")
    recorder.process.send_signal(signal.SIGINT)
    recorder.exit()
    assert kernel.rules() == []
    kernel.auditctl("-e", "0")  # audit is not switched off under auditd, which has gone since


def test_what_cannot_be_written(host):
    """A link is not followed; what is not a configuration is left alone."""
    recorder = host()
    elsewhere = recorder.conf.with_name("elsewhere")
    recorder.conf.rename(elsewhere)
    recorder.conf.symlink_to(elsewhere)
    before = elsewhere.read_text()
    recorder.start()
    check = recorder.check("auditd")
    assert check["level"] == "warn" and str(recorder.conf) in check["why"] and "link" in check["why"]
    recorder.stop()
    assert elsewhere.read_text() == before


def test_auditd_is_stopped(host):
    """The slot is free then."""
    recorder = host("CX.recorder.AuditdStopAuditdService = 1\n")
    with recorder.auditd as auditd:
        recorder.start()
        assert auditd.process.wait(10) == 0
        assert "unicast" in recorder.status()["event_source"]
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    assert any("was stopped" in message for message in config_events(recorder))


def test_auditd_is_stopped_to_record(host):
    """Not by a recorder that has nothing to do: then nobody would audit. But one that was started meanwhile is, when recording begins."""
    recorder = host("CX.recorder.AuditdStopAuditdService = 1\n", subscription=None)
    with recorder.auditd as auditd:
        is_up(auditd)
        recorder.start()
        for _ in range(2):
            time.sleep(1.5)
            assert auditd.process.poll() is None and recorder.status()["state"] == "idle"
            recorder.cli("subscription", "register", driver.DEFAULT)
            assert auditd.process.wait(10) == 0
            assert recorder.status()["event_source"] == "unicast"
            recorder.cli("subscription", "clear", "--yes")
            wait_until(lambda: recorder.status()["state"] == "idle", "nothing is recorded")
            auditd.__enter__()
            is_up(auditd)
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    assert sum("was stopped" in message for message in config_events(recorder)) == 2


SYSTEMCTL = """#!/bin/sh
echo "$@" >> {log}
case $1 in
is-active) cat {state} ;;
mask) echo inactive > {state} ;;
start) echo active > {state} ;;
esac
"""


def test_journald(host, tmp_path):
    """Its socket for audit is switched by systemctl, once."""
    log, state, programs = tmp_path / "log", tmp_path / "state", tmp_path / "bin"
    programs.mkdir()
    log.touch()
    state.write_text("active\n")
    (programs / "systemctl").write_text(SYSTEMCTL.format(log=log, state=state))
    (programs / "systemctl").chmod(0o755)
    recorder = host("CX.recorder.JournaldRawLoggingWrite = 1\n", env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    recorder.start()
    unit = "systemd-journald-audit.socket"
    assert log.read_text().splitlines() == [f"is-active {unit}", f"mask --now {unit}"]
    recorder.cli("config", "set", "JournaldRawLogging", "1")
    wait_until(lambda: log.read_text().splitlines()[2:] == [f"is-active {unit}", f"unmask {unit}", f"start {unit}"], "it is on again")
    recorder.stop()
    assert state.read_text() == "active\n"
