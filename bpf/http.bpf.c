/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP/1 as plain text: what a call moves by TCP and begins with a method or a version is handed over up to the empty line that
 * ends the headers.  What a call begins in the middle of is not looked at; nor is what io_uring moves. */

#include "message.h"

#define HTTP_LEAST 12			/* "HTTP/1.1 200" */
#define HEAD_STEP 16u			/* bytes looked at in one go, as PATH_STEPS */

/* On arm64 a program that has functions may hand over to another since 6.0 (d4609a5d8c70); act_look has none.  Before, a call
 * that moves HTTP is looked at for nothing else. */
#if defined(__TARGET_ARCH_x86)
#define CAN_GO_ON 1
#else
enum bpf_func_id___6_0 { BPF_FUNC_tcp_raw_check_syncookie_ipv6___6_0 = 207 };
#define CAN_GO_ON bpf_core_enum_value_exists(enum bpf_func_id___6_0, BPF_FUNC_tcp_raw_check_syncookie_ipv6___6_0)
#endif

/* Whether a text may begin with these bytes, of which the first n are known; the machines are little-endian. */
#define BEGINS(word, known, text)                                                                       \
	({                                                                                              \
		u64 text_ = 0;                                                                          \
		__builtin_memcpy(&text_, text, sizeof(text) - 1);                                       \
		(((word) ^ text_) & (known) & ~0ull >> (64 - 8 * (sizeof(text) - 1))) == 0;             \
	})

static __always_inline bool_t may_be_http(u64 word, u32 n)
{
	u64 known = n < 8 ? (1ull << 8 * n) - 1 : ~0ull;

	return BEGINS(word, known, "HTTP/1.") || BEGINS(word, known, "GET ") || BEGINS(word, known, "POST ") ||
	       BEGINS(word, known, "HEAD ") || BEGINS(word, known, "PUT ") || BEGINS(word, known, "DELETE ") ||
	       BEGINS(word, known, "OPTIONS ") || BEGINS(word, known, "PATCH ") || BEGINS(word, known, "CONNECT ") ||
	       BEGINS(word, known, "TRACE ");
}

/* As far as its first piece tells. */
static __always_inline bool_t begins_like_http(const struct message *message)
{
	u64 at = message->bytes, n = message->size, word = 0;
	struct iovec piece;

	if (!at) {
		if (message->n_pieces == 0 || bpf_probe_read_user(&piece, sizeof(piece), (void *)message->pieces))
			return 0;
		at = (u64)piece.iov_base;
		n = piece.iov_len < n ? piece.iov_len : n;
	}
	if (n > 8)
		n = 8;
	barrier_var(n);
	if (n > 8 || bpf_probe_read_user(&word, (u32)n, (void *)at))
		return 0;
	return may_be_http(word, (u32)n);
}

/* A socket of TCP, and what came by it is new.  NULL: something else. */
static __always_inline struct sock *http_sock(const struct call *call)
{
	struct sock *sk = sock_of(call->task, (int)call_arg(call, 0));
	u16 family;

	if (!sk)
		return NULL;
	family = READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || READ(sk, sk_type) != SOCK_STREAM ||
	    (u8)READ(sk, sk_protocol) != IPPROTO_TCP || is_nothing_new(call, sk))
		return NULL;
	return sk;
}

/* On the way of a call that moves data by a socket to its own act. */
SEC("tp_btf/sys_exit")
int BPF_PROG(act_look, struct pt_regs *regs, long ret)
{
	struct probe_control *c = control_get();
	struct message message;
	struct call call;

	if (!c || !call_get(&call, regs))
		return 0;
	if (ret >= HTTP_LEAST && http_sock(&call) && message_of(&message, &call, (u32)ret) && begins_like_http(&message))
		bpf_tail_call(ctx, &acts, PROBE_ACT_HTTP);
	if (!is_usual(&call, c, call.plan->act, ret))
		bpf_tail_call(ctx, &acts, call.plan->act);
	return 0;
}

struct head {
	struct probe_record *record;
	u64 is_begun, has_cr;		/* all bits: the line has nothing so far; it has a CR alone */
	u32 size;
	u32 end;			/* of the headers; 0: not so far */
};

/* All bits, or none.  The compiler makes branches of comparisons that it knows to be of bytes. */
static __always_inline u64 mask_of_byte(u64 byte, u64 which)
{
	return 0 - (((byte ^ which) - 1) >> 63);
}

/* 1: it ends here, or at the end of the bytes.  Comparisons are arithmetic, as in written.bpf.c. */
static __always_inline long head_step(u32 i, struct head *head)
{
	for (u32 k = 0; k < HEAD_STEP; k++) {
		u32 at = i * HEAD_STEP + k;
		u64 c, is_end;

		if (at >= head->size)
			return 1;
		c = (u8)*text_at(head->record, at);
		barrier_var(c);
		is_end = mask_of_byte(c, '\n');
		if (is_end & (head->is_begun | head->has_cr)) {
			head->end = at + 1;
			return 1;
		}
		head->has_cr = mask_of_byte(c, '\r') & head->is_begun;
		head->is_begun = is_end;
	}
	return 0;
}

/* Where the headers end among the first `size` bytes; 0: further on.  A function of its own to the verifier. */
__noinline u32 end_of_head(struct scratch *scratch, u32 size)
{
	struct head head = { .record = (struct probe_record *)scratch, .size = size };

	if (!scratch)
		return 0;
	LOOP(PROBE_HTTP_BYTES / HEAD_STEP, head_step, &head);
	return head.end;
}

static __always_inline void tell_http(const struct call *call, long ret)
{
	struct probe_record *record;
	struct probe_socket *socket;
	struct sock *sk = http_sock(call);
	struct message message;
	struct file *file;
	u32 off, end;

	if (!sk || !message_of(&message, call, (u32)ret))
		return;
	record = call_record(call, PROBE_HTTP, PROBE_CLASS_HTTP);
	if (!record)
		return;
	socket = &record->body.socket;
	set_addresses(socket, sk);
	socket->fd = (int)call_arg(call, 0);
	socket->result = ret;
	file = file_of(call->task, socket->fd);
	socket->inode = file ? READ(file, f_inode, i_ino) : 0;
	off = put_message(record, &message, PROBE_HTTP_BYTES);
	if (off >= HTTP_LEAST && may_be_http(*(u64 *)record->text, 8)) {
		end = end_of_head((struct scratch *)record, off);
		if (end) {
			off = text_end(record, HTTP_HEAD, 0, end);
			record->cut = 0;
		}
		record_output(record, off, PROBE_CLASS_HTTP);
	}
	record_drop();
}

SEC("tp_btf/sys_exit")
int BPF_PROG(act_http, struct pt_regs *regs, long ret)
{
	struct probe_control *c = control_get();
	struct call call;

	if (!c || !call_get(&call, regs))
		return 0;
	tell_http(&call, ret);
	if (CAN_GO_ON && !is_usual(&call, c, call.plan->act, ret))
		bpf_tail_call(ctx, &acts, call.plan->act);
	return 0;
}
