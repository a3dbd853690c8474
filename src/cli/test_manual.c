/* The manual says what the tables say: the pages that are made from them are those of docs/man, and recorder(1) has every command with all
 * of its options. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/manual.h"
#include "control/settings.h"
#include "event/schema.h"
#include "sink/gap_cause.h"

static void read_page(struct buffer *ret, const char *name)
{
	const char *root = getenv("RECORDER_SOURCE_DIR");
	char path[4096], part[4096];
	size_t n;
	FILE *file;

	if (!root) {
		print_message("RECORDER_SOURCE_DIR is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/docs/man/%s.scd", root, name);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s is missing", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(ret, part, n);
	fclose(file);
}

static void is_fresh(const char *name)
{
	_cleanup_(buffer_release) struct buffer made = { 0 }, page = { 0 };
	char file[64];

	snprintf(file, sizeof(file), "%s.5", name);
	read_page(&page, file);
	manual_page(name)(&made);
	assert_int_equal(buffer_error(&made), 0);
	if (!span_eq(buffer_span(&made), buffer_span(&page)))
		fail_msg("docs/man/%s.scd is stale: run build/recorder help --man %s > docs/man/%s.scd", file, name, file);
}

static void test_fresh(void **state)
{
	is_fresh("recorder.conf");
	is_fresh("recorder-events");
}

static void has_entry(struct buffer *page, const char *name)
{
	char entry[128] = "\n*";
	size_t n = 2;

	for (; *name; name++) {
		if (*name == '_')
			entry[n++] = '\\';
		entry[n++] = *name;
	}
	entry[n++] = '*';
	entry[n] = 0;
	if (!strstr(buffer_text(page), entry))
		fail_msg("there is no entry%s", entry);
}

static void test_complete(void **state)
{
	_cleanup_(buffer_release) struct buffer conf = { 0 }, events = { 0 };

	manual_page("recorder.conf")(&conf);
	for (unsigned i = 0; i < N_SETTINGS; i++)
		has_entry(&conf, setting_infos[i].name);
	manual_page("recorder-events")(&events);
	for (unsigned i = 0; i < N_KINDS; i++)
		has_entry(&events, kinds[i].action);
	for (unsigned i = 0; i < N_FIELDS; i++)
		has_entry(&events, fields[i].name);
	for (unsigned i = 0; i < N_GAP_CAUSES; i++)
		has_entry(&events, gap_causes[i].name);
}

/* All that recorder(1) says under the heads of a command: lines `*recorder NAME*...`, others beside them, and what follows. */
static void entry_of(struct buffer *ret, const char *page, const char *name)
{
	char head[64];
	size_t n = (size_t)snprintf(head, sizeof(head), "*recorder %s", name);
	bool is_in = false, is_head = false;

	for (const char *line = page, *end; *line; line = end) {
		end = strchrnul(line, '\n');
		end += *end != 0;
		if (line[0] == '*' || line[0] == '#')
			is_in = (is_head && is_in) || (strncmp(line, head, n) == 0 && strchr(" *", line[n]));
		is_head = line[0] == '*';
		if (is_in)
			buffer_append(ret, line, (size_t)(end - line));
	}
}

static void test_commands(void **state)
{
	_cleanup_(buffer_release) struct buffer page = { 0 };
	const struct command *command;
	const char *common;
	unsigned n_missing = 0;

	read_page(&page, "recorder.1");
	common = strstr(buffer_text(&page), "\n# OPTIONS\n");
	assert_non_null(common);
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		_cleanup_(buffer_release) struct buffer entry = { 0 };

		if (command->hidden)
			continue;
		entry_of(&entry, buffer_text(&page), command->name);
		if (entry.size == 0)
			fail_msg("recorder(1) does not have the command %s", command->name);
		for (const struct option *option = command->options; option->name; option++) {
			char in_text[64], in_options[64];
			const char *found;

			snprintf(in_text, sizeof(in_text), "--%s*", option->name);
			snprintf(in_options, sizeof(in_options), "\n*--%s*", option->name);
			found = strstr(common, in_options);
			if (!strstr(buffer_text(&entry), in_text) && (!found || found > strstr(common + 1, "\n# ")))
				print_error("recorder(1) does not have --%s of recorder %s\n", option->name, command->name), n_missing++;
		}
	}
	assert_int_equal(n_missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
