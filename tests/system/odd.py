"""Does what test_live_odd.py tells of, and says as JSON what it did."""
import ctypes
import errno
import json
import os
import select
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def address(ip, port):
    if ":" in ip:
        return struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, socket.inet_pton(socket.AF_INET6, ip), 0)
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(ip))


def connect(made, where, size=None):
    """0 or an errno; nobody tries again."""
    return ctypes.get_errno() if LIBC.connect(made.fileno(), where, size or len(where)) < 0 else 0


def listening(ip="127.0.0.1", backlog=8):
    server = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
    server.bind((ip, 0))
    server.listen(backlog)
    return server, server.getsockname()[1]


def interrupt():
    """By a signal, as long as the other end has no room for it."""
    server, port = listening(backlog=0)
    others = [socket.socket() for _ in range(3)]
    for other in others:
        other.setblocking(False)
        connect(other, address("127.0.0.1", port))
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    made = socket.socket()
    assert connect(made, address("127.0.0.1", port)) == errno.EINTR
    local_port = made.getsockname()[1]
    server.settimeout(10)
    while server.accept()[1][1] != local_port:
        pass
    assert select.select([], [made], [], 10)[1]
    made.close()
    return {"port": port, "local_port": local_port}


def connects():
    """Without the scope that came later (RFC 2133); to any address, which is this machine."""
    server6, port6 = listening("::1")
    server, port = listening()
    assert connect(socket.socket(socket.AF_INET6), address("::1", port6), 24) == 0
    assert connect(socket.socket(), address("0.0.0.0", port)) == 0
    return {"port6": port6, "port": port}


def messages():
    """Each to another end, the third to where name servers are asked."""
    receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for receiver in receivers:
        receiver.bind(("127.0.0.1", 0))
    ports = [receiver.getsockname()[1] for receiver in receivers]
    text = ctypes.create_string_buffer(b"text")
    piece = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(text), 4))
    names = [ctypes.create_string_buffer(address("127.0.0.1", port)) for port in ports]
    heads = b"".join(struct.pack("=QQQQQQQQ", ctypes.addressof(name), 16, ctypes.addressof(piece), 1, 0, 0, 0, 0) for name in names)
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert LIBC.sendmmsg(made.fileno(), heads, len(ports), 0) == len(ports)
    return {"ports": ports}


def clock():
    """By nothing: all but the modes is 0, each time, since the kernel writes the time where it reads by how much it is to be stepped."""
    nano, step = 0x2000, 0x100

    def call(function, *before, modes):
        timex = ctypes.create_string_buffer(struct.pack("=I", modes), 256)
        return ctypes.get_errno() if function(*before, timex) < 0 else 0
    call(LIBC.adjtimex, modes=0)
    error = call(LIBC.adjtimex, modes=step | nano)
    call(LIBC.clock_adjtime, 0, modes=step | nano)
    call(LIBC.clock_adjtime, 0, modes=0)
    return {"error": os.strerror(error) if error else ""}


def room(path):
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 4096)
    return {}


ODD = {"interrupt": interrupt, "connect": connects, "messages": messages, "clock": clock, "room": room}
print(json.dumps(ODD[sys.argv[1]](*sys.argv[2:])))
