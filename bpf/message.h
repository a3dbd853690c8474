/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/* What a call moved by a socket, and where that is in the memory of the program: a message, or by TCP bytes of the stream as
 * they are. */

#include "call.h"

#define MESSAGE_BYTES 4095u		/* of one, at most */
#define MESSAGE_PIECES 128		/* of one: less than the kernel takes (UIO_MAXIOV) */
#define NAMED_BYTES 28			/* struct sockaddr_in6 */
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define MSG_FASTOPEN 0x20000000

struct message {
	u64 named;			/* where the program says, or is told, the other end; 0: the socket knows it */
	u64 bytes, pieces;		/* it is at `bytes`, or in these iovecs */
	u64 n_pieces;
	u32 named_size, size;
	u32 room;			/* at `bytes`: less than the size if it was cut for the program too */
	u32 reserved;			/* see the end of kernel.h */
};

/* At struct msghdr of a 64-bit program. */
static __always_inline bool_t message_at(struct message *message, u64 at)
{
	struct user_msghdr head;

	if (bpf_probe_read_user(&head, sizeof(head), (void *)at))
		return 0;
	message->named = (u64)head.msg_name;
	message->named_size = (u32)head.msg_namelen;
	message->pieces = (u64)head.msg_iov;
	message->n_pieces = head.msg_iovlen;
	return 1;
}

/* By one call.  0: it moves several, or has them in pieces of a 32-bit program. */
static __always_inline bool_t message_of(struct message *message, const struct call *call, u32 size)
{
	u64 where = call_arg(call, 1), n = call_arg(call, 2);

	*message = (struct message){ .size = size };
	switch (call->plan->number) {
	case PROBE_CALL_sendto:
	case PROBE_CALL_recvfrom:
		message->named = call_arg(call, 4);
		message->named_size = call->plan->number == PROBE_CALL_sendto ? (u32)call_arg(call, 5) : NAMED_BYTES;
		message->bytes = where;
		message->room = n < size ? (u32)n : size;
		return 1;
	case PROBE_CALL_write:
	case PROBE_CALL_read:
		message->bytes = where;
		message->room = size;
		return 1;
	case PROBE_CALL_writev:
	case PROBE_CALL_readv:
		message->pieces = where;
		message->n_pieces = n;
		return !call->narrow;
	case PROBE_CALL_sendmsg:
	case PROBE_CALL_recvmsg:
		return !call->narrow && message_at(message, where);
	default:
		return 0;
	}
}

/* A look at what comes again by the next call; at what was sent from here; bytes of a stream that are thrown away. */
static __always_inline bool_t is_nothing_new(const struct call *call, struct sock *sk)
{
	u64 flags = call->plan->act == PROBE_ACT_RECEIVE ? call_arg(call, call->plan->value) : 0;

	return flags & (MSG_PEEK | MSG_ERRQUEUE) || (flags & MSG_TRUNC && READ(sk, sk_type) == SOCK_STREAM);
}

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
	if (take > MESSAGE_BYTES || bpf_probe_read_user(text_at(pieces->record, off), (u32)take, piece.iov_base))
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

/* The first text of the record, at most `max` bytes of it. */
static __always_inline u32 put_message(struct probe_record *record, const struct message *message, u32 max)
{
	u32 off, size = message->size > max ? max : message->size;

	if (message->bytes)
		off = put_block(record, 0, 0, message->bytes, message->room, max);
	else
		off = text_end(record, 0, 0, put_pieces((struct scratch *)record, message->pieces, message->n_pieces, size));
	if (off < message->size)
		record->cut |= 1;
	return off;
}
