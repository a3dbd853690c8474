/* Golden recordings, damaged: bits turned, bytes and lines cut out, doubled, changed about.  Whatever comes of it, the core comes to its
 * end in time, stays within its memory, writes JSON of every event, and its counters account for every record and every event; the same
 * bytes give the same.  RECORDER_MUTATIONS=N for more of it, RECORDER_TEST_SEED=N for the same again; what was damaged last lies in
 * $RECORDER_MUTATION_KEEP, if that names a file. */

#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "pipeline/test_pipeline.h"

#include "base/clock.h"
#include "source/source.h"

#define GOLDENS_MAX 512
#define GOLDEN_BYTES (128u << 10)	/* of one; a longer one is begun somewhere in it */
#define ROUNDS 400
#define ROUND_NS (60 * NS_PER_SEC)	/* of the processor: a tenth of a second is usual, with sanitizers too */
#define MEMORY_KB (1536u << 10)		/* in all, with what a sanitizer keeps */

static struct buffer goldens[GOLDENS_MAX];
static size_t n_goldens;
static uint64_t dice;

static uint64_t throw(uint64_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return sides > 0 ? dice % sides : 0;
}

/* .gz or not. */
static int keep(const char *path, const struct stat *st, int type, struct FTW *unused)
{
	struct buffer *golden = &goldens[n_goldens];
	gzFile file;
	char *room;
	int n;

	if (type != FTW_F || n_goldens == GOLDENS_MAX || st->st_size == 0 || strstr(path, ".json") || strstr(path, ".sql") || strstr(path, ".md") ||
	    strstr(path, ".tsv"))
		return 0;
	file = gzopen(path, "re");
	if (!file)
		return 0;
	while (golden->size < (4u << 20) && (room = buffer_reserve(golden, 65536)) && (n = gzread(file, room, 65536)) > 0)
		golden->size += (size_t)n;
	gzclose(file);
	if (golden->size > 0 && memmem(golden->data, golden->size, "msg=", 4))
		n_goldens++;
	else
		buffer_release(golden);
	return 0;
}

static int find_goldens(void **state)
{
	const char *root = getenv("RECORDER_SOURCE_DIR"), *shared = getenv("RECORDER_TEST_DATA");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/data", root ? root : ".");
	nftw(path, keep, 8, FTW_PHYS);
	if (shared) {
		snprintf(path, sizeof(path), "%s/audit", shared);
		nftw(path, keep, 8, FTW_PHYS);
	}
	return n_goldens > 0 ? 0 : -1;
}

static int forget_goldens(void **state)
{
	while (n_goldens > 0)
		buffer_release(&goldens[--n_goldens]);
	return 0;
}

/* Mutations. */

struct range {
	size_t at, size;
};

static struct range some_bytes(const struct buffer *b, size_t max)
{
	size_t at = throw(b->size), size = throw(max) + 1;

	return (struct range){ at, MIN(size, b->size - at) };
}

/* A line, with its end. */
static struct range some_line(const struct buffer *b)
{
	size_t at = throw(b->size), end;
	const char *newline;

	while (at > 0 && b->data[at - 1] != '\n')
		at--;
	newline = memchr(b->data + at, '\n', b->size - at);
	end = newline ? (size_t)(newline - b->data) + 1 : b->size;
	return (struct range){ at, end - at };
}

static struct range some(const struct buffer *b)
{
	return throw(2) ? some_line(b) : some_bytes(b, 300);
}

static void turn_bits(struct buffer *b)
{
	for (uint64_t n = throw(20) + 1; n > 0; n--)
		b->data[throw(b->size)] ^= (char)(1u << throw(8));
}

static void cut(struct buffer *b)
{
	struct range r = some(b);

	memmove(b->data + r.at, b->data + r.at + r.size, b->size - r.at - r.size);
	b->size -= r.size;
}

static void cut_end(struct buffer *b)
{
	b->size = throw(b->size) + 1;
}

static void insert(struct buffer *b, size_t at, const char *bytes, size_t size)
{
	char *room = buffer_reserve(b, size);

	assert_non_null(room);
	memmove(b->data + at + size, b->data + at, b->size - at);
	memcpy(b->data + at, bytes, size);
	b->size += size;
}

static void duplicate(struct buffer *b)
{
	struct range r = some(b);
	char *copy = malloc(r.size);
	uint64_t times = throw(4) + 1;

	assert_non_null(copy);
	memcpy(copy, b->data + r.at, r.size);
	for (; times > 0; times--)
		insert(b, throw(2) ? r.at : throw(b->size), copy, r.size);
	free(copy);
}

static void swap(struct buffer *b)
{
	struct range r = some(b);
	char *copy = malloc(r.size);

	assert_non_null(copy);
	memcpy(copy, b->data + r.at, r.size);
	memmove(b->data + r.at, b->data + r.at + r.size, b->size - r.at - r.size);
	b->size -= r.size;
	insert(b, b->size > 0 ? some_line(b).at : 0, copy, r.size);
	free(copy);
}

/* A number that is another: of items, arguments, lengths. */
static void change_number(struct buffer *b)
{
	static const char *const numbers[] = { "0", "-1", "4294967295", "18446744073709551615", "99999999999999999999999", "" };
	const char *number = numbers[throw(ARRAY_SIZE(numbers))], *mark;
	size_t from = throw(b->size);

	mark = memchr(b->data + from, '=', b->size - from);
	if (mark)
		insert(b, (size_t)(mark - b->data) + 1, number, strlen(number));
}

static void (*const mutations[])(struct buffer *) = { turn_bits, cut, cut_end, duplicate, swap, change_number };

static void damage(struct buffer *b)
{
	for (uint64_t n = throw(6) + 1; n > 0 && b->size > 0; n--)
		mutations[throw(ARRAY_SIZE(mutations))](b);
}

/* What is made of it. */

struct reading {
	struct pipeline *pipeline;
	struct buffer json;
	uint64_t pushed, events, digest;
};

static int push(void *user, const struct record *record)
{
	struct reading *reading = user;

	reading->pushed++;
	return pipeline_push(reading->pipeline, record);
}

static int take(void *user, struct event *event)
{
	static const struct event_json_options options = { .boot_id = SPAN(BOOT) };
	struct reading *reading = user;

	reading->events++;
	buffer_clear(&reading->json);
	event_json(&reading->json, event, &options);
	reading->digest = span_hash(buffer_span(&reading->json), reading->digest);
	event_free(event);
	return 0;
}

static void check_counters(const struct reading *reading, const struct source_stats *source)
{
	struct pipeline_stats s;

	pipeline_stats(reading->pipeline, &s);
	assert_int_equal(s.received, reading->pushed);
	assert_int_equal(s.emitted, reading->events);
	assert_int_equal(s.events, s.emitted + s.merged + s.own + s.filtered_out);
	assert_int_equal(s.held, 0);
	assert_true(s.malformed <= s.received);
	assert_true(s.tracker->bytes <= 128u << 20);
	assert_int_equal(source->records, reading->pushed);
}

static void read_all(const struct buffer *bytes, struct reading *reading)
{
	static const unsigned char key[32] = "key";
	const struct pipeline_options options = { .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" }, .redaction_key = key };
	int fd = memfd_create("mutated", MFD_CLOEXEC), r;
	struct source *source = NULL;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes->data, bytes->size, 0), bytes->size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(pipeline_new(&reading->pipeline, &options, take, reading), 0);
	r = source_replay.open(&source, &(struct source_options){ .path = path });
	if (r >= 0) {
		while ((r = source_replay.read(source, 4096, push, reading)) >= 0)
			;
		assert_true(r == -ENODATA || r == -EIO || r == -EBADMSG);	/* what looks like a .gz is read as one */
		assert_int_equal(pipeline_drain(reading->pipeline), 0);
		check_counters(reading, source_replay.stats(source));
		source_replay.free(source);
	}
	reading->pipeline = pipeline_free(reading->pipeline);
	buffer_release(&reading->json);
	close(fd);
}

static void write_down(const struct buffer *bytes)
{
	const char *path = getenv("RECORDER_MUTATION_KEEP");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fwrite(bytes->data, 1, bytes->size, file);
	fclose(file);
}

static void test_mutations(void **state)
{
	const char *rounds = getenv("RECORDER_MUTATIONS"), *seed = getenv("RECORDER_TEST_SEED");
	uint64_t n = rounds ? strtoull(rounds, NULL, 10) : ROUNDS, events = 0, records = 0, slowest_ns = 0;
	struct rusage usage;

	dice = (seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL)) | 1;
	print_message("RECORDER_TEST_SEED=%llu, %zu recordings\n", (unsigned long long)dice, n_goldens);
	for (uint64_t round = 0; round < n; round++) {
		const struct buffer *golden = &goldens[throw(n_goldens)];
		size_t from = golden->size > GOLDEN_BYTES ? throw(golden->size - GOLDEN_BYTES) : 0;
		struct buffer bytes = { 0 };
		struct reading first = { 0 }, second = { 0 };
		uint64_t began_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID), took_ns;

		buffer_append(&bytes, golden->data + from, MIN(golden->size, (size_t)GOLDEN_BYTES));
		damage(&bytes);
		write_down(&bytes);
		read_all(&bytes, &first);
		took_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - began_ns;
		slowest_ns = MAX(slowest_ns, took_ns);
		assert_true(took_ns < ROUND_NS);
		if (round % 8 == 0) {
			read_all(&bytes, &second);
			assert_int_equal(first.digest, second.digest);
			assert_int_equal(first.events, second.events);
		}
		events += first.events;
		records += first.pushed;
		buffer_release(&bytes);
	}
	getrusage(RUSAGE_SELF, &usage);
	print_message("%llu rounds: %llu records, %llu events, slowest %.2f s, %ld MB\n", (unsigned long long)n, (unsigned long long)records,
		      (unsigned long long)events, (double)slowest_ns / 1e9, usage.ru_maxrss >> 10);
	assert_true(usage.ru_maxrss < (long)MEMORY_KB);
	assert_true(n == 0 || (records > 10 * n && events > n));	/* what is damaged is still a recording, mostly */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_mutations) };

	return cmocka_run_group_tests(tests, find_goldens, forget_goldens);
}
