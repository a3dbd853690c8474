"""Every act on a file is in the database, once, with the path it came to and the process that did it."""
import os
import subprocess
import sys

import pytest

import checks
import kernel
from conftest import both_sources
from driver import TRUTH, Truth, field

pytestmark = pytest.mark.live
source = both_sources


def test_every_act(recorder, folder, source):
    truth = Truth("files", "all", folder)
    recorder.stop()
    rows = checks.files(recorder, truth)
    checks.check_actor(rows, truth)
    assert len(rows) > 310
    modes = {row["file_mode"] for row in rows if row["action"] == "chmod"}
    assert modes == {"0604", "4755"}
    owners = [(row["file_uid"], row["file_gid"]) for row in rows if row["action"] == "chown"]
    # The group that lchown leaves as it was only audit tells.
    assert owners == [(1, 2), (3, 2 if source == "audit" else None), (0, 0)]
    assert {row["file_type"] for row in rows if field(row, "file.path").endswith(b"/fifo") and row["action"] == "create"} == \
        {"fifo"}


def test_storm(recorder, folder):
    """As many acts as the kernel's backlog holds records of, so that nothing is lost however busy the machine is."""
    truth = Truth("files", "storm", "1200", folder)
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    assert len(truth.acts) == 4800
    checks.check_actor(checks.files(recorder, truth), truth)


def test_names_of_every_length(recorder, folder, source):
    """The kernel's programs take short names by words, long ones by another way."""
    acts = []
    for n in [*range(1, 42), 63, 64, 127, 128, 254, 255]:
        inside, old, new = f"{folder}/{'d' * n}", "o" * n, "n" * (n % 255 + 1)
        os.mkdir(inside)
        os.close(os.open(f"{inside}/{old}", os.O_CREAT | os.O_WRONLY))
        os.rename(f"{inside}/{old}", f"{inside}/{new}")
        os.rename(f"{inside}/{new}", f"{folder}/{new}")
        os.unlink(f"{folder}/{new}")
        acts += [("create", inside, None), ("create", f"{inside}/{old}", None), ("rename", f"{inside}/{old}", f"{inside}/{new}"),
                 ("rename", f"{inside}/{new}", f"{folder}/{new}"), ("delete", f"{folder}/{new}", None)]
    recorder.stop()
    rows = recorder.query("SELECT * FROM file_events WHERE process_pid = ? AND file_path LIKE ? ORDER BY sequence", os.getpid(),
                          f"{folder}/%")
    assert [(row["action"], row["file_path"], row["file_target_path"]) for row in rows] == acts


def test_descriptors(recorder, folder, source):
    """While the process is there, what its descriptors name can be asked."""
    truth = Truth("files", "descriptors", folder, hold=True)
    recorder.stop()
    truth.finish()
    rows = checks.files(recorder, truth)
    checks.check_actor(rows, truth)
    # By ebpf a name in a folder that was removed right afterwards may have been by a link there: right, but not sure.
    unsure = {(row["action"], row["file_path"]) for row in rows if row["file_path_confidence"] == "guessed"}
    assert unsure <= ({("link", f"{folder}/two/old"), ("delete", f"{folder}/one/sub/linked")} if source == "ebpf" else set())


def test_descriptors_of_one_that_is_gone(recorder, folder, source):
    """The kernel's inodes tell what was called how a moment ago; what cannot be known is not made up."""
    truth = Truth("files", "forgotten", folder)
    recorder.stop()
    acts = truth.of("file")
    rows = recorder.query("SELECT * FROM file_events WHERE process_pid = ? ORDER BY sequence", truth.pid)
    assert [row["action"] for row in rows] == [act["action"] for act in acts]
    for row, act in zip(rows, acts):
        assert checks.shown(row) == checks.said(act) or row["file_path_confidence"] == "guessed", (
            f"{act}: {checks.shown(row)} {row['file_path_confidence']}")
    if source == "audit":
        assert [act["how"] for row, act in zip(rows, acts) if checks.shown(row) != checks.said(act)] == []


def test_handles(new_recorder, folder, source):
    """What a process did to a file that it had open, told after it has ended: audit alone must put it together with the opening."""
    acts = ("import os, sys, time; f = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR); time.sleep(float(sys.argv[2])); os.fchmod(f, 0o600);"
            " os.fchown(f, 1, 1); os.ftruncate(f, 7); os.kill(os.getpid(), 9)")
    for seconds, wait in ((300, 0), (1, 1.5)):
        recorder = new_recorder(config=f"PathReassemblyTimeoutSecs = {seconds}\n").start()
        paths = {str(folder / f"{seconds}-{i}") for i in range(10)}
        for child in [subprocess.Popen([sys.executable, "-c", acts, path, str(wait)]) for path in paths]:
            assert child.wait() == -9
        recorder.stop()
        rows = recorder.query("SELECT action, file_path, file_path_confidence FROM file_events WHERE action IN ('chmod', 'chown', "
                              "'truncate') AND process_name LIKE 'python%' ORDER BY sequence")
        assert len(rows) == 30
        told = [row for row in rows if row["file_path_confidence"] != "guessed"]
        assert {row["file_path"] for row in told} <= paths
        # Of one that could be asked while it was there the path is known all the same.
        assert len(told) < 30 if wait and source == "audit" else len(told) == 30, rows


def test_links(recorder, folder):
    """A path is that of the file in the end, or says that it may not be."""
    truth = Truth("files", "links", folder)
    recorder.stop()
    acts = truth.of("file")
    rows = recorder.query("SELECT * FROM file_events WHERE process_pid = ? ORDER BY sequence", truth.pid)
    assert [row["action"] for row in rows] == [act["action"] for act in acts]
    assert all("inode" not in act or checks.knows_inode(row, act) for row, act in zip(rows, acts))
    wrong = [(checks.said(act), checks.shown(row)) for row, act in zip(rows, acts)
             if checks.shown(row) != checks.said(act) and row["file_path_confidence"] != "guessed"]
    assert not wrong


def test_mounts(recorder, folder):
    truth = Truth("files", "mounts", folder)
    recorder.stop()
    rows = checks.files(recorder, truth)
    assert [row["action"] for row in rows] == ["mount", "mount", "create", "unmount"]
    checks.check_actor(rows, truth)


def test_another_user(recorder, folder):
    os.chown(folder, 65534, 65534)
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    truth = Truth("files", "storm", "20", folder, wrap=[TRUTH / "identity", "as", "65534", "65534", "1"])
    recorder.stop()
    checks.check_actor(checks.files(recorder, truth), truth, user="nobody", login="daemon")


def test_only_what_is_asked_for(new_recorder, folder, source):
    """Reads are events when somebody wants them, and the kernel is asked for no more than is wanted."""
    nothing = new_recorder(subscription=None).start()
    assert kernel.rules() == []
    assert nothing.status()["state"] == "idle"
    nothing.stop()
    reads = new_recorder(subscription={"name": "reads", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [
            {"terms": ["file", "file.operation is 'read'", f"file.path starts with '{folder}/'"]}]}]}).start()
    rules = "\n".join(kernel.rules())
    if source == "audit":
        assert "openat" in rules and "unlink" not in rules and "connect" not in rules
    else:
        assert rules == ""
    truth = Truth("files", "all", folder)
    reads.stop()
    rows = reads.query("SELECT action, file_path FROM file_events WHERE process_pid = ?", truth.pid)
    assert rows == [{"action": "read", "file_path": f"{folder}/opened"}] * 2
