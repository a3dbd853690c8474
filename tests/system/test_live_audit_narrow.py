"""Audit's rules ask for what somebody wants and little else: nothing that is wanted is missed, whatever way leads to it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

import kernel
from driver import wait_until

pytestmark = pytest.mark.live

# argv: the folder that is wanted (W), one elsewhere (E), a descriptor of W/before/kept.
ACTS = r"""
import ctypes, os, subprocess, sys, time
w, e, kept = *sys.argv[1:3], int(sys.argv[3])
libc = ctypes.CDLL(None)

def make(path, text=""):
    with open(path, "w") as file:
        file.write(text)

for i in range(400):                                    # nobody wants these
    make(f"{e}/noise")
    os.chmod(f"{e}/noise", 0o600)
    os.unlink(f"{e}/noise")
make(f"{w}/plain"); os.chmod(f"{w}/plain", 0o640); os.chown(f"{w}/plain", 1, 1); os.truncate(f"{w}/plain", 3)
os.setxattr(f"{w}/plain", "user.a", b"1"); os.unlink(f"{w}/plain")
make(f"{e}/in"); os.rename(f"{e}/in", f"{w}/in"); os.rename(f"{w}/in", f"{e}/out")
os.link(f"{e}/out", f"{w}/linked"); os.symlink(f"{e}/out", f"{w}/symlink"); os.symlink(f"{w}/nothing", f"{e}/to-wanted")
os.symlink(w, f"{e}/way"); time.sleep(0.05); make(f"{e}/way/by-symlink")    # whose time of access is another tick's: else the disk is asked
folder = os.open(w, os.O_PATH | os.O_DIRECTORY)         # nothing of this is told
os.close(os.open("by-dirfd", os.O_CREAT | os.O_WRONLY, dir_fd=folder)); os.rename("by-dirfd", "by-dirfd2", src_dir_fd=folder, dst_dir_fd=folder)
os.chdir(w); make("by-cwd"); os.chdir("/")
os.chmod(f"{w}/before/kept", 0o644); os.fchmod(kept, 0o600); os.fchown(kept, 2, 2); os.setxattr(kept, "user.b", b"1")
file = os.open(f"{w}/cut", os.O_CREAT | os.O_RDWR); os.ftruncate(file, 7); libc.fallocate(file, 0, ctypes.c_long(0), ctypes.c_long(99)); os.close(file)
os.mkdir(f"{w}/made"); os.mkdir(f"{w}/made/below"); make(f"{w}/made/below/file")
os.rename(f"{w}/made", f"{w}/renamed"); make(f"{w}/renamed/below/file2"); os.rename(f"{w}/renamed", f"{e}/gone"); make(f"{e}/gone/below/file3")
os.mkdir(f"{e}/tree"); os.mkdir(f"{e}/tree/sub"); make(f"{e}/tree/sub/outside"); os.rename(f"{e}/tree", f"{w}/moved"); make(f"{w}/moved/sub/inside")
base = os.path.dirname(w)                               # the folders above
os.rename(base, base + "-aside"); make(f"{base}-aside/wanted/aside"); os.rename(base + "-aside", base); make(f"{w}/back")
os.mkdir(f"{base}/later"); make(f"{base}/later/file")   # wanted too, and not there when the rules were made
os.mkdir(f"{e}/seen")
subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                'mount --bind "$1" "$2/seen"; sleep 0.2; cd "$2/seen"; : >by-mount; mv by-mount by-mount2; : >"$1/direct"; sleep 0.5', "sh", w, e],
               check=True)
if not os.fork():
    os.chroot(base); os.chdir("/wanted"); make("in-chroot"); os._exit(0)
os.wait()
os.unlink(f"{w}/back")
"""

FILE = ["create", "write", "rename", "delete", "link", "symlink", "truncate", "chmod", "chown", "xattr"]


def subscription(*filters):
    return {"name": "narrow", "domain": "recorder",
            "streams": [{"type": "database", "event_filters": [{"terms": list(terms)} for terms in filters]}]}


def of_folders(*paths):
    """And whose mounts a process has."""
    return subscription(("process.exec",), ("process.unshare",), *(("file", f"{field} starts with '{path}'") for path in paths for field in ("file.path", "file.target_path")))


def spelled():
    """The folders that rules name, as they name them: other than before, when they are made anew."""
    return {word[4:] for rule in kernel.rules() for word in rule.split() if word.startswith("dir=") and "key=recorder" in rule}


def narrowed():
    return {os.path.normpath(path) for path in spelled()}


@pytest.fixture
def places():
    """What is wanted below one folder of `/`, and a place below another."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="recorder-narrow-", dir="/tmp")).resolve()
    elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="recorder-narrow-", dir="/var/tmp")).resolve()
    (base / "wanted" / "before").mkdir(parents=True)
    (base / "wanted" / "before" / "kept").touch()
    yield base, elsewhere
    shutil.rmtree(base)
    shutil.rmtree(elsewhere)


def told(recorder, *places):
    """Without what differs from run to run: the names of the places."""
    def text(value):
        for number, place in enumerate(places):
            value = value and value.replace(str(place), f"<{number}>")
        return value
    return [(row["action"], text(row["file_path"]), text(row["file_target_path"]))
            for row in recorder.query("SELECT * FROM file_events ORDER BY sequence")]


def test_every_way(new_recorder, places):
    base, elsewhere = places
    runs = {}
    for disabled in 1, 0:
        kept = os.open(base / "wanted" / "before" / "kept", os.O_RDWR)
        recorder = new_recorder(subscription=of_folders(f"{base}/wanted/", f"{base}/later/"),
                                arguments=["--set", f"AuditdRulesDisableWatchSpecificPaths={disabled}"]).start()
        assert narrowed() == (set() if disabled else {"/tmp"})
        subprocess.run([sys.executable, "-c", ACTS, base / "wanted", elsewhere, str(kept)], check=True, pass_fds=[kept])
        os.close(kept)
        received = wait_until(lambda: recorder.status()["received"], "something is received")
        recorder.stop()
        assert recorder.query("SELECT * FROM gaps") == []
        runs[disabled] = told(recorder, base, elsewhere), received
        for place in base / "wanted", base / "later", elsewhere:
            shutil.rmtree(place)
        elsewhere.mkdir()
        (base / "wanted" / "before").mkdir(parents=True)
        (base / "wanted" / "before" / "kept").touch()
    whole, narrow = runs[1][0], runs[0][0]
    assert narrow == whole
    assert {action for action, *_ in whole} == set(FILE) - {"write"}
    names = {path.rsplit("/", 1)[-1] for row in whole for path in row[1:] if path}
    ways = {"plain", "in", "linked", "symlink", "by-symlink", "by-dirfd2", "by-cwd", "kept", "cut", "below", "file2", "moved", "inside", "back",
            "file", "by-mount2", "direct"}
    assert not ways - names
    assert whole.count(("truncate", "<0>/wanted/cut", None)) == 2 and whole.count(("chmod", "<0>/wanted/before/kept", None)) == 2
    assert runs[0][1] < runs[1][1] / 2


def behind(recorder):
    return recorder.query("SELECT * FROM gaps WHERE cause = 'rules_behind'")


def test_host_changes(new_recorder):
    """What rules hang on becomes another: they follow within a second or so, and that time is a gap."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="recorder-narrow-", dir="/"))
    more, old = pathlib.Path(f"{top}-more"), pathlib.Path(f"{top}.old")
    (top / "mnt").mkdir()
    mounted = False
    try:
        recorder = new_recorder(subscription=subscription(("file", f"file.path starts with '{top}'"))).start()
        assert narrowed() == {str(top)}
        # One more that begins so: that it is made is told, what is in it when the rules have followed.
        more.mkdir()
        wait_until(lambda: spelled() == {f"{top}/./.", f"{more}/./."}, "rules name both")
        (more / "file").touch()
        subprocess.run(["mount", "-t", "tmpfs", "none", top / "mnt"], check=True)
        mounted = True
        wait_until(lambda: spelled() == {f"{top}/././.", f"{more}/././."}, "rules are made for the mount")
        (top / "mnt" / "in-mount").touch()
        # A container with a file system of its own there: nothing but all will do, as long as it lasts.
        with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                               'mount -t tmpfs none "$1" && read x && : >"$1/in-container" && read x', "sh", more], stdin=subprocess.PIPE) as container:
            wait_until(lambda: narrowed() == set(), "all is asked for")
            container.stdin.write(b"x\n")
            container.stdin.flush()
            wait_until(lambda: recorder.query("SELECT 1 FROM file_events WHERE file_path LIKE '%/in-container'"), "it is stored")
            container.stdin.write(b"x\n")
        wait_until(lambda: len(narrowed()) == 2, "rules name folders again")
        subprocess.run(["umount", top / "mnt"], check=True)
        mounted = False
        # Another takes its name; then there is none.
        before = spelled()
        top.rename(old)
        top.mkdir()
        wait_until(lambda: len(spelled()) == 3 and spelled().isdisjoint(before), "rules name the new one, and that which was it")
        (top / "new").touch()
        (old / "old").touch()
        shutil.rmtree(old)
        shutil.rmtree(more)
        wait_until(lambda: len(narrowed()) == 1, "rules name the one that is left")
        recorder.stop()
    finally:
        if mounted:
            subprocess.run(["umount", top / "mnt"], check=False)
        for path in top, more, old:
            shutil.rmtree(path, ignore_errors=True)
    assert {path.name for path in (pathlib.Path(row["file_path"]) for row in recorder.query("SELECT * FROM file_events WHERE action = 'create'"))} == \
        {more.name, "file", "in-mount", "in-container", "new", "old", top.name}
    assert behind(recorder) and not recorder.query("SELECT 1 FROM gaps WHERE cause != 'rules_behind'")


def test_limits_and_changes(new_recorder, places, request):
    base, elsewhere = places
    many = [f"{base}/{number}/" for number in range(60)]
    recorder = new_recorder(subscription=subscription(*(("file", f"file.path starts with '{path}'") for path in many))).start()
    assert narrowed() == set()
    recorder.cli("config", "set", "AuditDMaxWatchedPaths", "61")
    wait_until(lambda: narrowed() == {"/tmp"}, "they are not too many")
    recorder.cli("config", "set", "AuditdRulesDisableWatchSpecificPaths", "1")
    wait_until(lambda: narrowed() == set(), "all is watched")
    recorder.cli("config", "set", "AuditdRulesDisableWatchSpecificPaths", "0")
    wait_until(lambda: narrowed() == {"/tmp"}, "folders are watched")
    # While subscriptions come and go nothing is missed: neither of those that stay, nor of the one that comes, from the answer on.
    (base / "0").mkdir()
    writer = subprocess.Popen([sys.executable, "-c", "import itertools, select, sys\n"
                               "for n in itertools.count():\n    open(f'{sys.argv[1]}/{n}', 'w').close()\n"
                               "    if select.select([0], [], [], 0.002)[0]: print(n + 1); break", base / "0"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    request.addfinalizer(writer.kill)
    document = recorder.folder / "other.json"
    for number, wanted, folders in (0, elsewhere, {"/tmp", "/var"}), (1, "/", set()), (2, elsewhere, {"/tmp", "/var"}):
        document.write_text(json.dumps(subscription(("file", f"file.path starts with '{wanted}'")) | {"name": "other"}))
        recorder.cli("subscription", "register", document)
        (elsewhere / f"file{number}").touch()
        wait_until(lambda: narrowed() == folders, f"folders of {wanted}")
    # Calls that are on their way when the rules change count too: many changes, so that some are.
    for number in range(16):
        document.write_text(json.dumps(subscription(("file", f"file.path starts with '{'/' if number % 2 else elsewhere}'")) | {"name": "other"}))
        recorder.cli("subscription", "register", document)
    recorder.cli("subscription", "remove", "other")
    wait_until(lambda: narrowed() == {"/tmp"}, "folders of what is left")
    (elsewhere / "unwanted").touch()
    written = int(writer.communicate(b"x")[0])
    recorder.stop()
    made = [row["file_path"] for row in recorder.query("SELECT file_path FROM file_events WHERE action = 'create'")]
    assert sorted(path for path in made if path.startswith(f"{base}/0/")) == sorted(f"{base}/0/{n}" for n in range(written))
    assert sorted(path for path in made if path.startswith(f"{elsewhere}/")) == [f"{elsewhere}/file{n}" for n in range(3)]
    assert not recorder.query("SELECT 1 FROM gaps")


def test_users(new_recorder, places):
    base, _ = places
    base.chmod(0o777)
    received = []
    for name in "nobody", "no such user":
        users = f"process.user_name in ('nobody', '{name}')"
        recorder = new_recorder(subscription=subscription(("file", users), ("network.connect", users))).start()
        asked = [rule for rule in kernel.rules() if "unlink" in rule]
        assert asked and all(("uid=65534" in rule) == (name == "nobody") for rule in asked)
        for user in "root", "nobody":
            subprocess.run(["setpriv", f"--reuid={user}", "--clear-groups", "sh", "-c",
                            'for i in $(seq 200); do : >"$1/by-$2"; rm "$1/by-$2"; done', "sh", base, user], check=True)
        received.append(recorder.status()["received"])
        recorder.stop()
        assert recorder.query("SELECT DISTINCT user_name AS name FROM file_events") == [{"name": "nobody"}]
        assert len(recorder.query("SELECT 1 FROM file_events WHERE file_path LIKE '%/by-nobody'")) == 400
    assert received[0] < received[1]
