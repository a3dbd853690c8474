#pragma once
/* A made storm through the true reader, ring, core, queue and writer: records of the kernel's programs of every class, most of them of one
 * process, as fast as they are taken or at a rate.  Each record is another event (no two are alike), so all that was made can be found again: stored, let
 * go of and counted, or lost and counted.  For test_storm.c and tests/bench/storm.c. */

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/core.h"
#include "daemon/memory.h"
#include "daemon/reader.h"
#include "daemon/tap.h"
#include "daemon/writer.h"
#include "event/test_made.h"

/* Of a thousand records: at ten times what the recorder takes, what is never let go of is a twentieth of what it takes. */
enum storm_class { STORM_EXEC, STORM_EXIT, STORM_FORK, STORM_SECURITY, STORM_DRIVER, STORM_WRITE, STORM_CREATE, STORM_IMAGE, STORM_CONNECT,
		   STORM_READ, N_STORM_CLASSES };
#define STORM_NOISY_PID 77u
#define STORM_CHILDREN 1024u		/* pids that come and go */

static const struct {
	const char *name;
	uint16_t kind;
	unsigned of_thousand;
} storm_classes[N_STORM_CLASSES] = {
	[STORM_EXEC] = { "exec", KIND_ID(process, exec), 1 },	   [STORM_EXIT] = { "exit", KIND_ID(process, exit), 1 },
	[STORM_FORK] = { "fork", KIND_ID(process, fork), 1 },	   [STORM_SECURITY] = { "security", KIND_ID(security, memory_exec), 1 },
	[STORM_DRIVER] = { "driver", KIND_ID(driver, load), 1 },   [STORM_WRITE] = { "write", KIND_ID(file, write), 150 },
	[STORM_CREATE] = { "create", KIND_ID(file, create), 100 },  [STORM_IMAGE] = { "image", KIND_ID(image, load), 50 },
	[STORM_CONNECT] = { "connect", KIND_ID(network, connect), 50 }, [STORM_READ] = { "read", KIND_ID(file, read), 645 },
};

struct source {				/* of storms */
	struct ring *ring;		/* that it fills */
	uint64_t rate;			/* records a second; 0: as many as are taken, with room left */
	uint64_t max;			/* records in all */
	uint64_t end_ns, begun_ns;	/* CLOCK_MONOTONIC */
	atomic_bool has_ended;
	uint64_t n;
	uint64_t made[N_STORM_CLASSES];
	int fd;
	struct made record;
};

/* A sink that counts, and takes its time. */
struct sink {
	uint64_t stored[N_KINDS];
	uint64_t gaps[N_CATEGORIES];	/* what gaps told of them */
	uint64_t n, delay_ns;		/* of each event */
	unsigned n_steps;		/* events of steps */
	uint64_t of_source;		/* told by gaps that name the one source */
};

struct storm {
	struct ring *ring, *notes;
	struct reader_shed reader_shed;
	struct event_queue *queue;
	struct taps *taps;
	struct core *core;
	struct writer *writer;
	struct source source;
	struct sink counts;
	struct core_stats core_stats;
	struct writer_stats writer_stats;
	enum shed_step highest;		/* step that was seen */
};

static inline enum storm_class storm_class_of(uint64_t n)
{
	unsigned of = (unsigned)(n % 1000);

	for (unsigned class = 0; class < N_STORM_CLASSES; class++) {
		if (of < storm_classes[class].of_thousand)
			return (enum storm_class)class;
		of -= storm_classes[class].of_thousand;
	}
	return STORM_READ;
}

static inline void storm_path(struct made *made, uint64_t n)
{
	char path[64];

	snprintf(path, sizeof(path), "/srv/storm/%" PRIx64 "/file%" PRIx64, n / 1000 % 512, n);
	add_path(made, FILE_PATH, path);
}

static inline void storm_make(struct made *made, uint64_t n, uint64_t boot_ns)
{
	enum storm_class class = storm_class_of(n);
	/* Nine of ten are of one process; of each child there is one fork, one exec, some more, one exit. */
	uint32_t child = 10000 + (uint32_t)(n / 1000 % STORM_CHILDREN);
	uint32_t pid = class > STORM_DRIVER && n % 10 != 7 ? STORM_NOISY_PID : child;
	struct probe_head *head;
	char text[64];

	switch (class) {
	case STORM_EXEC:
		make(made, PROBE_EXEC, PROBE_CALL_NONE);
		made->record->body.exec.argc = 2;
		made->record->body.exec.inode = n;
		snprintf(text, sizeof(text), "/usr/bin/tool%u", child % 64);
		add_path(made, EXEC_PATH, text);
		add_path(made, EXEC_CWD, "/srv");
		snprintf(text, sizeof(text), "tool%c%" PRIu64, 0, n);
		add_text(made, EXEC_ARGS, (struct span){ text, strlen("tool") + 1 + strlen(text + 5) + 1 });
		break;
	case STORM_EXIT:
		make(made, PROBE_EXIT, PROBE_CALL_NONE);
		break;
	case STORM_FORK:
		make(made, PROBE_FORK, PROBE_CALL_NONE);
		break;
	case STORM_SECURITY:
		make(made, PROBE_CALL, PROBE_CALL_mprotect);
		made->record->body.call.value[0] = n;
		made->record->body.call.value[1] = 4096;
		made->record->body.call.value[2] = 7;
		break;
	case STORM_DRIVER:
		make(made, PROBE_MODULE, PROBE_CALL_NONE);
		made->record->body.call.value[0] = 1;
		snprintf(text, sizeof(text), "module%" PRIu64, n);
		add_text(made, 0, span_of(text));
		break;
	case STORM_CONNECT:
		make(made, PROBE_SOCKET, PROBE_CALL_connect);
		made->record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote_port = 443, .protocol = 6,
								   .socket_type = 1 };
		memcpy(made->record->body.socket.remote, &n, 4);
		break;
	case STORM_WRITE:
		make(made, PROBE_WRITTEN, PROBE_CALL_NONE);
		made->record->body.file.value[0] = 100;
		made->record->body.file.value[1] = 1;
		storm_path(made, n);
		break;
	case STORM_IMAGE:
		make(made, PROBE_MAP, PROBE_CALL_NONE);
		storm_path(made, n);
		break;
	default:
		make(made, PROBE_OPEN, PROBE_CALL_openat);
		made->record->body.file.origin = class == STORM_CREATE ? PROBE_CREATED : 0;
		storm_path(made, n);
	}
	head = &made->record->head;
	head->time_ns = boot_ns;
	head->number = (uint32_t)n;
	head->cpu = (uint16_t)(n % 2);
	head->pid = head->tid = head->ns_pid = pid;
	head->ppid = pid == STORM_NOISY_PID ? 2 : STORM_NOISY_PID;
	/* A child of a round is another process than that of the round before. */
	head->start_ns = pid == STORM_NOISY_PID ? NS_PER_SEC : 100 * NS_PER_SEC + n / (1000 * STORM_CHILDREN) * 10 * NS_PER_MS;
	head->uid = head->euid = head->suid = head->fsuid = pid == STORM_NOISY_PID ? 1000 : 0;
}

/* How many may be made now. */
static inline uint64_t storm_allowed(const struct source *source, uint64_t now_ns)
{
	uint64_t due = source->max;

	if (source->rate > 0)
		due = MIN(due, source->rate * ((now_ns - source->begun_ns) / 1000) / 1000000);
	while (source->rate == 0 && ring_used_bytes(source->ring) > ring_capacity_bytes(source->ring) / 8)
		clock_sleep_ns(NS_PER_MS);	/* nobody would wake the reader of a source that has nothing */
	return due > source->n ? due - source->n : 0;
}

static inline int storm_read(struct source *source, size_t max, record_fn emit, void *user)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), boot_ns = clock_ns(CLOCK_BOOTTIME), real_ns = clock_now_ns(), allowed;
	unsigned n = 0;

	if (source->begun_ns == 0)
		source->begun_ns = now_ns;
	if ((source->end_ns > 0 && now_ns >= source->end_ns) || source->n >= source->max) {
		atomic_store(&source->has_ended, true);
		return 0;
	}
	allowed = storm_allowed(source, now_ns);
	for (; n < max && n < allowed; n++) {
		uint64_t number = source->n++;

		storm_make(&source->record, number, boot_ns);
		source->made[storm_class_of(number)]++;
		emit(user, &(struct record){ .type = RECORD_PROBE, .time_ns = real_ns, .text = made_bytes(&source->record) });
	}
	return (int)n;
}

static inline int storm_fd(const struct source *source)
{
	return source->fd;
}

static inline int storm_source_stop(struct source *source)
{
	atomic_store(&source->has_ended, true);
	source->max = source->n;
	return 0;
}

static const struct source_ops storm_source_ops = { .name = "storm", .read = storm_read, .fd = storm_fd, .stop = storm_source_stop };

static inline int storm_write(struct sink *sink, struct event *event)
{
	uint64_t until_ns = sink->delay_ns > 0 ? clock_ns(CLOCK_MONOTONIC) + sink->delay_ns : 0;

	sink->stored[event->kind]++;
	sink->n++;
	sink->n_steps += event->kind == KIND_ID(recorder, throttle);
	if (event->kind == KIND_ID(recorder, gap) && span_eq(values_text(&event->values, FIELD_gap_cause), SPAN("noisy_source")) &&
	    span_eq(values_text(&event->values, FIELD_message), SPAN("source: process 77 ()")))
		sink->of_source += event->gap_count;
	for (unsigned i = 0; event->kind == KIND_ID(recorder, gap) && i < N_CATEGORIES; i++)
		if (span_eq(values_text(&event->values, FIELD_gap_class), span_of(categories[i].name)))
			sink->gaps[i] += event->gap_count;
	/* Sleeps are much longer than what they are to be: what one event takes is waited for. */
	while (until_ns > 0 && clock_ns(CLOCK_MONOTONIC) < until_ns)
		;
	return 0;
}

static inline int storm_flush(struct sink *sink, uint64_t now_ns)
{
	return 0;
}

static inline void storm_report(const struct sink *sink, struct sink_report *ret)
{
	*ret = (struct sink_report){ .events = sink->n, .path = "" };
}

static inline struct sink *storm_sink_free(struct sink *sink)
{
	return NULL;
}

static const struct sink_ops storm_sink_ops = { .name = "storm", .write = storm_write, .flush = storm_flush, .report = storm_report,
						.free = storm_sink_free };

static inline void storm_nobody(void *user)
{
}

static inline void storm_must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "storm: %s: %s\n", what, strerror(-r));
		abort();
	}
}

/* database: the other sink, its file; NULL: none. */
static inline void storm_begin(struct storm *storm, const struct memory *memory, uint64_t delay_ns, const char *database)
{
	struct core_options core = {
		.pipeline = { .assembler = ASSEMBLER_DEFAULTS, .decoder = { .own_key = "recorder" },
			      .tracker = { .boot_id = SPAN("b0a1c2d3-0000-4000-8000-123456789abc"), .ticks_per_second = 100,
					   .max_bytes = memory->room[MEMORY_PROCESSES], .grace_ns = 2 * NS_PER_SEC },
			      .collate_ns = NS_PER_SEC, .waiting_bytes = memory->room[MEMORY_WAITING],
			      .held_bytes = memory->room[MEMORY_HELD] },
	};
	struct writer_options writer = { .drain_ns = 10 * NS_PER_MS, .alive_ns = 60 * NS_PER_SEC, .n_sinks = 1 };

	core.pipeline.assembler.max_bytes = memory->room[MEMORY_ASSEMBLY];
	core.pipeline.tracker.boot_time_ns = clock_now_ns() - clock_ns(CLOCK_BOOTTIME);
	*storm = (struct storm){ .counts = { .delay_ns = delay_ns } };
	storm_must(ring_new(&storm->ring, memory->room[MEMORY_RING]), "ring");
	storm_must(ring_new(&storm->notes, 1 << 16), "ring");
	storm_must(event_queue_new(&storm->queue, 8192, memory->room[MEMORY_QUEUE]), "queue");
	storm_must(taps_new(&storm->taps, storm_nobody, NULL), "taps");
	writer.queue = storm->queue;
	writer.taps = storm->taps;
	writer.sinks[0] = (struct writer_sink){ .ops = &storm_sink_ops, .sink = &storm->counts, .streams = 1, .is_journal = true };
	if (database) {
		const struct sink_options options = {
			.path = database,
			.database = { .max_bytes = UINT64_C(64) << 20, .chunk_bytes = UINT64_C(2) << 20, .clean_interval_ns = NS_PER_SEC,
				      .min_clean_percent = 5, .max_clean_percent = 10 },
		};

		writer.sinks[1] = (struct writer_sink){ .ops = &sink_database, .streams = 1 };
		storm_must(sink_database.open(&writer.sinks[1].sink, &options), database);
		writer.n_sinks = 2;
	}
	storm_must(writer_start(&storm->writer, &writer), "writer");
	core.ring = storm->ring;
	core.unread = &storm->reader_shed;
	core.notes = storm->notes;
	core.queue = storm->queue;
	storm_must(core_start(&storm->core, &core), "core");
}

static inline unsigned storm_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static inline double storm_seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_SEC;
}

/* Blows until then or for so many records; looked is called now and then, may be NULL.  Seconds that it took until all was in the ring. */
static inline double storm_blow(struct storm *storm, uint64_t rate, uint64_t max, uint64_t ns,
				void (*looked)(struct storm *storm, void *user), void *user)
{
	struct reader_options options = { .ops = &storm_source_ops, .source = &storm->source, .ring = storm->ring,
					  .shed = &storm->reader_shed, .nap_ns = NS_PER_MS, .gather_ns = 10 * NS_PER_MS };
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	struct reader *reader;
	int kept;

	storm->source.ring = storm->ring;
	storm->source.rate = rate;
	storm->source.max = max;
	storm->source.end_ns = ns > 0 ? begin_ns + ns : 0;
	storm->source.fd = -1;
	storm_must(reader_start(&reader, &options), "reader");
	while (!atomic_load(&storm->source.has_ended)) {
		clock_sleep_ns(20 * NS_PER_MS);
		core_stats(storm->core, &storm->core_stats);
		storm->highest = MAX(storm->highest, storm->core_stats.pipeline.shed.step);
		if (looked)
			looked(storm, user);
	}
	reader_stop(reader, &kept);
	return storm_seconds(clock_ns(CLOCK_MONOTONIC) - begin_ns);
}

static inline void storm_end(struct storm *storm)
{
	core_stop(storm->core, UINT64_MAX, &storm->core_stats);
	writer_stop(storm->writer, &storm->writer_stats);
	event_queue_free(storm->queue);
	taps_free(storm->taps);
}

static inline void storm_release(struct storm *storm)
{
	ring_free(storm->ring);
	ring_free(storm->notes);
}

static inline uint64_t storm_shed(const struct storm *storm, enum category category)
{
	const struct shed_stats *shed = &storm->core_stats.pipeline.shed;

	return shed->events[category] + shed->records[category] +
	       atomic_load(&((struct storm *)(uintptr_t)storm)->reader_shed.records[category]);
}

/* All that was made is somewhere: stored, let go of, or dropped by the ring; and what was let go of stands in gaps.  0: yes, else how much
 * does not.  Says of each category what became of it. */
static inline uint64_t storm_account(struct storm *storm, FILE *out)
{
	uint64_t found = ring_dropped(storm->ring), made_in_all = 0, wrong = storm->core_stats.pipeline.no_memory + storm->writer_stats.lost;

	for (unsigned category = 0; category < N_CATEGORIES; category++) {
		uint64_t made = 0, stored = 0, shed = storm_shed(storm, (enum category)category), told = storm->counts.gaps[category];
		uint64_t by_reader = atomic_load(&storm->reader_shed.records[category]);

		for (unsigned class = 0; class < N_STORM_CLASSES; class++)
			if (kinds[storm_classes[class].kind].category == category) {
				made += storm->source.made[class];
				stored += storm->counts.stored[storm_classes[class].kind];
			}
		made_in_all += made;
		found += stored + shed;
		/* The reader's are told by the daemon's ledger, which is not here. */
		wrong += told > shed - by_reader ? told - (shed - by_reader) : shed - by_reader - told;
		if (out && made > 0)
			fprintf(out, "%s\"%s\":{\"made\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"let_go\":%" PRIu64 ",\"in_gaps\":%" PRIu64
				",\"left_out_by_the_reader\":%" PRIu64 "}", category == 0 ? "" : ",", categories[category].name, made, stored, shed,
				told, by_reader);
	}
	if (out)
		fprintf(out, ",\"dropped_by_the_ring\":%" PRIu64, ring_dropped(storm->ring));
	return wrong + (found > made_in_all ? found - made_in_all : made_in_all - found);
}

/* What is never let go of: how much of it is missing. */
static inline uint64_t storm_missing(const struct storm *storm)
{
	uint64_t missing = 0;

	for (unsigned class = 0; class < N_STORM_CLASSES; class++)
		if (kinds[storm_classes[class].kind].shed == 0)
			missing += storm->source.made[class] - MIN(storm->source.made[class], storm->counts.stored[storm_classes[class].kind]);
	return missing;
}
