"""Changes of identity, and processes that take hold of others."""
import collections
import json
import re
import subprocess
import sys

import pytest

import driver
from conftest import both_sources
from driver import Truth, field, wait_until

pytestmark = pytest.mark.live
source = both_sources

CHANGES = ("setuid", "setgid", "capset", "setns", "unshare", "ptrace", "signal")


def test_changes(recorder):
    truth = Truth("identity", "changes")
    recorder.stop()
    acts = [act for act in truth.of("identity") if act["action"] != "none"]
    rows = recorder.query("SELECT * FROM process_events WHERE action IN (SELECT value FROM json_each(?)) AND "
                          "process_parent_pid = ? ORDER BY sequence", json.dumps(CHANGES), truth.pid)
    assert [(row["process_pid"], row["action"]) for row in rows] == [(act["pid"], act["action"]) for act in acts]
    for row, act in zip(rows, acts):
        assert row["event_outcome"] == "success"
        if "change" in act:
            assert act["change"].encode() in field(row, "process.changes"), act
        if "target" in act:
            assert row["process_target_pid"] == act["target"]
            assert row["process_target_signal"] == act.get("signal")
            assert field(row, "process.target.executable") == str(truth.exe).encode()
    ids = {row["user_id"] for row in rows if row["action"] == "setuid"}
    assert ids == {1, 2, 3}
    assert field(next(row for row in rows if row["action"] == "unshare"), "process.changes") == [
        b"uts namespace", b"ipc namespace"]


def test_login(recorder):
    """The login user is on every event from the moment it is set."""
    truth = Truth("spawn", "forks", "5", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])
    recorder.stop()
    login, = truth.of("login")
    row = recorder.one("SELECT * FROM security_events WHERE event_code = 'LOGIN' AND process_pid = ?", truth.pid)
    assert (row["action"], row["event_outcome"]) == ("session_start", "success")
    assert row["user_audit_name"] == "daemon" and row["session_id"] == login["ses"]
    users = collections.Counter()
    for event in recorder.query("SELECT action, user_name, user_audit_name FROM process_events WHERE process_pid = ? "
                                "ORDER BY sequence", truth.pid):
        users[event["action"], event["user_name"], event["user_audit_name"]] += 1
    assert users == {("fork", "root", "unset"): 1, ("exec", "root", "unset"): 1, ("setgid", "root", "daemon"): 2,
                     ("setuid", "nobody", "daemon"): 1, ("exec", "nobody", "daemon"): 1, ("exit", "nobody", "daemon"): 1}


def test_namespaces(recorder, source):
    """In which a process is that was born into others, or moved: from the fork on by ebpf, by audit as soon as it moves, if it is there
    to be looked at."""
    script = "import os, time; print(os.readlink('/proc/self/ns/uts'), os.readlink('/proc/self/ns/net'), flush=True); time.sleep(1)"
    child = subprocess.run(["unshare", "--uts", "--net", sys.executable, "-c", script], capture_output=True, text=True, check=True)
    uts, net = re.findall(r"\[(\d+)\]", child.stdout)
    recorder.stop()
    rows = recorder.query("SELECT action, process_namespaces AS found FROM process_events WHERE process_args LIKE '%import os, time%' "
                          "AND process_name LIKE 'python%' ORDER BY sequence")
    assert {row["found"] for row in rows} == {f"net:{net} uts:{uts}"}
    before, after = recorder.query("SELECT action, process_namespaces AS found FROM process_events WHERE action IN ('fork', 'unshare') "
                                   "AND process_entity_id = (SELECT process_entity_id FROM process_events WHERE action = 'exec' AND "
                                   "process_args LIKE '%import os, time%' AND process_executable LIKE '%python%') ORDER BY sequence")
    assert (before["action"], before["found"]) == ("fork", "host")
    assert (after["action"], after["found"]) == ("unshare", f"net:{net} uts:{uts}")


def test_supplementary_groups(new_recorder, source):
    """On request: of what is run and of who changes them; by audit where the process is still there to be looked at."""
    script = "import os, time; os.setgroups([4, 24, 1234567]); time.sleep(1); os.execlp('sleep', 'sleep', '0.5')"
    for wanted in (False, True):
        recorder = new_recorder(config=f"EnableSupplementaryGroups = {int(wanted)}\n").start()
        subprocess.run([sys.executable, "-c", script], check=True)
        recorder.stop()
        rows = recorder.query("SELECT action, process_executable, process_supplemental_groups_id AS found FROM process_events WHERE "
                              "process_args LIKE '%os.setgroups%' AND action = 'setgid' OR process_args = '[\"sleep\",\"0.5\"]' ORDER BY sequence")
        assert [row["action"] for row in rows] == ["setgid", "exec", "exit"]
        assert [row["found"] and json.loads(row["found"]) for row in rows] == [["4", "24", "1234567"] if wanted else None] * 3


def ids(recorder, action, truth):
    """{pid: entity id} of the tree's processes, by the events of that action."""
    pids = [act["pid"] for act in truth.of("process")]
    rows = recorder.query("SELECT process_pid, process_entity_id FROM process_events WHERE action = ? AND process_pid IN "
                          "(SELECT value FROM json_each(?))", action, json.dumps(pids))
    found = {row["process_pid"]: row["process_entity_id"] for row in rows}
    assert len(rows) == len(found) == len(pids) == 1110, action
    return found


@pytest.mark.parametrize("source", [None], ids=["all"])
def test_one_id_from_every_source(new_recorder):
    """Trees of a thousand processes: what ebpf saw begin /proc shows as the same, and what the connector beside audit saw begin; and ebpf
    sees those end that it did not see begin."""
    first = new_recorder(source="ebpf").start()
    of_ebpf = Truth("tree", "10", "3", hold=True)
    first.stop()
    second = new_recorder(source="audit").start()
    of_audit = Truth("tree", "10", "3", hold=True)
    second.stop()
    third = new_recorder(source="ebpf").start()
    wait_until(lambda: third.one("SELECT count(*) AS n FROM process_events WHERE action = 'snapshot'")["n"] >= 2220, "/proc is read")
    of_ebpf.finish()
    of_audit.finish()
    third.stop()
    begun = ids(first, "fork", of_ebpf)
    assert begun == ids(second, "snapshot", of_ebpf) == ids(third, "snapshot", of_ebpf) == ids(third, "exit", of_ebpf)
    begun = ids(second, "fork", of_audit)
    assert begun == ids(third, "snapshot", of_audit) == ids(third, "exit", of_audit)
