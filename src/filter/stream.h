#pragma once
/* One stream of a subscription: where its events go. */

#include "filter/document.h"

#define STREAMS_MAX 63			/* with a bit of their own */
#define ALL_CATEGORIES ((1u << N_CATEGORIES) - 1)

/* Everything but its filters.  default_name: of a journal that has none.  0; -EINVAL; -ENOMEM, then release it too. */
int stream_parse(struct stream *stream, json_t *json, const char *default_name, struct filter_error *error);
void stream_release(struct stream *stream);
/* Two streams that cannot be beside each other: journals of one name, signals of one id. */
bool stream_is_same(const struct stream *a, const struct stream *b);
const char *stream_type_name(const struct stream *stream);
/* What tells it from others of its type: the name of a journal, the id of a signal; NULL. */
const char *stream_key(const struct stream *stream);
