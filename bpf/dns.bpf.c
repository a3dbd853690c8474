/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that move data by sockets.  DNS: what goes to or comes from port 53 by the calls of calls.def; and of what else is sent
 * where it goes. */

#include "call.h"

#define DNS_BYTES 4095u
#define MESSAGES 4			/* of one sendmmsg or recvmmsg */
#define MESSAGE_PIECES 128		/* of one message: less than the kernel takes (UIO_MAXIOV) */
#define LENGTH_BYTES 2			/* in front of a message by TCP (RFC 1035, 4.2.2) */
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define MSG_FASTOPEN 0x20000000

struct dns_message {
	u64 named;			/* where the program says, or is told, the other end; 0: the socket knows it */
	u64 bytes, pieces;		/* it is at `bytes`, or in these iovecs */
	u64 n_pieces;
	u32 named_size, size;
	u32 room;			/* at `bytes`: less than the size if it was cut for the program too */
	u32 reserved;			/* see the end of kernel.h */
};

struct pieces {
	struct probe_record *record;
	u64 at, n;
	u32 off, size;
};

static __always_inline long piece_step(u32 i, struct pieces *pieces)
{
	u32 off = pieces->off, size = pieces->size;
	struct iovec piece;
	u64 take;

	if (i >= pieces->n || off >= size ||
	    bpf_probe_read_user(&piece, sizeof(piece), (void *)(pieces->at + i * sizeof(piece))))
		return 1;
	take = piece.iov_len < size - off ? piece.iov_len : size - off;
	barrier_var(take);
	if (take > DNS_BYTES || bpf_probe_read_user(text_at(pieces->record, off), (u32)take, piece.iov_base))
		return 1;
	pieces->off = off + (u32)take;
	return 0;
}

/* Bytes of several places, one after the other.  A function of its own to the verifier. */
__noinline u32 put_pieces(struct scratch *scratch, u64 pieces_at, u64 n, u32 size)
{
	struct pieces pieces = { .record = (struct probe_record *)scratch, .at = pieces_at, .n = n, .size = size };

	if (!scratch)
		return 0;
	LOOP(MESSAGE_PIECES, piece_step, &pieces);
	return pieces.off;
}

static __always_inline u32 put_message(struct probe_record *record, const struct dns_message *message)
{
	u32 off, size = message->size > DNS_BYTES ? DNS_BYTES : message->size;

	if (message->bytes)
		off = put_block(record, DNS_PAYLOAD, 0, message->bytes, message->room, DNS_BYTES);
	else
		off = text_end(record, DNS_PAYLOAD, 0, put_pieces((struct scratch *)record, message->pieces, message->n_pieces, size));
	if (off < message->size)
		record->cut |= 1 << DNS_PAYLOAD;
	return off;
}

/* What one call moved: a message, or by TCP the bytes of the stream as they are.  The record has the addresses of the socket.
 * 1: it was that.  A function of its own to the verifier. */
__noinline int tell_dns(struct scratch *scratch, const struct dns_message *message)
{
	struct probe_record *record = (struct probe_record *)scratch;
	struct probe_socket *socket = &record->body.socket;
	u32 off;

	if (!scratch || !message)
		return 0;
	/* One of a stream goes to, and tells of, no other end than its own. */
	if (message->named && !is_tcp(socket))
		set_named(socket, message->named, message->named_size);
	if (socket->remote_port != DNS_PORT || (socket->family != AF_INET && socket->family != AF_INET6))
		return 0;
	socket->wire_bytes = message->size > 65535 ? 65535 : (u16)message->size;
	record->text_bytes[DNS_PAYLOAD] = 0;
	record->cut = 0;
	off = put_message(record, message);
	if (off)
		record_output(record, off, PROBE_CLASS_DNS);
	return 1;
}

/* In one piece. */
static __always_inline int tell_dns_bytes(struct probe_record *record, u64 at, u32 size)
{
	return tell_dns((struct scratch *)record, &(struct dns_message){ .bytes = at, .size = size, .room = size });
}

static __always_inline int tell_dns_pieces(struct probe_record *record, u64 at, u64 n, u32 size)
{
	return tell_dns((struct scratch *)record, &(struct dns_message){ .pieces = at, .n_pieces = n, .size = size });
}

#define MSGHDR_BYTES 56			/* of a 64-bit program; then the length of the message */
#define MMSGHDR_BYTES 64

/* struct msghdr of a 64-bit program. */
static __always_inline int tell_dns_message(struct probe_record *record, u64 at, u32 size)
{
	struct user_msghdr head;

	if (bpf_probe_read_user(&head, sizeof(head), (void *)at))
		return 0;
	return tell_dns((struct scratch *)record, &(struct dns_message){
		.named = (u64)head.msg_name, .named_size = (u32)head.msg_namelen, .pieces = (u64)head.msg_iov,
		.n_pieces = head.msg_iovlen, .size = size,
	});
}

static __always_inline int tell_dns_messages(struct probe_record *record, struct sock *sk, u64 at, s64 n)
{
	int told = 0;

	for (int i = 0; i < MESSAGES; i++) {
		u32 size = 0;

		if (i >= n)
			break;
		if (i > 0) {
			record_next(record);
			set_addresses(&record->body.socket, sk);	/* the one before named another end */
		}
		bpf_probe_read_user(&size, sizeof(size), (void *)(at + MSGHDR_BYTES));
		told |= tell_dns_message(record, at, size);
		at += MMSGHDR_BYTES;
	}
	return told;
}

/* Where a datagram goes that is no DNS, if that is asked for. */
static __always_inline void tell_send(struct probe_record *record)
{
	record->text_bytes[DNS_PAYLOAD] = 0;
	record->cut = 0;
	record->head.type = PROBE_SOCKET;
	record->body.socket.wire_bytes = 0;
	if (record->body.socket.socket_type == SOCK_DGRAM && record->body.socket.remote_port && wants(PROBE_WANT_SEND))
		record_output(record, 0, PROBE_CLASS_NETWORK);
}

/* A message that makes the connection it goes by (tcp(7)): of one that has been made the call fails. */
static __always_inline void tell_fast_open(const struct call *call, struct sock *sk, long ret)
{
	struct probe_record *record = call_record(call, PROBE_SOCKET, PROBE_CLASS_NETWORK);
	struct probe_socket *socket;

	if (!record)
		return;
	record->call = PROBE_CALL_connect;
	socket = &record->body.socket;
	set_addresses(socket, sk);
	socket->fd = (int)call_arg(call, 0);
	/* The bytes went with the question for it, which has no answer yet. */
	socket->result = ret < 0 || READ(sk, __sk_common.skc_state) == TCP_SYN_SENT ? -EINPROGRESS : 0;
	send_begun(record, 0, sk, PROBE_WANT_CONNECT);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_send, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct call call;
	struct sock *sk;
	bool_t begins;
	int told = 0;

	if (!call_get(&call, regs))
		return 0;
	begins = call_arg(&call, call.plan->value) & MSG_FASTOPEN && wants(PROBE_WANT_CONNECT | PROBE_WANT_DISCONNECT);
	if (!begins && (ret <= 0 || !wants(PROBE_WANT_SEND | PROBE_WANT_DNS)))
		return 0;
	sk = sock_of(call.task, (int)call_arg(&call, 0));
	if (!sk)
		return 0;
	if (begins && READ(sk, sk_type) == SOCK_STREAM)
		tell_fast_open(&call, sk, ret);
	if (ret <= 0 || !wants(PROBE_WANT_SEND | PROBE_WANT_DNS))
		return 0;
	if (READ(sk, __sk_common.skc_family) != AF_INET && READ(sk, __sk_common.skc_family) != AF_INET6)
		return 0;
	record = call_record(&call, PROBE_DNS, PROBE_CLASS_DNS);
	if (!record)
		return 0;
	record->body.socket.fd = (int)call_arg(&call, 0);
	record->body.socket.result = ret;
	if (!call.narrow || call.plan->number == PROBE_CALL_sendto)
		set_addresses(&record->body.socket, sk);
	if (call.plan->number == PROBE_CALL_sendto)
		told = tell_dns((struct scratch *)record, &(struct dns_message){
			.named = call_arg(&call, 4), .named_size = (u32)call_arg(&call, 5), .bytes = call_arg(&call, 1),
			.size = (u32)ret, .room = (u32)ret,
		});
	else if (call.narrow)
		told = 0;
	else if (call.plan->number == PROBE_CALL_sendmsg)
		told = tell_dns_message(record, call_arg(&call, 1), (u32)ret);
	else
		told = tell_dns_messages(record, sk, call_arg(&call, 1), ret);
	if (told)
		remember_asker(call.task, &record->body.socket);
	else
		tell_send(record);
	record_drop();
	return 0;
}

/* A look at what comes again by the next call; at what was sent from here; bytes of a stream that are thrown away. */
static __always_inline bool_t is_nothing_new(u64 flags, struct sock *sk)
{
	return flags & (MSG_PEEK | MSG_ERRQUEUE) || (flags & MSG_TRUNC && READ(sk, sk_type) == SOCK_STREAM);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_receive, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	u32 pid = (u32)(bpf_get_current_pid_tgid() >> 32);
	struct call call;
	struct sock *sk;

	if (ret <= 0 || !is_asker(pid) || !call_get(&call, regs))
		return 0;
	/* The length alone. */
	if (ret <= LENGTH_BYTES && call.plan->number != PROBE_CALL_recvmmsg)
		return 0;
	sk = sock_of(call.task, (int)call_arg(&call, 0));
	if (!sk || (call.plan->value >= 0 && is_nothing_new(call_arg(&call, call.plan->value), sk)))
		return 0;
	record = call_record(&call, PROBE_DNS, PROBE_CLASS_DNS);
	if (!record)
		return 0;
	record->body.socket.fd = (int)call_arg(&call, 0);
	record->body.socket.result = ret;
	set_addresses(&record->body.socket, sk);
	if (call.plan->number == PROBE_CALL_recvfrom)
		tell_dns((struct scratch *)record, &(struct dns_message){
			.named = call_arg(&call, 4), .named_size = 28, .bytes = call_arg(&call, 1), .size = (u32)ret,
			.room = call_arg(&call, 2) < (u64)ret ? (u32)call_arg(&call, 2) : (u32)ret,
		});
	else if (call.plan->number == PROBE_CALL_read)
		tell_dns_bytes(record, call_arg(&call, 1), (u32)ret);
	else if (call.narrow)
		;
	else if (call.plan->number == PROBE_CALL_readv)
		tell_dns_pieces(record, call_arg(&call, 1), call_arg(&call, 2), (u32)ret);
	else if (call.plan->number == PROBE_CALL_recvmsg)
		tell_dns_message(record, call_arg(&call, 1), (u32)ret);
	else
		tell_dns_messages(record, sk, call_arg(&call, 1), ret);
	record_drop();
	return 0;
}

/* write() to a socket that asks a name server. */
static __always_inline void tell_dns_written(const struct call *call, struct sock *sk, long ret)
{
	u32 pid = (u32)call->task->tgid;
	struct probe_record *record;

	if (!is_asker(pid))
		return;
	record = call_record(call, PROBE_DNS, PROBE_CLASS_DNS);
	if (!record)
		return;
	record->body.socket.fd = (int)call_arg(call, 0);
	record->body.socket.result = ret;
	set_addresses(&record->body.socket, sk);
	if (call->plan->number == PROBE_CALL_write)
		tell_dns_bytes(record, call_arg(call, 1), (u32)ret);
	else if (call->plan->number == PROBE_CALL_writev && !call->narrow)
		tell_dns_pieces(record, call_arg(call, 1), call_arg(call, 2), (u32)ret);
	record_drop();
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_write, struct pt_regs *regs, long ret)
{
	struct inode *inode;
	struct file *file;
	struct call call;
	u32 mode;

	if (ret <= 0 || !call_get(&call, regs))
		return 0;
	file = file_of(call.task, (int)call_arg(&call, call.plan->at));
	if (!file)
		return 0;
	inode = READ(file, f_inode);
	mode = READ(inode, i_mode) & S_IFMT;
	if (mode == S_IFREG && wants(PROBE_WANT_WRITE))
		count_written(call.task, file, inode, (u64)ret);
	else if (mode == S_IFSOCK && wants(PROBE_WANT_DNS)) {
		struct sock *sk = sock_of_file(file);

		if (sk)
			tell_dns_written(&call, sk, ret);
	}
	return 0;
}
