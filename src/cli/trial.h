#pragma once
/* A subscription against the history: what each filter would have matched, and what its exclusions leave out. */

#include "cli/progress.h"
#include "event/event_json.h"
#include "filter/subscription.h"
#include "sink/history.h"

#define N_EXAMPLES 3

struct examples {
	struct event *events[N_EXAMPLES];	/* the newest first */
	unsigned n;
};

struct exclusion {			/* a negated term */
	const struct term *term;
	char *text;			/* as written */
	uint64_t n;			/* events that all terms want that are not negated, and it does not */
};

struct trial {				/* a filter */
	const struct terms *terms;
	char *description;
	struct kind_set kinds;		/* that the terms want that are not negated */
	struct exclusion *exclusions;
	size_t n_exclusions;
	uint64_t n_matched, n_left_out;
	struct examples matched, left_out;
};

struct trial_stream {
	const struct stream *stream;
	struct trial *trials;
	size_t n_trials;
	uint64_t n_matched, n_measured, measured_bytes;
};

struct trials {
	struct subscription *subscription;
	struct trial_stream *streams;
	size_t n_streams;
	bool kinds[N_KINDS];
	uint64_t begin_ns, end_ns;	/* of the history, as far as it is looked at */
	uint64_t n_events, n_matched;
	struct history_stats stats;
	struct event_json_options json;
	struct progress progress;
	struct buffer scratch;
};

/* Takes the subscription, also if it fails; text is that it was made of.  0; -ENOMEM. */
int trials_init(struct trials *trials, struct subscription *subscription, struct span text);
void trials_release(struct trials *trials);
/* 0: to its beginning, to its end.  -errno. */
int trials_look(struct trials *trials, struct history *history, uint64_t since_ns, uint64_t until_ns);
