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

/* What was logged to stderr while the text was parsed. */
static int parse_logged(struct settings *settings, const char *text, char *log, size_t size)
{
	struct settings_error error;
	int saved = dup(STDERR_FILENO), pipes[2], r;
	ssize_t n;

	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	dup2(pipes[1], STDERR_FILENO);
	r = parse(settings, span_of(text), &error);
	dup2(saved, STDERR_FILENO);
	n = read(pipes[0], log, size - 1);
	log[n > 0 ? n : 0] = '\0';
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
	return r;
}

static void test_table(void **state)
{
	struct settings settings;

	settings_init(&settings);
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct setting_info *info = &setting_infos[i];

		assert_true(info->min < info->max);
		assert_in_range(info->standard, info->min, info->max);
		assert_true(info->type == SETTING_INT || (info->min == 0 && info->max == 1));
		assert_true(strlen(info->effect) > 10);
		assert_int_equal(settings.value[i], info->standard);
		assert_false(settings.is_set[i]);
		if (i > 0)
			assert_true(strcmp(setting_infos[i - 1].name, info->name) < 0);
	}
	assert_int_equal(settings.value[SETTING_AuditdRulesBufferSize], 32768);
	assert_int_equal(settings.value[SETTING_EnableSingleCpuRequirement], 1);
}

static void test_later_names_are_sorted_and_apart(void **state)
{
	static const char *const later[] = {
#define SETTING_LATER(name) #name,
#include "control/settings_later.def"
	};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (i > 0)
			assert_true(strcmp(later[i - 1], later[i]) < 0);
		for (size_t j = 0; j < N_SETTINGS; j++)
			assert_string_not_equal(later[i], setting_infos[j].name);
	}
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
		assert_int_equal(settings.is_set[SETTING_AuditdRulesBufferSize], cases[i].buffer_size != 0);
		assert_int_equal(settings.value[SETTING_AuditdRulesBufferSize],
				 cases[i].buffer_size ? cases[i].buffer_size : 32768);
		assert_int_equal(settings.is_set[SETTING_AuditdEnableForkTracking], cases[i].forks >= 0);
		assert_int_equal(settings.value[SETTING_AuditdEnableForkTracking], cases[i].forks != 0);
		assert_false(settings.is_set[SETTING_StatusUpdateInterval]);
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct span text;
		const char *message;	/* behind "recorder.conf:" */
	} cases[] = {
		{ SPAN("\n\nAuditdRulesBufferSize = 12"), "3: AuditdRulesBufferSize: 12 is below 64" },
		{ SPAN("AuditdRulesBufferSize = 1048577"),
		  "1: AuditdRulesBufferSize: 1048577 is above 1048576" },
		{ SPAN("AuditdRulesBufferSize = 99999999999999999999"),
		  "1: AuditdRulesBufferSize: 99999999999999999999 is above 1048576" },
		{ SPAN("AuditdRulesBufferSize = -99999999999999999999"),
		  "1: AuditdRulesBufferSize: -99999999999999999999 is below 64" },
		{ SPAN("AuditdRulesBufferSize = -5"), "1: AuditdRulesBufferSize: -5 is below 64" },
		{ SPAN("AuditdRulesBufferSize = 100 kB"),
		  "1: AuditdRulesBufferSize: '100 kB' is not a whole number" },
		{ SPAN("AuditdRulesBufferSize = 0x100"),
		  "1: AuditdRulesBufferSize: '0x100' is not a whole number" },
		{ SPAN("AuditdRulesBufferSize = 100;"),
		  "1: AuditdRulesBufferSize: '100;' is not a whole number" },
		{ SPAN("AuditdRulesBufferSize = \"100\""),
		  "1: AuditdRulesBufferSize: '\"100\"' is not a whole number" },
		{ SPAN("AuditdRulesBufferSize = 100\r\r\n"),
		  "1: AuditdRulesBufferSize: '100?' is not a whole number" },
		{ SPAN("AuditdRulesBufferSize = # 100"), "1: AuditdRulesBufferSize: the value is missing" },
		{ SPAN("AuditdRulesBufferSize == 100"),
		  "1: AuditdRulesBufferSize: '= 100' is not a whole number" },
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
		{ SPAN("Colour = 1"), "1: Colour: unknown setting" },
		{ SPAN("CX.recorder. = 1"), "1: : unknown setting" },
		{ SPAN(" = 1"), "1: the name before '=' is missing" },
		{ SPAN("AuditdRulesBufferSize 100"),
		  "1: 'AuditdRulesBufferSize 100' is not a setting (NAME = VALUE)" },
		{ SPAN("[recorder]"), "1: '[recorder]' is not a setting (NAME = VALUE)" },
		{ SPAN("\x1b[31m\xff = 1"), "1: ?[31m?: unknown setting" },
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
	assert_true(settings.is_set[SETTING_AuditdRulesBufferSize]);
}

static void test_later_names_warn_once(void **state)
{
	struct settings settings;
	char log[1024];

	assert_int_equal(parse_logged(&settings,
				      "CX.recorder.AudispdOverflowAction =\nEnableEtw = what you like\n"
				      "StatusUpdateInterval = 9\n",
				      log, sizeof(log)), 0);
	assert_int_equal(settings.value[SETTING_StatusUpdateInterval], 9);
	assert_string_equal(log, "recorder: warning: recorder.conf:1: AudispdOverflowAction: "
				 "this version does not obey it, ignoring\n"
				 "recorder: warning: recorder.conf:2: EnableEtw: "
				 "this version does not obey it, ignoring\n");
	/* Refused as a whole: the error is all that is said. */
	assert_int_equal(parse_logged(&settings, "EnableEtw = 1\nNonsense = 1\n", log, sizeof(log)), -EINVAL);
	assert_string_equal(log, "");
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
	assert_non_null(strstr(error.message, "/etc/recorder.conf:1: StatusUpdateInterval: 0 is below 1"));
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
		cmocka_unit_test(test_later_names_are_sorted_and_apart),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_failure_leaves_all_untouched),
		cmocka_unit_test(test_later_names_warn_once),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test_setup_teardown(test_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_no_file_for_settings, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_large_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_unreadable_file, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
