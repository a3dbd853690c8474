#pragma once
/* For tests: DNS messages written as text -> an event. */

#include <ctype.h>
#include <errno.h>

#include "decode/dns.h"
#include "decode/test_draft.h"

/* Messages from text: bytes in hex, 'text', blanks between them as one likes. */

static inline void add_bytes(struct buffer *message, const char *text)
{
	while (*text) {
		if (*text == '\'') {
			const char *end = strchr(text + 1, '\'');

			assert_non_null(end);
			buffer_append(message, text + 1, (size_t)(end - text - 1));
			text = end + 1;
		} else if (*text == ' ') {
			text++;
		} else {
			const char hex[] = { text[0], text[1], 0 };

			assert_true(isxdigit((unsigned char)hex[0]) &&
				    isxdigit((unsigned char)hex[1]));
			buffer_append_byte(message, (char)strtoul(hex, NULL, 16));
			text += 2;
		}
	}
}

static inline void add_number(struct buffer *message, unsigned number)
{
	buffer_append_byte(message, (char)(number >> 8));
	buffer_append_byte(message, (char)(number & 0xff));
}

/* Decodes a copy with nothing around it, so that the sanitizer sees every byte too many. */
static inline int read_span(struct decoded *d, struct span message, bool cut, bool *ret_is_response)
{
	char *copy = malloc(message.size);
	int r;

	assert_non_null(copy);
	if (message.size > 0)
		memcpy(copy, message.data, message.size);
	decoded_forget(d);
	d->events[0] = event_new(KIND_ID(dns, query), 1);
	assert_non_null(d->events[0]);
	d->actors[0] = NULL;
	d->n = 1;
	r = dns_decode(d->events[0], (struct span){ copy, message.size }, cut, ret_is_response);
	assert_false(d->events[0]->values.failed);
	free(copy);
	return r;
}

static inline void release(struct decoded *d)
{
	decoded_forget(d);
	buffer_release(&d->text);
}

static inline void expect_message(struct decoded *d, struct span message, bool cut, bool response)
{
	bool is_response = !response;

	assert_int_equal(read_span(d, message, cut, &is_response), 0);
	assert_int_equal(is_response, response);
}

static inline void expect_text(struct decoded *d, const char *text, bool cut, bool response)
{
	struct buffer message = { 0 };

	add_bytes(&message, text);
	expect_message(d, buffer_span(&message), cut, response);
	buffer_release(&message);
}
#define expect_query(d, text)	 expect_text(d, text, false, false)
#define expect_response(d, text) expect_text(d, text, false, true)

static inline void expect_nothing(struct decoded *d)
{
	for (enum field field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (values_has(&d->events[0]->values, field))
			fail_msg("%s is set", fields[field].name);
}

static inline void expect_refused_span(struct decoded *d, struct span message, bool cut)
{
	bool is_response = true;

	assert_int_equal(read_span(d, message, cut, &is_response), -EINVAL);
	assert_true(is_response); /* untouched */
	expect_nothing(d);
}

static inline void expect_refused(struct decoded *d, const char *text)
{
	struct buffer message = { 0 };

	add_bytes(&message, text);
	expect_refused_span(d, buffer_span(&message), false);
	buffer_release(&message);
}

/* A record of the name. */
static inline void add_answer(struct buffer *message, const char *name, unsigned type, const char *data)
{
	struct buffer bytes = { 0 };

	add_bytes(&bytes, data);
	add_bytes(message, name);
	add_number(message, type);
	add_bytes(message, "0001 00000e10");
	add_number(message, (unsigned)bytes.size);
	buffer_append_span(message, buffer_span(&bytes));
	buffer_release(&bytes);
}

#define QUESTION "01'x'00 0001 0001" /* at 12; what follows is at 19 */
#define ONE	 "1234 8180 0001 0001 0000 0000" QUESTION

/* The answer, alone; is_good: as its type asks for. */
static inline void expect_answer(struct decoded *d, unsigned type, const char *data, const char *answer,
			  bool is_good)
{
	char text[8192];
	struct buffer message = { 0 };

	add_bytes(&message, ONE);
	add_answer(&message, "c00c", type, data);
	expect_message(d, buffer_span(&message), false, true);
	snprintf(text, sizeof(text), "%s|", answer);
	expect(d, 0, "dns_answers", text);
	expect(d, 0, "missing", is_good ? NULL : "dns.answers|");
	expect(d, 0, "completeness", is_good ? NULL : "partial");
	expect(d, 0, "truncated", NULL);
	buffer_release(&message);
}

/* Every beginning of a message says what the whole says, less of it, and that it is less. */
static inline unsigned check_prefixes(struct span message)
{
	static const char *const members[] = { "dns_question_name", "dns_question_type",
					       "dns_answers", "dns_resolved_ip" };
	static const char *const items[] = { "dns.question.name|", "dns.question.type|",
					     "dns.answers|", "dns.answers|" };
	struct decoded d = { 0 };
	char *whole[ARRAY_SIZE(members)] = { NULL };
	bool is_response;
	unsigned n = 0;

	if (read_span(&d, message, false, &is_response) < 0) {
		for (size_t size = 0; size < message.size; size++)
			read_span(&d, (struct span){ message.data, size }, true, &is_response);
		release(&d);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *value = value_of(&d, 0, members[i]);

		whole[i] = value ? strdup(value) : NULL;
	}
	for (size_t size = 0; size < message.size; size++) {
		struct span part = { message.data, size };
		bool part_is_response;

		if (size < 12) {
			expect_refused_span(&d, part, true);
			expect_refused_span(&d, part, false);
			continue;
		}
		expect_message(&d, part, true, is_response);
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
			const char *value = value_of(&d, 0, members[i]);
			size_t value_size = value ? strlen(value) : 0;

			if (value && (!whole[i] || strncmp(value, whole[i], value_size) != 0))
				fail_msg("%zu bytes: %s is '%s', not of '%s'", size, members[i],
					 value, whole[i]);
			if (i < 2 && value)
				assert_string_equal(value, whole[i]);
			if (whole[i] && value_size < strlen(whole[i])) {
				const char *truncated = value_of(&d, 0, "truncated");

				if (!truncated || !strstr(truncated, items[i]))
					fail_msg("%zu bytes: %s is less, but only '%s' named", size,
						 members[i], truncated ? truncated : "");
			}
		}
		/* as if it had come so */
		if (read_span(&d, part, false, &part_is_response) == 0)
			assert_int_equal(is_response, part_is_response);
		else
			expect_nothing(&d);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		free(whole[i]);
	release(&d);
	return n;
}
