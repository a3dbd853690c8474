"""SELinux: what the recorder's policy lets whom do, within the policy of a distribution."""
import bz2
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import driver
from conftest import REQUIRE_LIVE

POLICY = [driver.SOURCE / "selinux" / name for name in ("recorder.cil", "recorder_permissive.cil")]
STORES = [pathlib.Path("/var/lib/selinux") / name / "active/modules" for name in ("default", "targeted")]

# The policy

# Each of these is said to be so nowhere. What is so is found in the policy, and the compiler names the line.
DOES = """
(neverallow init_t recorder_t (process (transition)))
(neverallow init_t recorder_exec_t (file (execute)))
(neverallow init_t recorder_var_run_t (dir (create)))
(neverallow recorder_t recorder_exec_t (file (entrypoint)))
(neverallow recorder_t self (netlink_audit_socket (nlmsg_write)))
(neverallow recorder_t self (bpf (prog_load)))
(neverallow recorder_t domain (process (ptrace)))
(neverallow recorder_t domain (file (read)))
(neverallow recorder_t shadow_t (file (read)))
(neverallow recorder_t recorder_var_lib_t (file (create)))
(neverallow recorder_t recorder_etc_t (file (rename)))
(neverallow recorder_t recorder_log_t (file (write)))
(neverallow recorder_t recorder_var_run_t (sock_file (create)))
(neverallow recorder_t auditd_etc_t (file (write)))
(neverallow recorder_t auditd_t (process (signal)))
(neverallow auditd_t recorder_plugin_t (process (transition)))
(neverallow auditd_t recorder_plugin_t (process (signal)))
(neverallow auditd_t recorder_exec_t (file (execute)))
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
