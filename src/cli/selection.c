/* See selection.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/selection.h"

#define FILTERS_MAX 64

/* --type: a list, joined by OR; each as a term. */
static int narrow_types(struct selection *selection, const char *types, struct filter_error *error)
{
	bool any[N_KINDS] = { false };

	while (types) {
		size_t n = strcspn(types, ",");
		_cleanup_(freep) char *type = strndup(types, n);
		_cleanup_(terms_freep) struct terms *terms = NULL;
		bool of_type[N_KINDS];
		int r = type ? terms_parse(&terms, (const char *const[]){ type }, 1, error) : -ENOMEM;

		if (r < 0)
			return r;
		terms_kinds(terms, of_type);
		for (unsigned kind = 0; kind < N_KINDS; kind++)
			any[kind] = any[kind] || of_type[kind];
		types = types[n] ? types + n + 1 : NULL;
	}
	for (unsigned kind = 0; kind < N_KINDS; kind++)
		selection->kinds[kind] = selection->kinds[kind] && any[kind];
	return 0;
}

/* The keys of one need. */
static int add_need(void *user, const struct term_need *need)
{
	struct selection *selection = user;
	struct history_need *found = &selection->needs[selection->n_needs];
	uint64_t *keys;
	size_t n = 0;

	if (selection->n_needs == ARRAY_SIZE(selection->needs))
		return 0;
	keys = reallocarray(NULL, need->n_fields * need->n_values, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (size_t f = 0; f < need->n_fields; f++)
		for (size_t i = 0; i < need->n_values; i++)
			if (!(need->texts ? history_key_text(need->fields[f], need->texts[i], need->fold_case, &keys[n++])
					  : history_key_number(need->fields[f], need->numbers[i], &keys[n++]))) {
				free(keys); /* it may be in a field that nobody can look for */
				return 0;
			}
	*found = (struct history_need){ .fields = need->fields, .n_fields = need->n_fields, .keys = keys, .n_keys = n };
	selection->n_needs++;
	return 0;
}

int selection_parse(struct selection *ret, const char *command, const struct selection_options *options, size_t n,
		    char *const *filters)
{
	struct filter_error error = { "" };
	const char *texts[FILTERS_MAX];
	int r;

	*ret = (struct selection){ .options = options };
	if (options->since_ns && options->until_ns && options->since_ns >= options->until_ns)
		return cli_fail(CLI_USAGE, "%s: --since is not before --until", command);
	if (n > ARRAY_SIZE(texts))
		return cli_fail(CLI_USAGE, "%s: more than %zu filters", command, ARRAY_SIZE(texts));
	for (size_t i = 0; i < n; i++)
		texts[i] = filters[i];
	r = terms_parse(&ret->terms, texts, n, &error);
	if (r == 0)
		r = terms_needs(ret->terms, add_need, ret);
	if (r == 0) {
		terms_kinds(ret->terms, ret->kinds);
		r = options->types ? narrow_types(ret, options->types, &error) : 0;
	}
	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "%s: %s", command, error.message);
	return r < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

void selection_release(struct selection *selection)
{
	terms_free(selection->terms);
	for (size_t i = 0; i < selection->n_needs; i++)
		free((uint64_t *)(uintptr_t)selection->needs[i].keys);
}

bool selection_has(const struct selection *selection, const struct event *event)
{
	return selection->kinds[event->kind] && terms_match(selection->terms, event);
}

struct history_query selection_ask(const struct selection *selection)
{
	return (struct history_query){
		.since_ns = selection->options->since_ns,
		.until_ns = selection->options->until_ns,
		.categories = terms_categories(selection->terms),
		.kinds = selection->kinds,
		.needs = selection->needs,
		.n_needs = selection->n_needs,
	};
}
