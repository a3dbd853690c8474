"""SELinux: what the recorder's policy lets whom do, within the policy of a distribution, and that it is loaded and taken away where it should
be. No kernel here enforces it: the host is a folder with programs that write down how they were called."""
import bz2
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import driver
from conftest import REQUIRE_LIVE
from driver import cli, wait_until

POLICY = [driver.SOURCE / "selinux" / name for name in ("recorder.cil", "recorder_permissive.cil")]
STORES = [pathlib.Path("/var/lib/selinux") / name / "active/modules" for name in ("default", "targeted")]
OURS, OTHERS = b"system_u:object_r:recorder_exec_t:s0\0", b"system_u:object_r:bin_t:s0\0"

# The policy

# Each of these is said to be so nowhere. What is so is found in the policy, and the compiler names the line.
DOES = """
(neverallow init_t recorder_t (process (transition)))
(neverallow init_t recorder_exec_t (file (execute)))
(neverallow init_t recorder_t (process2 (nnp_transition)))
(neverallow initrc_t recorder_t (process (transition)))
(neverallow init_t recorder_var_run_t (dir (create)))
(neverallow recorder_t recorder_exec_t (file (entrypoint)))
(neverallow recorder_t self (netlink_audit_socket (nlmsg_write)))
(neverallow recorder_t self (bpf (prog_load)))
(neverallow recorder_t domain (process (ptrace)))
(neverallow recorder_t domain (file (read)))
(neverallow recorder_t shadow_t (file (read)))
(neverallow recorder_t unlabeled_t (file (read)))
(neverallow recorder_t recorder_var_lib_t (file (create)))
(neverallow recorder_t recorder_etc_t (file (rename)))
(neverallow recorder_t recorder_log_t (file (write)))
(neverallow recorder_t recorder_var_run_t (sock_file (create)))
(neverallow recorder_t auditd_etc_t (file (write)))
(neverallow recorder_t auditd_t (process (signal)))
(neverallow auditd_t recorder_plugin_t (process (transition)))
(neverallow auditd_t recorder_plugin_t (process (signal)))
(neverallow auditd_t recorder_exec_t (file (execute)))
(neverallow audisp_t recorder_plugin_t (process (transition)))
(neverallow audisp_t recorder_plugin_t (process (signal)))
(neverallow audisp_t recorder_exec_t (file (execute)))
(neverallow recorder_plugin_t audisp_t (unix_stream_socket (read)))
(neverallow recorder_plugin_t recorder_exec_t (file (entrypoint)))
(neverallow recorder_plugin_t auditd_t (unix_stream_socket (read)))
(neverallow recorder_plugin_t recorder_var_run_t (sock_file (write)))
(neverallow recorder_plugin_t recorder_t (unix_stream_socket (connectto)))
(neverallow unconfined_t recorder_var_lib_t (file (read)))
"""

DOES_NOT = """
(typeattribute test_elsewhere)
(typeattributeset test_elsewhere (and file_type (not (or recorder_file_type auditd_etc_t))))
(neverallow recorder_t test_elsewhere (file (append create link rename setattr unlink write)))
(neverallow recorder_t test_elsewhere (dir (add_name create remove_name rmdir setattr write)))
(neverallow recorder_t fixed_disk_device_t (blk_file (open read write)))
(neverallow recorder_t memory_device_t (chr_file (open read write)))
(neverallow recorder_t device_node (blk_file (open read write create)))
(typeattribute test_other)
(typeattributeset test_other (and domain (not recorder_t)))
(neverallow recorder_t test_other (process (sigkill transition dyntransition)))
(neverallow recorder_plugin_t file_type (file (append create link rename setattr unlink write)))
(neverallow recorder_plugin_t recorder_file_type (file (open read)))
(neverallow recorder_plugin_t file_type (file (execute_no_trans)))
(neverallow recorder_plugin_t file_type (dir (add_name remove_name write)))
(neverallow recorder_plugin_t self (tcp_socket (create)))
(neverallow recorder_plugin_t self (udp_socket (create)))
(neverallow recorder_plugin_t self (netlink_audit_socket (create)))
(neverallow recorder_plugin_t self (capability (chown dac_override dac_read_search kill setgid setuid sys_admin sys_module sys_ptrace)))
(neverallow recorder_plugin_t test_other (process (ptrace sigkill)))
(typeattribute test_service)
(typeattributeset test_service (httpd_t named_t syslogd_t crond_t auditd_t dhcpc_t))
(neverallow test_service recorder_file_type (file (open read write)))
(neverallow test_service recorder_t (unix_stream_socket (connectto)))
"""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    """The policy of this distribution in one file, as its package keeps it, but for the modules that are switched off."""
    store = next((store for store in STORES if os.access(store / "100", os.R_OK)), None)
    if not store or not shutil.which("secilc") or not shutil.which("matchpathcon"):
        why = f"secilc, matchpathcon or a policy is missing (scripts/install-packages test): {STORES[0]}"
        pytest.fail(why) if REQUIRE_LIVE else pytest.skip(why)
    path = tmp_path_factory.mktemp("policy") / "distribution.cil"
    with path.open("wb") as out:
        for module in sorted((store / "100").iterdir()):
            if not (store / "disabled" / module.name).exists():
                out.write(bz2.decompress((module / "cil").read_bytes()))
    return path


def compile_policy(folder, distribution, text):
    """What the compiler says of the lines of text; it always makes a policy, or says what is wrong with one of these lines."""
    rules = folder / "rules.cil"
    rules.write_text(text)
    done = subprocess.run(["secilc", "-o", folder / "policy", "-f", folder / "contexts", distribution, *POLICY, rules],
                          capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert set(re.findall(r"^(?:Failed|Invalid|Unknown|Duplicate|Found conflicting).*", said, re.M)) <= \
        {"Failed to generate binary", "Failed to build policydb"}, said
    found = re.findall(r"^neverallow check failed at (\S+):(\d+)", said, re.M)
    assert {name for name, line in found} <= {str(rules)}, said
    assert (done.returncode != 0) == bool(found), said
    return {text.split("\n")[int(line) - 1] for name, line in found}


def test_what_the_policy_lets_be_done(tmp_path, distribution):
    assert compile_policy(tmp_path, distribution, DOES) == set(DOES.strip().split("\n"))


def test_what_the_policy_does_not_let_be_done(tmp_path, distribution):
    """It holds with what the distribution forbids itself; and what files are to be is what the distribution makes of them."""
    assert compile_policy(tmp_path, distribution, DOES_NOT) == set()
    for path, kind in {
        "/usr/bin/recorder": "recorder_exec_t", "/usr/local/bin/recorder": "recorder_exec_t", "/etc/recorder/recorder.conf": "recorder_etc_t",
        "/var/lib/recorder": "recorder_var_lib_t", "/var/lib/recorder/subscriptions/a.json": "recorder_var_lib_t",
        "/var/log/recorder/a.jsonl": "recorder_log_t", "/run/recorder/recorder.sock": "recorder_var_run_t",
        "/usr/bin/recorder2": "bin_t", "/var/lib/recorders": "var_lib_t",
    }.items():
        done = subprocess.run(["matchpathcon", "-n", "-f", tmp_path / "contexts", path], capture_output=True, text=True, check=True)
        assert done.stdout.split(":")[2] == kind, path


# The host

TOOL = """#!/bin/sh
echo "${{0##*/}} $*" >> {log}
! grep -qx "${{0##*/}} $1" {fails}
"""


class Host:
    """A folder that is the host's /, with an SELinux and its programs; what those were told."""

    def __init__(self, root, enforce="1", tools=("semodule", "restorecon", "semanage")):
        self.root, self.log, self.fails = root, root / "log", root / "fails"
        self.log.touch()
        self.fails.touch()
        self.put("etc/selinux/config", "SELINUXTYPE=targeted\n")
        self.put("sys/fs/selinux/enforce", enforce)
        self.put("etc/os-release", "ID=fedora\nVERSION_ID=40\n")
        for tool in tools:
            self.put("usr/sbin/" + tool, TOOL.format(log=self.log, fails=self.fails)).chmod(0o755)
        self.program = self.put(str(driver.BIN.resolve())[1:], "")
        self.label(OTHERS)

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def label(self, label):
        try:
            os.setxattr(self.program, "security.selinux", label)
        except OSError as error:
            pytest.skip(f"files cannot have a type here: {error}")

    def load(self, *names):
        for name in names:
            self.put(f"var/lib/selinux/targeted/active/modules/200/{name}/cil", "")

    def told(self):
        text = self.log.read_text().replace(str(self.root), "")
        self.log.write_text("")
        return text.splitlines()

    def __str__(self):
        return str(self.root)


@pytest.fixture
def make_host(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    return lambda **options: Host(root, **options)


PROGRAM = str(driver.BIN.resolve())
LABEL = f"restorecon -R -i {PROGRAM} /etc/recorder /var/lib/recorder /var/log/recorder /run/recorder"
LOAD = "semodule -X 200 -i /usr/share/recorder/selinux/recorder.cil -i /usr/share/recorder/selinux/recorder_permissive.cil"


@pytest.mark.parametrize("enforce", ["1", "0"])
def test_install(make_host, enforce):
    host = make_host(enforce=enforce)
    assert "is loaded" in cli("selinux", "install", "--state", host).text
    assert host.told() == [LOAD, f"semanage fcontext -a -t recorder_exec_t {PROGRAM}", LABEL]


def test_install_where_the_place_is_known(make_host):
    host = make_host()
    host.fails.write_text("semanage fcontext\n")
    failed = cli("selinux", "install", "--state", host, check=1)
    assert "/usr/sbin/semanage failed" in failed.error and failed.text == ""
    assert host.told() == [LOAD, *(f"semanage fcontext {way} -t recorder_exec_t {PROGRAM}" for way in ("-a", "-m"))]


def test_install_that_fails(make_host):
    host = make_host()
    host.fails.write_text("semodule -X\n")
    assert "/usr/sbin/semodule failed" in cli("selinux", "install", "--state", host, check=1).error
    assert host.told() == [LOAD]


def test_install_without_tools(make_host):
    host = make_host(tools=["restorecon"])
    failed = cli("selinux", "install", "--state", host, check=1)
    assert "without semodule (policycoreutils), semanage (policycoreutils-python-utils)" in failed.error
    assert host.told() == []


def test_no_selinux(tmp_path):
    for verb, text in {"install": "nothing to do", "remove": "", "status": "SELinux: there is none"}.items():
        done = cli("selinux", verb, "--state", tmp_path)
        assert text in done.text and done.error == "" and bool(text) == bool(done.text)
    assert list(tmp_path.iterdir()) == []


def test_status(make_host):
    host = make_host()
    text = cli("selinux", "status", "--state", host, check=1).text
    assert text == ("SELinux: SELinux is in enforcing mode but recorder audit-pipe does not have the recorder SELinux policy applied: "
                    "it is not loaded (recorder selinux install)\n")
    host.load("recorder")
    host.label(OURS)
    assert cli("selinux", "status", "--state", host).text == "SELinux: it enforces, and the recorder's policy is applied\n"
    assert "none of status, install, remove" in cli("selinux", "stauts", "--state", host, check=2).error


def test_remove(make_host):
    host = make_host()
    assert cli("selinux", "remove", "--state", host).text == ""
    assert host.told() == []
    host.load("recorder", "recorder_permissive")
    cli("selinux", "remove", "--state", host)
    assert host.told() == [f"semanage fcontext -d {PROGRAM}", "semodule -X 200 -r recorder_permissive -r recorder", LABEL]


@pytest.mark.parametrize("fails", [False, True])
def test_uninstall(make_host, fails):
    host = make_host()
    host.load("recorder")
    host.fails.write_text("semodule -X\n" * fails)
    cli("uninstall", "--yes", "--state", host, check=int(fails))
    assert host.told() == [f"semanage fcontext -d {PROGRAM}", "semodule -X 200 -r recorder", *[LABEL] * (not fails)]


@pytest.mark.live
def test_health(new_recorder):
    """It says so as long as it is so."""
    recorder = new_recorder()
    recorder.state.mkdir(mode=0o700)
    host = Host(recorder.state, tools=[])
    recorder.start()

    def check():
        found = recorder.check("selinux")
        return found["level"], found["why"], found["mend"]

    assert check() == ("warn", "SELinux is in enforcing mode but recorder audit-pipe does not have the recorder SELinux policy applied: it is not loaded",
                       "install semodule, restorecon (policycoreutils), semanage (policycoreutils-python-utils), then `recorder selinux install`")
    host.load("recorder")
    host.label(OURS)
    wait_until(lambda: check() == ("ok", "it enforces, and the recorder's policy is applied", ""), "it is seen that it is mended")
    host.put("sys/fs/selinux/enforce", "0")
    host.label(OTHERS)
    wait_until(lambda: check()[:2] == ("ok", "it refuses nothing (permissive); the recorder's policy is not applied"), "it is permissive")
    recorder.stop()
