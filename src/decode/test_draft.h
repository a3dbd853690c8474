#pragma once
/* For tests: records in a few words -> events, and their fields as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "decode/audit.h"
#include "decode/audit_type.h"

#define MAX_DECODED 128

struct decoded {
	struct decoder *decoder;
	struct event *events[MAX_DECODED];
	struct context *actors[MAX_DECODED];
	unsigned n;
	struct buffer text;
};

static int keep(void *user, struct event *event, const struct context *actor)
{
	struct decoded *decoded = user;

	assert_true(decoded->n < MAX_DECODED);
	decoded->events[decoded->n] = event;
	decoded->actors[decoded->n] = context_copy(actor);
	assert_non_null(decoded->actors[decoded->n]);
	decoded->n++;
	return 0;
}

static void decoded_forget(struct decoded *decoded)
{
	for (unsigned i = 0; i < decoded->n; i++) {
		event_free(decoded->events[i]);
		context_unref(decoded->actors[i]);
	}
	decoded->n = 0;
}

static inline void decoded_start(struct decoded *decoded, const struct decoder_options *options)
{
	static const struct decoder_options own = { .own_key = "recorder" };

	memset(decoded, 0, sizeof(*decoded));
	assert_int_equal(decoder_new(&decoded->decoder, options ? options : &own), 0);
}

static inline void decoded_stop(struct decoded *decoded)
{
	decoded_forget(decoded);
	decoder_free(decoded->decoder);
	buffer_release(&decoded->text);
}

/* Lines `TYPE text`; all of serial 293 at 1170021493.977. */
static inline void decode_span(struct decoded *decoded, struct span text)
{
	struct draft_record *records = calloc(4096, sizeof(*records));
	struct draft draft = { .time_ns = UINT64_C(1170021493977000000), .serial = 293, .records = records };

	assert_non_null(records);
	decoded_forget(decoded);
	while (text.size > 0) {
		const char *end = memchr(text.data, '\n', text.size), *blank;
		size_t size = end ? (size_t)(end - text.data) : text.size;

		blank = memchr(text.data, ' ', size);
		assert_non_null(blank);
		assert_true(draft.n_records < 4096);
		records[draft.n_records] = (struct draft_record){
			.type = audit_type_number((struct span){ text.data, (size_t)(blank - text.data) }),
			.data = blank + 1,
			.size = (uint32_t)(text.data + size - blank - 1),
		};
		assert_int_not_equal(records[draft.n_records].type, 0);
		draft.n_records++;
		text.data += size + (end ? 1 : 0);
		text.size -= size + (end ? 1 : 0);
	}
	assert_int_equal(decode_draft(decoded->decoder, &draft, keep, decoded), 0);
	free(records);
}

static inline void decode(struct decoded *decoded, const char *text)
{
	decode_span(decoded, span_of(text));
}

/* Value of a member as text; NULL: not known.  A leading ~: inferred. */
static inline const char *value_of(struct decoded *decoded, unsigned i, const char *member)
{
	struct buffer *text = &decoded->text;
	const struct values *values;
	enum field field = 0;
	struct span s, item;

	assert_true(i < decoded->n);
	while (field < N_FIELDS && strcmp(fields[field].member, member) != 0)
		field++;
	if (field == N_FIELDS)
		fail_msg("no field %s", member);
	values = fields[field].is_context ? &decoded->actors[i]->values : &decoded->events[i]->values;
	if (!values_has(values, field))
		return NULL;
	buffer_clear(text);
	if (values_is_inferred(values, field))
		buffer_append_byte(text, '~');
	s = field_type_is_text(fields[field].type) ? values_text(values, field) : SPAN("");
	switch (fields[field].type) {
	case TYPE_TEXT:
	case TYPE_STRING:
	case TYPE_PATH:
		buffer_append_span(text, s);
		break;
	case TYPE_LIST:
		while (list_next(&s, &item)) {
			buffer_append_span(text, item);
			buffer_append_byte(text, '|');
		}
		break;
	case TYPE_IP:
		for (size_t k = 0; k < s.size; k++)
			buffer_printf(text, s.size == 4 ? "%s%u" : "%s%02x", k && s.size == 4 ? "." : "",
				      (unsigned char)s.data[k]);
		break;
	case TYPE_MODE:
		buffer_printf(text, "%04o", (unsigned)values_number(values, field));
		break;
	case TYPE_DEVICE:
		buffer_printf(text, "%u:%u", major(values_number(values, field)),
			      minor(values_number(values, field)));
		break;
	default:
		buffer_append_i64(text, (int64_t)values_number(values, field));
	}
	return buffer_text(text);
}

static inline void expect_at(struct decoded *decoded, unsigned i, const char *member, const char *value,
			     const char *file, int line)
{
	const char *found = value_of(decoded, i, member);

	if (value && !found)
		print_error("%s:%d: %s is not known\n", file, line, member);
	else if (!value && found)
		print_error("%s:%d: %s is known: %s\n", file, line, member, found);
	else if (value && strcmp(value, found) != 0)
		print_error("%s:%d: %s is '%s', not '%s'\n", file, line, member, found, value);
	else
		return;
	fail();
}
#define expect(decoded, i, member, value) expect_at(decoded, i, member, value, __FILE__, __LINE__)

static inline void expect_kind_at(struct decoded *decoded, unsigned i, uint16_t kind, const char *file,
				  int line)
{
	if (i < decoded->n && decoded->events[i]->kind == kind)
		return;
	if (i < decoded->n)
		print_error("%s:%d: kind %s/%s\n", file, line,
			    categories[event_category(decoded->events[i])].name,
			    kinds[decoded->events[i]->kind].action);
	else
		print_error("%s:%d: only %u events\n", file, line, decoded->n);
	fail();
}
#define expect_kind(decoded, i, category, action) \
	expect_kind_at(decoded, i, KIND_ID(category, action), __FILE__, __LINE__)
