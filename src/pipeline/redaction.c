/* See redaction.h. */

#include "pipeline/redaction.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "filter/pattern.h"

#define DIGEST_BYTES 8
#define MATCHES_MAX 1000		/* of one pattern in one text; more are no secrets but a mistake */

struct redaction {
	unsigned char key[REDACTION_KEY_BYTES];
	struct pattern *patterns[REDACTION_PATTERNS_MAX];
	size_t n_patterns;
	struct context *actor;		/* scratch */
	struct buffer text, next, subject;
	/* of the text that is read */
	struct span from;
	size_t copied;			/* of it, into `text` */
	uint64_t secrets, gone_on;
};

/* What may have secrets, of events. */
static const struct {
	enum field field;
	enum secret_place place;
} places[] = {
	{ FIELD_auditd_message, SECRET_TEXT },	  { FIELD_env, SECRET_ARGS },
	{ FIELD_content, SECRET_SCRIPT },	  { FIELD_security_command, SECRET_TEXT },
	{ FIELD_registry_data, SECRET_TEXT },	  { FIELD_http_url, SECRET_TEXT },
	{ FIELD_http_headers, SECRET_HEADERS },
};

void redaction_mark(const unsigned char key[REDACTION_KEY_BYTES], struct span secret, char ret[SECRET_MARK_BYTES + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	char *p = ret + snprintf(ret, SECRET_MARK_BYTES + 1, "%s", SECRET_MARK);

	/* Without memory for it the secret goes all the same, for a mark that no other is equal to by more than chance. */
	if (!HMAC(EVP_sha256(), key, REDACTION_KEY_BYTES, (const unsigned char *)secret.data, secret.size, digest, NULL))
		memset(digest, 0, sizeof(digest));
	for (unsigned i = 0; i < DIGEST_BYTES; i++)
		p += snprintf(p, 3, "%02x", digest[i]);
	snprintf(p, 2, ">");
}

/* Patterns. */

static int add_pattern(struct redaction *redaction, struct span line, unsigned number, struct redaction_error *error)
{
	struct filter_error why = { "" };
	int r;

	if (redaction->n_patterns == REDACTION_PATTERNS_MAX) {
		snprintf(error->message, sizeof(error->message), "line %u: more than %u patterns", number, REDACTION_PATTERNS_MAX);
		return -EINVAL;
	}
	r = pattern_new(&redaction->patterns[redaction->n_patterns], line, false, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "line %u: %.400s", number, why.message);
		return -EINVAL;
	}
	redaction->n_patterns++;
	return 0;
}

static int add_patterns(struct redaction *redaction, struct span text, struct redaction_error *error)
{
	for (unsigned number = 1; text.size > 0; number++) {
		const char *newline = memchr(text.data, '\n', text.size);
		struct span line = { text.data, newline ? (size_t)(newline - text.data) : text.size };
		size_t taken = line.size + (newline != NULL);
		int r = 0;

		text = (struct span){ text.data + taken, text.size - taken };
		if (span_ends(line, SPAN("\r")))
			line.size--;
		if (line.size > 0 && line.data[0] != '#')
			r = add_pattern(redaction, line, number, error);
		if (r < 0)
			return r;
	}
	return 0;
}

int redaction_new(struct redaction **ret, const unsigned char key[REDACTION_KEY_BYTES], struct span patterns,
		  struct redaction_error *error)
{
	_cleanup_(redaction_freep) struct redaction *redaction = calloc(1, sizeof(*redaction));
	int r;

	if (!redaction)
		return -ENOMEM;
	memcpy(redaction->key, key, sizeof(redaction->key));
	redaction->actor = context_new();
	r = redaction->actor ? add_patterns(redaction, patterns, error) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = TAKE(redaction);
	return 0;
}

struct redaction *redaction_free(struct redaction *redaction)
{
	if (!redaction)
		return NULL;
	for (size_t i = 0; i < redaction->n_patterns; i++)
		pattern_free(redaction->patterns[i]);
	context_unref(redaction->actor);
	buffer_release(&redaction->text);
	buffer_release(&redaction->next);
	buffer_release(&redaction->subject);
	OPENSSL_cleanse(redaction->key, sizeof(redaction->key));
	free(redaction);
	return NULL;
}

struct redaction_stats redaction_stats(const struct redaction *redaction)
{
	struct redaction_stats stats = { .secrets = redaction->secrets, .given_up = redaction->gone_on };

	for (size_t i = 0; i < redaction->n_patterns; i++)
		stats.given_up += pattern_given_up(redaction->patterns[i]);
	return stats;
}

/* A text. */

/* Secrets come in their order. */
static void replace(void *user, size_t at, size_t size)
{
	struct redaction *redaction = user;
	char mark[SECRET_MARK_BYTES + 1];

	redaction_mark(redaction->key, (struct span){ redaction->from.data + at, size }, mark);
	buffer_append(&redaction->text, redaction->from.data + redaction->copied, at - redaction->copied);
	buffer_append(&redaction->text, mark, SECRET_MARK_BYTES);
	redaction->copied = at + size;
	redaction->secrets++;
}

/* What is found may reach from one argument into the next: each has its own mark, so that there are as many. */
static void replace_words(struct redaction *redaction, size_t at, size_t size)
{
	const char *p = redaction->from.data + at, *end = p + size;

	while (p < end) {
		const char *stop = memchr(p, 0, (size_t)(end - p));

		stop = stop ? stop : end;
		if (stop > p && !secret_is_mark((struct span){ p, (size_t)(stop - p) }))
			replace(redaction, (size_t)(p - redaction->from.data), (size_t)(stop - p));
		p = stop + 1;
	}
}

/* A mark that begins before a place of the subject and ends behind it, or at most as long before it as a mark is. */
static bool is_in_mark(struct span subject, size_t at)
{
	size_t from = at < SECRET_MARK_BYTES ? 0 : at - SECRET_MARK_BYTES + 1;

	for (; from <= at; from++)
		if (secret_is_mark((struct span){ subject.data + from, subject.size - from }))
			return true;
	return false;
}

static struct span subject_of(struct redaction *redaction, bool is_list)
{
	struct buffer *subject = &redaction->subject;

	if (!is_list)
		return redaction->from;
	buffer_clear(subject);
	buffer_append_span(subject, redaction->from);
	for (size_t i = 0; i < subject->size; i++)
		if (subject->data[i] == 0)
			subject->data[i] = ' ';
	return buffer_span(subject);
}

static void begin(struct redaction *redaction, struct span text)
{
	buffer_clear(&redaction->text);
	redaction->from = text;
	redaction->copied = 0;
}

/* true: `text` has what is to be put in place of `from`. */
static bool end(struct redaction *redaction)
{
	if (redaction->copied == 0)
		return false;
	buffer_append(&redaction->text, redaction->from.data + redaction->copied, redaction->from.size - redaction->copied);
	return true;
}

static bool apply_pattern(struct redaction *redaction, struct pattern *pattern, struct span text, bool is_list)
{
	struct span subject, secret, required = pattern_required(pattern);
	size_t at = 0, stop;
	unsigned n = 0;

	begin(redaction, text);
	subject = subject_of(redaction, is_list);
	if (required.size > 0 && !memmem(subject.data, subject.size, required.data, required.size))
		return false;
	while (at < subject.size && pattern_find(pattern, subject, at, &secret, &stop)) {
		size_t begins = (size_t)(secret.data - subject.data);

		if (n++ == MATCHES_MAX) {
			redaction->gone_on++;
			break;
		}
		if (begins >= redaction->copied && secret.size > 0 && !is_in_mark(subject, begins))
			replace_words(redaction, begins, secret.size);
		at = MAX(stop, at + 1);
	}
	return end(redaction);
}

/* The text without secrets, borrowed until the next call; the same text if it has none; no bytes if there was no memory. */
static struct span redact(struct redaction *redaction, struct span text, enum secret_place place)
{
	if (text.size == 0)
		return text;
	begin(redaction, text);
	secret_find(text, place, replace, redaction);
	for (size_t i = 0; i <= redaction->n_patterns; i++) {
		if (i == 0 ? end(redaction) : apply_pattern(redaction, redaction->patterns[i - 1], text, secret_is_list(place))) {
			struct buffer before = redaction->next;

			redaction->next = redaction->text;
			redaction->text = before;
			if (buffer_error(&redaction->next) < 0)
				return (struct span){ NULL, 0 };
			text = buffer_span(&redaction->next);
		}
	}
	return text;
}

/* true: the field has another text now. */
static bool redact_field(struct redaction *redaction, struct values *values, enum field field, enum secret_place place)
{
	struct span before, after;
	bool is_inferred;

	if (!values_has(values, field))
		return false;
	before = values_text(values, field);
	after = redact(redaction, before, place);
	if (after.data == before.data)
		return false;
	if (before.size > 0 && !after.data) {
		values->failed = true;
		return false;
	}
	is_inferred = values_is_inferred(values, field);
	values_set_text(values, field, after);
	if (is_inferred)
		values_set_inferred(values, field);
	return true;
}

static void note(struct event *event, enum field field)
{
	if (event)
		values_append_list(&event->values, FIELD_redacted, span_of(fields[field].name));
}

void redaction_event(struct redaction *redaction, struct event *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (redact_field(redaction, &event->values, places[i].field, places[i].place))
			note(event, places[i].field);
}

/* args and command_line are one text in two forms. */
void redaction_context(struct redaction *redaction, struct context *context)
{
	struct values *values = &context->values;

	if (!values_has(values, FIELD_args))
		redact_field(redaction, values, FIELD_command_line, SECRET_TEXT);
	else if (redact_field(redaction, values, FIELD_args, SECRET_ARGS) && values_has(values, FIELD_command_line))
		context_set_command_line(context);
}

const struct context *redaction_actor(struct redaction *redaction, struct event *event, const struct context *actor)
{
	const struct values *from = &actor->values;
	enum field field = values_has(from, FIELD_args) ? FIELD_args : FIELD_command_line;
	struct context *own = redaction->actor;
	uint64_t before = redaction->secrets;

	if (likely(!values_has(from, field)))
		return actor;
	if (redact(redaction, values_text(from, field), field == FIELD_args ? SECRET_ARGS : SECRET_TEXT).data ==
	    values_text(from, field).data)
		return actor;
	redaction->secrets = before;	/* they are counted now */
	context_reset(own);
	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		if (values_has(from, i))
			values_copy(&own->values, from, (enum field)i);
	redaction_context(redaction, own);
	if (field == FIELD_args)
		note(event, FIELD_args);
	if (values_has(&own->values, FIELD_command_line))
		note(event, FIELD_command_line);
	return own;
}
