/* A DNS message, once as it is and once as the beginning of a longer one. */

#include "decode/dns.h"

static void check(const struct event *event, enum field field)
{
	struct span text = values_text(&event->values, field);

	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] < ' ' || text.data[i] > '~') && text.data[i] != 0)
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned cut = 0; cut < 2; cut++) {
		struct event *event = event_new(KIND_ID(dns, response), 1);
		bool is_response;

		if (!event)
			return 0;
		if (dns_decode(event, (struct span){ (const char *)data, size }, cut, &is_response) == 0) {
			check(event, FIELD_dns_question_name);
			check(event, FIELD_dns_answers);
		}
		event_free(event);
	}
	return 0;
}
