/* See redactor.h. */

#include "pipeline/redactor.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/answers.h"

struct redactor {
	bool has_key, is_off;
	unsigned char key[REDACTION_KEY_BYTES];
	struct span own_patterns;
	struct redaction *redaction;	/* NULL: nothing is replaced */
	struct redaction_stats before;	/* of those that were replaced by others */
};

static void change(struct redactor *redactor, struct redaction *redaction)
{
	redactor->before = redactor_stats(redactor);
	redaction_free(redactor->redaction);
	redactor->redaction = redaction;
}

static int use(struct redactor *redactor, struct span patterns)
{
	struct redaction_error error;
	struct redaction *redaction;
	int r = redaction_new(&redaction, redactor->key, patterns, &error);

	if (r >= 0)
		change(redactor, redaction);
	return r;
}

int redactor_new(struct redactor **ret, const struct pipeline_options *options)
{
	struct redactor *redactor = calloc(1, sizeof(*redactor));
	int r;

	if (!redactor)
		return -ENOMEM;
	redactor->has_key = options->redaction_key;
	redactor->is_off = options->no_redaction;
	redactor->own_patterns = options->redaction_patterns;
	if (options->redaction_key)
		memcpy(redactor->key, options->redaction_key, sizeof(redactor->key));
	r = redactor_use_own(redactor);
	if (r < 0) {
		redactor_free(redactor);
		return r;
	}
	*ret = redactor;
	return 0;
}

struct redactor *redactor_free(struct redactor *redactor)
{
	if (!redactor)
		return NULL;
	redaction_free(redactor->redaction);
	OPENSSL_cleanse(redactor->key, sizeof(redactor->key));
	free(redactor);
	return NULL;
}

int redactor_use_own(struct redactor *redactor)
{
	if (redactor->has_key && !redactor->is_off)
		return use(redactor, redactor->own_patterns);
	change(redactor, NULL);
	return 0;
}

int redactor_use(struct redactor *redactor, struct span patterns)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r = redactor->has_key ? answers_unhex(&text, patterns) : 0;

	return r < 0 || !redactor->has_key ? r : use(redactor, buffer_span(&text));
}

int redactor_event(struct redactor *redactor, struct event *event, const struct context **actor)
{
	if (!redactor->redaction)
		return 0;
	redaction_event(redactor->redaction, event);
	*actor = redaction_actor(redactor->redaction, event, *actor);
	return (*actor)->values.failed || event->values.failed ? -ENOMEM : 0;
}

int redactor_context(struct redactor *redactor, struct context *context)
{
	if (redactor->redaction)
		redaction_context(redactor->redaction, context);
	return context->values.failed ? -ENOMEM : 0;
}

struct redaction_stats redactor_stats(const struct redactor *redactor)
{
	struct redaction_stats stats = redactor->before;

	if (redactor->redaction) {
		const struct redaction_stats now = redaction_stats(redactor->redaction);

		stats.secrets += now.secrets;
		stats.given_up += now.given_up;
	}
	return stats;
}
