/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* What the ring reader and its programs in the kernel share: the record, and how a system call is to be read. */

enum reader_kind {
	READER_NOTHING,			/* of a call: not looked at */
	READER_FORK,
	READER_EXEC,
	READER_EXIT,
	READER_CREATE,			/* an open that may change the file */
	READER_READ,			/* any other open: if asked for */
	READER_RENAME,
	READER_DELETE,
	READER_CHANGE,			/* links, folders, modes, owners */
	READER_CONNECT,
	READER_ACCEPT,
	READER_LISTEN,
	READER_STATE,			/* of a TCP connection: it is made, it ends */
	READER_OTHER,
	N_READER_KINDS,
};

#define READER_CALLS 512		/* a power of two */
#define READER_NONE 255
#define READER_TEXTS 2
#define READER_TEXT_BYTES 256
#define READER_NAME_BYTES 16

/* The numbers are those of the arguments; READER_NONE: there is no such. */
struct reader_call {
	unsigned char kind;		/* enum reader_kind */
	unsigned char path[READER_TEXTS];
	unsigned char flags;		/* of an open */
};

struct reader_record {
	unsigned long long time_ns, start_ns;	/* since boot */
	long long result;
	unsigned int kind, call;
	unsigned int pid, tid, ppid;
	unsigned int uid, euid, gid, egid;
	unsigned int text_bytes[READER_TEXTS];
	unsigned int reserved;
	char name[READER_NAME_BYTES];
	char text[READER_TEXTS][READER_TEXT_BYTES];
};
