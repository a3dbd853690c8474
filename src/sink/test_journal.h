#pragma once
/* Journals whose lines are numbered, and what is found of the numbers in all files. */

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <sys/inotify.h>

#include "sink/journal_reader.h"
#include "sink/test_sink.h"

static inline struct sink *journal_must_open(const char *path, uint64_t max_size, unsigned keep, bool compress)
{
	static const char *const names[64] = { "default" };
	struct sink_error error = { "" };
	struct sink_options options = { .path = path,
					.max_size_bytes = max_size,
					.keep = keep,
					.compress = compress,
					.host_name = "box",
					.subscription_names = names,
					.error = &error };
	struct sink *sink;
	int r = sink_journal.open(&sink, &options);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), error.message);
	return sink;
}

static inline int write_numbered(struct sink *sink, uint64_t number)
{
	struct event *event = event_new(KIND_ID(file, write), number * NS_PER_SEC);
	int r;

	event->origin = number;
	event->streams = 1;
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/x"));
	r = sink_journal.write(sink, event);
	event_free(event);
	return r;
}

/* [begin, end), each flushed. */
static inline void write_range(struct sink *sink, uint64_t begin, uint64_t end)
{
	for (uint64_t i = begin; i < end; i++) {
		assert_int_equal(write_numbered(sink, i), 0);
		sink_journal.flush(sink, 1);
	}
}

/* The number of a line; 0: it is no object. */
static inline uint64_t line_number(struct span line)
{
	json_t *json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
	const char *id = json_string_value(json_object_get(json_object_get(json, "event"), "id"));
	uint64_t time_ns, number = 0;

	if (id)
		assert_int_equal(event_id_parse(span_of(id), &time_ns, &number), 0);
	json_decref(json);
	return number;
}

struct found {
	uint64_t first, last;
	unsigned n;
	bool in_order;			/* each follows the one before */
};

/* What the reader has now. */
static inline struct found found_by(struct journal_reader *reader)
{
	struct found found = { .in_order = true };
	struct span line;
	int r;

	while ((r = journal_reader_line(reader, &line)) > 0) {
		uint64_t number = line_number(line);

		if (number == 0)
			fail_msg("%s: no object: %.*s", journal_reader_path(reader), (int)line.size, line.data);
		if (found.n++ == 0)
			found.first = number;
		else if (number != found.last + 1)
			found.in_order = false;
		found.last = number;
	}
	if (r < 0)
		fail_msg("%s: %s", journal_reader_path(reader), strerror(-r));
	return found;
}

static inline struct journal_reader *reader_must_open(const char *path)
{
	struct sink_error error = { "" };
	struct journal_reader *reader;

	if (journal_reader_open(&reader, path, &error) < 0)
		fail_msg("%s", error.message);
	return reader;
}

/* All files of a journal. */
static inline struct found found_in(const char *path)
{
	_cleanup_(journal_reader_freep) struct journal_reader *reader = reader_must_open(path);

	assert_int_equal(journal_reader_seek_since(reader, 0), 0);
	return found_by(reader);
}

static inline void assert_found(const char *path, uint64_t first, uint64_t last)
{
	struct found found = found_in(path);

	assert_int_equal(found.first, first);
	assert_int_equal(found.last, last);
	assert_int_equal(found.n, last - first + 1);
	assert_true(found.in_order);
}

static inline off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* path + ending; good until the next but three. */
static inline const char *beside(const char *path, const char *ending)
{
	static char names[4][160];
	static unsigned n;
	char *name = names[n++ % 4];

	snprintf(name, sizeof(names[0]), "%s%s", path, ending);
	return name;
}

/* Sleeps until there is no such file. */
static inline void wait_gone(const struct place *place, const char *path)
{
	struct pollfd events = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN };
	char data[4096];

	assert_true(inotify_add_watch(events.fd, place->folder, IN_DELETE | IN_MOVED_FROM) >= 0);
	while (access(path, F_OK) == 0) {
		assert_int_equal(poll(&events, 1, -1), 1);
		assert_true(read(events.fd, data, sizeof(data)) > 0);
	}
	close(events.fd);
}

static inline void put_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}
