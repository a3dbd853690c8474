/* Settings that change while the recorder runs: when the file is looked at, what a mistake in it does, what the socket says. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/macro.h"
#include "daemon/conf.h"

struct world {
	char folder[64];
	char file[96];
	struct conf conf;
	unsigned n_changed, n_refused, n_accepted;
	int64_t status_before;
	char why[512];
};

static void on_changed(void *user, const struct settings *before)
{
	struct world *w = user;

	w->n_changed++;
	w->status_before = before->value[SETTING_StatusUpdateInterval];
}

static void on_refused(void *user, const char *why)
{
	struct world *w = user;

	*(why ? &w->n_refused : &w->n_accepted) += 1;
	snprintf(w->why, sizeof(w->why), "%s", why ? why : "");
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->folder, "/tmp/recorder-conf-XXXXXX");
	if (!mkdtemp(w->folder))
		return -1;
	snprintf(w->file, sizeof(w->file), "%s/recorder.conf", w->folder);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	unlink(w->file);
	rmdir(w->folder);
	free(w);
	return 0;
}

static void write_file(const struct world *w, const char *text)
{
	FILE *file = fopen(w->file, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void begin(struct world *w, const char *const *assignments, size_t n)
{
	const struct conf_options options = { .path = w->file, .assignments = assignments, .n_assignments = n,
						.changed = on_changed, .refused = on_refused, .user = w };
	struct settings_error error = { "" };

	assert_int_equal(conf_init(&w->conf, &options, 1000 * NS_PER_SEC, &error), 0);
}

static void tick(struct world *w, uint64_t second)
{
	conf_tick(&w->conf, (1000 + second) * NS_PER_SEC);
}

static int64_t status_interval(const struct world *w)
{
	return w->conf.settings.value[SETTING_StatusUpdateInterval];
}

static void test_looked_at_in_time(void **state)
{
	struct world *w = *state;

	begin(w, NULL, 0);
	write_file(w, "StatusUpdateInterval = 7\nConfigRefreshIntervalSecs = 2\nReconfigureIntervalSeconds = 5\n");
	tick(w, 59);
	assert_int_equal(status_interval(w), 60);
	tick(w, 60);
	assert_int_equal(status_interval(w), 7);
	assert_int_equal(w->n_changed, 1);
	assert_int_equal(w->status_before, 60);

	/* Looked at after 2 s, applied at the fifth. */
	write_file(w, "ConfigRefreshIntervalSecs = 2\nReconfigureIntervalSeconds = 5\nStatusUpdateInterval = 8\n# longer\n");
	tick(w, 62);
	tick(w, 64);
	assert_int_equal(status_interval(w), 7);
	tick(w, 65);
	assert_int_equal(status_interval(w), 8);

	/* The file goes: all is as by default. */
	unlink(w->file);
	tick(w, 67);
	tick(w, 70);
	assert_int_equal(status_interval(w), 60);
	assert_int_equal(w->n_changed, 3);
	/* A comment is no change. */
	write_file(w, "# nothing\n");
	tick(w, 130);
	assert_int_equal(w->n_changed, 3);
}

static void test_bad_file(void **state)
{
	struct world *w = *state;
	char expected[200];

	write_file(w, "StatusUpdateInterval = 7\n");
	begin(w, NULL, 0);
	write_file(w, "StatusUpdateInterval = 8\nStatusUpdateIntervall = 9\n");
	snprintf(expected, sizeof(expected),
		 "%s:2: StatusUpdateIntervall: unknown setting, did you mean 'StatusUpdateInterval'?", w->file);
	assert_int_equal(conf_reload(&w->conf), -EINVAL);
	assert_string_equal(w->conf.refused.message, expected);
	assert_string_equal(w->why, expected);
	assert_int_equal(status_interval(w), 7);
	/* Told once. */
	assert_int_equal(conf_reload(&w->conf), -EINVAL);
	assert_int_equal(w->n_refused, 1);
	assert_int_equal(w->n_changed, 0);

	write_file(w, "StatusUpdateInterval = 8\n");
	assert_int_equal(conf_reload(&w->conf), 0);
	assert_string_equal(w->conf.refused.message, "");
	assert_int_equal(w->n_accepted, 1);
	assert_int_equal(status_interval(w), 8);

	unlink(w->file);
	assert_int_equal(mkdir(w->file, 0700), 0);
	assert_int_equal(conf_reload(&w->conf), -EISDIR);
	assert_int_equal(status_interval(w), 8);
	rmdir(w->file);
}

/* What others can write is not obeyed, whatever it says. */
static void test_file_of_others(void **state)
{
	struct world *w = *state;

	begin(w, NULL, 0);
	write_file(w, "StatusUpdateInterval = 7\n");
	assert_int_equal(chmod(w->file, 0622), 0);
	assert_int_equal(conf_reload(&w->conf), -EPERM);
	assert_non_null(strstr(w->conf.refused.message, "can be written by others"));
	assert_int_equal(status_interval(w), 60);
	assert_int_equal(chmod(w->file, 0644), 0);
	assert_int_equal(conf_reload(&w->conf), 0);
	assert_int_equal(status_interval(w), 7);
}

static void test_command_line(void **state)
{
	static const char *const assignments[] = { "CX.recorder.StatusUpdateInterval=5", "EbpfRingBufferSizeKB=128" };
	static const char *const bad[] = { "StatusUpdateInterval=x", "StatusUpdateInterval", "Colour=1", "" };
	struct world *w = *state;
	struct settings in_force;

	write_file(w, "StatusUpdateInterval = 7\n");
	begin(w, assignments, 2);
	assert_int_equal(status_interval(w), 5);
	assert_int_equal(w->conf.settings.origin[SETTING_StatusUpdateInterval], ORIGIN_COMMAND_LINE);
	write_file(w, "StatusUpdateInterval = 8\nEnableEbpf = 0\n");
	assert_int_equal(conf_reload(&w->conf), 0);
	assert_int_equal(status_interval(w), 5);
	/* What acts at the start alone is still what it was. */
	assert_int_equal(w->conf.settings.value[SETTING_EnableEbpf], 0);
	conf_in_force(&w->conf, &in_force);
	assert_int_equal(in_force.value[SETTING_EnableEbpf], 1);
	assert_int_equal(in_force.value[SETTING_EbpfRingBufferSizeKB], 128);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct conf conf;
		struct settings_error error = { "" };

		assert_int_equal(conf_init(&conf, &(struct conf_options){ .path = w->file, .assignments = &bad[i],
										.n_assignments = 1 }, 0, &error), -EINVAL);
		assert_string_not_equal(error.message, "");
	}
}

/* Requests */

static json_t *ask(struct world *w, void (*answer)(struct conf *conf, const json_t *request, struct reply *reply),
		   const char *text, const char *error_code, const char *message)
{
	json_t *request = json_loads(text, 0, NULL), *result = NULL;
	struct reply reply = { 0 };

	assert_non_null(request);
	answer(&w->conf, request, &reply);
	json_decref(request);
	if (error_code) {
		assert_string_equal(reply.error_code, error_code);
		assert_non_null(strstr(reply.message, message));
	} else {
		assert_null(reply.error_code);
		result = json_loadb(reply.result.data, reply.result.size, 0, NULL);
		assert_non_null(result);
	}
	buffer_release(&reply.result);
	return result;
}

static void get(struct conf *conf, const json_t *request, struct reply *reply)
{
	conf_answer_get(conf, request, reply);
}

static void list(struct conf *conf, const json_t *request, struct reply *reply)
{
	conf_answer_list(conf, reply);
}

static void expect_setting(json_t *setting, json_int_t value, const char *origin)
{
	assert_int_equal(json_integer_value(json_object_get(setting, "value")), value);
	assert_string_equal(json_string_value(json_object_get(setting, "origin")), origin);
	json_decref(setting);
}

static void test_requests(void **state)
{
	struct world *w = *state;
	json_t *settings;

	write_file(w, "# mine\nStatusUpdateInterval = 7 # why\n");
	begin(w, NULL, 0);
	expect_setting(ask(w, get, "{\"name\":\"StatusUpdateInterval\"}", NULL, NULL), 7, "file");
	expect_setting(ask(w, conf_answer_set, "{\"name\":\"CX.recorder.StatusUpdateInterval\",\"value\":9}", NULL, NULL),
		       9, "file");
	assert_int_equal(status_interval(w), 9);
	assert_int_equal(w->n_changed, 1);
	expect_setting(ask(w, conf_answer_set, "{\"name\":\"StatusUpdateInterval\",\"value\":\"10\"}", NULL, NULL), 10, "file");
	expect_setting(ask(w, conf_answer_set, "{\"name\":\"EnableEtw\",\"value\":false}", NULL, NULL), 0, "file");
	json_decref(ask(w, conf_answer_set, "{\"name\":\"FileInfoProviderName\",\"value\":\"\"}", NULL, NULL));
	expect_setting(ask(w, conf_answer_reset, "{\"name\":\"StatusUpdateInterval\"}", NULL, NULL), 60, "default");
	assert_int_equal(status_interval(w), 60);
	settings = ask(w, list, "{}", NULL, NULL);
	assert_int_equal(json_array_size(settings), N_SETTINGS);
	json_decref(settings);

	ask(w, get, "{}", "bad_request", "missing");
	ask(w, get, "{\"name\":5}", "bad_request", "missing");
	ask(w, get, "{\"name\":\"EnableEtv\"}", "bad_setting", "did you mean 'EnableEtw'?");
	ask(w, conf_answer_set, "{\"name\":\"EnableEtw\"}", "bad_request", "number or a text");
	ask(w, conf_answer_set, "{\"name\":\"EnableEtw\",\"value\":[1]}", "bad_request", "number or a text");
	ask(w, conf_answer_set, "{\"name\":\"EnableEtw\",\"value\":7}", "bad_setting", "'7' is neither 0 nor 1");
	ask(w, conf_answer_set, "{\"name\":\"StatusUpdateInterval\",\"value\":0}", "bad_setting", "out of range (1 to 86400 s)");
	write_file(w, "nonsense\n");
	ask(w, conf_answer_set, "{\"name\":\"EnableEtw\",\"value\":1}", "bad_file", ":1: 'nonsense' is not a setting");
	assert_int_equal(status_interval(w), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_looked_at_in_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_of_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
