"""Changes of identity, and processes that take hold of others."""
import collections
import json

import pytest

import driver
from conftest import both_sources
from driver import Truth, field

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
