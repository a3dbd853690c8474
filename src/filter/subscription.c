/* A JSON document -> streams of compiled filters, or the place of its error.
 *
 * A document is taken whole or not at all, and nothing in it is ignored: a key nobody knows is an error,
 * since most often it is a mistyped one. Bounds come first (size, nesting by jansson, numbers of things,
 * memory of regular expressions), because the document may come from whoever may talk to the socket.
 *
 * What it leaves out: encryption, stream types `signal` and `stream`. */

#include <errno.h>
#include <jansson.h>

#include "filter/subscription.h"

#define DOCUMENT_MAX (1u << 20)
#define FILTERS_MAX 1000
#define STREAMS_MAX 64
#define NAME_LENGTH_MAX 64
#define PATTERN_TOTAL_MAX (32u << 20)

struct subscription {
	char *name;
	struct stream *streams;
	struct stream_filters *filters;	/* of each stream */
	size_t n_streams;
	size_t n_filters;		/* of all streams */
	size_t pattern_bytes;
};

static struct json_t *json_free(struct json_t *json)
{
	json_decref(json);
	return NULL;
}
DEFINE_CLEANUP(struct json_t, json_free)

struct subscription *subscription_free(struct subscription *subscription)
{
	if (!subscription)
		return NULL;
	for (size_t i = 0; i < subscription->n_streams; i++) {
		free(subscription->streams[i].name);
		for (size_t k = 0; k < subscription->filters[i].n; k++)
			terms_free(subscription->filters[i].items[k]);
		free(subscription->filters[i].items);
	}
	free(subscription->streams);
	free(subscription->filters);
	free(subscription->name);
	free(subscription);
	return NULL;
}

const char *subscription_name(const struct subscription *subscription)
{
	return subscription->name;
}

size_t subscription_streams(const struct subscription *subscription, const struct stream **ret)
{
	*ret = subscription->streams;
	return subscription->n_streams;
}

const struct stream_filters *subscription_filters(const struct subscription *subscription, size_t stream)
{
	return &subscription->filters[stream];
}

/* Reading keys */

static const char *const type_names[] = {
	[JSON_OBJECT] = "an object",
	[JSON_ARRAY] = "a list",
	[JSON_STRING] = "a text",
	[JSON_INTEGER] = "a number",
	[JSON_REAL] = "a number with a fraction",
	[JSON_TRUE] = "true",
	[JSON_FALSE] = "false",
	[JSON_NULL] = "null",
};

static struct span json_span(const json_t *json)
{
	return (struct span){ json_string_value(json), json_string_length(json) };
}

/* Every key is one of the list, which ends with NULL. */
static int check_keys(json_t *object, const char *const *known, struct filter_error *error)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		struct suggestion suggestion = suggestion_for(span_of(key));
		bool found = false;

		for (size_t i = 0; known[i]; i++) {
			found = found || strcmp(key, known[i]) == 0;
			suggest_offer(&suggestion, span_of(known[i]));
		}
		if (!found)
			return filter_fail(error, "unknown key %s%s", quote(span_of(key)).text,
					   quote_suggestion(suggest_best(&suggestion)).text);
	}
	return 0;
}

static int check_type(const json_t *json, json_type type, struct filter_error *error)
{
	if (json_typeof(json) != type)
		return filter_fail(error, "%s is needed, not %s", type_names[type],
				   type_names[json_typeof(json)]);
	return 0;
}

/* 0 and *ret NULL when there is no such key and it is not needed. */
static int get(json_t **ret, const json_t *object, const char *key, json_type type, bool needed,
	       struct filter_error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value && needed)
		return filter_fail(error, "key '%s' is missing", key);
	if (value && check_type(value, type, error) < 0)
		return filter_fail_at(error, "%s", key);
	*ret = value;
	return 0;
}

static int get_number(uint64_t *ret, const json_t *object, const char *key, uint64_t min, uint64_t max,
		      struct filter_error *error)
{
	json_t *value = NULL;
	int r = get(&value, object, key, JSON_INTEGER, false, error);

	if (r < 0 || !value)
		return r;
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) < min ||
	    (uint64_t)json_integer_value(value) > max)
		return filter_fail(error, "%s: %lld is not between %llu and %llu", key,
				   (long long)json_integer_value(value), (unsigned long long)min,
				   (unsigned long long)max);
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

/* Names become names of files. */
static int get_name(char **ret, const json_t *object, bool needed, struct filter_error *error)
{
	json_t *value = NULL;
	struct span name;
	char *copy;
	int r = get(&value, object, "name", JSON_STRING, needed, error);

	if (r < 0 || !value)
		return r;
	name = json_span(value);
	if (name.size == 0 || name.size > NAME_LENGTH_MAX || name.data[0] == '.')
		return filter_fail(error, "name: %s is empty, longer than %d bytes or begins with a dot",
				   quote(name).text, NAME_LENGTH_MAX);
	for (size_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-' &&
		    c != '_' && c != '.')
			return filter_fail(error, "name: %s may hold letters, digits, '-', '_' and '.' only",
					   quote(name).text);
	}
	copy = strndup(name.data, name.size);
	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

/* Terms */

static int value_span(const json_t *json, struct buffer *numbers, struct span *ret,
		      struct filter_error *error)
{
	if (json_is_string(json)) {
		*ret = json_span(json);
		return 0;
	}
	if (!json_is_integer(json) && !json_is_boolean(json))
		return filter_fail(error, "value: a text, a number or a list of them is needed, not %s",
				   type_names[json_typeof(json)]);
	/* The span stays valid: the buffer was made large enough for all. */
	ret->data = numbers->data + numbers->size;
	if (json_is_integer(json))
		buffer_append_i64(numbers, json_integer_value(json));
	else
		buffer_append_text(numbers, json_is_true(json) ? "true" : "false");
	ret->size = (size_t)(numbers->data + numbers->size - ret->data);
	return 0;
}

static int term_with_values(struct term **ret, const json_t *value, struct term_parts *parts,
			    struct filter_error *error)
{
	enum { NUMBER_TEXT_MAX = 24 };
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	_cleanup_(freep) struct span *values = NULL;
	_cleanup_(buffer_release) struct buffer numbers = { 0 };

	if (n > TERM_VALUES_MAX)
		return filter_fail(error, "value: more than %d values", TERM_VALUES_MAX);
	values = calloc(MAX(n, 1u), sizeof(*values));
	if (!values || !buffer_reserve(&numbers, MAX(n, 1u) * NUMBER_TEXT_MAX))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = value_span(json_is_array(value) ? json_array_get(value, i) : value, &numbers,
				   &values[i], error);

		if (r < 0)
			return r;
	}
	parts->values = values;
	parts->n_values = n;
	return term_new(ret, parts, error);
}

static int parse_term_object(struct term **ret, json_t *object, struct filter_error *error)
{
	static const char *const keys[] = { "field", "operator", "negate", "value", "case", NULL };
	json_t *field = NULL, *operator = NULL, *fold = NULL, *negate = json_object_get(object, "negate");
	struct term_parts parts = { 0 };
	int r = check_keys(object, keys, error);

	if (r < 0 || (r = get(&field, object, "field", JSON_STRING, true, error)) < 0 ||
	    (r = get(&operator, object, "operator", JSON_STRING, true, error)) < 0 ||
	    (r = get(&fold, object, "case", JSON_STRING, false, error)) < 0)
		return r;
	if (negate && !json_is_boolean(negate))
		return filter_fail(error, "negate: true or false is needed, not %s",
				   type_names[json_typeof(negate)]);
	if (fold && !span_eq(json_span(fold), SPAN("insensitive")) &&
	    !span_eq(json_span(fold), SPAN("sensitive")))
		return filter_fail(error, "case: %s is neither 'sensitive' nor 'insensitive'",
				   quote(json_span(fold)).text);
	if (!json_object_get(object, "value"))
		return filter_fail(error, "key 'value' is missing");
	parts.field = json_span(field);
	parts.operator = json_span(operator);
	parts.negate = json_is_true(negate);
	parts.fold_case = fold && span_eq(json_span(fold), SPAN("insensitive"));
	return term_with_values(ret, json_object_get(object, "value"), &parts, error);
}

static int parse_term(struct term **ret, json_t *json, struct filter_error *error)
{
	if (json_is_string(json))
		return term_parse(ret, json_span(json), error);
	if (json_is_object(json))
		return parse_term_object(ret, json, error);
	return filter_fail(error, "a term is a text or an object, not %s", type_names[json_typeof(json)]);
}

/* Filters and streams */

static int parse_terms(struct terms *terms, struct subscription *subscription, json_t *list,
		       struct filter_error *error)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		struct term *term;
		int r = parse_term(&term, item, error);

		if (r == -EINVAL)
			return filter_fail_at(error, "terms[%zu]", i);
		if (r < 0)
			return r;
		terms_add(terms, term);
		subscription->pattern_bytes += term_pattern_bytes(term);
		if (subscription->pattern_bytes > PATTERN_TOTAL_MAX)
			return filter_fail(
				error,
				"terms[%zu]: the regular expressions of the subscription take more than "
				"%u MiB",
				i, PATTERN_TOTAL_MAX >> 20);
	}
	return terms_finish(terms, error);
}

static int parse_filter(struct terms **ret, struct subscription *subscription, json_t *json,
			struct filter_error *error)
{
	static const char *const keys[] = { "terms", "description", NULL };
	_cleanup_(terms_freep) struct terms *terms = NULL;
	json_t *list = NULL, *description = NULL;
	int r = check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = check_keys(json, keys, error)) < 0 ||
	    (r = get(&list, json, "terms", JSON_ARRAY, true, error)) < 0 ||
	    (r = get(&description, json, "description", JSON_STRING, false, error)) < 0)
		return r;
	if (json_array_size(list) == 0)
		return filter_fail(error,
				   "terms: the list is empty; a filter needs an event type or a condition");
	if (json_array_size(list) > TERMS_MAX)
		return filter_fail(error, "terms: more than %d terms in a filter", TERMS_MAX);
	r = terms_new(&terms, json_array_size(list));
	if (r < 0 || (r = parse_terms(terms, subscription, list, error)) < 0)
		return r;
	*ret = TAKE(terms);
	return 0;
}

static int parse_filters(struct stream_filters *filters, struct subscription *subscription, json_t *list,
			 struct filter_error *error)
{
	size_t i;
	json_t *item;

	if (json_array_size(list) == 0)
		return filter_fail(error,
				   "event_filters: the list is empty; the stream would record nothing");
	if (subscription->n_filters + json_array_size(list) > FILTERS_MAX)
		return filter_fail(error, "event_filters: more than %d filters in a subscription",
				   FILTERS_MAX);
	subscription->n_filters += json_array_size(list);
	filters->items = calloc(json_array_size(list), sizeof(struct terms *));
	if (!filters->items)
		return -ENOMEM;
	json_array_foreach(list, i, item) {
		int r = parse_filter(&filters->items[i], subscription, item, error);

		if (r == -EINVAL)
			return filter_fail_at(error, "event_filters[%zu]", i);
		if (r < 0)
			return r;
		filters->n++;
	}
	return 0;
}

static const char *const database_keys[] = { "type", "description", "event_filters", NULL };
static const char *const journal_keys[] = {
	"type", "description", "event_filters", "name", "max_size_mb", "keep", NULL,
};
static const struct {
	const char *name;
	bool available;
	enum stream_type type;
	const char *const *keys;
} stream_types[] = {
	{ "database", true, STREAM_DATABASE, database_keys },
	{ "journal", true, STREAM_JOURNAL, journal_keys },
	{ "signal", false, 0, NULL },
	{ "stream", false, 0, NULL },
};

static int find_stream_type(const json_t *json, size_t *ret, struct filter_error *error)
{
	json_t *value = NULL;
	struct suggestion suggestion;
	int r = get(&value, json, "type", JSON_STRING, true, error);

	if (r < 0)
		return r;
	suggestion = suggestion_for(json_span(value));
	for (size_t i = 0; i < ARRAY_SIZE(stream_types); i++) {
		if (strcmp(json_string_value(value), stream_types[i].name) != 0) {
			if (stream_types[i].available)
				suggest_offer(&suggestion, span_of(stream_types[i].name));
			continue;
		}
		if (!stream_types[i].available)
			return filter_fail(error, "type: streams of type '%s' do not exist in this release",
					   stream_types[i].name);
		*ret = i;
		return 0;
	}
	return filter_fail(error, "type: unknown stream type %s%s", quote(json_span(value)).text,
			   quote_suggestion(suggest_best(&suggestion)).text);
}

static int check_journal_name(const struct subscription *subscription, size_t n, struct filter_error *error)
{
	for (size_t i = 0; i < n; i++)
		if (subscription->streams[i].type == STREAM_JOURNAL &&
		    strcmp(subscription->streams[i].name, subscription->streams[n].name) == 0)
			return filter_fail(error, "name: journal '%s' is that of streams[%zu] already",
					   subscription->streams[n].name, i);
	return 0;
}

static int parse_stream(struct subscription *subscription, size_t n, json_t *json, struct filter_error *error)
{
	struct stream *stream = &subscription->streams[n];
	uint64_t megabytes = 0, keep = 1;
	json_t *list = NULL, *description = NULL;
	size_t type = 0;
	int r = check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = find_stream_type(json, &type, error)) < 0 ||
	    (r = check_keys(json, stream_types[type].keys, error)) < 0 ||
	    (r = get_name(&stream->name, json, false, error)) < 0 ||
	    (r = get_number(&megabytes, json, "max_size_mb", 1, 1u << 20, error)) < 0 ||
	    (r = get_number(&keep, json, "keep", 0, 10000, error)) < 0 ||
	    (r = get(&description, json, "description", JSON_STRING, false, error)) < 0 ||
	    (r = get(&list, json, "event_filters", JSON_ARRAY, true, error)) < 0)
		return r;
	if (!stream->name && !(stream->name = strdup(subscription->name)))
		return -ENOMEM;
	stream->type = stream_types[type].type;
	stream->max_size_bytes = megabytes << 20;
	stream->keep = (unsigned)keep;
	if (stream->type == STREAM_JOURNAL && check_journal_name(subscription, n, error) < 0)
		return -EINVAL;
	return parse_filters(&subscription->filters[n], subscription, list, error);
}

static int parse_streams(struct subscription *subscription, json_t *list, struct filter_error *error)
{
	size_t n = json_array_size(list), i;
	json_t *item;

	if (n == 0)
		return filter_fail(error,
				   "streams: the list is empty; the subscription would record nothing");
	if (n > STREAMS_MAX)
		return filter_fail(error, "streams: more than %d streams", STREAMS_MAX);
	subscription->streams = calloc(n, sizeof(*subscription->streams));
	subscription->filters = calloc(n, sizeof(*subscription->filters));
	if (!subscription->streams || !subscription->filters)
		return -ENOMEM;
	subscription->n_streams = n;
	json_array_foreach(list, i, item) {
		int r = parse_stream(subscription, i, item, error);

		if (r == -EINVAL)
			return filter_fail_at(error, "streams[%zu]", i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_document(struct subscription *subscription, json_t *json, struct filter_error *error)
{
	static const char *const keys[] = { "name", "domain", "description", "streams", NULL };
	json_t *domain = NULL, *description = NULL, *streams = NULL;
	int r = check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = check_keys(json, keys, error)) < 0 ||
	    (r = get_name(&subscription->name, json, true, error)) < 0 ||
	    (r = get(&domain, json, "domain", JSON_STRING, false, error)) < 0 ||
	    (r = get(&description, json, "description", JSON_STRING, false, error)) < 0 ||
	    (r = get(&streams, json, "streams", JSON_ARRAY, true, error)) < 0)
		return r;
	if (domain && !span_eq(json_span(domain), SPAN("recorder")))
		return filter_fail(error, "domain: %s is not for the recorder, whose domain is 'recorder'",
				   quote(json_span(domain)).text);
	return parse_streams(subscription, streams, error);
}

int subscription_parse(struct subscription **ret, struct span text, struct filter_error *error)
{
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	_cleanup_(json_freep) struct json_t *json = NULL;
	json_error_t where;
	int r;

	if (text.size > DOCUMENT_MAX)
		return filter_fail(error, "the document has %zu bytes, at most %u are allowed", text.size,
				   DOCUMENT_MAX);
	json = json_loadb(text.data ? text.data : "", text.size, JSON_REJECT_DUPLICATES, &where);
	if (!json) {
		if (json_error_code(&where) == json_error_out_of_memory)
			return -ENOMEM;
		return filter_fail(error, "line %d, column %d: %s", where.line, where.column, where.text);
	}
	subscription = calloc(1, sizeof(*subscription));
	if (!subscription)
		return -ENOMEM;
	r = parse_document(subscription, json, error);
	if (r < 0)
		return r;
	*ret = TAKE(subscription);
	return 0;
}
