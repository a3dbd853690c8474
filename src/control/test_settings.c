/* The settings file: what is accepted, and that each mistake is told with its line, name and reason. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "control/settings.h"

static int parse(struct settings *settings, struct span text, struct settings_error *error)
{
	settings_init(settings);
	*error = (struct settings_error){ "" };
	return settings_parse(settings, text, "recorder.conf", error);
}

static void test_table(void **state)
{
	struct settings settings;

	settings_init(&settings);
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct setting_info *info = &setting_infos[i];

		assert_true(info->min < info->max);
		assert_in_range(info->standard, info->min, info->max);
		assert_true(info->type != SETTING_BOOL || (info->min == 0 && info->max == 1));
		assert_true(info->type != SETTING_TEXT || (info->min == 0 && info->max < SETTING_TEXT_BYTES));
		assert_true(strlen(info->effect) > 10);
		assert_int_equal(settings.value[i], info->standard);
		assert_int_equal(settings.origin[i], ORIGIN_DEFAULT);
		if (i > 0)
			assert_true(strcmp(setting_infos[i - 1].name, info->name) < 0);
	}
	assert_int_equal(settings.value[SETTING_AuditdRulesBufferSize], 32768);
	assert_int_equal(settings.value[SETTING_EnableSingleCpuRequirement], 1);
}

/* Of the tree; NULL, said: there is none. */
static char *source_text(const char *name)
{
	const char *root = getenv("RECORDER_SOURCE_DIR");
	struct buffer text = { 0 };
	char path[4096], part[4096];
	FILE *file;
	size_t n;

	if (!root) {
		print_message("RECORDER_SOURCE_DIR is not set\n");
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "re");
	if (!file)
		fail_msg("%s is missing", path);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&text, part, n);
	fclose(file);
	buffer_append_byte(&text, '\0');
	return text.data;
}

/* All of the reference system, with its defaults, types and platforms. */
static void test_reference(void **state)
{
	_cleanup_(freep) char *text = source_text("tests/data/settings.tsv");
	unsigned n = 0;
	char *rest = text, *line;

	if (!text)
		skip();
	while ((line = strsep(&rest, "\n")) && *line) {
		_cleanup_(buffer_release) struct buffer value = { 0 };
		const char *name = strsep(&line, "\t"), *standard = strsep(&line, "\t"), *type = strsep(&line, "\t");
		struct settings settings;
		struct settings_error error;
		int id = setting_find(span_of(name), &error);

		if (id < 0)
			fail_msg("%s", error.message);
		settings_init(&settings);
		setting_append_value(&value, &settings, (enum setting_id)id);
		assert_string_equal(buffer_text(&value), standard);
		assert_string_equal(setting_type_words[setting_infos[id].type], type);
		assert_string_equal(setting_platform_words[setting_infos[id].platform], line);
		n++;
	}
	assert_int_equal(n, 100);
}

/* A setting acts where the table says, or names the issue that brings what it governs. */
static void test_each_acts(void **state)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct setting_info *info = &setting_infos[i];
		_cleanup_(freep) char *text = NULL;
		char asked[128], path[256];
		const char *found;

		if (*info->where == '\0') {
			assert_int_equal(info->acts, ACTS_NEVER);
			if (setting_is_here((enum setting_id)i) == (info->issue == 0))
				fail_msg("%s acts nowhere and no issue brings it", info->name);
			continue;
		}
		assert_true(setting_is_here((enum setting_id)i));
		assert_int_not_equal(info->acts, ACTS_NEVER);
		snprintf(path, sizeof(path), "src/%s", info->where);
		snprintf(asked, sizeof(asked), "SETTING_%s", info->name);
		text = source_text(path);
		if (!text)
			skip();
		found = strstr(text, asked);
		if (!found || strspn(found + strlen(asked), "_abcdefghijklmnopqrstuvwxyz") > 0)
			fail_msg("%s does not ask for %s", path, asked);
	}
}

/* All that the table governs is there, and nothing of it waits for an issue. */
static void test_nothing_is_to_come(void **state)
{
	for (size_t i = 0; i < N_SETTINGS; i++)
		if (setting_infos[i].issue != 0)
			fail_msg("%s is marked as to be brought by issue %u, or a part of it", setting_infos[i].name, setting_infos[i].issue);
}

static void expect_set(const char *name, const char *value, const char *message)
{
	struct settings settings, before;
	struct settings_error error = { "" };
	int r;

	settings_init(&settings);
	before = settings;
	r = setting_set(&settings, span_of(name), span_of(value), ORIGIN_COMMAND_LINE, &error);
	assert_string_equal(error.message, message);
	if (*message) {
		assert_true(r < 0);
		assert_memory_equal(&settings, &before, sizeof(before));
	} else {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		assert_true(r >= 0);
		assert_int_equal(settings.origin[r], ORIGIN_COMMAND_LINE);
		setting_append_value(&text, &settings, (enum setting_id)r);
		assert_string_equal(buffer_text(&text), value);
	}
}

static void test_set(void **state)
{
	char longest[SETTING_TEXT_BYTES + 1];

	expect_set("StatusUpdateInterval", "7", "");
	expect_set("CX.recorder.StatusUpdateInterval", "86400", "");
	expect_set("EnableEtw", "0", "");
	expect_set("AudispdOverflowAction", "", "");
	expect_set("AudispdOverflowAction", "halt", "");
	expect_set("FileInfoProviderName", "", "");
	expect_set("FileInfoProviderName", "other one", "");
	expect_set("StatusUpdateInterval", "0", "StatusUpdateInterval: 0 is out of range (1 to 86400 s)");
	expect_set("StatusUpdateInterval", "1m", "StatusUpdateInterval: '1m' is not a whole number (1 to 86400 s)");
	expect_set("EnableEtw", "yes", "EnableEtw: 'yes' is neither 0 nor 1");
	expect_set("AudispdOverflowAction", "panic",
		   "AudispdOverflowAction: 'panic' is not one of its words (nothing, ignore, syslog, suspend, single or halt)");
	expect_set("FileInfoProviderName", "a#b", "FileInfoProviderName: 'a#b': byte 2 is #, which begins a comment");
	expect_set("FileInfoProviderName", "a\nb", "FileInfoProviderName: 'a?b': byte 2 is not printable ASCII");
	expect_set("FileInfoProviderName", " ab", "FileInfoProviderName: ' ab' has a blank at its end");
	expect_set("StatusUpdateInterva", "1", "StatusUpdateInterva: unknown setting, did you mean 'StatusUpdateInterval'?");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	expect_set("FileInfoProviderDomain", longest + 1, "");
	expect_set("FileInfoProviderDomain", longest,
		   "FileInfoProviderDomain: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' has 64 bytes, it may "
		   "have 63");
}

static void test_accepted(void **state)
{
	static const struct {
		struct span text;
		int64_t buffer_size;	/* 0: not set */
		int64_t forks;		/* -1: not set */
	} cases[] = {
		{ SPAN(""), 0, -1 },
		{ SPAN("\n\n\r\n \t\n"), 0, -1 },
		{ SPAN("# all default"), 0, -1 },
		{ SPAN("CX.recorder.AuditdRulesBufferSize = 64"), 64, -1 },
		{ SPAN("AuditdRulesBufferSize=1048576\n"), 1048576, -1 },
		{ SPAN("\t AuditdRulesBufferSize\t=\t 00100 \t\r\n"), 100, -1 },
		{ SPAN("\xef\xbb\xbf" "AuditdRulesBufferSize=65 # why\nAuditdEnableForkTracking=0"), 65, 0 },
		{ SPAN("\xef\xbb\xbf"), 0, -1 },
		{ SPAN("# caf\xe9, Latin 1\nCX.recorder.AuditdEnableForkTracking = 1\n"), 0, 1 },
		{ SPAN("#AuditdRulesBufferSize = 1\nAuditdRulesBufferSize = 99 #= 7"), 99, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings settings;
		struct settings_error error;

		assert_int_equal(parse(&settings, cases[i].text, &error), 0);
		assert_string_equal(error.message, "");
		assert_int_equal(settings.origin[SETTING_AuditdRulesBufferSize],
				 cases[i].buffer_size != 0 ? ORIGIN_FILE : ORIGIN_DEFAULT);
		assert_int_equal(settings.value[SETTING_AuditdRulesBufferSize],
				 cases[i].buffer_size ? cases[i].buffer_size : 32768);
		assert_int_equal(settings.origin[SETTING_AuditdEnableForkTracking],
				 cases[i].forks >= 0 ? ORIGIN_FILE : ORIGIN_DEFAULT);
		assert_int_equal(settings.value[SETTING_AuditdEnableForkTracking], cases[i].forks != 0);
		assert_int_equal(settings.origin[SETTING_StatusUpdateInterval], ORIGIN_DEFAULT);
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct span text;
		const char *message;	/* behind "recorder.conf:" */
	} cases[] = {
		{ SPAN("\n\nAuditdRulesBufferSize = 12"), "3: AuditdRulesBufferSize: 12 is out of range (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 1048577"),
		  "1: AuditdRulesBufferSize: 1048577 is out of range (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 99999999999999999999"),
		  "1: AuditdRulesBufferSize: 99999999999999999999 is out of range (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = -99999999999999999999"),
		  "1: AuditdRulesBufferSize: -99999999999999999999 is out of range (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = -5"), "1: AuditdRulesBufferSize: -5 is out of range (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 100 kB"),
		  "1: AuditdRulesBufferSize: '100 kB' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 0x100"),
		  "1: AuditdRulesBufferSize: '0x100' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 100;"),
		  "1: AuditdRulesBufferSize: '100;' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = \"100\""),
		  "1: AuditdRulesBufferSize: '\"100\"' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = 100\r\r\n"),
		  "1: AuditdRulesBufferSize: '100?' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdRulesBufferSize = # 100"), "1: AuditdRulesBufferSize: the value is missing" },
		{ SPAN("AuditdRulesBufferSize == 100"),
		  "1: AuditdRulesBufferSize: '= 100' is not a whole number (64 to 1048576)" },
		{ SPAN("AuditdEnableNetlink = yes"), "1: AuditdEnableNetlink: 'yes' is neither 0 nor 1" },
		{ SPAN("AuditdEnableNetlink = 2"), "1: AuditdEnableNetlink: '2' is neither 0 nor 1" },
		{ SPAN("AuditdEnableNetlink = -1"), "1: AuditdEnableNetlink: '-1' is neither 0 nor 1" },
		{ SPAN("AuditdEnableNetlink = 1\r\n\nAuditdEnableNetlink = 1\n"),
		  "3: AuditdEnableNetlink: set in line 1 already" },
		{ SPAN("CX.recorder.VacuumIntervalDays = 1\nVacuumIntervalDays = 2\n"),
		  "2: VacuumIntervalDays: set in line 1 already" },
		{ SPAN("AuditdRulesBufferSise = 100"),
		  "1: AuditdRulesBufferSise: unknown setting, did you mean 'AuditdRulesBufferSize'?" },
		{ SPAN("cx.Recorder.auditdrulesbuffersize = 100"),
		  "1: cx.Recorder.auditdrulesbuffersize: unknown setting, did you mean "
		  "'AuditdRulesBufferSize'?" },
		{ SPAN("DatabaseMaxSize = 100"),
		  "1: DatabaseMaxSize: unknown setting, did you mean 'DatabaseMaxSizeMB'?" },
		{ SPAN("Colour = 1"), "1: Colour: unknown setting (recorder config list shows all)" },
		{ SPAN("CX.recorder. = 1"), "1: the name before '=' is missing" },
		{ SPAN(" = 1"), "1: the name before '=' is missing" },
		{ SPAN("AuditdRulesBufferSize 100"),
		  "1: 'AuditdRulesBufferSize 100' is not a setting (NAME = VALUE)" },
		{ SPAN("[recorder]"), "1: '[recorder]' is not a setting (NAME = VALUE)" },
		{ SPAN("\x1b[31m\xff = 1"), "1: ?[31m?: unknown setting (recorder config list shows all)" },
		{ SPAN("\xff\xfe" "A\0u\0"), "1: the file is UTF-16 text, it must be UTF-8" },
		{ SPAN("\xfe\xff\0A"), "1: the file is UTF-16 text, it must be UTF-8" },
		{ SPAN("# SQLite\n\0"), "2: a NUL byte: this is not a text file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings settings, before;
		struct settings_error error;

		settings_init(&before);
		assert_int_equal(parse(&settings, cases[i].text, &error), -EINVAL);
		assert_memory_equal(error.message, "recorder.conf:", 14);
		assert_string_equal(error.message + 14, cases[i].message);
		assert_memory_equal(&settings, &before, sizeof(before));
	}
}

static void test_failure_leaves_all_untouched(void **state)
{
	struct settings settings;
	struct settings_error error;

	assert_int_equal(parse(&settings, SPAN("StatusUpdateInterval=5\nAuditdRulesBufferSize=99"),
			       &error), 0);
	assert_int_equal(settings_parse(&settings, SPAN("StatusUpdateInterval=6\nX"), "x", &error), -EINVAL);
	assert_int_equal(settings.value[SETTING_StatusUpdateInterval], 5);
	/* A second file adds to the first, and may set again what that has set. */
	assert_int_equal(settings_parse(&settings, SPAN("StatusUpdateInterval = 7"), "x", &error), 0);
	assert_int_equal(settings.value[SETTING_StatusUpdateInterval], 7);
	assert_int_equal(settings.value[SETTING_AuditdRulesBufferSize], 99);
	assert_int_equal(settings.origin[SETTING_AuditdRulesBufferSize], ORIGIN_FILE);
}

static void test_long_lines(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	char path[2000];
	struct settings settings;
	struct settings_error error;

	for (unsigned i = 0; i < 100000; i++)
		buffer_append_text(&text, "Name.");
	buffer_append_text(&text, " = 1");
	assert_int_equal(parse(&settings, buffer_span(&text), &error), -EINVAL);
	assert_non_null(strstr(error.message, "Name.Nam...: unknown setting"));

	memset(path, 'd', sizeof(path));
	strcpy(path + sizeof(path) - 32, "/etc/recorder.conf");
	assert_int_equal(settings_parse(&settings, SPAN("StatusUpdateInterval = 0"), path, &error), -EINVAL);
	assert_non_null(strstr(error.message, "/etc/recorder.conf:1: StatusUpdateInterval: 0 is out of range (1 to 86400 s)"));
}

/* Files */

struct folder {
	char path[64];
	char file[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/recorder-settings-XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/recorder.conf", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	if (unlink(folder->file) < 0)
		rmdir(folder->file);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static void write_file(const char *path, const char *data, size_t size, unsigned times)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static int read_file(const struct folder *folder, struct settings *settings, struct settings_error *error)
{
	settings_init(settings);
	*error = (struct settings_error){ "" };
	return settings_read(settings, folder->file, error);
}

static void test_file(void **state)
{
	static const char text[] = "CX.recorder.EventAssemblerTimeoutMs = 500\n";
	const struct folder *folder = *state;
	struct settings settings;
	struct settings_error error;
	char expected[200];

	assert_int_equal(read_file(folder, &settings, &error), 0);
	assert_int_equal(settings.value[SETTING_EventAssemblerTimeoutMs], 10000);

	write_file(folder->file, text, sizeof(text) - 1, 1);
	assert_int_equal(read_file(folder, &settings, &error), 0);
	assert_int_equal(settings.value[SETTING_EventAssemblerTimeoutMs], 500);

	write_file(folder->file, text, sizeof(text) - 1, 2);
	assert_int_equal(read_file(folder, &settings, &error), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:2: EventAssemblerTimeoutMs: set in line 1 already",
		 folder->file);
	assert_string_equal(error.message, expected);

	settings_init(&settings);
	assert_int_equal(settings_read(&settings, "/dev/null", &error), 0);
}

static void test_no_file_for_settings(void **state)
{
	const struct folder *folder = *state;
	struct settings settings;
	struct settings_error error;
	char expected[200];

	assert_int_equal(mkdir(folder->file, 0700), 0);
	assert_int_equal(read_file(folder, &settings, &error), -EISDIR);
	snprintf(expected, sizeof(expected), "%s: Is a directory", folder->file);
	assert_string_equal(error.message, expected);
	rmdir(folder->file);

	assert_int_equal(mkfifo(folder->file, 0600), 0);	/* without a writer: must not wait for one */
	assert_int_equal(read_file(folder, &settings, &error), -ENOTSUP);
	snprintf(expected, sizeof(expected), "%s: Not a regular file", folder->file);
	assert_string_equal(error.message, expected);
	unlink(folder->file);

	settings_init(&settings);
	assert_int_equal(settings_read(&settings, "/dev/zero", &error), -EFBIG);
}

static void test_large_files(void **state)
{
	static const char comment[] = "# nothing\n";
	const struct folder *folder = *state;
	struct settings settings;
	struct settings_error error;
	char expected[200];

	write_file(folder->file, comment, sizeof(comment) - 1, 100000);
	assert_int_equal(read_file(folder, &settings, &error), 0);
	write_file(folder->file, comment, sizeof(comment) - 1, 1024 * 1024);
	assert_int_equal(read_file(folder, &settings, &error), -EFBIG);
	snprintf(expected, sizeof(expected), "%s: larger than 1 MiB, this is not a settings file",
		 folder->file);
	assert_string_equal(error.message, expected);
}

static void test_unreadable_file(void **state)
{
	const struct folder *folder = *state;
	struct settings settings;
	struct settings_error error;
	char expected[200];
	int r;

	write_file(folder->file, "#", 1, 1);
	assert_int_equal(chmod(folder->path, 0755), 0);
	assert_int_equal(chmod(folder->file, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	r = read_file(folder, &settings, &error);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EACCES);
	snprintf(expected, sizeof(expected), "%s: Permission denied", folder->file);
	assert_string_equal(error.message, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_each_acts), cmocka_unit_test(test_nothing_is_to_come),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_failure_leaves_all_untouched),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test_setup_teardown(test_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_no_file_for_settings, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_large_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_unreadable_file, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
