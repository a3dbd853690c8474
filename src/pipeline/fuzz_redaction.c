/* Any bytes as arguments, as a text and as headers: what is found lies within them, in order; what stands in its place is found no more;
 * as many arguments come out as go in. */

#include <stdlib.h>

#include "pipeline/redaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct looked {
	size_t end, size;
	bool is_list;
	const uint8_t *data;
};

static void look(void *user, size_t at, size_t size)
{
	struct looked *looked = user;

	if (size == 0 || at < looked->end || at + size > looked->size || (looked->is_list && memchr(looked->data + at, 0, size)))
		abort();
	looked->end = at + size;
}

static size_t count_nuls(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.size; i++)
		n += s.data[i] == 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char key[REDACTION_KEY_BYTES] = "key";
	static const enum field fields_of[] = { FIELD_content, FIELD_http_url, FIELD_env, FIELD_http_headers };
	static struct redaction *redaction;
	struct redaction_error error;
	struct span text = { (const char *)data, size };
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(http, headers), 1);
	_cleanup_(context_unrefp) struct context *context = context_new();
	uint64_t before;

	if (size > 4096)
		return 0;
	if (!redaction && redaction_new(&redaction, key, SPAN("# ours\nmagic ([a-z]+)\n(?i)zz.{3,9}\n"), &error) < 0)
		abort();
	for (enum secret_place place = SECRET_ARGS; place <= SECRET_SCRIPT; place++)
		secret_find(text, place, look, &(struct looked){ .size = size, .data = data, .is_list = secret_is_list(place) });
	values_set_text(&context->values, FIELD_args, text);
	context_set_command_line(context);
	for (size_t i = 0; i < ARRAY_SIZE(fields_of); i++)
		values_set_text(&event->values, fields_of[i], text);
	redaction_event(redaction, event);
	redaction_context(redaction, context);
	if (count_nuls(values_text(&context->values, FIELD_args)) != count_nuls(text))
		abort();
	before = redaction_stats(redaction).secrets;
	redaction_context(redaction, context);
	if (before != redaction_stats(redaction).secrets && getenv("FUZZ_STRICT"))
		abort();
	return 0;
}
