/* The end of a reader: what the kernel kept is asked for, a portion each time, and if it cannot be had that is said.  And how long
 * it naps. */

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ring.h"
#include "daemon/reader.h"
#include "event/test_made.h"

struct source {
	unsigned portions;		/* that it still tells */
	int end;			/* what it says then */
	bool is_told;			/* a portion that is there to be read */
	atomic_bool is_endless;		/* one at each look */
	bool is_batched;		/* a batch at each look, behind which there is nothing */
	bool is_behind;
	int fd;
	atomic_uint n_read, n_looks;
};

static struct source fake;

static int fd(const struct source *source)
{
	return source->is_endless ? source->fd : -1;
}

static int read_some(struct source *source, size_t max, record_fn emit, void *user)
{
	source->n_looks++;
	if (!source->is_told && !source->is_endless)
		return 0;
	source->is_behind = source->is_batched && !source->is_behind;
	if (source->is_batched && !source->is_behind)
		return 0;
	source->is_told = false;
	source->n_read++;
	emit(user, &(struct record){ .type = 1, .text = SPAN("kept") });
	return source->is_batched ? SOURCE_BATCH : 1;
}

static int stop(struct source *source)
{
	if (source->portions == 0)
		return source->end;
	source->portions--;
	source->is_told = true;
	return 1;
}

static const struct source_ops ops = { .name = "fake", .fd = fd, .read = read_some, .stop = stop };

static int stopped_with(unsigned portions, int end)
{
	struct ring *ring;
	struct reader *reader;
	int kept = 1;

	fake = (struct source){ .portions = portions, .end = end };
	assert_int_equal(ring_new(&ring, 1 << 16), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring }), 0);
	assert_null(reader_stop(reader, &kept));
	assert_int_equal(fake.n_read, portions);
	ring_free(ring);
	return kept;
}

static void all_is_told(void **state)
{
	assert_int_equal(stopped_with(0, 0), 0);
	assert_int_equal(stopped_with(3, 0), 0);
}

static void cannot_be_told(void **state)
{
	assert_int_equal(stopped_with(0, -EIO), -EIO);
	assert_int_equal(stopped_with(2, -ENOMEM), -ENOMEM);
}

/* Nothing happens: a look a second, after the few that it takes to be sure. */
static void sleeps(void **state)
{
	struct reader *reader;
	struct ring *ring;
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	unsigned n;
	int kept;

	fake = (struct source){ 0 };
	assert_int_equal(ring_new(&ring, 1 << 16), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring, .nap_ns = NS_PER_MS }), 0);
	clock_sleep_ns(1500 * NS_PER_MS);
	n = fake.n_looks;
	assert_in_range(n, 2, 4 + (clock_ns(CLOCK_MONOTONIC) - begin_ns) / NS_PER_SEC);
	reader_stop(reader, &kept);
	ring_free(ring);
}

/* What is remembered comes first, a record a line; that all has been told comes last, if /proc was read. */
static void remembered(void **state)
{
	static const uint32_t types[] = { RECORD_REMEMBERED, RECORD_REMEMBERED, 1, RECORD_ALL_TOLD };
	struct buffer lines = { 0 };
	struct procfs *procfs;
	struct reader *reader;
	struct ring *ring;
	unsigned n = 0;
	int kept;

	fake = (struct source){ .portions = 1 };
	buffer_append_text(&lines, "recorder(1.0:1): id=1\nrecorder(1.0:2): id=2\nnot whole");
	assert_int_equal(procfs_open(&procfs, false), 0);
	assert_int_equal(ring_new(&ring, 1 << 24), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring, .procfs = procfs,
									  .remembered = &lines }), 0);
	assert_null(reader_stop(reader, &kept));
	assert_int_equal(lines.size, 0);
	for (struct span message; (message = ring_peek(ring)).data; ring_pop(ring)) {
		const struct ring_record *record = (const struct ring_record *)(const void *)message.data;

		if (record->type == RECORD_PROCESS) {
			assert_int_equal(n, 2);
			continue;
		}
		assert_true(n < ARRAY_SIZE(types));
		assert_int_equal(record->type, types[n++]);
	}
	assert_int_equal(n, ARRAY_SIZE(types));
	procfs_free(procfs);
	ring_free(ring);
}

static unsigned looks_after(unsigned n, uint64_t timeout_ns)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + timeout_ns;

	while (atomic_load(&fake.n_read) <= n && clock_ns(CLOCK_MONOTONIC) < end_ns)
		clock_sleep_ns(NS_PER_MS);
	return atomic_load(&fake.n_read);
}

/* Where few records may wait they are not looked for again at once, until the source says that there are many. */
static void few_may_wait(void **state)
{
	struct reader *reader;
	struct ring *ring;
	int kept;

	fake = (struct source){ .is_endless = true, .fd = eventfd(0, EFD_CLOEXEC) };
	assert_true(fake.fd >= 0);
	assert_int_equal(ring_new(&ring, 1 << 16), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring, .nap_ns = NS_PER_MS,
									  .gather_ns = 600 * NS_PER_SEC }), 0);
	assert_int_equal(looks_after(0, 10 * NS_PER_SEC), 1);
	assert_int_equal(looks_after(1, 100 * NS_PER_MS), 1);
	assert_int_equal(write(fake.fd, &(uint64_t){ 1 }, sizeof(uint64_t)), sizeof(uint64_t));
	assert_true(looks_after(1, 10 * NS_PER_SEC) > 1);
	fake.is_endless = false;
	reader_stop(reader, &kept);
	close(fake.fd);
	ring_free(ring);
}

/* What was woken for is not looked for again at once: a source that is always ready would have the reader go round for ever. */
static void woken_it_naps(void **state)
{
	struct reader *reader;
	struct ring *ring;
	unsigned n;
	int kept;

	fake = (struct source){ .is_endless = true, .fd = eventfd(1, EFD_CLOEXEC) };
	assert_true(fake.fd >= 0);
	assert_int_equal(ring_new(&ring, 1 << 20), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring, .nap_ns = 20 * NS_PER_MS,
									  .gather_ns = 600 * NS_PER_SEC }), 0);
	n = looks_after(UINT_MAX, 200 * NS_PER_MS);
	assert_in_range(n, 2, 25);
	fake.is_endless = false;
	reader_stop(reader, &kept);
	close(fake.fd);
	ring_free(ring);
}

/* Many are those of a look, not of the last of its batches. */
static void many_do_not_wait(void **state)
{
	struct reader *reader;
	struct ring *ring;
	int kept;

	fake = (struct source){ .is_endless = true, .is_batched = true, .fd = eventfd(0, EFD_CLOEXEC) };
	assert_true(fake.fd >= 0);
	assert_int_equal(ring_new(&ring, 1 << 20), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &ops, .source = &fake, .ring = ring, .nap_ns = NS_PER_MS,
									  .gather_ns = 600 * NS_PER_SEC }), 0);
	assert_true(looks_after(3, 10 * NS_PER_SEC) > 3);
	fake.is_endless = false;
	reader_stop(reader, &kept);
	close(fake.fd);
	ring_free(ring);
}

/* A ring that is nearly full has room left for what is never let go of; what is left out for its sake is counted by class. */
static int read_both(struct source *source, size_t max, record_fn emit, void *user)
{
	static struct made made;

	if (source->n_read >= 40000)
		return 0;
	for (unsigned i = 0; i < max; i++) {
		make(&made, source->n_read % 100 == 0 ? PROBE_EXEC : PROBE_OPEN, PROBE_CALL_openat);
		source->n_read++;
		emit(user, &(struct record){ .type = RECORD_PROBE, .time_ns = 1, .text = made_bytes(&made) });
	}
	return (int)max;
}

static void spares(void **state)
{
	static const struct source_ops both = { .name = "fake", .fd = fd, .read = read_both, .stop = stop };
	struct reader_shed shed = { 0 };
	unsigned n_execs = 0, n = 0;
	struct reader *reader;
	struct span message;
	struct ring *ring;
	int kept;

	fake = (struct source){ .is_endless = false };
	assert_int_equal(ring_new(&ring, 4 << 20), 0);
	assert_int_equal(reader_start(&reader, &(struct reader_options){ .ops = &both, .source = &fake, .ring = ring, .shed = &shed }), 0);
	while (fake.n_read < 40000)
		clock_sleep_ns(NS_PER_MS);
	reader_stop(reader, &kept);
	for (; (message = ring_peek(ring)).data; ring_pop(ring), n++) {
		const struct ring_record *record = (const struct ring_record *)(const void *)message.data;

		n_execs += ((const struct probe_head *)(const void *)record->text)->type == PROBE_EXEC;
	}
	assert_true(ring_capacity_bytes(ring) < 40000 * sizeof(struct probe_record));
	assert_int_equal(n_execs, (fake.n_read + 99) / 100);
	assert_int_equal(ring_dropped(ring), 0);
	assert_int_equal(n + atomic_load(&shed.records[CATEGORY_file]), fake.n_read);
	ring_free(ring);
}

static void none(void **state)
{
	int kept = 1;

	assert_null(reader_stop(NULL, &kept));
	assert_int_equal(kept, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_is_told), cmocka_unit_test(cannot_be_told), cmocka_unit_test(sleeps), cmocka_unit_test(remembered),
					    cmocka_unit_test(few_may_wait), cmocka_unit_test(woken_it_naps),
					    cmocka_unit_test(many_do_not_wait), cmocka_unit_test(spares), cmocka_unit_test(none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
