/* Which versions of files are told to whoever has hashes: scripts and drivers.  Programs and libraries: pipeline/test_hashes.c. */

#include "track/test_world.h"

#define NOW AT(1000)
#define CHANGED (NOW - NS_PER_SEC)
#define OURS ((struct path_root){ .mount = 30, .init = 1 })

/* A host with a script, and the shell that runs it. */
struct host {
	struct world world;
	uint64_t script_changed_ns;
	bool shell_is_another;		/* where its path leads */
	unsigned n_wished;
	struct hash_wish wish;		/* the last */
	char path[64];
};

static int find_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret, size_t size)
{
	struct host *host = user;

	host->world.asked_from = from ? *from : (struct path_place){ 0 };
	host->world.n_paths_asked++;
	snprintf(ret, size, "%s", path);
	if (strcmp(path, "/work/run.sh") == 0)
		*ret_id = (struct file_id){ .device = 7, .inode = 50, .known = true, .changed_ns = host->script_changed_ns };
	else if (strcmp(path, "/bin/sh") == 0)
		*ret_id = (struct file_id){ .device = 7, .inode = 60 + host->shell_is_another, .known = true, .changed_ns = 9 };
	else
		return -ENOENT;
	return 0;
}

static void on_wish(void *user, const struct hash_wish *wish)
{
	struct host *host = user;

	if (wish->is_program)
		return;
	host->n_wished++;
	host->wish = *wish;
	snprintf(host->path, sizeof(host->path), "%.*s", (int)wish->path.size, wish->path.data);
}

static void host_begin(struct host *host)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_path = find_path, .hash = on_wish };

	*host = (struct host){ .script_changed_ns = CHANGED };
	begin_with(&host->world, &options);
	tracker_free(host->world.tracker);
	options.user = host;
	assert_int_equal(tracker_new(&host->world.tracker, &options), 0);
}

/* The shell is told its script. */
static struct event *exec_event(struct host *host, const char *script)
{
	struct values *values = caller(&host->world, 100, 1, 0, "/bin/sh");
	struct event *event = event_new(KIND_ID(process, exec), NOW);

	values_append_list(values, FIELD_args, SPAN("sh"));
	say(values, FIELD_cwd, "/work");
	say(values, FIELD_interpreter, script);
	return event;
}

static void track(struct host *host, struct event *event)
{
	assert_int_equal(tracker_event(host->world.tracker, event, host->world.actor), 0);
}

static uint64_t script_id(uint64_t changed_ns)
{
	return file_version_id(&(struct file_version){ 7, 50, changed_ns });
}

static void expect_version(const struct host *host, const struct event *event, uint64_t changed_ns)
{
	const struct context *context = event->context;

	assert_true(values_has(&context->values, FIELD_script_hash_id) && values_is_inferred(&context->values, FIELD_script_hash_id));
	assert_int_equal(context->script_hash_id, script_id(changed_ns));
	assert_text(context, FIELD_script_hash_state, "pending");
	assert_int_equal(host->n_wished, 1);
	assert_true(host->wish.is_script && !host->wish.is_program);
	assert_int_equal(host->wish.version.inode, 50);
	assert_int_equal(host->wish.pid, 100);
	assert_string_equal(host->path, "/work/run.sh");
}

static void expect_none(const struct host *host, const struct event *event)
{
	assert_text(event->context, FIELD_interpreter, "/work/run.sh");
	assert_false(values_has(&event->context->values, FIELD_script_hash_id));
	assert_int_equal(host->n_wished, 0);
}

/* The kernel said where the process begins: there it is looked for. */
static void test_from_its_root(void **state)
{
	struct event *event, *hash;
	struct host host;

	host_begin(&host);
	event = exec_event(&host, "/work/run.sh");
	event->root = (struct path_root){ .inode = 99, .mount = 40, .init = 7 };
	track(&host, event);
	expect_version(&host, event, CHANGED);
	assert_true(path_root_is(host.world.asked_from.root, event->root));
	assert_int_equal(host.world.asked_from.pids[0], 100);
	event_free(event);
	/* What is told of it the process has at its next event. */
	hash = event_new(KIND_ID(recorder, hash), NOW);
	values_set_number(&hash->values, FIELD_file_hash_id, script_id(CHANGED));
	values_set_text(&hash->values, FIELD_file_hash_state, SPAN("ok"));
	values_set_text(&hash->values, FIELD_file_sha256, SPAN("abc"));
	context_reset(host.world.actor);
	track(&host, hash);
	event_free(hash);
	event = write_at(&host.world, NOW + 5, 1, 100, "/bin/sh");
	assert_text(event->context, FIELD_script_sha256, "abc");
	assert_true(values_is_inferred(&event->context->values, FIELD_script_sha256));
	event_free(event);
	/* Its child has the same script, until it begins something else. */
	event = fork_at(&host.world, NOW + 10 * NS_PER_MS, 100, 101);
	assert_text(event->context, FIELD_script_sha256, "abc");
	event_free(event);
	event = exec_at(&host.world, NOW + 20 * NS_PER_MS, 100, 101, "/bin/ls");
	assert_text(event->context, FIELD_interpreter, NULL);
	assert_text(event->context, FIELD_script_sha256, NULL);
	assert_false(values_has(&event->context->values, FIELD_script_hash_id));
	event_free(event);
	end(&host.world);
}

static void test_what_it_was_not(void **state)
{
	struct event *event;
	struct host host;

	/* It has changed since. */
	host_begin(&host);
	host.script_changed_ns = NOW + NS_PER_SEC;
	event = exec_event(&host, "/work/run.sh");
	event->root = OURS;
	track(&host, event);
	expect_none(&host, event);
	event_free(event);
	end(&host.world);
	/* It is gone. */
	host_begin(&host);
	event = exec_event(&host, "/work/gone.sh");
	event->root = OURS;
	track(&host, event);
	assert_false(values_has(&event->context->values, FIELD_script_hash_id));
	assert_int_equal(host.n_wished, 0);
	event_free(event);
	end(&host.world);
	/* Nobody knows where the process begins. */
	host_begin(&host);
	event = exec_event(&host, "/work/run.sh");
	track(&host, event);
	expect_none(&host, event);
	assert_int_equal(host.world.n_paths_asked, 0);
	event_free(event);
	end(&host.world);
}

/* Audit names the file of a script that the kernel opened itself. */
static void test_by_its_inode(void **state)
{
	struct event *event;
	struct host host;

	host_begin(&host);
	event = exec_event(&host, "/work/run.sh");
	event->found = (struct file_id){ .device = 7, .inode = 50, .known = true };
	track(&host, event);
	expect_version(&host, event, CHANGED);
	assert_int_equal(host.world.asked_from.n_pids, 0);
	event_free(event);
	end(&host.world);
	host_begin(&host);
	event = exec_event(&host, "/work/run.sh");
	event->found = (struct file_id){ .device = 7, .inode = 51, .known = true };
	track(&host, event);
	expect_none(&host, event);
	event_free(event);
	end(&host.world);
}

/* Of an argument audit says nothing: it is looked for where the program itself was found. */
static void test_beside_its_program(void **state)
{
	for (unsigned is_another = 0; is_another < 2; is_another++) {
		struct event *event;
		struct host host;

		host_begin(&host);
		host.shell_is_another = is_another;
		event = exec_event(&host, "/work/run.sh");
		values_set_number(&event->values, FIELD_exe_device, 7);
		values_set_number(&event->values, FIELD_exe_inode, 60);
		track(&host, event);
		if (is_another)
			expect_none(&host, event);
		else
			expect_version(&host, event, CHANGED);
		event_free(event);
		end(&host.world);
	}
}

/* One that ran already: if it has not changed since, and the host's files are those that it sees. */
static void test_that_ran_already(void **state)
{
	static const struct {
		uint64_t changed_ns;
		bool shell_is_another, is_found;
	} cases[] = { { AT(500), false, true }, { AT(500), true, false }, { AT(800), false, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct file_version shell = { 7, 60, 9 };
		struct values *values;
		struct event *event;
		struct host host;

		host_begin(&host);
		host.script_changed_ns = cases[i].changed_ns;
		host.shell_is_another = cases[i].shell_is_another;
		values = caller(&host.world, 100, 1, 0, "/bin/sh");
		values_set_number(values, FIELD_start, AT(600) - BOOT_NS);
		values_set_number(values, FIELD_hash_id, file_version_id(&shell));
		say(values, FIELD_interpreter, "/work/run.sh");
		event = send(&host.world, KIND_ID(process, snapshot), NOW, 0);
		if (cases[i].is_found)
			expect_version(&host, event, cases[i].changed_ns);
		else
			expect_none(&host, event);
		event_free(event);
		end(&host.world);
	}
}

static void test_driver(void **state)
{
	struct event *event, *hash;
	struct host host;

	host_begin(&host);
	caller(&host.world, 100, 1, 0, "/bin/kmod");
	event = event_new(KIND_ID(driver, load), NOW);
	values_set_text(&event->values, FIELD_driver_path, SPAN("/lib/modules/x.ko"));
	values_set_number(&event->values, FIELD_driver_hash_id, 4711);
	event->found = (struct file_id){ .device = 7, .inode = 70, .known = true, .changed_ns = 5 };
	track(&host, event);
	assert_event_text(event, FIELD_driver_hash_state, "pending");
	assert_int_equal(host.n_wished, 1);
	assert_string_equal(host.path, "/lib/modules/x.ko");
	assert_true(host.wish.version.device == 7 && host.wish.version.inode == 70 && host.wish.version.changed_ns == 5);
	assert_true(!host.wish.is_script && host.wish.pid == 100);
	assert_int_equal(tracker_complete(host.world.tracker, event), 1);
	hash = event_new(KIND_ID(recorder, hash), NOW);
	values_set_number(&hash->values, FIELD_file_hash_id, 4711);
	values_set_text(&hash->values, FIELD_file_hash_state, SPAN("ok"));
	values_set_text(&hash->values, FIELD_file_md5, SPAN("abc"));
	context_reset(host.world.actor);
	track(&host, hash);
	event_free(hash);
	assert_int_equal(tracker_complete(host.world.tracker, event), 0);
	assert_event_text(event, FIELD_driver_hash_state, "ok");
	assert_event_text(event, FIELD_driver_md5, "abc");
	event_free(event);
	end(&host.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_its_root),
		cmocka_unit_test(test_what_it_was_not),
		cmocka_unit_test(test_by_its_inode),
		cmocka_unit_test(test_beside_its_program),
		cmocka_unit_test(test_that_ran_already),
		cmocka_unit_test(test_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
