/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What io_uring does without a system call of its own: opens, writes, connects and accepts, when they complete.  The task is
 * the one that asked or a worker of its process, with the same files.  A request that names files to remove, rename or make
 * has let go of the names by then: it is not told. */

#include "call.h"

enum {					/* enum io_uring_op, include/uapi/linux/io_uring.h */
	URING_WRITEV = 2, URING_WRITE_FIXED = 5, URING_ACCEPT = 13, URING_CONNECT = 16, URING_OPENAT = 18, URING_WRITE = 23,
	URING_OPENAT2 = 28, URING_WRITEV_FIXED = 61,
};

static __always_inline void uring_open(struct task_struct *task, struct io_kiocb *request, int fd)
{
	struct io_open *open = (struct io_open *)request;
	struct file *file;

	/* Into a slot of the ring instead of a descriptor: the file is not to be found by its number. */
	if (READ(open, file_slot))
		return;
	file = file_of(task, fd);
	if (file)
		tell_open(task, file, READ(open, how.flags), PROBE_CALL_openat2);
}

static __always_inline void uring_write(struct task_struct *task, struct io_kiocb *request, int written)
{
	struct file *file = READ(request, file);

	if (file && wants(PROBE_WANT_WRITE) && (file_mode(file) & S_IFMT) == S_IFREG)
		count_written(task, file, (u64)written);
}

static __always_inline void uring_connect(struct task_struct *task, struct io_kiocb *request, int result)
{
	struct file *file = READ(request, file);
	struct probe_record *record;
	struct sock *sk;

	if (!file || !wants(PROBE_WANT_CONNECT) || (file_mode(file) & S_IFMT) != S_IFSOCK)
		return;
	sk = sock_of_file(file);
	record = sk ? record_begin(PROBE_SOCKET, PROBE_CLASS_NETWORK, task) : NULL;
	if (!record)
		return;
	record->call = PROBE_CALL_connect;
	set_addresses(&record->body.socket, sk);
	record->body.socket.fd = -1;
	record->body.socket.result = result;
	/* It let go of the connection, see act_connect. */
	if (result == 0 && record->body.socket.remote_family == AF_UNSPEC && is_tcp(&record->body.socket)) {
		record_drop();
		return;
	}
	remember_asker(task, &record->body.socket);
	send_begun(record, 0, sk, PROBE_WANT_CONNECT);
}

static __always_inline void uring_accept(struct task_struct *task, struct io_kiocb *request, int fd)
{
	struct probe_record *record;
	struct sock *sk;

	if (!wants(PROBE_WANT_ACCEPT) || READ((struct io_accept *)request, file_slot))
		return;
	sk = sock_of(task, fd);
	record = sk ? record_begin(PROBE_SOCKET, PROBE_CLASS_NETWORK, task) : NULL;
	if (!record)
		return;
	record->call = PROBE_CALL_accept;
	set_accepted(&record->body.socket, sk);
	record->body.socket.fd = fd;
	record->body.socket.result = fd;
	send_begun(record, 0, sk, PROBE_WANT_ACCEPT);
}

/* The second argument is the request since Linux 5.18 (502c87d65564), its result in it since 5.19 (cef216fc32d7). */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_complete, void *ring, struct io_kiocb *request)
{
	struct task_struct *task = current_task();
	u8 operation;
	int result;

	if (!bpf_core_field_exists(request->cqe) || !request || is_own())
		return 0;
	operation = READ(request, opcode);
	result = READ(request, cqe.res);
	if (operation == URING_CONNECT)
		uring_connect(task, request, result);
	if (result < 0)
		return 0;
	switch (operation) {
	case URING_OPENAT:
	case URING_OPENAT2:
		uring_open(task, request, result);
		break;
	case URING_ACCEPT:
		uring_accept(task, request, result);
		break;
	case URING_WRITE:
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_WRITEV_FIXED:
		if (result > 0)
			uring_write(task, request, result);
		break;
	default:
		break;
	}
	return 0;
}
