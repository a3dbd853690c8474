/* See stream.h.  A line a type, a line an option; what a type does not have is refused. */

#include <errno.h>

#include "base/suggest.h"
#include "filter/stream.h"

/* Of a journal that says nothing of it, 320 MiB in all: what has no bound fills the disk some day. */
#define DEFAULT_MAX_SIZE_MB 64
#define DEFAULT_KEEP 4

enum option_id { OPTION_name, OPTION_max_size_mb, OPTION_keep, OPTION_compress, OPTION_categories, OPTION_id, OPTION_severity,
		 N_OPTIONS };

static const struct {
	const char *name;
	bool available;
	enum stream_type type;
	unsigned options;		/* bit set */
} types[] = {
	{ "database", true, STREAM_DATABASE, 1 << OPTION_categories },
	{ "journal", true, STREAM_JOURNAL, 1 << OPTION_name | 1 << OPTION_max_size_mb | 1 << OPTION_keep | 1 << OPTION_compress },
	{ "signal", true, STREAM_SIGNAL, 1 << OPTION_id | 1 << OPTION_name | 1 << OPTION_severity },
	{ "stream", false, 0, 0 },
};

static const char *const severities[] = {
	[SEVERITY_INFORMATIONAL] = "informational", [SEVERITY_LOW] = "low", [SEVERITY_MEDIUM] = "medium",
	[SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
};

const char *severity_name(enum severity severity)
{
	return severities[severity];
}

/* The options */

static int parse_name(struct stream *stream, const json_t *json, struct filter_error *error)
{
	/* That of a journal is the name of a file, that of a signal is for people. */
	return stream->type == STREAM_JOURNAL ? document_get_name(&stream->name, json, "name", false, error) :
						document_get_text(&stream->name, json, "name", false, error);
}

static int parse_max_size(struct stream *stream, const json_t *json, struct filter_error *error)
{
	uint64_t megabytes = DEFAULT_MAX_SIZE_MB;
	int r = document_get_number(&megabytes, json, "max_size_mb", 0, 1u << 20, error);

	stream->max_size_bytes = megabytes << 20;
	return r;
}

static int parse_keep(struct stream *stream, const json_t *json, struct filter_error *error)
{
	uint64_t keep = DEFAULT_KEEP;
	int r = document_get_number(&keep, json, "keep", 0, 10000, error);

	stream->keep = (unsigned)keep;
	return r;
}

static int parse_compress(struct stream *stream, const json_t *json, struct filter_error *error)
{
	return document_get_bool(&stream->compress, json, "compress", error);
}

static int parse_category(struct stream *stream, const json_t *json, struct filter_error *error)
{
	struct suggestion suggestion;
	enum category category;

	if (document_check_type(json, JSON_STRING, error) < 0)
		return -EINVAL;
	category = category_lookup(json_span(json));
	if (category == CATEGORY_signal)
		return filter_fail(error, "signals are in the database whatever the streams say (leave 'signal' out)");
	if (category != N_CATEGORIES) {
		stream->categories |= 1u << category;
		return 0;
	}
	suggestion = suggestion_for(json_span(json));
	for (size_t i = 0; i < N_CATEGORIES; i++)
		if (STREAM_CATEGORIES & 1u << i)
			suggest_offer(&suggestion, span_of(categories[i].name));
	return filter_fail(error, "unknown event type %s%s", quote(json_span(json)).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}

static int parse_categories(struct stream *stream, const json_t *json, struct filter_error *error)
{
	json_t *list = NULL, *item;
	size_t i;
	int r = document_get(&list, json, "categories", JSON_ARRAY, false, error);

	if (r < 0 || !list)
		return r;
	if (json_array_size(list) == 0)
		return filter_fail(error, "categories: the list is empty; the stream would record nothing");
	stream->categories = 0;
	json_array_foreach(list, i, item) {
		r = parse_category(stream, item, error);
		if (r < 0)
			return filter_fail_at(error, "categories[%zu]", i);
	}
	return 0;
}

static int parse_id(struct stream *stream, const json_t *json, struct filter_error *error)
{
	return document_get_name(&stream->id, json, "id", true, error);
}

static int parse_severity(struct stream *stream, const json_t *json, struct filter_error *error)
{
	json_t *value = NULL;
	struct suggestion suggestion;
	int r = document_get(&value, json, "severity", JSON_STRING, false, error);

	if (r < 0 || !value)
		return r;
	suggestion = suggestion_for(json_span(value));
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
		if (strcmp(json_string_value(value), severities[i]) == 0) {
			stream->severity = (enum severity)i;
			return 0;
		}
		suggest_offer(&suggestion, span_of(severities[i]));
	}
	return filter_fail(error, "severity: %s is none of informational, low, medium, high, critical%s",
			   quote(json_span(value)).text, quote_suggestion(suggest_best(&suggestion)).text);
}

static const struct {
	const char *key;
	int (*parse)(struct stream *stream, const json_t *json, struct filter_error *error);
} options[N_OPTIONS] = {
	[OPTION_name] = { "name", parse_name },
	[OPTION_max_size_mb] = { "max_size_mb", parse_max_size },
	[OPTION_keep] = { "keep", parse_keep },
	[OPTION_compress] = { "compress", parse_compress },
	[OPTION_categories] = { "categories", parse_categories },
	[OPTION_id] = { "id", parse_id },
	[OPTION_severity] = { "severity", parse_severity },
};

/* The stream */

static int find_type(const json_t *json, size_t *ret, struct filter_error *error)
{
	json_t *value = NULL;
	struct suggestion suggestion;
	int r = document_get(&value, json, "type", JSON_STRING, true, error);

	if (r < 0)
		return r;
	suggestion = suggestion_for(json_span(value));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(json_string_value(value), types[i].name) != 0) {
			if (types[i].available)
				suggest_offer(&suggestion, span_of(types[i].name));
			continue;
		}
		if (!types[i].available)
			return filter_fail(error, "type: streams of type '%s' do not exist in this release",
					   types[i].name);
		*ret = i;
		return 0;
	}
	return filter_fail(error, "type: unknown stream type %s%s", quote(json_span(value)).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}

static int check_keys(json_t *json, size_t type, struct filter_error *error)
{
	const char *keys[N_OPTIONS + 4] = { "type", "description", "event_filters" };
	size_t n = 3;

	for (size_t i = 0; i < N_OPTIONS; i++)
		if (types[type].options & 1u << i)
			keys[n++] = options[i].key;
	return document_check_keys(json, keys, error);
}

static int set_defaults(struct stream *stream)
{
	if (!stream->name && stream->type == STREAM_JOURNAL)
		stream->name = strdup(stream->subscription);
	else if (!stream->name && stream->type == STREAM_SIGNAL)
		stream->name = strdup(stream->id);
	else
		return 0;
	return stream->name ? 0 : -ENOMEM;
}

static int check_journal_name(const struct stream *stream, struct filter_error *error)
{
	if (stream->type != STREAM_JOURNAL || strcmp(stream->name, SIGNALS_JOURNAL) != 0)
		return 0;
	return filter_fail(error, "name: the journal '%s' is the one that signals are written to (give this one another name)",
			   SIGNALS_JOURNAL);
}

int stream_parse(struct stream *stream, json_t *json, const char *subscription, struct filter_error *error)
{
	size_t type = 0;
	int r = document_check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = find_type(json, &type, error)) < 0 || (r = check_keys(json, type, error)) < 0)
		return r;
	stream->type = types[type].type;
	stream->subscription = subscription;
	stream->categories = STREAM_CATEGORIES;
	stream->severity = SEVERITY_MEDIUM;
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (types[type].options & 1u << i && (r = options[i].parse(stream, json, error)) < 0)
			return r;
	r = document_get_text(&stream->description, json, "description", false, error);
	if (r < 0 || (r = set_defaults(stream)) < 0)
		return r;
	return check_journal_name(stream, error);
}

void stream_release(struct stream *stream)
{
	free(stream->id);
	free(stream->name);
	free(stream->description);
	*stream = (struct stream){ 0 };
}

const char *stream_type_name(const struct stream *stream)
{
	return types[stream->type].name;
}

const char *stream_key(const struct stream *stream)
{
	return stream->type == STREAM_JOURNAL ? stream->name : stream->id;
}

bool stream_is_same(const struct stream *a, const struct stream *b)
{
	return a->type == b->type && stream_key(a) && strcmp(stream_key(a), stream_key(b)) == 0;
}
