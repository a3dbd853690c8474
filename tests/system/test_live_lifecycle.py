"""Start, stop, crash, trouble: the kernel is put back, nothing is lost in silence, nobody is in the way."""
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

import checks
import driver
import kernel
from conftest import stores_as_shipped
from driver import Truth, cli, wait_until

pytestmark = pytest.mark.live

INSTALLED = [pathlib.Path(path) for path in ("/etc/recorder", "/var/lib/recorder", "/var/log/recorder", "/run/recorder",
                                              "/etc/audit/rules.d", "/etc/audit/plugins.d")]


def own_rules():
    return [rule for rule in kernel.rules() if re.search(r"(-k |key=)recorder$", rule)]


def now():
    """As the database shows times."""
    return shown(time.time_ns())


def shown(time_ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ns // 10**9)) + f".{time_ns % 10**9:09}Z"


class Storm:
    """A truth program that goes on while something else happens."""

    def __init__(self, *command, endless=False):
        self.endless = endless
        self.process = subprocess.Popen([driver.TRUTH / command[0], *command[1:]], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.endless:
            self.process.kill()
        self.process.wait(driver.DEADLINE_S)


def reconciled_status(recorder, n_stored):
    """The status once everything has come through. The requests for it are events themselves, so
    the counters never rest; but in the end each event is somewhere."""
    def settled():
        status = recorder.status()
        if status["queue.events"] == 0 and status["stored"] + status["lost.database"] >= n_stored and \
                status["decoded"] + status["shedding.unread"] == \
                sum(status[name] for name in ("own", "merged", "filtered_out", "held", "emitted", "lost.shed")) and \
                status["emitted"] + status["signals"] == status["stored"] + status["lost.database"]:
            return status
        settled.last = status
    try:
        return wait_until(settled, "the counters reconcile", 30)
    except AssertionError:
        raise AssertionError(f"the counters do not reconcile: {settled.last}") from None


# The kernel is put back

def test_foreign_rules_and_settings_survive(new_recorder, folder):
    before = kernel.state()
    try:
        kernel.auditctl("-b", "500", "-f", "0", "-r", "0", "--backlog_wait_time", "15000")
        kernel.auditctl("-a", "always,exit", "-F", "arch=b64", "-S", "sethostname", "-F", "key=foreign")
        kernel.auditctl("-w", str(folder), "-p", "wa", "-k", "foreign2")
        foreign = kernel.state()
        recorder = new_recorder().start()
        running = kernel.state()
        assert set(foreign["rules"]) < set(running["rules"])
        assert len(running["rules"]) == len(set(running["rules"]))
        assert running["settings"]["enabled"] == "1"
        assert running["settings"]["backlog_wait_time"] == "0"
        assert running["settings"]["backlog_limit"] == "32768"
        recorder.stop()
        assert kernel.state() == foreign
    finally:
        kernel.restore(before)


def test_audit_that_was_on_stays_on(new_recorder):
    before = kernel.state()
    try:
        kernel.auditctl("-e", "1")
        new_recorder().start().stop()
        assert kernel.settings()["enabled"] == "1"
    finally:
        kernel.restore(before)


@stores_as_shipped
def test_killed_in_the_middle_of_a_storm(new_recorder, folder):
    recorder = new_recorder()
    recorder.start()
    state_before = recorder.before
    with Storm("files", "storm", "100000000", folder, endless=True):
        wait_until(lambda: recorder.one("SELECT count(*) AS n FROM file_events")["n"] > 500, "events of the storm are stored")
        recorder.kill9()
        died = now()
        assert own_rules(), "a killed recorder leaves its rules: that is what is to be cleaned"
    rules_left = own_rules()
    started = now()
    recorder.start()
    assert own_rules() == rules_left or len(own_rules()) == len(rules_left)
    truth = Truth("files", "storm", "10", folder)
    recorder.before = state_before
    recorder.stop()
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
    checks.files(recorder, truth)
    gap = recorder.one("SELECT * FROM gaps WHERE cause = 'recorder_died'")
    last = recorder.one("SELECT max(time) AS time FROM file_events WHERE time < ?", died)["time"]
    assert gap["begin"] <= died and started <= gap["end"]
    # It begins where the history ends, not before: what is known is not called unknown.
    assert gap["begin"] >= shown(time.time_ns() - 120 * 10**9)
    assert last is not None
    assert gap["class"] == "all"


MAKES = """
import os, sys, time
folder, stop = sys.argv[1:]
print("begun", flush=True)
number, lines = 0, []
while not os.path.exists(stop):
    for _ in range(20):
        before = time.time_ns()
        os.mkdir(f"{folder}/made{number}")
        lines.append(f"{before} {time.time_ns()}")
        os.rmdir(f"{folder}/made{number}")
        number += 1
    time.sleep(0.001)
print("\\n".join(lines))
"""


@stores_as_shipped
def test_nothing_is_missing_outside_a_gap(new_recorder, folder, tmp_path):
    """Killed, stopped and started again under a load that goes on: each act is in the history or within a gap."""
    recorder = new_recorder()
    recorder.start()
    state_before = recorder.before
    load = subprocess.Popen([sys.executable, "-c", MAKES, folder, tmp_path / "stop"], stdout=subprocess.PIPE, text=True)
    try:
        assert load.stdout.readline() == "begun\n"
        for _ in range(2):
            time.sleep(0.7)
            recorder.kill9()
            time.sleep(0.1)
            recorder.start()
        time.sleep(0.7)
        recorder.process.send_signal(signal.SIGINT)
        recorder.exit()
        recorder.start()
        time.sleep(0.7)
        recorder.before = state_before
        (tmp_path / "stop").touch()
        acts = [tuple(map(int, line.split())) for line in load.stdout.read().splitlines()]
    finally:
        load.kill()
        load.wait()
    recorder.stop()
    stored = {row["name"] for row in recorder.query(
        "SELECT replace(file_path, ?, '') AS name FROM file_events WHERE action = 'create' AND file_path LIKE ?",
        f"{folder}/", f"{folder}/made%")}
    gaps = [(gap["begin"], gap["end"]) for gap in recorder.query("SELECT * FROM gaps WHERE class IN ('all', 'file')")]
    missing = [(shown(before), shown(after)) for number, (before, after) in enumerate(acts) if f"made{number}" not in stored]
    assert stored and missing
    assert [act for act in missing if not any(begin <= act[1] and act[0] <= end for begin, end in gaps)] == []


def test_stopped_and_started_again(new_recorder):
    recorder = new_recorder()
    recorder.start()
    recorder.stop()
    recorder.start()
    truth = Truth("spawn", "storm", "5", driver.tiny())
    recorder.stop()
    gap = recorder.one("SELECT * FROM gaps")
    assert gap["cause"] == "recorder_stopped" and gap["begin"] < gap["end"]
    checks.processes(recorder, truth)
    starts = recorder.query("SELECT action FROM recorder_events WHERE action IN ('start', 'stop') ORDER BY sequence")
    assert [row["action"] for row in starts] == ["start", "stop", "start", "stop"]


def test_rules_that_are_taken_away(recorder):
    wanted = kernel.rules()
    assert wanted
    deleted = now()
    kernel.auditctl("-D")
    wait_until(lambda: kernel.rules() == wanted, "the rules are loaded again", 4)
    wait_until(lambda: recorder.status()["kernel.audit.rules_missing"] == 0, "the recorder is content")
    truth = Truth("spawn", "storm", "5", driver.tiny())
    recorder.stop()
    gap = recorder.one("SELECT * FROM gaps")
    assert gap["cause"] == "rules_missing"
    assert gap["begin"] <= deleted <= gap["end"]
    checks.processes(recorder, truth)
    assert recorder.query("SELECT * FROM security_events WHERE event_code = 'CONFIG_CHANGE' AND time >= ? AND "
                          "process_name = 'auditctl'", deleted)


def test_nothing_is_left_outside(new_recorder, tmp_path):
    def places():
        return {str(path): sorted(os.listdir(path)) if path.is_dir() else None for path in INSTALLED}
    before, cwd = places(), sorted(os.listdir("."))
    recorder = new_recorder().start()
    Truth("spawn", "storm", "5", driver.tiny())
    recorder.stop()
    assert places() == before and sorted(os.listdir(".")) == cwd
    left = sorted(path.name for path in recorder.state.iterdir())
    assert set(left) <= {"recorder.db", "recorder.db-wal", "recorder.db-shm", "recorder.lock", "history.key", "redaction.key", "hashes", "journals", "proc.bin", "subscriptions"}
    for path in [recorder.state, *recorder.state.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


# Refusals

def test_second_daemon(recorder, new_recorder):
    second = new_recorder()
    second.state = recorder.state
    second.start(wait=False)
    text = second.exit(1)
    assert str(recorder.process.pid) in text and "already records" in text
    assert recorder.is_ready()
    recorder.stop()


def test_second_daemon_elsewhere(recorder, new_recorder):
    """The kernel's rules are one set: a second recorder with folders of its own would take them from the first."""
    second = new_recorder()
    second.start(wait=False)
    text = second.exit(1)
    assert str(recorder.process.pid) in text and "Another recorder" in text
    assert recorder.is_ready()
    assert recorder.status()["kernel.audit.rules_missing"] == 0
    recorder.stop()


def test_without_the_capability(new_recorder):
    recorder = new_recorder(prefix=["setpriv", "--bounding-set", "-audit_control", "--inh-caps", "-audit_control"])
    recorder.start(wait=False)
    text = recorder.exit(4)
    assert "CAP_AUDIT_CONTROL" in text
    assert text.startswith("recorder: ")
    assert not recorder.database.exists()


def test_not_root(new_recorder, tmp_path):
    recorder = new_recorder(prefix=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    recorder.start(wait=False)
    assert "CAP_AUDIT_CONTROL" in recorder.exit(4) or "root" in recorder.log_text()


@pytest.mark.parametrize("document, place", [
    ({"name": "x", "domain": "recorder", "streams": [{"type": "database", "event_filters": [
        {"terms": ["process", "proces.path is '/bin/sh'"]}]}]}, "streams[0].event_filters[0].terms[1]"),
    ({"name": "x", "domain": "recorder", "streams": [{"type": "databas"}]}, "streams[0].type"),
    ([], ""),
])
def test_bad_subscription(new_recorder, document, place, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))
    recorder = new_recorder(subscription=path)
    recorder.start(wait=False)
    text = recorder.exit(2)
    assert str(path) in text and place in text
    assert kernel.state() == recorder.before


@pytest.mark.parametrize("text, why", [
    ("CX.recorder.AuditdRulesBufferSize = 12x\n", "recorder.conf:1"),
    ("\nCX.recorder.AuditdRulesBufferSiz = 128\n", "AuditdRulesBufferSize"),
])
def test_bad_settings(new_recorder, text, why):
    recorder = new_recorder(config=text)
    recorder.start(wait=False)
    assert why in recorder.exit(2)


def test_settings_are_obeyed(new_recorder):
    recorder = new_recorder(config="CX.recorder.AuditdRulesBufferSize = 40000\nCX.recorder.AuditdEnableForkTracking = 0\n"
                                   "CX.recorder.AuditdEnableOutgoingNetwork = 0\n").start()
    assert kernel.settings()["backlog_limit"] == "40000"
    assert "connect" not in "".join(kernel.rules())
    truth = Truth("spawn", "storm", "5", driver.tiny())
    network = Truth("network", "storm", "5")
    recorder.stop()
    pids = json.dumps([act["pid"] for act in truth.acts])
    actions = recorder.query("SELECT action, count(*) AS n FROM process_events WHERE process_pid IN "
                             "(SELECT value FROM json_each(?)) GROUP BY action ORDER BY action", pids)
    assert actions == [{"action": "exec", "n": 5}, {"action": "exit", "n": 5}]
    actions = recorder.query("SELECT action, count(*) AS n FROM network_events WHERE process_pid = ? GROUP BY action "
                             "ORDER BY action", network.pid)
    assert actions == [{"action": "accept", "n": 5}, {"action": "bind", "n": 1}, {"action": "listen", "n": 1}]


def setting(recorder, verb, *arguments, **options):
    return recorder.cli("config", verb, *arguments, "--config", recorder.config, **options)


def changes(recorder):
    rows = recorder.query("SELECT recorder_message FROM recorder_events WHERE action = 'config' ORDER BY sequence")
    return [row["recorder_message"] for row in rows]


def test_settings_change_while_it_runs(new_recorder):
    """By the command, by SIGHUP, by the file alone; each change is an event."""
    recorder = new_recorder(config="# mine\nAuditdRulesBufferSize = 40000  # records\n").start()
    path = recorder.config / "recorder.conf"
    assert "(at once)" in setting(recorder, "set", "AuditdRulesBufferSize", "41000").text
    assert kernel.settings()["backlog_limit"] == "41000"
    assert path.read_text() == "# mine\nAuditdRulesBufferSize = 41000  # records\n"
    listed = {item["name"]: item for item in json.loads(setting(recorder, "list", "--json").text)}
    assert listed["CX.recorder.AuditdRulesBufferSize"]["origin"] == "file"
    path.write_text("AuditdRulesBufferSize = 42000\nConfigRefreshIntervalSecs = 1\nReconfigureIntervalSeconds = 1\n")
    recorder.process.send_signal(signal.SIGHUP)
    wait_until(lambda: kernel.settings()["backlog_limit"] == "42000", "SIGHUP is obeyed", 5)
    path.write_text("AuditdRulesBufferSize = 43000\nConfigRefreshIntervalSecs = 1\nReconfigureIntervalSeconds = 1\n")
    wait_until(lambda: kernel.settings()["backlog_limit"] == "43000", "the file is looked at", 10)
    assert "next start" in setting(recorder, "set", "EnableEbpf", "0").text
    listed = {item["name"]: item for item in json.loads(setting(recorder, "list", "--json").text)}
    assert (listed["CX.recorder.EnableEbpf"]["value"], listed["CX.recorder.EnableEbpf"]["in_force"]) == (0, 1)
    setting(recorder, "reset", "AuditdRulesBufferSize")
    assert kernel.settings()["backlog_limit"] == "32768"
    recorder.stop()
    told = "\n".join(changes(recorder))
    for change in ("'41000', was '40000'", "'42000', was '41000'", "'43000', was '42000'", "'32768', was '43000'"):
        assert f"CX.recorder.AuditdRulesBufferSize: {change} (at once)" in told


def test_switches_act_at_once(new_recorder):
    recorder = new_recorder().start()
    before = Truth("network", "storm", "5")
    setting(recorder, "set", "AuditdEnableIncomingNetwork", "0")
    setting(recorder, "set", "AuditdEnableForkTracking", "0")
    # Rules of before stay for a second, since they do not hide what new ones ask for.
    wait_until(lambda: not any("accept" in rule for rule in kernel.rules()), "the kernel is asked for no more than is wanted")
    during = Truth("network", "storm", "5")
    setting(recorder, "reset", "AuditdEnableIncomingNetwork")
    after = Truth("network", "storm", "5")
    recorder.stop()

    def seen(truth):
        rows = recorder.query("SELECT DISTINCT action FROM network_events WHERE process_pid = ?", truth.pid)
        return {row["action"] for row in rows} - {"disconnect"}

    assert seen(during) == {"connect"}
    assert seen(before) == seen(after) == {"connect", "accept", "bind", "listen"}


def test_bad_settings_while_it_runs(new_recorder):
    """What was before stays in force, and status says the place."""
    recorder = new_recorder(config="AuditdRulesBufferSize = 40000\n").start()
    path = recorder.config / "recorder.conf"
    path.write_text("AuditdRulesBufferSize = 41000\nAuditdRulesBufferSiz = 1\n")
    recorder.process.send_signal(signal.SIGHUP)
    wait_until(lambda: recorder.status()["state"] == "degraded", "the file is refused", 5)
    reason, = recorder.status()["state.reasons"]
    assert reason == f"{path}:2: AuditdRulesBufferSiz: unknown setting, did you mean 'AuditdRulesBufferSize'?"
    assert kernel.settings()["backlog_limit"] == "40000"
    refused = setting(recorder, "set", "StatusUpdateInterval", "7", check=2)
    assert f"{path}:2: " in refused.error
    assert "out of range" in setting(recorder, "set", "AuditdRulesBufferSize", "12", check=2).error
    path.write_text("AuditdRulesBufferSize = 41000\n")
    recorder.process.send_signal(signal.SIGHUP)
    wait_until(lambda: recorder.status()["state"] == "recording", "it is right again", 5)
    assert kernel.settings()["backlog_limit"] == "41000"
    recorder.stop()


def test_settings_of_the_command_line(new_recorder):
    recorder = new_recorder(config="AuditdRulesBufferSize = 40000\n",
                            arguments=["--set", "CX.recorder.AuditdRulesBufferSize=41000"]).start()
    assert kernel.settings()["backlog_limit"] == "41000"
    assert "command line" in setting(recorder, "set", "AuditdRulesBufferSize", "42000").text
    assert kernel.settings()["backlog_limit"] == "41000"
    recorder.stop()
    recorder = new_recorder(arguments=["--set", "AuditdRulesBufferSize=12"])
    recorder.start(wait=False)
    assert "out of range" in recorder.exit(2)


# Counters

def test_counters_reconcile(recorder, folder):
    Truth("files", "storm", "1000", folder)
    Truth("spawn", "storm", "200", driver.tiny())
    Truth("network", "storm", "200")
    status = reconciled_status(recorder, 4000 + 600 + 402)
    lost = {name: value for name, value in status.items() if name.startswith("lost.")}
    assert not any(lost.values()), lost
    assert status["received"] > 4000 * 3
    recorder.stop()
    rows = recorder.one("SELECT count(*) AS n, count(DISTINCT sequence) AS numbers FROM events")
    assert rows["n"] == rows["numbers"] >= status["stored"]


# Under load

@stores_as_shipped
def test_sigterm_under_load(recorder, folder):
    stored = recorder.status()["stored"]
    with Storm("files", "storm", "100000000", folder, endless=True), \
            Storm("spawn", "storm", "100000000", driver.tiny(), endless=True):
        wait_until(lambda: recorder.status()["stored"] > stored + 1000, "the storm has begun")
        began = time.monotonic()
        recorder.stop(signal.SIGTERM)
        took = time.monotonic() - began
    assert took < 5
    assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
    # what was lost at the end is told after it
    assert recorder.one("SELECT action FROM recorder_events WHERE action <> 'gap' ORDER BY sequence DESC LIMIT 1") == \
        {"action": "stop"}


@pytest.mark.parametrize("mode", ["audit-unicast", "audit-multicast", "ebpf"])
def test_stop_while_programs_begin(new_recorder, folder, mode):
    """The end waits for no silence; and what is told meanwhile is told of the right program: none begins unseen."""
    recorder = new_recorder(arguments=["--source", mode]).start()
    touching = subprocess.Popen(["sh", "-c", 'while :; do touch "$0"; done', folder / "touched"], stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: recorder.query("SELECT * FROM process_events WHERE process_name = 'touch'"), "one is stored")
        recorder.stop()
    finally:
        touching.kill()
        touching.wait()
    images = recorder.query("SELECT process_pid, recorder_inferred FROM processes WHERE process_name = 'touch'")
    assert images and [row for row in images if "process.exec_count" in (row["recorder_inferred"] or "")] == []


@contextlib.contextmanager
def full_disk(recorder):
    """Starts it on a small disk of its own, which then is full; gives what to remove to make room."""
    recorder.state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "truth", recorder.state], check=True)
    try:
        ballast = recorder.state / "ballast"
        recorder.start()
        with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(bytes(4096))
        yield ballast
    finally:
        recorder.cleanup()
        subprocess.run(["umount", recorder.state], check=True)


@stores_as_shipped
def test_full_disk(new_recorder, folder):
    recorder = new_recorder()
    with full_disk(recorder) as ballast:
        full = now()
        lost = wait_until(lambda: Truth("files", "storm", "200", folder) and recorder.status()["lost.database"],
                          "events are lost for want of space")
        assert lost > 0
        ballast.unlink()
        freed = now()
        stored = recorder.status()["stored"]
        wait_until(lambda: Truth("files", "storm", "1", folder) and recorder.status()["stored"] > stored + 10,
                   "events are stored again")
        truth = Truth("files", "storm", "50", folder)
        status = reconciled_status(recorder, 200)
        recorder.stop()
        checks.files(recorder, truth)
        assert recorder.one("PRAGMA integrity_check") == {"integrity_check": "ok"}
        gaps = recorder.query("SELECT * FROM gaps")
        assert gaps and all(gap["begin"] <= gap["end"] for gap in gaps)
        assert any(gap["begin"] <= freed and gap["end"] >= full for gap in gaps)
        assert sum(gap["count"] for gap in gaps) == status["lost.database"]


@stores_as_shipped
def test_stopped_on_a_full_disk(new_recorder, folder):
    """What could not be stored, the loss itself too, is told by the next start."""
    recorder = new_recorder()
    with full_disk(recorder) as ballast:
        wait_until(lambda: Truth("files", "storm", "200", folder) and recorder.status()["lost.database"], "events are lost")
        recorder.stop()
        stored, lost = map(int, re.search(r"(\d+) events stored, \d+ in journals, (\d+) lost for want of storage",
                                          recorder.log_text()).groups())
        ballast.unlink()
        recorder.start()
        wait_until(lambda: recorder.query("SELECT 1 FROM gaps WHERE cause = 'recorder_stopped'"), "the stop is told")
        recorder.stop()
        gaps = {gap["cause"]: gap for gap in recorder.query("SELECT * FROM gaps WHERE cause != 'before the history begins'")}
        assert set(gaps) == {"database_error", "recorder_stopped"}
        assert (gaps["database_error"]["count"], gaps["database_error"]["exact"]) == (lost, 1)
        assert gaps["database_error"]["end"] == gaps["recorder_stopped"]["begin"] and stored > 0


def rubbish(number):
    """What the number-th hostile client sends: always the same."""
    source = random.Random(number)
    return [
        source.randbytes(5000),
        b"\n" * 1000,
        b'{"command":' * 1000 + b"\n",
        b'{"command":"recorder.status"',
        b'{"command":"recorder.status"}\n' * 50,
        b"[" * 100000 + b"\n",
        b'{"command":"recorder.tail","filters":[' + b'"process",' * 100 + b'"x"]}\n',
        b'{"command":"recorder.tail"}\n',
        b"A" * (2 << 20),
        b"",
    ][number % 10]


def test_hostile_clients(recorder, folder):
    """50 of them send rubbish, read nothing, vanish or stay: recording goes on."""
    clients = []

    def attack(number):
        client = recorder.connect()
        client.settimeout(5)
        clients.append(client)
        try:
            client.sendall(rubbish(number))
            if number % 3 == 0:
                client.close()
        except OSError:
            pass  # the server has every right to close
    threads = [threading.Thread(target=attack, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    truth = Truth("files", "storm", "300", folder)
    for thread in threads:
        thread.join()
    assert recorder.status()["state"] == "recording"
    recorder.stop()
    for client in clients:
        client.close()
    assert recorder.query("SELECT * FROM gaps") == []
    checks.files(recorder, truth)


# Watching

def test_tail(recorder, folder):
    command = [driver.BIN, "tail", "--state", recorder.state, "--json", f"file.path starts with '{folder}/'"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        try:
            # The first line shows that it listens; before it, nothing that follows may be expected.
            lines = []
            reader = threading.Thread(target=lambda: lines.extend(iter(tail.stdout.readline, b"")))
            reader.start()
            wait_until(lambda: Truth("files", "storm", "1", folder) and lines, "tail shows an event")
            seen = len(lines)
            truth = Truth("files", "storm", "5", folder)
            wait_until(lambda: sum(json.loads(line)["process"]["pid"] == truth.pid for line in list(lines[seen:])) == 20,
                       "tail shows all events")
            recorder.stop()
            reader.join(driver.DEADLINE_S)
            assert tail.wait(driver.DEADLINE_S) == 0
        finally:
            tail.kill()
    shown_acts = [json.loads(line) for line in lines if json.loads(line)["process"]["pid"] == truth.pid]
    assert [event["event"]["action"] for event in shown_acts] == [act["action"] for act in truth.acts]
    assert [event["file"]["path"] for event in shown_acts] == [os.fsdecode(bytes.fromhex(act["path"]))
                                                               for act in truth.acts]


def test_run_tail(new_recorder):
    recorder = new_recorder(arguments=["--tail"])
    recorder.start()
    truth = Truth("spawn", "storm", "3", driver.tiny())
    wait_until(lambda: str(truth.acts[-1]["pid"]) in recorder.log_text(), "the events are on the terminal")
    text = recorder.stop()
    assert "tiny" in text and "\x1b" not in text


# Replay

# Numbers of the database: it has more rows where the subscription of the run left something out. A row of processes is of
# the first event of a program, so that a program that was not seen to begin may have another one in the import.
OF_THE_DATABASE = {"sequence", "process_row", "id", "next_image", "host_boot_id"}


def rows_to_compare(database, view):
    """Each as text, in the order in which they were stored."""
    return [json.dumps({column: value for column, value in row.items() if column not in OF_THE_DATABASE})
            for row in driver.query(database, f"SELECT * FROM {view} ORDER BY {'id' if view == 'sessions' else 'sequence'}")]


def differences(row, others):
    """The columns in which the row differs from that of the others that is the nearest."""
    row, others = json.loads(row), [json.loads(other) for other in others]
    return min(([(column, value, other[column]) for column, value in row.items() if value != other[column]]
                for other in others), key=len, default=row)


@pytest.mark.parametrize("mode", ["audit-unicast", "audit-multicast", "ebpf"])
def test_capture_and_import(new_recorder, folder, tmp_path, mode):
    """The records of a run, imported, give the same rows in all columns, whoever else did something meanwhile."""
    capture, again = tmp_path / "capture.rec", tmp_path / "again.db"
    recorder = new_recorder(arguments=["--capture", capture, "--source", mode]).start()
    assert mode.removeprefix("audit-") in recorder.status()["event_source"]
    with Storm("spawn", "storm", "200", driver.tiny()):
        Truth("spawn", "ways", driver.tiny())
        Truth("identity", "changes")
        Truth("files", "all", folder)
        Truth("network", "all", folder)
    recorder.stop()
    assert capture.stat().st_mode & 0o077 == 0
    cli("import", "audit", capture, "--db", again, "--json")
    at_least = {"process_events": 500, "file_events": 20, "network_events": 20, "processes": 200,
                "image_events": 2 if mode == "ebpf" else 0}
    for view in [row["name"] for row in driver.query(again, "SELECT name FROM sqlite_master WHERE type = 'view'")]:
        live, imported = rows_to_compare(recorder.database, view), rows_to_compare(again, view)
        missing = collections.Counter(live) - collections.Counter(imported)
        more = collections.Counter(imported) - collections.Counter(live)
        assert [differences(row, more) for row in list(missing)[:9]] == [], \
            f"{sum(missing.values())} of {len(live)} rows of {view}"
        assert len(live) >= at_least.get(view, 0)
        if view.endswith("_events"):
            known = set(live)
            assert [row for row in imported if row in known] == live, f"order of {view}"
