/* Whose slot of audit is looked at how often, and when it would be taken.  The source is one that asks the kernel nothing: a pipe that was asked
 * for, which is not left, whatever the daemon believes. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"

struct world {
	char folder[64], pipe[80];
	struct daemon d;
};

static int set_up(void **state)
{
	static const bool nothing[N_KINDS];
	struct world *w = calloc(1, sizeof(*w));
	struct source_options options = { .mode = "pipe", .want_audit = true, .wants = { .kinds = nothing } };

	strcpy(w->folder, "/tmp/recorder-slot-XXXXXX");
	if (!mkdtemp(w->folder))
		return -1;
	snprintf(w->pipe, sizeof(w->pipe), "%s/pipe", w->folder);
	options.pipe_path = w->pipe;
	settings_init(&w->d.conf.settings);
	*state = w;
	return source_live.open(&w->d.source, &options);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	int r;

	source_live.free(w->d.source);
	r = rmdir(w->folder);
	free(w);
	return r;
}

/* A pid that nobody has, just now. */
static uint32_t gone(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return (uint32_t)pid;
}

/* Of who was killed nobody tells: audit is to be asked. */
static void test_who_was_killed(void **state)
{
	struct world *w = *state;

	w->d.audit_state.pid = (uint32_t)getppid();
	assert_true(daemon_slot_is_settled(&w->d));
	w->d.audit_state.pid = gone();
	assert_false(daemon_slot_is_settled(&w->d));
	/* Nothing would come of it. */
	w->d.mode_is_forced = true;
	assert_true(daemon_slot_is_settled(&w->d));
}

static void look(struct world *w, uint32_t holder)
{
	w->d.audit_state.pid = holder;
	daemon_look_at_slot(&w->d);
}

/* A slot that is free is taken when it has been so for long enough, and auditd that came back in between has it. */
static void test_when_it_is_taken(void **state)
{
	struct world *w = *state;
	struct slot *slot = &w->d.slot;
	uint64_t since_ns;

	look(w, (uint32_t)getppid());
	assert_int_equal(slot->free_since_ns, 0);
	look(w, gone());
	assert_int_not_equal(slot->free_since_ns, 0);
	assert_false(daemon_slot_is_settled(&w->d));
	slot->free_since_ns -= 58 * NS_PER_SEC;
	since_ns = slot->free_since_ns;
	look(w, 0);
	assert_int_equal(slot->refused, 0);
	assert_int_equal(slot->free_since_ns, since_ns);
	look(w, (uint32_t)getppid());
	assert_int_equal(slot->free_since_ns, 0);
	look(w, 0);
	slot->free_since_ns -= 60 * NS_PER_SEC;
	log_set_level(LOG_LEVEL_ERROR);
	look(w, 0);
	assert_int_equal(slot->refused, -EOPNOTSUPP);	/* it was tried; here it is not to be had */
	assert_false(slot->is_moving);
	assert_int_equal(source_live_plugin(w->d.source), 0);
}

/* Of a way that was asked for it is of no interest who has the slot. */
static void test_a_way_that_was_asked_for(void **state)
{
	struct world *w = *state;

	w->d.mode_is_forced = true;
	look(w, 0);
	assert_int_equal(w->d.slot.free_since_ns, 0);
	assert_true(daemon_slot_is_settled(&w->d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_was_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_when_it_is_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_way_that_was_asked_for, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
