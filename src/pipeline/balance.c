/* See balance.h. */

#include "pipeline/balance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "base/log.h"

const char *const balance_origin_names[N_ORIGINS] = {
	[ORIGIN_EBPF] = "ebpf", [ORIGIN_AUDIT] = "audit",   [ORIGIN_CONNECTOR] = "connector",
	[ORIGIN_PROC] = "proc", [ORIGIN_HASHER] = "hasher", [ORIGIN_OWN] = "own",
};

const char *const balance_record_names[N_RECORD_TERMS] = {
	[RECORDS_RECEIVED] = "received",	[RECORDS_DECODED] = "decoded",	       [RECORDS_USED] = "used",
	[RECORDS_MALFORMED] = "malformed",	[RECORDS_RING_FULL] = "lost.ring",     [RECORDS_SHED] = "lost.shed",
	[RECORDS_TOO_MANY] = "lost.assembler",	[RECORDS_NO_MEMORY] = "lost.memory",   [RECORDS_LET_GO] = "lost.stop",
};

const char *const balance_event_names[N_EVENT_TERMS] = {
	[EVENTS_MADE] = "made",			[EVENTS_OWN] = "own",			    [EVENTS_MERGED] = "merged",
	[EVENTS_FILTERED_OUT] = "filtered_out", [EVENTS_NO_MEMORY] = "lost.memory",	    [EVENTS_EMITTED] = "emitted",
	[EVENTS_STORED] = "stored",		[EVENTS_JOURNALS_ONLY] = "journals_only",   [EVENTS_UNSTORED] = "unstored",
	[EVENTS_SHED] = "lost.shed",		[EVENTS_NOT_STORED] = "lost.database",	    [EVENTS_HELD] = "lost.held",
	[EVENTS_THINNED] = "lost.thinned",
};

enum balance_origin balance_origin(uint32_t record_type)
{
	static const enum balance_origin of_ours[RECORD_OWN_END - RECORD_OWN_FIRST] = {
		[RECORD_FORK - RECORD_OWN_FIRST] = ORIGIN_CONNECTOR,
		[RECORD_EXIT - RECORD_OWN_FIRST] = ORIGIN_CONNECTOR,
		[RECORD_PROCESS - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_NO_PROCESS - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_FD - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_PATH - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_NAME - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_SETUP - RECORD_OWN_FIRST] = ORIGIN_OWN,
		[RECORD_CLOCK - RECORD_OWN_FIRST] = ORIGIN_OWN,
		[RECORD_GAP - RECORD_OWN_FIRST] = ORIGIN_OWN,
		[RECORD_PROBE - RECORD_OWN_FIRST] = ORIGIN_EBPF,
		[RECORD_NOTE - RECORD_OWN_FIRST] = ORIGIN_OWN,
		[RECORD_DIGEST - RECORD_OWN_FIRST] = ORIGIN_HASHER,
		[RECORD_DEFINITION - RECORD_OWN_FIRST] = ORIGIN_HASHER,
		[RECORD_REMEMBERED - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_ALL_TOLD - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_SOCKET - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_ACCOUNT - RECORD_OWN_FIRST] = ORIGIN_HASHER,
		[RECORD_HOST_PATH - RECORD_OWN_FIRST] = ORIGIN_PROC,
		[RECORD_THROTTLE - RECORD_OWN_FIRST] = ORIGIN_OWN,
		[RECORD_TAMPER - RECORD_OWN_FIRST] = ORIGIN_OWN,
	};

	if (likely(record_type < RECORD_OWN_FIRST))
		return ORIGIN_AUDIT;
	return record_type < RECORD_OWN_END ? of_ours[record_type - RECORD_OWN_FIRST] : ORIGIN_OWN;
}

/* The first of the terms without the others, up to `end`. */
static int64_t left_of(const uint64_t *terms, size_t first, size_t end)
{
	uint64_t left = terms[first];

	for (size_t i = first + 1; i < end; i++)
		left -= terms[i];
	return (int64_t)left;
}

int64_t balance_records_left(const struct balance *balance, enum balance_origin origin)
{
	return left_of(balance->records[origin], RECORDS_RECEIVED, N_RECORD_TERMS);
}

int64_t balance_events_left(const struct balance *balance, enum category category)
{
	return left_of(balance->events[category], EVENTS_MADE, EVENTS_EMITTED + 1);
}

int64_t balance_emitted_left(const struct balance *balance, enum category category)
{
	return balance->has_sinks ? left_of(balance->events[category], EVENTS_EMITTED, N_EVENT_TERMS) : 0;
}

uint64_t balance_records_sum(const struct balance *balance, enum record_term term)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_ORIGINS; i++)
		sum += balance->records[i][term];
	return sum;
}

uint64_t balance_events_sum(const struct balance *balance, enum event_term term)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++)
		sum += i == CATEGORY_signal ? 0 : balance->events[i][term];
	return sum;
}

static bool is_loss(const char *term)
{
	return strncmp(term, "lost.", 5) == 0;
}

static void append_term(struct buffer *text, const char **separator, uint64_t n, const char *name, const char *of)
{
	if (n == 0)
		return;
	buffer_printf(text, "%s%" PRIu64 " %s%s%s", *separator, n, name, of ? "." : "", of ? of : "");
	*separator = ", ";
}

/* A loss says of what. */
static void append_records(struct buffer *text, const struct balance *balance, enum record_term term, const char **separator)
{
	const char *name = balance_record_names[term];

	if (!is_loss(name)) {
		append_term(text, separator, balance_records_sum(balance, term), name, NULL);
		return;
	}
	for (unsigned i = 0; i < N_ORIGINS; i++)
		append_term(text, separator, balance->records[i][term], name, balance_origin_names[i]);
}

static void append_events(struct buffer *text, const struct balance *balance, enum event_term term, const char **separator)
{
	const char *name = balance_event_names[term];
	uint64_t sum = 0;

	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		if (is_loss(name))
			append_term(text, separator, balance->events[i][term], name, categories[i].name);
		else
			sum += balance->events[i][term];
	}
	append_term(text, separator, sum, name, NULL);
}

void balance_text(const struct balance *balance, struct buffer *ret)
{
	const char *separator = ": ";

	buffer_printf(ret, "%" PRIu64 " records received", balance_records_sum(balance, RECORDS_RECEIVED));
	for (unsigned i = RECORDS_RECEIVED + 1; i < N_RECORD_TERMS; i++)
		append_records(ret, balance, i, &separator);
	buffer_printf(ret, "; %" PRIu64 " events made", balance_events_sum(balance, EVENTS_MADE) + balance->events[CATEGORY_signal][EVENTS_MADE]);
	separator = ": ";
	for (unsigned i = EVENTS_MADE + 1; i < N_EVENT_TERMS; i++)
		if (i != EVENTS_EMITTED || !balance->has_sinks)
			append_events(ret, balance, i, &separator);
}

static bool too_many(char why[static BALANCE_WHY_MAX], int64_t left, const char *what, const char *name)
{
	if (likely(left >= 0))
		return false;
	snprintf(why, BALANCE_WHY_MAX, "%" PRId64 " more %s of %s have ended than there were", -left, what, name);
	return true;
}

static bool is_amiss(char why[static BALANCE_WHY_MAX], uint64_t left, uint64_t waiting, const char *what)
{
	if (likely(left == waiting))
		return false;
	snprintf(why, BALANCE_WHY_MAX, "of %" PRIu64 " %s nothing became so far, and %" PRIu64 " wait", left, what, waiting);
	return true;
}

bool balance_closes(const struct balance *balance, char why[static BALANCE_WHY_MAX])
{
	uint64_t records = 0, events = 0, emitted = 0;

	*why = 0;
	for (unsigned i = 0; i < N_ORIGINS; i++) {
		int64_t left = balance_records_left(balance, i);

		if (too_many(why, left, "records", balance_origin_names[i]))
			return false;
		records += (uint64_t)left;
	}
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		int64_t left = balance_events_left(balance, i), left_of_emitted = balance_emitted_left(balance, i);

		if (too_many(why, left, "events", categories[i].name) ||
		    too_many(why, left_of_emitted, "emitted events", categories[i].name))
			return false;
		events += (uint64_t)left;
		emitted += (uint64_t)left_of_emitted;
	}
	return !(!balance->records_uncertain && is_amiss(why, records, balance->records_waiting, "records")) &&
	       !is_amiss(why, events, balance->events_waiting, "events") &&
	       !is_amiss(why, emitted, balance->emitted_waiting, "emitted events");
}

void balance_demand(const struct balance *balance, char why[static BALANCE_WHY_MAX])
{
	if (likely(balance_closes(balance, why)))
		return;
	log_error("The counters do not reconcile, which is a fault of the recorder: %s", why);
	if (RECORDER_LOOKS_FOR_FAULTS)
		abort();
}
