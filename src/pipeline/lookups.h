#pragma once
/* What the tracker asks of the host: answered by it, or, in a replay, by what it answered then, which stands in the capture. */

#include "pipeline/pipeline.h"

struct lookups;
struct redactor;
/* options: borrowed, may change; redactor takes the secrets out of the answers.  0 or -errno. */
int lookups_new(struct lookups **ret, const struct pipeline_options *options, struct redactor *redactor);
struct lookups *lookups_free(struct lookups *lookups);
DEFINE_CLEANUP(struct lookups, lookups_free)

/* The tracker asks here from now on. */
void lookups_serve(struct lookups *lookups, struct tracker_options *tracker);
/* The answers of a capture. */
struct answers *lookups_answers(struct lookups *lookups);
