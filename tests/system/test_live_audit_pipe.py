"""By way of auditd: the real one starts our plugin."""
import os
import pathlib
import re
import signal
import time

import pytest

import checks
import driver
import kernel
from driver import BIN, Truth, wait_until

pytestmark = pytest.mark.live
LEAVE = "CX.recorder.AudispdQueueDepthWrite = 0\n"
NO_MULTICAST = ["setpriv", "--bounding-set", "-audit_read", "--inh-caps", "-audit_read"]


@pytest.fixture
def source():
    return "audit-pipe"


@pytest.fixture
def host(new_recorder, audit_state):
    """A recorder that is not started yet, and auditd with its files where that recorder looks for them. It writes no log: rules
    of ours would fill it, so none would be loaded."""
    def make(config="", log_format="RAW", **options):
        recorder = new_recorder(config=config, **options)
        recorder.state.mkdir(mode=0o700)
        recorder.auditd = kernel.Auditd(recorder.state, log_format)
        conf = recorder.auditd.move_below()
        conf.write_text(conf.read_text().replace("write_logs = yes", "write_logs = no"))
        recorder.plugin = conf.parent / "plugins.d" / "recorder.conf"
        return recorder
    return make


def wording(recorder, form="binary"):
    return (f"active = yes\ndirection = out\npath = {os.path.realpath(BIN)}\ntype = always\n"
            f"args = audit-pipe --socket={recorder.state}/recorder.auditpipe\nformat = {form}\n")


def plugins(auditd):
    """What auditd has started."""
    children = pathlib.Path(f"/proc/{auditd.process.pid}/task/{auditd.process.pid}/children").read_text().split()
    others = [task for task in pathlib.Path(f"/proc/{auditd.process.pid}/task").glob("*/children")]
    return {int(pid) for pid in children} | {int(pid) for path in others for pid in path.read_text().split()}


def started(recorder):
    """When auditd listens for signals: it would be told again, two seconds later."""
    def catches():
        status = pathlib.Path(f"/proc/{recorder.auditd.process.pid}/status").read_text()
        return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) & 1
    wait_until(catches, "auditd listens for SIGHUP")
    recorder.start()
    wait_until(lambda: recorder.check("source")["level"] == "ok", "the plugin is there")
    return recorder


def causes(recorder):
    return [gap["cause"] for gap in recorder.query("SELECT cause FROM gaps ORDER BY begin")]


def shown(time_ns):
    """As the database shows times."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 10**9)) + f".{time_ns % 10**9:09}Z"


def act(folder, name):
    """Of each kind something: what was done."""
    (folder / name).mkdir()
    return (Truth("spawn", "storm", "50", driver.tiny()), Truth("files", "all", folder / name), Truth("network", "all", folder / name),
            Truth("spawn", "forks", "1", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"]))


def expect(recorder, processes, files, network, login):
    checks.processes(recorder, processes)
    checks.check_actor(checks.files(recorder, files), files)
    checks.connections(recorder, network)
    assert len(recorder.query("SELECT 1 FROM security_events WHERE event_code = 'LOGIN' AND process_pid = ?", login.pid)) == 1


@pytest.mark.parametrize(["log_format", "form"], [("RAW", "binary"), ("ENRICHED", "binary"), ("ENRICHED", "string")])
def test_everything_is_told(host, folder, log_format, form):
    """As by netlink, whatever auditd makes of the records. The file of the plugin is there while it is needed."""
    recorder = host(log_format=log_format)
    if form == "string":  # as an administrator may have it
        recorder.plugin.write_text(wording(recorder, form))
    with recorder.auditd as auditd:
        started(recorder)
        assert recorder.plugin.read_text().endswith(wording(recorder, form))
        assert recorder.status()["event_source"] == "plugin pipe"
        plugin, = plugins(auditd)
        status = pathlib.Path(f"/proc/{plugin}/status").read_text()
        assert "CapPrm:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
        truth = act(folder, "acts")
        lost = kernel.lost()
        recorder.stop()
        assert kernel.lost() == lost and auditd.process.poll() is None
        assert not recorder.plugin.exists()
        wait_until(lambda: not plugins(auditd), "the plugin has gone")
    expect(recorder, *truth)
    assert set(causes(recorder)) <= {"plugin_away"}  # until auditd had started it


def test_a_recorder_that_dies(host, folder):
    """What happens until the next one comes the plugin keeps."""
    recorder = host()
    with recorder.auditd as auditd:
        started(recorder)
        plugin = plugins(auditd)
        before = act(folder, "before")
        wait_until(lambda: recorder.query("SELECT 1 FROM security_events WHERE process_pid = ?", before[3].pid), "it is stored")
        recorder.kill9()
        meanwhile = Truth("files", "all", folder)
        started(recorder)
        assert plugins(auditd) == plugin
        after = act(folder, "after")
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    assert kernel.rules() == []
    kernel.auditctl("-e", "0")  # after a crash it is not switched off under auditd, which has gone since
    expect(recorder, *before)
    expect(recorder, *after)
    checks.files(recorder, meanwhile)
    assert sorted(set(causes(recorder)) - {"plugin_away"}) == ["recorder_died"]


def test_a_plugin_that_stands_still(host, folder):
    """auditd goes on (8 ms a record, when its queue is full), and so does the kernel; what auditd has no room for is told."""
    recorder = host("CX.recorder.AudispdQueueDepthWrite = 0\n")
    conf = recorder.auditd.etc / "auditd.conf"
    conf.write_text(conf.read_text().replace("q_depth = 2000", "q_depth = 100"))
    with recorder.auditd as auditd:
        started(recorder)
        plugin, = plugins(auditd)
        os.kill(plugin, signal.SIGSTOP)
        lost = kernel.lost()
        Truth("spawn", "storm", "100", driver.tiny())
        time.sleep(1)  # to ask the kernel makes more records than auditd takes
        assert kernel.lost() == lost and auditd.process.poll() is None
        os.kill(plugin, signal.SIGCONT)
        wait_until(lambda: "serial_gap" in causes(recorder), "what did not come is told")
        after = act(folder, "after")
        recorder.stop()
    expect(recorder, *after)
    gap = recorder.one("SELECT sum(count) AS n, min(exact) AS exact FROM gaps WHERE cause = 'serial_gap'")
    assert gap["n"] > 3 and gap["exact"] == 1


def test_an_auditd_that_ends(host, folder):
    recorder = host()
    with recorder.auditd:
        started(recorder)
        before = act(folder, "before")
    wait_until(lambda: recorder.check("source")["level"] == "fail", "health says so")
    assert "plugin is not there" in recorder.check("source")["why"]
    with recorder.auditd as auditd:
        wait_until(lambda: recorder.check("source")["level"] == "ok", "the plugin is there again")
        after = act(folder, "after")
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
        assert auditd.process.poll() is None
    assert kernel.rules() == []
    kernel.auditctl("-e", "0")  # it was auditd's that ran before
    expect(recorder, *before)
    expect(recorder, *after)
    away = recorder.query("SELECT * FROM gaps WHERE cause = 'plugin_away' ORDER BY begin")[-1]
    assert shown(before[3].ended) < away["end"] < shown(after[0].started) and away["begin"] < away["end"]


def test_the_last_choice(host, folder):
    """Netlink goes first. Where it cannot be had auditd is asked, unless the settings have it otherwise."""
    recorder = host(LEAVE, arguments=["--source", "audit"], prefix=NO_MULTICAST)
    refused = host(LEAVE + "CX.recorder.AuditdEnableAudispdFallback = 0\n", arguments=["--source", "audit"], prefix=NO_MULTICAST)
    with recorder.auditd as auditd:
        refused.start(wait=False)
        assert "CAP_AUDIT_READ" in refused.exit(4)
        started(recorder)
        assert recorder.status()["event_source"] == "plugin pipe"
        truth = act(folder, "acts")
        wait_until(lambda: recorder.query("SELECT 1 FROM security_events WHERE process_pid = ?", truth[3].pid), "it is stored")
        recorder.kill9()
        # By netlink the file is not needed any more: it goes, and the plugin with it.
        recorder.prefix = []
        recorder.start()
        assert "multicast" in recorder.status()["event_source"] and not recorder.plugin.exists()
        wait_until(lambda: not plugins(auditd), "the plugin has gone")
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    kernel.auditctl("-e", "0")  # after a crash it is not switched off under auditd, which has gone since
    expect(recorder, *truth)


def reads(recorder, mode):
    wait_until(lambda: recorder.status()["event_source"] == mode, f"audit is read by {mode}")


@pytest.mark.parametrize(["source", "beside"], [("audit", ""), ("auto", "ebpf + audit ")])
def test_auditd_that_ends_for_good(host, folder, source, beside):
    """What netlink could not have while auditd had it is free then: the recorder takes it, and needs no plugin. auditd that is started all the same
    has it again, as where it can be read beside: the plugin tells."""
    recorder = host(LEAVE + "CX.recorder.AuditdSlotFreeSecs = 2\n", prefix=NO_MULTICAST)
    with recorder.auditd:
        started(recorder)
        assert recorder.status()["event_source"] == beside + "plugin pipe"
        before = act(folder, "before")
    reads(recorder, beside + "unicast")
    wait_until(lambda: not recorder.plugin.exists(), "the file of the plugin has gone")
    wait_until(lambda: recorder.check("source")["level"] == "ok", "it is well")
    between = act(folder, "between")
    recorder.cli("config", "set", "AuditdSlotFreeSecs", "600")
    with pytest.raises(RuntimeError, match="auditd does not start"):
        recorder.auditd.__enter__()
    reads(recorder, beside + "plugin pipe")
    wait_until(recorder.plugin.exists, "the file of the plugin is there again")
    with recorder.auditd:
        wait_until(lambda: recorder.check("source")["level"] == "ok", "the plugin is there")
        after = act(folder, "after")
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
    kernel.auditctl("-e", "0")  # audit is not switched off under auditd, which has gone since
    for truth in before, between, after:
        expect(recorder, *truth)
    taken, given = [row["recorder_message"] for row in recorder.query(
        "SELECT recorder_message FROM recorder_events WHERE recorder_message LIKE '%records of audit come by%' ORDER BY sequence")]
    assert taken.startswith("Nobody has held the audit stream for") and taken.endswith("come by unicast now")
    assert "wanted the audit stream" in given and given.endswith("come by auditd's plugin now")
    # Twice nobody told what the kernel did: until the slot was taken, and until auditd had started the plugin.
    assert set(causes(recorder)) <= {"plugin_away", "serial_gap", "serial_jump"}
    away = recorder.query("SELECT * FROM gaps WHERE cause = 'plugin_away' ORDER BY begin")
    for earlier, later in (before, between), (between, after):
        assert any(shown(earlier[3].ended) < gap["end"] < shown(later[0].started) for gap in away)


def test_the_place_of_audit_2(host, tmp_path):
    """Its dispatcher looks for plugins elsewhere, also where the folder of audit 3 is there."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "auditctl").write_text("#!/bin/sh\n[ \"$*\" = -v ] && echo auditctl version 2.8.5\n")
    (programs / "auditctl").chmod(0o755)
    recorder = host(LEAVE, env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    folder = recorder.state / "etc" / "audisp" / "plugins.d"
    folder.mkdir(parents=True)
    recorder.start()
    place = folder / "recorder.conf"
    assert place.read_text().endswith(wording(recorder)) and not recorder.plugin.exists()
    recorder.stop()
    assert not place.exists()
    # Without that folder there is none for it.
    folder.rmdir()
    recorder.start()
    wait_until(lambda: "there is no such folder" in recorder.check("source")["why"], "it is said")
    assert not recorder.plugin.exists()
    recorder.stop()


def test_a_pipe_that_was_asked_for(host):
    """It is not left, be the slot free or not."""
    recorder = host(LEAVE + "CX.recorder.AuditdSlotFreeSecs = 1\nCX.recorder.AuditdEnableNetlink = 0\n", arguments=["--source", "audit"])
    recorder.start()
    time.sleep(3.5)
    assert recorder.status()["event_source"] == "plugin pipe" and recorder.plugin.exists()
    recorder.stop()


def test_beside_ebpf(host, folder):
    """Without netlink audit's part comes by the plugin."""
    recorder = host("CX.recorder.AuditdEnableNetlink = 0\n", arguments=["--source", "ebpf"])
    with recorder.auditd:
        started(recorder)
        assert recorder.status()["event_source"] == "ebpf + audit plugin pipe"
        *_, login = act(folder, "acts")
        recorder.stop()
    assert len(recorder.query("SELECT 1 FROM security_events WHERE event_code = 'LOGIN' AND process_pid = ?", login.pid)) == 1
