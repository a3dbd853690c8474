"""The plugin of auditd by itself: what it makes of what auditd writes, and of a recorder that comes and goes."""
import os
import signal
import socket
import struct
import subprocess

import pytest

from driver import BIN

LINE = "type=SYSCALL msg=audit(1170021493.977:{}): arch=c000003e syscall=59 success=yes exit=0 pid=4711{}\n"
LOST = 0


class Plugin:
    def __init__(self, folder):
        self.path = str(folder / "pipe")
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # which looks into a process that nobody may look into
        self.process = subprocess.Popen([BIN, "audit-pipe", "--socket", self.path], stdin=subprocess.PIPE, env=environment)
        self.stdin = self.process.stdin

    def write(self, text):
        self.stdin.write(text.encode())
        self.stdin.flush()

    def listen(self):
        """As a recorder; what it says first."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            self.peer = listener.accept()[0]
        os.unlink(self.path)
        self.peer.settimeout(30)
        self.n_taken = 0
        return struct.unpack("=8sQ", self.peer.recv(16, socket.MSG_WAITALL))

    def take(self, answer=True):
        kind, size = struct.unpack("=II", self.peer.recv(8, socket.MSG_WAITALL))
        body = self.peer.recv(size, socket.MSG_WAITALL)
        self.n_taken += 1
        if answer:
            self.peer.sendall(struct.pack("=Q", self.n_taken))
        return kind, body

    def serial(self, **options):
        kind, body = self.take(**options)
        assert kind == 1300 and body.startswith(b"audit(1170021493.977:")
        return int(body.partition(b":")[2].partition(b")")[0])


@pytest.fixture
def plugin(tmp_path):
    plugin = Plugin(tmp_path)
    yield plugin
    plugin.process.kill()
    plugin.process.wait()


def test_records(plugin):
    plugin.write(LINE.format(1, "") + "node=a type=USER_LOGIN msg=audit(1.000:2): pid=1\x1dUID=\"root\"\n"
                 "type=UNKNOWN[1420] msg=audit(1.000:3): a=b\nnode=b type=SYSCALL msg=audit(1.000:4): of another host\n")
    magic, _ = plugin.listen()
    assert magic == b"RECPIPE1"
    assert plugin.serial() == 1
    assert plugin.take() == (1112, b'audit(1.000:2): pid=1\x1dUID="root"')
    assert plugin.take() == (1420, b"audit(1.000:3): a=b")
    plugin.write(LINE.format(5, ""))
    assert plugin.serial() == 5


def test_another_recorder(plugin):
    """Has what the one before did not say that it took, and knows that the plugin was there all the time."""
    plugin.write("".join(LINE.format(i, "") for i in range(10)))
    first = plugin.listen()
    assert [plugin.serial(answer=i < 4) for i in range(7)] == list(range(7))
    plugin.peer.close()
    plugin.write("".join(LINE.format(i, "") for i in range(10, 12)))
    assert plugin.listen() == first
    assert [plugin.serial() for _ in range(8)] == list(range(4, 12))


def test_what_finds_no_room(plugin):
    """auditd is never kept waiting; what is kept is bounded, what is not is counted."""
    n = 30000
    for i in range(0, n, 100):
        plugin.write("".join(LINE.format(k, " a=" + "x" * 1000) for k in range(i, i + 100)))
    with open(f"/proc/{plugin.process.pid}/statm") as file:
        assert int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") < 160 << 20  # of which the sanitizer has the most
    plugin.listen()
    serials = []
    while True:
        kind, body = plugin.take()
        if kind == LOST:
            break
        serials.append(int(body.partition(b":")[2].partition(b")")[0]))
    begin, end, lost = struct.unpack("=QQQ", body)
    assert serials == list(range(len(serials))) and 14000 < len(serials) and len(serials) + lost == n
    assert 10**18 < begin <= end
    plugin.write(LINE.format(n, ""))
    assert plugin.serial() == n


@pytest.mark.parametrize("how", ["end", "SIGTERM"])
def test_the_end(plugin, how):
    """What auditd has written by then is handed over."""
    plugin.listen()
    plugin.process.send_signal(signal.SIGHUP)
    plugin.write("".join(LINE.format(i, "") for i in range(500)))
    plugin.stdin.close() if how == "end" else plugin.process.send_signal(signal.SIGTERM)
    assert [plugin.serial() for _ in range(500)] == list(range(500))
    assert plugin.process.wait(10) == 0


def test_nobody_is_there(plugin):
    """When auditd ends nobody is waited for but for a moment."""
    plugin.write(LINE.format(1, ""))
    plugin.stdin.close()
    assert plugin.process.wait(10) == 0
