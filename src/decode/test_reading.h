#pragma once
/* For the tests that compare our reading of other people's records with theirs: files, lines, fields. */

#include "decode/audit_interpret.h"
#include "decode/audit_text.h"
#include "decode/test_draft.h"

#define SKIPPED	   77
#define MAX_FIELDS 512
#define MAX_LINES  8192

struct text_file {
	char *data;
	size_t size;
	struct span *lines;
	size_t n_lines;
};

static inline char *format_path(const char *format, ...) _printf_(1, 2);
static inline char *format_path(const char *format, ...)
{
	va_list arguments;
	char *path = NULL;

	va_start(arguments, format);
	assert_true(vasprintf(&path, format, arguments) >= 0);
	va_end(arguments);
	return path;
}

static inline void read_file(struct text_file *file, const char *path)
{
	FILE *stream = fopen(path, "re");
	size_t n = 0, capacity = 0;
	struct span rest;

	if (!stream)
		fail_msg("cannot open %s", path);
	memset(file, 0, sizeof(*file));
	do {
		capacity = capacity ? 2 * capacity : 65536;
		file->data = realloc(file->data, capacity);
		assert_non_null(file->data);
		n = fread(file->data + file->size, 1, capacity - file->size, stream);
		file->size += n;
	} while (n > 0 && file->size == capacity);
	fclose(stream);
	file->lines = calloc(MAX_LINES, sizeof(*file->lines));
	assert_non_null(file->lines);
	rest = (struct span){ file->data, file->size };
	while (rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end ? (size_t)(end - rest.data) : rest.size;

		assert_true(file->n_lines < MAX_LINES);
		file->lines[file->n_lines++] = (struct span){ rest.data, size };
		rest.data += size + (end ? 1 : 0);
		rest.size -= size + (end ? 1 : 0);
	}
}

static inline void release_file(struct text_file *file)
{
	free(file->data);
	free(file->lines);
}

/* The fields of one record, copied. */
struct reading {
	struct buffer text;
	struct {
		size_t key, key_size, value, value_size;
	} fields[MAX_FIELDS];
	size_t n;
	uint32_t type;
	uint64_t serial;
	struct span tail;
};

static inline int take_field(void *user, struct span key, struct span value)
{
	struct reading *reading = user;

	assert_true(reading->n < MAX_FIELDS);
	reading->fields[reading->n].key = reading->text.size;
	reading->fields[reading->n].key_size = key.size;
	buffer_append_span(&reading->text, key);
	reading->fields[reading->n].value = reading->text.size;
	reading->fields[reading->n].value_size = value.size;
	buffer_append_span(&reading->text, value);
	reading->n++;
	return 0;
}

static inline struct span key_of(const struct reading *reading, size_t i)
{
	return (struct span){ reading->text.data + reading->fields[i].key, reading->fields[i].key_size };
}

static inline struct span value_at(const struct reading *reading, size_t i)
{
	return (struct span){ reading->text.data + reading->fields[i].value, reading->fields[i].value_size };
}

static inline bool find_value(const struct reading *reading, struct span key, struct span *ret)
{
	for (size_t i = 0; i < reading->n; i++)
		if (span_eq(key_of(reading, i), key)) {
			*ret = value_at(reading, i);
			return true;
		}
	return false;
}

/* false: not a record. */
static inline bool read_line(struct decoder *decoder, struct span line, struct reading *reading)
{
	struct record record;
	struct record_head head;
	const char *tail;

	buffer_clear(&reading->text);
	reading->n = 0;
	if (audit_line(line, &record) < 0 || audit_head(&record, &head) < 0)
		return false;
	reading->type = head.type;
	reading->serial = head.serial;
	tail = memchr(head.body.data, 0x1d, head.body.size);
	reading->tail = tail ? (struct span){ tail, (size_t)(head.body.data + head.body.size - tail) }
			     : SPAN("");
	assert_int_equal(audit_interpret(decoder, head.type, head.body, take_field, reading), 0);
	return true;
}

static inline bool is_id_key(struct span key)
{
	static const char *const keys[] = { "uid",  "gid",   "euid",	 "suid", "fsuid",
					    "egid", "sgid",  "fsgid",	 "auid", "ouid",
					    "ogid", "oauid", "old-auid", "id",	 "sauid" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (span_eq(span_of(keys[i]), key))
			return true;
	return false;
}

/* The value as the record has it, of a key also within a nested message.  {NULL, 0}: no such key. */
static inline struct span raw_in(struct span text, const char *key)
{
	struct audit_pair pair;

	while (audit_next(&text, &pair)) {
		struct span found;

		if (span_eq(pair.key, span_of(key)))
			return audit_raw(pair.value);
		if (!pair.nested)
			continue;
		found = raw_in(audit_raw(pair.value), key);
		if (found.data)
			return found;
	}
	return (struct span){ NULL, 0 };
}

static inline struct span raw_value(struct span line, const char *key)
{
	struct record record;
	struct record_head head;
	struct span text, names;

	assert_int_equal(audit_line(line, &record), 0);
	assert_int_equal(audit_head(&record, &head), 0);
	audit_split(head.body, &text, &names);
	return raw_in(text, key);
}

/* RECORDER_TEST_DATA/audit, to be freed; NULL: not set, said so. */
static inline char *test_data_root(void)
{
	const char *data = getenv("RECORDER_TEST_DATA");

	if (data && *data)
		return format_path("%s/audit", data);
	print_message(
		"skipped: RECORDER_TEST_DATA does not name the folder with other people's audit data\n");
	return NULL;
}
