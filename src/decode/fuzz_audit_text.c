/* Lines of an audit.log -> head -> drafts of neighbours with one serial -> events, and each record
 * interpreted. */

#include "decode/audit_interpret.h"
#include "event/draft.h"

#define MAX_RECORDS 64

static int drop(void *user, struct event *event, const struct context *actor)
{
	event_free(event);
	return 0;
}

static int ignore(void *user, struct span key, struct span value)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoder *decoders[2];
	struct draft_record records[MAX_RECORDS];
	struct draft draft = { .records = records };
	struct span rest = { (const char *)data, size };

	for (unsigned i = 0; i < 2; i++) {
		struct decoder_options options = { .failed_calls = i == 1, .own_key = "own" };

		if (!decoders[i] && decoder_new(&decoders[i], &options) < 0)
			return 0;
	}
	while (rest.size > 0 || draft.n_records > 0) {
		const char *end = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;
		struct span line = { rest.data, end ? (size_t)(end - rest.data) : rest.size };
		struct record record;
		struct record_head head;
		bool readable = line.size > 0 && audit_line(line, &record) == 0 &&
				audit_head(&record, &head) == 0;

		if (rest.size > 0)
			rest = (struct span){ line.data + line.size + (end ? 1 : 0),
					      rest.size - line.size - (end ? 1 : 0) };
		if (draft.n_records > 0 &&
		    (!readable || head.serial != draft.serial || draft.n_records == MAX_RECORDS)) {
			decode_draft(decoders[0], &draft, drop, NULL);
			decode_draft(decoders[1], &draft, drop, NULL);
			draft.n_records = 0;
		}
		if (!readable)
			continue;
		audit_interpret(decoders[0], head.type, head.body, ignore, NULL);
		draft.serial = head.serial;
		draft.time_ns = head.time_ns;
		draft.node = record.node;
		records[draft.n_records++] =
			(struct draft_record){ head.type, head.body.data, (uint32_t)head.body.size };
	}
	return 0;
}
