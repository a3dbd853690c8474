/* See progress.h. */

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/progress.h"
#include "cli/screen.h"

#define EVERY_NS (100 * NS_PER_MS)
#define BAR 30

struct progress progress_open(bool quiet)
{
	return (struct progress){ .shown = !quiet && isatty(STDERR_FILENO) };
}

bool progress_is_due(struct progress *progress)
{
	uint64_t now_ns;

	if (!progress->shown)
		return false;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	if (now_ns < progress->next_ns)
		return false;
	progress->next_ns = now_ns + EVERY_NS;
	return true;
}

void progress_show(const struct progress *progress, struct span head, uint64_t done, uint64_t total, struct span tail)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	double part = total > 0 ? (double)MIN(done, total) / (double)total : 0;

	if (!progress->shown)
		return;
	buffer_append_text(&line, "\r\033[K");
	buffer_append_span(&line, head);
	if (total > 0) {
		for (unsigned i = 0; i < BAR; i++)
			buffer_append_text(&line, i < (unsigned)(part * BAR) ? "█" : "░");
		buffer_printf(&line, " %3u %%  ", (unsigned)(part * 100));
	} else {
		append_bytes(&line, done);
		buffer_append_text(&line, "  ");
	}
	buffer_append_span(&line, tail);
	fputs(buffer_text(&line), stderr);
	fflush(stderr);
}

void progress_end(const struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}
