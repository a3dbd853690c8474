/* `recorder verify`: is the history what the recorder wrote?  Whoever changed it without the key is found out. */

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/interrupts.h"
#include "cli/place.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/text.h"
#include "cli/verify_self.h"
#include "control/seal_key.h"
#include "sink/chain_verify.h"

#define MAX_SHOWN 20

struct verify_command {
	struct place_options places;
	struct print_options print;
	bool quiet, no_key, self;
	const char *key, *head;
};

static const struct option options[] = {
	{ .name = "self", .help = "not the history: is this program what its signature beside it says?", .type = OPTION_FLAG,
	  .offset = offsetof(struct verify_command, self) },
	{ .name = "key", .argument = "FILE", .help = "the key of the chain (default: history.key beside the database, else the daemon's); with "
						     "--self the public keys that may have signed it",

	  .type = OPTION_TEXT, .offset = offsetof(struct verify_command, key) },
	{ .name = "no-key", .help = "do without the key: only what does not fit its own digests is found", .type = OPTION_FLAG,
	  .offset = offsetof(struct verify_command, no_key) },
	{ .name = "head", .argument = "BLOCK:LINK", .help = "a head of the chain that the log told of: the history must have it",
	  .type = OPTION_TEXT, .offset = offsetof(struct verify_command, head) },
	{ .name = "quiet", .letter = 'q', .help = "no progress bar", .type = OPTION_FLAG, .offset = offsetof(struct verify_command, quiet) },
	DATABASE_OPTION(struct verify_command, places),
	PLACE_OPTIONS(struct verify_command, places),
	PRINT_OPTIONS(struct verify_command, print),
	{ .name = NULL },
};

/* One that --head asks for. */
struct asked_head {
	uint64_t block;
	struct chain_link link;
	enum chain_head found;
};

struct verifier {
	const struct verify_command *o;
	struct screen screen;
	struct progress progress;
	uint64_t n;
};

static const char *const kind_words[] = {
	[FINDING_ALTERED] = "altered", [FINDING_REMOVED] = "removed", [FINDING_INSERTED] = "inserted", [FINDING_LINK] = "link",
	[FINDING_UNREADABLE] = "unreadable", [FINDING_HIDDEN] = "hidden", [FINDING_DAMAGED] = "damaged",
};

static void put_json(const struct chain_finding *f)
{
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "kind", "finding", "finding", kind_words[f->kind], "block",
				   (json_int_t)f->block, "last_block", (json_int_t)f->last, "events", (json_int_t)f->events, "expected",
				   (json_int_t)f->expected);

	if (object && f->category < N_CATEGORIES)
		json_object_set_new(object, "category", json_string(categories[f->category].name));
	if (object && f->text.size > 0)
		json_object_set_new(object, "text", json_stringn(f->text.data, f->text.size));
	if (object && f->min_ns) {
		_cleanup_(buffer_release) struct buffer from = { 0 }, until = { 0 };

		buffer_append_time(&from, f->min_ns);
		buffer_append_time(&until, f->max_ns);
		json_object_set_new(object, "begin", json_stringn(from.data, from.size));
		json_object_set_new(object, "end", json_stringn(until.data, until.size));
	}
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void put_what(struct buffer *out, const struct chain_finding *f)
{
	const char *name = f->category < N_CATEGORIES ? categories[f->category].name : "";
	unsigned long long events = f->events, expected = f->expected;

	switch (f->kind) {
	case FINDING_ALTERED:
		buffer_printf(out, "%s events were altered (%llu of them)", name, events);
		break;
	case FINDING_REMOVED:
		buffer_printf(out, "%s events were removed: %llu of %llu are there", name, events, expected);
		break;
	case FINDING_INSERTED:
		buffer_printf(out, "%s events were inserted: there are %llu, the recorder wrote %llu", name, events, expected);
		break;
	case FINDING_LINK:
		buffer_append_text(out, "the chain is broken: its row was altered, or one before it removed or inserted");
		break;
	case FINDING_UNREADABLE:
		buffer_printf(out, "%s events cannot be read: the file is damaged there", name);
		break;
	case FINDING_HIDDEN:
		buffer_printf(out, "%llu events are not found by a search: what table block says of them was altered", events);
		break;
	case FINDING_DAMAGED:
		buffer_append_text(out, "damaged, so that some of it is not read: ");
		text_append_safe(out, f->text);
	}
}

static void put_text(const struct verifier *v, const struct chain_finding *f)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	buffer_append_text(&line, screen_colour(&v->screen, COLOUR_RED));
	if (f->kind == FINDING_DAMAGED)
		buffer_append_text(&line, "the file");
	else if (f->last > f->block)
		buffer_printf(&line, "blocks %llu to %llu", (unsigned long long)f->block, (unsigned long long)f->last);
	else
		buffer_printf(&line, "block %llu", (unsigned long long)f->block);
	buffer_append_text(&line, screen_end(&v->screen, COLOUR_RED));
	if (f->min_ns) {
		buffer_append_text(&line, " (");
		screen_append_date(&v->screen, &line, f->min_ns);
		buffer_append_byte(&line, ' ');
		screen_append_clock(&v->screen, &line, f->min_ns);
		buffer_append_text(&line, " to ");
		screen_append_clock(&v->screen, &line, f->max_ns);
		buffer_append_byte(&line, ')');
	}
	buffer_append_text(&line, ": ");
	put_what(&line, f);
	puts(buffer_text(&line));
}

static void on_finding(void *user, const struct chain_finding *finding)
{
	struct verifier *v = user;

	progress_end(&v->progress);
	if (v->o->print.json)
		put_json(finding);
	else if (v->n < MAX_SHOWN)
		put_text(v, finding);
	v->n++;
}

static bool on_progress(void *user, uint64_t done, uint64_t total)
{
	struct verifier *v = user;
	_cleanup_(buffer_release) struct buffer tail = { 0 };

	if (progress_is_due(&v->progress)) {
		append_count(&tail, done);
		buffer_append_text(&tail, " of ");
		append_count(&tail, total);
		buffer_append_text(&tail, " blocks");
		progress_show(&v->progress, SPAN(""), done, total, buffer_span(&tail));
	}
	return interrupts_wait(0);
}

/* Beside the database that is named, if there is one; of a copy elsewhere, the daemon's. */
static char *default_key(const struct verify_command *o, const char *database)
{
	const char *slash = strrchr(database, '/');
	char *beside;

	if (asprintf(&beside, "%.*shistory.key", slash ? (int)(slash + 1 - database) : 0, database) < 0)
		return NULL;
	if (o->places.database && access(beside, F_OK) == 0)
		return beside;
	free(beside);
	return place_history_key(&o->places);
}

/* 0: read; 1: done without; an exit code + 1 after an error was printed. */
static int read_key(const struct verify_command *o, const char *database, struct seal_key *ret)
{
	_cleanup_(freep) char *path = o->key ? strdup(o->key) : default_key(o, database);
	struct file_error error = { "" };
	int r;

	if (o->no_key)
		return 1;
	if (!path)
		return cli_fail(CLI_FAILED, "out of memory") + 1;
	r = seal_key_read(ret, SEAL_KEY_OF_HISTORY, path, &error);
	if (r < 0)
		return cli_fail(r == -EACCES || r == -EPERM ? CLI_PERMISSION : CLI_FAILED, "verify: %s (--key FILE names another, --no-key does "
				"without: then nobody vouches for the digests)%s", error.message, r == -EACCES ? " (sudo?)" : "") + 1;
	return 0;
}

static void put_link(struct buffer *out, const struct chain_link *link)
{
	for (unsigned i = 0; i < sizeof(link->bytes); i++)
		buffer_append_hex(out, link->bytes[i], 2);
}

static const char *const head_words[] = { [HEAD_THERE] = "there", [HEAD_MISSING] = "missing", [HEAD_CLEANED] = "cleaned" };

static bool is_whole(const struct verifier *v, const struct chain_report *report, const struct asked_head *asked)
{
	return report->has_chain && report->findings == 0 && !(v->o->head && asked->found == HEAD_MISSING);
}

static void print_result(const struct verifier *v, const struct chain_report *report, const struct asked_head *asked, const char *path,
			 bool keyed)
{
	_cleanup_(buffer_release) struct buffer head = { 0 };

	buffer_printf(&head, "%llu:", (unsigned long long)report->closed_block);
	put_link(&head, &report->closed);
	if (v->o->print.json) {
		json_t *object = json_pack("{s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:s}", "kind", "result", "whole", is_whole(v, report, asked),
					   "keyed", keyed, "chain", report->has_chain, "blocks", (json_int_t)report->blocks, "events",
					   (json_int_t)report->events, "cleaned_blocks", (json_int_t)report->cleaned_blocks, "events_before",
					   (json_int_t)report->before_events, "findings", (json_int_t)report->findings, "head",
					   report->has_closed ? buffer_text(&head) : "");

		if (object && v->o->head)
			json_object_set_new(object, "head_found", json_string(head_words[asked->found]));
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(object);
		return;
	}
	if (v->n > MAX_SHOWN)
		printf("... and %llu more\n", (unsigned long long)(v->n - MAX_SHOWN));
	if (report->findings > 0)
		printf("%s: NOT whole: %llu finding%s\n", path, (unsigned long long)report->findings, report->findings == 1 ? "" : "s");
	else if (!report->has_chain)
		printf("%s: has no chain: the file is not damaged, but nothing says whether its %llu events are what the recorder wrote\n", path,
		       (unsigned long long)report->before_events);
	else if (v->o->head && asked->found == HEAD_MISSING)
		printf("%s: NOT whole: the head %s is not in its chain: what came last was removed, or it is another history\n", path,
		       v->o->head);
	else
		printf("%s: whole%s: %llu events in %llu blocks, %llu blocks cleaned away by the recorder\n", path,
		       keyed ? "" : " as far as can be told without the key", (unsigned long long)report->events,
		       (unsigned long long)report->blocks, (unsigned long long)report->cleaned_blocks);
	if (report->has_chain && report->before_events > 0)
		printf("%llu events are from before the chain began: nothing says whether they are whole\n",
		       (unsigned long long)report->before_events);
	if (v->o->head && asked->found == HEAD_CLEANED)
		printf("the head %s is of what was cleaned away since: it cannot be compared\n", v->o->head);
	if (report->has_closed)
		printf("head %s\n", buffer_text(&head));
}

/* "BLOCK:LINK" as the log has it. */
static bool parse_head(const char *text, struct asked_head *ret)
{
	char *end;

	errno = 0;
	ret->block = strtoull(text, &end, 10);
	if (errno || end == text || *end != ':' || strlen(end + 1) != 2 * sizeof(ret->link.bytes))
		return false;
	for (unsigned i = 0; i < sizeof(ret->link.bytes); i++) {
		char digits[3] = { end[1 + 2 * i], end[2 + 2 * i], 0 }, *rest;

		ret->link.bytes[i] = (unsigned char)strtoul(digits, &rest, 16);
		if (*rest)
			return false;
	}
	return true;
}

static bool is_interrupted(void *user)
{
	return interrupts_wait(0);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct verify_command *o = values;
	struct verifier v = { .o = o, .screen = screen_open(&o->print), .progress = progress_open(o->quiet || o->print.json) };
	_cleanup_(freep) char *database = place_database(&o->places);
	_cleanup_(history_freep) struct history *history = NULL;
	struct asked_head asked = { 0 };
	struct chain_report report;
	struct seal_key key;
	int code, keyed, r;

	if (o->self)
		return verify_self(&o->places, o->key, o->print.json);
	if (o->head && !parse_head(o->head, &asked))
		return cli_fail(CLI_USAGE, "verify: --head: '%s' is no BLOCK:LINK, as the log and `recorder verify` tell it", o->head);
	if (!database)
		return cli_fail(CLI_FAILED, "out of memory");
	code = place_open_history(&history, &o->places);
	if (code != 0)
		return code;
	keyed = read_key(o, database, &key);
	if (keyed > 1) {
		code = keyed - 1;
	} else {
		interrupts_hold();
		history_ask(history, is_interrupted, NULL);
		r = chain_verify(history, keyed == 0 ? key.bytes : NULL, on_finding, on_progress, &v, &report);
		if (r == 0 && o->head)
			r = chain_find_head(history, asked.block, &asked.link, &asked.found);
		progress_end(&v.progress);
		if (r < 0)
			code = cli_fail(CLI_FAILED, "verify: %s: %s", database, r == -EINTR ? "interrupted" : strerror(-r));
	}
	OPENSSL_cleanse(&key, sizeof(key));
	if (code != 0)
		return code;
	print_result(&v, &report, &asked, database, keyed == 0);
	return is_whole(&v, &report, &asked) ? CLI_DONE : CLI_FAILED;
}

const struct command command_verify = {
	.name = "verify",
	.summary = "Says whether the history is what the recorder wrote, or which block was altered, removed or inserted",
	.text = "Each block of up to 4,096 events is tied to the one before by a digest with a key that only root may read.\n"
		"What the recorder itself cleans away leaves the chain whole.  Whoever has the key can forge it: compare the\n"
		"head with those in a log that is kept elsewhere (--head).\n\n"
		"  recorder verify\n"
		"  recorder verify --self\n"
		"  recorder verify --db host.db --key history.key --head 1234:8d1f...\n",
	.options = options,
	.options_size = sizeof(struct verify_command),
	.run = run,
};
