"""Files of processes whose mounts are their own: the host's names for them, and what they call them."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from conftest import both_sources
from driver import cli, field, query

pytestmark = pytest.mark.live
source = both_sources


@pytest.fixture
def place():
    """A folder whose folders have three names: so far the programs in the kernel know what nobody wants."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="recorder-mounts-", dir="/tmp")).resolve()
    for name in ("real", "seen", "other", "fresh", "same"):
        (path / name).mkdir()
    yield path
    shutil.rmtree(path)


def inside(place, code, mounts="", **options):
    """Runs Python where `seen` is what the host calls `real`, `real` is `other`, and `fresh` is nowhere else."""
    script = ('set -e; mount --bind "$1/real" "$1/seen"; mount --bind "$1/other" "$1/real"; mount -t tmpfs none "$1/fresh"; '
              f'{mounts} exec "$2" -c "$3" "$1"')
    return subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", place, sys.executable, code],
                          check=True, **options)


def of_files(recorder, where="1"):
    return recorder.query(f"SELECT * FROM file_events WHERE process_args LIKE '%recorder-mounts-%' AND process_name LIKE 'python%' AND "
                          f"file_path LIKE '%recorder-mounts-%' AND action IN ('create', 'rename', 'delete') AND {where} ORDER BY sequence")


def test_names(recorder, place, source):
    code = ("import os, sys, time; os.chdir(sys.argv[1]); time.sleep(0.3)\n"
            "for name in ('seen/x', 'real/x', 'fresh/x', 'same/x'): open(name, 'w').close()\n"
            "os.rename('seen/x', 'seen/y'); os.unlink('seen/y'); time.sleep(1)")
    inside(place, code)
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    found = [(row["action"], field(row, "file.path"), field(row, "file.target_path"), field(row, "file.path_inside"))
             for row in of_files(recorder)]
    at = os.fsencode(place)
    assert found == [
        ("create", at + b"/real/x", None, at + b"/seen/x"),
        ("create", at + b"/other/x", None, at + b"/real/x"),
        ("create", at + b"/fresh/x", None, at + b"/fresh/x"),
        ("create", at + b"/same/x", None, None),
        ("rename", at + b"/real/x", at + b"/real/y", at + b"/seen/x"),
        ("delete", at + b"/real/y", None, at + b"/seen/y"),
    ]
    assert {row["file_path_confidence"] for row in of_files(recorder)} <= {None, "joined"}


def test_root(recorder, place, source):
    """As a container has it: its root is a folder of the host."""
    code = "import ctypes, os, time; ctypes.CDLL(None).umount2(b'/old', 2); time.sleep(0.3); os.close(os.open('/made', os.O_CREAT | os.O_WRONLY)); time.sleep(1)"
    script = ('set -e; cd "$1/same"; mount --bind "$1/same" "$1/same"; cd "$1/same"; for d in usr lib lib64 bin; do '
              'test -e /$d && mkdir $d && mount --rbind $(readlink -f /$d) $d; done; mkdir old; pivot_root . old; cd /; '
              'exec "$2" -c "$3" "$1"')
    subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", place, os.path.realpath(sys.executable), code],
                   check=True)
    recorder.stop()
    row, = recorder.query("SELECT * FROM file_events WHERE process_args LIKE '%recorder-mounts-%' AND file_path LIKE '%/made' AND "
                          "action = 'create'")
    assert field(row, "file.path") == os.fsencode(place / "same/made")
    assert field(row, "file.path_inside") == b"/made"
    assert os.path.exists(place / "same/made")


@pytest.mark.parametrize("term, told", [
    ("not starts with '{}/seen/'", {"real/a", "other/b", "other/d", "real/e"}),
    ("starts with '{}/real/'", {"real/a", "real/e"}),
    ("starts with '{}/seen/'", {"seen/c"}),
])
def test_what_is_wanted(new_recorder, place, source, term, told):
    """It is the host's name that a subscription asks for, also where the programs in the kernel leave out what nobody wants."""
    terms = ["file", "file.path " + term.format(place), f"file.path starts with '{place}/'"]
    recorder = new_recorder(subscription={"name": "some", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [{"terms": terms}, {"terms": ["process"]}]}]}).start()
    code = ("import os, sys, time; os.chdir(sys.argv[1]); time.sleep(0.3)\n"
            "for name in sys.argv[2:]: open(name, 'w').close()\n"
            "time.sleep(1)")
    inside(place, code.replace("sys.argv[2:]", "('seen/a', 'real/b')"))
    subprocess.run([sys.executable, "-c", code, place, "seen/c", "other/d", "real/e"], check=True)
    recorder.stop()
    assert {os.path.relpath(os.fsdecode(field(row, "file.path")), place) for row in of_files(recorder, "action = 'create'")} == told


@pytest.mark.parametrize("source", ["ebpf"])
def test_files_from_elsewhere(recorder, place):
    """The mounts that count are those of the file: of a folder that was open before, of a memfd, behind a chroot to a mount."""
    (place / "other/seen").mkdir()
    code = ("import os, sys, time; base = sys.argv[1]; time.sleep(0.3)\n"
            "os.close(os.open('seen/host', os.O_CREAT | os.O_WRONLY, dir_fd=int(sys.argv[2])))\n"
            "os.write(os.memfd_create('recorder-mounts-'), b'x')\n"
            "os.chroot(base + '/seen'); os.close(os.open('/jail', os.O_CREAT | os.O_WRONLY)); time.sleep(1)")
    outside = os.open(place / "other", os.O_RDONLY | os.O_DIRECTORY)
    inside(place, code.replace('sys.argv[2]', str(outside)), pass_fds=[outside])
    os.close(outside)
    recorder.stop()
    found = [(os.fsdecode(field(row, "file.path")), row["file_path_confidence"]) for row in of_files(recorder, "file_type <> 'dir'")]
    files = [path for path, _ in found if "memfd" not in path]
    assert files == [f"{place}/other/seen/host", f"{place}/real/jail"], found
    assert found[0][1] is None
    assert all(path == "/memfd:recorder-mounts-" for path, _ in found if "memfd" in path)


THREAD = """
import ctypes, os, sys, threading, time
libc, base = ctypes.CDLL(None, use_errno=True), os.fsencode(sys.argv[1])
def check(r):
    if r != 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def run():
    check(libc.unshare(0x20000)); check(libc.mount(b'none', b'/', None, 0x44000, None))
    check(libc.mount(base + b'/real', base + b'/seen', None, 4096, None))
    os.mkdir(base + b'/seen/d'); os.rename(base + b'/seen/d', base + b'/seen/e'); os.rmdir(base + b'/seen/e'); time.sleep(0.5)
time.sleep(0.3)
thread = threading.Thread(target=run); thread.start(); time.sleep(0.2)
os.mkdir(base + b'/seen/of-the-host'); os.rmdir(base + b'/seen/of-the-host'); thread.join()
"""


@pytest.mark.parametrize("source", ["ebpf"])
def test_names_of_a_thread(recorder, place):
    """One thread has mounts of its own, the others those of the host: each name goes by those of its thread."""
    subprocess.run([sys.executable, "-c", THREAD, place], check=True)
    recorder.stop()
    found = {(row["action"], field(row, "file.path"), field(row, "file.target_path"), field(row, "file.path_inside"),
              row["file_path_confidence"]) for row in of_files(recorder)}
    at = os.fsencode(place)
    assert {row[:4] for row in found} == {
        ("create", at + b"/real/d", None, at + b"/seen/d"),
        ("rename", at + b"/real/d", at + b"/real/e", at + b"/seen/d"),
        ("delete", at + b"/real/e", None, at + b"/seen/e"),
        ("create", at + b"/seen/of-the-host", None, None),
        ("delete", at + b"/seen/of-the-host", None, None),
    }
    assert {row[4] for row in found} <= {None, "joined"}


def test_of_a_capture(new_recorder, place, tmp_path):
    """What the host was asked for stands in a capture."""
    capture = tmp_path / "capture.rec"
    recorder = new_recorder(arguments=["--capture", capture]).start()
    inside(place, "import os, sys, time; open(sys.argv[1] + '/seen/x', 'w').close(); time.sleep(0.5)")
    recorder.stop()
    live, = of_files(recorder)
    assert field(live, "file.path") == os.fsencode(place / "real/x")
    assert field(live, "file.path_inside") == os.fsencode(place / "seen/x")
    cli("import", "audit", capture, "--db", tmp_path / "again.db")
    columns = "time_ns, action, file_path, file_path_inside, file_path_confidence, process_entity_id"
    again = query(tmp_path / "again.db", f"SELECT {columns} FROM file_events WHERE file_path LIKE '%recorder-mounts-%'")
    assert [tuple(row) for row in again] == [tuple(row) for row in recorder.query(
        f"SELECT {columns} FROM file_events WHERE file_path LIKE '%recorder-mounts-%'")]
