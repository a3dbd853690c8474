"""People on this host, as tests need them: an account of their own, sshd on 127.0.0.1 with a key, sudo. All of it goes again."""
import contextlib
import os
import pathlib
import pwd
import secrets
import socket
import subprocess
import time

SSHD = "/usr/sbin/sshd"
TOOLS = (SSHD, "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/sudo", "/usr/sbin/useradd", "/usr/sbin/usermod", "/usr/sbin/userdel",
         "/usr/bin/crontab")
CONFIG = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile %h/.ssh/authorized_keys
PidFile none
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def missing():
    """Programs that this host lacks for it."""
    return [tool for tool in TOOLS if not pathlib.Path(tool).exists()]


def run(*command, check=True, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(list(map(str, command)), check=check, capture_output=True, text=True, **options)


def a_name():
    """An account that nobody has."""
    return f"rec{secrets.token_hex(4)}"


class Account:
    """One for the time of a test."""

    def __init__(self, *options):
        self.name = a_name()
        try:
            run("useradd", "-m", "-s", "/bin/sh", *options, self.name)
        except BaseException:
            remove(self.name)
            raise

    def allow(self, key):
        """Who has the private half of it may log in."""
        entry = pwd.getpwnam(self.name)
        folder = pathlib.Path(entry.pw_dir) / ".ssh"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text(key)
        for path in folder, folder / "authorized_keys":
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        remove(self.name)


def remove(name):
    """The account with what belongs to it, if it is there; systemd's manager of the user may still hold it for a moment."""
    for _ in range(50):
        done = run("userdel", "-rf", name, check=False)
        if done.returncode in (0, 6):  # 6: there is none
            break
        time.sleep(0.1)
    run("groupdel", name, check=False)


class Sshd:
    """A server on a port of its own, with a key for those accounts; `login` runs a command there as somebody."""

    def __init__(self, folder, *accounts):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in "host", "key", "stranger":  # the last is nobody's
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        for account in accounts:
            account.allow((self.folder / "key.pub").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.folder / "config").write_text(CONFIG.format(port=self.port, folder=self.folder))
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it puts its unprivileged half

    def __enter__(self):
        # Should the tests be killed, it ends too.
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", SSHD, "-D", "-e", "-f", self.folder / "config"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
            assert self.process.poll() is None, self.log_text()
            time.sleep(0.02)
        raise AssertionError(f"sshd does not answer: {self.log_text()}")

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def login(self, user, *command, key="key", options=(), check=True):
        done = run("ssh", *options, "-i", self.folder / key, "-p", self.port, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-F", "none",
                   f"{user}@127.0.0.1", *command, check=False, timeout=60)
        assert not check or done.returncode == 0, f"{done.stderr}{self.log_text()}"
        return done
