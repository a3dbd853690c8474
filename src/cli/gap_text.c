/* See gap_text.h. */

#include <errno.h>

#include "cli/gap_text.h"
#include "cli/table.h"
#include "sink/gap_cause.h"
#include "sink/gap_json.h"

struct printer {
	const struct screen *screen;
	bool json;
	struct table *table;
	struct buffer scratch;
	bool causes[N_GAP_CAUSES];	/* that were seen */
	int n;
};

static void put_json(struct printer *p, const struct history_gap *gap)
{
	buffer_clear(&p->scratch);
	gap_json(&p->scratch, gap);
	buffer_append_byte(&p->scratch, '\n');
	fwrite(p->scratch.data, 1, p->scratch.size, p->screen->out);
}

static void cell(struct printer *p, enum colour colour)
{
	table_cell(p->table, buffer_span(&p->scratch), colour);
	buffer_clear(&p->scratch);
}

static void put_moment(struct printer *p, uint64_t time_ns, const char *unless_known, bool with_date)
{
	if (time_ns && with_date) {
		screen_append_date(p->screen, &p->scratch, time_ns);
		buffer_append_byte(&p->scratch, ' ');
	}
	if (time_ns)
		screen_append_clock(p->screen, &p->scratch, time_ns);
	else
		buffer_append_text(&p->scratch, unless_known);
	cell(p, COLOUR_NONE);
}

static void put_row(struct printer *p, const struct history_gap *gap)
{
	struct buffer *out = &p->scratch;
	bool same_day = screen_day(p->screen, gap->begin_ns) == screen_day(p->screen, gap->end_ns);

	buffer_clear(out);
	put_moment(p, gap->begin_ns, "unknown", true);
	put_moment(p, gap->end_ns, "not over", !same_day);
	if (gap->begin_ns && gap->end_ns)
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
	const struct gap_cause *cause = gap_cause_find(gap->cause);

	p->n++;
	if (cause)
		p->causes[cause - gap_causes] = true;
	if (p->json)
		put_json(p, gap);
	else
		put_row(p, gap);
	return 0;
}

static void print_causes(const struct printer *p)
{
	for (unsigned i = 0; i < N_GAP_CAUSES; i++)
		if (p->causes[i])
			fprintf(p->screen->out, "\n%s%s%s: %s\n    mend: %s\n", screen_colour(p->screen, COLOUR_YELLOW),
				gap_causes[i].name, screen_end(p->screen, COLOUR_YELLOW), gap_causes[i].why, gap_causes[i].mend);
}

int gaps_print(struct history *history, const struct gap_range *range, const struct screen *screen, enum gaps_form form)
{
	bool json = form == GAPS_JSON;
	static const char *const titles[] = { "FROM", "UNTIL", ">LASTED", "CLASS", ">MISSING", "CAUSE" };
	_cleanup_(table_freep) struct table *table = NULL;
	struct printer p = { .screen = screen, .json = json };
	int r = table_new(&table, titles, ARRAY_SIZE(titles));

	if (r < 0)
		return r;
	p.table = table;
	r = gaps_before(history, range->since_ns, range->until_ns, on_gap, &p);
	if (r >= 0)
		r = history_gaps(history, range->since_ns, range->until_ns, on_gap, &p);
	buffer_release(&p.scratch);
	if (r < 0)
		return r;
	if (!json && p.n > 0) {
		fprintf(screen->out, "\n%sevents may be missing:%s\n", screen_colour(screen, COLOUR_YELLOW),
			screen_end(screen, COLOUR_YELLOW));
		r = table_print(table, screen);
		if (form == GAPS_EXPLAINED)
			print_causes(&p);
	}
	return r < 0 ? r : p.n;
}
