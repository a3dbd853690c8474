/* See manual.h. */

#include "cli/manual.h"

#include "base/scdoc.h"
#include "control/settings_doc.h"
#include "event/fields_doc.h"
#include "sink/gap_cause.h"

static const char gaps_intro[] =
	"\n# GAPS\n"
	"\n"
	"Where events may be missing there is an event *recorder.gap*, and a row of the view *gaps*: when it began and ended, which class of\n"
	"events, how many, and the cause. A count that is not known is left out, one that is a lower bound is marked (*gap.exact*). Whatever shows\n"
	"events ends with the gaps of its time. The causes, and what mends them:\n";

static void events_man(struct buffer *out)
{
	fields_man(out);
	buffer_append_text(out, gaps_intro);
	for (size_t i = 0; i < N_GAP_CAUSES; i++) {
		buffer_append_text(out, "\n*");
		scdoc_append_text(out, gap_causes[i].name);
		buffer_append_text(out, "*\n\t");
		scdoc_append_text(out, gap_causes[i].why);
		buffer_append_text(out, ".\n\n\tTo mend: ");
		scdoc_append_text(out, gap_causes[i].mend);
		buffer_append_byte(out, '\n');
	}
	buffer_append_text(out, "\n# SEE ALSO\n\n*recorder*(1), *recorder-subscription*(5), *recorder.conf*(5)\n");
}

static const struct {
	const char *name;
	manual_write_fn write;
} pages[] = { { "recorder.conf", settings_man }, { "recorder-events", events_man } };

manual_write_fn manual_page(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if (strcmp(pages[i].name, name) == 0)
			return pages[i].write;
	return NULL;
}
