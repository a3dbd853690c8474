#pragma once
/* Reading the keys of a JSON document, each mistake with its place. */

#include <jansson.h>

#include "filter/error.h"

extern const char *const json_type_names[];	/* "an object" */

static inline struct span json_span(const json_t *json)
{
	return (struct span){ json_string_value(json), json_string_length(json) };
}

/* Every key is one of the list, which ends with NULL. */
int document_check_keys(json_t *object, const char *const *known, struct filter_error *error);
int document_check_type(const json_t *json, json_type type, struct filter_error *error);
/* 0 and *ret NULL when there is no such key and it is not needed. */
int document_get(json_t **ret, const json_t *object, const char *key, json_type type, bool needed,
		 struct filter_error *error);
/* *ret stays when there is no such key. */
int document_get_number(uint64_t *ret, const json_t *object, const char *key, uint64_t min, uint64_t max,
			struct filter_error *error);
int document_get_bool(bool *ret, const json_t *object, const char *key, struct filter_error *error);
/* A text for people: not empty, one line, UTF-8, at most 1,024 bytes. */
int document_get_text(char **ret, const json_t *object, const char *key, bool needed, struct filter_error *error);
/* A name of which a file can be made (path_is_name). */
int document_get_name(char **ret, const json_t *object, const char *key, bool needed, struct filter_error *error);
