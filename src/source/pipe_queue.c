/* See pipe_queue.h. */

#include "source/pipe_queue.h"

#include "base/macro.h"

#define KEPT_BYTES ((size_t)1 << 20)	/* of memory, when there is nothing in it */

static size_t held(const struct pipe_queue *q)
{
	return q->frames.size - q->begin;
}

/* What has been taken makes room, when that is cheap. */
static void tidy(struct pipe_queue *q)
{
	if (q->begin == 0 || q->begin < held(q))
		return;
	memmove(q->frames.data, q->frames.data + q->begin, held(q));
	q->frames.size -= q->begin;
	q->unsent -= q->begin;
	q->begin = 0;
	if (q->frames.size == 0 && q->frames.capacity > KEPT_BYTES)
		buffer_release(&q->frames);
}

static bool put(struct pipe_queue *q, uint32_t type, struct span text)
{
	const struct pipe_frame frame = { type, (uint32_t)text.size };
	size_t before = q->frames.size;

	if (held(q) + sizeof(frame) + text.size > q->limit_bytes)
		return false;
	buffer_append(&q->frames, &frame, sizeof(frame));
	buffer_append_span(&q->frames, text);
	if (buffer_error(&q->frames) >= 0)
		return true;
	q->frames.size = before;
	q->frames.failed = false;
	return false;
}

/* Only if there is room for more: one loss is told once, not for each record that finds none. */
static bool tell_loss(struct pipe_queue *q, size_t room)
{
	if (q->loss.count == 0)
		return true;
	if (held(q) + sizeof(struct pipe_frame) + sizeof(q->loss) + room > q->limit_bytes ||
	    !put(q, PIPE_LOST, (struct span){ (const char *)&q->loss, sizeof(q->loss) }))
		return false;
	q->loss = (struct pipe_loss){ 0 };
	return true;
}

void pipe_queue_lose(struct pipe_queue *q, uint64_t count, uint64_t now_ns)
{
	if (count == 0)
		return;
	if (q->loss.count == 0)
		q->loss.begin_ns = now_ns;
	q->loss.end_ns = MAX(now_ns, q->loss.begin_ns);
	q->loss.count += count;
	q->n_lost += count;
}

void pipe_queue_push(struct pipe_queue *q, uint32_t type, struct span text, uint64_t now_ns)
{
	if (text.size > PIPE_TEXT_MAX || !tell_loss(q, sizeof(struct pipe_frame) + text.size) || !put(q, type, text))
		pipe_queue_lose(q, 1, now_ns);
}

struct span pipe_queue_unsent(struct pipe_queue *q)
{
	tell_loss(q, q->limit_bytes / 2);
	return q->frames.size == q->unsent ? (struct span){ NULL, 0 } :
					     (struct span){ q->frames.data + q->unsent, q->frames.size - q->unsent };
}

void pipe_queue_sent(struct pipe_queue *q, size_t size)
{
	q->unsent += size;
}

void pipe_queue_taken(struct pipe_queue *q, uint64_t n_taken)
{
	struct pipe_frame frame;

	while (q->n_taken < n_taken && q->unsent - q->begin >= sizeof(frame)) {
		memcpy(&frame, q->frames.data + q->begin, sizeof(frame));
		if (q->unsent - q->begin < sizeof(frame) + frame.size)
			break;
		q->begin += sizeof(frame) + frame.size;
		q->n_taken++;
	}
	tidy(q);
}

void pipe_queue_begin(struct pipe_queue *q)
{
	q->unsent = q->begin;
	q->n_taken = 0;
}

void pipe_queue_release(struct pipe_queue *q)
{
	buffer_release(&q->frames);
}
