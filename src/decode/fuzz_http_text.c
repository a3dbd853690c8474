/* What a call moved, once as it is and once as the beginning of more.  What must hold: nothing is set of what is no message, a
 * response has no URL and a request no status, no item of the list is longer than what it was made of, and what is not to be kept
 * is not there. */

#include <stdlib.h>
#include <strings.h>

#include "decode/http_text.h"

static bool is_secret(struct span item)
{
	static const char *const names[] = { "authorization:", "proxy-authorization:", "cookie:", "set-cookie:" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (item.size >= strlen(names[i]) && strncasecmp(item.data, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void look_at(const struct values *values)
{
	struct span item, rest = values_text(values, FIELD_http_headers);

	while (list_next(&rest, &item))
		if (item.size > HTTP_TEXT_MAX + 16 || (is_secret(item) && !span_ends(item, SPAN(": (not kept)"))))
			abort();
	if (values_has(values, FIELD_http_status) == values_has(values, FIELD_http_url) ||
	    values_has(values, FIELD_http_method) != values_has(values, FIELD_http_url))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned cut = 0; cut < 2; cut++) {
		struct event *event = event_new(KIND_ID(http, headers), 1);

		if (!event)
			return 0;
		if (http_text_decode(event, (struct span){ (const char *)data, size }, cut) == 0)
			look_at(&event->values);
		else
			for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
				if (values_has(&event->values, field))
					abort();
		event_free(event);
	}
	return 0;
}
