"""Every connection, taken or begun, is in the database, once, with its addresses and its process."""
import pytest

import checks
import driver
from conftest import both_sources
from driver import Truth

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
