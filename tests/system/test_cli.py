"""The commands: help, exit codes, errors, what they print."""
import contextlib
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import threading

import pytest

from driver import BIN, DEADLINE_S, cli, json_lines

COMMANDS = ["run", "query", "export", "show", "tree", "sessions", "timeline", "who", "gaps", "coverage", "tail", "status", "health",
            "config", "subscription", "snapshot", "audit-rules", "selinux", "import", "command", "uninstall", "help", "version"]
DAY = "2023-11-14"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def record(second, serial, kind, body):
    return f"type={kind} msg=audit({1700000000 + second}.000:{serial}): {body}\n"


def call(second, serial, syscall, pid, ppid, exe, paths=(), items="", **more):
    """A system call that went well, as the kernel tells it."""
    fields = {"exit": 0, "uid": 0, "auid": 1000, "ses": 3, "comm": exe.rsplit("/", 1)[1], **more}
    text = record(second, serial, "SYSCALL", (
        f"arch=c000003e syscall={syscall} success=yes exit={fields['exit']} a0={fields.get('a0', 'ffffff9c')} a1=1 a2={fields.get('a2', 0)} a3=0 "
        f"items={len(paths)} ppid={ppid} pid={pid} auid={fields['auid']} uid={fields['uid']} gid=0 euid={fields['uid']} "
        f"suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses={fields['ses']} comm=\"{fields['comm']}\" exe=\"{exe}\" key=(null)"))
    text += items
    if paths:
        text += record(second, serial, "CWD", 'cwd="/home/alice"')
    for number, (name, kind) in enumerate(paths):
        text += record(second, serial, "PATH", f"item={number} name={name} inode={100 + number} dev=08:01 mode=0100644 "
                                               f"ouid=0 ogid=0 rdev=00:00 nametype={kind}")
    return text


def argument(value):
    """As the kernel writes it: in quotes, or in hex what would break them."""
    plain = value.isprintable() and not set(value) & {" ", '"'}
    return f'"{value}"' if plain else value.encode().hex().upper()


def arguments(second, serial, *values):
    body = " ".join(f"a{number}={argument(value)}" for number, value in enumerate(values))
    return record(second, serial, "EXECVE", f"argc={len(values)} {body}")


LOG = "".join([
    call(0, 1, 59, 100, 50, "/bin/bash", [('"/bin/bash"', "NORMAL")], arguments(0, 1, "bash")),
    call(1, 2, 59, 101, 100, "/usr/bin/curl", [('"/usr/bin/curl"', "NORMAL")],
         arguments(1, 2, "curl", "-o", "two words", "\x1b[31mred")),
    call(2, 3, 257, 101, 100, "/usr/bin/curl", [('"/home/alice"', "PARENT"), ('"out"', "CREATE")], a2="241"),
    call(3, 4, 257, 101, 100, "/usr/bin/curl", [('"/home/alice"', "PARENT"), ("6E6577C3", "CREATE")], a2="241"),
    call(4, 5, 42, 101, 100, "/usr/bin/curl", items=record(4, 5, "SOCKADDR", "saddr=020001BB5DB8D8220000000000000000")),
    call(5, 6, 87, 101, 100, "/usr/bin/curl", [('"/home/alice"', "PARENT"), ('"out"', "DELETE")]),
    record(6, 7, "USER_LOGIN", "pid=200 uid=0 auid=1000 ses=9 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" hostname=client "
                               "addr=10.1.2.3 terminal=/dev/pts/1 res=success'"),
])


@pytest.fixture(scope="module", autouse=True)
def asks_the_mute(tmp_path_factory):
    """A command that asks a daemon which never answers. It is patient for some seconds, in which the other tests run."""
    folder = tmp_path_factory.mktemp("mute")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(folder / "recorder.sock"))
        mute.listen()
        with subprocess.Popen([BIN, "status", "--state", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            yield process
            process.kill()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    (folder / "audit.log").write_text(LOG)
    path = folder / "recorder.db"
    summary = json.loads(cli("import", "audit", folder / "audit.log", "--db", path, "--json").text)
    assert (summary["records"], summary["events"], summary["errors"]) == (LOG.count("\n"), 7, 0)
    return path


def query(database, *arguments, **options):
    """Events; the gaps that end the answer are for others to look at."""
    lines = json_lines(cli("query", "--db", database, "--json", *arguments, **options).text)
    return [line for line in lines if line.get("kind") != "gap"]


def actions(events):
    return [event["event"]["action"] for event in events]


# Help and errors

@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command):
    long, short = cli(command, "--help"), cli(command, "-h")
    assert long.text == short.text and not long.error
    assert f"recorder {command}" in long.text
    assert all(len(line) <= 100 for line in long.text.splitlines())
    overview = cli("help").text
    assert re.search(rf"^ +{command}\b", overview, re.MULTILINE)
    assert cli("help", command).text == long.text


def test_no_option_is_listed_twice():
    for command in [*COMMANDS, "verify", "redact"]:
        named = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", cli(command, "--help").text, re.M)
        assert len(named) == len(set(named)), (command, named)


def test_version():
    assert re.fullmatch(r"recorder \d+\.\d+\.\d+\n", cli("version").text)
    assert cli("--version").text == cli("version").text


@pytest.mark.parametrize("wrong, hint", [
    (("qery",), "query"),
    (("query", "--limt", "5"), "--limit"),
    (("query", "--limit", "five"), "--limit"),
    (("query", "--limit"), "--limit"),
    (("query", "--since", "someday"), "--since"),
    (("query", "--type", "proces"), "process"),
    (("query", "process.pth is '/bin/ls'"), "process.path"),
    (("query", "process.path is"), "process.path is"),
    (("query", "--group-by", "process.pth"), "process.path"),
    (("query", "--group-by", "process.path,process.pid,user.name"), "more than 2"),
    (("query", "file", "--group-by", "dns.query"), "dns.query"),
    (("query", "--count", "--group-by", "process.path"), "--group-by"),
    (("query", "--count", "--csv"), "--count"),
    (("query", "--follow-process", "bash"), "bash"),
    (("query", "--at", "10m"), "--follow-process"),
    (("query", "process.path matches '('"), "("),
    (("query", "process.pid is 'x'"), "process.pid"),
    (("query", "network.addr in '300.1.1.1/8'"), "300.1.1.1/8"),
    (("show",), "EVENT"),
    (("version", "extra"), "extra"),
    (("config",), "argument"),
    (("config", "lst"), "list"),
    (("config", "set", "EnableEtw"), "config set NAME VALUE"),
    (("config", "list", "EnableEtw"), "config list"),
    (("audit-rules",), "argument"),
    (("audit-rules", "lst"), "register, show, remove, check"),
    (("audit-rules", "check"), "audit-rules check FILE"),
    (("audit-rules", "show", "x"), "audit-rules show"),
    (("audit-rules", "check", "/no/such/file"), "/no/such/file"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_wrong_use(wrong, hint):
    done = cli(*wrong, check=2)
    assert done.error.startswith("recorder: ") and hint in done.error
    assert not done.text


def test_rules_are_checked(tmp_path):
    rules = tmp_path / "audit.rules"
    rules.write_text(f"# reads\n-a always,exit -F dir={tmp_path} -F perm=r -k reads\n-a always,exclude -F msgtype=CWD\n")
    done = cli("audit-rules", "check", rules)
    assert "2 rules" in done.text and "line 3 takes records away" in done.error
    assert json.loads(cli("audit-rules", "check", rules, "--json").text) == {"rules": 2, "hiding_lines": [3]}
    assert cli("audit-rules", "check", "-", stdin=None, input=rules.read_bytes()).text == done.text
    for text, hint in ((b"-a always,exit -S opnat\n", "line 1, column 19: no system call"), (b"\n-w /etc\n", "line 2, column 1: watches"),
                       (b"-a always,exit -F dir=/no/such -F perm=r", "line 1: /no/such: No such file"), (b"", "no rule")):
        rules.write_bytes(text)
        done = cli("audit-rules", "check", rules, check=2)
        assert hint in done.error and not done.text
    # All that is wrong is said, each with its line.
    rules.write_text(f"-a always,exit -S opnat\n-a always,exit -F dir={tmp_path} -F perm=r\n\n-w /etc\n-a always,exit -F dir=/no/such -F perm=r\n")
    for verb in ("check", "register"):
        lines = cli("audit-rules", verb, rules, check=2).error.splitlines()
        assert [line.split(": ")[3].split(",")[0] for line in lines] == ["line 1", "line 4", "line 5"], lines
    rules.write_bytes(b"-a always,exit -S open -k \xff\n")
    assert "not UTF-8" in cli("audit-rules", "register", rules, "--state", tmp_path, check=2).error
    assert "not running" in cli("audit-rules", "show", "--state", tmp_path, check=3).error


def test_no_command():
    assert "query" in cli(check=2).text


def test_no_database(tmp_path):
    done = cli("query", "--db", tmp_path / "none.db", check=1)
    assert str(tmp_path / "none.db") in done.error and done.error.count("\n") == 1
    other = tmp_path / "other.db"
    other.write_bytes(b"not a database, whatever its name says" * 100)
    assert "other.db" in cli("query", "--db", other, check=1).error
    assert list(tmp_path.iterdir()) == [other]


def test_no_daemon(tmp_path):
    for command in ("status", "tail"):
        done = cli(command, "--state", tmp_path, check=3)
        assert done.error.startswith("recorder: ") and str(tmp_path) in done.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_no_permission(database):
    folder = database.parent
    folder.chmod(0o700)
    for command in (["query", "--db", database], ["status", "--state", folder]):
        done = cli(*command, check=None, user=65534, group=65534, extra_groups=[])
        assert done.returncode in (1, 3, 4) and done.error.startswith("recorder: "), done.error
    assert cli("query", "--db", database, check=4, user=65534, group=65534, extra_groups=[]).error


def test_closed_output(database):
    """`recorder query | head -1` ends quietly; a full disk does not."""
    done = subprocess.run(["bash", "-o", "pipefail", "-c", '"$0" query --db "$1" --json | head -1', BIN, database],
                          capture_output=True, text=True)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN, "query", "--db", database], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.startswith("recorder: ")


@pytest.mark.parametrize("output, why", [(None, "Bad file descriptor"), ("/dev/full", "No space left on device"),
                                         ("pipe", "Broken pipe")])
def test_output_that_nobody_gets(database, output, why):
    """Is no success, and the reason is the right one."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe, open("/dev/full", "w") as full:
        done = subprocess.run([BIN, "query", "--db", database, "--json", "-n0"], stdout=pipe if output == "pipe" else full,
                              stderr=subprocess.PIPE, text=True, preexec_fn=None if output else lambda: os.close(1),
                              restore_signals=False)
    assert done.returncode == 1 and done.stderr == f"recorder: cannot write the output: {why}\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_numbers(tmp_path, closed):
    """Whoever closed 0, 1 or 2 before: the database does not get that number, nor what is read or said by it."""
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text(LOG)
    subprocess.run(["sh", "-c", f'exec "$0" import audit - /nonexistent "$1" --db "$2" {closed}', BIN, log, database],
                   stdin=subprocess.DEVNULL, capture_output=True, check=False)
    cli("import", "audit", log, "--db", tmp_path / "y.db")
    assert query(database) == query(tmp_path / "y.db")


@pytest.mark.parametrize("name", [":memory:", "file:x", "a?mode=memory"])
def test_names_that_are_special_to_the_database(tmp_path, name):
    """Are names of files here."""
    (tmp_path / "audit.log").write_text(LOG)
    cli("import", "audit", "audit.log", "--db", name, cwd=tmp_path)
    assert (tmp_path / name).stat().st_size > 0
    assert int(cli("query", "--count", "--db", name, cwd=tmp_path).text) > 0


def test_wrong_places_are_named(database, tmp_path):
    """What is refused says what is wrong with which file."""
    for command in (["query"], ["import", "audit", "/dev/null"]):
        assert "empty name" in cli(*command, "--db", "", check=2).error
    shutil.copy(database, tmp_path / "linked.db")
    (tmp_path / "linked.db-wal").symlink_to("elsewhere")
    error = cli("import", "audit", "/dev/null", "--db", tmp_path / "linked.db", check=1).error
    assert "-wal" in error and "directory" not in error
    shutil.copy(database, tmp_path / "version.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "version.db")) as db:
        db.execute("pragma user_version = -1")
    for command in (["query"], ["import", "audit", "/dev/null"]):
        error = cli(*command, "--db", tmp_path / "version.db", check=1).error
        assert "which no recorder writes" in error and "not an error" not in error


def test_damaged_history_is_named(database, tmp_path):
    """With what to do about it."""
    damaged = tmp_path / "damaged.db"
    shutil.copy(database, damaged)
    with contextlib.closing(sqlite3.connect(damaged)) as db:
        page, = db.execute("select rootpage from sqlite_schema where name = 'event_process'").fetchone()
    with open(damaged, "r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    for command in ("query", "export"):
        error = cli(command, "--db", damaged, check=1).error
        assert f"{damaged} is damaged" in error and "recorder verify" in error


def test_damage_that_is_not_seen_is_found(database, tmp_path):
    """A page that lost its rows and is a page all the same: who reads it sees fewer events and no error."""
    damaged = tmp_path / "damaged.db"
    shutil.copy(database, damaged)
    result, = json_lines(cli("verify", "--no-key", "--json", "--db", damaged, check=1).text)
    assert not result["chain"] and result["findings"] == 0
    assert "is not damaged, but nothing says" in cli("verify", "--no-key", "--db", damaged, check=1).text
    with contextlib.closing(sqlite3.connect(damaged)) as db:
        page, = db.execute("select rootpage from sqlite_schema where name = 'event_process'").fetchone()
        before, = db.execute("select count(*) from event_process").fetchone()
    with open(damaged, "r+b") as file:
        file.seek((page - 1) * 4096 + 3)
        file.write(b"\0\0")                             # cells of the page (sqlite.org/fileformat.html, 1.6)
    with contextlib.closing(sqlite3.connect(damaged)) as db:
        assert db.execute("select count(*) from event_process").fetchone()[0] < before
    *findings, result = json_lines(cli("verify", "--no-key", "--json", "--db", damaged, check=1).text)
    assert findings and result["findings"] == len(findings) and not result["whole"]
    assert {finding["finding"] for finding in findings} == {"damaged"} and all(finding["text"] for finding in findings)
    text = cli("verify", "--no-key", "--db", damaged, check=1).text
    assert "the file: damaged, so that some of it is not read: " in text and "NOT whole" in text


def test_odd_databases(tmp_path):
    """What is no file is neither waited for nor called a disk that fails."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        assert "is not a file" in cli("query", "--db", path, check=1, timeout_s=10).error


# Settings, without a recorder: in the file

def config(folder, *arguments, **options):
    return cli("config", *arguments, "--config", folder, "--state", folder, **options)


def test_config_list(tmp_path):
    (tmp_path / "recorder.conf").write_text("StatusUpdateInterval = 7\n")
    settings = {setting["name"]: setting for setting in json.loads(config(tmp_path, "list", "--json").text)}
    assert len(settings) >= 102 and all(name.startswith("CX.recorder.") for name in settings)
    status, etw = settings["CX.recorder.StatusUpdateInterval"], settings["CX.recorder.EnableEtw"]
    assert (status["value"], status["default"], status["origin"], status["platform"]) == (7, 60, "file", "all")
    assert (etw["origin"], etw["platform"], etw["acts"]) == ("default", "windows", "not on this platform")
    table = config(tmp_path, "list").text.splitlines()
    assert len(table) == len(settings) + 1 and table[0].split()[:4] == ["NAME", "VALUE", "DEFAULT", "FROM"]
    assert re.search(r"^StatusUpdateInterval +7 +60 +file +all ", "\n".join(table), re.MULTILINE)


def test_config_set_and_reset(tmp_path):
    path = tmp_path / "new" / "recorder.conf"
    folder = path.parent
    assert config(folder, "get", "StatusUpdateInterval").text == "60\n" and not folder.exists()
    done = config(folder, "set", "CX.recorder.StatusUpdateInterval", "7")
    assert "CX.recorder.StatusUpdateInterval = 7" in done.text and "not running" in done.text
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("# mine\n\n  StatusUpdateInterval = 7   # why\nEnableEtw = 0\n")
    config(folder, "set", "StatusUpdateInterval", "8")
    config(folder, "set", "FileInfoProviderName", "other one")
    assert path.read_text() == ("# mine\n\n  StatusUpdateInterval = 8   # why\nEnableEtw = 0\n"
                                "CX.recorder.FileInfoProviderName = other one\n")
    assert config(folder, "get", "FileInfoProviderName").text == "other one\n"
    config(folder, "reset", "StatusUpdateInterval")
    config(folder, "reset", "FileInfoProviderName")
    assert path.read_text() == "# mine\n\n# why\nEnableEtw = 0\n"
    assert json.loads(config(folder, "get", "StatusUpdateInterval", "--json").text)["origin"] == "default"
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("arguments, hint", [
    (("set", "StatusUpdateInterval", "0"), "StatusUpdateInterval: 0 is out of range (1 to 86400 s)"),
    (("set", "StatusUpdateInterval", "1m"), "'1m' is not a whole number"),
    (("set", "EnableEtw", "yes"), "EnableEtw: 'yes' is neither 0 nor 1"),
    (("set", "AudispdOverflowAction", "panic"), "ignore, syslog, suspend, single or halt"),
    (("set", "StatusUpdateIntervall", "5"), "did you mean 'StatusUpdateInterval'?"),
    (("reset", "CX.recorder.EnableEtv"), "did you mean 'EnableEtw'?"),
    (("get", "\x1b[31m"), "unknown setting"),
])
def test_config_refuses(tmp_path, arguments, hint):
    path = tmp_path / "recorder.conf"
    path.write_text("# mine\n")
    done = config(tmp_path, *arguments, check=2)
    assert hint in done.error and "\x1b" not in done.error
    assert path.read_text() == "# mine\n"


def test_config_of_a_bad_file(tmp_path):
    """The place is told; what is not read is not written; the wrong value itself is mended."""
    path = tmp_path / "recorder.conf"
    path.write_text("# mine\nStatusUpdateInterval = x\n")
    assert f"{path}:2: StatusUpdateInterval: 'x' is not" in config(tmp_path, "list", check=1).error
    assert f"{path}:2: " in config(tmp_path, "set", "EnableEtw", "0", check=2).error
    assert path.read_text() == "# mine\nStatusUpdateInterval = x\n"
    config(tmp_path, "set", "StatusUpdateInterval", "5")
    assert path.read_text() == "# mine\nStatusUpdateInterval = 5\n"
    path.unlink()
    path.mkdir()
    assert "directory" in config(tmp_path, "list", check=1).error


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_config_without_permission(tmp_path):
    path = tmp_path / "recorder.conf"
    path.write_text("StatusUpdateInterval = 7\n")
    path.chmod(0o600)
    tmp_path.chmod(0o700)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    for arguments in (["list"], ["set", "EnableEtw", "0"]):
        assert "ermission denied" in config(tmp_path, *arguments, check=4, **nobody).error
    assert path.read_text() == "StatusUpdateInterval = 7\n"


def test_config_asks_the_daemon(tmp_path):
    """Where a recorder runs it is asked, and the file is its to change."""
    answer = {"name": "CX.recorder.StatusUpdateInterval", "value": 7, "default": 60, "origin": "file", "platform": "all",
              "acts": "at once", "effect": "x"}
    asked = []

    def serve():
        for _ in range(2):      # the first only looks whether somebody is there
            peer, _ = server.accept()
            with peer:
                line = peer.makefile().readline()
                if line:
                    asked.append(json.loads(line))
                    peer.sendall(json.dumps({"ok": True, "result": answer}).encode() + b"\n")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "recorder.sock"))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        done = config(tmp_path, "set", "StatusUpdateInterval", "7")
        thread.join()
    assert done.text == "CX.recorder.StatusUpdateInterval = 7 (at once)\n"
    assert asked == [{"command": "recorder.set-setting", "name": "StatusUpdateInterval", "value": "7"}]
    assert not (tmp_path / "recorder.conf").exists()


# Query

def test_query_all(database):
    events = query(database)
    assert actions(events) == ["exec", "exec", "create", "create", "connect", "delete", "login"]
    times = [event["@timestamp"] for event in events]
    assert times == sorted(times) and times[0] == f"{DAY}T22:13:20.000000000Z"


@pytest.mark.parametrize("arguments, found", [
    (["process"], ["exec", "exec"]),
    (["--type", "file"], ["create", "create", "delete"]),
    (["--type", "file,network"], ["create", "create", "connect", "delete"]),
    (["process.path is '/usr/bin/curl'"], ["exec", "create", "create", "connect", "delete"]),
    (["process.path is '/usr/bin/curl'", "file.operation is 'create'"], ["create", "create"]),
    (["process.parent_path is '/bin/bash'", "process"], ["exec"]),
    (["process.path is not '/usr/bin/curl'"], ["exec", "login"]),
    (["file.path starts with '/home/alice/'", "file.path not ends with 'out'"], ["create"]),
    (["network.addr in '93.184.0.0/16'"], ["connect"]),
    (["network.port is '443'"], ["connect"]),
    (["network.port less than '443'"], []),
    (["process.cmd contains 'two words'", "process"], ["exec"]),
    (["process.cmd matches '^curl +-o'", "process"], ["exec"]),
    (["event.action is 'login'"], ["login"]),
    (["security_event.id is 'USER_LOGIN'"], ["login"]),
    (["process.pid is '100'"], ["exec"]),
    (["--limit", "2"], ["delete", "login"]),
    (["--limit", "0"], ["exec", "exec", "create", "create", "connect", "delete", "login"]),
    (["--since", f"{DAY}T22:13:24Z"], ["connect", "delete", "login"]),
    (["--since", f"{DAY}T22:13:24Z", "--until", f"{DAY}T22:13:25Z"], ["connect"]),
    (["--until", f"{DAY}T22:13:20Z"], []),
    (["--since", "10m"], []),
    (["--since", "2023-11-14T23:13:24+01:00"], ["connect", "delete", "login"]),
])
def test_filters(database, arguments, found):
    assert actions(query(database, *arguments)) == found


def test_json(database):
    events = query(database)
    curl, create, odd, connect, login = events[1], events[2], events[3], events[4], events[6]
    assert curl["process"]["args"] == ["curl", "-o", "two words", "\x1b[31mred"]
    assert curl["process"]["parent"]["executable"] == "/bin/bash"
    assert curl["user"]["id"] in (0, "0") and curl["user"]["audit"]["id"] in (1000, "1000")
    assert curl["event"]["type"] == ["start"] and curl["event"]["category"] == ["process"]
    assert create["file"]["path"] == "/home/alice/out"
    assert odd["file"]["path"] == "/home/alice/new%C3" and odd["recorder"]["escaped"] == ["file.path"]
    assert connect["destination"] == {"ip": "93.184.216.34", "port": 443}
    assert login["source"]["ip"] == "10.1.2.3" and login["user"]["target"]["id"] in (1000, "1000")
    assert len({event["event"]["id"] for event in events}) == len(events)
    assert [event["event"]["sequence"] for event in events] == sorted(event["event"]["sequence"] for event in events)


def test_csv(database):
    rows = list(csv.DictReader(io.StringIO(cli("query", "--db", database, "--csv").text)))
    assert len(rows) == 7
    assert [row["action"] for row in rows] == actions(query(database))


def groups(database, fields, *arguments):
    """What has which value how often, and the line that tells of the rest."""
    lines = json_lines(cli("query", "--db", database, "--json", "--group-by", fields, *arguments).text)
    *rows, others = [line for line in lines if line.get("kind") != "gap"]
    assert others.pop("kind") == "others"
    return [(*(row[name] for name in fields.split(",")), row["count"]) for row in rows], others


def test_count(database):
    assert cli("query", "--db", database, "--count").text == "7\n"
    assert cli("query", "--db", database, "--count", "file.operation is 'create'").text == "2\n"
    assert cli("query", "--db", database, "--count", "--type", "file,network", "--json").text == '{"count":4}\n'
    assert cli("query", "--db", database, "--count", "dns").text == "0\n"
    assert cli("query", "--db", database, "--count", "--limit", "3").text == "3\n"


@pytest.mark.parametrize("fields, arguments, found", [
    ("process.path", [], [("/usr/bin/curl", 5), ("/bin/bash", 1), ("/usr/sbin/sshd", 1)]),
    ("process.executable", ["file"], [("/usr/bin/curl", 3)]),
    ("event.category", [], [("file", 3), ("process", 2), ("network", 1), ("security", 1)]),
    ("file.operation", [], [("create", 2), ("delete", 1)]),
    ("file.path,event.action", ["--type", "file"], [("/home/alice/new%C3", "create", 1), ("/home/alice/out", "create", 1),
                                                   ("/home/alice/out", "delete", 1)]),
    ("network.addr,network.port", [], [("93.184.216.34", 443, 1)]),
    ("destination.ip", [], [("93.184.216.34", 1)]),
    ("process.parent_path", ["process"], [("/bin/bash", 1), (None, 1)]),
    ("process.ancestry_path", ["--until", f"{DAY}T22:13:22Z"], [("/bin/bash", 1), (None, 1)]),
    ("process.args", ["process.pid is '101'", "process"], [("\x1b[31mred", 1), ("-o", 1), ("curl", 1), ("two words", 1)]),
    ("dns.query", [], []),
])
def test_group_by(database, fields, arguments, found):
    rows, others = groups(database, fields, *arguments)
    assert sorted(rows, key=str) == sorted(found, key=str)
    assert [row[-1] for row in rows] == sorted((row[-1] for row in rows), reverse=True)
    assert others["count"] == 0 and not others["more_values"]


def test_group_by_shows_the_most_frequent(database):
    rows, others = groups(database, "process.path", "--limit", "1")
    assert rows == [("/usr/bin/curl", 5)] and (others["events"], others["values"], others["count"]) == (7, 2, 2)
    line = json_lines(cli("query", "--db", database, "--json", "--group-by", "process.path").text)[0]
    assert line == {"process.path": "/usr/bin/curl", "count": 5, "count_max": 5, "share": 71.43,
                    "first": f"{DAY}T22:13:21.000000000Z", "last": f"{DAY}T22:13:25.000000000Z"}
    done = cli("query", "--db", database, "--csv", "--group-by", "process.path", "--limit", "2")
    assert [row["count"] for row in csv.DictReader(io.StringIO(done.text))] == ["5", "1"]
    text = cli("query", "--db", database, "--group-by", "process.path", "--utc").text
    assert "71.4 %" in text and "22:13:21" in text and "7 events" in text
    assert "process.path" in text.splitlines()[0]


def test_group_by_more_than_fits(tmp_path):
    """More values than are kept: the frequent one is told, and that the rest is not exact."""
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    with log.open("w") as file:
        for serial in range(1, 2001):
            file.write(call(serial, serial, 59, 100, 50, "/bin/job", [('"/bin/job"', "NORMAL")],
                            arguments(serial, serial, "hot", *(f"{serial}.{number}" for number in range(60)))))
    cli("import", "audit", log, "--db", database)
    assert cli("query", "--db", database, "--count").text == "2000\n"
    rows, others = groups(database, "process.args")
    assert rows[0] == ("hot", 2000)
    assert others["more_values"] and 0 < others["count_max"] <= 3
    assert sum(row[-1] for row in rows) + others["count"] == 2000 * 61
    text = cli("query", "--db", database, "--group-by", "process.args").text
    assert "more values than are kept" in text and "at least" in text


def test_the_newest_of_many(tmp_path):
    """More than are kept in memory: they are the same, and in the same order."""
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text("".join(record(serial // 1000, serial, "USER_LOGIN" if serial % 2 else "USER_LOGOUT",
                                  "pid=200 uid=0 auid=1000 ses=9 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" hostname=? "
                                  "addr=10.1.2.3 terminal=ssh res=success'") for serial in range(1, 12001)))
    cli("import", "audit", log, "--db", database)
    for filters in ([], ["security.login"]):
        lines = cli("query", "--db", database, "--json", *filters).text.splitlines()
        assert len(lines) > 5000
        for limit in (4096, 4097, 5000, 20000):
            newest = cli("query", "--db", database, "--json", *filters, "--limit", limit).text.splitlines()
            assert newest == lines[-limit:]
    assert cli("query", "--db", database, "dns", "--limit", "5000").text == "No such event in the history.\n"


def test_follow_process(database):
    """A process and all below it, in order, and nothing else."""
    everything = ["exec", "exec", "create", "create", "connect", "delete"]
    assert actions(query(database, "--follow-process", "100")) == everything
    assert actions(query(database, "--follow-process", "101")) == everything[1:]
    assert actions(query(database, "--follow-process", "100", "file", "--limit", "1")) == ["delete"]
    entity = query(database, "process.pid is '101'", "--limit", "1")[0]["process"]["entity_id"]
    assert actions(query(database, "--follow-process", entity)) == everything[1:]
    assert cli("query", "--db", database, "--follow-process", entity, "--count").text == "5\n"
    assert "4000000" in cli("query", "--db", database, "--follow-process", "4000000", check=1).error
    assert "at this time" in cli("query", "--db", database, "--follow-process", "101", "--at", "2001-01-01", check=1).error


def test_follow_a_pid_that_was_used_again(tmp_path):
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text("".join([
        call(0, 1, 59, 300, 50, "/bin/first", [('"/bin/first"', "NORMAL")], arguments(0, 1, "first")),
        call(1, 2, 231, 300, 50, "/bin/first"),
        call(100, 3, 59, 300, 60, "/bin/second", [('"/bin/second"', "NORMAL")], arguments(100, 3, "second")),
    ]))
    cli("import", "audit", log, "--db", database)
    events = query(database)
    entities = {event["process"]["executable"]: event["process"]["entity_id"] for event in events}
    assert len(entities) == 2 == len(set(entities.values()))
    error = cli("query", "--db", database, "--follow-process", "300", check=1).error
    assert "2 processes" in error and "--at" in error and all(entity in error for entity in entities.values())
    for name, entity in entities.items():
        assert {event["process"]["executable"] for event in query(database, "--follow-process", entity)} == {name}
    found = query(database, "--follow-process", "300", "--at", f"{DAY}T22:16:00Z")
    assert {event["process"]["executable"] for event in found} == {"/bin/second"}


def test_follow_a_pid_whose_process_had_ended(tmp_path):
    """A process that ended does not come back with a later row of its child."""
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text("".join([
        call(0, 1, 56, 50, 1, "/bin/sh", exit=300),
        call(1, 2, 59, 300, 50, "/bin/first", [('"/bin/first"', "NORMAL")], arguments(1, 2, "first")),
        call(2, 3, 56, 300, 50, "/bin/first", exit=301),
        call(3, 4, 59, 301, 300, "/bin/child", [('"/bin/child"', "NORMAL")], arguments(3, 4, "child")),
        call(10, 5, 231, 300, 50, "/bin/first"),
        call(100, 6, 59, 301, 1, "/bin/child2", [('"/bin/child2"', "NORMAL")], arguments(100, 6, "child2")),
        call(200, 7, 56, 50, 1, "/bin/sh", exit=300),
        call(201, 8, 59, 300, 50, "/bin/second", [('"/bin/second"', "NORMAL")], arguments(201, 8, "second")),
    ]))
    cli("import", "audit", log, "--db", database)
    assert "at this time" in cli("query", "--db", database, "--follow-process", "300", "--at", f"{DAY}T22:14:20Z", check=1).error
    found = query(database, "--follow-process", "300", "--at", f"{DAY}T22:17:00Z")
    assert found[-1]["process"]["executable"] == "/bin/second"


def test_a_pid_of_many_processes_counts_each_once(tmp_path):
    """Also those that come again as parents when there is no longer room to name them."""
    log, database = tmp_path / "c.rec", tmp_path / "x.db"
    log.write_text("".join(
        f"type=RECORDER_FORK msg=recorder(1700000000.{i:09}:{i + 2}): pid={i + 2} ppid=1 start_ticks={i + 100}\n"
        f"type=RECORDER_FORK msg=recorder(1700000000.{i:09}:1): pid=1 ppid={i + 2} start_ticks={i + 100}\n" for i in range(30)))
    cli("import", "audit", log, "--db", database)
    with contextlib.closing(sqlite3.connect(database)) as db:
        n, = db.execute("select count(distinct process_entity_id) from processes where process_pid = 1").fetchone()
    assert n > 8 and f"that of {n} processes" in cli("timeline", "1", "--db", database, check=1).error


def test_table_is_plain_text_off_a_terminal(database):
    done = cli("query", "--db", database, env={**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"})
    assert "\x1b" not in done.text and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.text)
    assert "/home/alice/out" in done.text and "93.184.216.34" in done.text
    assert "\x1b" in cli("query", "--db", database, "--color", "always").text.replace("\x1b[31mred", "")


def on_a_terminal(*command, columns=100, environment=()):
    """What a command prints on a terminal that wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    env.update(TERM="xterm-256color", LANG="C.UTF-8", **dict(environment))
    with subprocess.Popen([BIN, *map(str, command)], stdin=slave, stdout=slave, stderr=slave, env=env) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
    os.close(master)
    assert process.returncode == 0
    return text.decode()


def test_table_on_a_terminal(database):
    wide = on_a_terminal("query", "--db", database, columns=80)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", wide)
    assert "\x1b[" in wide
    assert "\x1b[31mred" not in wide and "\x1b" not in plain, "what a recording holds does not command the terminal"
    assert all(len(line) <= 80 for line in plain.splitlines())
    assert "\x1b" not in on_a_terminal("query", "--db", database, environment={"NO_COLOR": "1"})


def test_show_tells_what_stands_in_a_script(tmp_path):
    """A line a line, whatever is in it; all of it is in the JSON."""
    text = "#!/bin/sh\n\techo \x1b[31mred\n\nexit 0"
    log = tmp_path / "log"
    log.write_text(f"type=RECORDER_DIGEST msg=recorder(1700000010.000000000:0): device=7 inode=8 ctime=9 state=ok path=2F78 "
                   f"text={text.encode().hex().upper()} cut=1\n")
    cli("import", "audit", log, "--db", tmp_path / "x.db")
    told, = query(tmp_path / "x.db", "--type", "recorder")
    assert (told["file"]["content"], told["recorder"]["truncated"]) == (text, ["content"])
    shown = [line.rstrip() for line in cli("show", told["event"]["id"], "--db", tmp_path / "x.db").text.splitlines()]
    at = next(i for i, line in enumerate(shown) if line.split() == ["content", "#!/bin/sh"])
    assert [line.strip() for line in shown[at + 1:at + 4]] == ["\\techo \\x1b[31mred", "", "exit 0"]
    assert json_lines(cli("show", told["event"]["id"], "--json", "--db", tmp_path / "x.db").text) == [told]


def test_gaps_at_the_end(tmp_path):
    """A query says what may be missing in its range, and only there."""
    log = tmp_path / "audit.log"
    log.write_text(LOG + "type=RECORDER_GAP msg=recorder(1700000010.000000000:0): begin=1700000002000000000 "
                         "end=1700000003000000000 class=all count=5 unit=records exact=1 cause=kernel_lost\n")
    database = tmp_path / "x.db"
    cli("import", "audit", log, "--db", database)
    text = cli("query", "--db", database).text
    assert "kernel_lost" in text.splitlines()[-1] or "kernel_lost" in "\n".join(text.splitlines()[-4:])
    assert "kernel_lost" not in cli("query", "--db", database, "--until", f"{DAY}T22:13:21Z").text
    gap = {"kind": "gap", "begin": f"{DAY}T22:13:22.000000000Z", "end": f"{DAY}T22:13:23.000000000Z", "class": "all",
           "count": 5, "unit": "records", "exact": True, "cause": "kernel_lost"}
    *_, told = json_lines(cli("query", "--db", database, "--json").text)
    assert "AuditdRulesBufferSize" in told["mend"] and told["why"]
    gap = {**gap, "why": told["why"], "mend": told["mend"]}
    assert told == gap
    assert json_lines(cli("gaps", "--db", database, "--json").text) == [gap]
    event, = query(database, "--type", "recorder")
    assert event["event"]["action"] == "gap" and event["gap"]["count"] == 5
    assert "kernel_lost" in cli("gaps", "--db", database).text


def gap_record(number, **fields):
    fields = {"begin": 1700000002000000000, "end": 1700000003000000000, "class": "all", **fields}
    return f"type=RECORDER_GAP msg=recorder({1700000010 + number}.000000000:0): " + " ".join(
        f"{name}={value}" for name, value in fields.items() if value is not None) + "\n"


def test_every_cause_is_explained(tmp_path):
    """Each cause that docs/ARCHITECTURE.md names is told in words, with what mends it."""
    loss, = re.findall(r"^## Loss\n(.*?)^## ", (ROOT / "docs" / "ARCHITECTURE.md").read_text(), re.DOTALL | re.MULTILINE)
    causes = set(re.findall(r"`([a-z_]+)`", loss))
    assert {"kernel_lost", "queue_full", "recorder_died", "clock_step"} < causes
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text("".join(gap_record(number, cause=cause) for number, cause in enumerate(sorted(causes))))
    cli("import", "audit", log, "--db", database)
    told = json_lines(cli("gaps", "--db", database, "--json").text)
    assert {gap["cause"] for gap in told if len(gap["why"]) > 10 and len(gap["mend"]) > 10} == causes
    text = cli("gaps", "--db", database).text
    assert all(f"\n{gap['cause']}: {gap['why']}\n    mend: {gap['mend']}\n" in text for gap in told)
    assert "mend:" not in cli("query", "--db", database).text


def test_what_is_not_known_of_a_gap(tmp_path):
    log, database = tmp_path / "audit.log", tmp_path / "x.db"
    log.write_text(gap_record(0, begin=0, cause="database_damaged") +
                   gap_record(1, count=7, unit="records", exact=0, cause="no_memory") + gap_record(2, cause="made_up"))
    cli("import", "audit", log, "--db", database)
    damaged, memory, unknown = json_lines(cli("gaps", "--db", database, "--json").text)
    assert damaged["begin"] is None and damaged["count"] is None and not damaged["exact"]
    assert memory["count"] == 7 and not memory["exact"]
    assert unknown["cause"] == "made_up" and "why" not in unknown
    text = cli("gaps", "--db", database).text
    assert "1970" not in text and "at least 7 records" in text and "made_up" in text
    assert "before" in cli("gaps", "--db", database, "--since", "10m", "--until", "20m", check=2).error
    assert "made_up" not in cli("gaps", "--db", database, "--until", f"{DAY}T22:13:20Z").text


def test_no_gaps(database):
    assert cli("gaps", "--db", database).text
    assert cli("gaps", "--db", database, "--json").text == ""


# Export

@pytest.mark.parametrize("arguments", [[], ["file"], ["--since", f"{DAY}T22:13:23Z"], ["--type", "network"], ["dns"]])
def test_export_is_what_query_shows(database, arguments):
    wanted = {form: cli("query", "--db", database, f"--{form}", *arguments).stdout for form in ("json", "csv")}
    assert cli("export", "--db", database, *arguments).stdout == wanted["json"]
    assert cli("export", "--db", database, "--format", "ndjson", *arguments).stdout == wanted["json"]
    assert cli("export", "--db", database, "--format", "csv", *arguments).stdout == wanted["csv"]


def test_export_to_the_standard_output(database, tmp_path):
    assert cli("export", "--db", database, "-o", "-", cwd=tmp_path).text == cli("export", "--db", database).text
    assert not list(tmp_path.iterdir())


def test_export_to_a_file(database, tmp_path):
    out, part = tmp_path / "out", tmp_path / "out.part"
    wanted = cli("query", "--db", database, "--json").stdout
    assert cli("export", "--db", database, "--output", out).text == f"{out}: 7 events\n"
    assert out.read_bytes() == wanted and out.stat().st_mode & 0o7777 == 0o600 and not part.exists()
    assert "--force" in cli("export", "--db", database, "--output", out, "file", check=1).error
    assert out.read_bytes() == wanted
    cli("export", "--db", database, "--output", out, "--force", "--format", "csv")
    assert out.read_bytes() == cli("query", "--db", database, "--csv").stdout
    out.unlink()
    part.write_text("left by one that was killed")
    assert "out.part" in cli("export", "--db", database, "--output", out, check=1).error
    assert part.read_text() and not out.exists()
    with part.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another" in cli("export", "--db", database, "--output", out, "--force", check=1).error
    cli("export", "--db", database, "--output", out, "--force")
    assert out.read_bytes() == wanted and not part.exists()


def test_export_refuses(database, tmp_path):
    before = database.read_bytes()
    assert "history itself" in cli("export", "--db", database, "--output", database, "--force", check=1).error
    assert database.read_bytes() == before
    assert "no ordinary file" in cli("export", "--db", database, "--output", "/dev/null", "--force", check=1).error
    assert "No such file" in cli("export", "--db", database, "--output", tmp_path / "no" / "out", check=1).error
    assert "--output" in cli("export", "--db", database, "--force", check=2).error
    assert "ndjson|csv" in cli("export", "--db", database, "--format", "xml", check=2).error
    assert cli("export", "--db", tmp_path / "none.db", "--output", tmp_path / "out", check=1).error
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_export_without_permission(database, tmp_path):
    tmp_path.chmod(0o755)
    copy = tmp_path / "copy.db"
    cli("snapshot", copy, "--db", database)
    os.chown(copy, 65534, 65534)
    assert cli("export", "--db", copy, "--output", tmp_path / "out", check=4, user=65534, group=65534, extra_groups=[]).error
    assert not list(tmp_path.glob("out*"))


def limit_files():
    """What is longer than that cannot be written: a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def interrupt_before():
    """Ctrl-C that comes before the program can have finished."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("prepare, why", [(limit_files, "too large"), (interrupt_before, "interrupted")])
def test_export_leaves_no_half_file(database, tmp_path, prepare, why):
    out, copy = tmp_path / "out", tmp_path / "copy.db"
    cli("snapshot", copy, "--db", database)  # nothing is written to read it
    assert why in cli("export", "--db", copy, "--output", out, check=1, preexec_fn=prepare).error
    assert list(tmp_path.iterdir()) == [copy]
    out.write_text("before")
    assert why in cli("export", "--db", copy, "--output", out, "--force", check=1, preexec_fn=prepare).error
    assert out.read_text() == "before" and set(tmp_path.iterdir()) == {copy, out}


def test_export_to_nobody(database):
    """A reader that goes ends it quietly, also where SIGPIPE is ignored; a full disk does not."""
    for restore in (True, False):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([BIN, "export", "--db", database], stdout=writer, stderr=subprocess.PIPE, restore_signals=restore)
        os.close(writer)
        assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN, "export", "--db", database], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.startswith("recorder: ")


def test_export_shows_its_progress(database, tmp_path):
    shown = on_a_terminal("export", "--db", database, "--output", tmp_path / "out")
    assert " %  " in shown and shown.endswith("7 events\r\n")
    assert " %  " not in on_a_terminal("export", "--db", database, "--output", tmp_path / "quiet", "--quiet")
    assert " %  " not in on_a_terminal("export", "--db", database)


# Show and tree

def test_show(database):
    event = query(database, "file.path ends with '/out'")[0]
    for name in (event["event"]["id"], event["event"]["sequence"]):
        text = cli("show", name, "--db", database).text
        assert "/home/alice/out" in text and "/usr/bin/curl" in text and "\x1b" not in text
        shown, = json_lines(cli("show", name, "--db", database, "--json").text)
        assert shown["event"]["id"] == event["event"]["id"]
    assert cli("show", "18a6f2b3c4d5e6f7-12345", "--db", database, check=1).error
    assert cli("show", "nonsense", "--db", database, check=2).error
    for nothing in ("0", "0000000000000000-0"):  # there is none, and it is not any either
        none = cli("show", nothing, "--db", database, check=1)
        assert not none.text and "no event" in none.error


def test_tree(database):
    text = cli("tree", "--db", database).text
    lines = text.splitlines()
    bash = next(i for i, line in enumerate(lines) if "/bin/bash" in line or "bash" in line)
    curl = next(i for i, line in enumerate(lines) if "curl" in line)
    assert bash < curl
    assert len(lines[curl]) - len(lines[curl].lstrip(" │├└─|`-")) > len(lines[bash]) - len(lines[bash].lstrip(" │├└─|`-"))
    alone = cli("tree", "101", "--db", database).text
    assert "curl" in alone
    assert json_lines(cli("tree", "--db", database, "--json").text)
    assert cli("tree", "4000000", "--db", database, check=1).error


# At the end, by when it has long given up

def test_mute_daemon(asks_the_mute):
    """A daemon that is stopped, or hangs, is not waited for for ever."""
    error = asks_the_mute.communicate(timeout=DEADLINE_S)[1]
    assert asks_the_mute.returncode == 1 and "does not answer" in error
