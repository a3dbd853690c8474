/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on sockets: both addresses as the kernel has them when the call returns; where it does not keep the other one (a
 * connect that failed) the one that the program named. */

#include "call.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define TCP_CLOSE 7
#define TCP_SYN_SENT 2
#define TCP_LISTEN 10
#define IPPROTO_TCP 6
#define DNS_PORT 53
#define SUN_PATH_BYTES 108u
#define SOCK_DONE_BIT (1u << 1)		/* enum sock_flags, include/net/sock.h */

struct owner {
	u64 start_ns;
	u32 pid, ppid;
};

/* Connections whose end is to be told, and whose they are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);		/* address of the socket */
	__type(value, struct owner);
} connections SEC(".maps");

struct user_address {			/* sockaddr_in and sockaddr_in6 */
	u16 family;
	u8 port[2];
	u8 ip[4];
	u8 ip6[16];
};

#define NAMED_MIN sizeof(struct user_address)	/* the scope behind it may be missing (SIN6_LEN_RFC2133) */

static __always_inline struct sock *sock_of_file(struct file *file)
{
	struct socket *socket = READ(file, private_data);

	return socket ? READ(socket, sk) : NULL;
}

static __always_inline struct sock *sock_of(struct task_struct *task, s64 fd)
{
	struct file *file = file_of(task, fd);

	if (!file || (file_mode(file) & S_IFMT) != S_IFSOCK)
		return NULL;
	return sock_of_file(file);
}

static __always_inline u16 swap16(u16 value)
{
	return (u16)(value << 8 | value >> 8);
}

/* What inet_sock_set_state tells of. */
static __always_inline bool_t is_tcp(const struct probe_socket *socket)
{
	return socket->protocol == IPPROTO_TCP && socket->socket_type == SOCK_STREAM &&
	       (socket->family == AF_INET || socket->family == AF_INET6);
}

static __always_inline u16 copy_of_local_port(struct sock *sk)
{
	return swap16(READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline void set_addresses(struct probe_socket *to, struct sock *sk)
{
	u32 ip;

	to->family = READ(sk, __sk_common.skc_family);
	to->socket_type = (u8)READ(sk, sk_type);
	to->protocol = (u8)READ(sk, sk_protocol);
	if (to->family == AF_INET) {
		ip = READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(to->local, &ip, 4);
		ip = READ(sk, __sk_common.skc_daddr);
		__builtin_memcpy(to->remote, &ip, 4);
	} else if (to->family == AF_INET6) {
		bpf_probe_read_kernel(to->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(to->remote, 16, &sk->__sk_common.skc_v6_daddr);
	} else {
		return;
	}
	to->local_port = READ(sk, __sk_common.skc_num);
	to->remote_port = swap16(READ(sk, __sk_common.skc_dport));
	to->remote_family = to->remote_port ? to->family : 0;
}

static __always_inline void set_accepted(struct probe_socket *to, struct sock *sk)
{
	set_addresses(to, sk);
	if (to->local_port == 0 && is_tcp(to))
		to->local_port = copy_of_local_port(sk);	/* it is over already, see set_ended() */
}

/* The other end as the program names it. */
static __always_inline void set_named(struct probe_socket *to, u64 at, u32 size)
{
	struct user_address named = { 0 };

	if (!at || size < 2)
		return;
	if (size >= NAMED_MIN) {
		if (bpf_probe_read_user(&named, NAMED_MIN, (void *)at))
			return;
	} else if (size >= 8) {
		if (bpf_probe_read_user(&named, 8, (void *)at))
			return;
	} else if (bpf_probe_read_user(&named, 2, (void *)at)) {
		return;
	}
	to->remote_family = named.family;
	if (named.family != AF_INET && named.family != AF_INET6)
		return;
	to->remote_port = (u16)(named.port[0] << 8 | named.port[1]);
	__builtin_memset(to->remote, 0, sizeof(to->remote));
	if (named.family == AF_INET)
		__builtin_memcpy(to->remote, named.ip, 4);
	else
		__builtin_memcpy(to->remote, named.ip6, 16);
}

/* The path of a unix socket as the program names it, and the folder where it begins if it is relative. */
static __always_inline u32 put_named_path(struct probe_record *record, u32 off, struct task_struct *task, u64 at, u32 size)
{
	u32 begin = off;
	char first = 0;

	if (size <= 2)
		return off;
	bpf_probe_read_user(&first, 1, (void *)(at + 2));
	if (first == 0)
		return put_block(record, SOCKET_PATH, off, at + 2, size - 2, SUN_PATH_BYTES);
	off = put_string(record, SOCKET_PATH, off, (void *)(at + 2), 1, SUN_PATH_BYTES + 1);
	if (record->text_bytes[SOCKET_PATH] > size - 2)	/* need not end in a NUL (unix(7)) */
		off = text_end(record, SOCKET_PATH, begin, begin + size - 2);
	if (first != '/')
		off = put_path(record, SOCKET_CWD, off, READ(task, fs, pwd.mnt), READ(task, fs, pwd.dentry));
	return off;
}

/* The address that a unix socket is bound to. */
static __always_inline u32 put_bound_path(struct probe_record *record, u32 off, struct sock *sk)
{
	struct unix_address *address = READ((struct unix_sock *)sk, addr);
	u64 size;

	if (!address || off >= TEXT_BYTES)
		return off;
	size = (u32)READ(address, len) - 2;
	barrier_var(size);
	if (size - 1 >= SUN_PATH_BYTES)
		return off;
	barrier_var(size);
	size &= 127;
	if (bpf_probe_read_kernel(text_at(record, off), (u32)size, (char *)address + bpf_core_field_offset(struct unix_address, name) + 2))
		return off;
	return text_end(record, SOCKET_PATH, off, off + (u32)size);
}

static __always_inline void remember_asker(struct task_struct *task, const struct probe_socket *socket)
{
	if (socket->remote_port == DNS_PORT && wants(PROBE_WANT_DNS))
		asker_add((u32)task->tgid);
}

/* It goes on without the program: also what a signal has it wait for no more (inet_wait_for_connect). */
static __always_inline bool_t goes_on(const struct probe_socket *socket)
{
	return socket->result == -EINPROGRESS || (socket->result == -EINTR && is_tcp(socket));
}

/* 1: it is over already, and on_state did not know whose it was: the caller has its end to tell.  Remembered before looked
 * at, so that one of the two tells. */
static __always_inline bool_t remember_connection(const struct probe_record *record, struct sock *sk)
{
	struct owner owner = { record->head.start_ns, record->head.pid, record->head.ppid };
	u64 key = (u64)sk;

	if (!is_tcp(&record->body.socket) || (record->body.socket.result < 0 && !goes_on(&record->body.socket)) ||
	    !wants(PROBE_WANT_DISCONNECT | PROBE_WANT_CONNECT))
		return 0;
	if (bpf_map_update_elem(&connections, &key, &owner, BPF_ANY)) {
		count(PROBE_CLASS_NETWORK, 1);	/* there are too many: its end will not be told */
		return 0;
	}
	return READ(sk, __sk_common.skc_state) == TCP_CLOSE && bpf_map_delete_elem(&connections, &key) == 0;
}

/* What a connection that ends has moved. */
static __always_inline void set_ended(struct probe_record *record, struct sock *sk)
{
	struct probe_socket *to = &record->body.socket;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	/* The port is given back by now (inet_put_port), its copy is not. */
	to->local_port = copy_of_local_port(sk);
	to->fd = -1;
	/* MPTCP (262, which is 6 in a byte) keeps its own accounts. */
	if (READ(sk, sk_protocol) != IPPROTO_TCP) {
		record->head.flags |= PROBE_UNCOUNTED;
		return;
	}
	to->bytes_in = READ(tcp, bytes_received);
	/* A FIN that came counts as a byte, and leaves this flag (net/ipv4/tcp_input.c, tcp_fin). */
	if (to->bytes_in > 0 && READ(sk, __sk_common.skc_flags) & SOCK_DONE_BIT)
		to->bytes_in--;
	to->bytes_out = READ(tcp, bytes_sent) - READ(tcp, bytes_retrans);
}

/* After the record of how it began. */
static __always_inline void tell_end(struct probe_record *record, struct sock *sk)
{
	if (!wants(PROBE_WANT_DISCONNECT))
		return;
	record_next(record);
	record->call = PROBE_CALL_NONE;
	record->body.socket.result = 0;
	set_ended(record, sk);
	record_output(record, 0, PROBE_CLASS_NETWORK);
}

/* A connection has begun, or was to begin. */
static __always_inline void send_begun(struct probe_record *record, u32 off, struct sock *sk, u32 want)
{
	bool_t is_over = remember_connection(record, sk);

	if (wants(want))
		record_output(record, off, PROBE_CLASS_NETWORK);
	if (is_over)
		tell_end(record, sk);
	record_drop();
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_connect, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct probe_socket *socket;
	struct call call;
	struct sock *sk;
	u64 address;
	u32 off = 0, size;

	if (!call_get(&call, regs))
		return 0;
	sk = sock_of(call.task, (int)call_arg(&call, 0));
	if (!sk)
		return 0;
	record = call_record(&call, PROBE_SOCKET, PROBE_CLASS_NETWORK);
	if (!record)
		return 0;
	address = call_arg(&call, 1);
	size = (u32)call_arg(&call, 2);
	socket = &record->body.socket;
	socket->fd = (int)call_arg(&call, 0);
	socket->result = ret == -ERESTARTSYS ? -EINTR : ret;
	set_addresses(socket, sk);
	/* What the program names may be another by now, or be replaced by the kernel (0.0.0.0, cgroup/connect4). */
	if (!socket->remote_port || (ret < 0 && !goes_on(socket)))
		set_named(socket, address, size);
	/* It lets go of the connection (connect(2)): on_state tells of the end. */
	if (ret == 0 && socket->remote_family == AF_UNSPEC && is_tcp(socket)) {
		record_drop();
		return 0;
	}
	if (socket->family == AF_UNIX)
		off = put_named_path(record, off, call.task, address, size);
	remember_asker(call.task, socket);
	/* One that does not wait may have been refused by now. */
	if (goes_on(socket) && READ(sk, __sk_common.skc_state) == TCP_CLOSE && READ(sk, sk_err) > 0)
		socket->result = -READ(sk, sk_err);
	send_begun(record, off, sk, PROBE_WANT_CONNECT);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_accept, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct call call;
	struct sock *sk;
	u32 off = 0;

	if (!call_get(&call, regs))
		return 0;
	sk = sock_of(call.task, ret);
	if (!sk)
		return 0;
	record = call_record(&call, PROBE_SOCKET, PROBE_CLASS_NETWORK);
	if (!record)
		return 0;
	set_accepted(&record->body.socket, sk);
	record->body.socket.fd = (int)ret;
	record->body.socket.result = ret;
	if (record->body.socket.family == AF_UNIX) {
		struct sock *peer = READ((struct unix_sock *)sk, peer);

		if (peer)
			off = put_bound_path(record, off, peer);
	}
	send_begun(record, off, sk, PROBE_WANT_ACCEPT);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_socket, struct pt_regs *regs, long ret)
{
	struct probe_record *record;
	struct call call;
	struct sock *sk;
	u32 off = 0;

	if (!call_get(&call, regs))
		return 0;
	sk = sock_of(call.task, (int)call_arg(&call, 0));
	if (!sk)
		return 0;
	record = call_record(&call, PROBE_SOCKET, PROBE_CLASS_NETWORK);
	if (!record)
		return 0;
	set_addresses(&record->body.socket, sk);
	record->body.socket.fd = (int)call_arg(&call, 0);
	record->body.socket.result = ret;
	if (record->body.socket.family == AF_UNIX) {
		if (call.plan->name >= 0)
			off = put_named_path(record, off, call.task, call_arg(&call, 1), (u32)call_arg(&call, 2));
		else
			off = put_bound_path(record, off, sk);
	}
	record_send(record, off, PROBE_CLASS_NETWORK);
	return 0;
}

/* A connection ends, or did not come about, often when nobody of the process is on the processor. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old_state, int new_state)
{
	bool_t is_refused = old_state == TCP_SYN_SENT;
	struct probe_record *record;
	struct owner *found, owner;
	u64 key = (u64)sk;

	if (new_state != TCP_CLOSE || old_state == TCP_LISTEN)
		return 0;
	found = bpf_map_lookup_elem(&connections, &key);
	if (!found)
		return 0;
	owner = *found;
	if (bpf_map_delete_elem(&connections, &key))
		return 0;
	/* Given up by the program before there was an answer: it neither came about nor failed. */
	if (is_refused && sk->sk_err == 0)
		return 0;
	if (!wants(is_refused ? PROBE_WANT_CONNECT : PROBE_WANT_DISCONNECT))
		return 0;
	record = record_begin_of(PROBE_SOCKET, PROBE_CLASS_NETWORK, owner.pid, owner.ppid, owner.start_ns);
	if (!record)
		return 0;
	record->call = is_refused ? PROBE_CALL_connect : PROBE_CALL_NONE;
	record->body.socket.result = is_refused ? -sk->sk_err : 0;
	set_addresses(&record->body.socket, sk);
	set_ended(record, sk);
	record_send(record, 0, PROBE_CLASS_NETWORK);
	return 0;
}
