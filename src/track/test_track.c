/* What events take from the table of processes, and what they change in it. */

#include "track/test_world.h"

static void test_changes_of_identity(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *c = NULL, *d = NULL, *child = NULL;
	struct world world;
	struct values *values;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/usr/sbin/smbd", 0));
	a = write_at(&world, AT(10), 0, 100, "/usr/sbin/smbd");
	values = caller(&world, 100, 0, 0, "/usr/sbin/smbd");
	values_set_number(values, FIELD_euid, 1000);
	b = send(&world, KIND_ID(process, setuid), AT(20), 0);
	assert_ptr_not_equal(a->context, b->context);
	assert_int_equal(b->context->euid, 1000);
	assert_int_equal(b->context->uid, 0);
	assert_int_equal(b->context->exec_count, a->context->exec_count);
	assert_int_equal(b->context->entity_id, a->context->entity_id);
	child = fork_at(&world, AT(25), 100, 101);
	assert_int_equal(child->context->euid, 1000);
	/* to and fro: the same two contexts, not one each time */
	c = write_at(&world, AT(30), 0, 100, "/usr/sbin/smbd");
	assert_ptr_equal(c->context, a->context);
	values = caller(&world, 100, 0, 0, "/usr/sbin/smbd");
	values_set_number(values, FIELD_euid, 1000);
	d = send(&world, KIND_ID(file, write), AT(40), 0);
	assert_ptr_equal(d->context, b->context);

	/* the name of a thread is not a change */
	event_free(TAKE(d));
	values = caller(&world, 100, 0, 0, "/usr/sbin/smbd");
	values_set_number(values, FIELD_euid, 1000);
	say(values, FIELD_name, "worker");
	d = send(&world, KIND_ID(file, write), AT(50), 0);
	assert_ptr_equal(d->context, b->context);
	/* neither is the loss of the program's own name */
	event_free(TAKE(d));
	values = caller(&world, 100, 0, 0, "/usr/sbin/smbd (deleted)");
	values_set_number(values, FIELD_euid, 1000);
	d = send(&world, KIND_ID(file, write), AT(60), 0);
	assert_ptr_equal(d->context, b->context);
	end(&world);
}

static void test_working_directory(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *child = NULL;
	struct world world;
	struct values *values;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/bin/bash", 0));
	event_free(exec_at(&world, AT(10), 0, 100, "/bin/bash")); /* in /work */
	values = caller(&world, 100, 0, 0, "/bin/bash");
	say(values, FIELD_cwd, "/work");
	a = send(&world, KIND_ID(file, write), AT(20), 0);
	assert_event_text(a, FIELD_event_cwd, NULL);
	values = caller(&world, 100, 0, 0, "/bin/bash");
	say(values, FIELD_cwd, "/tmp");
	b = send(&world, KIND_ID(file, write), AT(30), 0);
	assert_event_text(b, FIELD_event_cwd, "/tmp");
	assert_ptr_equal(a->context, b->context);
	child = fork_at(&world, AT(40), 100, 101);
	assert_text(child->context, FIELD_cwd, "/tmp");
	end(&world);
}

static void test_login(void **state)
{
	_cleanup_(event_freep) struct event *login = NULL, *child = NULL, *early = NULL, *start = NULL;
	const unsigned char ip[4] = { 192, 0, 2, 7 };
	struct world world;
	struct values *values;
	struct event *event;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/usr/sbin/sshd", 0));
	values = actor(&world, 100);
	values_set_number(values, FIELD_auid, 1001);
	values_set_number(values, FIELD_ses, 12);
	login = send(&world, KIND_ID(security, session_start), AT(1000), 0);
	assert_int_equal(login->context->auid, 1001);
	assert_int_equal(login->context->ses, 12);
	assert_int_equal(login->context->login_time, AT(1000));
	assert_program(login->context, "/usr/sbin/sshd");

	early = fork_at(&world, AT(1300), 100, 200); /* the connector is ahead of USER_START */
	event = event_new(KIND_ID(security, session_start), AT(1200));
	values_set_text(&event->values, FIELD_source_ip, (struct span){ (const char *)ip, 4 });
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	caller(&world, 100, 0, 0, "/usr/sbin/sshd");
	values_set_number(&world.actor->values, FIELD_auid, 1001);
	values_set_number(&world.actor->values, FIELD_ses, 12);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	start = event;
	assert_int_equal(start->context->login_time, AT(1000));
	assert_true(values_has(&start->context->values, FIELD_login_ip));
	child = exit_at(&world, AT(1400), 200, 0);
	assert_int_equal(child->context->ses, 12);
	assert_true(values_has(&child->context->values, FIELD_login_ip));
	assert_int_equal(child->context->login_time, AT(1000));
	end(&world);
}

static void test_unit_of_services(void **state)
{
	_cleanup_(event_freep) struct event *forked = NULL, *exec = NULL, *plain = NULL;
	struct world world;
	unsigned asked;

	begin_live(&world);
	world.shown[0] = (struct shown){ 1, 0, 0, "/sbin/init", "init.scope" };
	world.shown[1] = (struct shown){ 100, 1, AT(1000) - BOOT_NS, "/usr/sbin/nginx", "nginx.service" };
	world.n_shown = 2;
	say(caller(&world, 1, 0, 0, "/sbin/init"), FIELD_unit, "init.scope");
	values_set_number(&world.actor->values, FIELD_start, 0);
	event_free(send(&world, KIND_ID(process, snapshot), AT(0), 0));
	forked = fork_at(&world, AT(1000), 1, 100);
	assert_text(forked->context, FIELD_unit, "init.scope");
	exec = exec_at(&world, AT(1002), 1, 100, "/usr/sbin/nginx");
	assert_text(exec->context, FIELD_unit, "nginx.service");
	asked = world.n_asked;
	event_free(fork_at(&world, AT(1100), 100, 101));
	plain = exec_at(&world, AT(1101), 100, 101, "/bin/true");
	assert_text(plain->context, FIELD_unit, "nginx.service");
	assert_int_equal(world.n_asked, asked);
	end(&world);
}

static void test_target(void **state)
{
	struct event *event;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/usr/bin/gdb", 0));
	event_free(snapshot_at(&world, AT(0), 0, 200, 2 * NS_PER_SEC, "/usr/bin/victim", 0));
	caller(&world, 100, 0, 0, "/usr/bin/gdb");
	event = event_new(KIND_ID(process, ptrace), AT(10));
	values_set_number(&event->values, FIELD_target_pid, 200);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_event_text(event, FIELD_target_executable, "/usr/bin/victim");
	assert_event_text(event, FIELD_target_name, "victim");
	assert_int_equal(event->target_entity_id, context_entity_id(BOOT_ID, 200, 200));
	event_free(event);
	/* the record's own name of it stays */
	event = event_new(KIND_ID(process, signal), AT(20));
	values_set_number(&event->values, FIELD_target_pid, 200);
	values_set_text(&event->values, FIELD_target_name, SPAN("thread"));
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_event_text(event, FIELD_target_name, "thread");
	event_free(event);
	end(&world);
}

static struct event *guessed(struct world *world, const char *name)
{
	struct event *event = event_new(KIND_ID(file, delete), AT(10));

	values_set_text(&event->values, FIELD_path, SPAN("/guess"));
	values_set_text(&event->values, FIELD_path_confidence, SPAN("guessed"));
	values_set_number(&event->values, FIELD_dirfd, 5);
	values_set_text(&event->values, FIELD_given_path, span_of(name));
	caller(world, 100, 0, 0, "/bin/rm");
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static void test_names_below_descriptors(void **state)
{
	struct event *event;
	struct world world;

	begin_live(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/bin/rm", 0));
	event = guessed(&world, "a/../b");
	assert_event_text(event, FIELD_path, "/guess");
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	snprintf(world.folder, sizeof(world.folder), "/srv/www");
	event = guessed(&world, "a/../b");
	assert_event_text(event, FIELD_path, "/srv/www/b");
	assert_int_equal(world.folder_pid, 100);
	assert_int_equal(world.folder_fd, 5);
	assert_event_text(event, FIELD_path_confidence, "joined");
	assert_true(values_is_inferred(&event->values, FIELD_path));
	event_free(event);
	event = guessed(&world, ""); /* the descriptor itself */
	assert_event_text(event, FIELD_path, "/srv/www");
	event_free(event);
	snprintf(world.folder, sizeof(world.folder), "pipe:[77]");
	event = guessed(&world, "x");
	assert_event_text(event, FIELD_path, "/guess");
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	/* two names, one of them found */
	snprintf(world.folder, sizeof(world.folder), "/srv");
	event = event_new(KIND_ID(file, rename), AT(10));
	values_set_text(&event->values, FIELD_path_confidence, SPAN("guessed"));
	values_set_number(&event->values, FIELD_dirfd, 5);
	values_set_text(&event->values, FIELD_given_path, SPAN("x"));
	values_set_number(&event->values, FIELD_target_dirfd, 6);
	caller(&world, 100, 0, 0, "/bin/rm");
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_event_text(event, FIELD_path, "/srv/x");
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	end(&world);
}

static void test_no_process(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *nothing = NULL;
	struct world world;

	begin(&world);
	context_reset(world.actor);
	nothing = send(&world, KIND_ID(recorder, gap), AT(0), 0);
	assert_null(nothing->context);
	values_set_number(&world.actor->values, FIELD_auid, UINT32_MAX);
	values_set_number(&world.actor->values, FIELD_ses, 3);
	a = send(&world, KIND_ID(security, audit_config), AT(0), 0);
	b = send(&world, KIND_ID(security, audit_config), AT(9), 0);
	assert_ptr_equal(a->context, b->context);
	assert_int_equal(a->context->ses, 3);
	assert_text(a->context, FIELD_auid_name, "unset");
	assert_false(values_has(&a->context->values, FIELD_pid));
	end(&world);
}

static void test_hosts_and_boots(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *before = NULL, *after = NULL;
	struct tracker_options options = { 0 };
	struct world world = { 0 };
	struct event *event;

	begin_with(&world, &options);
	caller(&world, 100, 0, 0, "/usr/sbin/sshd");
	a = event_new(KIND_ID(file, write), AT(0));
	values_set_text(&a->values, FIELD_node, SPAN("alpha"));
	assert_int_equal(tracker_event(world.tracker, a, world.actor), 0);
	b = event_new(KIND_ID(file, write), AT(0));
	values_set_text(&b->values, FIELD_node, SPAN("beta"));
	assert_int_equal(tracker_event(world.tracker, b, world.actor), 0);
	assert_int_not_equal(a->context->entity_id, b->context->entity_id);

	before = write_at(&world, AT(0), 0, 700, "/usr/sbin/sshd");
	context_reset(world.actor);
	event_free(send(&world, KIND_ID(system, shutdown), AT(1000), 0));
	context_reset(world.actor);
	event_free(send(&world, KIND_ID(system, boot), AT(30000), 0));
	after = write_at(&world, AT(31000), 0, 700, "/usr/sbin/sshd");
	assert_int_not_equal(before->context->entity_id, after->context->entity_id);
	/* that of the other host goes on */
	event = event_new(KIND_ID(file, write), AT(40000));
	caller(&world, 100, 0, 0, "/usr/sbin/sshd");
	values_set_text(&event->values, FIELD_node, SPAN("beta"));
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_ptr_equal(event->context, b->context);
	event_free(event);
	end(&world);
}

static void test_clock_set_back(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	event_free(fork_at(&world, AT(1000000), 1, 100));
	a = exec_at(&world, AT(1000001), 1, 100, "/bin/a");
	b = write_at(&world, AT(1), 1, 100, "/bin/a");
	assert_ptr_equal(a->context, b->context);
	end(&world);
}

static void test_fork_bomb(void **state)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS,
					   .max_processes = 2000,
					   .max_bytes = 4u << 20 };
	struct world world = { 0 };
	struct values *values;

	begin_with(&world, &options);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	for (uint32_t i = 0; i < 100000; i++) {
		event_free(fork_at(&world, AT(i), i == 0 ? 1 : 10 + i / 2, 11 + i));
		assert_true(stats(&world)->processes <= 2000);
		assert_true(stats(&world)->bytes <= options.max_bytes + (1u << 20));
	}
	assert_true(stats(&world)->evicted > 90000);
	end(&world);

	/* With ends they go first, and nobody that runs is pushed out. */
	world = (struct world){ 0 };
	begin_with(&world, &options);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	for (uint32_t i = 0; i < 20000; i++) {
		event_free(fork_at(&world, AT(i), 1, 11 + i));
		event_free(exit_at(&world, AT(i), 11 + i, 0));
	}
	assert_int_equal(stats(&world)->evicted, 0);
	assert_true(stats(&world)->processes <= 2000);
	end(&world);

	/* A parent with a large command line: its children do not copy it. */
	world = (struct world){ 0 };
	options.max_bytes = 0;
	begin_with(&world, &options);
	values = caller(&world, 100, 0, 0, "/bin/sh");
	{
		char *large = calloc(1, 200 << 10);

		memset(large, 'x', 200 << 10);
		values_append_list(values, FIELD_args, (struct span){ large, 200 << 10 });
		free(large);
	}
	event_free(send(&world, KIND_ID(process, exec), AT(0), 0));
	for (uint32_t i = 0; i < 1000; i++)
		event_free(fork_at(&world, AT(i), 100, 200 + i));
	assert_true(stats(&world)->bytes < 8u << 20);
	end(&world);
}

static void test_prune(void **state)
{
	_cleanup_(event_freep) struct event *first = NULL, *late = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	for (uint32_t i = 0; i < 100; i++)
		event_free(fork_at(&world, AT(1000), 1, 100 + i));
	first = exec_at(&world, AT(1001), 1, 100, "/bin/a");
	for (uint32_t i = 0; i < 100; i++)
		event_free(exit_at(&world, AT(2000 + i), 100 + i, 0));
	assert_int_equal(stats(&world)->processes, 101);
	tracker_prune(world.tracker, AT(31000));
	assert_int_equal(stats(&world)->processes, 101);
	late = write_at(&world, AT(2000), 1, 100, "/bin/a");
	assert_ptr_equal(late->context, first->context);
	tracker_prune(world.tracker, AT(32050));
	assert_in_range(stats(&world)->processes, 45, 55);
	tracker_prune(world.tracker, AT(99000));
	assert_int_equal(stats(&world)->processes, 1);
	/* contexts outlive the table */
	assert_program(first->context, "/bin/a");
	end(&world);
}

static int name_of(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret)
{
	if (id != 0)
		return -ENODATA;
	*ret = is_group ? SPAN("wheel") : SPAN("root");
	return 0;
}

static void test_names_of_users(void **state)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_name = name_of };
	struct world world = { 0 };
	struct event *event;
	struct values *values;

	begin_with(&world, &options);
	event = write_at(&world, AT(0), 0, 100, "/bin/a");
	assert_text(event->context, FIELD_user_name, "root");
	assert_text(event->context, FIELD_euser_name, "root");
	assert_text(event->context, FIELD_group_name, "wheel");
	event_free(event);
	/* another id, another name; one that the record gives wins */
	values = caller(&world, 100, 0, 4294967000, "/bin/a");
	event = send(&world, KIND_ID(process, setuid), AT(10), 0);
	assert_text(event->context, FIELD_user_name, NULL);
	event_free(event);
	values = caller(&world, 100, 0, 0, "/bin/a");
	say(values, FIELD_user_name, "toor");
	event = send(&world, KIND_ID(process, setuid), AT(20), 0);
	event_free(event);
	caller(&world, 200, 0, 0, "/bin/a");
	say(&world.actor->values, FIELD_user_name, "toor");
	event = send(&world, KIND_ID(file, write), AT(30), 0);
	assert_text(event->context, FIELD_user_name, "toor");
	assert_text(event->context, FIELD_euser_name, "root");
	event_free(event);
	context_reset(world.actor);
	event = event_new(KIND_ID(security, user_modify), AT(40));
	values_set_number(&event->values, FIELD_user_target_id, 0);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_event_text(event, FIELD_user_target_name, "root");
	event_free(event);
	end(&world);
}

/* 50,000 that live, each a program with arguments, folder, names, a container: the most that a host is thought to have. */
static void test_memory(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world world;

	begin(&world);
	for (unsigned i = 0; i < 50000; i++) {
		uint32_t pid = 1000 + i, ppid = i < 100 ? 1 : 1000 + i / 100;
		struct values *values;
		char text[128];

		event_free(fork_at(&world, AT(i), ppid, pid));
		values = caller(&world, pid, ppid, 1000, "/usr/lib/some-package/bin/worker");
		snprintf(text, sizeof(text), "--number=%u", i);
		values_append_list(values, FIELD_args, SPAN("/usr/lib/some-package/bin/worker"));
		values_append_list(values, FIELD_args, span_of(text));
		values_append_list(values, FIELD_args, SPAN("--config=/etc/some-package/worker.conf"));
		say(values, FIELD_cwd, "/var/lib/some-package");
		say(values, FIELD_user_name, "worker");
		say(values, FIELD_euser_name, "worker");
		say(values, FIELD_auid_name, "unset");
		say(values, FIELD_group_name, "worker");
		say(values, FIELD_container_id, id);
		say(values, FIELD_container_runtime, "docker");
		event_free(send(&world, KIND_ID(process, exec), AT(i), 0));
	}
	assert_true(tracker_stats(world.tracker)->processes >= 50000);
	assert_int_equal(tracker_stats(world.tracker)->evicted, 0);
	print_message("%zu bytes a process\n", (size_t)tracker_stats(world.tracker)->bytes / 50000);
	assert_in_range(tracker_stats(world.tracker)->bytes, 1, 64u << 20);
	end(&world);
}

static void watch(void *user, struct span path)
{
	struct world *world = user;

	world->n_asked += span_eq(path, SPAN("/etc/shadow"));
}

/* What was found in a file is of who touched it, or said so; a container has other files. */
static void test_accounts(void **state)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .define = watch };
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *found = NULL, *unknown = NULL;
	struct world world = { 0 };
	struct values *values;

	begin_with(&world, &options);
	unknown = event_new(KIND_ID(security, user_modify), AT(5));
	unknown->is_found = true;
	values_set_text(&unknown->values, FIELD_security_object, SPAN("/etc/shadow"));
	context_reset(world.actor);
	assert_int_equal(tracker_event(world.tracker, unknown, world.actor), 0);
	assert_null(unknown->context);
	event_free(snapshot_at(&world, AT(10), 0, 100, NS_PER_SEC, "/usr/sbin/usermod", 0));
	event_free(snapshot_at(&world, AT(10), 0, 101, NS_PER_SEC, "/usr/sbin/usermod", 0));
	caller(&world, 100, 0, 0, "/usr/sbin/usermod");
	a = send(&world, KIND_ID(security, user_modify), AT(20), 0);
	assert_int_equal(world.n_asked, 1);
	values = caller(&world, 101, 0, 0, "/usr/sbin/usermod");
	say(values, FIELD_container_id, "c0ffee");
	b = send(&world, KIND_ID(security, user_modify), AT(30), 0);
	assert_text(b->context, FIELD_container_id, "c0ffee");
	assert_int_equal(world.n_asked, 1);
	found = event_new(KIND_ID(security, password_change), AT(400));
	found->is_found = true;
	values_set_text(&found->values, FIELD_security_object, SPAN("/etc/shadow"));
	context_reset(world.actor);
	assert_int_equal(tracker_event(world.tracker, found, world.actor), 0);
	assert_ptr_equal(found->context, a->context);
	assert_int_equal(world.n_asked, 1);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_of_identity),
		cmocka_unit_test(test_working_directory),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_unit_of_services),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_names_below_descriptors),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_hosts_and_boots),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_fork_bomb),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_names_of_users),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
