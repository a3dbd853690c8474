/* A JSON document -> streams of compiled filters, or the place of its error.
 *
 * A document is taken whole or not at all, and nothing in it is ignored: a key nobody knows is an error,
 * since most often it is a mistyped one. Bounds come first (size, nesting by jansson, numbers of things,
 * memory of regular expressions), because the document may come from whoever may talk to the socket.
 *
 * What it leaves out: encryption. */

#include <errno.h>

#include "filter/stream.h"
#include "filter/subscription.h"

#define DOCUMENT_MAX (1u << 20)
#define FILTERS_MAX 4096
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
		stream_release(&subscription->streams[i]);
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

size_t subscription_count_filters(const struct subscription *subscription)
{
	return subscription->n_filters;
}

bool subscription_has_signals(const struct subscription *subscription)
{
	for (size_t i = 0; i < subscription->n_streams; i++)
		if (subscription->streams[i].type == STREAM_SIGNAL)
			return true;
	return false;
}

int subscription_check_beside(const struct subscription *subscription, const struct subscription *other,
			      struct filter_error *error)
{
	for (size_t i = 0; i < subscription->n_streams; i++) {
		const struct stream *stream = &subscription->streams[i];

		for (size_t k = 0; k < other->n_streams; k++)
			if (stream_is_same(stream, &other->streams[k]))
				return filter_fail(error, "streams[%zu].%s: %s '%s' is that of the subscription '%s' already",
						   i, stream->type == STREAM_SIGNAL ? "id" : "name",
						   stream_type_name(stream), stream_key(stream), other->name);
	}
	return 0;
}

const struct stream_filters *subscription_filters(const struct subscription *subscription, size_t stream)
{
	return &subscription->filters[stream];
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
		return filter_fail(error, "a text, a number or a list of them is needed, not %s",
				   json_type_names[json_typeof(json)]);
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
		bool is_list = json_is_array(value);

		if (value_span(is_list ? json_array_get(value, i) : value, &numbers, &values[i], error) == 0)
			continue;
		return is_list ? filter_fail_at(error, "value[%zu]", i) : filter_fail_at(error, "value");
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
	int r = document_check_keys(object, keys, error);

	if (r < 0 || (r = document_get(&field, object, "field", JSON_STRING, true, error)) < 0 ||
	    (r = document_get(&operator, object, "operator", JSON_STRING, true, error)) < 0 ||
	    (r = document_get(&fold, object, "case", JSON_STRING, false, error)) < 0)
		return r;
	if (negate && !json_is_boolean(negate))
		return filter_fail(error, "negate: true or false is needed, not %s",
				   json_type_names[json_typeof(negate)]);
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
	return filter_fail(error, "a term is a text or an object, not %s", json_type_names[json_typeof(json)]);
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
	int r = document_check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = document_check_keys(json, keys, error)) < 0 ||
	    (r = document_get(&list, json, "terms", JSON_ARRAY, true, error)) < 0 ||
	    (r = document_get(&description, json, "description", JSON_STRING, false, error)) < 0)
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

static int check_kinds(struct terms *terms, const struct stream *stream, struct filter_error *error)
{
	struct kind_set wanted = { 0 };

	for (unsigned kind = 0; kind < N_KINDS; kind++)
		if (stream->categories & 1u << kinds[kind].category)
			kind_set_add(&wanted, kind);
	if (kind_set_intersect(&terms->kinds, &wanted))
		return 0;
	if (stream->categories == STREAM_CATEGORIES)
		return filter_fail(error, "no event can match: signals are made of what streams match, and are matched by none");
	return filter_fail(error, "no event can match: its types are not among the categories of the stream");
}

/* A stream that names categories and no filter wants all of them. */
static int add_whole(struct stream_filters *filters, struct subscription *subscription, struct filter_error *error)
{
	int r;

	filters->items = calloc(1, sizeof(struct terms *));
	if (!filters->items)
		return -ENOMEM;
	r = terms_new(&filters->items[0], 0);
	if (r < 0)
		return r;
	filters->n = 1;
	subscription->n_filters++;
	return terms_finish(filters->items[0], error);
}

/* Journals are files, signals are told apart by their ids. */
static int check_distinct(const struct subscription *subscription, size_t n, struct filter_error *error)
{
	const struct stream *stream = &subscription->streams[n];

	for (size_t i = 0; i < n; i++)
		if (stream_is_same(&subscription->streams[i], stream))
			return filter_fail(error, "%s: %s '%s' is that of streams[%zu] already",
					   stream->type == STREAM_SIGNAL ? "id" : "name",
					   stream_type_name(stream), stream_key(stream), i);
	return 0;
}

static int parse_stream(struct subscription *subscription, size_t n, json_t *json, struct filter_error *error)
{
	struct stream *stream = &subscription->streams[n];
	struct stream_filters *filters = &subscription->filters[n];
	json_t *list = NULL;
	int r = stream_parse(stream, json, subscription->name, error);

	if (r < 0 || (r = check_distinct(subscription, n, error)) < 0 ||
	    (r = document_get(&list, json, "event_filters", JSON_ARRAY, stream->categories == STREAM_CATEGORIES, error)) < 0)
		return r;
	r = list ? parse_filters(filters, subscription, list, error) : add_whole(filters, subscription, error);
	for (size_t i = 0; r >= 0 && i < filters->n; i++) {
		r = check_kinds(filters->items[i], stream, error);
		if (r < 0)
			return filter_fail_at(error, "event_filters[%zu]", i);
	}
	return r;
}

static int check_numbers(const struct subscription *subscription, struct filter_error *error)
{
	size_t n = 0;

	for (size_t i = 0; i < subscription->n_streams; i++)
		if (subscription->streams[i].type != STREAM_SIGNAL && ++n > STREAMS_MAX)
			return filter_fail(error, "streams[%zu]: more than %d streams that are no signals", i, STREAMS_MAX);
	return 0;
}

static int parse_streams(struct subscription *subscription, json_t *list, struct filter_error *error)
{
	size_t n = json_array_size(list), i;
	json_t *item;

	if (n == 0)
		return filter_fail(error,
				   "streams: the list is empty; the subscription would record nothing");
	if (n > STREAMS_MAX + FILTERS_MAX)
		return filter_fail(error, "streams: more than %d streams", STREAMS_MAX + FILTERS_MAX);
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
	return check_numbers(subscription, error);
}

static int parse_document(struct subscription *subscription, json_t *json, struct filter_error *error)
{
	static const char *const keys[] = { "name", "domain", "description", "streams", NULL };
	json_t *domain = NULL, *description = NULL, *streams = NULL;
	int r = document_check_type(json, JSON_OBJECT, error);

	if (r < 0 || (r = document_check_keys(json, keys, error)) < 0 ||
	    (r = document_get_name(&subscription->name, json, "name", true, error)) < 0 ||
	    (r = document_get(&domain, json, "domain", JSON_STRING, false, error)) < 0 ||
	    (r = document_get(&description, json, "description", JSON_STRING, false, error)) < 0 ||
	    (r = document_get(&streams, json, "streams", JSON_ARRAY, true, error)) < 0)
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
