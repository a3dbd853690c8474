/* `recorder tree`: who started whom. */

#include <errno.h>
#include <inttypes.h>

#include "cli/event_line.h"
#include "base/clock.h"
#include "cli/place.h"
#include "cli/process_name.h"
#include "cli/process_tree.h"
#include "cli/text.h"
#include "cli/time_spec.h"
#include "event/event_json.h"

struct tree_options {
	struct place_options places;
	struct print_options print;
	uint64_t at_ns;
};

static const struct option options[] = {
	{ .name = "at", .letter = 'a', .argument = "TIME", .help = "only what ran then", .type = OPTION_TIME,
	  .offset = offsetof(struct tree_options, at_ns) },
	PRINT_OPTIONS(struct tree_options, print),
	DATABASE_OPTION(struct tree_options, places),
	PLACE_OPTIONS(struct tree_options, places),
	{ .name = NULL },
};

#define DEPTH_SHOWN 100			/* deeper levels are not indented further */

struct view {
	const struct tree_options *options;
	const struct process_tree *tree;
	struct screen screen;
	struct buffer raw, text, line;
	bool more[DEPTH_SHOWN];		/* whether siblings follow on a level */
	int today;
	size_t n;
};

static struct span safe(struct view *view)
{
	buffer_clear(&view->text);
	text_append_safe(&view->text, buffer_span(&view->raw));
	buffer_clear(&view->raw);
	return buffer_span(&view->text);
}

static void put(struct view *view, struct span text, enum colour colour)
{
	if (text.size == 0)
		return;
	buffer_append_text(&view->line, screen_colour(&view->screen, colour));
	buffer_append_span(&view->line, text);
	buffer_append_text(&view->line, screen_end(&view->screen, colour));
}

static void append_branch(struct view *view, size_t depth)
{
	for (size_t i = 1; i < MIN(depth, DEPTH_SHOWN); i++)
		buffer_append_text(&view->raw, view->more[i] ? "│  " : "   ");
	if (depth > 0)
		buffer_append_text(&view->raw, view->more[MIN(depth, DEPTH_SHOWN - 1)] ? "├─ " : "└─ ");
}

static void append_moment(struct view *view, const char *word, uint64_t time_ns)
{
	buffer_append_text(&view->raw, word);
	if (screen_day(&view->screen, time_ns) != view->today) {
		screen_append_date(&view->screen, &view->raw, time_ns);
		buffer_append_byte(&view->raw, ' ');
	}
	screen_append_clock(&view->screen, &view->raw, time_ns);
}

/* A process that ran already when it was first seen began at some time before. */
static void append_life(struct view *view, const struct tree_node *node)
{
	bool inferred = values_is_inferred(&node->context->values, FIELD_start);

	if (node->start_ns)
		append_moment(view, inferred ? "before " : "", node->start_ns);
	if (!node->end_ns)
		return;
	if (!node->start_ns || inferred || node->end_ns < node->start_ns) {
		append_moment(view, node->start_ns ? " until " : "until ", node->end_ns);
	} else if (node->end_ns - node->start_ns < NS_PER_MS) {
		buffer_append_text(&view->raw, " for <1 ms");	/* audit has milliseconds */
	} else {
		buffer_append_text(&view->raw, " for ");
		append_duration(&view->raw, node->end_ns - node->start_ns);
	}
	if (node->exit_code > 0)
		buffer_printf(&view->raw, ", exit %d", node->exit_code);
}

/* What is in `raw`, after a gap.  The columns it took. */
static size_t put_more(struct view *view, enum colour colour)
{
	struct span text = safe(view);

	if (text.size == 0)
		return 0;
	buffer_append_text(&view->line, "  ");
	put(view, text, colour);
	return text_width(text) + 2;
}

static void put_node(struct view *view, const struct tree_node *node, size_t depth)
{
	const struct values *values = &node->context->values;
	size_t used, left;

	buffer_clear(&view->line);
	append_branch(view, depth);
	put(view, buffer_span(&view->raw), COLOUR_DIM);
	used = text_width(buffer_span(&view->raw));
	buffer_clear(&view->raw);
	event_append_process(&view->raw, node->context);
	put(view, safe(view), node->end_ns ? COLOUR_NONE : COLOUR_BOLD);
	used += text_width(buffer_span(&view->text));
	event_append_user(&view->raw, node->context);
	used += put_more(view, COLOUR_GREEN);
	append_life(view, node);
	used += put_more(view, COLOUR_DIM);
	buffer_append_span(&view->raw, values_text(values, values_has(values, FIELD_command_line) ?
							   FIELD_command_line : FIELD_executable));
	left = view->screen.width == SIZE_MAX	? SIZE_MAX
	       : view->screen.width > used + 10 ? view->screen.width - used - 2
						: 0;
	if (view->raw.size > 0 && left > 0) {
		buffer_append_text(&view->line, "  ");
		text_append_cut(&view->line, safe(view), left);
	}
	buffer_clear(&view->raw);
	printf("%s\n", buffer_text(&view->line));
}

static void put_json_text(struct view *view, const char *key, const struct values *values, enum field field)
{
	if (!values_has(values, field))
		return;
	buffer_printf(&view->line, ",\"%s\":", key);
	json_append_string(&view->line, values_text(values, field));
}

static void put_json_time(struct view *view, const char *key, uint64_t time_ns)
{
	if (!time_ns)
		return;
	buffer_printf(&view->line, ",\"%s\":\"", key);
	buffer_append_time(&view->line, time_ns);
	buffer_append_byte(&view->line, '"');
}

static void put_node_json(struct view *view, const struct tree_node *node, size_t depth)
{
	const struct values *values = &node->context->values;

	buffer_clear(&view->line);
	buffer_printf(&view->line, "{\"entity_id\":\"%016" PRIx64 "\",\"depth\":%zu", node->entity_id, depth);
	if (node->parent != TREE_NONE)
		buffer_printf(&view->line, ",\"parent_entity_id\":\"%016" PRIx64 "\"",
			      process_tree_node(view->tree, node->parent)->entity_id);
	if (values_has(values, FIELD_pid))
		buffer_printf(&view->line, ",\"pid\":%u", node->context->pid);
	put_json_text(view, "name", values, FIELD_name);
	put_json_text(view, "executable", values, FIELD_executable);
	put_json_text(view, "command_line", values, FIELD_command_line);
	put_json_text(view, "user", values, FIELD_user_name);
	put_json_text(view, "login_user", values, FIELD_auid_name);
	put_json_time(view, "start", node->start_ns);
	put_json_time(view, "end", node->end_ns);
	if (node->exit_code >= 0)
		buffer_printf(&view->line, ",\"exit_code\":%d", node->exit_code);
	buffer_append_byte(&view->line, '}');
	printf("%s\n", buffer_text(&view->line));
}

/* The subtree of a node, without recursion: a chain of processes may be as long as the history. */
static void put_subtree(struct view *view, uint32_t top, size_t depth)
{
	uint32_t at = top;

	for (;;) {
		const struct tree_node *node = process_tree_node(view->tree, at);

		if (depth < DEPTH_SHOWN)
			view->more[depth] = at != top && node->next_sibling != TREE_NONE;
		if (view->options->print.json)
			put_node_json(view, node, depth);
		else
			put_node(view, node, depth);
		view->n++;
		if (node->first_child != TREE_NONE) {
			at = node->first_child;
			depth++;
			continue;
		}
		while (at != top && process_tree_node(view->tree, at)->next_sibling == TREE_NONE) {
			at = process_tree_node(view->tree, at)->parent;
			depth--;
		}
		if (at == top)
			return;
		at = process_tree_node(view->tree, at)->next_sibling;
	}
}

/* One process: the line of its ancestors, then all below it. */
static void put_process(struct view *view, uint32_t number)
{
	uint32_t above[CONTEXT_MAX_DEPTH];
	size_t n = 0;

	for (uint32_t at = process_tree_node(view->tree, number)->parent;
	     at != TREE_NONE && n < ARRAY_SIZE(above); at = process_tree_node(view->tree, at)->parent)
		above[n++] = at;
	memset(view->more, 0, sizeof(view->more));
	for (size_t i = 0; i < n; i++) {
		const struct tree_node *node = process_tree_node(view->tree, above[n - 1 - i]);

		if (view->options->print.json)
			put_node_json(view, node, i);
		else
			put_node(view, node, i);
	}
	put_subtree(view, number, n);
}

static int on_process(void *user, const struct history_process *process)
{
	return process_tree_add(user, process);
}

/* Whether a node was linked: what did not run at --at was not. */
static bool is_shown(const struct view *view, uint32_t number)
{
	const struct tree_node *node = process_tree_node(view->tree, number);
	uint64_t at = view->options->at_ns;

	return at == 0 ||
	       ((node->start_ns == 0 || node->start_ns <= at) && (node->end_ns == 0 || node->end_ns > at));
}

static int put_wanted(struct view *view, const struct process_name *name, const char *text)
{
	for (uint32_t i = 0; i < process_tree_size(view->tree); i++) {
		const struct tree_node *node = process_tree_node(view->tree, i);

		if (!node->context || !process_name_is(name, node->context) || !is_shown(view, i))
			continue;
		if (view->n > 0 && !view->options->print.json)
			printf("\n");
		put_process(view, i);
	}
	if (view->n == 0)
		return cli_fail(CLI_FAILED, "tree: no process %s in the history%s", text,
				view->options->at_ns ? " at this time" : "");
	return CLI_DONE;
}

/* The processes that have the name, with all below and above them. */
static int read_wanted(struct process_tree *tree, struct history *history, const struct process_name *name)
{
	struct history_lineage lineage = process_name_lineage(name);
	int r = history_processes(history, &lineage, on_process, tree);

	for (uint32_t i = 0, n = (uint32_t)process_tree_size(tree); i < n && r >= 0; i++) {
		struct context *context = process_tree_node(tree, i)->context;

		if (!context || !process_name_is(name, context))
			continue;
		context_ref(context); /* an image that is added may take its place */
		r = history_ancestors(history, context, on_process, tree);
		context_unref(context);
	}
	return r;
}

/* name: NULL: all. */
static int read_tree(struct process_tree *tree, const struct tree_options *o, const struct process_name *name)
{
	_cleanup_(history_freep) struct history *history = NULL;
	int r = place_open_history(&history, &o->places), e;

	if (r != CLI_DONE)
		return r;
	e = name ? read_wanted(tree, history, name) : history_processes(history, NULL, on_process, tree);
	if (e >= 0)
		e = process_tree_link(tree, o->at_ns);
	return e < 0 ? place_fail_reading("tree", history, e) : CLI_DONE;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	_cleanup_(process_tree_freep) struct process_tree *tree = NULL;
	struct view view = { .options = values };
	struct process_name name;
	int r;

	if (n > 0 && process_name_parse(arguments[0], &name) < 0)
		return cli_fail(
			CLI_USAGE,
			"tree: '%s' is neither a process id nor an entity id of 16 hexadecimal digits", arguments[0]);
	if (process_tree_new(&tree) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = read_tree(tree, view.options, n > 0 ? &name : NULL);
	if (r != CLI_DONE)
		return r;
	view.tree = tree;
	view.screen = screen_open(&view.options->print);
	view.today = screen_day(&view.screen, clock_now_ns());
	if (n > 0)
		r = put_wanted(&view, &name, arguments[0]);
	else
		for (uint32_t root = process_tree_roots(tree); root != TREE_NONE;
		     root = process_tree_node(tree, root)->next_sibling)
			put_subtree(&view, root, 0);
	if (n == 0 && view.n == 0 && !view.options->print.json)
		printf("No process is in the history%s.\n", view.options->at_ns ? " at this time" : "");
	buffer_release(&view.raw);
	buffer_release(&view.text);
	buffer_release(&view.line);
	return r;
}

const struct command command_tree = {
	.name = "tree",
	.arguments = "[PID|ENTITY_ID]",
	.summary = "Shows processes of the history as a tree, all of them, or one with its ancestors and "
		   "descendants",
	.text = "A pid may have been that of several processes; each is shown.\n",
	.options = options,
	.options_size = sizeof(struct tree_options),
	.max_arguments = 1,
	.run = run,
};
