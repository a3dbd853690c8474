"""The audit state of the kernel, as auditctl shows it. There is one for the whole machine."""
import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

SETTINGS = ("enabled", "failure", "rate_limit", "backlog_limit", "backlog_wait_time", "loginuid_immutable")
COUNTERS = ("pid", "lost", "backlog", "backlog_wait_time_actual")
# What of SETTINGS can be set, and how; a locked loginuid_immutable or enabled 2 is for the rest of the boot.
OPTIONS = {"enabled": "-e", "failure": "-f", "rate_limit": "-r", "backlog_limit": "-b",
           "backlog_wait_time": "--backlog_wait_time"}


def auditctl(*arguments, check=True):
    return subprocess.run(["auditctl", *arguments], check=check, text=True, stdin=subprocess.DEVNULL,
                          capture_output=True).stdout


def status():
    return {line.split(None, 1)[0]: line.split(None, 1)[1].strip()
            for line in auditctl("-s").splitlines() if " " in line}


def settings():
    now = status()
    return {name: now[name] for name in SETTINGS if name in now}


def rules():
    lines = auditctl("-l").splitlines()
    return [] if lines == ["No rules"] else lines


def programs():
    """Names of the recorder's programs in the kernel, which is not quick to let go of one."""
    listed = subprocess.run(["bpftool", "--json", "prog", "show"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return {program["name"] for program in json.loads(listed.stdout)
            if program.get("name", "").startswith(("on_", "act_", "tell_open"))}


def lost():
    return int(status()["lost"])


def state():
    return {"settings": settings(), "rules": rules()}


def restore(wanted):
    """By as few steps as it takes: nothing is touched that is as it was."""
    if rules() != wanted["rules"]:
        auditctl("-D")
        for rule in wanted["rules"]:
            auditctl(*rule.split())
    for name, value in settings().items():
        if name in OPTIONS and value != wanted["settings"][name]:
            auditctl(OPTIONS[name], wanted["settings"][name])


def why_not():
    """Why nothing can be tested live here; None if it can."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        now = status()
    except FileNotFoundError:
        return "needs auditctl"
    except subprocess.CalledProcessError as error:
        return f"the kernel's audit cannot be used: {error.stderr.strip() or error}"
    if now.get("enabled") == "2":
        return "the kernel's audit is locked (-e 2)"
    if os.path.exists(f"/proc/{now['pid']}"):  # the kernel notices late that a daemon has died
        return f"another audit daemon is running (pid {now['pid']})"
    return None


class Saved:
    """The state before a session of tests, in a file until it has been put back: a session that
    was killed is cleaned up after by the next."""

    def __init__(self):
        path = os.path.join(tempfile.gettempdir(), "recorder-tests-audit-state")
        self.file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+")
        if os.fstat(self.file.fileno()).st_uid != os.geteuid():
            raise RuntimeError(f"{path} belongs to somebody else")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        left = self.file.read()
        if left:
            restore(json.loads(left))
        self.state = state()
        self.write(json.dumps(self.state))

    def write(self, text):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(text)
        self.file.flush()

    def put_back(self):
        restore(self.state)
        self.write("")
        self.file.close()


class SlotHolder:
    """Another audit daemon: holds the unicast slot and reads what comes there. `taken`: bytes so far."""

    NETLINK_AUDIT, AUDIT_SET, STATUS_PID, ERROR = 9, 1001, 4, 2

    def __enter__(self):
        self.taken = 0
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, self.NETLINK_AUDIT)
        self.socket.bind((0, 0))
        self.set_pid(os.getpid())
        self.socket.settimeout(0.1)
        self.end = False
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        return self

    def set_pid(self, pid):
        body = struct.pack("=11I", self.STATUS_PID, 0, 0, pid, *[0] * 7)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), self.AUDIT_SET, 5, 1, 0) + body)
        while True:  # records may come before the answer
            answer = self.socket.recv(65536)
            if struct.unpack_from("=IH", answer)[1] == self.ERROR:
                error, = struct.unpack_from("=i", answer, 16)
                if error:
                    raise OSError(-error, os.strerror(-error))
                return

    def read(self):
        while not self.end:
            try:
                self.taken += len(self.socket.recv(65536))
            except OSError:
                pass

    def __exit__(self, *unused):
        self.end = True
        self.thread.join()
        self.socket.settimeout(None)
        self.set_pid(0)
        self.socket.close()


AUDITD_CONF = """local_events = yes
write_logs = yes
log_file = {folder}/log/audit.log
log_group = root
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 4000
num_logs = 2
priority_boost = 4
name_format = NONE
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
verify_email = no
action_mail_acct = root
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
distribute_network = no
q_depth = 2000
overflow_action = IGNORE
plugin_dir = {folder}/etc/plugins.d
end_of_event_timeout = 2
"""


class Auditd:
    """The real one, with folders of its own."""

    def __init__(self, folder, log_format="RAW"):
        self.folder = folder
        self.etc, self.log = folder / "etc", folder / "log" / "audit.log"
        (folder / "etc" / "plugins.d").mkdir(parents=True)
        (folder / "log").mkdir()
        config = folder / "etc" / "auditd.conf"
        config.write_text(AUDITD_CONF.format(folder=folder).replace("RAW", log_format))
        config.chmod(0o640)

    def move_below(self):
        """Its configuration to where a recorder whose state is in that folder looks for that of the host. The file."""
        etc, self.etc = self.etc, self.etc / "audit"
        self.etc.mkdir()
        for name in ("auditd.conf", "plugins.d"):
            (etc / name).rename(self.etc / name)
        config = self.etc / "auditd.conf"
        config.write_text(config.read_text().replace(f"{etc}/plugins.d", f"{self.etc}/plugins.d"))
        return config

    def __enter__(self):
        self.process = subprocess.Popen(["auditd", "-n", "-c", self.etc, "-s", "nochange"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while status()["pid"] != str(self.process.pid):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"auditd does not start: exit {self.process.returncode}")
            time.sleep(0.02)
        return self

    def stop(self):
        """What the kernel has for it is in its log when this returns."""
        while self.process.poll() is None and int(status()["backlog"]) > 0:
            time.sleep(0.02)
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            self.process.terminate()  # more than once: while it starts it ignores signals
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
        assert self.process.poll() is not None, "auditd does not end"

    def __exit__(self, *unused):
        self.stop()

    def lines(self):
        return self.log.read_text(errors="surrogateescape").splitlines()
