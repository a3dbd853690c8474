/* Two sources: the kernel's programs tell at once what a process is, audit tells later what happened before. */

#include "track/test_world.h"

#define LAG_NS (4 * NS_PER_MS)

static void begin_both(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .audit_lag_ns = LAG_NS };

	*world = (struct world){ 0 };
	begin_with(world, &options);
}

static struct event *send_from(struct world *world, const char *source, uint16_t kind, uint64_t time_ns)
{
	struct event *event = event_new(kind, time_ns);

	assert_non_null(event);
	say(&event->values, FIELD_source, source);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

/* Of process 100, which began at AT(0). */
static struct values *task(struct world *world, uint32_t uid)
{
	static const enum field ids[] = { FIELD_uid, FIELD_euid, FIELD_suid, FIELD_fsuid,
					  FIELD_gid, FIELD_egid, FIELD_sgid, FIELD_fsgid };
	struct values *values = actor(world, 100);

	values_set_number(values, FIELD_start, AT(0) - BOOT_NS);
	values_set_number(values, FIELD_ppid, 1);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		values_set_number(values, ids[i], uid);
	values_set_number(values, FIELD_auid, 1000);
	values_set_number(values, FIELD_ses, 7);
	return values;
}

static struct event *begins(struct world *world)
{
	task(world, 0);
	return send_from(world, "ebpf", KIND_ID(process, fork), AT(0));
}

static struct event *executes(struct world *world, uint64_t time_ns, const char *exe)
{
	struct values *values = task(world, 0);

	say(values, FIELD_executable, exe);
	say(values, FIELD_cwd, "/work");
	values_append_list(values, FIELD_args, span_of(exe));
	return send_from(world, "ebpf", KIND_ID(process, exec), time_ns);
}

static struct event *writes(struct world *world, uint64_t time_ns, uint32_t uid)
{
	task(world, uid);
	return send_from(world, "ebpf", KIND_ID(file, write), time_ns);
}

/* exe NULL: as of a message that a program sends to audit. */
static struct event *late(struct world *world, uint64_t time_ns, const char *exe)
{
	if (exe)
		caller(world, 100, 1, 0, exe);
	else
		actor(world, 100);
	return send_from(world, "audit", KIND_ID(security, authentication), time_ns);
}

static void expect_late(struct world *world, uint64_t time_ns, const char *exe, const struct event *same)
{
	struct event *event = late(world, time_ns, exe);

	assert_ptr_equal(event->context, same->context);
	event_free(event);
}

static void test_before_an_exec(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL;
	struct world world;

	begin_both(&world);
	event_free(begins(&world));
	a = executes(&world, AT(100), "/bin/a");
	b = executes(&world, AT(200), "/bin/b");
	/* by the clock alone */
	expect_late(&world, AT(150), NULL, a);
	expect_late(&world, AT(195), NULL, a);
	expect_late(&world, AT(200), NULL, b);
	expect_late(&world, AT(250), NULL, b);
	/* audit's clock is coarse: it may be of the image that began since */
	expect_late(&world, AT(196), NULL, b);
	expect_late(&world, AT(200) - LAG_NS - 1, NULL, a);
	expect_late(&world, AT(200) - LAG_NS, NULL, b);
	expect_late(&world, AT(200) - 1, NULL, b);
	end(&world);
}

/* The record's own word for the program is better than any clock. */
static void test_by_its_program(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL;
	struct world world;

	begin_both(&world);
	event_free(begins(&world));
	a = executes(&world, AT(100), "/bin/a");
	b = executes(&world, AT(200), "/bin/b");
	expect_late(&world, AT(199), "/bin/a", a);
	expect_late(&world, AT(199), "/bin/b", b);
	expect_late(&world, AT(150), "/bin/b", b);
	expect_late(&world, AT(250), "/bin/b", b);
	/* neither of them: the clock again */
	expect_late(&world, AT(150), "/bin/c", a);
	expect_late(&world, AT(199), "/bin/c", b);
	end(&world);
}

static void test_changes_nothing(void **state)
{
	_cleanup_(event_freep) struct event *exec = NULL, *before = NULL, *after = NULL, *event = NULL, *child = NULL;
	struct values *values;
	struct world world;

	begin_both(&world);
	event_free(begins(&world));
	exec = executes(&world, AT(100), "/bin/a");
	before = writes(&world, AT(110), 0);
	assert_ptr_equal(before->context, exec->context);
	/* another user, terminal, program and folder than it has by now */
	for (unsigned ms = 50; ms <= 500; ms += 50) {
		values = caller(&world, 100, 1, 1000, "/bin/old");
		say(values, FIELD_cwd, "/old");
		say(values, FIELD_subject_context, "unconfined");
		event = send_from(&world, "audit", KIND_ID(security, authentication), AT(ms));
		assert_event_text(event, FIELD_event_cwd, "/old");
		event_free(TAKE(event));
	}
	after = writes(&world, AT(600), 0);
	assert_ptr_equal(after->context, exec->context);
	assert_event_text(after, FIELD_event_cwd, NULL);
	assert_int_equal(after->context->uid, 0);
	assert_program(after->context, "/bin/a");
	assert_text(after->context, FIELD_tty, NULL);
	assert_text(after->context, FIELD_cwd, "/work");
	assert_text(after->context, FIELD_subject_context, NULL);
	values = actor(&world, 101);
	values_set_number(values, FIELD_ppid, 100);
	values_set_number(values, FIELD_start, AT(650) - BOOT_NS);
	child = send_from(&world, "ebpf", KIND_ID(process, fork), AT(650));
	assert_text(child->context, FIELD_cwd, "/work");
	assert_int_equal(child->context->uid, 0);
	end(&world);
}

/* What it says of its own moment stands in the event. */
static void test_directory_of_the_event(void **state)
{
	_cleanup_(event_freep) struct event *same = NULL, *other = NULL;
	struct world world;

	begin_both(&world);
	event_free(begins(&world));
	event_free(executes(&world, AT(100), "/bin/a"));
	say(caller(&world, 100, 1, 0, "/bin/a"), FIELD_cwd, "/work");
	same = send_from(&world, "audit", KIND_ID(file, write), AT(150));
	assert_event_text(same, FIELD_event_cwd, NULL);
	say(caller(&world, 100, 1, 0, "/bin/a"), FIELD_cwd, "/tmp");
	other = send_from(&world, "audit", KIND_ID(file, write), AT(150));
	assert_event_text(other, FIELD_event_cwd, "/tmp");
	end(&world);
}

static void test_before_a_change_of_user(void **state)
{
	_cleanup_(event_freep) struct event *root = NULL, *user = NULL, *again = NULL;
	struct world world;

	begin_both(&world);
	event_free(begins(&world));
	root = executes(&world, AT(100), "/usr/sbin/sshd");
	user = writes(&world, AT(200), 1000);
	assert_ptr_not_equal(user->context, root->context);
	expect_late(&world, AT(150), NULL, root);
	expect_late(&world, AT(250), NULL, user);
	/* both are of this program: the clock decides */
	expect_late(&world, AT(150), "/usr/sbin/sshd", root);
	expect_late(&world, AT(250), "/usr/sbin/sshd", user);
	/* and back: the context of before is the one again */
	again = writes(&world, AT(300), 0);
	assert_ptr_equal(again->context, root->context);
	expect_late(&world, AT(250), NULL, user);
	expect_late(&world, AT(350), NULL, root);
	end(&world);
}

/* Logins are told by audit alone. */
static void test_login(void **state)
{
	_cleanup_(event_freep) struct event *login = NULL, *after = NULL;
	struct world world;
	struct values *values;

	begin_both(&world);
	event_free(begins(&world));
	event_free(executes(&world, AT(100), "/usr/sbin/sshd"));
	values = caller(&world, 100, 1, 0, "/usr/sbin/sshd");
	values_set_number(values, FIELD_ses, 7);
	login = send_from(&world, "audit", KIND_ID(security, session_start), AT(150));
	assert_int_equal(login->context->login_time, AT(150));
	after = writes(&world, AT(200), 0);
	assert_int_equal(after->context->login_time, AT(150));
	end(&world);
}

static struct event *is_given_login(struct world *world, uint64_t time_ns, uint32_t old, uint32_t auid, uint32_t ses)
{
	struct event *event = event_new(KIND_ID(security, session_start), time_ns);
	struct values *values = actor(world, 100);

	values_set_number(values, FIELD_auid, auid);
	values_set_number(values, FIELD_ses, ses);
	say(&event->values, FIELD_source, "audit");
	values_set_number(&event->values, FIELD_session_old_auid, old);
	values_set_number(&event->values, FIELD_session_old_ses, UINT32_MAX);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static struct event *of_login(struct world *world, uint16_t kind, uint64_t time_ns, uint32_t auid, uint32_t ses)
{
	struct values *values = task(world, 0);

	values_set_number(values, FIELD_auid, auid);
	values_set_number(values, FIELD_ses, ses);
	return send_from(world, "ebpf", kind, time_ns);
}

/* The record of a login is of the process that has it, however late it comes, and before it does anything with it. */
static void test_given_a_login(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		_cleanup_(event_freep) struct event *login = NULL, *next = NULL;
		struct world world;
		bool first = i & 1;

		begin_both(&world);
		event_free(of_login(&world, KIND_ID(process, fork), AT(0), UINT32_MAX, UINT32_MAX));
		if (i & 2)
			event_free(of_login(&world, KIND_ID(file, write), AT(10), UINT32_MAX, UINT32_MAX));
		if (!first)
			next = of_login(&world, KIND_ID(process, setgid), AT(500), 1000, 12);
		login = is_given_login(&world, AT(100), UINT32_MAX, 1000, 12);
		assert_int_equal(login->context->auid, 1000);
		assert_int_equal(login->context->ses, 12);
		assert_int_equal(login->context->login_time, AT(100));
		if (first)
			next = of_login(&world, KIND_ID(process, setgid), AT(500), 1000, 12);
		assert_int_equal(next->context->auid, 1000);
		event_free(is_given_login(&world, AT(50), 33, 44, 9));	/* of a login that was over by then */
		event_free(next);
		next = of_login(&world, KIND_ID(file, write), AT(600), 1000, 12);
		assert_int_equal(next->context->ses, 12);
		assert_int_equal(next->context->login_time, AT(100));
		end(&world);
	}
}

static void test_unknown_and_ended(void **state)
{
	_cleanup_(event_freep) struct event *first = NULL, *a = NULL, *ended = NULL, *other = NULL;
	struct world world;

	begin_both(&world);
	/* audit is the first to speak of it */
	caller(&world, 300, 1, 33, "/bin/c");
	first = send_from(&world, "audit", KIND_ID(security, authentication), AT(50));
	assert_program(first->context, "/bin/c");
	assert_int_equal(first->context->uid, 33);
	/* and the last */
	event_free(begins(&world));
	a = executes(&world, AT(100), "/bin/a");
	task(&world, 0);
	ended = send_from(&world, "ebpf", KIND_ID(process, exit), AT(200));
	assert_ptr_equal(ended->context, a->context);
	expect_late(&world, AT(150), "/bin/a", a);
	expect_late(&world, AT(199), NULL, a);
	/* the pid in use again */
	actor(&world, 100);
	values_set_number(&world.actor->values, FIELD_start, AT(1000) - BOOT_NS);
	values_set_number(&world.actor->values, FIELD_ppid, 1);
	other = send_from(&world, "ebpf", KIND_ID(process, fork), AT(1000));
	assert_int_not_equal(other->context->entity_id, a->context->entity_id);
	expect_late(&world, AT(150), "/bin/a", a);
	end(&world);
}

/* Alone, audit is the one that says what a process is. */
static void test_audit_alone(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *c = NULL;
	struct world world;

	begin(&world);
	event_free(begins(&world));
	a = executes(&world, AT(100), "/bin/a");
	caller(&world, 100, 1, 1000, "/bin/a");
	b = send_from(&world, "audit", KIND_ID(file, write), AT(200));
	assert_ptr_not_equal(b->context, a->context);
	assert_int_equal(b->context->uid, 1000);
	c = late(&world, AT(50), NULL);
	assert_ptr_equal(c->context, b->context);
	end(&world);
}

/* A process whose beginning was not seen: where it is at its first event is not where its program began, though the kernel's
 * programs tell its start with each event. */
static void test_directory_of_an_unseen_process(void **state)
{
	_cleanup_(event_freep) struct event *event = NULL, *shown = NULL;
	struct world world;

	begin_both(&world);
	say(task(&world, 0), FIELD_cwd, "/somewhere");
	event = send_from(&world, "ebpf", KIND_ID(file, delete), AT(500));
	assert_text(event->context, FIELD_cwd, NULL);
	assert_event_text(event, FIELD_event_cwd, "/somewhere");
	assert_int_equal(event->context->start, AT(0));
	assert_int_equal(event->context->entity_id, context_entity_id(BOOT_ID, (AT(0) - BOOT_NS) / TICK_NS, 100));
	/* of a snapshot it is all one can know */
	say(caller(&world, 300, 1, 0, "/bin/c"), FIELD_cwd, "/here");
	values_set_number(&world.actor->values, FIELD_start, 5 * NS_PER_SEC);
	shown = send_from(&world, "proc", KIND_ID(process, snapshot), AT(600));
	assert_text(shown->context, FIELD_cwd, "/here");
	end(&world);
}

/* Of process 100 that began so long after AT(0), as the kernel's programs tell it. */
static struct event *of_start(struct world *world, uint16_t kind, unsigned start_ms, unsigned ms, int expected)
{
	struct values *values = actor(world, 100);
	struct event *event = event_new(kind, AT(ms));

	assert_non_null(event);
	values_set_number(values, FIELD_ppid, 1);
	values_set_number(values, FIELD_start, AT(start_ms) - BOOT_NS);
	say(&event->values, FIELD_source, "ebpf");
	assert_int_equal(tracker_event(world->tracker, event, world->actor), expected);
	return event;
}

static uint64_t id_of(unsigned start_ms)
{
	return context_entity_id(BOOT_ID, (AT(start_ms) - BOOT_NS) / TICK_NS, 100);
}

static void expect_start(struct world *world, uint16_t kind, unsigned start_ms, unsigned ms)
{
	struct event *event = of_start(world, kind, start_ms, ms, 0);

	assert_int_equal(event->context->entity_id, id_of(start_ms));
	event_free(event);
}

/* A connection ends when its process has, and the pid is another's. */
static void test_start_of_one_that_ended(void **state)
{
	struct world world;

	begin_both(&world);
	expect_start(&world, KIND_ID(process, fork), 1000, 1000);
	expect_start(&world, KIND_ID(process, exit), 1000, 2000);
	expect_start(&world, KIND_ID(process, fork), 3000, 3000);
	expect_start(&world, KIND_ID(network, disconnect), 1000, 4000);
	expect_start(&world, KIND_ID(file, write), 3000, 4001);
	/* one that is not known any more does not end the younger */
	expect_start(&world, KIND_ID(network, disconnect), 500, 4002);
	expect_start(&world, KIND_ID(file, write), 3000, 4003);
	assert_int_equal(stats(&world)->reused_pids, 0);
	end(&world);
}

/* What a pid does after an exit and a fork that were lost is not done by the one before. */
static void test_start_of_an_unseen_one(void **state)
{
	struct world world;
	struct event *event;

	begin_both(&world);
	expect_start(&world, KIND_ID(process, fork), 1000, 1000);
	expect_start(&world, KIND_ID(process, exec), 3000, 3000);
	expect_start(&world, KIND_ID(file, write), 3000, 3001);
	assert_int_equal(stats(&world)->reused_pids, 1);
	/* the exit alone was seen: it is one */
	expect_start(&world, KIND_ID(process, exit), 3000, 4000);
	expect_start(&world, KIND_ID(process, exit), 5000, 6000);
	event = of_start(&world, KIND_ID(process, exit), 5000, 6001, 1);
	event_free(event);
	/* the clock was set back */
	expect_start(&world, KIND_ID(process, fork), 7000, 7000);
	event_free(of_start(&world, KIND_ID(file, write), 7000, 100, 0));
	assert_int_equal(stats(&world)->inferred, 3);	/* with the parent */
	end(&world);
}

/* A fork that comes late is of the one before. */
static void test_fork_of_the_one_before(void **state)
{
	struct world world;
	struct event *event;

	begin_both(&world);
	expect_start(&world, KIND_ID(process, fork), 3000, 3000);
	expect_start(&world, KIND_ID(process, fork), 1000, 1000);
	assert_int_equal(stats(&world)->reused_pids, 0);
	/* the younger goes on: its record that names no start is no other's */
	actor(&world, 100);
	event = send_from(&world, "audit", KIND_ID(security, authentication), AT(5000));
	assert_int_equal(event->context->entity_id, id_of(3000));
	event_free(event);
	expect_start(&world, KIND_ID(process, exit), 1000, 2000);
	expect_start(&world, KIND_ID(process, exit), 3000, 6000);
	end(&world);
}

/* How long it lived is not told by a clock that is set in between. */
static void test_duration(void **state)
{
	struct world world;
	struct event *event;

	begin_both(&world);
	expect_start(&world, KIND_ID(process, fork), 1000, 1000);
	event = event_new(KIND_ID(process, exit), AT(900000));
	assert_non_null(event);
	values_set_number(&event->values, FIELD_duration, 500);
	values_set_number(actor(&world, 100), FIELD_start, AT(1000) - BOOT_NS);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_int_equal(event->duration, 500);
	event_free(event);
	end(&world);
}

/* /proc shows the one that has the pid now. */
static void test_start_that_proc_does_not_show(void **state)
{
	struct event *event;
	struct world world;

	begin_live(&world);
	tracker_set_audit_lag(world.tracker, LAG_NS);
	world.shown[0] = (struct shown){ 100, 1, AT(3000) - BOOT_NS, "/bin/b", NULL };
	world.n_shown = 1;
	event = of_start(&world, KIND_ID(network, disconnect), 1000, 4000, 0);
	assert_int_equal(event->context->entity_id, id_of(1000));
	assert_program(event->context, NULL);
	event_free(event);
	event = of_start(&world, KIND_ID(file, write), 3000, 4001, 0);
	assert_int_equal(event->context->entity_id, id_of(3000));
	assert_program(event->context, "/bin/b");
	event_free(event);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_an_exec),
		cmocka_unit_test(test_by_its_program),
		cmocka_unit_test(test_changes_nothing),
		cmocka_unit_test(test_directory_of_the_event),
		cmocka_unit_test(test_before_a_change_of_user),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_given_a_login),
		cmocka_unit_test(test_unknown_and_ended),
		cmocka_unit_test(test_audit_alone),
		cmocka_unit_test(test_directory_of_an_unseen_process),
		cmocka_unit_test(test_start_of_one_that_ended),
		cmocka_unit_test(test_start_of_an_unseen_one),
		cmocka_unit_test(test_fork_of_the_one_before),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_start_that_proc_does_not_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
