"""What is installed, and the Debian package from the first installation to the purge, in a clean root."""
import base64
import io
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tarfile

import pytest

import driver
import kernel
from driver import wait_until
from root import Root

BUILD = driver.BIN.parent
INSTALLED = {"usr/bin/recorder", "usr/lib/systemd/system/recorder.service", "usr/share/man/man1/recorder.1",
             *(f"usr/share/man/man5/{name}.5" for name in ("recorder.conf", "recorder-events", "recorder-subscription")),
             "usr/share/bash-completion/completions/recorder", "usr/share/zsh/site-functions/_recorder",
             "usr/share/fish/vendor_completions.d/recorder.fish", "usr/share/recorder/subscriptions/default.json",
             "usr/share/recorder/selinux/recorder.cil", "usr/share/recorder/selinux/recorder_permissive.cil"}
DOCUMENTS = {f"usr/share/doc/recorder/{name}" for name in ("NEWS", "changelog", "copyright")}
OVERRIDES = {"usr/share/lintian/overrides/recorder"}


def run(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, stdin=subprocess.DEVNULL, **options).stdout


def make(folder, **environment):
    """The package, in that folder. What sanitizers add takes long to compress."""
    folder.mkdir(exist_ok=True)
    run(driver.SOURCE / "scripts" / "deb", BUILD, folder, env=dict(os.environ, DPKG_DEB_COMPRESSOR_TYPE="none", **environment))
    package, = folder.glob("*.deb")
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not installed")
    return make(tmp_path_factory.mktemp("deb"))


def with_version(package, version):
    """The same files as another version."""
    place = package.parent / version
    run("dpkg-deb", "--raw-extract", package, place)
    control = place / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    made = package.parent / "other" / f"recorder_{version}.deb"
    made.parent.mkdir(exist_ok=True)
    run("dpkg-deb", "-Znone", "--build", "--root-owner-group", place, made)
    return made


# What is installed

def test_install(tmp_path):
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == INSTALLED
    assert stat.S_IMODE((tmp_path / "usr/bin/recorder").stat().st_mode) == 0o755
    text = (tmp_path / "usr/lib/systemd/system/recorder.service").read_text()
    assert "\nExecStart=/usr/bin/recorder run\n" in text


@pytest.mark.parametrize("page", sorted((BUILD / "docs" / "man").glob("*.[0-9]")), ids=lambda page: page.name)
def test_page_is_clean(page):
    """What scdoc itself makes too much of (a paragraph behind a heading) is no mistake of the page."""
    for tool in "groff", "mandoc":
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    assert subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", page], capture_output=True, stdin=subprocess.DEVNULL).stderr == b""
    said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    assert [line for line in said.splitlines() if "skipping paragraph macro: PP " not in line] == []


# The package

def test_content(package, tmp_path):
    version = driver.cli("version").text.split()[1]
    assert package.name.startswith(f"recorder_{version}_")
    with tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--fsys-tarfile", package))) as archive:
        members = list(archive)
    files = [member for member in members if member.isfile()]
    assert {member.name.removeprefix("./").removesuffix(".gz") for member in files} == \
        {name.replace("site-functions", "vendor-completions") for name in INSTALLED} | DOCUMENTS | OVERRIDES
    assert all(member.uid == 0 and member.gid == 0 and not member.mode & 0o022 for member in members)
    assert len({member.mtime for member in members}) == 1
    fields = run("dpkg-deb", "--field", package, "Depends", text=True)
    assert "libbpf" in fields and "libsqlite3" in fields and "libsystemd" not in fields
    control = tmp_path / "control"
    run("dpkg-deb", "--control", package, control)
    assert {path.name for path in control.iterdir()} == {"control", "md5sums", "postinst", "prerm", "postrm"}
    for script in "postinst", "prerm", "postrm":
        run("sh", "-n", control / script)


def test_same_build_same_bytes(package, tmp_path):
    """Whenever it is made, under whatever umask, time zone and language."""
    again = make(tmp_path / "again", TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert again.read_bytes() == package.read_bytes()


def test_signed(tmp_path):
    """With a key, the program as it is installed and the package have a signature beside them. As old as it is said to be."""
    if not (driver.SOURCE / "scripts" / "sign").exists():
        pytest.skip("there is no scripts/sign")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key")
    signed = make(tmp_path / "signed", RECORDER_SIGNING_KEY=os.path.relpath(tmp_path / "key"),
                  SOURCE_DATE_EPOCH="1700000000")
    with tarfile.open(fileobj=io.BytesIO(run("dpkg-deb", "--fsys-tarfile", signed))) as archive:
        assert {member.mtime for member in archive} == {1700000000}
    run("dpkg-deb", "--extract", signed, tmp_path / "files")
    run("openssl", "pkey", "-in", tmp_path / "key", "-pubout", "-out", tmp_path / "public")
    for file in signed, tmp_path / "files/usr/bin/recorder":
        text = re.search("(?m)^signature: (.*)$", file.with_name(file.name + ".sig").read_text())[1]
        (tmp_path / "signature").write_bytes(base64.b64decode(text))
        run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "public", "-rawin", "-in", file,
            "-sigfile", tmp_path / "signature")


# Its life

STATE = "var/lib/recorder"
DEFAULT = f"{STATE}/subscriptions/default.json"
WANTED = "etc/systemd/system/multi-user.target.wants/recorder.service"


@pytest.fixture
def root(tmp_path, same_kernel):
    root = Root(tmp_path / "root")
    policy = root.path / "usr/sbin/policy-rc.d"
    policy.unlink(missing_ok=True)
    yield root
    root.stop()
    log = root.path / "run" / "recorder.log"
    said = log.read_text() if log.exists() else ""
    print(f"--- the recorder\n{said[-4000:]}")
    root.close()
    assert not driver.REPORT.search(said), said


def install(root, package):
    target = root.put(f"tmp/{package.name}", package.read_bytes())
    return root.run("dpkg", "--force-unsafe-io", "--install", "/" + str(target.relative_to(root.path))).text


def status(root):
    return {item["name"]: item["value"] for item in json.loads(root.run("recorder", "status", "--json").text)}


def act(root, name):
    """A program of that name runs, which is told then."""
    root.run("cp", "/bin/true", f"/tmp/{name}")
    root.run(f"/tmp/{name}")
    wait_until(lambda: root.run("recorder", "query", "process.exec", f"process.path ends with '/{name}'", "--csv").text.count(name) > 0,
               f"{name} is in the history")


@pytest.mark.live
def test_from_first_installation_to_purge(root, package):
    before, audit = root.changes(), kernel.state()
    (root.path / "run/systemd/system").mkdir(parents=True)

    install(root, package)
    assert status(root)["state"] == "recording", root.run("recorder", "status").text
    assert os.readlink(root.path / WANTED).endswith("/recorder.service")
    saved = root.path / DEFAULT
    assert saved.read_bytes() == driver.DEFAULT.read_bytes()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (saved, saved.parent, saved.parent.parent)] == [0o600, 0o700, 0o700]
    act(root, "probe-first")

    # What somebody has changed stays so, and so does the history.
    own = json.loads(saved.read_text())
    own["description"] = "our own"
    document = root.put("tmp/own.json", json.dumps(own))
    root.run("recorder", "subscription", "register", "/tmp/own.json")
    document.unlink()
    registered = saved.read_bytes()
    root.run("recorder", "config", "set", "LogLevel", "debug")
    install(root, with_version(package, "9.0.0"))
    assert status(root)["state"] == "recording"
    assert saved.read_bytes() == registered and b"our own" in registered
    assert "LogLevel = debug" in root.read("etc/recorder/recorder.conf")
    act(root, "probe-second")
    assert "probe-first" in root.run("recorder", "query", "process.exec", "process.path ends with '/probe-first'").text
    gaps = [json.loads(line) for line in root.run("recorder", "gaps", "--json").text.splitlines()]
    assert [gap["cause"] for gap in gaps if gap["begin"]] == ["recorder_stopped"]

    # Nor does an upgrade bring back what was removed or disabled.
    root.run("recorder", "subscription", "remove", "default")
    (root.path / WANTED).unlink()
    install(root, with_version(package, "9.0.1"))
    assert not saved.exists() and not os.path.lexists(root.path / WANTED)
    assert status(root)["state"] == "idle"  # it ran, so it runs

    said = root.run("dpkg", "--remove", "recorder").text
    assert "apt purge recorder removes them" in said and f"kept /{STATE}: " in said, said
    assert kernel.state() == audit
    assert not (root.path / "usr/bin/recorder").exists() and not (root.path / "run/recorder").exists()
    assert (root.path / STATE / "recorder.db").exists() and (root.path / "etc/recorder/recorder.conf").exists()
    install(root, package)  # older, which dpkg does and says
    assert not saved.exists() and not os.path.lexists(root.path / WANTED)
    root.run("dpkg", "--purge", "recorder")
    assert root.changes() == before
    assert kernel.state() == audit


# The tarball, where there is one: to make it takes a minute (scripts/test-package)

TARBALL = os.environ.get("RECORDER_TARBALL")
if TARBALL:
    def test_tarball_runs_where_it_is_unpacked(tmp_path):
        run("tar", "-xf", TARBALL, "-C", tmp_path)
        program, = tmp_path.glob("*/files/usr/local/bin/recorder")
        needs = set(re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", program, text=True)))
        assert needs <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
        assert run(program, "version", text=True) == driver.cli("version").text
        assert {path.name for path in (program.parents[4] / "licenses").iterdir()} >= {"libaudit", "libbpf", "libelf", "libsqlite3", "libssl"}
        database = tmp_path / "case.db"
        recording = driver.SOURCE / "tests" / "data" / "processes.rec"
        summary = json.loads(run(program, "import", "audit", recording, "--db", database, "--json", text=True))
        expected = json.loads(driver.cli("import", "audit", recording, "--db", tmp_path / "other.db", "--json").text)
        assert dict(summary, seconds=0) == dict(expected, seconds=0) and summary["events"] > 0
        events = "SELECT * FROM events ORDER BY sequence"
        assert driver.query(database, events) == driver.query(tmp_path / "other.db", events)

    @pytest.mark.live
    def test_tarball_from_installation_to_purge(root):
        before, audit = root.changes(), kernel.state()
        (root.path / "run/systemd/system").mkdir(parents=True)
        run("tar", "-xf", TARBALL, "-C", root.path / "tmp")
        script, = (root.path / "tmp").glob("*/install")
        script = "/" + str(script.relative_to(root.path))
        root.run(script)
        assert status(root)["state"] == "recording" and "ebpf" in status(root)["event_source"]
        act(root, "probe-tarball")
        root.run("recorder", "subscription", "remove", "default")
        root.run(script)
        assert not (root.path / DEFAULT).exists() and status(root)["state"] == "idle"
        root.run(script, "--remove")
        assert kernel.state() == audit
        assert (root.path / STATE / "recorder.db").exists() and not (root.path / "usr/local/bin/recorder").exists()
        root.run(script, "--no-start")
        root.run("recorder", "status", check=3)
        root.run(script, "--remove", "--purge")
        assert root.changes() == before


@pytest.mark.live
def test_where_nothing_may_be_started(root, package):
    """A chroot, an image that is being made, a host whose policy-rc.d says no: it is enabled, and nothing runs."""
    before = root.changes()
    install(root, package)
    assert os.path.lexists(root.path / WANTED) and (root.path / DEFAULT).exists()
    root.run("recorder", "status", check=3)
    root.run("dpkg", "--purge", "recorder")
    assert root.changes() == before
    policy = root.put("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    (root.path / "run/systemd/system").mkdir(parents=True)
    with_policy = root.changes()
    install(root, package)
    assert os.path.lexists(root.path / WANTED)
    assert not re.search("(?m)^.*(start|restart) recorder", root.read("run/asked"))
    root.run("recorder", "status", check=3)
    policy.unlink()
    root.run("dpkg", "--purge", "recorder")
    left = root.changes()
    assert {name: left[name] for name in left if name not in with_policy} == {}
