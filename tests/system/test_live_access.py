"""Processes that reach into others, disks opened past their files, files of memory."""
import collections
import os

import pytest

from conftest import both_sources
from driver import Truth, cli, field, unhex
from test_live_lifecycle import rows_to_compare

pytestmark = pytest.mark.live
source = both_sources


def only(*categories):
    return {"name": "only", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [{"terms": [category]} for category in categories]}]}


WITH_READS, WITHOUT_FILES = only("process", "file", "security"), only("process", "security")


def record(new_recorder, folder, source, *arguments, subscription, **options):
    """A truth program that keeps its descriptors until all is stored."""
    recorder = new_recorder(subscription=subscription, **options).start()
    truth = Truth("access", *arguments, hold=True)
    recorder.stop()
    truth.finish()
    return recorder, truth


def rows_of(recorder, truth, view, action):
    return recorder.query(f"SELECT * FROM {view} WHERE process_pid = ? AND action = ? ORDER BY sequence", truth.pid, action)


def shown_by(source, act, has_reads):
    """Audit tells the name that was given, of /proc what is opened for writing where nobody wants all openings, and not whose
    descriptor is taken."""
    mark = act.get("mark")
    return mark != "only audit" if source == "ebpf" else not (mark == "unnamed" or (mark == "reads" and not has_reads))


def check_accesses(recorder, truth, source, has_reads):
    acts = [act for act in truth.of("access") if shown_by(source, act, has_reads)]
    rows = rows_of(recorder, truth, "process_events", "ptrace")
    assert [(row["auditd_syscall"], field(row, "process.changes")) for row in rows] == [
        (act["call"], unhex(act["changes"])) for act in acts]
    target, = {row["process_entity_id"] for row in recorder.query(
        "SELECT DISTINCT process_entity_id FROM process_events WHERE process_pid = ?", acts[0]["target"])}
    for row, act in zip(rows, acts):
        assert (row["event_outcome"], row["recorder_source"]) == ("success", source), act
        assert field(row, "process.executable") == os.fsencode(truth.exe)
        if source == "audit" and act.get("mark") in ("no target", "only audit"):
            assert row["process_target_pid"] is None
            assert (row["recorder_completeness"], field(row, "recorder.missing")) == ("partial", [b"process.target.pid"])
            continue
        assert (row["process_target_pid"], row["process_target_entity_id"]) == (act["target"], target), act
        assert field(row, "process.target.executable") == os.fsencode(truth.exe)
        assert field(row, "process.target.name") == b"access"
        assert (row["recorder_completeness"], row["process_accesses_count"]) == ("full", None), act


def check_raw(recorder, truth, source):
    acts, rows = truth.of("raw"), rows_of(recorder, truth, "security_events", "raw_access")
    assert [(field(row, "file.path"), row["file_device_number"], row["file_flags"]) for row in rows] == [
        (unhex(act["path"]), act["device"], act["flags"]) for act in acts]
    for row in rows:
        assert (row["event_outcome"], row["file_type"], row["file_mode"]) == ("success", "block", "0600")
        assert (row["recorder_source"], row["recorder_completeness"]) == (source, "full")
        assert row["file_inode"] == os.stat(field(row, "file.path")).st_ino
        assert row["file_path_confidence"] is None
    assert {row["subject"] for row in recorder.query("SELECT subject FROM events WHERE category = 'security' AND pid = ? "
                                                     "AND action = 'raw_access'", truth.pid)} == \
        {os.fsdecode(unhex(act["path"])) for act in acts}


def check_memfds(recorder, truth, source):
    acts = truth.of("memfd")
    rows = [row for row in rows_of(recorder, truth, "file_events", "create") if row["file_type"] == "memfd"]
    assert [(field(row, "file.path"), row["file_flags"]) for row in rows] == [
        (unhex(act["path"]), act.get("flags")) for act in acts]
    for row, act in zip(rows, acts):
        assert row["event_outcome"] == "success"
        if source == "ebpf":
            assert (row["file_inode"], row["recorder_completeness"], row["file_path_confidence"]) == (act["inode"], "full", None)
        else:  # the kernel told no name: the descriptor was looked at
            assert (row["recorder_completeness"], field(row, "recorder.missing")) == ("partial", [b"path"])
            assert row["file_path_confidence"] == "joined" and '"file.path"' in row["recorder_inferred"]


def check_import(recorder, capture, database):
    """The records of the run give the rows of the run, and of what nobody wanted more."""
    cli("import", "audit", capture, "--db", database)
    for view in ("process_events", "security_events", "file_events"):
        live, imported = rows_to_compare(recorder.database, view), rows_to_compare(database, view)
        assert not collections.Counter(live) - collections.Counter(imported), view


@pytest.mark.parametrize("subscription", [WITHOUT_FILES, WITH_READS], ids=["without files", "with reads"])
def test_access(new_recorder, folder, source, subscription, tmp_path):
    capture = tmp_path / "capture.rec"
    has_reads = subscription is WITH_READS
    recorder, truth = record(new_recorder, folder, source, "all", folder, subscription=subscription,
                             arguments=["--capture", capture])
    check_accesses(recorder, truth, source, has_reads)
    check_raw(recorder, truth, source)
    check_import(recorder, capture, tmp_path / "again.db")
    if has_reads:
        check_memfds(recorder, truth, source)
        # An opening is an event of its own, for who wants those.
        opened = {field(row, "file.path") for action in ("read", "write") for row in rows_of(recorder, truth, "file_events", action)}
        assert {unhex(act["path"]) for act in truth.of("raw")} <= opened
        assert {b"/proc/%d/mem" % act["target"] for act in truth.of("access")} <= opened


def test_default(recorder, folder, source):
    truth = Truth("access", "all", folder, hold=True)
    recorder.stop()
    truth.finish()
    check_accesses(recorder, truth, source, False)
    check_raw(recorder, truth, source)
    check_memfds(recorder, truth, source)


def test_many(recorder, source):
    """A debugger reads without end: what repeats is few events, and each access is counted."""
    truth = Truth("access", "many", "500")
    recorder.stop()
    act, = truth.of("many")
    rows = rows_of(recorder, truth, "process_events", "ptrace")
    assert sum(row["process_accesses_count"] or 1 for row in rows) == act["count"]
    assert len(rows) < 50
    for row in rows:
        assert (row["process_target_pid"], field(row, "process.changes")) == (act["target"], [b"read memory"])
        assert row["process_accesses_count"] is None or row["process_accesses_first"] <= row["process_accesses_last"]
