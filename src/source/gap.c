/* See gap.h.
 *
 *	recorder(SEC.NS:N): begin=NS end=NS class=all count=3 unit=events exact=1 cause=serial_gap
 *
 * without count if nobody knows it. */

#include "source/gap.h"

#include "source/own_text.h"

int gap_emit(const struct gap *gap, uint64_t now_ns, uint64_t number, record_fn emit, void *user)
{
	char text[OWN_TEXT_MAX];
	char *p = put_head(text, now_ns, number);

	p = put_field(p, " begin=", gap->begin_ns);
	p = put_field(p, " end=", gap->end_ns);
	p = put_span(put_span(p, SPAN(" class=")), span_of(gap->class_name));
	if (gap->count_known)
		p = put_field(p, " count=", gap->count);
	p = put_span(put_span(p, SPAN(" unit=")), span_of(gap->unit ? gap->unit : "events"));
	p = put_field(p, " exact=", gap->count_known && gap->exact);
	p = put_span(put_span(p, SPAN(" cause=")), span_of(gap->cause));
	return emit(user, &(struct record){
		.type = RECORD_GAP,
		.time_ns = now_ns,
		.text = { text, (size_t)(p - text) },
	});
}
