/* See collate.h. Windows are as long as one another, so a ring of them is in the order of their ends; a table by hash finds them. What
 * an event says is compared by a hash of 128 bits with a secret key: none that is not alike has the same. */

#include "pipeline/collate.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/sip.h"

#define N_BUCKETS COLLATE_MAX
#define N_PROCESSES 4096u		/* buckets of them */
#define PASS	  2u			/* so many are events by themselves: few of a kind are told as they come */
#define HARDER_PASS 1u
#define HARDER	  8u			/* times the window */

struct window {
	uint64_t hash[2];
	uint64_t begin_ns, end_ns;
	uint32_t next;			/* of its bucket: place in the ring + 1; 0: none */
	uint32_t next_kept, previous_kept;	/* likewise, of the bucket of its process */
	uint32_t passed;
	uint32_t count;			/* events that `kept` stands for */
	struct event *kept;		/* NULL: none waits */
};

struct collate {
	struct sip_key key;
	uint64_t window_ns;
	bool harder;
	struct window *ring;
	uint32_t *buckets;
	uint32_t kept_of[N_PROCESSES];	/* windows that keep something, by the process */
	uint32_t first, n;		/* of the ring */
	uint32_t n_kept;
	size_t bytes, max_bytes;	/* of what is kept */
	struct buffer content;
};

int collate_new(struct collate **ret, size_t max_bytes)
{
	struct collate *collate = calloc(1, sizeof(*collate));
	int r = -ENOMEM;

	if (collate) {
		collate->max_bytes = max_bytes;
		collate->ring = calloc(COLLATE_MAX, sizeof(*collate->ring));
		collate->buckets = calloc(N_BUCKETS, sizeof(*collate->buckets));
		if (collate->ring && collate->buckets)
			r = sip_key_new(&collate->key);
	}
	if (r < 0) {
		collate_free(collate);
		return r;
	}
	*ret = collate;
	return 0;
}

struct collate *collate_free(struct collate *collate)
{
	if (!collate)
		return NULL;
	for (uint32_t i = 0; collate->ring && i < collate->n; i++)
		event_free(collate->ring[(collate->first + i) % COLLATE_MAX].kept);
	free(collate->ring);
	free(collate->buckets);
	buffer_release(&collate->content);
	free(collate);
	return NULL;
}

void collate_set_window(struct collate *collate, uint64_t window_ns)
{
	collate->window_ns = window_ns;
}

size_t collate_bytes(const struct collate *collate)
{
	return collate->bytes;
}

void collate_set_harder(struct collate *collate, bool harder)
{
	collate->harder = harder;
}

/* Of writes, which come with a count of their own, see set_writes(). */
static const struct collated {
	enum kind_id kind;
	enum field count, first, last;
} collated[] = {
	{ KIND_ID(file, read), FIELD_read_count, FIELD_read_first, FIELD_read_last },
	{ KIND_ID(file, write), FIELD_write_count, FIELD_write_first, FIELD_write_last },
	{ KIND_ID(process, ptrace), FIELD_access_count, FIELD_access_first, FIELD_access_last },
};

static const struct collated *collated_of(const struct event *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(collated); i++)
		if (collated[i].kind == event->kind)
			return &collated[i];
	return NULL;
}

/* What it stands for is counted apart. */
static bool is_compared(unsigned field)
{
	switch (field) {
	case FIELD_size:
	case FIELD_mtime:
	case FIELD_write_count:
	case FIELD_write_first:
	case FIELD_write_last:
	case FIELD_write_bytes:
		return false;
	default:
		return true;
	}
}

static void append_values(struct buffer *content, const struct values *values)
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = values->known[i]; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);
			uint64_t head[2] = { field, 0 };
			struct span text = { NULL, 0 };

			if (!is_compared(field))
				continue;
			if (field_type_is_text(fields[field].type)) {
				text = values_text(values, (enum field)field);
				head[1] = text.size;
			} else {
				head[1] = values_number(values, (enum field)field);
			}
			buffer_append(content, head, sizeof(head));
			buffer_append_span(content, text);
		}
}

/* false: no memory. */
static bool hash_event(struct collate *collate, const struct event *event, uint64_t ret[2])
{
	const uint64_t head[] = { event->kind, event->context->serial, event->streams };
	struct buffer *content = &collate->content;

	buffer_clear(content);
	buffer_append(content, head, sizeof(head));
	buffer_append(content, event->values.inferred, sizeof(event->values.inferred));
	append_values(content, &event->values);
	ret[0] = sip_hash(&collate->key, 0, buffer_span(content));
	ret[1] = sip_hash(&collate->key, 1, buffer_span(content));
	return buffer_error(content) == 0;
}

static uint32_t *bucket_of(struct collate *collate, const uint64_t hash[2])
{
	return &collate->buckets[hash[0] % N_BUCKETS];
}

static struct window *find(struct collate *collate, const uint64_t hash[2])
{
	for (uint32_t at = *bucket_of(collate, hash); at; at = collate->ring[at - 1].next)
		if (collate->ring[at - 1].hash[0] == hash[0] && collate->ring[at - 1].hash[1] == hash[1])
			return &collate->ring[at - 1];
	return NULL;
}

static void open_window(struct collate *collate, const uint64_t hash[2], uint64_t begin_ns, uint64_t end_ns)
{
	uint32_t at = (collate->first + collate->n) % COLLATE_MAX, *bucket = bucket_of(collate, hash);

	if (collate->n == COLLATE_MAX)
		return;
	collate->ring[at] = (struct window){ .hash = { hash[0], hash[1] }, .begin_ns = begin_ns, .end_ns = end_ns, .next = *bucket, .passed = 1 };
	*bucket = at + 1;
	collate->n++;
}

static uint32_t *process_bucket(struct collate *collate, const struct event *event)
{
	return &collate->kept_of[event->context->serial % N_PROCESSES];
}

static void keep(struct collate *collate, struct window *window, struct event *event)
{
	uint32_t *bucket = process_bucket(collate, event), at = (uint32_t)(window - collate->ring) + 1;

	window->kept = event;
	window->count = 1;
	window->next_kept = *bucket;
	window->previous_kept = 0;
	if (*bucket)
		collate->ring[*bucket - 1].previous_kept = at;
	*bucket = at;
	collate->n_kept++;
	collate->bytes += event_bytes(event);
}

/* What a window keeps; it stays open. */
static struct event *take_kept(struct collate *collate, struct window *window)
{
	struct event *kept = window->kept;

	if (!kept)
		return NULL;
	*(window->previous_kept ? &collate->ring[window->previous_kept - 1].next_kept : process_bucket(collate, kept)) = window->next_kept;
	if (window->next_kept)
		collate->ring[window->next_kept - 1].previous_kept = window->previous_kept;
	window->kept = NULL;
	collate->n_kept--;
	collate->bytes -= MIN(collate->bytes, event_bytes(kept));
	return kept;
}

/* The oldest; what was kept for it is the caller's. */
static struct event *close_window(struct collate *collate)
{
	struct window *window = &collate->ring[collate->first];
	uint32_t *at = bucket_of(collate, window->hash);
	struct event *kept = take_kept(collate, window);

	while (*at != collate->first + 1)
		at = &collate->ring[*at - 1].next;
	*at = window->next;
	collate->first = (collate->first + 1) % COLLATE_MAX;
	collate->n--;
	return kept;
}

/* How many an event stands for as it came. */
static uint32_t count_of(const struct event *event)
{
	return values_has(&event->values, FIELD_write_count) ? event->write_count : 1;
}

static uint64_t first_of(const struct event *event)
{
	return values_has(&event->values, FIELD_write_first) ? event->write_first : event->time_ns;
}

static uint64_t last_of(const struct event *event)
{
	return values_has(&event->values, FIELD_write_last) ? event->write_last : event->time_ns;
}

static void set_count(const struct collated *as, struct event *kept, uint32_t count, uint64_t last_ns)
{
	values_set_number(&kept->values, as->count, count);
	values_set_number(&kept->values, as->first, kept->time_ns);
	values_set_number(&kept->values, as->last, last_ns);
}

static void set_writes(struct event *kept, const struct event *next)
{
	uint64_t bytes = (values_has(&kept->values, FIELD_write_bytes) ? kept->write_bytes : 0) +
			 (values_has(&next->values, FIELD_write_bytes) ? next->write_bytes : 0);
	uint32_t count = count_of(kept), more = count_of(next);

	values_set_number(&kept->values, FIELD_write_first, MIN(first_of(kept), first_of(next)));
	values_set_number(&kept->values, FIELD_write_last, MAX(last_of(kept), last_of(next)));
	values_set_number(&kept->values, FIELD_write_count, count > UINT32_MAX - more ? UINT32_MAX : count + more);
	if (values_has(&next->values, FIELD_write_bytes))
		values_set_number(&kept->values, FIELD_write_bytes, bytes);
}

/* The kept one stands for one more, and says of the file what this one says. */
static void add(struct window *window, const struct event *next)
{
	static const enum field latest[] = { FIELD_size, FIELD_mtime };
	struct event *kept = window->kept;

	window->count += window->count < UINT32_MAX;
	if (kept->kind == KIND_ID(file, write))
		set_writes(kept, next);
	else
		set_count(collated_of(kept), kept, window->count, next->time_ns);
	for (unsigned i = 0; i < ARRAY_SIZE(latest); i++)
		if (values_has(&next->values, latest[i]))
			values_set_number(&kept->values, latest[i], values_number(&next->values, latest[i]));
}

int collate_event(struct collate *collate, struct event *event, uint64_t now_ns)
{
	struct window *window;
	uint64_t hash[2];

	if (collate->window_ns == 0 || !collated_of(event) || !event->context || !hash_event(collate, event, hash))
		return 0;
	window = find(collate, hash);
	if (!window || now_ns >= window->end_ns) {
		/* One that is over tells what it kept in its turn; it is found no more, since the new one stands before it. */
		open_window(collate, hash, now_ns, now_ns + collate->window_ns * (collate->harder ? HARDER : 1));
		return 0;
	}
	if (window->kept) {
		add(window, event);
		event_free(event);
		return 2;
	}
	if (window->passed < (collate->harder ? HARDER_PASS : PASS) || collate->bytes >= collate->max_bytes) {
		window->passed++;
		return 0;
	}
	keep(collate, window, event);
	return 1;
}

struct event *collate_take_before(struct collate *collate, const struct event *event)
{
	if (collate->n_kept == 0 || !event->context || collated_of(event))
		return NULL;
	for (uint32_t at = *process_bucket(collate, event); at; at = collate->ring[at - 1].next_kept)
		if (collate->ring[at - 1].kept->context == event->context)
			return take_kept(collate, &collate->ring[at - 1]);
	return NULL;
}

struct event *collate_take(struct collate *collate, uint64_t now_ns)
{
	while (collate->n > 0 && collate->ring[collate->first].end_ns <= now_ns) {
		struct event *kept = close_window(collate);

		if (kept)
			return kept;
	}
	return NULL;
}

uint64_t collate_count(const struct collate *collate)
{
	return collate->n_kept;
}

uint64_t collate_kept_ns(const struct collate *collate)
{
	return collate->n_kept > 0 ? collate->ring[collate->first].begin_ns : UINT64_MAX;
}

uint64_t collate_next_ns(const struct collate *collate)
{
	return collate->n_kept > 0 ? collate->ring[collate->first].end_ns : UINT64_MAX;
}
