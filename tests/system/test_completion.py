"""The shells themselves, at a terminal: what a TAB makes of a line."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

import driver

FOLDER = driver.SOURCE / "dist" / "completions"
# The program is asked what may stand there; what it is called with is printed.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"""
recorder() {{ if [ "$1" = complete ]; then command recorder "$@"; else echo BEGIN; printf '%s\\n' "$@"; echo END; fi; }}
. {FOLDER}/recorder.bash
"""),
    "zsh": (["zsh", "-f", "-i"], f"""
recorder() {{ if [ "$1" = complete ]; then command recorder "$@"; else echo BEGIN; printf '%s\\n' "$@"; echo END; fi; }}
fpath=({FOLDER} $fpath); autoload -U compinit; compinit -D -u
"""),
}


def environment(folder):
    return dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", HOME=str(folder), XDG_CONFIG_HOME=str(folder),
                XDG_DATA_HOME=str(folder), TERM="dumb", LC_ALL="C.UTF-8")


class Shell:
    def __init__(self, name, folder):
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")
        command, setup = SHELLS[name]
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True,
            env=environment(folder))
        os.close(theirs)
        for line in setup.strip().splitlines():
            self.send(line + "\n")
        self.send("echo re''ady\n")
        self.wait_for("ready\r")

    def send(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern):
        said, end = "", time.monotonic() + driver.DEADLINE_S
        while not re.search(pattern, said):
            assert time.monotonic() < end, f"no {pattern!r} in:\n{said}"
            if select.select([self.fd], [], [], 1)[0]:
                said += os.read(self.fd, 65536).decode(errors="replace")
        return said

    def words(self, line):
        """With which words `recorder` is called when a TAB has been pressed behind the line."""
        self.send(f"recorder {line}\t")
        time.sleep(0.3)  # nothing but an echo would tell that it has been obeyed
        self.send("\n")
        return re.search(r"BEGIN\r+\n(.*?)END\r", self.wait_for("END\r"), re.S)[1].split("\r\n")[:-1]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


# A line, and the word that stands at its end after a TAB.
LINES = {
    "subsc": "subscription",
    "config set LogL": "LogLevel",
    "config set LogLevel deb": "debug",
    "run --set LogLevel=deb": "LogLevel=debug",
    "query --revers": "--reverse",
    "query --type=process,driver.unl": "--type=process,driver.unload",
    "query --type process,driver.unl": "process,driver.unload",
    "query process.ancestry_user_n": "process.ancestry_user_name",
    "subscription show --state state mi": "mine",
    "subscription check a-docu": "a-document.json",
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "state" / "subscriptions").mkdir(parents=True)
    (tmp_path / "state" / "subscriptions" / "mine.json").write_text("{}")
    (tmp_path / "a-document.json").write_text("{}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "recorder").symlink_to(driver.BIN)
    return tmp_path


@pytest.mark.parametrize("name", SHELLS)
def test_tab(name, place):
    shell = Shell(name, place)
    try:
        for line, word in LINES.items():
            assert shell.words(line) == [*line.split(" ")[:-1], word]
    finally:
        shell.close()


def test_fish(place):
    """It can be asked without a terminal."""
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    for line, word in [*LINES.items(), ("query 'file.path sta", "file.path starts with")]:
        said = subprocess.run(["fish", "--no-config", "-c", f'source {FOLDER}/recorder.fish; complete -C "recorder {line}"'], check=True,
                              cwd=place, env=environment(place), capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        assert [candidate.split("\t")[0] for candidate in said.splitlines()] == [word], line
