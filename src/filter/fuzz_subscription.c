/* Any bytes as a subscription and as a term; what compiles is asked about events of all kinds, both
 * ways, which must agree. */

#include "filter/filter.h"
#include "filter/term.h"

static struct event *new_event(uint16_t kind)
{
	struct event *event = event_new(kind, 1);

	if (!event)
		return NULL;
	values_set_text(&event->values, FIELD_path, SPAN("/etc/passwd"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/ETC/aaaa"));
	values_set_text(&event->values, FIELD_destination_ip, SPAN("\x7f\0\0\1"));
	event->context = context_new();
	if (event->context) {
		struct context *parent = context_new();

		values_set_text(&event->context->values, FIELD_executable, SPAN("/usr/bin/aaaaaaaaaaaa"));
		values_set_text(&event->context->values, FIELD_command_line, SPAN("a -b c"));
		values_set_text(&event->context->values, FIELD_args, (struct span){ "a\0-b\0c", 7 });
		values_set_number(&event->context->values, FIELD_pid, 1);
		if (parent)
			values_set_text(&parent->values, FIELD_executable, SPAN("/usr/bin/b"));
		context_set_parent(event->context, parent);
		context_unref(parent);
	}
	return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct subscription *subscription = NULL;
	struct filter *filter = NULL;
	struct filter_error error;
	struct term *term = NULL;

	if (subscription_parse(&subscription, text, &error) == 0)
		filter_new(&filter, (const struct subscription *const[]){ subscription }, 1);
	if (term_parse(&term, text, &error) < 0)
		term = NULL;
	for (uint16_t kind = 0; (filter || term) && kind < N_KINDS; kind++) {
		struct event *event = new_event(kind);

		/* Twice: from the fields, and from what is kept of the process. */
		if (event && filter && (filter_match(filter, event) != filter_match_plainly(filter, event) ||
					filter_match(filter, event) != filter_match_plainly(filter, event)))
			abort();
		if (event && term && term_match(term, event) != (term_holds(term, event) != term_is_negated(term)))
			abort();
		event_free(event);
	}
	term_free(term);
	filter_free(filter);
	subscription_free(subscription);
	return 0;
}
