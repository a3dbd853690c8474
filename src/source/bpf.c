/* Records of the programs in the kernel, one ring a processor, as one stream in the order of time.
 *
 * Each ring is in order by itself.  A look takes the moment first, then of all rings the oldest record again and again until
 * that moment: what another processor is still writing is younger, or holds its ring up.  A record that is late all the same
 * (a virtual processor that its host did not run in the middle of a program) is handed on late; nothing waits for it.
 *
 * A record is handed on as it lies in the ring (event/record.h, RECORD_PROBE), only an exec is put together (bpf_exec.h).
 * Nobody is woken for a record but a reader that went to sleep, or takes a long nap while a ring fills; see probe_control.asleep. */

#include "source/bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "event/probe_check.h"
#include "source/backend.h"
#include "source/bpf_exec.h"
#include "source/bpf_programs.h"
#include "source/bpf_ring.h"
#include "source/gap.h"

#define COMMIT_BYTES (64u << 10)	/* the kernel gets room back in steps of this */
#define PIECES_NS NS_PER_SEC		/* they come within microseconds */
#define LOOK_AT_LOSSES_NS (100 * NS_PER_MS)
#define LET_GO_EVERY_NS (10 * NS_PER_SEC)

/* Categories that gap rows name. */
static const char *const gap_classes[N_PROBE_CLASSES] = {
	[PROBE_CLASS_EXEC] = "process",	   [PROBE_CLASS_EXIT] = "process",	[PROBE_CLASS_FORK] = "process",
	[PROBE_CLASS_PROCESS] = "process", [PROBE_CLASS_FILE] = "file",		[PROBE_CLASS_FILE_WRITE] = "file",
	[PROBE_CLASS_FILE_READ] = "file",  [PROBE_CLASS_NETWORK] = "network",	[PROBE_CLASS_DNS] = "dns",
	[PROBE_CLASS_IMAGE] = "image",	   [PROBE_CLASS_DRIVER] = "driver",	[PROBE_CLASS_SECURITY] = "security",
	[PROBE_CLASS_HTTP] = "http",
};

struct bpf_source {
	struct source base;
	struct bpf_programs *programs;
	struct bpf_ring *rings;
	struct bpf_exec *execs;		/* of each ring */
	uint64_t *taken;		/* of each ring: bytes that the kernel was not told of */
	unsigned n_rings;
	struct probe_control *control;
	int epoll_fd;
	uint64_t boot_to_real_ns;	/* as of this look */
	struct moment losses_at;	/* when they were looked at */
	uint64_t lost[N_PROBE_CLASSES];	/* told so far */
	uint64_t n_gaps;
	uint64_t ended_ns;		/* since boot: what comes later is left; 0: not yet */
	bool was_quiet;			/* the last look found nothing */
	/* Of who asks for it, not of the reader: */
	uint64_t let_go_ns;		/* since boot: not again before */
	uint64_t untold;		/* writes, told of so far */
};

static struct bpf_source *bpf_source(struct source *source)
{
	return (struct bpf_source *)(void *)source;
}

static const struct bpf_source *bpf_source_const(const struct source *source)
{
	return (const struct bpf_source *)(const void *)source;
}

static struct source *bpf_free(struct source *source)
{
	struct bpf_source *s = bpf_source(source);

	if (!s)
		return NULL;
	for (unsigned i = 0; s->execs && i < s->n_rings; i++)
		bpf_exec_release(&s->execs[i]);
	free(s->execs);
	free(s->taken);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	bpf_programs_free(s->programs);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct source, bpf_free)

static int bpf_open(struct source **ret, const struct source_options *options)
{
	_cleanup_(bpf_freep) struct source *source = NULL;
	struct bpf_source *s = calloc(1, sizeof(*s));
	const struct bpf_programs_options programs = {
		.wants = &options->wants,
		.own_pid = options->own_pid,
		.write_interval_ms = options->write_interval_ms,
		.tells_groups = options->tells_groups,
		.ring_bytes = options->bpf_ring_bytes,
	};
	int r;

	if (!s)
		return -ENOMEM;
	source = &s->base;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	r = bpf_programs_open(&s->programs, &programs);
	if (r < 0)
		return r;
	s->rings = bpf_programs_rings(s->programs, &s->n_rings);
	s->control = bpf_programs_control(s->programs);
	s->execs = calloc(s->n_rings, sizeof(*s->execs));
	s->taken = calloc(s->n_rings, sizeof(*s->taken));
	if (!s->execs || !s->taken)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n_rings; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->rings[i].fd, &event) < 0)
			return -errno;
	}
	s->losses_at = moment_now();
	*ret = TAKE(source);
	return 0;
}

static int hand_on(struct bpf_source *s, struct span bytes, record_fn emit, void *user)
{
	const struct probe_head *head = (const struct probe_head *)(const void *)bytes.data;
	const struct record record = {
		.type = RECORD_PROBE,
		.time_ns = head->time_ns + s->boot_to_real_ns,
		.text = bytes,
	};

	stat_add(&s->base.stats.records, 1);
	stat_add(&s->base.stats.bytes, bytes.size);
	return emit(user, &record);
}

/* An exec of this ring that waits for pieces is over when something else comes. */
static int end_exec(struct bpf_source *s, unsigned ring, record_fn emit, void *user)
{
	struct span whole;
	int r = bpf_exec_end(&s->execs[ring], &whole);

	return r > 0 ? hand_on(s, whole, emit, user) : r;
}

static int take_record(struct bpf_source *s, unsigned ring, struct span bytes, record_fn emit, void *user)
{
	struct probe_head head;
	struct span whole;
	int r;

	memcpy(&head, bytes.data, sizeof(head));
	if (likely(head.type != PROBE_EXEC && head.type != PROBE_MORE)) {
		/* A soft interrupt may have come between. */
		r = head.flags & PROBE_SOFTIRQ ? 0 : end_exec(s, ring, emit, user);
		return r < 0 ? r : hand_on(s, bytes, emit, user);
	}
	if (head.type == PROBE_MORE) {
		r = bpf_exec_piece(&s->execs[ring], bytes, &whole);
	} else {
		r = end_exec(s, ring, emit, user);
		if (r >= 0)
			r = bpf_exec_begin(&s->execs[ring], bytes, &whole);
	}
	return r > 0 ? hand_on(s, whole, emit, user) : r;
}

/* The ring whose next record is the oldest, of those until the limit; n_rings: none. */
static unsigned oldest(struct bpf_source *s, uint64_t limit_ns, struct span *ret)
{
	uint64_t oldest_ns = limit_ns;
	unsigned found = s->n_rings;

	for (unsigned i = 0; i < s->n_rings; i++) {
		struct span bytes = bpf_ring_peek(&s->rings[i]);
		struct probe_head head;

		if (!bytes.data)
			continue;
		if (unlikely(probe_check(bytes) < 0)) {	/* cannot be: the programs are ours */
			bpf_ring_pop(&s->rings[i]);
			stat_add(&s->base.stats.foreign, 1);
			continue;
		}
		memcpy(&head, bytes.data, sizeof(head));
		if (head.time_ns <= oldest_ns) {
			oldest_ns = head.time_ns;
			found = i;
			*ret = bytes;
		}
	}
	return found;
}

static void popped(struct bpf_source *s, unsigned ring, size_t bytes)
{
	bpf_ring_pop(&s->rings[ring]);
	s->taken[ring] += bytes;
	if (s->taken[ring] >= COMMIT_BYTES) {
		s->taken[ring] = 0;
		bpf_ring_commit(&s->rings[ring]);
	}
}

/* An exec whose last pieces never came, on a processor that has nothing more to say. */
static int end_old_execs(struct bpf_source *s, uint64_t boot_ns, bool all, record_fn emit, void *user)
{
	for (unsigned i = 0; i < s->n_rings; i++) {
		const struct probe_head *head = (const struct probe_head *)(const void *)s->execs[i].record.data;
		int r;

		if (likely(!s->execs[i].is_open) || (!all && boot_ns - head->time_ns < PIECES_NS))
			continue;
		r = end_exec(s, i, emit, user);
		if (r < 0)
			return r;
	}
	return 0;
}

static int tell_losses(struct bpf_source *s, const struct moment *at, record_fn emit, void *user)
{
	struct probe_counters now;
	uint64_t begin_ns = moment_ns(&s->losses_at, at);
	int n = 0;

	if (at->boot_ns - s->losses_at.boot_ns < LOOK_AT_LOSSES_NS && !s->ended_ns)
		return 0;
	bpf_programs_count(s->programs, &now);
	for (unsigned i = 0; i < N_PROBE_CLASSES; i++) {
		const struct gap gap = {
			.begin_ns = begin_ns, .end_ns = at->real_ns, .class_name = gap_classes[i], .cause = "bpf_ring_full",
			.count_known = true, .exact = true, .count = now.lost[i] - s->lost[i],
		};
		int r;

		if (gap.count == 0)
			continue;
		s->lost[i] = now.lost[i];
		r = gap_emit(&gap, at->real_ns, ++s->n_gaps, emit, user);
		if (r < 0)
			return r;
		n++;
	}
	s->losses_at = *at;
	return n;
}

static int bpf_read(struct source *source, size_t max, record_fn emit, void *user)
{
	struct bpf_source *s = bpf_source(source);
	uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME), now_ns = clock_now_ns();
	struct span bytes = { NULL, 0 };
	unsigned ring;
	int n = 0, r = 0;

	s->boot_to_real_ns = now_ns - boot_ns;
	while ((size_t)n < max && (ring = oldest(s, s->ended_ns ? s->ended_ns : boot_ns, &bytes)) < s->n_rings) {
		r = take_record(s, ring, bytes, emit, user);
		popped(s, ring, bytes.size);
		if (r < 0)
			break;
		n++;
	}
	if (r >= 0)
		r = end_old_execs(s, boot_ns, n == 0 && s->ended_ns, emit, user);
	for (unsigned i = 0; i < s->n_rings; i++)
		if (s->taken[i] > 0) {
			s->taken[i] = 0;
			bpf_ring_commit(&s->rings[i]);
		}
	if (r >= 0) {
		r = tell_losses(s, &(struct moment){ .real_ns = now_ns, .boot_ns = boot_ns }, emit, user);
		n += r > 0 ? r : 0;
	}
	if (r < 0)
		return r;
	/* From here on the first record wakes who polls, and takes the flag back.  Who is made while the flag is set is seen by a
	 * later look: the reader polls after some that found nothing.  Not behind a batch, which in a storm is often the last. */
	if (n == 0 && s->was_quiet)
		__atomic_store_n(&s->control->asleep, 1, __ATOMIC_SEQ_CST);
	s->was_quiet = n == 0;
	return n;
}

static int bpf_stop(struct source *source)
{
	struct bpf_source *s = bpf_source(source);
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
	int r = bpf_programs_stop(s->programs);

	/* The programs go one after the other: who has been detached has no exec before what it does then. */
	if (r <= 0)
		s->ended_ns = now_ns;
	return r;
}

static int bpf_fd(const struct source *source)
{
	return bpf_source_const(source)->epoll_fd;
}

static const struct source_stats *bpf_stats(struct source *source)
{
	return &source->stats;
}

static const char *bpf_mode(const struct source *source)
{
	return "ebpf";
}

void source_bpf_serves(const struct source *source, bool *ret_kinds)
{
	bpf_programs_serve(bpf_source_const(source)->programs, ret_kinds);
}

void source_bpf_count(const struct source *source, struct probe_counters *ret)
{
	bpf_programs_count(bpf_source_const(source)->programs, ret);
}

size_t source_bpf_ring_bytes(const struct source *source)
{
	const struct bpf_source *s = bpf_source_const(source);
	size_t bytes = 0;

	for (unsigned i = 0; i < s->n_rings; i++)
		bytes += 2 * s->rings[i].bytes;
	return bytes;
}

int source_bpf_want(struct source *source, const struct source_wants *wants)
{
	return bpf_programs_want(bpf_source(source)->programs, wants);
}

bool source_bpf_must_let_go(const struct source *source)
{
	const struct bpf_source *s = bpf_source_const(source);

	return clock_ns(CLOCK_BOOTTIME) >= s->let_go_ns &&
	       (bpf_programs_untold(s->programs) != s->untold || bpf_programs_are_crowded(s->programs));
}

void source_bpf_let_go(struct source *source, bool all, struct source_untold *ret)
{
	struct bpf_source *s = bpf_source(source);
	uint64_t now_ns, untold, first_ns = UINT64_MAX;

	if (all || bpf_programs_are_crowded(s->programs))
		bpf_programs_let_go(s->programs, &first_ns);
	first_ns = MIN(first_ns, bpf_programs_first_untold(s->programs));
	untold = bpf_programs_untold(s->programs);
	now_ns = clock_ns(CLOCK_BOOTTIME);
	*ret = (struct source_untold){ untold - s->untold, clock_now_ns() - now_ns + MIN(first_ns, now_ns) };
	s->untold = untold;
	s->let_go_ns = now_ns + LET_GO_EVERY_NS;
}

void source_bpf_set_write_interval(struct source *source, uint32_t interval_ms)
{
	__atomic_store_n(&bpf_source(source)->control->write_interval_ms, interval_ms, __ATOMIC_RELAXED);
}

const struct source_ops source_bpf = {
	.name = "ebpf",
	.open = bpf_open,
	.fd = bpf_fd,
	.read = bpf_read,
	.stop = bpf_stop,
	.stats = bpf_stats,
	.mode = bpf_mode,
	.free = bpf_free,
};
