#pragma once
/* Frames on their way from the plugin of auditd to the recorder, until that says it has taken them: what one recorder did not take
 * the next one gets.  Bounded; what finds no room is counted, and a frame tells of it. */

#include "base/buffer.h"

/* What the plugin says first.  All of it in the host's byte order: both ends are one program on one host. */
struct pipe_greeting {
	char magic[8];
	uint64_t begin_ns;		/* since 1970: it has had all that auditd writes since then */
};
#define PIPE_MAGIC "RECPIPE1"

/* Then frames.  The answer to them is, now and then, how many of this connection have been taken: a uint64_t. */
struct pipe_frame {
	uint32_t type;			/* of the record; PIPE_LOST */
	uint32_t size;			/* of what follows: `audit(...` */
};
#define PIPE_TEXT_MAX 16384u
#define PIPE_LOST 0u
struct pipe_loss {
	uint64_t begin_ns, end_ns;	/* since 1970 */
	uint64_t count;			/* of records, and places of what auditd wrote that made no sense */
};

struct pipe_queue {
	struct buffer frames;		/* of them is... */
	size_t begin;			/* ...not taken yet what is from here on, and... */
	size_t unsent;			/* ...not sent... */
	size_t limit_bytes;
	uint64_t n_taken;		/* of this connection */
	struct pipe_loss loss;		/* not told yet */
	uint64_t n_lost;		/* all */
};

void pipe_queue_push(struct pipe_queue *queue, uint32_t type, struct span text, uint64_t now_ns);
void pipe_queue_lose(struct pipe_queue *queue, uint64_t count, uint64_t now_ns);
/* There is something to send; a loss is among it when half of the room is free. */
struct span pipe_queue_unsent(struct pipe_queue *queue);
void pipe_queue_sent(struct pipe_queue *queue, size_t size);
void pipe_queue_taken(struct pipe_queue *queue, uint64_t n_taken);	/* more than was sent whole is not believed */
void pipe_queue_begin(struct pipe_queue *queue);	/* a new connection: all that was not taken is sent */
void pipe_queue_release(struct pipe_queue *queue);
