"""Accounts and groups that somebody makes, changes, removes: told with what they were, and who did it."""
import contextlib
import fcntl
import json
import os
import re
import secrets
import subprocess

import pytest

from conftest import both_sources
from driver import wait_until

pytestmark = pytest.mark.live
source = both_sources

FILES = [path for path in ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid") if os.path.exists(path)]
OURS = re.compile(rb"^r[tg][0-9a-f]{8}(?=:)", re.MULTILINE)  # what a run that was killed left behind
PASSWORDS = ["horse staple 1", "horse staple 2"]


def run(*command, text=None):
    """Its pid."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TZ": "UTC"})
    error = process.communicate(text)[1]
    assert process.returncode == 0, error
    return process.pid


def lines_of(path, names):
    with open(path, "rb") as file:
        return [line for line in file if not any(name in line for name in names)]


def put_back(names):
    """Lines with these names go, whatever became of the tools; those of others stay. As an editor does it."""
    for path in FILES:
        now = os.stat(path)
        kept = lines_of(path, names)
        with open(path + ".test", "wb") as file:
            os.fchmod(file.fileno(), now.st_mode & 0o7777)
            os.fchown(file.fileno(), now.st_uid, now.st_gid)
            file.writelines(kept)
        os.rename(path + ".test", path)


def read(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture
def names():
    """Of an account and a group that are nobody's, and gone afterwards: the files have the lines that they had."""
    left = {name for path in FILES for name in OURS.findall(read(path))}
    if left:
        put_back(left)
    suffix = secrets.token_hex(4)
    names = [f"rt{suffix}", f"rg{suffix}"]
    marks = [name.encode() for name in names]
    before = {path: lines_of(path, marks) for path in FILES}
    yield names
    subprocess.run(["userdel", names[0]], stderr=subprocess.DEVNULL, check=False)
    subprocess.run(["groupdel", names[1]], stderr=subprocess.DEVNULL, check=False)
    if any(mark in read(path) for path in FILES for mark in marks):
        put_back(marks)
    for path in FILES:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + ".test")
        assert lines_of(path, marks) == before[path], path


def subscription(*filters):
    return {"name": "t", "streams": [{"type": "database", "event_filters": [{"terms": terms} for terms in filters]}]}


CHANGES = ["file", "file.operation is not 'read'", "file.any_path starts with '/etc/'"]


def told(recorder, name):
    found = recorder.query("SELECT * FROM security_events WHERE event_code = 'ACCOUNT' AND (user_target_name = ? OR group_target_name = ? "
                           "OR security_changes LIKE '%' || ? || '%') ORDER BY sequence", name, name, name)
    for row in found:
        row["changes"] = json.loads(row["security_changes"] or "[]")
    return found


def step(recorder, name, n, what):
    """The rows after the first n, when as many are there as there must be."""
    wait_until(lambda: len(told(recorder, name)) >= sum(n), what)
    return told(recorder, name)[n[0]:]


def hashes(name):
    with open("/etc/shadow") as file:
        return [line.split(":")[1].lstrip("!") for line in file if line.startswith(name + ":")]


def test_life_of_an_account(new_recorder, names):
    user, group = names
    seen = []
    recorder = new_recorder(subscription(["security"], ["process"], CHANGES)).start()
    pid = run("useradd", "-M", "-s", "/bin/sh", "-d", f"/home/{user}", user)
    rows = {row["action"]: row for row in step(recorder, user, (0, 2), "an account that is made")}
    added = rows["user_add"]
    assert set(rows) == {"user_add", "group_add"}
    assert (added["user_target_name"], added["security_object"], added["process_pid"]) == (user, "/etc/passwd", pid)
    assert {f"id: {added['user_target_id']}", "shell: /bin/sh", f"home: /home/{user}", "password: locked"} <= set(added["changes"])
    assert (rows["group_add"]["group_target_name"], rows["group_add"]["process_pid"]) == (user, pid)
    assert added["process_name"] == "useradd" and added["recorder_source"] == "recorder"

    pid = run("usermod", "-s", "/bin/bash", "-e", "2030-01-02", user)
    changed, = step(recorder, user, (2, 1), "an account that is changed")
    assert (changed["action"], changed["process_pid"]) == ("user_modify", pid)
    assert {"shell: /bin/sh -> /bin/bash", "expires: (none) -> 2030-01-02"} == set(changed["changes"])

    for n, (password, what) in enumerate(zip(PASSWORDS, ("set", "changed"))):
        pid = run("chpasswd", text=f"{user}:{password}\n")
        seen += hashes(user)
        row, = step(recorder, user, (3 + n, 1), f"a password that is {what}")
        assert (row["action"], row["process_pid"], row["security_object"]) == ("password_change", pid, "/etc/shadow")
        assert row["changes"][0] == f"password: {what}" and all(change.startswith("last password change: ") for change in row["changes"][1:])
    run("usermod", "-L", user)
    locked, = step(recorder, user, (5, 1), "an account that is locked")
    assert (locked["action"], locked["changes"]) == ("password_change", ["password: locked"])

    run("groupadd", group)
    made, = step(recorder, group, (0, 1), "a group that is made")
    assert (made["action"], made["group_target_name"]) == ("group_add", group)
    pid = run("gpasswd", "-a", user, group)
    joined = step(recorder, group, (1, 1), "a member that is added")[0]
    assert (joined["action"], joined["changes"], joined["process_pid"]) == ("group_modify", [f"member: +{user}"], pid)

    pid = run("userdel", user)

    def of_userdel():
        return {row["action"]: row for row in told(recorder, user) if row["process_pid"] == pid}

    wait_until(lambda: len(of_userdel()) >= 3, "an account that is removed")
    rows = of_userdel()
    assert set(rows) == {"user_delete", "group_delete", "group_modify"}
    assert "shell: /bin/bash" in rows["user_delete"]["changes"] and rows["group_modify"]["changes"] == [f"member: -{user}"]
    recorder.stop()
    # Nothing of a password is anywhere.
    assert len(seen) == 2 and len(set(seen)) == 2
    stored = recorder.database.read_bytes()
    for secret in seen + PASSWORDS:
        assert secret.encode() not in stored
    assert not [row for row in recorder.query("SELECT security_changes FROM security_events") if "$" in (row["security_changes"] or "")]


def test_editor(new_recorder, names):
    """sed, which says nothing to audit."""
    user, group = names
    run("groupadd", group)
    recorder = new_recorder(subscription(["security"], ["process"], CHANGES)).start()
    with open("/etc/.pwd.lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        pid = run("sed", "-i", f"s/^{group}:.*/&{user},root/", "/etc/group")
    row, = step(recorder, group, (0, 1), "a group that is edited")
    assert (row["action"], row["group_target_name"], row["process_pid"], row["process_name"]) == ("group_modify", group, pid, "sed")
    assert row["changes"] == sorted([f"member: +{user}", "member: +root"])
    recorder.stop()
    assert len(told(recorder, group)) == 1


def test_by_its_own_word(new_recorder, names):
    """What a program tells audit is enough to look: nobody asked for files."""
    user, _ = names
    recorder = new_recorder(subscription(["security"])).start()
    pid = run("useradd", "-M", user)
    rows = {row["action"]: row for row in step(recorder, user, (0, 2), "an account that is made")}
    assert (rows["user_add"]["process_pid"], rows["user_add"]["user_target_name"]) == (pid, user)
    said = recorder.query("SELECT event_code FROM security_events WHERE action = 'user_add' AND event_code <> 'ACCOUNT'")
    assert {row["event_code"] for row in said} == {"ADD_USER"}
    recorder.stop()
