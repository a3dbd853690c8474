/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What io_uring does without a system call of its own: opens, writes, connects, accepts and what names files to make, rename
 * and remove, when they complete.  The task is the one that asked or a worker of its process, with the same files.  A request
 * has let go of its names by then (io_uring/fs.c): they are kept from its submission on. */

#include "call.h"

enum {					/* enum io_uring_op, include/uapi/linux/io_uring.h */
	URING_WRITEV = 2, URING_WRITE_FIXED = 5, URING_ACCEPT = 13, URING_CONNECT = 16, URING_OPENAT = 18, URING_WRITE = 23,
	URING_OPENAT2 = 28, URING_RENAMEAT = 35, URING_UNLINKAT = 36, URING_MKDIRAT = 37, URING_SYMLINKAT = 38,
	URING_LINKAT = 39, URING_WRITEV_FIXED = 61,
};

/* Names of requests that have not completed, in pieces: few are longer than one, any may be PATH_MAX. */
#define PIECE_BYTES 256u

#define FIXED_FILE (1u << 0)		/* IOSQE_FIXED_FILE, likewise */
#define CQE_SKIP_SUCCESS (1u << 6)	/* IOSQE_CQE_SKIP_SUCCESS, as it stands in the request too (REQ_F_CQE_SKIP) */

struct piece_key {
	u64 request;
	u32 name;			/* 0, 1 */
	u32 number;
};

struct piece {
	char text[PIECE_BYTES];
};

/* Nobody tells of a request whose completion had no room (io_uring_setup(2), CQ ring overflow): the oldest make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct piece_key);
	__type(value, struct piece);
} uring_pieces SEC(".maps");

/* Such a request. */
struct named {
	u64 start_ns;
	u32 pid, ppid;			/* who asked */
	u16 bytes[2];			/* of the names */
	u16 cut;			/* bit n: name n is not there */
	u16 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);		/* address of the request */
	__type(value, struct named);
} uring_named SEC(".maps");

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

	if (!file || !wants(PROBE_WANT_WRITE) || (file_mode(file) & S_IFMT) != S_IFREG)
		return;
	if (task->flags & PF_KTHREAD)
		count(PROBE_CLASS_FILE_WRITE, 1);	/* whose it was is not known here */
	else
		count_written(task, file, -1, READ(file, f_inode), (u64)written);
}

static __always_inline void uring_connect(struct task_struct *task, struct io_kiocb *request, int result)
{
	struct file *file = READ(request, file);
	struct probe_record *record;
	struct sock *sk;

	if (!file || !wants(PROBE_WANT_CONNECT | PROBE_WANT_DISCONNECT | PROBE_WANT_DNS) || (file_mode(file) & S_IFMT) != S_IFSOCK)
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

	if (!wants(PROBE_WANT_ACCEPT | PROBE_WANT_DISCONNECT) || READ((struct io_accept *)request, file_slot))
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

/* What the system call of the same act would be asked: which one, its arguments, and where in them the names are. */
struct asked {
	u64 value[6];
	u64 name[2];			/* addresses of struct filename; 0: there is none */
	int at[2];			/* the folders that they begin at */
	u32 want;
	u16 call;
	u16 is_text;			/* the second is no path */
};

static __always_inline bool_t is_naming(u8 operation)
{
	return operation >= URING_RENAMEAT && operation <= URING_LINKAT;
}

#define FILENAME(type, request, member)                                                                                    \
	(bpf_core_field_exists(((struct type *)(request))->member) ?                                                       \
		 (u64)READ((struct type *)(request), member) :                                                             \
		 (u64)READ((struct type##___delayed *)(request), member.__incomplete_filename))

/* A function of its own to the verifier, which would follow each operation through all that comes after it, as it would each
 * round of the loops below for each place that calls them. */
__noinline int asked_of(struct asked *ret, u64 request, u32 operation)
{
	struct io_rename *rename = (struct io_rename *)request;
	struct io_unlink *unlink = (struct io_unlink *)request;
	struct io_mkdir *mkdir = (struct io_mkdir *)request;
	struct io_link *link = (struct io_link *)request;

	/* Nothing of it is looked at before 5.19 (cef216fc32d7), where some of these had other names too. */
	if (!ret || !bpf_core_field_exists(((struct io_kiocb *)request)->cqe))
		return 0;
	switch (operation) {
	case URING_RENAMEAT:
		ret->call = PROBE_CALL_renameat2;
		ret->want = PROBE_WANT_RENAME;
		ret->name[0] = FILENAME(io_rename, rename, oldpath);
		ret->name[1] = FILENAME(io_rename, rename, newpath);
		ret->value[0] = (u64)(ret->at[0] = READ(rename, old_dfd));
		ret->value[2] = (u64)(ret->at[1] = READ(rename, new_dfd));
		ret->value[4] = (u32)READ(rename, flags);
		break;
	case URING_UNLINKAT:
		ret->call = PROBE_CALL_unlinkat;
		ret->want = PROBE_WANT_DELETE;
		ret->name[0] = FILENAME(io_unlink, unlink, filename);
		ret->value[0] = (u64)(ret->at[0] = READ(unlink, dfd));
		ret->value[2] = (u32)READ(unlink, flags);
		break;
	case URING_MKDIRAT:
		ret->call = PROBE_CALL_mkdirat;
		ret->want = PROBE_WANT_CREATE;
		ret->name[0] = FILENAME(io_mkdir, mkdir, filename);
		ret->value[0] = (u64)(ret->at[0] = READ(mkdir, dfd));
		ret->value[2] = READ(mkdir, mode);
		break;
	case URING_SYMLINKAT:
		ret->call = PROBE_CALL_symlinkat;
		ret->want = PROBE_WANT_SYMLINK;
		ret->name[0] = FILENAME(io_link, link, newpath);
		ret->name[1] = FILENAME(io_link, link, oldpath);
		ret->value[1] = (u64)(ret->at[0] = READ(link, new_dfd));
		ret->is_text = 1;
		break;
	default:
		ret->call = PROBE_CALL_linkat;
		ret->want = PROBE_WANT_LINK;
		ret->name[0] = FILENAME(io_link, link, oldpath);
		ret->name[1] = FILENAME(io_link, link, newpath);
		ret->value[0] = (u64)(ret->at[0] = READ(link, old_dfd));
		ret->value[2] = (u64)(ret->at[1] = READ(link, new_dfd));
		ret->value[4] = (u32)READ(link, flags);
		break;
	}
	return 0;
}

struct pieces_of_name {
	struct piece_key key;
	struct probe_record *record;
	u32 off, bytes;
	bool_t is_cut;
};

static __always_inline long keep_step(u32 i, struct pieces_of_name *name)
{
	if (i * PIECE_BYTES >= name->bytes)
		return 1;
	name->key.number = i;
	name->is_cut |= bpf_map_update_elem(&uring_pieces, &name->key, text_at(name->record, i * PIECE_BYTES), BPF_ANY) != 0;
	return 0;
}

/* `scratch`: memory for the name. */
__noinline int keep_name(struct scratch *scratch, struct named *named, u32 n, u64 filename, u64 request)
{
	struct probe_record *record = (struct probe_record *)scratch;
	struct pieces_of_name name = { .key = { .request = request, .name = n }, .record = record };

	if (!scratch || !named)
		return 0;
	barrier_var(n);
	n &= 1;
	name.bytes = put_string(record, n, 0, READ((struct filename *)filename, name), 0, NAME_BYTES);
	LOOP(NAME_BYTES / PIECE_BYTES, keep_step, &name);
	named->bytes[n] = (u16)name.bytes;
	named->cut |= (record->cut & 1 << n) | name.is_cut << n;
	return 0;
}

static __always_inline long kept_step(u32 i, struct pieces_of_name *name)
{
	u32 at = name->off + i * PIECE_BYTES;
	struct piece *piece;

	if (i * PIECE_BYTES >= name->bytes)
		return 1;
	name->key.number = i;
	piece = bpf_map_lookup_elem(&uring_pieces, &name->key);
	if (!piece || at >= TEXT_BYTES) {
		name->is_cut = 1;
		name->bytes = i * PIECE_BYTES;
		return 1;
	}
	bpf_probe_read_kernel(text_at(name->record, at), PIECE_BYTES, piece->text);
	return 0;
}

__noinline u32 put_kept_name(struct scratch *scratch, u32 off, const struct named *named, u32 which, u64 request)
{
	struct probe_record *record = (struct probe_record *)scratch;
	struct pieces_of_name name = { .key = { .request = request, .name = which }, .record = record, .off = off };
	u32 n;

	if (!scratch || !named)
		return off;
	barrier_var(which);
	which &= 1;
	n = NAME_GIVEN + which * (NAME_GIVEN2 - NAME_GIVEN);
	name.bytes = named->bytes[which];
	name.is_cut = named->cut >> which & 1;
	LOOP(NAME_BYTES / PIECE_BYTES, kept_step, &name);
	record->cut |= name.is_cut << n;
	return text_end(record, n, off, off + name.bytes);
}

static __always_inline long forget_step(u32 i, struct pieces_of_name *name)
{
	if (i * PIECE_BYTES >= name->bytes)
		return 1;
	name->key.number = i;
	bpf_map_delete_elem(&uring_pieces, &name->key);
	return 0;
}

__noinline int forget_name(u32 which, u32 bytes, u64 request)
{
	struct pieces_of_name name = { .key = { .request = request, .name = which }, .bytes = bytes };

	LOOP(NAME_BYTES / PIECE_BYTES, forget_step, &name);
	return 0;
}

static __always_inline void forget_names(const struct named *named, u64 request)
{
	forget_name(0, named->bytes[0], request);
	forget_name(1, named->bytes[1], request);
	bpf_map_delete_elem(&uring_named, &request);
}

static __always_inline char first_of_name(u32 name, u64 request)
{
	struct piece_key key = { .request = request, .name = name };
	struct piece *piece = bpf_map_lookup_elem(&uring_pieces, &key);

	return piece ? piece->text[0] : 0;
}

static __always_inline u32 put_place(struct probe_record *record, u32 n, u32 off, struct task_struct *task,
				     const struct asked *asked, u32 name, u64 request)
{
	/* Of a task that is gone a thread of the kernel completes what is left (io_fallback_req_func): it is elsewhere. */
	if (task->flags & PF_KTHREAD) {
		record->cut |= 1 << n;
		return text_end(record, n, off, off);
	}
	return put_folder((struct scratch *)record, n, off, asked->at[name], first_of_name(name, request));
}

static __always_inline void tell_names(struct task_struct *task, const struct asked *asked, const struct named *named,
				       u64 request, int result)
{
	struct probe_record *record = record_begin(PROBE_NAME, PROBE_CLASS_FILE, task);
	u32 off = 0;

	if (!record)
		return;
	if (task->flags & PF_KTHREAD) {
		record->head.flags = PROBE_SOFTIRQ;
		record->head.pid = named->pid;
		record->head.ppid = named->ppid;
		record->head.start_ns = named->start_ns;
	} else {
		set_root(&record->body.call.root, task);
	}
	record->call = asked->call;
	__builtin_memcpy(record->body.call.value, asked->value, sizeof(asked->value));
	record->body.call.result = result;
	off = put_place(record, NAME_FOLDER, off, task, asked, 0, request);
	off = put_kept_name((struct scratch *)record, off, named, 0, request);
	if (asked->call != PROBE_CALL_unlinkat && asked->call != PROBE_CALL_mkdirat) {
		if (!asked->is_text)
			off = put_place(record, NAME_FOLDER2, off, task, asked, 1, request);
		off = put_kept_name((struct scratch *)record, off, named, 1, request);
	}
	record_send(record, off, PROBE_CLASS_FILE);
}

static __always_inline void uring_name(struct task_struct *task, struct io_kiocb *request, u8 operation, int result)
{
	struct named *kept, named = { .cut = 3 };	/* submitted before anybody looked, or there was no room */
	struct asked asked = { 0 };
	u64 key = number_of(request);

	kept = bpf_map_lookup_elem(&uring_named, &key);
	if (kept)
		named = *kept;
	if (result >= 0) {
		asked_of(&asked, key, operation);
		if (!wants(asked.want))
			return;
		if (name_is_excluded())
			count_dropped(PROBE_CLASS_FILE);
		else if (kept || !(task->flags & PF_KTHREAD))
			tell_names(task, &asked, &named, key, result);
		else
			count(PROBE_CLASS_FILE, 1);	/* nobody knows whose it was */
	}
	if (kept)
		forget_names(&named, key);
}

/* Of such a request nobody tells that it succeeded: what it does to a file or a connection is seen then alone. */
static __always_inline void count_silent(struct task_struct *task, struct io_kiocb *request, u8 operation)
{
	u32 want = 0, class = PROBE_CLASS_NETWORK;
	struct file *file;
	u64 flags;

	switch (operation) {
	case URING_OPENAT:
	case URING_OPENAT2:
		flags = READ((struct io_open *)request, how.flags);
		want = flags & O_CREAT ? PROBE_WANT_CREATE | PROBE_WANT_WRITE : flags & (O_ACCMODE | O_TRUNC) ? PROBE_WANT_WRITE : PROBE_WANT_READ;
		class = flags & O_CREAT ? PROBE_CLASS_FILE : want == PROBE_WANT_WRITE ? PROBE_CLASS_FILE_WRITE : PROBE_CLASS_FILE_READ;
		break;
	case URING_CONNECT:
		want = PROBE_WANT_CONNECT | PROBE_WANT_DISCONNECT;
		break;
	case URING_ACCEPT:
		want = PROBE_WANT_ACCEPT | PROBE_WANT_DISCONNECT;
		break;
	case URING_WRITE:
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_WRITEV_FIXED:
		class = PROBE_CLASS_FILE_WRITE;
		file = READ(request, flags) & FIXED_FILE ? NULL : file_of(task, READ(request, cqe.fd));
		if (!file || (file_mode(file) & S_IFMT) == S_IFREG)
			want = PROBE_WANT_WRITE;
		break;
	default:
		break;
	}
	if (wants(want))
		count(class, 1);
}

/* Since Linux 6.3 it is the request alone, its names taken already (io_uring/io_uring.c, io_submit_sqe). */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_submit, struct io_kiocb *request)
{
	u8 operation = READ(request, opcode);
	struct task_struct *task = current_task();
	struct named named = { 0 };
	struct probe_record *record;
	struct asked asked = { 0 };
	u64 key;

	if (is_own())
		return 0;
	if (!is_naming(operation)) {
		if (READ(request, flags) & CQE_SKIP_SUCCESS)
			count_silent(task, request, operation);
		return 0;
	}
	key = number_of(request);
	asked_of(&asked, key, operation);
	if (!wants(asked.want) || name_is_excluded())
		return 0;
	record = record_begin(PROBE_NAME, PROBE_CLASS_FILE, task);
	if (!record) {
		bpf_map_delete_elem(&uring_named, &key);	/* of one before it that never completed */
		return 0;
	}
	named.pid = record->head.pid;
	named.ppid = record->head.ppid;
	named.start_ns = record->head.start_ns;
	keep_name((struct scratch *)record, &named, 0, asked.name[0], key);
	if (asked.name[1])
		keep_name((struct scratch *)record, &named, 1, asked.name[1], key);
	record_drop();
	if (READ(request, flags) & CQE_SKIP_SUCCESS) {	/* nobody tells of its success */
		tell_names(task, &asked, &named, key, PROBE_UNKNOWN);
		forget_names(&named, key);
	} else {
		bpf_map_update_elem(&uring_named, &key, &named, BPF_ANY);
	}
	return 0;
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
	if (is_naming(operation))
		uring_name(task, request, operation, result);
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
