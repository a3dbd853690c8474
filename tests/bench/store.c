/* What the database takes a second: a file storm through its sink, kept within a bound that it reached long before, so that as much
 * is cleaned as comes; the same without a bound; and the rows that this made, put into tables of the same columns by plain INSERTs.
 * A line of JSON each. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sink/sink.h"
#include "sink/sql.h"

#define PER_PROCESS 1000
#define PER_FLUSH   2500
#define PER_COMMIT  10000

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-store: %s\n", what);
	exit(1);
}

static void say(const char *name, unsigned n, double wall, double cpu)
{
	printf("{\"store\":\"%s\",\"events_per_second\":%.0f,\"cpu_us\":%.3f}\n", name, n / wall, cpu * 1e6 / n);
	fflush(stdout);
}

static struct context *new_process(unsigned number)
{
	struct context *context = context_new();
	char text[96];

	values_set_number(&context->values, FIELD_pid, 1000 + number);
	values_set_number(&context->values, FIELD_entity_id, UINT64_C(0x9e3779b97f4a7c15) * (number + 1));
	values_set_number(&context->values, FIELD_uid, 0);
	values_set_text(&context->values, FIELD_name, SPAN("storm"));
	values_set_text(&context->values, FIELD_executable, SPAN("/usr/bin/storm"));
	snprintf(text, sizeof(text), "storm --number %u", number);
	values_set_text(&context->values, FIELD_command_line, span_of(text));
	values_set_text(&context->values, FIELD_user_name, SPAN("root"));
	return context;
}

/* Rounds of create, write, rename, delete in a folder of the process. */
static struct event *next_event(unsigned number, struct context **process)
{
	static const uint16_t acts[] = { KIND_ID(file, create), KIND_ID(file, write), KIND_ID(file, rename), KIND_ID(file, delete) };
	uint16_t kind = acts[number % ARRAY_SIZE(acts)];
	struct event *event = event_new(kind, UINT64_C(1732271338000000000) + number * UINT64_C(20000));
	char path[96], other[96];

	if (number % PER_PROCESS == 0) {
		context_unref(*process);
		*process = new_process(number / PER_PROCESS);
	}
	event->context = context_ref(*process);
	event->origin = number % 2;
	snprintf(path, sizeof(path), "/tmp/storm.%u/storm%u", number / PER_PROCESS, number / 4);
	snprintf(other, sizeof(other), "/tmp/storm.%u/moved%u", number / PER_PROCESS, number / 4);
	values_set_text(&event->values, FIELD_path, span_of(kind == KIND_ID(file, delete) ? other : path));
	if (kind == KIND_ID(file, rename))
		values_set_text(&event->values, FIELD_target_path, span_of(other));
	values_set_number(&event->values, FIELD_inode, 1000000 + number / 4 % 512);
	values_set_number(&event->values, FIELD_device, 64769);
	values_set_number(&event->values, FIELD_mode, 0100644);
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	values_set_text(&event->values, FIELD_source, SPAN("ebpf"));
	return event;
}

struct took {
	double wall, cpu;
};

static void begin(struct took *took)
{
	took->wall -= now(CLOCK_MONOTONIC);
	took->cpu -= now(CLOCK_THREAD_CPUTIME_ID);
}

static void end(struct took *took)
{
	took->wall += now(CLOCK_MONOTONIC);
	took->cpu += now(CLOCK_THREAD_CPUTIME_ID);
}

/* Events are made before the time is taken, a batch at once. */
static void write_events(struct sink *sink, unsigned from, unsigned until, struct took *took)
{
	static struct event *batch[PER_FLUSH];
	struct context *process = new_process(0);

	while (from < until) {
		unsigned n = 0;

		for (; n < ARRAY_SIZE(batch) && from < until; n++)
			batch[n] = next_event(from++, &process);
		begin(took);
		for (unsigned i = 0; i < n; i++) {
			event_fetch(i + 1 < n ? batch[i + 1] : NULL);	/* as the writer does */
			if (sink_database.write(sink, batch[i]) < 0)
				die("an event was refused");
		}
		if (sink_database.flush(sink, batch[n - 1]->time_ns) < 0)
			die("flush");
		end(took);
		for (unsigned i = 0; i < n; i++)
			event_free(batch[i]);
	}
	context_unref(process);
}

/* from: events before it fill the database, which is not timed. */
static void store(const char *name, const char *path, const struct database_limits *limits, const unsigned char *key, unsigned from,
		  unsigned n)
{
	struct sink_options options = { .path = path, .chain_key = key };
	struct took filling = { 0 }, took = { 0 };
	struct sink *sink;

	unlink(path);
	if (limits)
		options.database = *limits;
	if (sink_database.open(&sink, &options) < 0)
		die(path);
	write_events(sink, 0, from, &filling);
	write_events(sink, from, from + n, &took);
	say(name, n, took.wall, took.cpu);
	sink_database.free(sink);
}

/* Plain rows */

struct rows {
	char name[64];
	int n_columns;
	size_t n, max;
	sqlite3_value **values;
};

static void check(sqlite3 *db, int r, const char *what)
{
	if (r != SQLITE_OK && r != SQLITE_DONE && r != SQLITE_ROW) {
		fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
		exit(1);
	}
}

static void read_rows(sqlite3 *db, struct rows *rows)
{
	sqlite3_stmt *statement;
	char sql[128];
	int r;

	snprintf(sql, sizeof(sql), "SELECT * FROM %.63s", rows->name);
	check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
	rows->n_columns = sqlite3_column_count(statement);
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		if (rows->n == rows->max) {
			rows->max = rows->max ? rows->max * 2 : 1024;
			rows->values = reallocarray(rows->values, rows->max * (size_t)rows->n_columns, sizeof(*rows->values));
			if (!rows->values)
				die("no memory");
		}
		for (int i = 0; i < rows->n_columns; i++)
			rows->values[rows->n * (size_t)rows->n_columns + (size_t)i] = sqlite3_value_dup(sqlite3_column_value(statement, i));
		rows->n++;
	}
	check(db, r, sql);
	sqlite3_finalize(statement);
}

static void insert_rows(sqlite3 *db, const struct rows *rows, unsigned *n_open)
{
	sqlite3_stmt *statement;
	char sql[1024];
	int n = snprintf(sql, sizeof(sql), "INSERT INTO %.63s VALUES (?", rows->name);

	for (int i = 1; i < rows->n_columns; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, ",?");
	snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
	check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
	for (size_t row = 0; row < rows->n; row++) {
		for (int i = 0; i < rows->n_columns; i++)
			sqlite3_bind_value(statement, i + 1, rows->values[row * (size_t)rows->n_columns + (size_t)i]);
		check(db, sqlite3_step(statement), sql);
		sqlite3_reset(statement);
		if (++*n_open % PER_COMMIT == 0)
			check(db, sqlite3_exec(db, "COMMIT; BEGIN", NULL, NULL, NULL), "COMMIT");
	}
	sqlite3_finalize(statement);
}

/* The same rows in tables that are defined alike, in transactions as large. */
static void raw(const char *from_path, const char *path, unsigned n)
{
	static struct rows tables[128];
	sqlite3 *from, *to;
	sqlite3_stmt *statement;
	unsigned n_tables = 0, n_open = 0;
	struct took took = { 0 };

	unlink(path);
	check(NULL, sqlite3_open(from_path, &from), from_path);
	check(NULL, sqlite3_open(path, &to), path);
	check(to, sqlite3_exec(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096", NULL, NULL, NULL), path);
	check(from, sqlite3_prepare_v2(from, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'", -1, &statement, NULL), "schema");
	while (sqlite3_step(statement) == SQLITE_ROW && n_tables < ARRAY_SIZE(tables)) {
		struct rows *rows = &tables[n_tables++];

		snprintf(rows->name, sizeof(rows->name), "%s", (const char *)sqlite3_column_text(statement, 0));
		check(to, sqlite3_exec(to, (const char *)sqlite3_column_text(statement, 1), NULL, NULL, NULL), rows->name);
		read_rows(from, rows);
	}
	sqlite3_finalize(statement);
	begin(&took);
	check(to, sqlite3_exec(to, "BEGIN", NULL, NULL, NULL), "BEGIN");
	for (unsigned i = 0; i < n_tables; i++)
		insert_rows(to, &tables[i], &n_open);
	check(to, sqlite3_exec(to, "COMMIT", NULL, NULL, NULL), "COMMIT");
	end(&took);
	say("plain INSERTs", n, took.wall, took.cpu);
	sqlite3_close(to);
	sqlite3_close(from);
}

int main(int argc, char **argv)
{
	static const unsigned char key[32] = "bench";
	static const struct database_limits limits = {
		.max_bytes = 64 << 20, .chunk_bytes = 100 << 20, .min_clean_percent = 5, .max_clean_percent = 50,
		.shares = { [CATEGORY_process] = 25, [CATEGORY_file] = 20, [CATEGORY_system] = 10, [CATEGORY_recorder] = 5 },
	};
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	char bounded[4096], free_size[4096], plain[4096];

	if (argc != 3 || n == 0) {
		fprintf(stderr, "usage: bench-store FOLDER EVENTS\n");
		return 2;
	}
	snprintf(bounded, sizeof(bounded), "%s/bounded.db", argv[1]);
	snprintf(free_size, sizeof(free_size), "%s/free.db", argv[1]);
	snprintf(plain, sizeof(plain), "%s/plain.db", argv[1]);
	store("within its bound", bounded, &limits, key, 2500000, n);
	store("without a bound", free_size, NULL, key, 0, n);
	store("without bound and chain", free_size, NULL, NULL, 0, n);
	raw(free_size, plain, n);
	return 0;
}
