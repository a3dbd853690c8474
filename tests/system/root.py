"""A clean root to install into: an overlay over a root that is there, in a mount namespace that ends with the test. Over that of the host
it is there in an instant, with all packages that the host has; RECORDER_TEST_ROOT names another (scripts/test-deb)."""
import hashlib
import os
import pathlib
import signal
import stat
import subprocess

import driver

LOWER = os.environ.get("RECORDER_TEST_ROOT", "/")
# What dpkg and its helpers write down themselves, and what is made of the files of all packages.
NOT_OURS = ("var/lib/dpkg/", "var/log/", "var/cache/", "var/lib/systemd/deb-systemd-helper-", "etc/ld.so.cache", "run/", "tmp/")

MOUNT = """
set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$1/root"
for part in proc sys dev; do mount --rbind /$part "$1/root/$part"; done
mount -t tmpfs -o mode=755 none "$1/root/run"
mount -t tmpfs -o mode=1777 none "$1/root/tmp"
echo ready
exec sleep infinity
"""

# A systemd that can do what the scripts of a package ask for. What it was asked is in /run/asked. A recorder that it started ends with the
# namespace.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/asked
verb=
for word; do
	case $word in -*) ;; *) verb=$word; break ;; esac
done
unit=/usr/local/lib/systemd/system/recorder.service
[ -e $unit ] || unit=/usr/lib/systemd/system/recorder.service
wanted=/etc/systemd/system/multi-user.target.wants/recorder.service
pid=$(cat /run/recorder.pid 2>/dev/null)
runs() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
stop() {
	runs || return 0
	kill "$pid"
	while runs; do sleep 0.05; done
	rm /run/recorder.pid
}
start() {
	runs && return
	setsid sh -c '
		"$@" >>/run/recorder.log 2>&1 &
		pid=$!
		trap "kill $pid" TERM
		echo $$ >/run/recorder.pid
		while kill -0 $pid 2>/dev/null && kill -0 HOLDER 2>/dev/null; do sleep 0.1; done
		kill $pid 2>/dev/null
		wait $pid
		wait $pid
	' sh $(sed -n 's/^ExecStart=//p' $unit) </dev/null >/dev/null 2>&1 &
	until recorder status >/dev/null 2>&1; do
		sleep 0.05
		[ ! -s /run/recorder.pid ] || kill -0 "$(cat /run/recorder.pid)" || exit 1
	done
}
case $verb in
preset | enable) mkdir -p ${wanted%/*} && ln -sf $unit $wanted ;;
is-enabled) [ -L $wanted ] && echo enabled || { echo disabled; exit 1; } ;;
is-active) runs ;;
cat) cat $unit ;;
start) start ;;
stop) stop ;;
restart) stop; start ;;
try-restart) ! runs || { stop; start; } ;;
disable) rm -f $wanted; [ "${*%--now*}" = "$*" ] || stop ;;
esac
"""


def describe(path):
    status = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else \
        os.readlink(path) if stat.S_ISLNK(status.st_mode) else None
    return oct(status.st_mode), status.st_uid, status.st_gid, content


class Root:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        # What the test's end ends: with it go the namespace and all that is mounted there.
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh", self.folder,
             LOWER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        said = self.holder.stdout.readline()
        assert said == "ready\n", said
        inside = pathlib.Path(f"/proc/{self.holder.pid}/root{self.folder}")
        self.path, self.upper = inside / "root", inside / "upper"
        (self.path / "var/lib/man-db/auto-update").unlink(missing_ok=True)  # an index of all pages of the host
        self.put("usr/local/bin/systemctl", SYSTEMCTL.replace("HOLDER", str(self.holder.pid)), 0o755)

    def put(self, name, content, mode=0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def read(self, name):
        return (self.path / name).read_text()

    def run(self, *command, check=0, timeout_s=driver.DEADLINE_S):
        """There; the exit code must be `check`, None: any. Its output is `text`, all of it."""
        done = subprocess.run(["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "chroot", f"{self.folder}/root", *map(str, command)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout_s, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C"))
        done.text = done.stdout
        assert not driver.REPORT.search(done.text), done.text
        assert check is None or done.returncode == check, f"{command}: exit {done.returncode}\n{done.text}"
        return done

    def changes(self):
        """What differs from the root below: {name: what it is}."""
        found = {}
        for path in sorted(self.upper.rglob("*")):
            name = str(path.relative_to(self.upper))
            below = pathlib.Path(LOWER) / name
            if name.startswith(NOT_OURS) or (path.is_dir() and not path.is_symlink() and below.is_dir()):
                continue
            what = describe(path)
            if not os.path.lexists(below) or describe(below) != what:
                found[name] = what
        return found

    def stop(self):
        """A recorder that a test has left there."""
        if (self.path / "run" / "recorder.pid").exists():
            self.run("systemctl", "stop", check=None)

    def close(self):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
        self.holder.stdout.close()
