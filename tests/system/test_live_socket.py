"""The socket of a recorder that records: whatever its clients do, it answers, stays small, and loses no event."""
import contextlib
import json
import os
import random
import resource
import socket
import sqlite3
import threading

import pytest

import checks
import driver
from driver import Truth, cli, json_lines, wait_until

pytestmark = pytest.mark.live

MIB = 1 << 20
MAX_CLIENTS = 200
STATUS = b'{"command":"recorder.status"}\n'


@pytest.fixture
def source():
    return "auto"


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connections(recorder):
    """Descriptors that are sockets: its own, and those of its clients."""
    folder, found = f"/proc/{recorder.process.pid}/fd", 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(f"{folder}/{name}").startswith("socket:")
    return found


def memory(recorder, name):
    with open(f"/proc/{recorder.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) << 10


def padded(size, command=b"recorder.status"):
    """A request that is right, and just so long."""
    head, tail = b'{"command":"' + command + b'"', b"}"
    return head + b" " * (size - len(head) - len(tail)) + tail + b"\n"


def query(**more):
    return json.dumps({"command": "recorder.query", **more}).encode() + b"\n"


# What the clients of an attack send.  They read nothing.
ATTACKS = [
    b"",
    b'{"command":"recorder.status"',
    random.Random(1).randbytes(5000),
    b"\n" * 10000,
    b"\0" * 10000 + b"\n",
    b"[" * 500000 + b"\n",
    b'{"command":' * 10000 + b"\n",
    b'{"a":' + b"[{}," * 200000 + b"0]}\n",
    padded(MIB),
    padded(MIB) * 4,
    padded(10 * MIB),
    b"A" * (10 * MIB),
    STATUS * 2000,
    b'{"command":"recorder.tail"}\n',
    b'{"command":"recorder.tail"}\n' * 2,
    b'{"command":"recorder.tail","filters":["process.path matches \'(a+)+$\'"]}\n',
    query(limit=10**9),
    query(limit=10**9, filters=["file.path matches '(/?[a-z]*)*x'"]),
    b'{"command":"recorder.set-setting","name":"' + b"N" * 100000 + b'","value":"1"}\n',
    b'{"command":"recorder.snapshot","dest":"/dev/null","force":true}\n',
]


class Attack:
    """As many clients as may be, all at once, each with its way to be a nuisance; a third of them vanish, the others when they
    have not been listened to for so many seconds."""

    def __init__(self, recorder, patience_s):
        self.recorder, self.patience_s, self.clients = recorder, patience_s, []
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(MAX_CLIENTS)]

    def run(self, number):
        with contextlib.suppress(OSError):  # the server has every right to close
            client = self.recorder.connect()
            self.clients.append(client)
            client.settimeout(self.patience_s)
            client.sendall(ATTACKS[number % len(ATTACKS)])
            if number // len(ATTACKS) % 3 == 0:
                client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        for thread in self.threads:
            thread.join()
        for client in self.clients:
            client.close()


def test_hostile_clients(new_recorder, folder):
    recorder = new_recorder(config="MailboxQueryTimeoutMs = 2000\n").start()
    before, idle = memory(recorder, "VmRSS"), connections(recorder)
    truths = []

    def load():
        truths.append(Truth("files", "storm", "1000", folder))
    loader = threading.Thread(target=load)
    loader.start()
    for patience_s in 1, 1, 3:  # the last outlasts the time that a query has
        with Attack(recorder, patience_s) as attack:
            assert len(attack.clients) > 0
    loader.join()
    wait_until(lambda: connections(recorder) <= idle, "no client of the attack is left")
    assert recorder.status()["state"] == "recording"
    if b"__asan_init" not in driver.BIN.read_bytes():  # what a sanitizer keeps of freed memory is not the recorder's
        assert memory(recorder, "VmHWM") < before + MAX_CLIENTS * 3 * MIB
        wait_until(lambda: memory(recorder, "VmRSS") < before + 100 * MIB, "the memory is given back")
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    checks.files(recorder, truths[0])


def test_all_at_once(recorder):
    """As many as may be are answered, the next is told why not, and has its turn when one goes."""
    short = b'{"command":"recorder.list-subscriptions"}\n'
    clients = [recorder.connect() for _ in range(MAX_CLIENTS)]
    try:
        for client in clients:
            client.sendall(padded(MIB // 4, b"recorder.list-subscriptions"))
        streams = [client.makefile("rb") for client in clients]
        assert all(json.loads(stream.readline())["ok"] for stream in streams)
        for client in clients:  # and so again, half of it at first
            client.sendall(short[:9])
        with recorder.connect() as late, late.makefile("rb") as stream:
            assert json.loads(stream.readline())["error"]["code"] == "busy" and stream.readline() == b""
        assert "too many clients" in recorder.cli("status", check=1).error
        for client in clients:
            client.sendall(short[9:])
        assert all(json.loads(stream.readline())["ok"] for stream in streams)
        streams.pop().close()
        clients.pop().close()
        wait_until(lambda: recorder.cli("status", check=None).returncode == 0, "there is room again")
    finally:
        for client in clients:
            client.close()


def said(recorder, **request):
    """Answer, lines and last line of a command that has more to say."""
    with recorder.connect() as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()
        lines = [json.loads(line) for line in stream]
    return lines[0], lines[1:-1], lines[-1]


def test_query(recorder, folder):
    truth = Truth("files", "storm", "400", folder)
    filters = ["file", f"file.path starts with '{folder}/'"]

    def asked():
        return json_lines(recorder.cli("query", *filters, "--json").text)

    def is_told(event):
        return event["process"]["hash"]["state"] == "ok"
    wait_until(lambda: len(asked()) == len(truth.acts) and all(map(is_told, asked())), "the storm is stored, with the hash of its program")
    answer, lines, last = said(recorder, command="recorder.query", filters=filters, limit=10000)
    assert answer == {"ok": True, "result": None, "streaming": True}
    assert last == {"ok": True, "result": {"events": len(truth.acts)}}
    assert lines == asked()[::-1], "the events of a query, the newest first"
    assert len(said(recorder, command="recorder.query", filters=filters)[1]) == 1000
    newest = said(recorder, command="recorder.query", filters=filters, limit=3)[1]
    assert newest == lines[:3]
    until = said(recorder, command="recorder.query", filters=filters, until=newest[2]["@timestamp"], limit=1)[1]
    assert until[0]["@timestamp"] < newest[2]["@timestamp"]
    since = said(recorder, command="recorder.query", filters=filters, since="2020-01-01T00:00:00Z", limit=1)[1]
    assert since[0] == newest[0] and since[1]["cause"] == "before the history begins"
    # By the command line, which shows the same.
    done = recorder.cli("command", "recorder.query", json.dumps({"filters": filters, "limit": 3}))
    assert json_lines(done.text) == [*newest, {"events": 3}]
    for wrong, where in (({"filters": ["process.pth is 'x'"]}, "filters"), ({"filters": "file"}, "filters"),
                         ({"since": 5}, "since"), ({"until": "someday"}, "until"), ({"limit": 0}, "limit"),
                         ({"limit": "5"}, "limit")):
        error = recorder.request(command="recorder.query", **wrong)["error"]
        assert error["where"] == where and error["code"].startswith("bad_"), error


def stored(recorder, truth):
    rows = recorder.query("SELECT count(*) AS n FROM file_events WHERE process_pid = ?", truth.pid)
    return rows[0]["n"] >= len(truth.acts)


def test_query_that_is_not_read(new_recorder, folder):
    """It has its time, then it is over."""
    recorder = new_recorder(config="MailboxQueryTimeoutMs = 1000\n").start()
    truth = Truth("files", "storm", "1500", folder)
    wait_until(lambda: stored(recorder, truth), "the storm is stored")
    idle = connections(recorder)
    with recorder.connect() as client, client.makefile("rb") as stream:
        client.sendall(query(limit=10**9))
        assert json.loads(stream.readline())["streaming"]
        wait_until(lambda: connections(recorder) <= idle, "it is closed")
        try:
            lines = stream.read().splitlines()
        except ConnectionResetError:
            lines = []
    assert len(lines) < len(truth.acts) and not any(line.startswith(b'{"ok":true') for line in lines)
    recorder.stop()
    checks.files(recorder, truth)


def test_snapshot(recorder, folder, tmp_path):
    """By the command and by the socket, while it records: whole, of one moment, and nothing is lost."""
    copies = tmp_path / "copies"
    copies.mkdir()
    truths = []
    first = Truth("files", "storm", "6000", folder)
    recorder.cli("config", "set", "SnapshotWriteSizeMB", "1")
    wait_until(lambda: stored(recorder, first), "the first storm is stored")
    loader = threading.Thread(target=lambda: truths.append(Truth("files", "storm", "1000", folder)))
    loader.start()
    answer, lines, last = said(recorder, command="recorder.snapshot", dest=str(copies / "daemon.db"))
    assert answer["ok"] and last["ok"], last
    assert lines and all(0 < line["done"] <= line["total"] for line in lines)
    made = json.loads(recorder.cli("snapshot", copies / "cli.db", "--json").text)
    loader.join()
    for copy, size in ((copies / "daemon.db", last["result"]["bytes"]), (copies / "cli.db", made["bytes"])):
        assert copy.stat().st_size == size and copy.stat().st_mode & 0o777 == 0o600
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert driver.query(copy, "SELECT count(*) AS n FROM file_events WHERE process_pid = ?",
                            first.pid)[0]["n"] >= len(first.acts)
        assert cli("query", "--db", copy, "--limit", "1", "--json").text
    assert sorted(os.listdir(copies)) == ["cli.db", "daemon.db"]
    for request, code in (({"dest": str(copies / "cli.db")}, "exists"), ({"dest": "/none/x.db"}, "failed"),
                          ({"dest": str(recorder.database), "force": True}, "exists")):
        assert said(recorder, command="recorder.snapshot", **request)[2]["error"]["code"] == code
    for wrong, where in (({}, "dest"), ({"dest": "x.db"}, "dest"), ({"dest": 5}, "dest"),
                         ({"dest": "/x", "force": 1}, "force")):
        assert recorder.request(command="recorder.snapshot", **wrong)["error"]["where"] == where
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    checks.files(recorder, truths[0])


def test_stop_while_answers_are_made(recorder, folder):
    """Nobody who reads nothing, and no snapshot that pauses, keeps it from its end."""
    recorder.cli("config", "set", "SnapshotWriteIntervalMs", "60000")
    recorder.cli("config", "set", "SnapshotWriteSizeMB", "1")
    truth = Truth("files", "storm", "6000", folder)
    wait_until(lambda: stored(recorder, truth), "the storm is stored")
    copy = folder / "copy.db"
    requests = [json.dumps({"command": "recorder.snapshot", "dest": str(copy)}).encode() + b"\n"] + [query(limit=10**9)] * 3
    clients = [recorder.connect() for _ in requests]
    try:
        for client, request in zip(clients, requests):
            client.sendall(request)
            assert json.loads(client.recv(4096).split(b"\n")[0])["streaming"]
        wait_until((folder / "copy.db.partial").exists, "the snapshot has begun")
        assert recorder.request(command="recorder.query")["error"]["code"] == "busy"
        recorder.stop()
    finally:
        for client in clients:
            client.close()
    assert list(folder.iterdir()) == []
