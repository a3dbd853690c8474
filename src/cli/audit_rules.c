/* `recorder audit-rules`: audit rules of a user, through the daemon, which keeps them and brings them into the kernel; `check` looks
 * at a file here, and needs neither a daemon nor root. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/client.h"
#include "source/user_rules.h"

struct rules_options {
	struct place_options places;
	bool json;
};

static const struct option options[] = {
	{ .name = "json", .help = "the answer as a JSON object", .type = OPTION_FLAG, .offset = offsetof(struct rules_options, json) },
	PLACE_OPTIONS(struct rules_options, places),
	{ .name = NULL },
};

static void close_fd(int *fd)
{
	if (*fd > STDIN_FILENO)
		close(*fd);
}

/* One byte more than there may be is enough to be refused for it. */
static int read_file(const char *path, struct buffer *ret)
{
	_cleanup_(close_fd) int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return cli_fail(errno == EACCES ? CLI_PERMISSION : CLI_USAGE, "audit-rules: cannot read %s: %m", path);
	do {
		char *room = buffer_reserve(ret, 65536);

		if (!room)
			return cli_fail(CLI_FAILED, "out of memory");
		n = read(fd, room, 65536);
		if (n < 0 && errno != EINTR)
			return cli_fail(CLI_FAILED, "audit-rules: cannot read %s: %m", path);
		ret->size += n > 0 ? (size_t)n : 0;
	} while (n != 0 && ret->size <= USER_RULES_MAX_BYTES);
	return CLI_DONE;
}

/* What a person should know who meant to see more, not less. */
static void warn_of_hiding(const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
		fprintf(stderr, "recorder: note: the rule in line %lld takes records away, from the recorder as from everybody\n",
			(long long)json_integer_value(line));
}

static void print_loaded(FILE *out, const json_t *result)
{
	json_int_t n = json_integer_value(json_object_get(result, "rules"));
	const char *why = json_string_value(json_object_get(result, "why"));

	if (json_is_true(json_object_get(result, "loaded")))
		fprintf(out, "%lld rule%s registered and in the kernel\n", (long long)n, n == 1 ? "" : "s");
	else if (n > 0)
		fprintf(out, "%lld rule%s registered, not in the kernel now: %s\n", (long long)n, n == 1 ? "" : "s", why ? why : "");
	else
		fprintf(out, "no rules are registered%s%s\n", why ? ": " : "", why ? why : "");
}

static int print_registered(const json_t *result)
{
	print_loaded(stdout, result);
	warn_of_hiding(json_object_get(result, "hiding_lines"));
	return CLI_DONE;
}

/* The rules alone go to the standard output, so that they can be written to a file and registered again. */
static int print_rules(const json_t *result)
{
	const json_t *text = json_object_get(result, "text");

	fwrite(json_string_value(text), 1, json_string_length(text), stdout);
	if (fflush(stdout) != 0)
		return CLI_DONE;
	print_loaded(stderr, result);
	warn_of_hiding(json_object_get(result, "hiding_lines"));
	return CLI_DONE;
}

static int print_removed(const json_t *result)
{
	json_int_t n = json_integer_value(json_object_get(result, "removed"));

	printf("%lld rule%s removed\n", (long long)n, n == 1 ? "" : "s");
	return CLI_DONE;
}

static void tell_error(void *user, const struct user_rules_error *error)
{
	char why[USER_RULES_WHY_MAX];

	user_rules_error_text(error, why);
	cli_fail(CLI_USAGE, "audit-rules: %s: %s", (const char *)user, why);
}

/* All that is wrong is said at once. */
static int read_rules(const char *path, struct buffer *ret, struct user_rules **ret_rules)
{
	int r = read_file(path, ret);

	if (r != CLI_DONE)
		return r;
	r = user_rules_check(ret_rules, buffer_span(ret), tell_error, (void *)(uintptr_t)path);
	if (r == -EINVAL)
		return CLI_USAGE;
	return r < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

static int check(const char *path, bool as_json)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	_cleanup_(user_rules_freep) struct user_rules *rules = NULL;
	json_t *result;
	int r = read_rules(path, &text, &rules);

	if (r != CLI_DONE)
		return r;
	result = json_pack("{s:I, s:[]}", "rules", (json_int_t)rules->n, "hiding_lines");
	if (!result)
		return cli_fail(CLI_FAILED, "out of memory");
	for (size_t i = 0; i < rules->n; i++)
		if (rules->rules[i].hides)
			json_array_append_new(json_object_get(result, "hiding_lines"), json_integer(rules->rules[i].line));
	if (as_json) {
		json_dumpf(result, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%zu rule%s, nothing wrong with %s\n", rules->n, rules->n == 1 ? "" : "s", rules->n == 1 ? "it" : "them");
		warn_of_hiding(json_object_get(result, "hiding_lines"));
	}
	json_decref(result);
	return CLI_DONE;
}

static const struct verb {
	const char *name;
	bool takes_file;
	const char *command;		/* NULL: is done here */
	const char *usage;
	int (*print)(const json_t *result);
} verbs[] = {
	{ "register", true, "recorder.register-user-defined-audit-rules", "register FILE", print_registered },
	{ "show", false, "recorder.get-user-defined-audit-rules", "show", print_rules },
	{ "remove", false, "recorder.remove-user-defined-audit-rules", "remove", print_removed },
	{ "check", true, NULL, "check FILE", NULL },
};

static int ask_daemon(const struct rules_options *o, const struct verb *verb, const char *path)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	_cleanup_(buffer_release) struct buffer text = { 0 };
	_cleanup_(user_rules_freep) struct user_rules *rules = NULL;
	_cleanup_(freep) char *socket = place_socket(&o->places);
	json_t *request = json_pack("{s:s}", "command", verb->command), *result = NULL;
	int r = socket && request ? CLI_DONE : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE && path) {
		r = read_rules(path, &text, &rules);
		if (r == CLI_DONE &&
		    json_object_set_new(request, "text", json_stringn(text.size ? text.data : "", text.size)) < 0)
			r = cli_fail(CLI_USAGE, "audit-rules: %s is not UTF-8", path);
	}
	if (r == CLI_DONE)
		r = client_open(&client, socket);
	if (r == CLI_DONE)
		r = client_request(client, request, &result);
	json_decref(request);
	if (r == CLI_DONE && o->json) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (r == CLI_DONE) {
		r = verb->print(result);
	}
	json_decref(result);
	return r;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct rules_options *o = values;
	const struct verb *verb = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(verbs) && !verb; i++)
		if (strcmp(verbs[i].name, arguments[0]) == 0)
			verb = &verbs[i];
	if (!verb)
		return cli_fail(CLI_USAGE, "audit-rules: '%.64s' is none of register, show, remove, check", arguments[0]);
	if (n - 1 != verb->takes_file)
		return cli_fail(CLI_USAGE, "audit-rules: usage: recorder audit-rules %s", verb->usage);
	return verb->command ? ask_daemon(o, verb, n > 1 ? arguments[1] : NULL) : check(arguments[1], o->json);
}

const struct command command_audit_rules = {
	.name = "audit-rules",
	.arguments = "register FILE | show | remove | check FILE",
	.summary = "Keeps audit rules of your own in the kernel and records what they report",
	.text = "FILE has a rule a line, as auditctl takes them, that begins with -a or -A; - is the standard input.\n"
		"All are taken or none. `check` only looks at them.\n\n"
		"  echo '-a always,exit -F path=/etc/shadow -F perm=r -k shadow' | recorder audit-rules register -\n"
		"  recorder audit-rules show\n",
	.options = options,
	.options_size = sizeof(struct rules_options),
	.min_arguments = 1,
	.max_arguments = 2,
	.run = run,
};
