"""What befalls a recorder in a chaos run. Each fault takes the scene (chaos.py) and what was drawn for it, and leaves a recorder that
runs and a host that is as it was; what goes on in the background (bursts) the load does."""
import contextlib
import os
import random
import signal
import subprocess
import time
import typing

import kernel


# The process

def killed(scene, away_s):
    scene.recorder.kill9()
    time.sleep(away_s)
    scene.start()


def ended(scene, away_s):
    scene.end()
    time.sleep(away_s)
    scene.start()


def stopped(scene, for_s):
    os.kill(scene.recorder.process.pid, signal.SIGSTOP)
    time.sleep(for_s)
    os.kill(scene.recorder.process.pid, signal.SIGCONT)


def killed_while_stopped(scene, for_s):
    os.kill(scene.recorder.process.pid, signal.SIGSTOP)
    time.sleep(for_s)
    scene.recorder.kill9()
    scene.start()


def killed_while_it_starts(scene, after_s):
    scene.end()
    scene.recorder.start(wait=False)
    time.sleep(after_s)
    scene.recorder.kill9()
    scene.start()


# Its disk

@contextlib.contextmanager
def full_disk(scene):
    ballast = scene.recorder.state / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        size = 64 << 20
        while size >= 4096:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
            except OSError:
                size //= 2
    try:
        yield
    finally:
        ballast.unlink()


def full(scene, for_s, then):
    """And what happens to the recorder meanwhile."""
    with full_disk(scene):
        time.sleep(for_s)
        if then == "killed":
            scene.recorder.kill9()
        elif then == "ended":
            scene.end()
    if then != "nothing":
        scene.start()


def read_only(scene, for_s, then):
    """The file system has an error and becomes read-only, for good: the recorder is started again when it is mended."""
    scene.disk.fail()
    time.sleep(for_s)
    if then == "killed":
        scene.recorder.kill9()
    else:
        scene.end()
    scene.disk.mend()
    scene.start()


# Its files

def damage(path, number):
    """Some bytes are others; half of the time the end is missing."""
    dice = random.Random(number)
    with contextlib.suppress(FileNotFoundError):
        content = bytearray(path.read_bytes())
        for _ in range(20 if content else 0):
            content[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(content[:dice.randrange(len(content) + 1)] if number % 2 else content)


def damaged(scene, name, number, how):
    """A file of its state, between two runs."""
    if how == "killed":
        scene.recorder.kill9()
    else:
        scene.end()
    damage(scene.recorder.state / name, number)
    scene.start()


def bad_settings(scene, number):
    """A file of rubbish is refused; the one before, put back, is taken."""
    path = scene.recorder.config / "recorder.conf"
    before = path.read_bytes()
    path.write_bytes(before + random.Random(number).randbytes(200))
    scene.recorder.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    path.write_bytes(before)
    scene.recorder.process.send_signal(signal.SIGHUP)


def bad_subscription(scene, number):
    path = scene.recorder.state / "subscriptions" / "rubbish.json"
    path.write_bytes(random.Random(number).randbytes(500))
    time.sleep(1.5)
    path.unlink()


SECOND = {"name": "second", "domain": "recorder", "streams": [{"type": "database", "event_filters": [{"terms": ["file.read", "file.path "
          "starts with '/nowhere/'"]}]}]}


def subscriptions_change(scene, times):
    for _ in range(times):
        scene.ask({"command": "recorder.register-subscription", "subscription": SECOND})
        time.sleep(0.3)
        scene.ask({"command": "recorder.unregister-subscription", "name": "second"})
        time.sleep(0.3)


# The kernel's audit

def rules_deleted(scene, times):
    for _ in range(times):
        kernel.auditctl("-D", check=False)
        time.sleep(0.7)


def audit_off(scene):
    kernel.auditctl("-e", "0", check=False)


def small_backlog(scene, n):
    kernel.auditctl("-b", "64", check=False)
    scene.burst("file", n)


def auditd(scene, for_s, how):
    """It is refused at first while we hold the stream; killed, or ended."""
    daemon = scene.new_auditd()
    for _ in range(5):
        try:
            daemon.__enter__()
            break
        except RuntimeError:
            time.sleep(0.5)
    else:
        return
    time.sleep(for_s)
    if how == "killed":
        daemon.process.kill()
        daemon.process.wait()
    else:
        daemon.stop()


# Load of every sort

def burst(scene, kind, n):
    scene.burst(kind, n)


MOUNTS = """set -e
mkdir "$1/a" "$1/b"
i=0; while [ $i -lt $2 ]; do mount --bind "$1/a" "$1/b"; umount "$1/b"; i=$((i + 1)); done
rmdir "$1/a" "$1/b"
"""


def mounts(scene, n):
    subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh", scene.new_folder(), str(n)], check=True,
                   stdin=subprocess.DEVNULL)


def clients_that_hang(scene, n, number):
    """Until the next of them, or the end."""
    dice = random.Random(number)
    scene.hang_up()
    for _ in range(n):
        with contextlib.suppress(OSError):
            client = scene.recorder.connect()
            scene.clients.append(client)
            client.setblocking(False)
            client.send(dice.choice([b'{"command":', b'{"command":"recorder.tail"}\n', dice.randbytes(100) + b"\n", b"["]))


def queries(scene, times):
    for number in range(times):
        scene.recorder.cli("query", "process", "--limit", "100", "--json", check=None)
        scene.recorder.cli("snapshot", scene.new_folder() / "copy.db", check=None)


# The clock

def clock_set(scene, minutes):
    """That of the recorder is set: so far ahead of the machine's, or behind."""
    scene.set_clock(minutes * 60 * 10**9)


class Fault(typing.NamedTuple):
    act: typing.Callable
    draw: dict  # of each parameter what it is drawn from: a range of numbers (a tuple), or a list
    sources: tuple = ("ebpf", "audit")


NUMBERS = (0, 1 << 30)
FAULTS = {fault.act.__name__: fault for fault in [
    Fault(killed, {"away_s": (0.0, 1.5)}),
    Fault(ended, {"away_s": (0.0, 1.0)}),
    Fault(stopped, {"for_s": (0.5, 6.0)}),
    Fault(killed_while_stopped, {"for_s": (0.5, 3.0)}),
    Fault(killed_while_it_starts, {"after_s": (0.0, 0.3)}),
    Fault(full, {"for_s": (1.0, 4.0), "then": ["nothing", "nothing", "killed", "ended"]}),
    Fault(read_only, {"for_s": (0.5, 3.0), "then": ["killed", "ended"]}),
    Fault(damaged, {"name": ["proc.bin", "hashes", "recorder.lock", "subscriptions/rubbish.json"], "number": NUMBERS,
                    "how": ["killed", "ended"]}),
    Fault(bad_settings, {"number": NUMBERS}),
    Fault(bad_subscription, {"number": NUMBERS}),
    Fault(subscriptions_change, {"times": (1, 3)}),
    Fault(rules_deleted, {"times": (1, 3)}),
    Fault(audit_off, {}),
    Fault(small_backlog, {"n": (500, 3000)}),
    Fault(auditd, {"for_s": (1.0, 4.0), "how": ["killed", "ended"]}),
    Fault(burst, {"kind": ["process", "file", "file", "network"], "n": (300, 8000)}),
    Fault(mounts, {"n": (50, 200)}),
    Fault(clients_that_hang, {"n": (5, 30), "number": NUMBERS}),
    Fault(queries, {"times": (1, 3)}),
    # The kernel stamps the records of audit, by the machine's clock: only the programs' are stamped by the recorder's.
    Fault(clock_set, {"minutes": (-600, 600)}, ("ebpf",)),
]}


def draw_one(dice, of):
    if isinstance(of, list):
        return dice.choice(of)
    low, high = of
    return round(dice.uniform(low, high), 2) if isinstance(low, float) else dice.randint(low, high)


def schedule(seed, source, names=None):
    """Without an end; of one seed always the same: after how many seconds which fault comes, and its parameters."""
    dice = random.Random(seed)
    while True:
        pause_s = round(dice.uniform(0.2, 3.0), 2)
        name = dice.choice(sorted(FAULTS))
        drawn = {parameter: draw_one(dice, of) for parameter, of in FAULTS[name].draw.items()}
        if source in FAULTS[name].sources and (not names or name in names):
            yield pause_s, name, drawn
