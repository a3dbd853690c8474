"""The host's own audit rules: what hides something is named with its place and removed when told; the recorder's own lie beside them."""
import json
import os
import pathlib
import pty
import re
import subprocess
import time

import pytest

import driver
import kernel
from driver import wait_until

pytestmark = pytest.mark.live

RULES = """## First rule - delete all
-D
-b 8192
-f 1
-w /etc/hosts -p wa -k hosts
"""


@pytest.fixture
def host(new_recorder, audit_state):
    """A recorder that is not started yet, and a host below its folder: with augenrules and the files that it reads."""
    def make(files=(), joins=True, **options):
        recorder = new_recorder(**options)
        recorder.rules_d = recorder.state / "etc" / "audit" / "rules.d"
        recorder.rules_d.mkdir(parents=True)
        recorder.state.chmod(0o700)
        if joins:
            (recorder.state / "sbin").mkdir()
            (recorder.state / "sbin" / "augenrules").write_text("#!/bin/sh\n")
            (recorder.state / "sbin" / "augenrules").chmod(0o755)
        for name, text in dict(files).items():
            (recorder.rules_d / name).write_text(text)
            (recorder.rules_d / name).chmod(0o640)
        recorder.own = recorder.rules_d / "recorder.rules"
        return recorder
    return make


def said(recorder, what):
    return [row["recorder_message"] for row in recorder.query(
        "SELECT recorder_message FROM recorder_events WHERE action = 'config' AND recorder_message LIKE ? ORDER BY sequence", f"%{what}%")]


def test_the_recorders_file(host, folder):
    """What it loads, as auditctl would: written once, whole, kept over the stop; loaded from it nothing is missing or too much."""
    watched = folder / "watched file"
    watched.write_text("")
    recorder = host({"audit.rules": RULES, "99-finalize.rules": "-e 2\n"})
    recorder.start()
    wait_until(recorder.own.exists, "the file is written")
    user = (f"# why\n-a always,exit -F path={str(watched).replace(' ', chr(92) + ' ')} -F perm=r -F key=one -k two\n"
            "-A always,exit -F arch=b64 -S chmod -F auid=4711\n-a never,exclude -F msgtype=CRYPTO_KEY_USER\n")
    before = recorder.own.read_text()
    recorder.cli("audit-rules", "register", "-", stdin=None, input=user.encode())
    text = wait_until(lambda: recorder.own.read_text() != before and recorder.own.read_text(), "the user's are in it", 5)
    assert text.startswith("# Written by the recorder") and recorder.own.stat().st_mode & 0o7777 == 0o640
    # The recorder's are gone from the file with what cannot be known to be taken then: its own pid, io_uring.
    loaded = [rule for rule in kernel.rules() if not re.search(r"exclude.*1919247215|io_uring|\(null\)", rule) or "CRYPTO" in rule]
    recorder.stop()
    assert recorder.own.read_text() == text
    with open(recorder.folder / "as auditctl", "w") as file:
        file.write(text)
    kernel.auditctl("-R", recorder.folder / "as auditctl")
    assert kernel.rules() == loaded
    kernel.auditctl("-D")
    changed = recorder.own.stat().st_mtime_ns
    recorder.start()
    wait_until(lambda: recorder.status()["has_user_defined_audit_rules"], "it records")
    time.sleep(1.5)  # the second look
    assert recorder.own.stat().st_mtime_ns == changed
    # Nothing is subscribed to, so nothing is to be loaded when the machine starts.
    recorder.cli("subscription", "clear", "--yes")
    wait_until(lambda: not recorder.own.exists(), "the file is gone")
    recorder.stop()
    assert [re.sub(r"\d+ rules", "N rules", message).split("/")[-1] for message in said(recorder, "recorder.rules")] == [
        "recorder.rules written: N rules", "recorder.rules written: N rules", "recorder.rules removed"]


def test_where_it_is_not_written(host):
    recorder = host({"audit.rules": RULES}, joins=False)
    recorder.start()
    foreign = host({"recorder.rules": "-w /etc/hosts -k mine\n"})
    time.sleep(1.5)
    assert not recorder.own.exists()
    recorder.stop()
    foreign.start()
    check = wait_until(lambda: (c := foreign.check("host_rules"))["level"] == "warn" and c, "it is said")
    assert "somebody else's file" in check["why"]
    foreign.stop()
    assert foreign.own.read_text() == "-w /etc/hosts -k mine\n"


def test_uninstall_removes_it(host):
    recorder = host({"audit.rules": RULES}).start()
    wait_until(recorder.own.exists, "the file is written")
    recorder.stop()
    assert f"removed {recorder.own}\n" in recorder.cli("uninstall", "--yes").text
    assert not recorder.own.exists() and (recorder.rules_d / "audit.rules").read_text() == RULES


def test_what_files_say(host):
    """Of what is not in force yet: with the place, and mended by the administrator within ten seconds."""
    recorder = host({"10-base.rules": RULES + "-f 2\n", "99-finalize.rules": "# the end\n\n-e 2\n"}, joins=False)
    recorder.start()
    check = wait_until(lambda: (c := recorder.check("host_rules"))["level"] == "warn" and c, "it is said")
    assert f"{recorder.rules_d}/10-base.rules:6" in check["why"] and "`-f 2`" in check["why"]
    assert recorder.check("rules")["level"] == "ok"
    recorder.cli("config", "set", "AuditdDisableKernelPanicProtection", "1")
    check = wait_until(lambda: "`-e 2`" in (c := recorder.check("host_rules"))["why"] and c, "the next is said")
    assert f"{recorder.rules_d}/99-finalize.rules:3" in check["why"] and check["mend"]
    (recorder.rules_d / "99-finalize.rules").write_text("# -e 2\n")
    wait_until(lambda: recorder.check("host_rules")["level"] == "ok", "it is well")
    assert recorder.status()["restart_needed"] is False
    recorder.stop()


def test_files_with_which_the_kernel_would_panic(host):
    """`-f 2` comes into the files, as configuration management has it: the kernel is as ever, but the one that reads them panics when it loses
    a record, and may be locked then. So the recorder's rules are not among them, unless the settings have it otherwise."""
    recorder = host({"10-base.rules": RULES, "99-finalize.rules": "-e 2\n"})
    theirs = recorder.rules_d / "50-stig.rules"
    recorder.start()
    wait_until(recorder.own.exists, "the file is written")
    theirs.write_text("-f 2\n-e 2\n")
    wait_until(lambda: f"`-f 2` stands in {theirs}:1" in recorder.check("host_rules")["why"], "it is seen")
    wait_until(lambda: not recorder.own.exists(), "the file is gone")
    assert kernel.rules() != []
    recorder.cli("config", "set", "AuditdDisableKernelPanicProtection", "1")
    wait_until(recorder.own.exists, "the file is there again")
    wait_until(lambda: recorder.check("host_rules")["level"] == "ok", "it is well")
    recorder.cli("config", "set", "AuditdDisableKernelPanicProtection", "0")
    wait_until(lambda: not recorder.own.exists(), "the file is gone")
    theirs.unlink()
    wait_until(lambda: recorder.check("host_rules")["level"] == "ok", "it is seen")
    wait_until(recorder.own.exists, "the file is there again")
    # At a start it is known before the file would be written.
    theirs.write_text("-f 2\n")
    recorder.stop()
    recorder.start()
    wait_until(lambda: not recorder.own.exists(), "the file is gone")
    recorder.stop()


@pytest.mark.long
def test_rules_of_folders_and_a_kernel_that_will_be_locked(host, folder):
    """Files lock the kernel when the machine starts: it counts no rules that name folders, so none do, in the file and before. One restart is enough."""
    filters = [{"terms": ["process.exec"]}, {"terms": ["file", f"file.path starts with '{folder}/'"]}]
    recorder = host({"audit.rules": RULES, "99-finalize.rules": "-e 2\n"}, subscription={
        "name": "narrow", "domain": "recorder", "streams": [{"type": "database", "event_filters": filters}]})

    def narrowed(rules):
        return any(" dir=" in rule and "key=recorder" in rule for rule in rules)

    recorder.start()
    wait_until(recorder.own.exists, "the file is written")
    assert kernel.rules() != [] and not narrowed(kernel.rules()) and not narrowed(recorder.own.read_text().splitlines())
    assert "-e 2" in recorder.status()["kernel.audit.files"]
    # They lock it no more: the kernel is asked for no more than is wanted. And then they do again.
    (recorder.rules_d / "99-finalize.rules").write_text("# -e 2\n")
    wait_until(lambda: narrowed(kernel.rules()), "rules name folders")
    wait_until(lambda: narrowed(recorder.own.read_text().splitlines()), "the file has them")
    assert recorder.status()["kernel.audit.files"].startswith("below ")
    (recorder.rules_d / "99-finalize.rules").write_text("-e 2\n")
    wait_until(lambda: not narrowed(recorder.own.read_text().splitlines()), "the file has those without")
    wait_until(lambda: not narrowed(kernel.rules()), "and so has the kernel")
    recorder.stop()


def coverage(recorder):
    answer = json.loads(recorder.cli("coverage", "--json").text)
    return {item["class"]: item for item in answer["classes"]}, answer["processes"]


def listed(recorder, pid):
    return [item for item in coverage(recorder)[1]["listed"] if item["pid"] == pid]


BLIND = "-a task,never\n"


def test_processes_that_are_never_audited(host, folder):
    """Born under the rule: listed, for good. The rule goes from kernel and files when it is told to; who is born then is audited."""
    recorder = host({"10-no-audit.rules": "# SUSE\n-D\n" + BLIND, "audit.rules": RULES})
    joined = recorder.rules_d.parent / "audit.rules"
    joined.write_text("-D\n-b 64\n-A never,task -F uid=4711\n-f 1\n")
    recorder.start()
    watched = folder / "watched"
    watched.write_text("")
    kernel.auditctl("-a", "task,never")
    wait_until(lambda: recorder.check("host_rules")["level"] == "warn" and "is loaded" in recorder.check("host_rules")["why"], "seen")
    check = recorder.check("host_rules")
    assert f"{recorder.rules_d}/10-no-audit.rules:3" in check["why"] and f"{joined}:3" in check["why"]
    assert "recorder health --fix" in check["mend"]
    coverage(recorder)  # it looks
    time.sleep(0.05)
    with subprocess.Popen(["python3", "-c", f"import os, sys\nfor line in sys.stdin: os.chmod({str(watched)!r}, int(line, 8)); print(flush=True)"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as blind:
        def act(process, mode):
            process.stdin.write(f"{mode}\n".encode())
            process.stdin.flush()
            process.stdout.readline()
        act(blind, 600)
        found, = listed(recorder, blind.pid)
        assert found["covered"] == "no" and "task,never" in found["why"] and found["name"].startswith("python3") and found["start"]
        # Nothing is removed by saying what would be, nor where nobody can be asked.
        before = {path: path.read_text() for path in (*recorder.rules_d.glob("1*"), joined)}
        said_so = recorder.cli("health", "--fix", "--dry-run").text
        assert f"{joined}: 1 line" in said_so and "the kernel: 1 rule" in said_so
        assert "--yes" in recorder.cli("health", "--fix", check=2).error
        assert "--fix" in recorder.cli("health", "--dry-run", check=2).error
        assert {path: path.read_text() for path in before} == before and "-a never,task" in kernel.rules()
        done = recorder.cli("health", "--fix", "--yes").text
        assert "removed 1 rule from the kernel" in done
        assert joined.read_text() == "-D\n-b 64\n-f 1\n" and joined.stat().st_mode & 0o7777 == 0o644
        assert (recorder.rules_d / "10-no-audit.rules").read_text() == "# SUSE\n-D\n"
        assert {pathlib.Path(f"{path}.before-recorder").read_text() for path in before} == set(before.values())
        assert "-a never,task" not in kernel.rules() and "nothing to remove" in recorder.cli("health", "--fix", "--yes").text
        wait_until(lambda: recorder.check("host_rules")["level"] == "ok", "it is well")
        coverage(recorder)
        time.sleep(0.05)
        with subprocess.Popen(blind.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as seen:
            act(blind, 640)
            act(seen, 644)
            assert not listed(recorder, seen.pid) and listed(recorder, blind.pid)[0]["covered"] == "no"
            assert listed(recorder, recorder.process.pid)[0]["covered"] == "no"
        table = recorder.cli("coverage").text
        assert str(blind.pid) in table and "threads of the kernel" in table
    classes, processes = coverage(recorder)
    assert classes["file"] == {"class": "file", "source": "audit", "covered": "yes", "why": None}
    assert classes["dns"]["covered"] == "no" and classes["dns"]["why"]
    assert processes["source"] == "audit" and processes["covered"] + processes["unknown"] > 0 and processes["kernel_threads"] > 5
    recorder.stop()
    changes = recorder.query("SELECT process_pid FROM file_events WHERE action = 'chmod' AND file_path = ?", str(watched))
    assert [row["process_pid"] for row in changes] == [seen.pid]


def test_fix_asks(host):
    recorder = host({"10.rules": BLIND})
    ours, theirs = pty.openpty()
    for answer, code in (b"n\n", 1), (b"yes\n", 0):
        process = subprocess.Popen([driver.BIN, "health", "--fix", "--state", recorder.state], stdin=theirs, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        os.write(ours, answer)
        output, error = process.communicate(timeout=driver.DEADLINE_S)
        assert process.returncode == code and "[y/N]" in output, error
        assert (recorder.rules_d / "10.rules").read_text() == (BLIND if code else "")
    os.close(ours)
    os.close(theirs)


def test_a_link_is_not_followed(host):
    recorder = host({"other": BLIND})
    (recorder.rules_d / "10.rules").symlink_to("other")
    assert "symbolic link" in recorder.cli("health", "--fix", "--yes", check=1).error
    assert (recorder.rules_d / "other").read_text() == BLIND and (recorder.rules_d / "10.rules").is_symlink()


def test_coverage_with_ebpf(host):
    recorder = host(arguments=["--source", "ebpf"]).start()
    classes, processes = coverage(recorder)
    assert {name for name, item in classes.items() if item["covered"] == "no"} <= {"registry", "http", "image", "dns"}
    assert processes["source"] == "ebpf" and processes["unknown"] == 0
    assert [item["pid"] for item in processes["listed"]] == [recorder.process.pid]
    recorder.cli("subscription", "clear", "--yes")
    classes, processes = coverage(recorder)
    assert processes == {"source": "none", "why": "nothing is recorded"} and classes["file"]["why"] == "nobody subscribed to it"
    assert "nothing is recorded" in recorder.cli("coverage").text
    recorder.stop()
