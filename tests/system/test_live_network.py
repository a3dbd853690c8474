"""Every connection, taken or begun, is in the database, once, with its addresses and its process."""
import contextlib
import json
import subprocess
import sys

import pytest

import checks
import driver
from conftest import both_sources
from driver import Truth, wait_until

pytestmark = pytest.mark.live
source = both_sources


def test_every_act(recorder, folder):
    truth = Truth("network", "all", folder)
    recorder.stop()
    checks.connections(recorder, truth)
    assert {act["outcome"] for act in truth.of("network")} == {"success", "failure", "in_progress"}


def test_socketcall(recorder, folder):
    truth = Truth("network", "socketcall", folder)
    recorder.stop()
    checks.connections(recorder, truth)


def test_storm(recorder):
    truth = Truth("network", "storm", "1000")
    recorder.stop()
    rows = checks.connections(recorder, truth)
    assert len(rows) == 2002
    assert recorder.query("SELECT * FROM gaps") == []


def test_another_user(recorder, folder):
    truth = Truth("network", "storm", "20", wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])
    recorder.stop()
    for row in checks.connections(recorder, truth):
        assert (row["user_name"], row["user_audit_name"]) == ("nobody", "daemon")


TALK = """import json, os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
accepted = server.accept()[0]
print(json.dumps(client.getsockname() + client.getpeername()), flush=True)
sys.stdin.read()"""


@contextlib.contextmanager
def talking(recorder):
    """A connection that is there until the end of the block: its process and its ends."""
    with subprocess.Popen([sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        ends = json.loads(process.stdout.readline())
        wait_until(lambda: told_of(recorder, process.pid, "accept"), "the connection is told")
        yield process.pid, ends
        process.stdin.close()


def told_of(recorder, pid, action):
    return recorder.query("SELECT * FROM network_events WHERE action = ? AND process_pid = ?", action, pid)


@pytest.mark.parametrize("source", ["audit"])
def test_both_ends(new_recorder, source):
    """What audit's records do not tell the socket does, as long as it is there; a setting says whether it is asked."""
    recorder = new_recorder().start()
    with talking(recorder) as (pid, ends):
        for action in "connect", "accept":
            row, = told_of(recorder, pid, action)
            assert [row[name] for name in ("source_ip", "source_port", "destination_ip", "destination_port")] == ends, action
        row, = told_of(recorder, pid, "connect")
        assert {"source.ip", "source.port"} <= set(json.loads(row["recorder_inferred"]))
        for action in "bind", "listen":
            row, = told_of(recorder, pid, action)
            assert (row["source_ip"], row["source_port"]) == tuple(ends[2:]), action
    recorder.cli("config", "set", "AuditdEnableResolveLocalAddress", "0")
    with talking(recorder) as (pid, ends):
        row, = told_of(recorder, pid, "connect")
        assert (row["source_ip"], row["source_port"], row["destination_port"]) == (None, None, ends[3])
    recorder.stop()
