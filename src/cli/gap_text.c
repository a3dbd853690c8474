/* A gap is no event: it says that events may be missing. What lies before the beginning of the history is
 * one too. */

#include <errno.h>
#include <inttypes.h>

#include "cli/gap_text.h"
#include "cli/table.h"
#include "event/json_text.h"

struct printer {
	const struct screen *screen;
	bool json;
	struct table *table;
	struct buffer scratch;
	int n;
};

static void put_json(struct printer *p, const struct history_gap *gap)
{
	struct buffer *out = &p->scratch;

	buffer_clear(out);
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
	buffer_append_text(out, "}\n");
	fwrite(out->data, 1, out->size, p->screen->out);
}

static void cell(struct printer *p, enum colour colour)
{
	table_cell(p->table, buffer_span(&p->scratch), colour);
	buffer_clear(&p->scratch);
}

static void put_row(struct printer *p, const struct history_gap *gap)
{
	struct buffer *out = &p->scratch;
	bool same_day = screen_day(p->screen, gap->begin_ns) == screen_day(p->screen, gap->end_ns);

	buffer_clear(out);
	screen_append_date(p->screen, out, gap->begin_ns);
	buffer_append_byte(out, ' ');
	screen_append_clock(p->screen, out, gap->begin_ns);
	cell(p, COLOUR_NONE);
	if (!same_day) {
		screen_append_date(p->screen, out, gap->end_ns);
		buffer_append_byte(out, ' ');
	}
	screen_append_clock(p->screen, out, gap->end_ns);
	cell(p, COLOUR_NONE);
	append_duration(out, gap->end_ns > gap->begin_ns ? gap->end_ns - gap->begin_ns : 0);
	cell(p, COLOUR_NONE);
	table_cell_text(p->table, gap->class_name ? gap->class_name : "all", COLOUR_YELLOW);
	if (gap->count_known) {
		buffer_append_text(out, gap->exact ? "" : "at least ");
		append_count(out, gap->count);
		buffer_printf(out, " %s", gap->unit ? gap->unit : "events");
	} else {
		buffer_append_text(out, "unknown");
	}
	cell(p, COLOUR_NONE);
	table_cell_text(p->table, gap->cause ? gap->cause : "unknown", COLOUR_NONE);
}

static int on_gap(void *user, const struct history_gap *gap)
{
	struct printer *p = user;

	p->n++;
	if (p->json)
		put_json(p, gap);
	else
		put_row(p, gap);
	return 0;
}

static void put_before_history(struct printer *p, struct history *history, const struct gap_range *range)
{
	struct history_stats stats;

	if (range->since_ns == 0 || history_stats(history, &stats) < 0 || stats.oldest_ns == 0 ||
	    stats.oldest_ns <= range->since_ns)
		return;
	on_gap(p, &(struct history_gap){ .begin_ns = range->since_ns,
					 .end_ns = range->until_ns && range->until_ns < stats.oldest_ns
							   ? range->until_ns
							   : stats.oldest_ns,
					 .class_name = "all",
					 .cause = "before the history begins" });
}

int gaps_print(struct history *history, const struct gap_range *range, const struct screen *screen, bool json)
{
	static const char *const titles[] = { "FROM", "UNTIL", ">LASTED", "CLASS", ">MISSING", "CAUSE" };
	_cleanup_(table_freep) struct table *table = NULL;
	struct printer p = { .screen = screen, .json = json };
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	p.table = table;
	put_before_history(&p, history, range);
	r = history_gaps(history, range->since_ns, range->until_ns, on_gap, &p);
	buffer_release(&p.scratch);
	if (r < 0)
		return r;
	if (!json && p.n > 0) {
		fprintf(screen->out, "\n%sevents may be missing:%s\n", screen_colour(screen, COLOUR_YELLOW),
			screen_end(screen, COLOUR_YELLOW));
		r = table_print(table, screen);
	}
	return r < 0 ? r : p.n;
}
