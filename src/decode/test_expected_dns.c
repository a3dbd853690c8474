/* DNS messages of other people against the readings of dnspython and tshark: RECORDER_TEST_DATA/dns, skipped without it,
 * every comparison counted. */

#include <arpa/inet.h>

#include "decode/test_dns.h"
#include "decode/test_reading.h"

static const char *data;	/* RECORDER_TEST_DATA */

#define MAX_COLUMNS 25

static size_t split(struct span line, struct span columns[static MAX_COLUMNS])
{
	size_t n = 0;

	for (;;) {
		const char *end = memchr(line.data, '\t', line.size);

		assert_true(n < MAX_COLUMNS);
		columns[n++] =
			(struct span){ line.data, end ? (size_t)(end - line.data) : line.size };
		if (!end)
			return n;
		line = (struct span){ end + 1, line.size - columns[n - 1].size - 1 };
	}
}

/* The text up to a separator, which may be more than a byte; all of it if there is none. */
static struct span next_part(struct span *rest, const char *separator)
{
	const char *end = memmem(rest->data, rest->size, separator, strlen(separator));
	struct span part = { rest->data, end ? (size_t)(end - rest->data) : rest->size };
	size_t gone = part.size + (end ? strlen(separator) : 0);

	*rest = (struct span){ rest->data + gone, rest->size - gone };
	return part;
}

static uint64_t number_of(struct span text)
{
	uint64_t number;

	assert_int_equal(span_to_u64(text, &number), 0);
	return number;
}

/* Their answer, `OWNER TTL CLASS TYPE DATA`, as we write it; of data we leave in hex only up to its size.  Names
 * end in a dot with them. */
static void normalise(struct buffer *ret, struct span theirs)
{
	static const char *const in_hex[] = { "RRSIG", "DNSKEY", "DS", "LOC" };
	struct span type;

	for (int i = 0; i < 3; i++)
		next_part(&theirs, " ");
	type = next_part(&theirs, " ");
	buffer_clear(ret);
	buffer_append_span(ret, type);
	buffer_append_byte(ret, ' ');
	for (size_t i = 0; i < ARRAY_SIZE(in_hex); i++)
		if (span_eq(type, span_of(in_hex[i]))) {
			buffer_append_text(ret, "\\# ");
			return;
		}
	/* Multicast: they take the bit above for a part of the class. */
	if (span_starts(theirs, SPAN("\\# "))) {
		struct buffer bytes = { 0 };
		char text[INET6_ADDRSTRLEN];

		next_part(&theirs, " ");
		next_part(&theirs, " ");
		for (size_t i = 0; i + 1 < theirs.size; i += 2)
			add_bytes(&bytes, (const char[]){ theirs.data[i], theirs.data[i + 1], 0 });
		assert_true(bytes.size == 4 || bytes.size == 16);
		buffer_append_text(ret, inet_ntop(bytes.size == 4 ? AF_INET : AF_INET6, bytes.data,
						  text, sizeof(text)));
		buffer_release(&bytes);
		return;
	}
	for (size_t i = 0; i < theirs.size; i++) {
		bool ends = i + 1 == theirs.size || theirs.data[i + 1] == ' ';

		if (theirs.data[i] == '.' && ends && i > 0 && theirs.data[i - 1] != ' ' &&
		    !span_eq(type, SPAN("TXT")) && !span_eq(type, SPAN("CAA")))
			continue;
		buffer_append_byte(ret, theirs.data[i]);
	}
}

struct tally {
	unsigned n_messages, n_values, n_answers, n_refused, n_partial, n_truncated, n_prefixes;
};

static void print_tally(const char *name, const struct tally *tally)
{
	print_message(
		"%s: %u messages, %u values and %u answers equal, %u refused, %u read in part, "
		"%u truncated by their sender, %u beginnings\n",
		name, tally->n_messages, tally->n_values, tally->n_answers, tally->n_refused,
		tally->n_partial, tally->n_truncated, tally->n_prefixes);
}

/* Each of theirs is one of ours.  They sort answers of a name and type together, and cut the list at 600. */
static void compare_answers(struct decoded *d, struct span theirs, const char *name,
			    struct tally *tally)
{
	struct span all = values_text(&d->events[0]->values, FIELD_dns_answers), rest = all, item;
	bool is_cut = theirs.size >= 600;
	bool used[64] = { false };
	struct buffer text = { 0 };
	unsigned n_ours = 0, n_theirs = 0;

	while (list_next(&rest, &item))
		n_ours++;
	assert_true(n_ours <= ARRAY_SIZE(used));
	while (theirs.size > 0) {
		struct span one = next_part(&theirs, " | ");
		bool found = false;

		if (is_cut && theirs.size == 0)
			break;
		n_theirs++;
		normalise(&text, one);
		rest = all;
		for (unsigned i = 0; !found && list_next(&rest, &item); i++) {
			if (used[i] || !(span_ends(buffer_span(&text), SPAN("\\# "))
						 ? span_starts(item, buffer_span(&text))
						 : span_eq(item, buffer_span(&text))))
				continue;
			used[i] = found = true;
		}
		if (!found)
			fail_msg("%s: '%.*s' is not among ours", name, (int)one.size, one.data);
		tally->n_answers++;
	}
	if (!is_cut)
		assert_int_equal(n_ours, n_theirs);
	buffer_release(&text);
}

/* columns: dnspython, id, qr, rcode, question, an, au, ad, answers. */
static void compare_message(struct span message, const struct span *columns, const char *name,
			    struct tally *tally)
{
	struct decoded d = { 0 };
	bool is_response;
	int r = read_span(&d, message, false, &is_response);
	struct span question = columns[4];

	tally->n_messages++;
	tally->n_prefixes += check_prefixes(message);
	if (span_eq(columns[0], SPAN("ok"))) {
		const struct values *values = &d.events[0]->values;

		if (r < 0)
			fail_msg("%s: refused", name);
		if (is_response && message.data[2] & 2) { /* TC */
			expect(&d, 0, "missing", "dns.answers|");
			tally->n_truncated++;
		} else if (values_has(values, FIELD_missing)) {
			fail_msg("%s: not all read: %s", name, value_of(&d, 0, "dns_answers"));
		}
		expect(&d, 0, "truncated", NULL);
		assert_int_equal(values_number(values, FIELD_dns_id), number_of(columns[1]));
		assert_int_equal(is_response, span_eq(columns[2], SPAN("QR")));
		assert_int_equal(values_has(values, FIELD_dns_response_code), is_response);
		if (is_response)
			assert_true(
				span_eq(values_text(values, FIELD_dns_response_code), columns[3]));
		question = next_part(&question, ";");
		if (question.size > 0) {
			struct span asked = next_part(&question, " ");

			if (asked.size > 1)
				asked.size--;
			assert_true(span_eq(values_text(values, FIELD_dns_question_name), asked));
			assert_true(
				span_eq(values_text(values, FIELD_dns_question_type), question));
			tally->n_values += 2;
		} else {
			assert_false(values_has(values, FIELD_dns_question_name));
		}
		tally->n_values += 3;
		if (is_response)
			compare_answers(&d, columns[8], name, tally);
		else
			expect(&d, 0, "dns_answers", NULL);
	} else if (span_eq(columns[0], SPAN("error:UnknownTSIGKey"))) {
		/* signed: they would have to have the key */
		assert_int_equal(r, 0);
		expect(&d, 0, "missing", NULL);
	} else if (r < 0) {
		assert_int_equal(r, -EINVAL);
		expect_nothing(&d);
		tally->n_refused++;
	} else {
		expect(&d, 0, "missing", "dns.answers|");
		tally->n_partial++;
	}
	release(&d);
}

static void test_c_ares(void **state)
{
	char *path = format_path("%s/dns/expected/c-ares-fuzzinput.tsv", data);
	struct text_file table;
	struct tally tally = { 0 };

	read_file(&table, path);
	free(path);
	for (size_t i = 1; i < table.n_lines; i++) {
		struct span columns[MAX_COLUMNS];
		struct text_file file;
		char *name;

		assert_int_equal(split(table.lines[i], columns), 13);
		name = format_path("%.*s", (int)columns[0].size, columns[0].data);
		path = format_path("%s/dns/c-ares-fuzzinput/%s", data, name);
		read_file(&file, path);
		assert_int_equal(file.size, number_of(columns[1]));
		compare_message((struct span){ file.data, file.size }, columns + 2, name, &tally);
		release_file(&file);
		free(path);
		free(name);
	}
	release_file(&table);
	print_tally("c-ares", &tally);
	assert_int_equal(tally.n_messages, 52);
	assert_int_equal(tally.n_refused, 4);
	assert_int_equal(tally.n_truncated, 1);
	assert_int_equal(tally.n_partial, 1); /* answer_aaaa: of four bytes */
	assert_true(tally.n_values >= 235);
	assert_true(tally.n_answers >= 39);
}

/* Addresses in the order in which they came: tshark tells those of all sections, answers first. */
static void compare_addresses(struct span ours, struct span v4, struct span v6, const char *name,
			      struct tally *tally)
{
	struct span item;

	while (list_next(&ours, &item)) {
		struct span theirs = next_part(memchr(item.data, ':', item.size) ? &v6 : &v4, ",");

		if (!span_eq(item, theirs))
			fail_msg("%s: ours '%.*s', theirs '%.*s'", name, (int)item.size, item.data,
				 (int)theirs.size, theirs.data);
		tally->n_answers++;
	}
}

/* columns: 8 id, 9 response, 16 names asked for, 20 and 21 addresses, 23 malformed. */
static void compare_tshark(struct span message, const struct span *columns, const char *name,
			   struct tally *tally)
{
	struct decoded d = { 0 };
	struct span question = columns[16], id = columns[8];
	bool is_response;
	const struct values *values;
	uint64_t number;

	if (columns[23].size > 0 || span_starts(columns[16], SPAN("<Name contains")))
		return;
	assert_int_equal(read_span(&d, message, false, &is_response), 0);
	values = &d.events[0]->values;
	next_part(&id, "x");
	assert_int_equal(span_hex_to_u64(id, &number), 0);
	assert_int_equal(values_number(values, FIELD_dns_id), number);
	assert_int_equal(is_response, span_eq(columns[9], SPAN("1")));
	question = next_part(&question, ",");
	if (question.size > 0)
		assert_true(span_eq(values_text(values, FIELD_dns_question_name), question));
	else
		assert_false(values_has(values, FIELD_dns_question_name));
	tally->n_messages++;
	tally->n_values += 3;
	compare_addresses(values_text(values, FIELD_dns_resolved_ip), columns[20], columns[21],
			  name, tally);
	release(&d);
}

static void test_captures(void **state)
{
	char *path = format_path("%s/dns/expected/pcap-payloads.tsv", data);
	char *other_path = format_path("%s/dns/expected/pcap-tshark.tsv", data);
	struct text_file table, other;
	struct tally tally = { 0 }, tshark = { 0 };
	struct buffer message = { 0 };

	read_file(&table, path);
	read_file(&other, other_path);
	free(path);
	free(other_path);
	assert_int_equal(table.n_lines, other.n_lines);
	for (size_t i = 1; i < table.n_lines; i++) {
		struct span columns[MAX_COLUMNS], other_columns[MAX_COLUMNS], bytes;
		char *name;

		assert_int_equal(split(table.lines[i], columns), 13);
		assert_int_equal(split(other.lines[i], other_columns), 25);
		assert_true(span_eq(columns[0], other_columns[0]) &&
			    span_eq(columns[1], other_columns[1]));
		name = format_path("%.*s %.*s", (int)columns[0].size, columns[0].data,
				   (int)columns[1].size, columns[1].data);
		buffer_clear(&message);
		for (size_t k = 0; k + 1 < columns[3].size; k += 2)
			add_bytes(&message,
				  (const char[]){ columns[3].data[k], columns[3].data[k + 1], 0 });
		bytes = buffer_span(&message);
		if (span_eq(columns[2], SPAN("tcp"))) {
			assert_true(bytes.size > 2);
			bytes = (struct span){ bytes.data + 2, bytes.size - 2 };
		}
		compare_message(bytes, columns + 4, name, &tally);
		compare_tshark(bytes, other_columns, name, &tshark);
		free(name);
	}
	release_file(&table);
	release_file(&other);
	buffer_release(&message);
	print_tally("captures, dnspython", &tally);
	print_tally("captures, tshark", &tshark);
	assert_int_equal(tally.n_messages, 149);
	assert_int_equal(tally.n_refused, 3);
	assert_int_equal(tally.n_truncated, 7);
	assert_int_equal(tally.n_partial, 0);
	assert_true(tally.n_values >= 708);
	assert_true(tally.n_answers >= 156);
	assert_true(tshark.n_values >= 438);
	assert_true(tshark.n_answers >= 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c_ares),
		cmocka_unit_test(test_captures),
	};

	data = getenv("RECORDER_TEST_DATA");
	if (!data || !*data) {
		print_message("skipped: RECORDER_TEST_DATA does not name the folder with other people's DNS messages\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
