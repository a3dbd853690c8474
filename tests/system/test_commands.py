"""The commands that a daemon answers, against one that is played: what is asked, what is shown, exit codes. And those beside
them that need none: subscription check and test, snapshot."""
import fcntl
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import termios
import threading

import pytest

from driver import BIN, cli, json_lines
from test_cli import database, on_a_terminal  # noqa: F401 (a fixture)


class Daemon:
    """Answers every request with `answer`, then says `lines` and closes. Keeps what it was asked."""

    def __init__(self, folder):
        self.folder, self.asked, self.answer, self.lines = folder, [], {"ok": True, "result": None}, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(folder / "recorder.sock"))
        self.server.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as requests:
                for line in requests:  # none: it only looked whether somebody is there
                    self.asked.append(json.loads(line))
                    peer.sendall(b"".join(json.dumps(said).encode() + b"\n" for said in (self.answer, *self.lines)))
                    if self.lines:
                        break

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()

    def result(self, result):
        self.answer, self.lines = {"ok": True, "result": result}, []

    def error(self, code, message, where=""):
        self.answer, self.lines = {"ok": False, "error": {"code": code, "message": message, "where": where}}, []

    def stream(self, *lines):
        self.answer, self.lines = {"ok": True, "result": None, "streaming": True}, lines

    def cli(self, *arguments, **options):
        self.asked.clear()
        return cli(*arguments, "--state", self.folder, **options)


@pytest.fixture
def daemon(tmp_path):
    played = Daemon(tmp_path)
    yield played
    played.close()


DOCUMENT = """{ "name": "mine",\t"streams": [
  { "type": "database", "event_filters": [ { "terms": ["process", "process.name is not 'curl'"], "description": "no curl" } ] },
  { "type": "journal", "name": "logins", "event_filters": [ { "terms": ["security"] } ] } ] }
"""


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(DOCUMENT)
    return path


# Subscriptions

def test_register(daemon, document):
    daemon.result({"name": "mine", "replaced": True, "protected": False, "warnings": ["the journal 'logins' is new\x1b[31m"]})
    done = daemon.cli("subscription", "register", document)
    assert daemon.asked == [{"command": "recorder.register-subscription", "document": DOCUMENT}]
    assert done.text.startswith("Registered 'mine' in place of the one before.\nNote: the journal 'logins' is new")
    assert "\x1b" not in done.text
    with open(document) as file:
        done = daemon.cli("subscription", "register", "-", "--json", stdin=file)
    assert daemon.asked[0]["document"] == DOCUMENT and json.loads(done.text)["replaced"] is True
    daemon.result({"name": "mine", "replaced": False, "protected": True, "warnings": []})
    assert daemon.cli("subscription", "register", document).text == "Registered 'mine', stored encrypted.\n"


def test_register_what_is_refused(daemon, document):
    daemon.error("bad_subscription", "unknown field 'proces.path', did you mean 'process.path'?",
                 "streams[0].event_filters[0].terms[1]")
    done = daemon.cli("subscription", "register", document, check=2)
    assert "streams[0].event_filters[0].terms[1]: unknown field 'proces.path', did you mean 'process.path'?" in done.error
    assert not done.text


@pytest.mark.parametrize("content, code, why", [
    (b'{"name": "\xff"}', 2, "UTF-8"),
    (b"x" * (1 << 20 | 1), 1, "larger than 1 MiB"),
], ids=["bytes", "large"])
def test_register_what_is_not_sent(daemon, tmp_path, content, code, why):
    (tmp_path / "bad.json").write_bytes(content)
    assert why in daemon.cli("subscription", "register", tmp_path / "bad.json", check=code).error
    assert not daemon.asked
    assert "No such file" in daemon.cli("subscription", "register", tmp_path / "none.json", check=1).error
    assert "directory" in daemon.cli("subscription", "register", tmp_path, check=1).error


def test_show_subscription(daemon):
    daemon.result({"name": "mine", "document": DOCUMENT, "protected": False, "saved": True})
    assert daemon.cli("subscription", "show", "mine").text == DOCUMENT
    assert daemon.asked == [{"command": "recorder.get-subscription", "name": "mine"}]
    assert json.loads(daemon.cli("subscription", "show", "mine", "--json").text)["document"] == DOCUMENT
    daemon.result({"name": "mine", "document": '{ "name":\t"\u202e" }', "protected": False, "saved": True})
    shown = on_a_terminal("subscription", "show", "mine", "--state", daemon.folder)
    assert "\u202e" not in shown and "\\u{202e}" in shown
    daemon.error("not_found", "there is no subscription 'mine'", "name")
    assert "no subscription 'mine'" in daemon.cli("subscription", "show", "mine", check=1).error


def test_list_subscriptions(daemon):
    listed = {"subscriptions": [
        {"name": "default", "streams": 1, "filters": 12, "signals": 0, "protected": False, "saved": True},
        {"name": "secret", "streams": 1200, "filters": 1200, "signals": 1200, "protected": True, "saved": True},
        {"name": "now", "streams": 1, "filters": 1, "signals": 0, "protected": False, "saved": False}], "refused": []}
    daemon.result(listed)
    rows = [line.split(maxsplit=4) for line in daemon.cli("subscription", "list").text.splitlines()]
    assert rows == [["NAME", "STREAMS", "FILTERS", "SIGNALS", "STORED"], ["default", "1", "12", "0", "as a file"],
                    ["secret", "1,200", "1,200", "1,200", "encrypted"], ["now", "1", "1", "0", "no, for this run"]]
    assert daemon.asked == [{"command": "recorder.list-subscriptions"}]
    assert json.loads(daemon.cli("subscription", "list", "--json").text) == listed
    daemon.result({"subscriptions": [], "refused": [{"file": "x.json", "why": "line 1, column 2: bad"}]})
    text = daemon.cli("subscription", "list").text
    assert "nothing is recorded" in text and re.search(r"^x\.json +line 1, column 2: bad$", text, re.MULTILINE)


def test_remove_and_clear(daemon):
    daemon.result({"name": "mine"})
    assert daemon.cli("subscription", "remove", "mine").text == "Removed 'mine'.\n"
    assert daemon.asked == [{"command": "recorder.unregister-subscription", "name": "mine"}]
    daemon.result({"removed": 2})
    assert "--yes" in daemon.cli("subscription", "clear", check=2).error and not daemon.asked
    assert daemon.cli("subscription", "clear", "--yes").text.startswith("Removed 2 subscriptions")
    assert daemon.asked == [{"command": "recorder.clear-subscriptions"}]
    assert json.loads(daemon.cli("subscription", "clear", "-y", "--json").text) == {"removed": 2}


@pytest.mark.parametrize("answer, code", [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)])
def test_clear_asks(daemon, answer, code):
    daemon.result({"removed": 2})
    master, slave = os.openpty()
    command = [BIN, "subscription", "clear", "--state", daemon.folder]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(master, answer)
        out, error = process.communicate(timeout=30)
    os.close(master)
    os.close(slave)
    assert process.returncode == code and b"[y/N]" in error
    assert len(daemon.asked) == (code == 0) and (b"Removed 2" in out) == (code == 0)


@pytest.mark.parametrize("typed, code", [(b"hunter2\n", 0), (b"\x04", 0), (b"\x03", -signal.SIGINT), (None, -signal.SIGTERM)],
                         ids=["secret", "end", "Ctrl-C", "SIGTERM"])
def test_redact_leaves_the_echo(tmp_path, typed, code):
    """A secret is typed unseen; whatever ends it, the terminal is as it was."""
    (tmp_path / "log").write_text("type=EXECVE msg=audit(1700000001.000:1): argc=2 a0=\"mysql\" a1=\"-phunter2\"\n")
    cli("import", "audit", tmp_path / "log", "--db", tmp_path / "x.db")
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    assert before[3] & termios.ECHO

    def become_leader():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who is started in the background ignores it

    with subprocess.Popen([BIN, "redact", "--db", tmp_path / "x.db"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=become_leader) as process:
        assert process.stderr.read(8) == b"Secret: "
        assert not termios.tcgetattr(slave)[3] & termios.ECHO
        if typed:
            os.write(master, typed)
        else:
            process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    after = termios.tcgetattr(slave)
    os.close(master)
    os.close(slave)
    assert process.returncode == code
    assert after == before
    assert (len(out) == len("<redacted:0123456789abcdef>\n")) == (typed == b"hunter2\n")


@pytest.mark.parametrize("arguments", [("register", "mine.json"), ("show", "x"), ("list",), ("remove", "x"), ("clear", "-y")])
def test_no_daemon(tmp_path, document, arguments):
    done = cli("subscription", *arguments, "--state", tmp_path, check=3, cwd=tmp_path)
    assert str(tmp_path / "recorder.sock") in done.error and f"{tmp_path}/subscriptions/" in done.error


@pytest.mark.parametrize("arguments, hint", [
    (("subscription",), "argument is missing"),
    (("subscription", "regster", "x"), "none of register"),
    (("subscription", "list", "x"), "recorder subscription list"),
    (("subscription", "show"), "recorder subscription show NAME"),
    (("subscription", "list", "--since", "1h"), "are for test"),
    (("command",), "argument is missing"),
    (("command", "x", "{"), "line 1, column 1"),
    (("command", "x", "[]"), "must be an object"),
    (("command", "x", '{"command":"y"}'), "without the key 'command'"),
    (("command", "x", '{"a":1,"a":2}'), "duplicate"),
    (("snapshot",), "argument is missing"),
])
def test_wrong_use(arguments, hint):
    assert hint in cli(*arguments, check=2).error


def test_check(document):
    assert "'mine' can be registered" in cli("subscription", "check", document).text
    assert json.loads(cli("subscription", "check", document, "--json").text) == {
        "name": "mine", "streams": 2, "filters": 2, "signals": 0}
    document.write_text(DOCUMENT.replace("process.name", "proces.name"))
    done = cli("subscription", "check", document, check=2)
    assert f"{document}: streams[0].event_filters[0].terms[1]: unknown field 'proces.name'" in done.error
    document.write_text("{")
    assert "line 1" in cli("subscription", "check", document, "--json", check=2).error


# What it would have matched

def test_try(database, document):  # noqa: F811
    done = cli("subscription", "test", document, "--db", database, "--json").text
    tried = json_lines(done)[0]
    assert (tried["name"], tried["looked_at"], tried["matched"]) == ("mine", 3, 2)
    stream, journal = tried["streams"]
    found = stream["event_filters"][0]
    assert (stream["type"], journal["type"], journal["name"]) == ("database", "journal", "logins")
    assert (found["matched"], found["left_out"], found["description"]) == (1, 1, "no curl")
    assert found["exclusions"] == [{"left_out": 1, "term": "process.name is not 'curl'"}]
    assert [event["process"]["name"] for event in found["examples"]] == ["bash"]
    assert [event["process"]["name"] for event in found["left_out_examples"]] == ["curl"]
    line = cli("query", "--db", database, "--json", "security").text.splitlines()[0]
    assert (journal["matched"], journal["bytes"]) == (1, len(line.encode()) + 1)
    text = cli("subscription", "test", document, "--db", database).text
    assert "would have recorded 2 of 3 events" in text and "1 by process.name is not 'curl'" in text and "\x1b" not in text


def test_try_agrees_with_query(database, tmp_path):  # noqa: F811
    """Every term, alone and in its negation, finds what a query finds."""
    terms = ["process", "file", "file.operation is 'create'", "process.path ends with 'curl'", "file.path contains 'out'",
             "network.port is '443'", "process.ancestry_path is '/bin/bash'", "process.pid in '100', '200'"]
    document = tmp_path / "terms.json"  # noqa: F811
    negated = [re.sub(r"^(\S+) (\S+)", r"\1 not \2", term) if " " in term else f"not {term}" for term in terms]
    document.write_text(json.dumps({"name": "terms", "streams": [
        {"type": "database", "event_filters": [{"terms": [term]} for term in terms + negated]}]}))
    tried = json_lines(cli("subscription", "test", document, "--db", database, "--json").text)[0]
    for term, found in zip(terms + negated, tried["streams"][0]["event_filters"]):
        events = [line for line in json_lines(cli("query", "--db", database, "--json", term).text) if "event" in line]
        assert (found["matched"], found["examples"]) == (len(events), events[-3:]), term


def test_try_in_a_time(database, document):  # noqa: F811
    def tried(*arguments):
        return json_lines(cli("subscription", "test", document, "--db", database, "--json", *arguments).text)
    lines = tried("--since", "2023-11-14T22:13:21Z", "--until", "2023-11-14T22:13:22Z")
    assert (lines[0]["looked_at"], lines[0]["matched"]) == (1, 0)
    lines = tried("--since", "2023-11-14T22:00:00Z")
    assert lines[0]["looked_at"] == 3 and lines[1]["cause"] == "before the history begins"
    assert "not before" in cli("subscription", "test", document, "--since", "1h", "--until", "2h", check=2).error
    assert "no history" in cli("subscription", "test", document, "--db", database.parent / "none.db", check=1).error


# Any command

def test_command(daemon, tmp_path):
    daemon.result([{"name": "state", "value": "idle"}])
    assert daemon.cli("command", "recorder.status").text == '[{"name":"state","value":"idle"}]\n'
    assert daemon.asked == [{"command": "recorder.status"}]
    daemon.cli("command", "get-setting", '{"name": "EnableEbpf"}')
    assert daemon.asked == [{"command": "recorder.get-setting", "name": "EnableEbpf"}]
    (tmp_path / "request").write_text('{"name": "x", "list": [1, 2.5, null]}')
    with open(tmp_path / "request") as file:
        daemon.cli("command", "recorder.x", "-", stdin=file)
    assert daemon.asked == [{"command": "recorder.x", "name": "x", "list": [1, 2.5, None]}]
    daemon.result(None)
    assert daemon.cli("command", "recorder.x").text == "null\n"


@pytest.mark.parametrize("code, exit_code", [("bad_request", 2), ("bad_setting", 2), ("unknown_command", 2), ("permission", 4),
                                             ("busy", 1), ("not_found", 1)])
def test_command_that_fails(daemon, code, exit_code):
    daemon.error(code, "the reason", "the.place")
    done = daemon.cli("command", "recorder.x", check=exit_code)
    assert "the.place: the reason" in done.error and not done.text
    daemon.stream({"event": 1}, daemon.answer)
    done = daemon.cli("command", "recorder.query", check=exit_code)
    assert "the.place: the reason" in done.error and done.text == '{"event": 1}\n'


def test_command_with_a_stream(daemon):
    daemon.stream({"event": 1}, {"event": 2}, {"ok": True, "result": {"events": 2}})
    assert json_lines(daemon.cli("command", "recorder.query").text) == [{"event": 1}, {"event": 2}, {"events": 2}]
    daemon.stream({"event": 1})  # cut off
    done = daemon.cli("command", "recorder.query", check=3)
    assert done.text == '{"event": 1}\n' and "closed the connection" in done.error
    assert cli("command", "recorder.status", "--state", daemon.folder / "none", check=3).error


def test_turned_away(tmp_path):
    """The reason arrives although the daemon has closed before the request came."""
    refused = {"ok": False, "error": {"code": "busy", "message": "too many clients", "where": ""}}

    def serve():
        peer, _ = server.accept()
        with peer:
            peer.sendall(json.dumps(refused).encode() + b"\n")
            peer.shutdown(socket.SHUT_RD)
            done.wait(30)
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "recorder.sock"))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        (tmp_path / "request").write_text("{}" + " " * 900000)
        with open(tmp_path / "request") as file:
            assert "too many clients" in cli("command", "recorder.x", "-", "--state", tmp_path, check=1, stdin=file).error
        done.set()
        thread.join()


# Snapshot

def small_steps(folder, **settings):
    settings = {"SnapshotWriteSizeMB": 1, "SnapshotWriteIntervalMs": 0, "SnapshotExtraSizeRequiredMB": 0, **settings}
    (folder / "recorder.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    return "--config", folder


def test_snapshot(database, tmp_path):  # noqa: F811
    copy = tmp_path / "copy.db"
    made = json.loads(cli("snapshot", copy, "--db", database, "--json", *small_steps(tmp_path)).text)
    assert made == {"path": str(copy), "bytes": copy.stat().st_size} and copy.stat().st_mode & 0o777 == 0o600
    assert cli("query", "--db", copy, "--json").text == cli("query", "--db", database, "--json").text
    before = copy.read_bytes()
    assert "--force" in cli("snapshot", copy, "--db", database, "--config", tmp_path, check=1).error
    copy.write_bytes(b"mine")
    cli("snapshot", copy, "--db", database, "--config", tmp_path, "--force")
    assert copy.read_bytes()[:16] == before[:16]
    assert "the database itself" in cli("snapshot", database, "--db", database, "--config", tmp_path, "-f", check=1).error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "recorder.conf"]


def test_snapshot_shows_how_far(database, tmp_path):  # noqa: F811
    assert "█" in on_a_terminal("snapshot", tmp_path / "copy.db", "--db", large(tmp_path, database),
                                *small_steps(tmp_path))


def test_snapshot_without_room(database, tmp_path):  # noqa: F811
    done = cli("snapshot", tmp_path / "copy.db", "--db", database, check=1,
               *small_steps(tmp_path, SnapshotExtraSizeRequiredMB=1 << 20))
    assert "SnapshotExtraSizeRequiredMB" in done.error and "free" in done.error
    assert "No such file" in cli("snapshot", tmp_path / "none" / "copy.db", "--db", database, "--config", tmp_path,
                                 check=1).error
    (tmp_path / "recorder.conf").write_text("x\n")
    assert "recorder.conf:1" in cli("snapshot", tmp_path / "copy.db", "--db", database, "--config", tmp_path, check=1).error


def large(folder, database):  # noqa: F811
    """A database of some MiB: portions, and time to do something between them."""
    path = folder / "large.db"
    path.write_bytes(database.read_bytes())
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                       "SELECT randomblob(1000) FROM n")
    connection.commit()
    connection.close()
    return path


def test_snapshot_interrupted(database, tmp_path):  # noqa: F811
    """Nothing is left of it."""
    path, copy = large(tmp_path, database), tmp_path / "copy.db"
    command = [BIN, "snapshot", copy, "--db", path, *small_steps(tmp_path, SnapshotWriteIntervalMs=60000)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "copy.db.partial").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert b"nothing is left" in process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert not copy.exists() and not (tmp_path / "copy.db.partial").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_snapshot_without_permission(database, tmp_path):  # noqa: F811
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    assert "ermission denied" in cli("snapshot", folder / "copy.db", "--db", database, check=4, **nobody).error
