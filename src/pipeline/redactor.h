#pragma once
/* The redaction that is in force: the pipeline's own, or that of the run which is replayed. */

#include "pipeline/pipeline.h"
#include "pipeline/redaction.h"

struct redactor;
/* By redaction_key, redaction_patterns and no_redaction of options; the patterns are borrowed.  0; -EINVAL: a pattern is none; -ENOMEM. */
int redactor_new(struct redactor **ret, const struct pipeline_options *options);
struct redactor *redactor_free(struct redactor *redactor);

/* 0, -EINVAL or -ENOMEM: then the one before stays. */
int redactor_use_own(struct redactor *redactor);
/* With these patterns, in hex; without a key of our own nothing is replaced. */
int redactor_use(struct redactor *redactor, struct span patterns);

/* Without secrets from here on; *actor is borrowed until the next call.  0; -ENOMEM: some may still stand there. */
int redactor_event(struct redactor *redactor, struct event *event, const struct context **actor);
int redactor_context(struct redactor *redactor, struct context *context);
struct redaction_stats redactor_stats(const struct redactor *redactor);	/* of all so far */
