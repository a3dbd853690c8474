#pragma once
/* Which events somebody subscribed to: a set of subscriptions compiled to terms.
 * The language: SPEC section 3. */

#include "base/buffer.h"
#include "event/event.h"

/* Where a document is wrong, in words a person can act on:
 * streams[0].event_filters[2].terms[1]: unknown field 'proces.path', did you mean 'process.path'? */
struct filter_error {
	char message[512];
};

enum stream_type { STREAM_DATABASE, STREAM_JOURNAL, STREAM_SIGNAL };
enum severity { SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };
const char *severity_name(enum severity severity);
#define SIGNALS_JOURNAL "signals"	/* the journal that all signals go to; no stream may have its name */

struct stream {
	enum stream_type type;
	char *name;			/* of a journal; the subscription's name if none is given.  Of a signal, for people */
	char *description;		/* may be NULL */
	uint64_t max_size_bytes;	/* of a journal; 0: no bound */
	unsigned keep;			/* old files kept */
	bool compress;			/* old files */
	uint32_t categories;		/* of a database: bits of enum category that it takes */
	char *id;			/* of a signal */
	enum severity severity;
	const char *subscription;	/* that it stands in; borrowed from that */
};

struct subscription;
/* JSON text -> subscription.  0; -EINVAL with *error set; -ENOMEM. */
int subscription_parse(struct subscription **ret, struct span json, struct filter_error *error);
struct subscription *subscription_free(struct subscription *subscription);
DEFINE_CLEANUP(struct subscription, subscription_free)
const char *subscription_name(const struct subscription *subscription);
size_t subscription_streams(const struct subscription *subscription, const struct stream **ret);
size_t subscription_count_filters(const struct subscription *subscription);	/* of all its streams */
bool subscription_has_signals(const struct subscription *subscription);
/* Whether two of different names can be beside each other: no journal and no signal is in both.  0; -EINVAL. */
int subscription_check_beside(const struct subscription *subscription, const struct subscription *other,
			      struct filter_error *error);

/* A set of subscriptions made ready.  Streams of all that are no signals are numbered from 0 in order; at most 63. */
struct filter;
/* Borrows the subscriptions.  -E2BIG: they have more streams. */
int filter_new(struct filter **ret, const struct subscription *const *subscriptions, size_t n);
struct filter *filter_free(struct filter *filter);
DEFINE_CLEANUP(struct filter, filter_free)
/* Bit set of the streams that want the event; 0: nobody.  Events of category recorder are always wanted. */
uint64_t filter_match(struct filter *filter, const struct event *event);
#define FILTER_SIGNALED (UINT64_C(1) << 63)	/* among them: it set off a signal */
/* Signals that the last event set off; valid until the next. */
size_t filter_hits(const struct filter *filter, const struct stream *const **ret);
/* The same answers, slowly: term by term.  What the tests compare with, and the way without memory. */
uint64_t filter_match_plainly(struct filter *filter, const struct event *event);
/* Regular expressions that took too long for an event, which counts as not matched.  Asked by the thread that matches. */
uint64_t filter_given_up(const struct filter *filter);
/* Kinds that any subscription can ever want: what the kernel is asked for. */
void filter_wanted(const struct filter *filter, bool ret[N_KINDS]);
/* Whether an event of the kind can set off a signal. */
bool filter_may_signal(const struct filter *filter, uint16_t kind);
bool filter_has_signals(const struct filter *filter);	/* whether any can */

/* Whether any subscription looks at what is known only when a file has been read. */
bool filter_looks_at_hashes(const struct filter *filter);

/* Texts of a field that no event of these kinds can have and still be wanted: every filter leaves them out.  by_prefix: all
 * texts that begin so.  What no list of texts can say (patterns, other fields) is not found.  What fn returned if < 0. */
typedef int (*filter_text_fn)(void *user, struct span text, bool by_prefix);
int filter_excluded(const struct filter *filter, const bool of_kinds[N_KINDS], enum field field, filter_text_fn fn, void *user);
/* Texts of which one of these fields must have one for an event of these kinds to be wanted: with {path, target_path} the folders
 * that anybody wants to know of, with {user_name} the users; numbers in decimal.  A text is borrowed until fn returns and may be
 * told twice.  1: told all; 0: there is no such bound, nothing was told; what fn returned if < 0. */
int filter_required(const struct filter *filter, const bool of_kinds[N_KINDS], const enum field *list, size_t n, filter_text_fn fn,
		    void *user);

/* One list of terms joined by AND, from the command line ("process.path is '/bin/ls'", "file"): the same
 * terms. */
struct terms;
int terms_parse(struct terms **ret, const char *const *texts, size_t n, struct filter_error *error);
struct terms *terms_free(struct terms *terms);
DEFINE_CLEANUP(struct terms, terms_free)
bool terms_match(struct terms *terms, const struct event *event);
/* Categories the terms can match at all, as bits of enum category. */
uint32_t terms_categories(const struct terms *terms);
/* Values of which an event must have one, in one of these fields of its own or of the process behind it, to match: a need for
 * each term that asks for whole values.  An address is its bytes.  Borrowed until fn returns; what fn returned if < 0. */
struct term_need {
	const enum field *fields;
	size_t n_fields, n_values;
	const struct span *texts;	/* or NULL: numbers */
	const uint64_t *numbers;
	bool fold_case;			/* in any case; the texts are in small letters */
};
typedef int (*term_need_fn)(void *user, const struct term_need *need);
int terms_needs(const struct terms *terms, term_need_fn fn, void *user);
/* Kinds the terms can match at all; whether they match all events of these. */
void terms_kinds(const struct terms *terms, bool ret[N_KINDS]);
bool terms_are_of_kind(const struct terms *terms);
/* Adds the fields that the terms look at to a set.  Whether they are those of ancestors too. */
bool terms_fields(const struct terms *terms, uint64_t set[static FIELD_WORDS]);
