/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* The records that the programs in the kernel hand to user space: layouts fixed, numbers in the order of the machine,
 * padding spelled out.  A record is as long as its texts are; every text that was cut says so in `cut`. */

#ifndef __bpf__
#include <stdint.h>
typedef uint64_t probe_u64;
typedef int64_t probe_s64;
typedef uint32_t probe_u32;
typedef int32_t probe_s32;
typedef uint16_t probe_u16;
typedef uint8_t probe_u8;
#else
typedef unsigned long long probe_u64;
typedef long long probe_s64;
typedef unsigned int probe_u32;
typedef int probe_s32;
typedef unsigned short probe_u16;
typedef unsigned char probe_u8;
#endif

enum probe_type {
	PROBE_FORK = 1,			/* of the child */
	PROBE_EXEC,			/* body.exec */
	PROBE_MORE,			/* body.more: a further piece of the exec before it on the same processor */
	PROBE_EXIT,			/* body.call.value[0]: status as of wait(2) */
	PROBE_OPEN,			/* body.file; PATH */
	PROBE_WRITTEN,			/* body.file; PATH: what was written to an open file, told at its close or now and then */
	PROBE_NAME,			/* body.call; FOLDER GIVEN [FOLDER2 GIVEN2] [EXTRA]: a call that names files */
	PROBE_FILE,			/* body.file; PATH [EXTRA]: a call on an open file */
	PROBE_SOCKET,			/* body.socket; [PATH] */
	PROBE_MAP,			/* body.file; PATH: an executable mapping of a file */
	PROBE_CALL,			/* body.call: any other call; of pidfd_getfd value[3]: the pid behind the descriptor, 0: unknown */
	PROBE_PROGRAM,			/* body.program: a bpf program */
	PROBE_SIGNAL,			/* body.call.value: signal, pid it was sent to */
	PROBE_MODULE,			/* body.call.value[0]: 1 loaded, 0 unloaded; NAME */
	PROBE_DNS,			/* body.socket; PAYLOAD: a message to or from port 53 */
	PROBE_HTTP,			/* body.socket; HEAD: the first line and the headers of a request or response */
	PROBE_ACCESS,			/* body.call.value: pid of the process whose memory was opened, flags of the open */
	PROBE_RAW,			/* body.file; PATH: a disk or the machine's memory was opened; value[0]: which device, as the kernel
					 * keeps it; 0: none */
	N_PROBE_TYPES,
};

/* What losses and drops are counted by. */
enum probe_class {
	PROBE_CLASS_EXEC,
	PROBE_CLASS_EXIT,
	PROBE_CLASS_FORK,
	PROBE_CLASS_PROCESS,
	PROBE_CLASS_FILE,
	PROBE_CLASS_FILE_WRITE,
	PROBE_CLASS_FILE_READ,
	PROBE_CLASS_NETWORK,
	PROBE_CLASS_DNS,
	PROBE_CLASS_IMAGE,
	PROBE_CLASS_DRIVER,
	PROBE_CLASS_SECURITY,
	PROBE_CLASS_HTTP,
	N_PROBE_CLASSES,
};

#define PROBE_TEXTS 6
#define PROBE_NAME_BYTES 16
/* In head.flags */
#define PROBE_SOFTIRQ 1			/* the current task has nothing to do with it: only pid, parent and start are known */
#define PROBE_ELSEWHERE 2		/* a folder is of another mount namespace than the process, or of none */
#define PROBE_UNCOUNTED 4		/* what the connection moved is not known */
#define PROBE_NAMESPACES 8		/* the inodes of the namespaces of the process are told, in the order of event/namespaces.h, 0: the
					 * host's, two a number, the first in the lower half: PROBE_FORK, PROBE_CALL from
					 * body.call.value[PROBE_NAMESPACES_AT] on, PROBE_EXEC in its text SCRIPT */
#define PROBE_SAME_FOLDER 16		/* FOLDER2 is FOLDER, and not told again */
#define PROBE_NAMESPACES_AT 2
#define PROBE_N_NAMESPACES 8

struct probe_head {
	probe_u64 time_ns;		/* since boot (CLOCK_BOOTTIME) */
	probe_u64 start_ns;		/* of the process, since boot */
	probe_u32 number;		/* counts the records of a processor */
	probe_u16 cpu;
	probe_u8 type;			/* enum probe_type */
	probe_u8 flags;
	probe_u32 pid, tid, ppid;	/* in the initial pid namespace */
	probe_u32 ns_pid;		/* pid in its own */
	probe_u32 uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	probe_u32 auid, ses;
	char name[PROBE_NAME_BYTES];
};

struct probe_exec {
	probe_u64 inode, changed_ns;	/* when it last changed (ctime), since 1970 */
	probe_u32 device;		/* the kernel's dev_t */
	probe_u32 mode, uid, gid;
	probe_u16 is_unhashed;		/* the name it was run by is gone */
	probe_u16 is_internal;		/* no mount of anybody's: a memfd */
	probe_u32 args_bytes, env_bytes;	/* in all: what texts ARGS and ENV lack follows in PROBE_MORE */
	probe_u32 argc;
	probe_u64 caps[4];		/* after it: permitted, effective, inheritable, ambient */
};

struct probe_more {
	probe_u32 is_env;
	probe_u32 reserved;
};

struct probe_file {
	probe_u64 inode;
	probe_u64 size;
	probe_u32 device;
	probe_u32 mode, uid, gid;
	probe_u32 flags;		/* of the open, of the mapping */
	probe_u32 origin;		/* PROBE_CREATED: the open made it; and whose mounts the path is of, below */
	probe_u64 value[2];		/* bytes and count of the writes; arguments of the call */
	union {
		probe_u64 first_ns;	/* of the writes, since boot */
		probe_u64 changed_ns;	/* PROBE_MAP, PROBE_FILE: when the inode last changed (ctime), since 1970 */
	};
	probe_u64 last_ns;
	probe_s64 result;
};

#define PROBE_CREATED 1u
/* None of these: nobody looked.  The inodes of namespaces that are not the first of their kind are 28 bits above 0xf0000000
 * (fs/proc/generic.c, PROC_DYNAMIC_FIRST). */
#define PROBE_MOUNTS_OF_HOST (1u << 31)
#define PROBE_MOUNTS_OF_NONE (1u << 30)	/* a memfd, a tree that was unmounted */
#define PROBE_MOUNTS_OF_OTHER (1u << 29)	/* with the inode, if that is such a one: */
#define PROBE_MOUNTS_FIRST 0xf0000000u
#define PROBE_MOUNTS(inode) (PROBE_MOUNTS_OF_OTHER | ((inode) & ~PROBE_MOUNTS_FIRST) << 1)
#define PROBE_MOUNTS_INODE(origin) (PROBE_MOUNTS_FIRST | ((origin) >> 1 & ~PROBE_MOUNTS_FIRST))

/* Where absolute names of a process begin. */
struct probe_root {
	probe_u64 inode;		/* 0: it is the root of its mount */
	probe_u32 mount;		/* id of that mount */
	probe_u32 init;			/* first process of its pid namespace; 0: nothing of the root is known */
};

struct probe_call {
	probe_u64 value[6];		/* arguments, or what the type says */
	probe_s64 result;		/* PROBE_UNKNOWN: nobody will tell */
	struct probe_root root;		/* of PROBE_NAME... */
	probe_u32 origin;		/* ...and whose mounts its folders are of, as of files */
	probe_u32 reserved;
};

#define PROBE_UNKNOWN (-4096)		/* no errno is */

struct probe_socket {
	probe_u8 local[16], remote[16];
	probe_u16 local_port, remote_port;
	probe_u16 family, remote_family;	/* AF_INET, ...; 0: no such address */
	probe_u8 socket_type, protocol;
	probe_u16 wire_bytes;		/* of a DNS message: how long it was */
	probe_s32 fd;
	probe_s64 result;
	probe_u64 bytes_in, bytes_out;
	probe_u64 inode;		/* PROBE_HTTP: of the socket */
};

struct probe_program {
	probe_u64 tag;
	probe_u32 id, type;
	char name[16];
};

union probe_body {
	struct probe_exec exec;
	struct probe_more more;
	struct probe_file file;
	struct probe_call call;
	struct probe_socket socket;
	struct probe_program program;
};

/* Texts in the order of the type; a path is its names from the last to the first, each ended by a NUL ("c\0b\0a\0" is
 * /a/b/c); given names and payloads are as they are. */
struct probe_record {
	struct probe_head head;
	union probe_body body;
	probe_u16 call;			/* number in calls.def; 0: none */
	probe_u16 cut;			/* bit n: text n is longer than what is here */
	probe_u16 text_bytes[PROBE_TEXTS];
	char text[];
};

/* Texts of PROBE_EXEC.  Behind TTY, and as the first text of PROBE_CALL of setgroups, stand a NUL and the ids of the supplementary
 * groups, each a probe_u32, if they are to be told; cut: there are more.  SCRIPT begins with the struct probe_root of the process, then
 * come the numbers of PROBE_NAMESPACES, if they are told, then the script's name, if there is one. */
enum { EXEC_PATH, EXEC_CWD, EXEC_TTY, EXEC_SCRIPT, EXEC_ENV, EXEC_ARGS };	/* ARGS last: what is left of the record */
/* Of PROBE_NAME */
enum { NAME_FOLDER, NAME_GIVEN, NAME_FOLDER2, NAME_GIVEN2, NAME_EXTRA, NAME_ROOT };	/* ROOT: of a process that has a folder for its root */
/* Of PROBE_OPEN, PROBE_WRITTEN, PROBE_FILE, PROBE_MAP, PROBE_SOCKET */
enum { FILE_PATH, FILE_EXTRA, FILE_ROOT = 4 };		/* likewise */
/* Of PROBE_SOCKET of family unix: its address (an abstract one begins with a NUL) and where a relative one begins. */
enum { SOCKET_PATH, SOCKET_CWD };
/* Of PROBE_DNS */
enum { DNS_PAYLOAD };
/* Of PROBE_HTTP: up to the end of the empty line; cut: that is further on */
enum { HTTP_HEAD };

#define PROBE_HTTP_BYTES 2048u		/* at most */

/* What user space tells the programs, and what they tell it, in memory that both see. */
struct probe_control {
	probe_u32 own_pid;		/* not recorded */
	probe_u32 asleep;		/* the reader waits to be woken by the first record */
	probe_u32 wants;		/* enum probe_want */
	probe_u32 write_interval_ms;	/* EmitFileWriteIntervalSecs */
	probe_u32 tells_groups;		/* EnableSupplementaryGroups */
	probe_u32 wake_bytes;		/* of one ring, for which the reader is woken though it did not ask */
	probe_u64 first_names;		/* PROBE_FIRST_NAME() of all paths that are left out or alone are wanted */
	probe_u32 excluded_depths;	/* bit n: paths of n names are among those left out */
	probe_u32 excludes_names;	/* so are processes by their name */
	probe_u32 required_depths;	/* bit n: paths of n names are among those that alone are wanted; 0: any is */
	/* What each write changes, on a line of its own: all else here is read at each call, on all processors. */
	probe_u32 kept_writes __attribute__((aligned(64)));	/* how many there are of struct probe_written */
	probe_u64 untold_writes;	/* of these, let go of untold: their file was closed unseen, its place is another's */
	probe_u64 untold_first_ns;	/* since boot: the first write to one of them since user space took this; 0: none */
};

/* What a process wrote to a file that it has open, kept until it is told.  Count and bytes are one number: one instruction adds
 * to both, and a thread that tells what another adds to has both or neither.  Its highest bit says that somebody tells of it for the last
 * time: who adds to it then sees that, and tells by himself. */
struct probe_written_key {
	probe_u64 file;			/* its address */
	probe_u32 pid;
	probe_u32 zero;
};

#define PROBE_EXCLUDED_NAMES 3		/* of a path that are compared */
#define PROBE_WRITTEN_BYTES 224u	/* few paths are longer */

struct probe_written {
	probe_u64 inode;		/* its address: that of the file is another's by now, where nobody saw the close */
	probe_u64 first_ns, last_ns;	/* since boot, of what was not told yet */
	probe_u64 untold;
	/* When its close has returned the file is gone: what is told of it is kept, under the name that it had when it was written to
	 * last. */
	probe_u64 name, folder;		/* the kernel's hash of that name, and where it keeps the folder: to see whether it has another */
	struct probe_file file;
	probe_u32 top[PROBE_EXCLUDED_NAMES], n_names;	/* as of struct scratch */
	probe_s32 fd;			/* a descriptor of it; -1: nobody knows one */
	probe_u16 text_bytes;		/* of PATH: more than there is room for are in a struct probe_long_path */
	probe_u16 cut;
	char text[PROBE_WRITTEN_BYTES];
};

#define PROBE_LONG_BYTES 4352u		/* PATH_MAX and the longest name */
struct probe_long_path {
	char text[PROBE_LONG_BYTES];
};

/* What a descriptor leads to, of those that stand in struct probe_written. */
struct probe_descriptor {
	probe_u32 pid;
	probe_s32 fd;
};

#define PROBE_KEPT_WRITES 16384u	/* at most */

/* How many of them processes have whose pids are equal modulo PROBE_WRITERS.  Processes that were begun one after the other are at work at
 * the same time: they have lines of their own. */
#define PROBE_WRITERS 65536u
#define PROBE_WRITER(pid) (((pid) << 4 | ((pid) >> 12 & 15)) % PROBE_WRITERS)
struct probe_writers {
	probe_u32 pending[PROBE_WRITERS];
	probe_u32 highest[PROBE_WRITERS];	/* no descriptor of theirs is or was beyond it */
};

/* A path of up to so many names, those that are missing empty. */
#define PROBE_EXCLUDED_BYTES 24
struct probe_excluded {
	char name[PROBE_EXCLUDED_NAMES][PROBE_EXCLUDED_BYTES];
};
/* A bit for how a name begins: what has none of those that are asked for needs no further look. */
#define PROBE_FIRST_NAME(name) (1ull << (((probe_u8)(name)[0] * 5u + (probe_u8)(name)[1]) & 63))
enum { PROBE_EXCLUDE_ITSELF = 1, PROBE_EXCLUDE_BELOW = 2 };

enum probe_want {
	PROBE_WANT_CREATE = 1 << 0,
	PROBE_WANT_WRITE = 1 << 1,
	PROBE_WANT_READ = 1 << 2,
	PROBE_WANT_DNS = 1 << 3,
	PROBE_WANT_IMAGE = 1 << 4,
	PROBE_WANT_MEMORY = 1 << 5,
	PROBE_WANT_SEND = 1 << 6,
	PROBE_WANT_DISCONNECT = 1 << 7,
	PROBE_WANT_CONNECT = 1 << 8,
	PROBE_WANT_ACCEPT = 1 << 9,
	PROBE_WANT_RENAME = 1 << 10,	/* these by io_uring: of system calls the plan says it */
	PROBE_WANT_DELETE = 1 << 11,
	PROBE_WANT_LINK = 1 << 12,
	PROBE_WANT_SYMLINK = 1 << 13,
	PROBE_WANT_HTTP = 1 << 14,
	PROBE_WANT_ACCESS = 1 << 15,
	PROBE_WANT_RAW = 1 << 16,
};

struct probe_counters {			/* of one processor */
	probe_u64 made[N_PROBE_CLASSES];	/* that were to be handed over */
	probe_u64 lost[N_PROBE_CLASSES];	/* of these, what the ring had no room for */
	probe_u64 dropped[N_PROBE_CLASSES];	/* not wanted by any subscription, dropped here */
};

/* One system call as the programs see it: what to do, and where its arguments are. */
struct probe_call_plan {
	probe_u8 act;			/* enum probe_act; 0: nothing */
	probe_u8 number;		/* line of calls.def */
	signed char at, name;		/* arguments: descriptor of the folder, name */
	signed char at2, name2;
	signed char value;		/* argument with flags, mode, size ... */
	probe_u8 class_;		/* enum probe_class */
};

enum probe_act {
	PROBE_ACT_NONE,
	PROBE_ACT_OPEN,
	PROBE_ACT_NAME,
	PROBE_ACT_FILE,
	PROBE_ACT_WRITE,
	PROBE_ACT_CONNECT,
	PROBE_ACT_ACCEPT,
	PROBE_ACT_SOCKET,		/* bind, listen */
	PROBE_ACT_SEND,
	PROBE_ACT_RECEIVE,
	PROBE_ACT_MAP,
	PROBE_ACT_CALL,
	PROBE_ACT_PROGRAM,
	PROBE_ACT_READ,
	PROBE_ACT_PROTECT,
	PROBE_ACT_PTRACE,
	PROBE_ACT_CAPS,
	PROBE_ACT_CLOSE,		/* looked at when it returns */
	PROBE_ACT_LOOK,			/* of no call: WRITE, READ, SEND and RECEIVE pass through it if somebody wants HTTP, */
	PROBE_ACT_HTTP,			/* and through this if it found any */
	N_PROBE_ACTS,
};

/* Lines of calls.def */
enum probe_call_number {
	PROBE_CALL_NONE,
#define PROBE_CALL_LINE(name, ...) PROBE_CALL_##name,
#include "calls.def"
	N_PROBE_CALLS,
};

#define PROBE_SYSCALLS 512		/* numbers below that are looked at */
