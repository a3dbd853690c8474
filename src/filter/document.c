/* See document.h.  Nothing in a document is ignored: a key nobody knows is most often a mistyped one. */

#include <errno.h>

#include "base/path.h"
#include "base/suggest.h"
#include "filter/document.h"

#define TEXT_LENGTH_MAX 1024

const char *const json_type_names[] = {
	[JSON_OBJECT] = "an object",
	[JSON_ARRAY] = "a list",
	[JSON_STRING] = "a text",
	[JSON_INTEGER] = "a number",
	[JSON_REAL] = "a number with a fraction",
	[JSON_TRUE] = "true",
	[JSON_FALSE] = "false",
	[JSON_NULL] = "null",
};

int document_check_keys(json_t *object, const char *const *known, struct filter_error *error)
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

int document_check_type(const json_t *json, json_type type, struct filter_error *error)
{
	if (json_typeof(json) != type)
		return filter_fail(error, "%s is needed, not %s", json_type_names[type],
				   json_type_names[json_typeof(json)]);
	return 0;
}

int document_get(json_t **ret, const json_t *object, const char *key, json_type type, bool needed,
		 struct filter_error *error)
{
	json_t *value = json_object_get(object, key);

	if (!value && needed)
		return filter_fail(error, "key '%s' is missing", key);
	if (value && document_check_type(value, type, error) < 0)
		return filter_fail_at(error, "%s", key);
	*ret = value;
	return 0;
}

int document_get_number(uint64_t *ret, const json_t *object, const char *key, uint64_t min, uint64_t max,
			struct filter_error *error)
{
	json_t *value = NULL;
	int r = document_get(&value, object, key, JSON_INTEGER, false, error);

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

int document_get_bool(bool *ret, const json_t *object, const char *key, struct filter_error *error)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_boolean(value))
		return filter_fail(error, "%s: true or false is needed, not %s", key,
				   json_type_names[json_typeof(value)]);
	if (value)
		*ret = json_is_true(value);
	return 0;
}

static int keep_copy(char **ret, struct span text)
{
	char *copy = strndup(text.data, text.size);

	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

int document_get_text(char **ret, const json_t *object, const char *key, bool needed, struct filter_error *error)
{
	json_t *value = NULL;
	struct span text;
	int r = document_get(&value, object, key, JSON_STRING, needed, error);

	if (r < 0 || !value)
		return r;
	text = json_span(value);
	if (text.size == 0 || text.size > TEXT_LENGTH_MAX)
		return filter_fail(error, "%s: %s is empty or longer than %d bytes", key, quote(text).text,
				   TEXT_LENGTH_MAX);
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			return filter_fail(error, "%s: %s has control characters in it", key, quote(text).text);
	return keep_copy(ret, text);
}

int document_get_name(char **ret, const json_t *object, const char *key, bool needed, struct filter_error *error)
{
	json_t *value = NULL;
	struct span name;
	int r = document_get(&value, object, key, JSON_STRING, needed, error);

	if (r < 0 || !value)
		return r;
	name = json_span(value);
	if (name.size == 0 || name.size > NAME_LENGTH_MAX || name.data[0] == '.')
		return filter_fail(error, "%s: %s is empty, longer than %d bytes or begins with a dot", key,
				   quote(name).text, NAME_LENGTH_MAX);
	if (!path_is_name(name))
		return filter_fail(error, "%s: %s may hold letters, digits, '-', '_' and '.' only", key, quote(name).text);
	return keep_copy(ret, name);
}
