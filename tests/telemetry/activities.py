"""The yardstick: 34 activities of a Linux host that a recorder of endpoints is asked to see (the rows that public score cards of such
products have, and four that hardly any of them has: files in memory, and size, first bytes and entropy of what is run).

An activity does its thing on the real kernel and says which row of the history must tell of it: a view, what its columns must be,
which must be known. `audit` says what is expected where audit is the source, if not the same: NO and why, or RULE with the rule of a
user that shows it."""
import contextlib
import hashlib
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import sys
import typing

import host

YES, RULE, NO, UNAVAILABLE = "yes", "with a user rule", "no", "not here"
WHO = ("process_entity_id", "process_pid", "process_name", "process_executable", "process_command_line", "process_start",
       "user_name", "user_audit_name", "process_parent_pid")


class Want(typing.NamedTuple):
    """A row: of the first argument's view, with these values; a value that is callable judges."""
    view: str
    columns: dict
    known: tuple = WHO

    def find(self, query, after=0):
        rows = query(f"SELECT * FROM {self.view} WHERE sequence > ? AND action = ?", after, self.columns["action"])
        return next((row for row in rows if not self.lacks(row)), None)

    def lacks(self, row):
        """What is not as it must be."""
        wrong = {}
        for name, value in self.columns.items():
            found = row[name]
            if not (value(found) if callable(value) else value == found):
                wrong[name] = found
        for name in self.known:
            if row[name] is None:
                wrong[name] = "unknown"
        return wrong

    def nearest(self, query, after=0):
        """Of the rows of that action the one that lacks the fewest, for who wants to know why there is none."""
        rows = query(f"SELECT * FROM {self.view} WHERE sequence > ? AND action = ?", after, self.columns["action"])
        return min((self.lacks(row) for row in rows), key=len, default="no such row")


def want(view, known=WHO, **columns):
    return Want(view, columns, known)


class Activity(typing.NamedTuple):
    category: str
    name: str
    do: typing.Callable  # Scene -> Want; (Want, Want) where a rule shows another row than the source does by itself
    audit: str = YES
    why: str = ""
    rule: str = ""


activities = []


def activity(category, name, audit=YES, why="", rule=""):
    def add(do):
        activities.append(Activity(category, name, do, audit, why, rule))
        return do
    return add


class NotHere(Exception):
    """This kernel or host has no such thing."""


class Scene:
    """Where the activities are done: a folder, an account, an sshd. `wait` waits for a row that the next act would hide."""

    def __init__(self, source, folder, acts, sshd, account, wait):
        self.source, self.sshd, self.account, self.wait = source, sshd, account, wait
        self.folder, self.acts = pathlib.Path(folder), pathlib.Path(acts)
        self.units = self.folder / "home" / ".config" / "systemd" / "user"  # a place of units that no manager reads
        self.units.mkdir(parents=True, exist_ok=True)
        self.undo = contextlib.ExitStack()

    def act(self, name, *arguments):
        """Runs the program of that name: its pid and what it said."""
        process = subprocess.Popen([self.acts / name, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        said, error = process.communicate(timeout=60)
        if process.returncode == 77:
            raise NotHere(error.strip())
        assert process.returncode == 0, error
        return process.pid, said.split()

    def program(self, name):
        """A program that nobody ran before, so that its hash is told now."""
        path = self.folder / name
        shutil.copy(self.acts / "process", path)
        with path.open("ab") as file:
            file.write(os.urandom(64))
        return path

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path


# Process, file

@activity("Process", "creation")
def process_creation(scene):
    program = scene.acts / "process"
    pid, (child, _) = scene.act("process", program, "exit", 7, "two words")
    return want("process_events", WHO + ("group_name", "process_working_directory", "process_executable_file_inode"),
                action="exec", process_pid=int(child), process_parent_pid=pid, process_executable=str(program),
                process_args=f'["{program}","exit","7","two words"]', user_name="root", user_audit_name=login_name())


@activity("Process", "termination")
def process_termination(scene):
    pid, (child, _) = scene.act("process", scene.acts / "process", "exit", 7)
    return want("process_events", WHO + ("event_duration",), action="exit", process_pid=int(child), process_exit_code=7)


@activity("File", "creation")
def file_creation(scene):
    pid, _ = scene.act("file_create", scene.folder / "made", "text")
    return want("file_events", action="create", file_path=str(scene.folder / "made"), process_pid=pid)


@activity("File", "modification")
def file_modification(scene):
    path = scene.write("changed", "text")
    pid, _ = scene.act("file_modify", path, "more")
    return want("file_events", action="write", file_path=str(path), process_pid=pid)


@activity("File", "deletion")
def file_deletion(scene):
    path = scene.write("removed", "text")
    pid, _ = scene.act("file_delete", path)
    return want("file_events", action="delete", file_path=str(path), process_pid=pid)


@activity("File", "memory-backed")
def memory_file(scene):
    pid, _ = scene.act("memory_file")
    # Of its name audit has but the address: it is known if the file was still open when the record came.
    names = ("/memfd:telemetry",) if scene.source == "ebpf" else ("/memfd:telemetry", None)
    return want("file_events", action="create", file_type="memfd", process_pid=pid, file_path=lambda found: found in names)


# Users

@activity("User", "logon")
def user_logon(scene):
    scene.sshd.login(scene.account.name, "true", options=["-tt"])  # sshd calls it a login if there is a terminal
    return want("security_events", action="login", user_target_name=scene.account.name, source_ip="127.0.0.1",
                process_executable=host.SSHD, event_outcome="success")


@activity("User", "logoff")
def user_logoff(scene):
    scene.sshd.login(scene.account.name, "true")
    return want("security_events", WHO + ("session_id",), action="session_end", user_target_name=scene.account.name,
                user_audit_name=scene.account.name, session_login_source_ip="127.0.0.1", process_executable=host.SSHD)


@activity("User", "logon failed")
def logon_failed(scene):
    assert scene.sshd.login(scene.account.name, "true", key="stranger", check=False).returncode != 0
    return want("security_events", action="login_failed", user_target_name=scene.account.name, source_ip="127.0.0.1",
                event_outcome="failure")


@activity("User account", "created")
def account_created(scene):
    scene.made = host.a_name()
    scene.undo.callback(host.remove, scene.made)
    host.run("useradd", scene.made)
    scene.made_id = pwd.getpwnam(scene.made).pw_uid
    # What the file says, which is looked at once it is written: the next change is another one then.
    return scene.wait(want("security_events", action="user_add", user_target_name=scene.made, user_target_id=scene.made_id,
                           event_code="ACCOUNT"))


@activity("User account", "modified")
def account_modified(scene):
    old = pwd.getpwnam(scene.made).pw_shell
    host.run("usermod", "-s", "/bin/false", scene.made)
    return scene.wait(want("security_events", action="user_modify", user_target_name=scene.made,
                           security_changes=f'["shell: {old} -> /bin/false"]'))


@activity("User account", "deleted")
def account_deleted(scene):
    host.run("userdel", scene.made)
    return want("security_events", action="user_delete", user_target_name=scene.made)


# Scripts, network

@activity("Script", "content")
def script_content(scene):
    text = f"#!{sys.executable}\nimport sys; sys.exit(3)  # {os.urandom(8).hex()}\n"
    script = scene.write("script", text, 0o755)
    scene.act("process", script)
    return scene.wait(want("recorder_events", (), action="hash", file_path=str(script), file_content=text,
                           file_hash_sha256=hashlib.sha256(text.encode()).hexdigest()))


@activity("Network", "connection")
def network_connection(scene):
    pid, _ = scene.act("network_connect", scene.sshd.port)
    return want("network_events", action="connect", process_pid=pid, destination_ip="127.0.0.1", destination_port=scene.sshd.port,
                event_outcome="success", network_direction="egress")


@activity("Network", "socket listen")
def socket_listen(scene):
    pid, (port,) = scene.act("network_listen")
    return want("network_events", action="listen", process_pid=pid)


@activity("Network", "DNS query", audit=NO, why="audit does not see what is sent")
def dns_query(scene):
    pid, _ = scene.act("dns_query")
    return want("dns_events", action="query", process_pid=pid, dns_question_name="telemetry.example", dns_question_type="A")


# What the system does by itself

@activity("Scheduled task", "scheduled task")
def scheduled_task(scene):
    text = "0 4 * * * /bin/true\n"
    scene.undo.callback(host.run, "crontab", "-u", scene.account.name, "-r", check=False)
    host.run("crontab", "-u", scene.account.name, "-", stdin=None, input=text)
    return scene.wait(want("system_events", action="task_create", file_content=lambda found: found and found.endswith(text),
                           file_path=f"/var/spool/cron/crontabs/{scene.account.name}", process_executable="/usr/bin/crontab"))


@activity("Service", "creation")
def service_creation(scene):
    unit, text = scene.units / "telemetry.service", "[Service]\nExecStart=/bin/true\n"
    pid, _ = scene.act("file_create", unit, text)
    return scene.wait(want("system_events", action="service_create", system_unit=unit.name, file_content=text, process_pid=pid))


@activity("Service", "modification")
def service_modification(scene):
    pid, _ = scene.act("file_modify", scene.units / "telemetry.service", "User=root\n")
    return scene.wait(want("system_events", action="service_change", system_unit="telemetry.service", process_pid=pid,
                           file_content="[Service]\nExecStart=/bin/true\nUser=root\n"))


@activity("Service", "deletion")
def service_deletion(scene):
    pid, _ = scene.act("file_delete", scene.units / "telemetry.service")
    return scene.wait(want("system_events", action="service_delete", system_unit="telemetry.service", process_pid=pid))


# Drivers, modules

@activity("Driver", "driver load")
def driver_load(scene):
    found = host.run("modinfo", "-n", "dummy", check=False) if shutil.which("modinfo") else None
    path = found.stdout.strip() if found and found.returncode == 0 else scene.write("module", "none")
    pid, _ = scene.act("driver_load", path, "dummy")
    return want("driver_events", action="load", process_pid=pid, driver_name="dummy")


@activity("Driver", "image load", audit=RULE, why="audit would tell of every mapping; a rule of the file tells of its opening",
          rule="-a always,exit -F arch={arch} -F path={folder}/library -F perm=r")
def image_load(scene):
    library = scene.folder / "library"
    shutil.copy("/bin/true", library)
    pid, _ = scene.act("image_load", library)
    return (want("image_events", action="load", dll_path=str(library), process_pid=pid),
            want("file_events", action="read", file_path=str(library), process_pid=pid))


@activity("Driver", "eBPF event")
def ebpf_event(scene):
    pid, _ = scene.act("ebpf_load")
    return want("driver_events", ("bpf_id",), action="load", process_pid=pid)


# Access, tampering

@activity("Access", "raw access read")
def raw_access(scene):
    device = scene.folder / "disk"
    os.mknod(device, stat.S_IFBLK | 0o600, os.makedev(7, 0))
    pid, _ = scene.act("raw_read", device)
    return want("security_events", action="raw_access", process_pid=pid, file_path=str(device))


@activity("Access", "process access")
def process_access(scene):
    pid, (target,) = scene.act("process_read")
    return want("process_events", action="ptrace", process_pid=pid, process_target_pid=int(target), auditd_syscall="process_vm_readv")


@activity("Access", "process tampering")
def process_tampering(scene):
    pid, (target,) = scene.act("process_write")
    return want("process_events", action="ptrace", process_pid=pid, process_target_pid=int(target))


# The recorder itself

@activity("Recorder", "start")
def recorder_start(scene):
    return want("recorder_events", (), action="start")


@activity("Recorder", "stop")
def recorder_stop(scene):
    return want("recorder_events", (), action="stop")


# What is known of a program that runs

def ran(scene, name, **columns):
    program = scene.program(name)
    scene.act("process", program, "exit", 0)
    columns = {column: value(program) for column, value in columns.items()}
    return scene.wait(want("recorder_events", (), action="hash", file_path=str(program), file_hash_state="ok", **columns))


def of_bytes(function):
    return lambda path: function(path.read_bytes())


@activity("Program", "hash: MD5")
def hash_md5(scene):
    return ran(scene, "md5", file_hash_md5=of_bytes(lambda data: hashlib.md5(data).hexdigest()))


@activity("Program", "hash: SHA")
def hash_sha(scene):
    return ran(scene, "sha", file_hash_sha1=of_bytes(lambda data: hashlib.sha1(data).hexdigest()),
               file_hash_sha256=of_bytes(lambda data: hashlib.sha256(data).hexdigest()))


@activity("Program", "fuzzy hash")
def hash_fuzzy(scene):
    return ran(scene, "fuzzy", file_hash_tlsh=lambda path: lambda found: found and found.startswith("T1") and len(found) == 72)


@activity("Program", "entropy")
def entropy(scene):
    return ran(scene, "entropy", file_entropy=lambda path: lambda found: found is not None and abs(found - entropy_of(path)) <= 1)


@activity("Program", "header bytes")
def header_bytes(scene):
    return ran(scene, "header", file_header_bytes=of_bytes(lambda data: data[:16].hex()))


@activity("Program", "file size")
def file_size(scene):
    return ran(scene, "size", file_size=of_bytes(len))


def entropy_of(path):
    """In thousandths of a bit."""
    import collections
    import math
    data = path.read_bytes()
    return -1000 * sum(n / len(data) * math.log2(n / len(data)) for n in collections.Counter(data).values())


def login_name():
    """Of this process."""
    auid = int(pathlib.Path("/proc/self/loginuid").read_text())
    return "unset" if auid == (1 << 32) - 1 else pwd.getpwuid(auid).pw_name
