"""Every process that ran is in the database, once, with its arguments, parents, user and end; none is invented."""
import contextlib
import pathlib
import shutil

import pytest

import checks
import driver
from conftest import both_sources
from driver import Truth, unhex

pytestmark = pytest.mark.live
source = both_sources


def test_storm(recorder):
    """2,000 processes, each with its own arguments and its own exit status."""
    truth = Truth("spawn", "storm", "2000", driver.tiny())
    assert len(truth.of("process")) == 2000
    assert "unicast" in recorder.status()["event_source"]
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    checks.processes(recorder, truth)


@contextlib.contextmanager
def control_group(*names):
    """A control group of that path, in the hierarchy that there is."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    mount = next(mount for wanted in ("cgroup2", "cgroup") for _, mount, kind, *_ in mounts if kind == wanted)
    group = pathlib.Path(mount, *names)
    group.mkdir(parents=True, exist_ok=True)
    try:
        yield group
    finally:
        for _ in names:  # those that are others' have something in them
            with contextlib.suppress(OSError):
                group.rmdir()
            group = group.parent


def test_ten_thousand(new_recorder, folder):
    """10,000 processes of a millisecond or two, in a container, by somebody who logged in: of every one all is known."""
    identifier = "0123456789abcdef" * 4
    # As a runtime does it: it forks, moves itself into the group, becomes somebody else and the program.
    runtime = folder / "runc"
    shutil.copy(shutil.which("dash") or "/bin/sh", runtime)
    recorder = new_recorder({"name": "t", "streams": [{"type": "database", "event_filters": [{"terms": ["process"]}]}]}).start()
    with control_group("docker", identifier) as group:
        enter = [runtime, "-c", 'echo $$ >"$0" && exec "$@"', group / "cgroup.procs", driver.TRUTH / "identity", "as", "65534", "65534", "1"]
        truth = Truth("spawn", "storm", "10000", driver.tiny(), wrap=enter)
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    assert len(truth.of("process")) == 10000
    told = recorder.query("""SELECT action, count(*) AS n, count(DISTINCT process_entity_id) AS ids, count(process_command_line) AS commands,
                                    count(DISTINCT process_parent_entity_id) AS parents, count(process_parent_entity_id) AS with_parent
                             FROM process_events
                             WHERE process_parent_pid = ? AND user_name = 'nobody' AND user_audit_name = 'daemon' AND container_id = ? AND
                                   container_runtime = 'docker'
                             GROUP BY action""", truth.pid, identifier)
    assert {row.pop("action"): row for row in told} == {
        action: {"n": 10000, "ids": 10000, "commands": 10000, "parents": 1, "with_parent": 10000} for action in ("fork", "exec", "exit")}


def test_forks_without_exec(recorder):
    truth = Truth("spawn", "forks", "300")
    recorder.stop()
    assert {act["exit"] for act in truth.of("process")} == set(range(256))
    checks.processes(recorder, truth)


def test_long_arguments(recorder):
    truth = Truth("spawn", "long", driver.tiny())
    recorder.stop()
    assert max(sum(map(len, unhex(act["args"]))) for act in truth.of("process")) > 200 * 1024
    checks.processes(recorder, truth)
    assert recorder.query("SELECT recorder_truncated FROM process_events WHERE recorder_truncated IS NOT NULL") == []


def test_deaths(recorder):
    truth = Truth("spawn", "deaths", driver.tiny())
    recorder.stop()
    entities = checks.processes(recorder, truth)
    signals = recorder.query("SELECT * FROM process_events WHERE action = 'signal' AND process_pid = ?", truth.pid)
    assert sorted((row["process_target_pid"], row["process_target_signal"]) for row in signals) == sorted(
        (act["target"], act["signal"]) for act in truth.of("signal"))
    for row in signals:
        assert row["process_target_entity_id"] == entities[row["process_target_pid"]]
    crashes = recorder.query("SELECT * FROM security_events WHERE action = 'anomaly' AND process_parent_pid = ?", truth.pid)
    assert sorted((row["process_pid"], row["security_signal"]) for row in crashes) == sorted(
        (act["pid"], act["signal"]) for act in truth.of("process") if act.get("signal") in (6, 11))


def test_ways(recorder):
    """vfork, posix_spawn, clone3, execveat, threads, orphans, pid namespaces, failed execs."""
    truth = Truth("spawn", "ways", driver.tiny())
    recorder.stop()
    entities = checks.processes(recorder, truth)
    failed, = truth.of("failed exec")
    assert recorder.query("SELECT * FROM events WHERE process_entity_id = ? AND (action = 'exec' OR outcome = 'failure')",
                          entities[failed["pid"]]) == []


def test_another_user(recorder):
    """Login user 1 (daemon) becomes user 65534 (nobody)."""
    truth = Truth("spawn", "storm", "50", driver.tiny(), wrap=[driver.TRUTH / "identity", "as", "65534", "65534", "1"])
    recorder.stop()
    login, = truth.of("login")
    checks.processes(recorder, truth, user="nobody", login="daemon")
    rows = recorder.query("SELECT DISTINCT user_id, user_audit_id, group_id, group_name, session_id FROM process_events "
                          "WHERE process_parent_pid = ?", truth.pid)
    assert rows == [{"user_id": 65534, "user_audit_id": 1, "group_id": 65534, "group_name": "nogroup",
                     "session_id": login["ses"]}]


def test_the_same_id_from_proc_and_audit(new_recorder):
    """A process seen to begin by one run is seen to be there by the next, as the same one."""
    first = new_recorder().start()
    truth = Truth("files", "descriptors", first.folder, hold=True)
    first.stop()
    second = new_recorder().start()
    second.stop()
    truth.finish()
    begun = first.one("SELECT * FROM process_events WHERE process_pid = ? AND action = 'exec'", truth.pid)
    there = second.one("SELECT * FROM process_events WHERE process_pid = ? AND action = 'snapshot'", truth.pid)
    for column in ("process_entity_id", "process_executable", "process_args", "process_parent_pid",
                   "process_parent_entity_id", "user_id"):
        assert begun[column] == there[column], column
