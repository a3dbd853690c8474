/* A gap is no event: it says that events may be missing. */

#include "sink/gap_json.h"

#include "event/json_text.h"
#include "sink/gap_cause.h"

static void put_time(struct buffer *out, const char *name, uint64_t time_ns)
{
	buffer_printf(out, ",\"%s\":", name);
	if (time_ns == 0) {
		buffer_append_text(out, "null");
		return;
	}
	buffer_append_byte(out, '"');
	buffer_append_time(out, time_ns);
	buffer_append_byte(out, '"');
}

static void put_text(struct buffer *out, const char *name, const char *text)
{
	buffer_printf(out, ",\"%s\":", name);
	json_append_string(out, span_of(text));
}

void gap_json(struct buffer *out, const struct history_gap *gap)
{
	const struct gap_cause *cause = gap_cause_find(gap->cause);

	buffer_append_text(out, "{\"kind\":\"gap\"");
	put_time(out, "begin", gap->begin_ns);
	put_time(out, "end", gap->end_ns);
	put_text(out, "class", gap->class_name ? gap->class_name : "all");
	buffer_append_text(out, ",\"count\":");
	if (gap->count_known)
		buffer_append_u64(out, gap->count);
	else
		buffer_append_text(out, "null");
	if (gap->unit)
		put_text(out, "unit", gap->unit);
	buffer_printf(out, ",\"exact\":%s", gap->count_known && gap->exact ? "true" : "false");
	put_text(out, "cause", gap->cause ? gap->cause : "unknown");
	if (cause) {
		put_text(out, "why", cause->why);
		put_text(out, "mend", cause->mend);
	}
	buffer_append_byte(out, '}');
}

int gaps_before(struct history *history, uint64_t since_ns, uint64_t until_ns, history_gap_fn fn, void *user)
{
	struct history_category of[N_CATEGORIES];
	uint64_t from = since_ns;
	struct history_stats stats;
	int r;

	if (since_ns == 0)
		return 0;
	r = history_stats(history, &stats);
	if (r == 0)
		r = history_categories(history, of);
	if (r < 0)
		return r;
	if (stats.oldest_ns > since_ns) {
		from = stats.oldest_ns;
		r = fn(user, &(struct history_gap){ .begin_ns = since_ns, .end_ns = until_ns ? MIN(until_ns, from) : from,
						    .class_name = "all", .cause = "before the history begins" });
	}
	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++)
		if (of[i].cleaned_until_ns >= from && (!until_ns || from < until_ns))
			r = fn(user, &(struct history_gap){ .begin_ns = from, .end_ns = until_ns ? MIN(until_ns, of[i].cleaned_until_ns) : of[i].cleaned_until_ns,
							    .class_name = categories[i].name, .cause = "cleaned" });
	return MIN(r, 0);
}
