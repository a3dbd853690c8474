/* See complete.h.  Commands, their options and what their usage says of arguments are read from the tables that the program itself goes by:
 * a usage is `list | get NAME | set NAME VALUE`, words in capitals stand for values (complete_values.c), what is in brackets may be left
 * out, `...` may be repeated.
 *
 * recorder complete -- WORD...: a line `TEXT<tab>WHAT` for each candidate of the last word; `:file` and `:folder` have the shell name files.
 * The scripts for the shells (dist/completions) only pass that on. */

#include "cli/complete.h"

static const struct option options[] = { { .name = NULL } };

void completion_offer(struct completion *c, const char *text, const char *what)
{
	struct span part = { c->word.data + c->fixed.size, c->word.size - c->fixed.size };

	if (!span_starts(span_of(text), part))
		return;
	buffer_append_span(c->out, c->fixed);
	buffer_printf(c->out, "%s\t%s\n", text, what ? what : "");
}

static void offer_commands(struct completion *c)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (!command->hidden)
			completion_offer(c, command->name, command->summary);
}

static const struct command *find_command(const char *name)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* Options */

static const struct option *find_option(const struct command *command, struct span word)
{
	for (const struct option *option = command->options; option->name; option++)
		if ((word.size > 2 && word.data[0] == '-' && word.data[1] == '-' &&
		     span_eq(span_of(option->name), (struct span){ word.data + 2, word.size - 2 })) ||
		    (word.size == 2 && word.data[0] == '-' && option->letter && word.data[1] == option->letter))
			return option;
	return NULL;
}

static void offer_options(struct completion *c)
{
	for (const struct option *option = c->command->options; option->name; option++) {
		char text[64];

		snprintf(text, sizeof(text), "--%s", option->name);
		completion_offer(c, text, option->help);
	}
	completion_offer(c, "--help", "how the command is used");
}

static void offer_choices(struct completion *c, const char *choices)
{
	for (const char *word = choices; *word;) {
		size_t n = strcspn(word, "|");
		char text[64];

		snprintf(text, sizeof(text), "%.*s", (int)n, word);
		completion_offer(c, text, NULL);
		word += n + (word[n] != 0);
	}
}

static void offer_option_value(struct completion *c, const struct option *option)
{
	if (option->type == OPTION_CHOICE)
		offer_choices(c, option->choices);
	else
		completion_offer_value(c, option->argument, NULL);
}

/* --name=VALUE: the value is what is completed, and the rest stays in front. */
static bool offer_after_equals(struct completion *c)
{
	const char *equals = memchr(c->word.data, '=', c->word.size);
	const struct option *option = !equals || c->word.data[0] != '-' ? NULL :
		find_option(c->command, (struct span){ c->word.data, (size_t)(equals - c->word.data) });

	if (!option)
		return false;
	c->fixed = (struct span){ c->word.data, (size_t)(equals - c->word.data) + 1 };
	if (option->type != OPTION_FLAG)
		offer_option_value(c, option);
	return true;
}

/* Arguments */

#define USAGE_WORDS 8

/* `[JSON|-]`, `FILTER...`: one word of a usage, without what stands around it. */
struct usage_word {
	struct span text;
	bool repeats;
};

static size_t read_usage(struct span usage, struct usage_word ret[static USAGE_WORDS])
{
	size_t n = 0;

	while (usage.size > 0 && n < USAGE_WORDS) {
		const char *blank = memchr(usage.data, ' ', usage.size);
		struct span word = { usage.data, blank ? (size_t)(blank - usage.data) : usage.size };
		bool repeats = false;

		usage.data += word.size + (blank != NULL);
		usage.size -= word.size + (blank != NULL);
		if (word.size > 0 && word.data[0] == '[')
			word = (struct span){ word.data + 1, word.size - 1 };
		if (word.size > 0 && word.data[word.size - 1] == ']')
			word.size--;
		if (span_ends(word, SPAN("...")) && word.size > 3) {
			repeats = true;
			word.size -= 3;
		}
		if (word.size > 0)
			ret[n++] = (struct usage_word){ word, repeats };
	}
	return n;
}

static bool is_value(struct span text)
{
	return text.data[0] >= 'A' && text.data[0] <= 'Z';
}

/* Each of `a|b|NAME`, until one is what the caller looks for. */
static bool each_choice(struct span text, bool (*is_it)(struct completion *c, struct span choice, const char *word),
			struct completion *c, const char *word)
{
	while (text.size > 0) {
		const char *bar = memchr(text.data, '|', text.size);
		struct span choice = { text.data, bar ? (size_t)(bar - text.data) : text.size };

		if (is_it(c, choice, word))
			return true;
		text.data += choice.size + (bar != NULL);
		text.size -= choice.size + (bar != NULL);
	}
	return false;
}

static bool fits(struct completion *c, struct span choice, const char *word)
{
	return is_value(choice) || span_eq(choice, span_of(word));
}

static bool offer_choice(struct completion *c, struct span choice, const char *before)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*s", (int)choice.size, choice.data);
	if (is_value(choice))
		completion_offer_value(c, text, before);
	else if (!span_eq(choice, SPAN("-")))
		completion_offer(c, text, NULL);
	return false;
}

/* One alternative of the usage, if the arguments so far are of it. */
static void offer_usage(struct completion *c, struct span usage, char *const *arguments, size_t n)
{
	struct usage_word words[USAGE_WORDS];
	size_t n_words = read_usage(usage, words);

	for (size_t i = 0; n_words > 0 && i <= n; i++) {
		const struct usage_word *word = &words[MIN(i, n_words - 1)];

		if (i >= n_words && !word->repeats)
			return;
		if (i == n)
			each_choice(word->text, offer_choice, c, n > 0 ? arguments[n - 1] : NULL);
		else if (!each_choice(word->text, fits, c, arguments[i]))
			return;
	}
}

static void offer_arguments(struct completion *c, char *const *arguments, size_t n)
{
	const char *usage = c->command->arguments;

	while (usage && *usage) {
		const char *end = strstr(usage, " | ");
		size_t size = end ? (size_t)(end - usage) : strlen(usage);

		offer_usage(c, (struct span){ usage, size }, arguments, n);
		usage += size + (end ? strlen(" | ") : 0);
	}
}

/* The whole */

/* The options and their values are left out.  *ret_value is the option whose value comes next, or NULL. */
static size_t find_arguments(const struct completion *c, char **ret, const struct option **ret_value, bool *ret_no_options)
{
	bool only_arguments = false;
	size_t n = 0;

	*ret_value = NULL;
	for (size_t i = 1; i + 1 < c->n_words; i++) {
		struct span word = span_of(c->words[i]);
		const struct option *option = only_arguments ? NULL : find_option(c->command, word);

		if (*ret_value)
			*ret_value = NULL;
		else if (option)
			*ret_value = option->type == OPTION_FLAG ? NULL : option;
		else if (!only_arguments && span_eq(word, SPAN("--")))
			only_arguments = true;
		else if (only_arguments || word.size < 2 || word.data[0] != '-')
			ret[n++] = c->words[i];
	}
	*ret_no_options = only_arguments;
	return n;
}

static int complete(struct completion *c)
{
	_cleanup_(freep) char **arguments = calloc(c->n_words, sizeof(*arguments));
	const struct option *option;
	bool no_options;
	size_t n;

	if (!arguments)
		return CLI_FAILED;
	if (c->n_words == 1) {
		offer_commands(c);
		return CLI_DONE;
	}
	c->command = find_command(c->words[0]);
	if (!c->command)
		return CLI_DONE;
	n = find_arguments(c, arguments, &option, &no_options);
	if (option)
		offer_option_value(c, option);
	else if (no_options || c->word.size == 0 || c->word.data[0] != '-')
		offer_arguments(c, arguments, n);
	else if (!offer_after_equals(c))
		offer_options(c);
	return CLI_DONE;
}

int completion_make(struct buffer *out, size_t n_words, char *const *words)
{
	struct completion c = { .words = words, .n_words = n_words, .word = span_of(words[n_words - 1]), .out = out };
	int r = complete(&c);

	if (c.asks_files)
		buffer_append_text(out, ":file\n");
	if (c.asks_folders)
		buffer_append_text(out, ":folder\n");
	return buffer_error(out) < 0 ? CLI_FAILED : r;
}

static int run(const void *values, size_t n, char *const *words)
{
	_cleanup_(buffer_release) struct buffer out = { 0 };
	int r = completion_make(&out, n, words);

	fwrite(buffer_text(&out), 1, out.size, stdout);
	return r;
}

const struct command command_complete = {
	.name = "complete",
	.arguments = "WORD...",
	.summary = "Tells a shell what may stand where the last word is",
	.options = options,
	.min_arguments = 1,
	.max_arguments = 4096,
	.run = run,
	.hidden = true,
};
