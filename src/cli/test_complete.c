/* What a shell is told to offer: from the tables, so a command or setting that is new is offered too. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/complete.h"
#include "control/settings.h"

#define WORDS_MAX 8

static void complete(struct buffer *ret, const char *const *words)
{
	char *copy[WORDS_MAX];
	size_t n = 0;

	for (; words[n]; n++)
		copy[n] = strdup(words[n]);
	buffer_append_byte(ret, '\n');
	assert_int_equal(completion_make(ret, n, copy), CLI_DONE);
	while (n > 0)
		free(copy[--n]);
}

static bool has(struct buffer *said, const char *candidate)
{
	char line[256];

	snprintf(line, sizeof(line), "\n%s%s", candidate, candidate[0] == ':' ? "\n" : "\t");
	return strstr(buffer_text(said), line);
}

static void test_words(void **state)
{
	static const struct {
		const char *words[WORDS_MAX], *expected[WORDS_MAX], *unwanted[WORDS_MAX];
	} cases[] = {
		{ { "" }, { "query", "subscription", "config", "run" }, { "canary", "complete", ":file" } },
		{ { "sub" }, { "subscription" }, { "query" } },
		{ { "nothing", "" }, { NULL }, { "query" } },
		{ { "config", "" }, { "list", "get", "set", "reset" }, { "LogLevel", "--json" } },
		{ { "config", "--json", "s" }, { "set" }, { "list" } },
		{ { "config", "set", "Log" }, { "LogLevel" }, { "set", "AuditdRulesBufferSize" } },
		{ { "config", "get", "CX.recorder.Log" }, { "CX.recorder.LogLevel" }, { "LogLevel" } },
		{ { "config", "list", "" }, { NULL }, { "LogLevel" } },
		{ { "config", "set", "EnableEbpf", "" }, { "0", "1" }, { "EnableEbpf" } },
		{ { "config", "set", "LogLevel", "d" }, { "debug" }, { "info" } },
		{ { "config", "set", "AuditdRulesBufferSize", "" }, { "32768" }, { "0" } },
		{ { "config", "set", "LogLevel", "debug", "" }, { NULL }, { "debug" } },
		{ { "query", "--" }, { "--since", "--json", "--state", "--help" }, { "process" } },
		{ { "query", "" }, { "process", "process.exec", "file.path", "process.ancestry_path" }, { "--since" } },
		{ { "query", "process", "file.p" }, { "file.path" }, { "file.operation" } },
		{ { "query", "file.path st" }, { "file.path starts with" }, { "file.path is", "file.path" } },
		{ { "query", "no.field st" }, { NULL }, { "no.field starts with" } },
		{ { "query", "--type", "process,fi" }, { "process,file", "process,file.write" }, { "file" } },
		{ { "query", "--type=process,fi" }, { "--type=process,file" }, { "file" } },
		{ { "query", "--color", "" }, { "auto", "always", "never" }, { "process" } },
		{ { "query", "--color=n" }, { "--color=never" }, { "never" } },
		{ { "query", "--group-by", "process.path,network.po" }, { "process.path,network.port" }, { "network.port" } },
		{ { "query", "--since", "" }, { "yesterday", "10m" }, { "process" } },
		{ { "query", "--state", "" }, { ":folder" }, { "process", ":file" } },
		{ { "query", "--db", "" }, { ":file" }, { "process" } },
		{ { "query", "--since", "1h", "process.ex" }, { "process.exec", "process.exec_count" }, { "1h" } },
		{ { "query", "--", "--" }, { NULL }, { "--since" } },
		{ { "run", "--set", "Log" }, { "LogLevel=" }, { "LogLevel" } },
		{ { "run", "--set", "LogLevel=d" }, { "LogLevel=debug" }, { "debug", "LogLevel=info" } },
		{ { "subscription", "register", "" }, { ":file" }, { "default" } },
		{ { "subscription", "re" }, { "register", "remove" }, { "list" } },
		{ { "help", "ta" }, { "tail" }, { "query" } },
		{ { "help", "--man", "" }, { "recorder.conf", "recorder-events" }, { "tail" } },
		{ { "import", "" }, { "audit" }, { ":file" } },
		{ { "import", "audit", "a", "" }, { ":file" }, { "audit" } },
		{ { "snapshot", "" }, { ":file" }, { NULL } },
		{ { "who", "" }, { ":file", ":folder" }, { NULL } },
		{ { "command", "recorder.sn" }, { "recorder.snapshot" }, { "recorder.status" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buffer_release) struct buffer said = { 0 };

		complete(&said, cases[i].words);
		for (const char *const *word = cases[i].expected; *word; word++)
			if (!has(&said, *word))
				fail_msg("case %zu: no %s in:%s", i, *word, buffer_text(&said));
		for (const char *const *word = cases[i].unwanted; *word; word++)
			if (has(&said, *word))
				fail_msg("case %zu: %s in:%s", i, *word, buffer_text(&said));
	}
}

static void test_all(void **state)
{
	_cleanup_(buffer_release) struct buffer commands = { 0 }, settings = { 0 };
	const struct command *command;

	complete(&commands, (const char *const[]){ "", NULL });
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		_cleanup_(buffer_release) struct buffer options = { 0 };

		assert_int_equal(has(&commands, command->name), !command->hidden);
		complete(&options, (const char *const[]){ command->name, "--", NULL });
		for (const struct option *option = command->options; option->name; option++) {
			char text[64];

			snprintf(text, sizeof(text), "--%s", option->name);
			assert_true(has(&options, text));
		}
	}
	complete(&settings, (const char *const[]){ "config", "set", "", NULL });
	for (unsigned i = 0; i < N_SETTINGS; i++)
		assert_true(has(&settings, setting_infos[i].name));
}

static void put(const char *folder, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
}

/* Those of the folders that the command line names. */
static void test_names_of_files(void **state)
{
	char folder[] = "/tmp/recorder-test-XXXXXX", saved[64], journals[64];
	_cleanup_(buffer_release) struct buffer subscriptions = { 0 }, streams = { 0 };

	assert_non_null(mkdtemp(folder));
	snprintf(saved, sizeof(saved), "%s/subscriptions", folder);
	snprintf(journals, sizeof(journals), "%s/journals", folder);
	assert_int_equal(mkdir(saved, 0700) | mkdir(journals, 0700), 0);
	put(saved, "mine.json");
	put(journals, "logins.jsonl");
	put(journals, "logins.jsonl.1");
	complete(&subscriptions, (const char *const[]){ "subscription", "--state", folder, "show", "", NULL });
	assert_string_equal(buffer_text(&subscriptions), "\nmine\t\n");
	complete(&streams, (const char *const[]){ "tail", "--state", folder, "--journal", "", NULL });
	assert_string_equal(buffer_text(&streams), "\nlogins\t\n");
	for (size_t i = 0; i < 3; i++) {
		static const char *const files[] = { "subscriptions/mine.json", "journals/logins.jsonl", "journals/logins.jsonl.1" };
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(saved) | rmdir(journals) | rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_names_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
