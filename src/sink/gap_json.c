/* A gap is no event: it says that events may be missing. */

#include "sink/gap_json.h"

#include "event/json_text.h"

void gap_json(struct buffer *out, const struct history_gap *gap)
{
	buffer_append_text(out, "{\"kind\":\"gap\",\"begin\":\"");
	buffer_append_time(out, gap->begin_ns);
	buffer_append_text(out, "\",\"end\":\"");
	buffer_append_time(out, gap->end_ns);
	buffer_append_text(out, "\",\"class\":");
	json_append_string(out, span_of(gap->class_name ? gap->class_name : "all"));
	buffer_append_text(out, ",\"count\":");
	if (gap->count_known)
		buffer_append_u64(out, gap->count);
	else
		buffer_append_text(out, "null");
	if (gap->unit) {
		buffer_append_text(out, ",\"unit\":");
		json_append_string(out, span_of(gap->unit));
	}
	buffer_printf(out, ",\"exact\":%s,\"cause\":", gap->count_known && gap->exact ? "true" : "false");
	json_append_string(out, span_of(gap->cause ? gap->cause : "unknown"));
	buffer_append_byte(out, '}');
}

bool gap_before_history(struct history *history, uint64_t since_ns, uint64_t until_ns, struct history_gap *ret)
{
	struct history_stats stats;

	if (since_ns == 0 || history_stats(history, &stats) < 0 || stats.oldest_ns == 0 || stats.oldest_ns <= since_ns)
		return false;
	*ret = (struct history_gap){ .begin_ns = since_ns,
				     .end_ns = until_ns && until_ns < stats.oldest_ns ? until_ns : stats.oldest_ns,
				     .class_name = "all",
				     .cause = "before the history begins" };
	return true;
}
