/* See audit_stream.h.  What the text means is decode's business; the serial is read here only because a gap must be found even if the
 * records are dropped later. */

#include "source/audit_stream.h"

#include "source/backend.h"

#define HEAD_BYTES sizeof(((struct audit_stream *)NULL)->head)

/* audit(1170021493.977:293 */
static bool read_head(struct span text, uint64_t *ret_time_ns, uint32_t *ret_serial, size_t *ret_size)
{
	uint64_t numbers[3] = { 0 };
	size_t i = 6, n = 0;

	for (; i < text.size && i < HEAD_BYTES; i++) {
		char c = text.data[i];

		if (c >= '0' && c <= '9') {
			if (numbers[n] > UINT64_MAX / 100)
				return false;
			numbers[n] = numbers[n] * 10 + (uint64_t)(c - '0');
		} else if (n < 2 && c == ".:"[n]) {
			n++;
		} else {
			break;
		}
	}
	if (n != 2 || numbers[0] > UINT32_MAX || numbers[1] > 999 || numbers[2] > UINT32_MAX)
		return false;
	*ret_time_ns = numbers[0] * NS_PER_SEC + numbers[1] * NS_PER_MS;
	*ret_serial = (uint32_t)numbers[2];
	*ret_size = i;
	return true;
}

bool audit_stream_time(struct span text, uint64_t *ret_ns)
{
	uint32_t serial;
	size_t size;

	return read_head(text, ret_ns, &serial, &size);
}

struct target {
	struct audit_stream *stream;
	struct source_stats *stats;
	uint64_t received_ns;
	record_fn emit;
	void *user;
};

static int emit_gap(void *user, const struct gap *gap)
{
	struct target *target = user;

	if (gap->count_known)
		stat_add(&target->stats->serial_gaps, gap->count);
	return audit_stream_gap(target->stream, gap, target->received_ns, target->emit, target->user);
}

int audit_stream_push(struct audit_stream *stream, struct source_stats *stats, struct span text, uint64_t received_ns, record_fn emit,
		      void *user)
{
	struct target target = { stream, stats, received_ns, emit, user };
	uint64_t time_ns;
	uint32_t serial;
	size_t size;

	/* The records of one event come one after the other. */
	if (stream->head_size && text.size > stream->head_size && text.data[stream->head_size] == ')' &&
	    memcmp(text.data, stream->head, stream->head_size) == 0)
		return 0;
	if (!read_head(text, &time_ns, &serial, &size))
		return 0;
	memcpy(stream->head, text.data, size);
	stream->head_size = size;
	stream->last_ns = MAX(stream->last_ns, time_ns);
	return serial_push(&stream->serials, serial, time_ns, emit_gap, &target);
}

int audit_stream_tick(struct audit_stream *stream, struct source_stats *stats, uint64_t received_ns, record_fn emit, void *user)
{
	struct target target = { stream, stats, received_ns, emit, user };

	return serial_tick(&stream->serials, received_ns, emit_gap, &target);
}

void audit_stream_take_over(struct audit_stream *next, const struct audit_stream *stream)
{
	next->serials = stream->serials;
	next->n_gaps = stream->n_gaps;
	next->last_ns = MAX(next->last_ns, stream->last_ns);
}

int audit_stream_gap(struct audit_stream *stream, const struct gap *gap, uint64_t received_ns, record_fn emit, void *user)
{
	return gap_emit(gap, received_ns, ++stream->n_gaps, emit, user);
}
