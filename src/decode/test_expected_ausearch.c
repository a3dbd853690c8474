/* Our reading of other people's records against ausearch's: every field as `ausearch -i` names it, and its
 * counts of records, events and types. The data is not ours and lies in the folder named by
 * RECORDER_TEST_DATA; without it the test says so and is skipped.  Each comparison is counted, and the counts
 * must not fall: nothing passes for want of input. */

#include <dirent.h>

#include "decode/test_reading.h"

static char *root; /* RECORDER_TEST_DATA/audit */

/* ausearch -i */

struct tally {
	unsigned records, fields, ids, deviations, wrong;
};

static const struct {
	const char *name;
	unsigned id;
} host_names[] = {
	/* of the host on which the expected readings were made */
	{ "root", 0 }, { "cloudsdk", 1000 }, { "messagebus", 100 }, { "voice", 22 }, { "_apt", 42 },
};

/* ausearch names users; we do not: the name must be that of the number on its host, or in the record's own
 * tail. */
static bool same_id(const struct reading *reading, struct span number, struct span token)
{
	char unknown[64];

	snprintf(unknown, sizeof(unknown), "unknown(%.*s)", (int)number.size, number.data);
	if (span_eq(token, number) || span_eq(token, span_of(unknown)))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(host_names); i++) {
		snprintf(unknown, sizeof(unknown), "%u", host_names[i].id);
		if (span_eq(token, span_of(host_names[i].name)) && span_eq(number, span_of(unknown)))
			return true;
	}
	snprintf(unknown, sizeof(unknown), "=\"%.*s\"", (int)token.size, token.data);
	return reading->tail.size > 0 &&
	       memmem(reading->tail.data, reading->tail.size, unknown, strlen(unknown));
}

/* ausearch -i escapes control characters as \ooo. */
static void escape(struct buffer *out, struct span text)
{
	buffer_clear(out);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c < 0x20)
			buffer_printf(out, "\\%03o", c);
		else
			buffer_append_byte(out, (char)c);
	}
}

/* Fields that we read otherwise, and why that is right. */
static const struct deviation {
	uint32_t type; /* 0: any */
	const char *key;
	const char *theirs; /* beginning of their value; "": any */
	const char *reason;
} deviations[] = {
	{ 1300, "a", "SIG", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "PTRACE_", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "O_RD", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "TCGETS", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "F_SETLKW", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "R_OK", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "a", "0700", "arguments are shown as numbers; their meaning is the event's" },
	{ 1300, "id", "root", "a name (vagrant) in a line that was interpreted before: ausearch makes it 0" },
	{ 1201, "auid", "root", "`?` is unknown; ausearch makes it 0" },
	{ 1300, "arch", "unknown-elf-type", "we read a line that was interpreted before; ausearch does not" },
	{ 1300, "syscall", "read", "we read a line that was interpreted before; ausearch does not" },
	{ 1300, "a", "0x0x", "we read a line that was interpreted before; ausearch does not" },
	{ 1306, "saddr",
	  "{ fam=", "ausearch repeats the words of the ENRICHED tail; the address is the same" },
	{ 1319, "data", "", "ausearch names the keys that were pressed; we keep the bytes" },
	{ 1006, "old-ses", "4294967295", "we call the unset session unset as elsewhere" },
	{ 1300, "subj", "=", "a doubled sign of equality (Linux 4.x with AppArmor) is no part of the label" },
};

static bool is_deviation(const struct reading *reading, struct span key, struct span ours, struct span theirs)
{
	for (size_t i = 0; i < ARRAY_SIZE(deviations); i++) {
		if (deviations[i].type != 0 && deviations[i].type != reading->type)
			continue;
		/* `a` stands for a0 to a3, `id` for every user and group. */
		if (!span_eq(key, span_of(deviations[i].key)) &&
		    !(strcmp(deviations[i].key, "a") == 0 && key.size == 2 && key.data[0] == 'a') &&
		    !(strcmp(deviations[i].key, "id") == 0 && is_id_key(key)))
			continue;
		if (strcmp(deviations[i].key, "id") == 0 && !span_eq(ours, SPAN("vagrant")))
			continue;
		if (span_starts(theirs, span_of(deviations[i].theirs)))
			return true;
	}
	return false;
}

static bool ends_value(char c)
{
	return c == ' ' || c == '\'' || c == ',' || c == ')' || c == '(' || c == ':';
}

/* How many of our fields the interpreted line has in the same order with the same values. */
static size_t compare_line(const struct reading *reading, struct span line, struct tally *tally, bool say)
{
	struct buffer needle = { 0 }, escaped = { 0 };
	const char *at = line.data, *end = line.data + line.size;
	size_t good = 0;

	for (size_t i = 0; i < reading->n; i++) {
		struct span key = key_of(reading, i), value = value_at(reading, i), theirs, token;
		const char *found = at;

		buffer_clear(&needle);
		buffer_append_span(&needle, key);
		buffer_append_byte(&needle, '=');
		for (;;) {
			found = memmem(found, (size_t)(end - found), needle.data, needle.size);
			if (!found || (found > line.data &&
				       (found[-1] == ' ' || found[-1] == '\'' || found[-1] == '(')))
				break;
			found++;
		}
		if (!found) {
			if (say)
				print_error("no %.*s= in: %.*s\n", (int)key.size, key.data, (int)line.size,
					    line.data);
			continue;
		}
		found += needle.size;
		theirs = (struct span){ found, (size_t)(end - found) };
		token = theirs;
		for (size_t k = 0; k < theirs.size; k++)
			if (theirs.data[k] == ' ' || theirs.data[k] == '\'') {
				token.size = k;
				break;
			}
		escape(&escaped, value);
		if (span_starts(theirs, SPAN("\""))) /* a text they do not decode */
			theirs = (struct span){ theirs.data + 1, theirs.size - 1 };
		if (is_id_key(key) && value.size > 0 && value.data[0] >= '0' && value.data[0] <= '9' &&
		    same_id(reading, value, token)) {
			tally->ids += say;
			good++;
		} else if (span_starts(theirs, buffer_span(&escaped)) &&
			   (theirs.size == escaped.size || ends_value(theirs.data[escaped.size]) ||
			    theirs.data[escaped.size] == '"')) {
			tally->fields += say;
			good++;
		} else if (is_deviation(reading, key, value, theirs)) {
			tally->deviations += say;
			good++;
		} else if (say) {
			print_error("%.*s: ours '%s', theirs '%.*s'\n", (int)key.size, key.data,
				    buffer_text(&escaped), (int)MIN(theirs.size, 60u), theirs.data);
		}
		at = found;
	}
	buffer_release(&needle);
	buffer_release(&escaped);
	return good;
}

/* An interpreted line is of this record: same type and serial. */
static bool is_of(struct span line, const struct reading *reading, struct span *ret_body)
{
	const char *type = memmem(line.data, line.size, "type=", 5), *blank, *close;
	char serial[32];

	if (!type)
		return false;
	blank = memchr(type, ' ', (size_t)(line.data + line.size - type));
	if (!blank ||
	    audit_type_number((struct span){ type + 5, (size_t)(blank - type - 5) }) != reading->type)
		return false;
	snprintf(serial, sizeof(serial), ":%llu)", (unsigned long long)reading->serial);
	close = memmem(blank, (size_t)(line.data + line.size - blank), serial, strlen(serial));
	if (!close || memchr(blank, ')', (size_t)(close - blank)))
		return false;
	close += strlen(serial);
	*ret_body = (struct span){ close, (size_t)(line.data + line.size - close) };
	return true;
}

static void check_ausearch(struct decoder *decoder, const char *raw_path, const char *interpreted_path,
			   struct tally *tally)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	struct text_file raw, interpreted;

	assert_non_null(reading);
	read_file(&raw, raw_path);
	read_file(&interpreted, interpreted_path);
	for (size_t i = 0; i < raw.n_lines; i++) {
		struct span best = { NULL, 0 }, body;
		size_t best_good = 0;

		if (!read_line(decoder, raw.lines[i], reading))
			continue;
		for (size_t k = 0; k < interpreted.n_lines; k++) {
			size_t good;

			if (!is_of(interpreted.lines[k], reading, &body))
				continue;
			good = compare_line(reading, body, tally, false);
			if (!best.data || good > best_good) {
				best = body;
				best_good = good;
			}
		}
		/* ausearch leaves out what it does not understand (AppArmor's AVC). */
		if (!best.data)
			continue;
		tally->records++;
		if (compare_line(reading, best, tally, true) == reading->n)
			continue;
		print_error("%s:%zu: %.*s\n", raw_path, i + 1, (int)MIN(raw.lines[i].size, 400u),
			    raw.lines[i].data);
		tally->wrong++;
	}
	release_file(&raw);
	release_file(&interpreted);
	buffer_release(&reading->text);
	free(reading);
}

static void test_ausearch(void **state)
{
	static const char suffix[] = ".interpret.txt";
	char *folder = format_path("%s/expected/ausearch", root);
	struct decoder *decoder;
	struct tally tally = { 0 };
	struct dirent *entry;
	unsigned n_files = 0;
	DIR *directory;

	assert_int_equal(decoder_new(&decoder, NULL), 0);
	directory = opendir(folder);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char *raw, *interpreted, *underlines;

		if (!span_ends(span_of(entry->d_name), span_of(suffix)))
			continue;
		raw = format_path("%s/%.*s", root, (int)(strlen(entry->d_name) - strlen(suffix)),
				  entry->d_name);
		interpreted = format_path("%s/%s", folder, entry->d_name);
		while ((underlines = strstr(raw + strlen(root), "__"))) {
			*underlines = '/';
			memmove(underlines + 1, underlines + 2, strlen(underlines + 2) + 1);
		}
		check_ausearch(decoder, raw, interpreted, &tally);
		free(raw);
		free(interpreted);
		n_files++;
	}
	closedir(directory);
	free(folder);
	decoder_free(decoder);
	print_message(
		"ausearch -i: %u files, %u records, %u fields equal, %u ids equal, %u justified deviations\n",
		n_files, tally.records, tally.fields, tally.ids, tally.deviations);
	assert_int_equal(tally.wrong, 0);
	assert_true(n_files >= 48);
	assert_true(tally.records >= 474);
	assert_true(tally.fields >= 4170);
	assert_true(tally.ids >= 1202);
	assert_true(tally.deviations <= 53);
}

/* counts.tsv: records, events and types of every file; and each of its drafts decoded */

struct key {
	struct span node;
	uint64_t time_ns, serial;
};

static struct span next_column(struct span *rest)
{
	const char *tab = memchr(rest->data, '\t', rest->size);
	struct span column = { rest->data, tab ? (size_t)(tab - rest->data) : rest->size };

	rest->data += column.size + (tab ? 1 : 0);
	rest->size -= column.size + (tab ? 1 : 0);
	return column;
}

static uint64_t number_of(struct span column)
{
	uint64_t number = 0;

	assert_int_equal(span_to_u64(column, &number), 0);
	return number;
}

/* All records of one event together, wherever they stand. */
static unsigned decode_all(struct decoded *d, struct record_head *heads, struct key *keys, size_t n)
{
	struct draft_record *records = calloc(n, sizeof(*records));
	unsigned n_events = 0;

	assert_non_null(records);
	for (size_t i = 0; i < n; i++) {
		struct draft draft = { .records = records,
				       .time_ns = keys[i].time_ns,
				       .serial = keys[i].serial,
				       .node = keys[i].node };

		if (heads[i].type == 0)
			continue;
		for (size_t k = i; k < n && k < i + 256; k++) {
			if (heads[k].type == 0 || keys[k].serial != keys[i].serial ||
			    keys[k].time_ns != keys[i].time_ns || !span_eq(keys[k].node, keys[i].node))
				continue;
			records[draft.n_records++] = (struct draft_record){ heads[k].type, heads[k].body.data,
									    (uint32_t)heads[k].body.size };
			heads[k].type = 0;
		}
		n_events++;
		decoded_forget(d);
		assert_int_equal(decode_draft(d->decoder, &draft, keep, d), 0);
	}
	free(records);
	return n_events;
}

static void test_counts(void **state)
{
	char *path = format_path("%s/expected/counts.tsv", root);
	static struct record_head heads[MAX_LINES];
	static struct key keys[MAX_LINES];
	unsigned n_files = 0, n_records = 0, n_types = 0, n_events = 0;
	const struct decoder_stats *stats;
	struct text_file table;
	struct decoded d;

	decoded_start(&d, NULL);
	stats = decoder_stats(d.decoder);
	read_file(&table, path);
	for (size_t i = 0; i < table.n_lines; i++) {
		struct span rest = table.lines[i], name, column;
		uint64_t expected_records, expected_other, expected_events;
		unsigned counts[3000] = { 0 }, other = 0;
		struct text_file file;
		char *log;
		size_t n = 0;

		if (rest.size == 0 || rest.data[0] == '#')
			continue;
		name = next_column(&rest);
		next_column(&rest);
		expected_records = number_of(next_column(&rest));
		expected_other = number_of(next_column(&rest));
		expected_events = number_of(next_column(&rest));
		for (unsigned k = 0; k < 4; k++)
			next_column(&rest);
		log = format_path("%s/%.*s", root, (int)name.size, name.data);
		read_file(&file, log);
		for (size_t k = 0; k < file.n_lines; k++) {
			struct record record;

			if (audit_line(file.lines[k], &record) < 0 || audit_head(&record, &heads[n]) < 0) {
				other += file.lines[k].size > 0;
				continue;
			}
			keys[n] = (struct key){ record.node, heads[n].time_ns, heads[n].serial };
			assert_true(heads[n].type < ARRAY_SIZE(counts));
			counts[heads[n].type]++;
			n++;
		}
		if (n != expected_records || other != expected_other)
			fail_msg("%s: %zu records, %u other lines", log, n, other);
		n_records += (unsigned)n;
		while (rest.size > 0) {
			const char *comma = memchr(rest.data, ',', rest.size), *equals;
			size_t size = comma ? (size_t)(comma - rest.data) : rest.size;

			column = (struct span){ rest.data, size };
			equals = memchr(column.data, '=', column.size);
			assert_non_null(equals);
			name = (struct span){ column.data, (size_t)(equals - column.data) };
			if (number_of((struct span){ equals + 1, column.size - name.size - 1 }) !=
			    counts[audit_type_number(name)])
				fail_msg("%s: %.*s", log, (int)column.size, column.data);
			n_types++;
			rest.data += size + (comma ? 1 : 0);
			rest.size -= size + (comma ? 1 : 0);
		}
		assert_int_equal(decode_all(&d, heads, keys, n), expected_events);
		n_events += (unsigned)expected_events;
		n_files++;
		release_file(&file);
		free(log);
	}
	release_file(&table);
	free(path);
	print_message(
		"counts: %u files, %u records, %u types, %u drafts -> %llu events, %llu partial, %llu failed calls, "
		"%llu without event\n",
		n_files, n_records, n_types, n_events, (unsigned long long)stats->events,
		(unsigned long long)stats->partial, (unsigned long long)stats->failed_calls,
		(unsigned long long)stats->no_event);
	assert_true(n_files >= 50);
	assert_true(n_records >= 5703);
	assert_true(n_types >= 279);
	assert_int_equal(stats->drafts, n_events);
	assert_int_equal(stats->errors, 0);
	assert_int_equal(stats->unknown_types, 0);
	assert_true(stats->events >= 3536);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ausearch),
		cmocka_unit_test(test_counts),
	};
	int r;

	root = test_data_root();
	if (!root)
		return SKIPPED;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(root);
	return r;
}
