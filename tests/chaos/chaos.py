"""A recorder under load to which the faults of faults.py happen, and then the account of what its history has. Used by `make chaos`
(run) and the tests."""
import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import account  # noqa: E402
import driver  # noqa: E402
import kernel  # noqa: E402
from faults import FAULTS  # noqa: E402

# Of what there is in packages: who holds the audit stream is looked for often, and rules are loaded beside an auditd.
SETTINGS = "CX.recorder.AuditdSlotFreeSecs = 1\nCX.recorder.AuditdEnableRawLoggingRuleLoading = 1\nCX.recorder.ConfigRefreshIntervalSecs = 1\n"
DISK_MB = 400
PAUSE_MS = 20  # between two units of the load


class Disk:
    """A file system of its own, in a file."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        with open(image, "wb") as file:
            file.truncate(DISK_MB << 20)
        # Without a journal, since the time that takes is not what is asked for; a whole group of blocks is not kept for root.
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
        folder.mkdir(mode=0o700)
        self.mount()
        (folder / "lost+found").rmdir()
        folder.chmod(0o700)

    def mount(self):
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.folder], check=True)

    def unmount(self):
        subprocess.run(["umount", self.folder], check=True)

    def fail(self):
        device = subprocess.run(["findmnt", "-no", "SOURCE", self.folder], check=True, capture_output=True, text=True).stdout.strip()
        pathlib.Path(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error").write_text("1")

    def mend(self):
        self.unmount()
        subprocess.run(["e2fsck", "-fp", self.image], stdout=subprocess.DEVNULL)  # 1: it mended something
        self.mount()


class Scene:
    """Of one run: a recorder, a load, a disk. Everything goes in the end."""

    def __init__(self, folder, source, say=print):
        self.folder, self.source, self.say = folder, source, say
        self.clients, self.n_folders, self.auditds = [], 0, []
        self.clock = account.Clock()
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.shift = self.folder / "shift"
            self.shift.write_bytes(bytes(16))
            environment = {**os.environ, "LD_PRELOAD": str(driver.TRUTH / "clock_shift.so"), "CLOCK_SHIFT": str(self.shift)}
            self.recorder = driver.Recorder(self.folder / "recorder", source=self.source, config=SETTINGS, chunk_mb=1, env=environment)
            self.disk = Disk(self.folder / "disk", self.recorder.state)
            self.stack.callback(self.disk.unmount)
            self.stack.callback(self.recorder.cleanup)
            self.stack.callback(self.hang_up)
            self.before = kernel.state()
            self.recorder.start()
            self.truth = self.folder / "truth"
            acts = self.new_folder()
            with open(self.truth, "wb") as out:
                self.load = subprocess.Popen([driver.TRUTH / "load", acts, driver.tiny(), str(PAUSE_MS)], stdin=subprocess.PIPE, stdout=out)
            self.stack.callback(self.end_load)
            self.keep = self.stack.pop_all()
        return self

    def __exit__(self, *unused):
        for daemon in self.auditds:
            if hasattr(daemon, "process"):
                daemon.stop()
        self.keep.close()

    def new_folder(self):
        self.n_folders += 1
        path = self.folder / f"folder{self.n_folders}"
        path.mkdir()
        return path

    def new_auditd(self):
        self.auditds.append(kernel.Auditd(self.new_folder()))
        return self.auditds[-1]

    def start(self):
        self.recorder.start()

    def end(self):
        self.recorder.process.send_signal(signal.SIGTERM)
        self.recorder.exit()

    def ask(self, request):
        with contextlib.suppress(OSError):
            return self.recorder.request(**request)

    def burst(self, kind, n):
        self.load.stdin.write(f"{kind} {n}\n".encode())
        self.load.stdin.flush()

    def hang_up(self):
        while self.clients:
            self.clients.pop().close()

    def set_clock(self, by_ns):
        before = time.time_ns()
        with open(self.shift, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", by_ns))
        # Who read the clock before and is not done with it yet is given a moment.
        time.sleep(0.1)
        self.clock.move(before, time.time_ns(), by_ns)

    def end_load(self):
        if self.load.poll() is None:
            self.load.stdin.close()
            assert self.load.wait(driver.DEADLINE_S) == 0

    def run(self, schedule, seconds):
        """As many of the faults as fit."""
        begun = time.monotonic()
        for number, (pause_s, name, drawn) in enumerate(schedule):
            time.sleep(pause_s)
            at = time.monotonic() - begun
            if at >= seconds:
                break
            self.say(f"{at:6.1f} s  {account.as_text(time.time_ns())}  {number + 1:3}. {name} " +
                     " ".join(f"{key}={value}" for key, value in drawn.items()))
            FAULTS[name].act(self, **drawn)
            assert self.load.poll() is None, "the load has ended"
            assert self.recorder.process.poll() is None, f"the recorder has ended:\n{self.recorder.log_text()[-4000:]}"
        # What somebody took away is there again within a second.
        time.sleep(1.5)
        self.end_load()
        self.recorder.process.send_signal(signal.SIGTERM)
        self.recorder.exit()
        # Beside the programs audit tells of logins, stamped by the machine's clock, which in truth would have been set too.
        acts = [act for act in account.read(self.truth) if act.category != "security" or self.clock.shown(act.begin) == [act.begin]]
        told = {("file", "write")} if self.source != "ebpf" else set()  # audit does not tell of writes
        with self.recorder.reading():
            return account.Account(acts, self.recorder.query, self.clock, without=told, parent=self.load.pid)
