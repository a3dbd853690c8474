/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that move data by sockets.  DNS: what goes to or comes from port 53 by the calls of calls.def; and of what else is sent
 * where it goes. */

#include "message.h"

#define MESSAGES 4			/* of one sendmmsg or recvmmsg */
#define LENGTH_BYTES 2			/* in front of a message by TCP (RFC 1035, 4.2.2) */

/* What one call moved: a message, or by TCP the bytes of the stream as they are.  The record has the addresses of the socket.
 * 1: it was that.  A function of its own to the verifier. */
__noinline int tell_dns(struct scratch *scratch, const struct message *message)
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
	off = put_message(record, message, MESSAGE_BYTES);
	if (off)
		record_output(record, off, PROBE_CLASS_DNS);
	return 1;
}

#define MSGHDR_BYTES 56			/* of a 64-bit program; then the length of the message */
#define MMSGHDR_BYTES 64

/* Where a datagram goes that is no DNS, if that is asked for. */
static __always_inline void tell_send(struct probe_record *record)
{
	record->text_bytes[DNS_PAYLOAD] = 0;
	record->cut = 0;
	record->head.type = PROBE_SOCKET;
	record->body.socket.wire_bytes = 0;
	if (record->body.socket.socket_type == SOCK_DGRAM && record->body.socket.remote_port && wants(PROBE_WANT_SEND))
		record_output(record, 0, PROBE_CLASS_NETWORK);
	record->head.type = PROBE_DNS;
}

/* Each by itself: what is sent may go to as many ends. */
static __always_inline int tell_messages(struct probe_record *record, struct sock *sk, u64 at, s64 n, bool_t are_sent)
{
	int told = 0;

	for (int i = 0; i < MESSAGES; i++) {
		struct message message = { 0 };

		if (i >= n)
			break;
		if (i > 0) {
			record_next(record);
			set_addresses(&record->body.socket, sk);	/* the one before named another end */
		}
		bpf_probe_read_user(&message.size, sizeof(message.size), (void *)(at + MSGHDR_BYTES));
		if (message_at(&message, at) && tell_dns((struct scratch *)record, &message))
			told = 1;
		else if (are_sent)
			tell_send(record);
		at += MMSGHDR_BYTES;
	}
	return told;
}

/* The other end as struct msghdr of a 32-bit program has it. */
static __always_inline void set_named_narrow(struct probe_socket *socket, u64 at)
{
	u32 name[2] = { 0 };		/* address, bytes */

	if (!bpf_probe_read_user(name, sizeof(name), (void *)at) && name[0])
		set_named(socket, name[0], name[1]);
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
	struct message message;
	struct call call;
	struct sock *sk;
	bool_t begins, told = 0;

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
	set_addresses(&record->body.socket, sk);
	if (call.plan->number == PROBE_CALL_sendmmsg) {
		told = !call.narrow && tell_messages(record, sk, call_arg(&call, 1), ret, 1);
	} else {
		told = message_of(&message, &call, (u32)ret) && tell_dns((struct scratch *)record, &message);
		if (call.narrow && call.plan->number == PROBE_CALL_sendmsg)
			set_named_narrow(&record->body.socket, call_arg(&call, 1));
		if (!told)
			tell_send(record);
	}
	if (told && wants(PROBE_WANT_DNS))
		asker_add((u32)call.task->tgid);
	record_drop();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_receive, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	u32 pid = (u32)(bpf_get_current_pid_tgid() >> 32);
	struct message message;
	struct call call;
	struct sock *sk;

	if (ret <= 0 || !is_asker(pid) || !call_get(&call, regs))
		return 0;
	/* The length alone. */
	if (ret <= LENGTH_BYTES && call.plan->number != PROBE_CALL_recvmmsg)
		return 0;
	sk = sock_of(call.task, (int)call_arg(&call, 0));
	if (!sk || is_nothing_new(&call, sk))
		return 0;
	record = call_record(&call, PROBE_DNS, PROBE_CLASS_DNS);
	if (!record)
		return 0;
	record->body.socket.fd = (int)call_arg(&call, 0);
	record->body.socket.result = ret;
	set_addresses(&record->body.socket, sk);
	if (call.plan->number != PROBE_CALL_recvmmsg) {
		if (message_of(&message, &call, (u32)ret))
			tell_dns((struct scratch *)record, &message);
	} else if (!call.narrow) {
		tell_messages(record, sk, call_arg(&call, 1), ret, 0);
	}
	record_drop();
	return 0;
}

/* write() to a socket that asks a name server. */
static __always_inline void tell_dns_written(const struct call *call, struct sock *sk, long ret)
{
	u32 pid = (u32)call->task->tgid;
	struct probe_record *record;
	struct message message;

	if (!is_asker(pid) || !message_of(&message, call, (u32)ret))
		return;
	record = call_record(call, PROBE_DNS, PROBE_CLASS_DNS);
	if (!record)
		return;
	record->body.socket.fd = (int)call_arg(call, 0);
	record->body.socket.result = ret;
	set_addresses(&record->body.socket, sk);
	tell_dns((struct scratch *)record, &message);
	record_drop();
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_write, struct pt_regs *regs, long ret)
{
	struct inode *inode;
	struct file *file;
	struct call call;
	u32 mode;
	int fd;

	if (ret <= 0 || !call_get(&call, regs))
		return 0;
	fd = (int)call_arg(&call, call.plan->at);
	file = file_of(call.task, fd);
	if (!file)
		return 0;
	inode = READ(file, f_inode);
	mode = READ(inode, i_mode) & S_IFMT;
	if (mode == S_IFREG && wants(PROBE_WANT_WRITE))
		count_written(call.task, file, fd, inode, (u64)ret);
	else if (mode == S_IFSOCK && wants(PROBE_WANT_DNS)) {
		struct sock *sk = sock_of_file(file);

		if (sk)
			tell_dns_written(&call, sk, ret);
	}
	return 0;
}
