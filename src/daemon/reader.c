/* See reader.h.
 *
 * When something is there the reader takes all of it, then sleeps a few milliseconds on purpose before it looks
 * again: a reader that waits in poll() is woken by the kernel for every single record (in a virtual machine an exit to
 * the hypervisor each time), one that naps is not. The socket buffer holds what comes meanwhile.
 *
 * The core is not woken for few records either, if the source can wait: its caches are cold each time.  Nor is such a source
 * looked at as often while it has few. */

#include "daemon/reader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "daemon/confine.h"
#include "daemon/pace.h"
#include "decode/audit.h"
#include "pipeline/balance.h"

#define QUIET_LOOKS 3			/* looks that found nothing before the reader waits in poll() */
#define END_NS (2 * NS_PER_SEC)	/* what is on its way has come by then; rules of others make more without end */
#define GATHER_RECORDS 256u		/* for these the core is woken at once */
#define FEW_RECORDS (GATHER_RECORDS / 4)	/* of a look: a nap may be longer then */
#define LATE_NS (20 * NS_PER_MS)
#define TELL_NS (2 * NS_PER_SEC)	/* audit's half of an exit is waited for as long, and not longer (pipeline/hold.h) */
#define ROOM_BYTES 4096u		/* that are left free for what else is in the ring */
#define ROOM_MS 5000u			/* that are waited for more */
#define SPARED 8				/* a part so large of the ring is for what is never let go of */
#define LOOK_NS NS_PER_SEC		/* the source wants to be asked so often also when nothing comes */

struct reader {
	struct reader_options options;
	_Atomic uint64_t nap_ns;	/* of the options, as it is now */
	pthread_t thread;
	int wake_fd;			/* to stop, or to look */
	atomic_bool stop;
	_Atomic uint64_t looks;		/* that are complete */
	atomic_int error;
	_Atomic uint64_t turns;
	atomic_bool sleeps;		/* in poll(), a second at most */
	/* The thread's own, until it has ended: */
	bool has_missed;		/* not all of what runs was told */
	uint64_t tell_ns, snapshot_ns;	/* when that all that ran then has been told is to be told (CLOCK_MONOTONIC); 0: it is not */
	int kept;			/* what the last stop of the source said */
	uint64_t next_nap_ns;
	bool was_woken;			/* out of a long nap: the next is a short one, since not all sources wait until it is much */
	uint32_t gathered;		/* records that the core was not woken for... */
	uint64_t gathered_ns;		/* ...since then (CLOCK_MONOTONIC) */
};

static bool push_sparing(struct ring *ring, const struct record *record, size_t spare)
{
	struct ring_record *room = ring_reserve_sparing(ring, sizeof(*room) + record->text.size, balance_origin(record->type), spare);

	_Static_assert(N_ORIGINS <= RING_KINDS, "the ring counts by origin");
	if (!room)
		return false;
	room->time_ns = record->time_ns;
	room->type = record->type;
	room->size = (uint32_t)record->text.size;
	memcpy(room->text, record->text.data, record->text.size);
	return true;
}

bool ring_push_record(struct ring *ring, const struct record *record)
{
	return push_sparing(ring, record, 0);
}

static void leave_out(struct reader_shed *shed, enum category category, uint64_t time_ns)
{
	oldest_note(&shed->oldest, time_ns);
	atomic_fetch_add(&shed->records[category], 1);
}

/* Of audit's records nobody knows before they are put together what they tell. */
static int to_ring(void *user, const struct record *record)
{
	const struct reader_options *o = user;
	uint16_t kind;

	if (likely(push_sparing(o->ring, record, ring_capacity_bytes(o->ring) / SPARED)))
		return 0;
	kind = o->shed && record->type == RECORD_PROBE ? decode_probe_kind(record->text) : N_KINDS;
	if (kind >= N_KINDS || kinds[kind].shed == 0)
		push_sparing(o->ring, record, 0);	/* the ring counts what it has no room for */
	else
		leave_out(o->shed, kinds[kind].category, decode_probe_begin_ns(record->time_ns, record->text));
	return 0;
}

static void wake_core(struct reader *reader)
{
	reader->gathered = 0;
	ring_wake(reader->options.ring);
}

/* So many more records are in the ring, of so many of this look. */
static void gather(struct reader *reader, uint32_t n, uint32_t n_of_look)
{
	uint64_t gather_ns = reader->options.gather_ns, now_ns;

	reader->next_nap_ns = n_of_look < FEW_RECORDS && !reader->was_woken ? MAX(reader->nap_ns, gather_ns / 2) : reader->nap_ns;
	if (reader->gathered + n == 0)
		return;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	if (reader->gathered == 0)
		reader->gathered_ns = now_ns;
	reader->gathered = MIN(reader->gathered + n, GATHER_RECORDS);
	if (reader->gathered == GATHER_RECORDS || now_ns + reader->next_nap_ns - reader->gathered_ns >= gather_ns)
		wake_core(reader);
}

/* Everything that is there now; at the stop a batch, since others may make records without end.  How much it was; < 0: -errno
 * of the source. */
static int take_all(struct reader *reader)
{
	const struct reader_options *o = &reader->options;
	int total = 0, r;

	do {
		r = o->ops->read(o->source, SOURCE_BATCH, to_ring, &reader->options);
		ring_commit(o->ring);
		if (r > 0)
			total = MIN(total + r, 1 << 30);
		gather(reader, r > 0 ? (uint32_t)r : 0, (uint32_t)total);
		atomic_fetch_add_explicit(&reader->turns, 1, memory_order_relaxed);
	} while (r >= (int)SOURCE_BATCH && !atomic_load(&reader->stop));
	return r < 0 ? r : total;
}

/* Until the source wakes it, or somebody else.  1: the source; -errno. */
static int wait_for_source(struct reader *reader, uint64_t ns)
{
	const struct reader_options *o = &reader->options;
	struct pollfd fds[] = { { .fd = o->ops->fd(o->source), .events = POLLIN },
				{ .fd = reader->wake_fd, .events = POLLIN } };
	struct timespec timeout = { .tv_sec = (time_t)(ns / NS_PER_SEC), .tv_nsec = (long)(ns % NS_PER_SEC) };

	if (ppoll(fds, ARRAY_SIZE(fds), &timeout, NULL) < 0 && errno != EINTR)
		return -errno;
	if (fds[1].revents)
		(void)!read(reader->wake_fd, &(uint64_t){ 0 }, sizeof(uint64_t));
	return fds[0].revents != 0;
}

/* The source can wait, and wakes it when much comes all at once. */
static bool is_long(const struct reader *reader)
{
	return reader->options.gather_ns > 0 && !reader->was_woken && reader->next_nap_ns >= reader->options.gather_ns / 2;
}

/* Who sleeps for longer than it wants to has too little of the machine: what makes the records takes all. */
static int nap(struct reader *reader)
{
	uint64_t end_ns;
	int r = 0;

	end_ns = clock_ns(CLOCK_MONOTONIC) + reader->next_nap_ns;
	if (is_long(reader))
		r = wait_for_source(reader, reader->next_nap_ns);
	else
		clock_sleep_ns(reader->next_nap_ns);
	reader->was_woken = r > 0;
	if (clock_ns(CLOCK_MONOTONIC) > end_ns + LATE_NS)
		pacer_need(reader->options.pacer);
	return MIN(r, 0);
}

static bool next_line(struct span *rest, struct span *ret)
{
	const char *newline = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

	if (!newline)
		return false;
	*ret = (struct span){ rest->data, (size_t)(newline - rest->data) };
	rest->data += ret->size + 1;
	rest->size -= ret->size + 1;
	return true;
}

/* The source is not read yet: there is time to wait for room. */
static int to_ring_in_time(void *user, const struct record *record)
{
	struct reader *reader = user;
	struct ring *ring = reader->options.ring;
	size_t size = sizeof(struct ring_record) + record->text.size + ROOM_BYTES;

	for (unsigned i = 0; ring_capacity_bytes(ring) - ring_used_bytes(ring) < size && i < ROOM_MS && !atomic_load(&reader->stop); i++) {
		ring_wake(ring);
		clock_sleep_ns(NS_PER_MS);
	}
	reader->has_missed |= !ring_push_record(ring, record);
	ring_commit(ring);
	return 0;
}

/* What runs: first what is known of it from before, which ends with all that /proc shows. */
static void read_processes(struct reader *reader)
{
	const struct reader_options *o = &reader->options;
	bool remembers = o->remembered && o->remembered->size > 0;
	uint64_t now_ns = clock_now_ns();
	struct span line, rest = remembers ? buffer_span(o->remembered) : (struct span){ NULL, 0 };

	while (next_line(&rest, &line))
		to_ring_in_time(reader, &(struct record){ .type = RECORD_REMEMBERED, .time_ns = now_ns, .text = line });
	if (remembers)
		buffer_release(o->remembered);
	if (o->procfs && procfs_snapshot(o->procfs, now_ns, to_ring_in_time, reader) < 0)
		reader->has_missed = true;
	ring_wake(o->ring);
	/* Of what was not told nobody knows whether it runs. */
	if (remembers && o->procfs && !reader->has_missed) {
		reader->snapshot_ns = now_ns;
		reader->tell_ns = clock_ns(CLOCK_MONOTONIC) + TELL_NS;
	}
}

/* All that ran at the snapshot has been told.  Later than that, since the source tells more of those that ended meanwhile. */
static void tell_all_told(struct reader *reader, bool at_once)
{
	struct ring *ring = reader->options.ring;
	_cleanup_(buffer_release) struct buffer text = { 0 };

	if (likely(reader->tell_ns == 0) || (!at_once && clock_ns(CLOCK_MONOTONIC) < reader->tell_ns))
		return;
	reader->tell_ns = 0;
	record_put_head(&text, reader->snapshot_ns, 0);
	ring_push_record(ring, &(struct record){ .type = RECORD_ALL_TOLD, .time_ns = clock_now_ns(), .text = buffer_span(&text) });
	ring_commit(ring);
	ring_wake(ring);
}

static void *run(void *user)
{
	struct reader *reader = user;
	const struct reader_options *o = &reader->options;
	unsigned quiet = 0;
	uint64_t end_ns;
	int r = 0;

	pace_of_reader();
	confine_thread(CONFINED_READER);
	read_processes(reader);
	while (r >= 0 && !atomic_load(&reader->stop)) {
		if (quiet >= QUIET_LOOKS) {
			wake_core(reader);
			atomic_store(&reader->sleeps, true);
			r = wait_for_source(reader, LOOK_NS);
			atomic_store(&reader->sleeps, false);
			ring_trim(o->ring);	/* the core has had time */
			if (r < 0)
				break;
			quiet = QUIET_LOOKS - 1;
		}
		r = take_all(reader);
		if (r < 0)
			break;
		tell_all_told(reader, false);
		atomic_fetch_add(&reader->looks, 1);
		quiet = r > 0 ? 0 : quiet + 1;
		if (r > 0 || quiet < QUIET_LOOKS)
			r = nap(reader);
	}
	/* Our rules are out of the kernel by now: what it kept, and what is still on its way, is taken. */
	while (r >= 0 && o->ops->stop && (reader->kept = o->ops->stop(o->source)) > 0)
		r = take_all(reader);
	end_ns = clock_ns(CLOCK_MONOTONIC) + END_NS;
	for (quiet = 0; r >= 0 && quiet < QUIET_LOOKS + 2 && clock_ns(CLOCK_MONOTONIC) < end_ns;) {
		r = take_all(reader);
		quiet = r > 0 ? 0 : quiet + 1;
		if (r < (int)SOURCE_BATCH)
			clock_sleep_ns(reader->nap_ns);
	}
	if (r < 0)
		atomic_store(&reader->error, r);
	tell_all_told(reader, true);
	ring_alert(o->ring);
	return NULL;
}

int reader_start(struct reader **ret, const struct reader_options *options)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->options = *options;
	reader_set_nap(reader, options->nap_ns);
	reader->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (reader->wake_fd < 0) {
		r = -errno;
		free(reader);
		return r;
	}
	r = -pthread_create(&reader->thread, NULL, run, reader);
	if (r < 0) {
		close(reader->wake_fd);
		free(reader);
		return r;
	}
	pthread_setname_np(reader->thread, "reader");
	*ret = reader;
	return 0;
}

static void wake(struct reader *reader)
{
	if (write(reader->wake_fd, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
		abort();	/* an eventfd that is written to so seldom has room */
}

void reader_catch_up(struct reader *reader, uint64_t timeout_ns)
{
	/* One may be on its way, and may have begun before. */
	uint64_t looks = atomic_load(&reader->looks) + 2, end_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ns;

	wake(reader);
	while (atomic_load(&reader->looks) < looks && !atomic_load(&reader->error) && clock_ns(CLOCK_MONOTONIC) < end_ns)
		clock_sleep_ns(NS_PER_MS);
}

struct reader *reader_stop(struct reader *reader, int *ret_kept)
{
	*ret_kept = 0;
	if (!reader)
		return NULL;
	atomic_store(&reader->stop, true);
	wake(reader);
	pthread_join(reader->thread, NULL);
	*ret_kept = MIN(reader->kept, 0);
	close(reader->wake_fd);
	free(reader);
	return NULL;
}

void reader_set_nap(struct reader *reader, uint64_t nap_ns)
{
	atomic_store(&reader->nap_ns, nap_ns);
}

void reader_pulse(const struct reader *reader, struct pulse *ret)
{
	struct reader *r = (struct reader *)(uintptr_t)reader;

	*ret = (struct pulse){ .name = "reader", .turns = atomic_load(&r->turns), .has_work = !atomic_load(&r->sleeps) };
}

int reader_error(const struct reader *reader)
{
	return atomic_load(&((struct reader *)(uintptr_t)reader)->error);
}
