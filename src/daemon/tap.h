#pragma once
/* Live events for those who watch: each watcher has a filter and a bounded buffer of JSON lines that the writer fills
 * and the control thread empties. A watcher that is too slow loses lines and is told how many. */

#include "event/event_json.h"
#include "filter/filter.h"

struct taps;
struct tap;

/* notify: called from the writer thread when a tap has become non-empty. */
int taps_new(struct taps **ret, void (*notify)(void *user), void *user);
struct taps *taps_free(struct taps *taps);

/* Takes terms.  owner: whatever the control thread finds its client by. */
int tap_open(struct taps *taps, struct terms *terms, void *owner);	/* 0, -ENOMEM, -EUSERS: too many */
void tap_close(struct taps *taps, const void *owner);			/* unknown owner: nothing */

/* Writer thread. */
bool taps_any(const struct taps *taps);
void taps_event(struct taps *taps, const struct event *event, const struct event_json_options *json);

/* Control thread: hands every waiting buffer to fn.  *dropped lines were lost before `lines`. */
void taps_drain(struct taps *taps, bool (*fn)(void *owner, struct span lines, uint64_t dropped));
