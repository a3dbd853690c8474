/* A table of options is parser, help text and error message at once. getopt_long(3) prints its messages
 * itself and knows neither types nor what was meant by a mistyped option. */

#include <errno.h>
#include <stdarg.h>

#include "cli/options.h"
#include "cli/time_spec.h"
#include "base/suggest.h"

static int fail(struct options_error *error, const char *format, ...) _printf_(2, 3);

static int fail(struct options_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static const struct option *find_long(const struct option *options, struct span name,
				      struct options_error *error)
{
	struct suggestion suggestion = suggestion_for(name);
	struct span best;

	for (const struct option *option = options; option->name; option++) {
		if (span_eq(span_of(option->name), name))
			return option;
		suggest_offer(&suggestion, span_of(option->name));
	}
	best = suggest_best(&suggestion);
	fail(error, "unknown option --%.*s%s%.*s%s", (int)MIN(name.size, 64u), name.data,
	     best.size ? " (did you mean --" : "", (int)best.size, best.size ? best.data : "",
	     best.size ? "?)" : "");
	return NULL;
}

static const struct option *find_letter(const struct option *options, char letter,
					struct options_error *error)
{
	for (const struct option *option = options; option->name; option++)
		if (option->letter && option->letter == letter)
			return option;
	fail(error, "unknown option -%c (see --help)", letter);
	return NULL;
}

static bool is_choice(const char *choices, struct span word)
{
	for (;;) {
		size_t n = strcspn(choices, "|");

		if (span_eq((struct span){ choices, n }, word))
			return true;
		if (choices[n] == '\0')
			return false;
		choices += n + 1;
	}
}

static int set_value(const struct option *option, void *values, const char *text, uint64_t now_ns,
		     struct options_error *error)
{
	void *member = (char *)values + option->offset;
	struct option_list *list;
	uint64_t number;

	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)member = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)member = text;
		return 0;
	case OPTION_CHOICE:
		if (!is_choice(option->choices, span_of(text)))
			return fail(error, "--%s: '%.64s' is none of %s", option->name, text,
				    option->choices);
		*(const char **)member = text;
		return 0;
	case OPTION_NUMBER:
		if (span_to_u64(span_of(text), &number) < 0)
			return fail(error, "--%s: '%.64s' is not a number", option->name, text);
		*(uint64_t *)member = number;
		return 0;
	case OPTION_TIME:
		if (time_spec_parse(text, now_ns, &number) < 0)
			return fail(error, "--%s: '%.64s' is not a time (%s)", option->name, text,
				    time_spec_forms);
		*(uint64_t *)member = number;
		return 0;
	case OPTION_DURATION:
		if (duration_spec_parse(text, &number) < 0)
			return fail(error, "--%s: '%.64s' is not a duration (30s, 5m, 2h, 1d)", option->name, text);
		*(uint64_t *)member = number;
		return 0;
	case OPTION_LIST:
		list = member;
		if (list->n == ARRAY_SIZE(list->items))
			return fail(error, "--%s: given more than %d times", option->name, OPTION_LIST_MAX);
		list->items[list->n++] = text;
		return 0;
	}
	return -EINVAL;
}

struct cursor {
	int argc, at;
	char **argv;
};

/* The argument of an option: what stands behind it in the same word, or the next word. */
static int take_value(struct cursor *cursor, const struct option *option, const char *attached,
		      const char **ret, struct options_error *error)
{
	if (option->type == OPTION_FLAG) {
		if (attached)
			return fail(error, "--%s takes no argument", option->name);
		return 0;
	}
	if (!attached && cursor->at + 1 >= cursor->argc)
		return fail(error, "--%s needs an argument: --%s %s", option->name, option->name,
			    option->argument);
	*ret = attached ? attached : cursor->argv[++cursor->at];
	return 0;
}

static int parse_long(struct cursor *cursor, const struct option *options, void *values, uint64_t now_ns,
		      struct options_error *error)
{
	const char *name = cursor->argv[cursor->at] + 2, *equals = strchr(name, '='), *value = NULL;
	struct span word = { name, equals ? (size_t)(equals - name) : strlen(name) };
	const struct option *option = find_long(options, word, error);
	int r;

	if (!option)
		return -EINVAL;
	r = take_value(cursor, option, equals ? equals + 1 : NULL, &value, error);
	return r < 0 ? r : set_value(option, values, value, now_ns, error);
}

/* `-abc`, `-n5`, `-n 5` */
static int parse_letters(struct cursor *cursor, const struct option *options, void *values, uint64_t now_ns,
			 bool *ret_help, struct options_error *error)
{
	const char *letters = cursor->argv[cursor->at] + 1;

	for (; *letters; letters++) {
		const struct option *option;
		const char *value = NULL;
		bool has_value;
		int r;

		if (*letters == 'h') {
			*ret_help = true;
			continue;
		}
		option = find_letter(options, *letters, error);
		if (!option)
			return -EINVAL;
		has_value = option->type != OPTION_FLAG && letters[1] != '\0';
		r = take_value(cursor, option, has_value ? letters + 1 : NULL, &value, error);
		if (r < 0 || (r = set_value(option, values, value, now_ns, error)) < 0)
			return r;
		if (has_value)
			break;
	}
	return 0;
}

/* `-5` is a value: no option is a digit. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9');
}

int options_parse(const struct option *options, void *values, int argc, char **argv, uint64_t now_ns,
		  size_t *ret_n, bool *ret_help, struct options_error *error)
{
	struct cursor cursor = { .argc = argc, .argv = argv };
	bool only_arguments = false, help = false;
	size_t n = 0;

	for (; cursor.at < argc; cursor.at++) {
		char *word = argv[cursor.at];
		int r = 0;

		if (only_arguments || !is_option(word))
			argv[n++] = word;
		else if (strcmp(word, "--") == 0)
			only_arguments = true;
		else if (strcmp(word, "--help") == 0)
			help = true;
		else if (word[1] == '-')
			r = parse_long(&cursor, options, values, now_ns, error);
		else
			r = parse_letters(&cursor, options, values, now_ns, &help, error);
		if (r < 0)
			return r;
	}
	*ret_n = n;
	*ret_help = help;
	return 0;
}

void options_print(FILE *out, const struct option *options)
{
	for (const struct option *option = options; option->name; option++) {
		char left[64], letter[] = { '-', option->letter, ',', ' ', '\0' };

		snprintf(left, sizeof(left), "%s--%s%s%s", option->letter ? letter : "    ", option->name,
			 option->argument ? " " : "", option->argument ? option->argument : "");
		fprintf(out, "  %-22s %s\n", left, option->help);
	}
	fprintf(out, "  %-22s %s\n", "-h, --help", "this text");
}
