"""Audit rules of a user: beside ours in the kernel, kept, taken back whole; what they report is recorded."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import pytest

import driver
import kernel
from conftest import both_sources
from driver import wait_until

pytestmark = pytest.mark.live
source = both_sources

DATA = os.environ.get("RECORDER_TEST_DATA")
OURS = re.compile(r" (-k |-F key=)(recorder|user-defined)\b| -F pid!=1919247215")


def of_user():
    """The rules in the kernel that a user gave, as auditctl shows them."""
    return [rule for rule in kernel.rules() if re.search(r"key=\S+ -F key=recorder$|-k \S+ -k recorder$", rule)]


def register(recorder, text, check=0):
    return recorder.cli("audit-rules", "register", "-", stdin=None, input=text.encode(), check=check)


def rule(path, key, perm="r"):
    return f"-a always,exit -F path={path} -F perm={perm} -k {key}\n"


@pytest.fixture
def secret(folder):
    path = folder / "secret"
    path.write_text("secret")
    return path


def test_told(recorder, secret, source):
    text = f"# who reads it\n{rule(secret, 'reads')}-a always,exit -F arch=b64 -S chmod,fchmodat -F path={secret} -k modes\n"
    assert "2 rules registered and in the kernel" in register(recorder, text).text
    assert len(of_user()) == 2
    status = recorder.status()
    assert status["has_user_defined_audit_rules"] is True and status["kernel.audit.user_rules"] == 2
    assert recorder.cli("audit-rules", "show").text == text
    subprocess.run(["cat", secret], check=True, stdout=subprocess.DEVNULL)
    secret.chmod(0o600)
    assert recorder.cli("audit-rules", "remove").text == "2 rules removed\n"
    assert of_user() == []
    assert recorder.status()["has_user_defined_audit_rules"] is False
    subprocess.run(["cat", secret], check=True, stdout=subprocess.DEVNULL)
    recorder.stop()
    read = recorder.one("select * from file_events where action = 'read' and file_path = ?", str(secret))
    assert read["process_name"] == "cat" and json.loads(read["auditd_key"]) == ["reads"] and read["file_path_confidence"] is None
    # With eBPF the change is told by the programs, and that a rule met it beside it; with audit by one event.
    recorder.one("select * from file_events where action = 'chmod' and file_path = ?", str(secret))
    modes = recorder.query("select * from security_events where auditd_key like '%modes%'")
    assert [(row["action"], row["auditd_syscall"]) for row in modes] == ([("audit_rule", "chmod")] if source == "ebpf" else [])
    assert not recorder.query("select 1 from gaps where cause = 'rules_missing'")


def test_read_by_another_user(recorder, source):
    """As a newcomer would try it: a rule that watches who reads a file, and somebody who does; it outlives a restart."""
    with tempfile.TemporaryDirectory(prefix="recorder-rules-", dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        path = pathlib.Path(name).resolve() / "salaries"
        path.write_text("secret")
        path.chmod(0o644)
        register(recorder, rule(path, "salaries"))
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        subprocess.run([*nobody, "cat", path], check=True, stdout=subprocess.DEVNULL)
        recorder.stop()
        recorder.start()
        assert len(of_user()) == 1
        subprocess.run([*nobody, "head", path], check=True, stdout=subprocess.DEVNULL)
        assert "salaries" in recorder.cli("audit-rules", "show").text
        recorder.cli("audit-rules", "remove")
        subprocess.run([*nobody, "tail", path], check=True, stdout=subprocess.DEVNULL)
        recorder.stop()
    found = recorder.query("select * from file_events where action = 'read' and file_path = ? order by sequence", str(path))
    assert [(row["process_name"], row["user_name"], json.loads(row["auditd_key"])) for row in found] == [
        ("cat", "nobody", ["salaries"]), ("head", "nobody", ["salaries"])]


@pytest.mark.parametrize("source", ["ebpf"], indirect=False)
def test_refused(new_recorder, secret, source):
    recorder = new_recorder(source=source).start()
    good = rule(secret, "good")
    register(recorder, good)
    before = kernel.rules()
    error = register(recorder, rule(secret, "other") + "-a always,exit -S connect -F uid=unset\n", check=1).error
    assert "line 2: the kernel refuses the rule: it does not know a part of it" in error
    for text, where in (f"{good}-w /etc -p wa\n", "line 2, column 1: watches are not taken"), \
            (rule(secret, "x") + rule("/no/such/file", "y"), "line 2: /no/such/file: No such file"), \
            ("-a always,exit -F pth=/etc", "line 1, column 19: unknown field 'pth' (did you mean 'path'?)"):
        assert where in register(recorder, text, check=2).error
    assert kernel.rules() == before
    assert recorder.cli("audit-rules", "show").text == good
    # Another set takes the place of the first; what both have stays.
    assert "2 rules" in register(recorder, rule(secret, "new") + good).text
    assert [re.search("key=([a-z]+)|-k ([a-z]+)", line)[0][-3:] for line in of_user()] == ["new", "ood"]
    # Somebody takes them away: they come again.
    kernel.auditctl("-D", "-k", "good")
    wait_until(lambda: len(of_user()) == 2, "the rules are back")
    recorder.stop()


@pytest.mark.parametrize("source", ["audit"], indirect=False)
def test_takes_nothing_away(new_recorder, secret, source):
    """Also rules of ours that come later stand in front of a user's `never`."""
    recorder = new_recorder(source=source).start()
    register(recorder, "-A never,exit -F arch=b64 -S all -k quiet\n")
    for value in "0", "1":
        recorder.cli("config", "set", "AuditdEnableIncomingNetwork", value)
    rules = [rule for rule in kernel.rules() if ",exit" in rule]
    assert "accept" in " ".join(rules) and "quiet" in rules[-1] and "quiet" not in " ".join(rules[:-1])
    secret.chmod(0o600)
    recorder.stop()
    recorder.one("select * from file_events where action = 'chmod' and file_path = ?", str(secret))


@pytest.mark.parametrize("source", ["audit"], indirect=False)
def test_is_never_away(new_recorder, folder, source, request):
    """Each subscription that comes brings rules of ours, behind which the user's are moved: no read falls between."""
    def subscription(*types):
        return {"name": "wish", "domain": "recorder",
                "streams": [{"type": "database", "event_filters": [{"terms": [term]} for term in ("process.exec", "security.audit_rule", *types)]}]}

    recorder = new_recorder(subscription=subscription(), source=source).start()
    for name in "below", "other":
        (folder / name).mkdir()
    (folder / "one").touch()
    register(recorder, f"-a always,exit -F dir={folder / 'other'} -F perm=wa -k changes\n-a never,exit -S chmod -F dir={folder / 'other'}\n"
                       f"-a always,exit -F dir={folder / 'below'} -F perm=r -k reads\n{rule(folder / 'one', 'one')}")
    asked = of_user()
    assert len(asked) == 4
    # Both ways to name what is read: by its folder, and by its path.
    reader = subprocess.Popen([sys.executable, "-c", "import itertools, os, select, sys\n"
                               "for n in itertools.count():\n    os.close(os.open(f'{sys.argv[1]}/below/{n}', os.O_RDONLY | os.O_CREAT))\n"
                               "    os.close(os.open(f'{sys.argv[1]}/one', os.O_RDONLY))\n"
                               "    if select.select([0], [], [], 0.001)[0]: print(n + 1); break", folder],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    request.addfinalizer(reader.kill)
    document = recorder.folder / "other.json"
    types = ["file.chmod", "file.chown", "file.xattr", "file.rename", "file.link", "file.symlink", "file.truncate", "network.bind",
             "network.listen", "process.setuid", "process.capset", "process.unshare"]
    for number in range(2 * len(types)):
        step, at = divmod(number, len(types))
        before = kernel.rules()
        document.write_text(json.dumps(subscription(types[at], types[(at + step + 1) % len(types)]) | {"name": "other"}))
        recorder.cli("subscription", "register", document)
        now = kernel.rules()
        assert set(now) - set(before), "rules of ours have come"
        assert of_user() == asked == [line for line in now if ",exit" in line or line.startswith("-w ")][-4:]
    recorder.cli("subscription", "remove", "other")
    read = int(reader.communicate(b"x")[0])
    recorder.stop()
    assert recorder.query("SELECT * FROM gaps") == []
    found = recorder.query("SELECT * FROM file_events WHERE action = 'read' AND process_pid = ?", reader.pid)
    assert {tuple(json.loads(row["auditd_key"])) for row in found} <= {("reads",), ("one",)}
    assert sum(row["file_reads_count"] or 1 for row in found if row["file_path"] == str(folder / "one")) == read
    made = recorder.query("SELECT file_path FROM file_events WHERE process_pid = ? AND file_path LIKE ?", reader.pid, f"{folder}/below/%")
    assert {row["file_path"] for row in made} == {f"{folder}/below/{n}" for n in range(read)}


@pytest.mark.parametrize("source", ["audit"], indirect=False)
def test_what_hides(new_recorder, secret, source):
    """What takes records away is named as long as it does, not only when it comes; that is no failure."""
    recorder = new_recorder(source=source).start()
    text = f"{rule(secret, 'reads')}-a always,exclude -F msgtype=BPRM_FCAPS\n-a always,user -F auid=4711\n-a never,user -F auid=4711\n"
    for said in register(recorder, text).error, recorder.cli("audit-rules", "show").error:
        assert [line.split(" takes")[0][-6:] for line in said.splitlines() if "takes records away" in line] == ["line 2", "line 4"]
    check = recorder.check("rules")
    assert check["level"] == "warn" and "lines 2, 4 take records away" in check["why"] and check["mend"]
    assert recorder.status()["state"] == "recording"
    register(recorder, rule(secret, "reads"))
    assert recorder.check("rules")["level"] == "ok" and "takes" not in recorder.cli("audit-rules", "show").error
    recorder.stop()


def test_folder_goes(new_recorder, secret, folder, source):
    """The kernel removes a rule with its folder, which nobody is blamed for.  What cannot be loaded any more takes all away, and health says why."""
    recorder, watched = new_recorder().start(), folder / "watched"
    kept = recorder.state / "audit.rules"
    text = f"{rule(secret, 'stays')}\n-a always,exit -F dir={watched} -F perm=r -k goes\n"
    watched.mkdir()
    time.sleep(0.1)  # what was made before the rule was loaded is another folder than what is made later
    register(recorder, text)
    assert len(of_user()) == 2 and recorder.status()["has_user_defined_audit_rules"] is True
    keeps_birth = subprocess.run(["stat", "-c", "%W", watched], check=True, capture_output=True).stdout.strip() not in (b"0", b"-")
    if keeps_birth:
        watched.rmdir()
        watched.mkdir()
        wait_until(lambda: recorder.query("SELECT 1 FROM gaps"), "it is seen")
        assert len(of_user()) == 2 and recorder.check("rules")["level"] == "ok", "it is loaded again, for the new folder"
    watched.rmdir()
    wait_until(lambda: recorder.status()["has_user_defined_audit_rules"] is False, "all of them are removed")
    assert of_user() == [] and not kept.exists()
    check, status = recorder.check("rules"), recorder.status()
    assert check["level"] == "fail" and "line 3: " in check["why"] and "the folder of a path in it does not exist" in check["why"]
    assert status["state"] == "degraded" and check["why"] in status["state.reasons"]
    assert (recorder.state / "audit.rules.refused").read_text().startswith(text + "# refused: line 3: ")
    assert "no rules are registered: The user-defined audit rules are not in force any more: line 3: " in recorder.cli("audit-rules", "show").error
    watched.mkdir()
    register(recorder, text)
    assert len(of_user()) == 2 and recorder.check("rules")["level"] == "ok"
    recorder.stop()
    assert {(gap["cause"], gap["class"]) for gap in recorder.query("SELECT * FROM gaps")} == {("rules_behind", "all")}
    assert recorder.query("SELECT * FROM security_events WHERE action = 'tamper'") == []


def test_kept(new_recorder, secret, folder):
    recorder = new_recorder().start()
    register(recorder, rule(secret, "kept"))
    kept = recorder.state / "audit.rules"
    assert kept.stat().st_mode & 0o7777 == 0o600
    assert kept.read_text() == rule(secret, "kept")
    recorder.stop()
    assert of_user() == []
    recorder.start()
    assert len(of_user()) == 1
    recorder.kill9()
    assert len(of_user()) == 1
    # What the run that died had left goes; what cannot be loaded any more is set aside, with the reason.
    kept.write_text(rule(folder / "gone", "gone"))
    before = recorder.before
    recorder.start()
    recorder.before = before
    assert of_user() == []
    for _ in range(2):
        status = recorder.status()
        assert status["has_user_defined_audit_rules"] is False and status["state"] == "degraded"
        assert any("line 1" in reason and "gone" in reason for reason in status["state.reasons"])
        assert not kept.exists()
        recorder.stop()
        recorder.start()
    assert (recorder.state / "audit.rules.refused").read_text().startswith(rule(folder / "gone", "gone") + "# refused: line 1: ")
    register(recorder, rule(secret, "mended"))
    assert recorder.status()["state"] == "recording"
    recorder.stop()
    assert not (recorder.state / "audit.rules.refused").exists()
    assert recorder.one("select count(*) as n from events where category = 'recorder' and action = 'health'")["n"] == 4  # failed at three starts, mended


def test_idle(new_recorder, secret):
    """Nothing is subscribed to: the kernel is left alone, the rules wait."""
    recorder = new_recorder(subscription=None).start()
    assert "not in the kernel now: nothing is subscribed to" in register(recorder, rule(secret, "waits")).text
    assert of_user() == []
    status = recorder.status()
    assert status["has_user_defined_audit_rules"] is True and status["kernel.audit.user_rules"] == 0
    recorder.stop()


# What auditctl may not know and ours does, though the kernel would take it from either: no mistake of ours.
OURS_ALONE = dict.fromkeys(
    ("pidfd_send_signal", "move_mount", "fsmount", "clone3", "openat2", "pidfd_getfd", "memfd_secret", "fchmodat2", "lsm_set_self_attr",
     "setxattrat", "removexattrat", "file_setattr"),
    "a call that libaudit, and so auditctl, may be too old to have a name for (src/source/call_number.c)")


def ours_alone(said):
    """Why a line that auditctl refused with these words is taken all the same."""
    unknown = re.search(r"Syscall name unknown: (\S+)", said)
    return unknown and OURS_ALONE.get(unknown[1])


@pytest.mark.skipif(not DATA, reason="RECORDER_TEST_DATA names no folder")
@pytest.mark.parametrize("source", ["ebpf"], indirect=False)
def test_as_auditctl(new_recorder, source, tmp_path):
    """Real rules: what is refused auditctl refuses too, what it refuses the kernel refuses from us, and what both take is the same there."""
    recorder = new_recorder(source=source).start()
    lines = {line.strip() for path in pathlib.Path(DATA, "audit-rules").glob("*/*.rules")
             for line in path.read_text().splitlines() if re.match(r"\s*-[aA] ", line)}
    taken, theirs, alone = [], [], []
    before = kernel.rules()

    def check(line):
        one = tmp_path / f"{hashlib.sha1(line.encode()).hexdigest()}.rules"
        one.write_text(line + "\n")
        return driver.cli("audit-rules", "check", one, check=None)

    with concurrent.futures.ThreadPoolExecutor(2) as both:
        checked = list(both.map(check, sorted(lines)))
    for line, ours in zip(sorted(lines), checked):
        if "path= and dir=" in ours.error or "task" in line:
            continue
        done = subprocess.run(["auditctl", *line.split()], capture_output=True, text=True, check=False)
        new = [rule for rule in kernel.rules() if rule not in before]
        if new:
            kernel.auditctl("-d", *line.split()[1:])
        assert ours.returncode == 0 or not new, f"{line}\n{ours.error}"
        if ours.returncode == 0 and new and new[0] not in theirs:  # files have the same rules, in other words
            taken.append(line)
            theirs += new
        if ours.returncode == 0 and not new and not ours_alone(done.stderr):
            answer = register(recorder, line, check=None)
            if "the kernel refuses the rule: " not in answer.error:
                alone.append(f"{line}\n  auditctl: {done.stderr.strip()}\n  ours: {answer.text}{answer.error}")
                recorder.cli("audit-rules", "remove")
    assert not alone, "taken, though auditctl adds nothing:\n" + "\n".join(alone)
    assert len(taken) > 150
    assert kernel.rules() == before
    register(recorder, "\n".join(taken))
    assert sorted(OURS.sub("", rule) for rule in kernel.rules() if rule not in before) == sorted(theirs)
    recorder.cli("audit-rules", "remove")
    assert kernel.rules() == before
    recorder.stop()
