"""Runs a command as a unit of systemd confines it, where there is no systemd: confine.py UNIT WRITABLE COMMAND...

Of the unit: CapabilityBoundingSet, NoNewPrivileges, SystemCallFilter, RestrictAddressFamilies and ProtectSystem=strict, with
WRITABLE in place of its folders."""
import ctypes
import errno
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys

CLONE_NEWNS = 0x20000
PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 24, 38
LOAD, EQUAL, GIVE = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | errno.EPERM
NUMBER, ARGUMENT = 0, 16  # in struct seccomp_data; of the first argument the low word

libc = ctypes.CDLL(None, use_errno=True)


def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def numbers_of(header, prefix):
    """What a header of the kernel calls so."""
    defined = run("cc", "-E", "-dM", "-", input=f"#include <{header}>\n")
    return {name: int(number) for name, number in re.findall(rf"(?m)^#define {prefix}(\w+) (\d+)$", defined)}


def settings(unit):
    return dict(re.findall(r"(?m)^(\w+)=(.*)$", pathlib.Path(unit).read_text()))


def call_numbers(names):
    """Of what SystemCallFilter names: system calls and groups of them."""
    groups, found, waiting = {}, set(), names.split()
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.split()[0], [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            group.append(line.strip())
    while waiting:
        name = waiting.pop()
        if name.startswith("@"):
            waiting += groups[name]
        else:
            found.add(name)
    numbers = numbers_of("asm/unistd.h", "__NR_")
    return numbers["socket"], sorted(numbers[name] for name in found & numbers.keys())


def make_read_only(writable):
    must(libc.unshare(CLONE_NEWNS))
    run("mount", "--make-rslave", "/")
    run("mount", "--bind", writable, writable)
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4]
        if point != writable and not point.startswith(("/proc", "/sys", "/dev")):
            # A file system that is not ours to alter stays as it is.
            subprocess.run(["mount", "-o", "remount,bind,ro", point], capture_output=True)
    assert not os.access("/etc", os.W_OK)


def bound_capabilities(names):
    numbers = numbers_of("linux/capability.h", "CAP_")
    kept = {numbers[name.removeprefix("CAP_")] for name in names.split()}
    for number in range(int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        if number not in kept:
            must(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0))


def filter_calls(socket_number, calls, families):
    allowed = [step for family in families for step in ((EQUAL, 0, 1, family), (GIVE, 0, 0, ALLOW))]
    program = [(LOAD, 0, 0, NUMBER), (EQUAL, 0, len(allowed) + 2, socket_number), (LOAD, 0, 0, ARGUMENT), *allowed,
               (GIVE, 0, 0, REFUSE)]
    program += [step for call in calls for step in ((EQUAL, 0, 1, call), (GIVE, 0, 0, ALLOW))]
    program.append((GIVE, 0, 0, REFUSE))
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    steps = ctypes.create_string_buffer(code, len(code))
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    must(libc.prctl(PR_SET_SECCOMP, 2, struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps)), 0, 0))


def main(unit, writable, *command):
    wanted = settings(unit)
    assert wanted["ProtectSystem"] == "strict" and wanted["NoNewPrivileges"] == "yes"
    socket_number, calls = call_numbers(wanted["SystemCallFilter"])
    families = [getattr(socket, name) for name in wanted["RestrictAddressFamilies"].split()]
    make_read_only(os.path.realpath(writable))
    bound_capabilities(wanted["CapabilityBoundingSet"])
    filter_calls(socket_number, calls, families)
    os.execv(command[0], command)


main(*sys.argv[1:])
