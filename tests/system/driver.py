"""Drives the real program: a daemon in a folder of its own, the commands, the truth programs."""
import calendar
import contextlib
import json
import os
import pathlib
import re
import signal
import select
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import kernel

BIN = pathlib.Path(os.environ.get("RECORDER_BIN", ""))
SOURCE = pathlib.Path(os.environ.get("RECORDER_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
TRUTH = pathlib.Path(os.environ.get("RECORDER_TRUTH_DIR", BIN.parent / "tests" / "system"))
DEFAULT = SOURCE / "subscriptions" / "default.json"
DEADLINE_S = int(os.environ.get("RECORDER_DEADLINE_S", "60"))  # for what takes a second on a machine that has nothing else to do
REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:|LeakSanitizer has encountered")


def wait_until(condition, what, timeout_s=DEADLINE_S):
    """The first true answer. Only for what can be observed from outside alone."""
    end = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)


def cli(*arguments, check=0, timeout_s=DEADLINE_S, **options):
    """Runs a command; check: the exit code it must have, None: any."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([BIN, *map(str, arguments)], capture_output=True, timeout=timeout_s, **options)
    done.text, done.error = done.stdout.decode(), done.stderr.decode()
    assert not REPORT.search(done.error), done.error
    if check is not None:
        assert done.returncode == check, f"{arguments}: exit {done.returncode}\n{done.error}{done.text[-2000:]}"
    return done


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


# Bytes and what the database shows of them

def unescape(text):
    """Undoes the percent-escapes of a field that recorder.escaped names."""
    return re.sub(rb"%([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())


def field(row, name):
    """The bytes of a text field by its name in the JSON; of a list all of them."""
    value = row[name.replace(".", "_")]
    escaped = name in json.loads(row["recorder_escaped"] or "[]")
    if value is None:
        return None
    undo = unescape if escaped else str.encode
    if name in ("process.args", "process.changes", "recorder.missing"):
        return [undo(item) for item in json.loads(value)]
    return undo(value)


def reader(database):
    """A connection, as that of any program that reads the file."""
    return contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30))


def rows(connection, sql, *parameters):
    """As dictionaries."""
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor]


def query(database, sql, *parameters):
    with reader(database) as connection:
        return rows(connection, sql, *parameters)


def nanoseconds(text):
    """Since 1970, of a time as the database shows it."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(text[20:29])


# Truth

class Truth:
    """What a truth program did: `pid`, `argv`, `acts` in order, and `started`, `ended` (ns)."""

    def __init__(self, *command, wrap=(), hold=False):
        self.exe = TRUTH / command[0]
        self.argv = [os.fsencode(word) for word in [*wrap, self.exe, *command[1:]]]
        self.started = time.time_ns()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        if not hold:
            self.process.stdin.close()
        self.acts = [json.loads(line) for line in self.process.stdout]
        self.process.stdout.close()
        if not hold:
            self.finish()

    def finish(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        assert self.process.wait(DEADLINE_S) == 0
        self.ended = time.time_ns()

    def of(self, what, **conditions):
        return [act for act in self.acts
                if act["what"] == what and all(act.get(key) == value for key, value in conditions.items())]


def unhex(value):
    return [unhex(item) for item in value] if isinstance(value, list) else bytes.fromhex(value)


def tiny():
    return TRUTH / "tiny"


class NameServer:
    """Answers on port 53 of 127.0.0.1 and ::1, by UDP and TCP. `zone`: {(name, type): (code, [(type, data)])} with names
    as in a message and data in bytes; what is not in it, and no question, comes back with its last bit turned."""

    def __init__(self, zone):
        self.zone, self.error = zone, None
        self.sockets = []
        try:
            for family, ip in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
                for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
                    listener = socket.socket(family, kind)
                    self.sockets.append(listener)
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind((ip, 53))
                    if kind == socket.SOCK_STREAM:
                        listener.listen(16)
        except OSError as error:
            self.close()
            raise OSError(f"port 53 cannot be had: {error}") from error
        self.ends, self.end = socket.socketpair()

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.end.send(b"x")
        self.thread.join()
        self.close()
        self.ends.close()
        self.end.close()
        assert not self.error, self.error

    def close(self):
        for open_one in self.sockets:
            open_one.close()

    def serve(self):
        try:
            while True:
                for ready in select.select([self.ends, *self.sockets], [], [])[0]:
                    if ready is self.ends:
                        return
                    self.take(ready)
        except Exception as error:  # told by __exit__
            self.error = error

    def take(self, ready):
        if ready.type == socket.SOCK_DGRAM:
            message, sender = ready.recvfrom(65535)
            ready.sendto(self.answer(message), sender)
        elif ready.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self.sockets.append(ready.accept()[0])
        else:
            size = ready.recv(2, socket.MSG_WAITALL)
            if size:
                answer = self.answer(ready.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
                ready.sendall(len(answer).to_bytes(2, "big") + answer)
            else:
                self.sockets.remove(ready)
                ready.close()

    def answer(self, message):
        question = message[12:]
        at = question.find(0) + 5  # no label of ours has a NUL in it
        code, answers = self.zone.get((question[:at - 4], int.from_bytes(question[at - 4:at - 2], "big")), (None, ()))
        if code is None:
            return message[:-1] + bytes([message[-1] ^ 1])
        # Flags: an answer, recursion desired and available. Names of the answers point to that of the question.
        return b"".join([
            message[:2], bytes([0x81, 0x80 | code]), struct.pack(">HHHH", 1, len(answers), 0, 0), question[:at],
            *(struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(data)) + data for kind, data in answers)])


# The daemon

# What a test makes of load, and a recorder with sanitizers of that, is no reason to let go of events: but where that is the test.
UNLIMITED = ("--set", "CpuThrottleTargetPercent=100", "--set", "DisableResourceMonitor=1")


class Recorder:
    """`recorder run` in a folder of its own. limits: settings of what it may take of the processors. chunk_mb: by how much the database grows at once, if not by what is shipped: that
    is a tenth of a second and more at the end of every run, when a new file takes its first chunk page by page."""

    def __init__(self, folder, subscription=DEFAULT, arguments=(), prefix=(), config=None, source=None, chunk_mb=None, limits=UNLIMITED, **options):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.database = self.state / "recorder.db"
        self.socket = self.state / "recorder.sock"
        self.log = self.folder / "log"
        self.config = self.folder / "config"
        self.arguments, self.prefix, self.options = list(map(str, arguments)), list(prefix), options
        self.growth = [] if chunk_mb is None else ["--set", f"DatabaseChunkSize={chunk_mb}"]
        self.growth += limits
        if source and "--source" not in self.arguments:
            self.arguments += ["--source", source]
        self.process = self.reader = None
        self.config.mkdir(parents=True, exist_ok=True)
        if config is not None:
            (self.config / "recorder.conf").write_text(config)
        if isinstance(subscription, dict):
            document = self.folder / "subscription.json"
            document.write_text(json.dumps(subscription))
            subscription = document
        self.subscription = subscription

    def start(self, wait=True):
        assert self.process is None
        self.before = kernel.state()
        self.folder.mkdir(exist_ok=True)
        # Should the tests be killed, the daemon ends too, and puts the kernel back.
        command = ["setpriv", "--pdeathsig", "TERM", *self.prefix, BIN, "run", "--config", self.config, "--state", self.state]
        if self.subscription:
            command += ["--subscription", self.subscription]
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen([*command, *self.growth, *self.arguments], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, **self.options)
        if wait:
            wait_until(self.is_ready, "the recorder says that it records")
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"exit {self.process.returncode}:\n{self.log_text()}"
        with contextlib.suppress(OSError):
            return self.status()["state"] in ("recording", "idle", "degraded", "suspended")

    def check(self, name):
        """What a check of health says now."""
        checks = self.request(command="recorder.health")["result"]["checks"]
        return next(check for check in checks if check["id"] == name)

    def log_text(self):
        """What the run since the last start said."""
        return self.log.read_bytes()[self.log_start:].decode(errors="backslashreplace")

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(DEADLINE_S)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        return connection

    def request(self, connection=None, **request):
        """By a connection of its own, or by that one."""
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context((connection or stack.enter_context(self.connect())).makefile("rwb"))
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            return json.loads(stream.readline())

    def status(self, connection=None):
        answer = self.request(connection, command="recorder.status")
        assert answer["ok"], answer
        return {item["name"]: item["value"] for item in answer["result"]}

    @contextlib.contextmanager
    def reading(self):
        """The queries of the block are by one connection: what the views mean is read once, which is the most of a query."""
        with contextlib.ExitStack() as stack:
            if not self.reader:
                self.reader = stack.enter_context(reader(self.database))
                stack.callback(setattr, self, "reader", None)
            yield

    def query(self, sql, *parameters):
        return rows(self.reader, sql, *parameters) if self.reader else query(self.database, sql, *parameters)

    def one(self, sql, *parameters):
        rows = self.query(sql, *parameters)
        assert len(rows) == 1, f"{len(rows)} rows, not 1: {sql} {parameters}"
        return rows[0]

    def cli(self, command, *arguments, **options):
        return cli(command, "--state", self.state, *arguments, **options)

    def exit(self, code=0):
        """Waits for the end, which must be clean."""
        assert self.process.wait(DEADLINE_S) == code, self.log_text()
        self.process = None
        text = self.log_text()
        assert not REPORT.search(text), text
        return text

    def stop(self, number=signal.SIGINT):
        """Everything that happened until now is in the database when this returns."""
        self.process.send_signal(number)
        text = self.exit()
        assert kernel.state() == self.before
        return text

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def cleanup(self):
        """After a test, which may have failed: the daemon goes, and gently if that can be had."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
