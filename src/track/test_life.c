/* Fork, exec, exit and snapshot in every order: who is who. */

#include "track/test_world.h"

static void test_life(void **state)
{
	_cleanup_(event_freep) struct event *shell = NULL, *forked = NULL, *exec = NULL, *wrote = NULL,
					    *ended = NULL;
	struct world world;
	uint64_t id;

	begin(&world);
	shell = snapshot_at(&world, AT(0), 1, 100, 50 * NS_PER_SEC, "/bin/bash", 0);
	assert_int_equal(shell->context->start, BOOT_NS + 50 * NS_PER_SEC);
	assert_int_equal(shell->context->entity_id, context_entity_id(BOOT_ID, 5000, 100));
	assert_text(shell->context, FIELD_tty, "pts/0");
	assert_event_text(shell, FIELD_completeness, NULL);

	forked = fork_at(&world, AT(1000), 100, 200);
	id = forked->context->entity_id;
	assert_int_equal(id, context_entity_id(BOOT_ID, (AT(1000) - BOOT_NS) / TICK_NS, 200));
	assert_program(forked->context, "/bin/bash");
	assert_int_equal(forked->context->pid, 200);
	assert_int_equal(forked->context->ppid, 100);
	assert_int_equal(forked->context->ses, 7);
	assert_int_equal(forked->context->exec_count, 0);
	assert_int_equal(forked->context->start, AT(1000));
	assert_ptr_equal(forked->context->parent, shell->context);

	exec = exec_at(&world, AT(1002), 100, 200, "/bin/ls");
	assert_int_equal(exec->context->entity_id, id);
	assert_int_equal(exec->context->exec_count, 1);
	assert_program(exec->context, "/bin/ls");
	assert_text(exec->context, FIELD_command_line, "/bin/ls -x");
	assert_text(exec->context, FIELD_cwd, "/work");
	assert_event_text(exec, FIELD_previous_executable, "/bin/bash");
	assert_event_text(exec, FIELD_completeness, NULL);
	assert_ptr_equal(exec->context->parent, shell->context);
	/* what the fork event has is as it was */
	assert_program(forked->context, "/bin/bash");

	wrote = write_at(&world, AT(1003), 100, 200, "/bin/ls");
	assert_ptr_equal(wrote->context, exec->context);
	ended = exit_at(&world, AT(1010), 200, 0);
	assert_ptr_equal(ended->context, exec->context);
	assert_true(values_has(&ended->values, FIELD_duration));
	assert_int_equal(ended->duration, 10 * NS_PER_MS);
	assert_int_equal(stats(&world)->inferred, 1); /* pid 1, which nobody has shown */
	end(&world);
}

/* Audit is behind the connector: the process has ended when its records come, and the pid may be taken. */
static void test_late_records(void **state)
{
	_cleanup_(event_freep) struct event *exec = NULL, *wrote = NULL, *again = NULL, *late = NULL,
					    *first = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	first = fork_at(&world, AT(1000), 1, 200);
	event_free(exit_at(&world, AT(1100), 200, 0));
	event_free(fork_at(&world, AT(1400), 1, 200));
	event_free(exit_at(&world, AT(1500), 200, 0));

	/* of the first; the coarse clock stamps up to a tick early */
	exec = exec_at(&world, AT(996), 1, 200, "/bin/a");
	assert_int_equal(exec->context->entity_id, first->context->entity_id);
	wrote = write_at(&world, AT(1100), 1, 200, "/bin/a");
	assert_ptr_equal(wrote->context, exec->context);
	/* of the second */
	again = exec_at(&world, AT(1401), 1, 200, "/bin/b");
	assert_int_not_equal(again->context->entity_id, first->context->entity_id);
	assert_event_text(again, FIELD_previous_executable, "/sbin/init");
	/* of the first, though it comes after */
	late = write_at(&world, AT(1099), 1, 200, "/bin/a");
	assert_ptr_equal(late->context, exec->context);
	assert_int_equal(stats(&world)->inferred, 0);
	end(&world);
}

/* The end of the old one lies within the slack of the new one's start. */
static void test_reuse_within_the_slack(void **state)
{
	_cleanup_(event_freep) struct event *old = NULL, *new = NULL, *a = NULL, *b = NULL, *c = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	old = fork_at(&world, AT(1000), 1, 200);
	event_free(exit_at(&world, AT(1005), 200, 0));
	new = fork_at(&world, AT(1015), 1, 200);
	a = write_at(&world, AT(1004), 1, 200, "/sbin/init");
	b = write_at(&world, AT(1007), 1, 200, "/sbin/init");
	c = write_at(&world, AT(1016), 1, 200, "/sbin/init");
	assert_int_equal(a->context->entity_id, old->context->entity_id);
	assert_int_equal(b->context->entity_id, new->context->entity_id);
	assert_int_equal(c->context->entity_id, new->context->entity_id);
	end(&world);
}

static void test_exec_before_fork(void **state)
{
	_cleanup_(event_freep) struct event *exec = NULL, *forked = NULL, *wrote = NULL;
	struct event *clone;
	struct world world;
	uint64_t id;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/bin/bash", 0));
	exec = exec_at(&world, AT(1002), 100, 200, "/bin/ls");
	id = exec->context->entity_id;
	assert_true(values_is_inferred(&exec->context->values, FIELD_entity_id));
	assert_true(values_is_inferred(&exec->context->values, FIELD_start));
	assert_event_text(exec, FIELD_completeness, "inferred");
	assert_event_text(exec, FIELD_previous_executable, NULL);
	assert_int_equal(exec->context->exec_count, 1);
	assert_program(exec->context->parent, "/bin/bash");

	/* as audit has it: no start, stamped at the entry of clone() */
	caller(&world, 200, 100, 0, "/bin/bash");
	clone = send(&world, KIND_ID(process, fork), AT(1000), 0);
	assert_int_equal(clone->context->entity_id, id);
	assert_program(clone->context, "/bin/bash");
	assert_int_equal(clone->context->exec_count, 0);
	event_free(clone);
	/* told of twice */
	clone = send(&world, KIND_ID(process, fork), AT(1000), 1);
	event_free(clone);

	wrote = write_at(&world, AT(1003), 100, 200, "/bin/ls");
	assert_int_equal(wrote->context->entity_id, id);
	assert_program(wrote->context, "/bin/ls");
	assert_int_equal(wrote->context->start, AT(1000));
	assert_false(values_is_inferred(&wrote->context->values, FIELD_start));
	assert_int_equal(stats(&world)->processes, 2);

	/* the connector knows the start: the id becomes that of every source */
	event_free(exec_at(&world, AT(2002), 100, 300, "/bin/ls"));
	forked = fork_at(&world, AT(2000), 100, 300);
	assert_int_equal(forked->context->entity_id,
			 context_entity_id(BOOT_ID, (AT(2000) - BOOT_NS) / TICK_NS, 300));
	event_free(TAKE(wrote));
	wrote = write_at(&world, AT(2003), 100, 300, "/bin/ls");
	assert_int_equal(wrote->context->entity_id, forked->context->entity_id);
	assert_false(values_is_inferred(&wrote->context->values, FIELD_entity_id));
	assert_event_text(wrote, FIELD_completeness, NULL);
	assert_int_equal(stats(&world)->processes, 3);
	end(&world);
}

/* sh: fork P; P: exec make, fork Q, Q: fork R. The connector tells of Q and R before audit tells of make. */
static void test_parent_changes_late(void **state)
{
	_cleanup_(event_freep) struct event *q = NULL, *r = NULL, *older = NULL, *make = NULL, *id = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 100, NS_PER_SEC, "/bin/sh", 0));
	event_free(fork_at(&world, AT(1000), 100, 200));
	event_free(fork_at(&world, AT(1010), 200, 290)); /* before the exec */
	event_free(fork_at(&world, AT(1050), 200, 300));
	event_free(fork_at(&world, AT(1060), 300, 400));
	make = exec_at(&world, AT(1030), 100, 200, "/usr/bin/make");

	q = write_at(&world, AT(1070), 200, 300, "/usr/bin/make");
	assert_program(q->context, "/usr/bin/make");
	assert_text(q->context, FIELD_command_line, "/usr/bin/make -x");
	assert_ptr_equal(q->context->parent, make->context);
	assert_int_equal(q->context->exec_count, 0);
	r = exec_at(&world, AT(1080), 300, 400, "/usr/bin/cc");
	assert_event_text(r, FIELD_previous_executable, "/usr/bin/make");
	assert_ptr_equal(r->context->parent, q->context);
	assert_int_equal(r->context->depth, 3);
	older = write_at(&world, AT(1090), 200, 290, "/bin/sh");
	assert_program(older->context, "/bin/sh");
	assert_program(older->context->parent, "/bin/sh");

	/* and a change of ids */
	event_free(fork_at(&world, AT(2000), 200, 500));
	caller(&world, 200, 100, 33, "/usr/bin/make");
	event_free(send(&world, KIND_ID(process, setuid), AT(1900), 0));
	id = exit_at(&world, AT(2100), 500, 0);
	assert_int_equal(id->context->uid, 33);
	assert_int_equal(id->context->parent->uid, 33);
	end(&world);
}

/* What becomes known late of a parent that has moved on since: the child stays where it was born. */
static void test_parent_moves(void **state)
{
	_cleanup_(event_freep) struct event *child = NULL, *younger = NULL;
	struct values *values;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	event_free(exec_at(&world, AT(900), 1, 100, "/bin/sh"));
	event_free(fork_at(&world, AT(1000), 100, 200));
	say(caller(&world, 100, 1, 0, "/bin/sh"), FIELD_cwd, "/elsewhere");
	event_free(send(&world, KIND_ID(file, write), AT(2000), 0));
	event_free(fork_at(&world, AT(2500), 100, 300));
	values = caller(&world, 100, 1, 0, "/bin/sh");
	say(values, FIELD_subject_context, "unconfined");
	event_free(send(&world, KIND_ID(file, write), AT(3000), 0));
	child = write_at(&world, AT(3001), 100, 200, "/bin/sh");
	assert_text(child->context, FIELD_subject_context, "unconfined");
	assert_text(child->context, FIELD_cwd, "/work");
	younger = write_at(&world, AT(3002), 100, 300, "/bin/sh");
	assert_text(younger->context, FIELD_subject_context, "unconfined");
	assert_text(younger->context, FIELD_cwd, "/elsewhere");
	end(&world);
}

static void test_exec_not_seen(void **state)
{
	_cleanup_(event_freep) struct event *event = NULL, *ls = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	event_free(fork_at(&world, AT(900), 1, 100));
	ls = exec_at(&world, AT(1000), 1, 100, "/bin/ls");
	event = write_at(&world, AT(1100), 1, 100, "/bin/cat");
	assert_program(event->context, "/bin/cat");
	assert_text(event->context, FIELD_command_line, NULL);
	assert_text(event->context, FIELD_args, NULL);
	assert_text(event->context, FIELD_name, "cat");
	assert_int_equal(event->context->exec_count, 2);
	assert_true(values_is_inferred(&event->context->values, FIELD_exec_count));
	assert_int_equal(event->context->entity_id, ls->context->entity_id);
	end(&world);
}

/* A record without EXECVE: the program of before is not that of now. */
static void test_partial_exec(void **state)
{
	_cleanup_(event_freep) struct event *event = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	event_free(exec_at(&world, AT(1000), 0, 1, "/bin/ls"));
	actor(&world, 1);
	event = send(&world, KIND_ID(process, exec), AT(1100), 0);
	assert_program(event->context, NULL);
	assert_text(event->context, FIELD_command_line, NULL);
	assert_text(event->context, FIELD_cwd, "/work");
	assert_int_equal(event->context->uid, 0);
	assert_int_equal(event->context->exec_count, 2);
	assert_event_text(event, FIELD_previous_executable, "/bin/ls");
	end(&world);
}

static void test_exit(void **state)
{
	struct event *event;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	event_free(fork_at(&world, AT(1000), 1, 100));
	/* exit_group() of audit, then the connector */
	caller(&world, 100, 1, 0, "/sbin/init");
	event = event_new(KIND_ID(process, exit), AT(1099));
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	event_free(event);
	event_free(exit_at(&world, AT(1100), 100, 1));

	/* the first thread ends, the process goes on */
	event_free(fork_at(&world, AT(2000), 1, 200));
	event_free(exit_at(&world, AT(2100), 200, 0));
	event_free(exit_at(&world, AT(2100), 200, 1));
	event = exit_at(&world, AT(2500), 200, 0);
	assert_int_equal(event->duration, 500 * NS_PER_MS);
	event_free(event);

	/* of a process that nobody has seen */
	event = exit_at(&world, AT(3000), 300, 0);
	assert_int_equal(event->context->pid, 300);
	assert_program(event->context, NULL);
	assert_false(values_has(&event->values, FIELD_duration));
	assert_event_text(event, FIELD_completeness, "inferred");
	event_free(event);
	event_free(exit_at(&world, AT(3001), 300, 1));
	end(&world);
}

static void test_exec_by_thread(void **state)
{
	_cleanup_(event_freep) struct event *first = NULL, *event = NULL, *other = NULL;
	struct world world;

	/* The connector says that 200 ended, since its first thread did; another thread executes a
	 * program. */
	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	first = fork_at(&world, AT(1000), 1, 200);
	event_free(exit_at(&world, AT(2000), 200, 0));
	event = exec_at(&world, AT(1996), 1, 200, "/bin/java");
	assert_int_equal(event->context->entity_id, first->context->entity_id);
	other = exec_at(&world, AT(9000), 1, 200, "/bin/sh");
	assert_int_equal(other->context->entity_id, first->context->entity_id);
	event_free(TAKE(event));
	event = exit_at(&world, AT(9500), 200, 0);
	assert_int_equal(event->duration, 8500 * NS_PER_MS);
	end(&world);

	/* /proc says whether it lives. */
	begin_live(&world);
	event_free(TAKE(first));
	world.shown[0] = (struct shown){ 1, 0, 0, "/sbin/init", NULL };
	world.n_shown = 1;
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	first = fork_at(&world, AT(1000), 1, 200);
	event_free(exit_at(&world, AT(2000), 200, 0));
	world.shown[world.n_shown++] = (struct shown){ 200, 1, AT(1000) - BOOT_NS, "/sbin/init", NULL };
	event_free(TAKE(event));
	event = write_at(&world, AT(3000), 1, 200, "/sbin/init");
	assert_int_equal(event->context->entity_id, first->context->entity_id);
	end(&world);
}

static void test_pid_taken_unseen(void **state)
{
	_cleanup_(event_freep) struct event *first = NULL, *event = NULL;
	struct world world;

	begin(&world);
	event_free(snapshot_at(&world, AT(0), 0, 1, 0, "/sbin/init", 0));
	first = fork_at(&world, AT(1000), 1, 200);
	event_free(exit_at(&world, AT(2000), 200, 0));
	event = write_at(&world, AT(5000), 1, 200, "/bin/other");
	assert_int_not_equal(event->context->entity_id, first->context->entity_id);
	assert_true(values_is_inferred(&event->context->values, FIELD_start));
	end(&world);

	/* Forks and exits are not in the file; much later another parent's program has the pid. */
	begin(&world);
	event_free(TAKE(first));
	event_free(TAKE(event));
	first = exec_at(&world, AT(1000), 50, 200, "/bin/a");
	event = exec_at(&world, AT(11000), 60, 200, "/bin/b");
	assert_int_equal(event->context->entity_id, first->context->entity_id);
	event_free(TAKE(event));
	event = exec_at(&world, AT(99000), 70, 200, "/bin/c");
	assert_int_not_equal(event->context->entity_id, first->context->entity_id);
	assert_int_equal(event->context->parent->pid, 70);
	end(&world);
}

static void test_unknown_in_a_file(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *c = NULL, *d = NULL;
	struct tracker_options options = { 0 };
	struct world world = { 0 };

	begin_with(&world, &options);
	a = write_at(&world, AT(1000), 500, 600, "/usr/bin/vi");
	assert_int_equal(a->context->pid, 600);
	assert_int_equal(a->context->start, AT(1000));
	assert_true(values_is_inferred(&a->context->values, FIELD_start));
	assert_true(values_is_inferred(&a->context->values, FIELD_entity_id));
	assert_false(values_is_inferred(&a->context->values, FIELD_executable));
	assert_event_text(a, FIELD_completeness, "inferred");
	/* the parent: its pid is all there is */
	assert_int_equal(a->context->parent->pid, 500);
	assert_program(a->context->parent, NULL);
	assert_false(values_has(&a->context->parent->values, FIELD_start));
	/* the same process again, also by a record stamped earlier */
	b = write_at(&world, AT(900), 500, 600, "/usr/bin/vi");
	assert_ptr_equal(b->context, a->context);
	/* the parent itself: it has the id that its child named */
	c = write_at(&world, AT(1100), 1, 500, "/bin/bash");
	assert_int_equal(c->context->entity_id, a->context->parent->entity_id);
	assert_program(c->context, "/bin/bash");
	/* from now on the child knows it too */
	d = write_at(&world, AT(1200), 500, 600, "/usr/bin/vi");
	assert_program(d->context->parent, "/bin/bash");
	assert_int_equal(d->context->entity_id, a->context->entity_id);
	end(&world);
}

static void test_unknown_asked_of_proc(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *c = NULL;
	struct world world;
	unsigned asked;

	begin_live(&world);
	world.shown[0] = (struct shown){ 1, 0, 0, "/sbin/init", NULL };
	world.shown[1] = (struct shown){ 50, 1, 5 * NS_PER_SEC, "/usr/sbin/sshd", "ssh.service" };
	world.shown[2] = (struct shown){ 60, 50, 6 * NS_PER_SEC, "/bin/bash", NULL };
	world.shown[3] = (struct shown){ 90, 1, 2000 * NS_PER_SEC, "/bin/new", NULL };
	world.n_shown = 4;
	a = write_at(&world, AT(0), 50, 60, "/bin/bash");
	assert_int_equal(a->context->entity_id, context_entity_id(BOOT_ID, 600, 60));
	assert_false(values_is_inferred(&a->context->values, FIELD_entity_id));
	assert_false(values_is_inferred(&a->context->values, FIELD_executable)); /* the record said so */
	assert_true(values_is_inferred(&a->context->values, FIELD_args));
	assert_program(a->context->parent, "/usr/sbin/sshd");
	assert_true(values_is_inferred(&a->context->parent->values, FIELD_executable));
	assert_program(a->context->parent->parent, "/sbin/init");
	assert_null(a->context->parent->parent->parent);
	assert_int_equal(world.n_asked, 3);

	/* /proc shows another program by now: its arguments are not those of then */
	world.shown[world.n_shown++] = (struct shown){ 70, 1, 7 * NS_PER_SEC, "/bin/later", NULL };
	b = write_at(&world, AT(10), 1, 70, "/bin/then");
	assert_program(b->context, "/bin/then");
	assert_text(b->context, FIELD_args, NULL);

	/* the pid is another process by now */
	c = write_at(&world, AT(20), 1, 90, "/bin/old");
	assert_true(values_is_inferred(&c->context->values, FIELD_entity_id));
	assert_program(c->context, "/bin/old");

	/* a dead one is asked for once */
	asked = world.n_asked;
	for (unsigned i = 0; i < 100; i++)
		event_free(write_at(&world, AT(30 + i), 1, 999, "/bin/gone"));
	assert_int_equal(world.n_asked, asked + 1);
	for (unsigned i = 0; i < 100; i++)
		event_free(fork_at(&world, AT(200 + i), 999, 1000 + i));
	assert_int_equal(world.n_asked, asked + 1);
	assert_int_equal(stats(&world)->lookups, world.n_asked);
	end(&world);
}

static void test_deep_and_looped_parents(void **state)
{
	_cleanup_(event_freep) struct event *deep = NULL, *loop = NULL, *self = NULL, *a = NULL;
	const struct context *c;
	struct world world;
	unsigned depth = 0;

	begin_live(&world);
	for (uint32_t i = 0; i < 200; i++)
		world.shown[world.n_shown++] =
			(struct shown){ 1000 + i, i ? 1000 + i - 1 : 0, NS_PER_SEC, "/bin/x", NULL };
	deep = write_at(&world, AT(0), 1198, 1199, "/bin/x");
	for (c = deep->context; c->parent; c = c->parent)
		depth++;
	assert_in_range(depth, 1, CONTEXT_MAX_DEPTH + 1);
	assert_in_range(world.n_asked, 1, CONTEXT_MAX_DEPTH + 2);

	world.n_shown = 0;
	world.shown[world.n_shown++] = (struct shown){ 5, 6, NS_PER_SEC, "/bin/five", NULL };
	world.shown[world.n_shown++] = (struct shown){ 6, 5, NS_PER_SEC, "/bin/six", NULL };
	world.shown[world.n_shown++] = (struct shown){ 7, 7, NS_PER_SEC, "/bin/seven", NULL };
	loop = write_at(&world, AT(0), 6, 5, "/bin/five");
	assert_program(loop->context->parent, "/bin/six");
	assert_null(loop->context->parent->parent);
	self = write_at(&world, AT(0), 7, 7, "/bin/seven");
	assert_null(self->context->parent);
	/* a loop of forks */
	event_free(exec_at(&world, AT(10), 21, 20, "/bin/a"));
	event_free(fork_at(&world, AT(10), 20, 21));
	event_free(fork_at(&world, AT(11), 21, 20));
	event_free(fork_at(&world, AT(42), 20, 20));
	a = exec_at(&world, AT(53), 20, 20, "/bin/b");
	assert_non_null(a->context);
	end(&world);
}

static void test_snapshot(void **state)
{
	_cleanup_(event_freep) struct event *a = NULL, *b = NULL, *c = NULL, *kthread = NULL, *forked = NULL;
	struct world world;

	begin(&world);
	/* the child is shown before its parent */
	a = snapshot_at(&world, AT(0), 900, 100, 5 * NS_PER_SEC, "/bin/child", 0);
	assert_int_equal(a->context->parent->pid, 900);
	b = snapshot_at(&world, AT(0), 0, 900, 4 * NS_PER_SEC, "/bin/parent", 0);
	assert_int_equal(b->context->entity_id, context_entity_id(BOOT_ID, 400, 900));
	assert_event_text(b, FIELD_completeness, NULL);
	c = write_at(&world, AT(1), 900, 100, "/bin/child");
	assert_program(c->context->parent, "/bin/parent");
	assert_int_equal(c->context->parent->entity_id, b->context->entity_id);
	/* nothing new */
	event_free(snapshot_at(&world, AT(5), 0, 900, 4 * NS_PER_SEC, "/bin/parent", 1));
	/* the pid of a process that ended unseen */
	event_free(snapshot_at(&world, AT(6), 900, 100, 900 * NS_PER_SEC, "/bin/other", 0));
	assert_int_equal(stats(&world)->reused_pids, 1);

	/* a kernel thread: a name and no program */
	say(actor(&world, 2), FIELD_name, "kthreadd");
	values_set_number(&world.actor->values, FIELD_ppid, 0);
	values_set_number(&world.actor->values, FIELD_start, 0);
	kthread = send(&world, KIND_ID(process, snapshot), AT(0), 0);
	assert_program(kthread->context, NULL);
	assert_text(kthread->context, FIELD_name, "kthreadd");
	event_free(fork_at(&world, AT(100), 2, 77));
	event_free(TAKE(a));
	say(actor(&world, 77), FIELD_name, "kworker/3:1");
	a = send(&world, KIND_ID(file, write), AT(110), 0);
	assert_text(a->context, FIELD_name, "kworker/3:1");

	/* forked while the snapshot was taken: told of already */
	forked = fork_at(&world, AT(200), 900, 300);
	event_free(snapshot_at(&world, AT(201), 900, 300, (AT(200) - BOOT_NS) / TICK_NS * TICK_NS,
			       "/bin/parent", 1));
	end(&world);
}

static struct event *born(struct world *world, uint64_t time_ns, uint32_t pid, const char *source, const char *namespaces)
{
	struct event *event = event_new(KIND_ID(process, fork), time_ns);
	struct values *values = actor(world, pid);

	values_set_number(values, FIELD_ppid, 100);
	values_set_number(values, FIELD_start, (time_ns - BOOT_NS) / TICK_NS * TICK_NS);
	if (namespaces)
		say(values, FIELD_namespaces, namespaces);
	say(&event->values, FIELD_source, source);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static void assert_namespaces(const struct event *event, const char *expected, bool inferred)
{
	assert_text(event->context, FIELD_namespaces, expected);
	assert_true(values_is_inferred(&event->context->values, FIELD_namespaces) == inferred);
}

/* What a process has again, its ids, says nothing of where it is. */
static void test_namespaces_and_ids(void **state)
{
	struct world world;
	struct event *event;

	begin(&world);
	caller(&world, 100, 1, 0, "/bin/sh");
	say(&world.actor->values, FIELD_namespaces, "host");
	event_free(send(&world, KIND_ID(process, snapshot), AT(0), 0));
	for (unsigned i = 0; i < 4; i++) {
		caller(&world, 100, 1, i % 2 ? 1000 : 0, "/bin/sh");
		if (i == 2)
			say(&world.actor->values, FIELD_namespaces, "net:7");
		event = send(&world, KIND_ID(file, write), AT(10 + i), 0);
		assert_namespaces(event, i < 2 ? "host" : "net:7", false);
		assert_int_equal(event->context->uid, i % 2 ? 1000 : 0);
		event_free(event);
	}
	end(&world);
}

/* Those of the parent, of which only the programs in the kernel say that they are the child's too. */
static void test_namespaces(void **state)
{
	struct world world;
	struct event *event;

	begin(&world);
	caller(&world, 100, 1, 0, "/bin/sh");
	values_set_number(&world.actor->values, FIELD_start, 50 * NS_PER_SEC);
	say(&world.actor->values, FIELD_namespaces, "host");
	event_free(send(&world, KIND_ID(process, snapshot), AT(0), 0));
	event = born(&world, AT(1000), 200, "proc", NULL);
	assert_namespaces(event, "host", true);
	event_free(event);
	event = born(&world, AT(1010), 201, "ebpf", NULL);
	assert_namespaces(event, "host", true);
	event_free(event);
	event = born(&world, AT(1012), 203, "ebpf", "host");
	assert_namespaces(event, "host", false);
	event_free(event);
	event = born(&world, AT(1020), 202, "ebpf", "net:7");
	assert_namespaces(event, "net:7", false);
	event_free(event);
	/* of another program only the programs in the kernel say that they are the same */
	event = exec_at(&world, AT(1030), 100, 202, "/bin/ls");
	assert_namespaces(event, "net:7", true);
	event_free(event);
	caller(&world, 202, 100, 0, "/bin/ls");
	say(&world.actor->values, FIELD_namespaces, "net:7 uts:8");
	event = send(&world, KIND_ID(process, unshare), AT(1040), 0);
	assert_namespaces(event, "net:7 uts:8", false);
	event_free(event);
	event = write_at(&world, AT(1050), 100, 202, "/bin/ls");
	assert_namespaces(event, "net:7 uts:8", false);
	event_free(event);
	/* what the parent turns out to be later changes nothing in it */
	caller(&world, 100, 1, 5, "/bin/sh");
	event_free(send(&world, KIND_ID(process, setuid), AT(1015), 0));
	event = write_at(&world, AT(1060), 100, 202, "/bin/ls");
	assert_namespaces(event, "net:7 uts:8", false);
	event_free(event);
	end(&world);
}

/* Audit says that they have changed, and not to what: what nobody can tell any more is not known. */
static void test_namespaces_changed_by_audit(void **state)
{
	struct world world;
	struct event *event;

	begin_live(&world);
	for (unsigned i = 0; i < 4; i++) {
		uint32_t pid = 300 + i;

		caller(&world, pid, 1, 0, "/bin/sh");
		values_set_number(&world.actor->values, FIELD_start, (50 + i) * NS_PER_SEC);
		say(&world.actor->values, FIELD_namespaces, "host");
		event_free(send(&world, KIND_ID(process, snapshot), AT(0), 0));
	}
	/* one is there, one has ended, one has ended and that was told; one shares no more with its threads */
	world.shown[world.n_shown++] = (struct shown){ .pid = 300, .ppid = 1, .start_ns = 50 * NS_PER_SEC, .namespaces = "uts:9" };
	event_free(exit_at(&world, AT(20), 302, 0));
	for (unsigned i = 0; i < 4; i++) {
		caller(&world, 300 + i, 1, 0, "/bin/sh");
		event = event_new(KIND_ID(process, unshare), AT(10));
		say(&event->values, FIELD_source, "audit");
		say(&event->values, FIELD_changes, i < 3 ? "uts namespace" : "files");
		assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
		assert_namespaces(event, i == 0 ? "uts:9" : i == 3 ? "host" : NULL, i == 0);
		event_free(event);
	}
	end(&world);
}

static void remember(struct world *world, uint64_t id, uint32_t pid, uint64_t start_ns, const char *exe)
{
	_cleanup_(context_unrefp) struct context *image = context_new();
	const struct remembered about = { .id = id, .ticks = start_ns / TICK_NS, .has_ticks = true };

	values_set_number(&image->values, FIELD_pid, pid);
	values_set_number(&image->values, FIELD_entity_id, context_entity_id(BOOT_ID, about.ticks, pid));
	values_set_number(&image->values, FIELD_start, BOOT_NS + start_ns);
	say(&image->values, FIELD_executable, exe);
	assert_int_equal(tracker_remember(world->tracker, image, &about, AT(0)), 0);
}

/* The pid of one that is remembered may be another's by now: a child that /proc shows before its parent is asked about. */
static void test_pid_taken_while_nobody_looked(void **state)
{
	struct world world;
	struct event *event;

	begin_live(&world);
	remember(&world, 1, 500, 50 * NS_PER_SEC, "/bin/old");
	remember(&world, 2, 501, 51 * NS_PER_SEC, "/bin/same");
	remember(&world, 3, 502, 52 * NS_PER_SEC, "/bin/gone");
	world.shown[0] = (struct shown){ 500, 1, 900 * NS_PER_SEC, "/bin/new", NULL };
	world.shown[1] = (struct shown){ 501, 1, 51 * NS_PER_SEC, "/bin/same", NULL };
	world.n_shown = 2;
	event = snapshot_at(&world, AT(100), 500, 100, 950 * NS_PER_SEC, "/bin/child", 0);
	assert_program(event->context->parent, "/bin/new");
	event_free(event);
	event = snapshot_at(&world, AT(100), 501, 101, 950 * NS_PER_SEC, "/bin/child", 0);
	assert_program(event->context->parent, "/bin/same");
	assert_int_equal(event->context->parent->entity_id, context_entity_id(BOOT_ID, 5100, 501));
	event_free(event);
	event = snapshot_at(&world, AT(100), 502, 102, 950 * NS_PER_SEC, "/bin/child", 0);
	assert_program(event->context->parent, "/bin/gone");
	event_free(event);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_late_records),
		cmocka_unit_test(test_reuse_within_the_slack),
		cmocka_unit_test(test_exec_before_fork),
		cmocka_unit_test(test_parent_changes_late),
		cmocka_unit_test(test_parent_moves),
		cmocka_unit_test(test_exec_not_seen),
		cmocka_unit_test(test_partial_exec),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exec_by_thread),
		cmocka_unit_test(test_pid_taken_unseen),
		cmocka_unit_test(test_unknown_in_a_file),
		cmocka_unit_test(test_unknown_asked_of_proc),
		cmocka_unit_test(test_deep_and_looped_parents),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_namespaces_and_ids),	 cmocka_unit_test(test_namespaces_changed_by_audit),
			 cmocka_unit_test(test_pid_taken_while_nobody_looked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
