#pragma once
/* One stream of a subscription: where its events go. */

#include "filter/document.h"

#define STREAMS_MAX 63			/* with a bit of their own */
/* What a stream can take.  Signals are made of what streams match, go where all signals go, and are matched by none. */
#define STREAM_CATEGORIES (((1u << N_CATEGORIES) - 1) & ~(uint32_t)CATEGORY_BIT_signal)

/* Everything but its filters.  subscription: its name, also that of a journal that has none; borrowed.  0; -EINVAL; -ENOMEM,
 * then release it too. */
int stream_parse(struct stream *stream, json_t *json, const char *subscription, struct filter_error *error);
void stream_release(struct stream *stream);
/* Two streams that cannot be beside each other: journals of one name, signals of one id. */
bool stream_is_same(const struct stream *a, const struct stream *b);
const char *stream_type_name(const struct stream *stream);
/* What tells it from others of its type: the name of a journal, the id of a signal; NULL. */
const char *stream_key(const struct stream *stream);
