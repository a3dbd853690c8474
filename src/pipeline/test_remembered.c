/* What is known of the processes, from one run to the next. */

#include "pipeline/test_pipeline.h"

#include <stdio.h>

#include "event/remembered.h"

#define PROCESS(seconds, pid, ppid, ticks, more) \
	"type=RECORDER_PROCESS msg=recorder(" seconds ".5:0): pid=" pid " ppid=" ppid " start_ticks=" ticks " uid=0 euid=0 auid=1000 ses=3 " more "\n"
#define INIT(seconds) PROCESS(seconds, "1", "0", "1", "comm=\"init\" exe=\"/sbin/init\" argc=1 args=696E6974")
#define DAEMON(seconds) PROCESS(seconds, "20", "1", "2000", "comm=\"daemon\" exe=\"/usr/sbin/daemon\" argc=1 args=6461656D6F6E")
#define TOLD(seconds) "type=RECORDER_ALL_TOLD msg=recorder(" seconds ".6:0):\n"

/* init, of which a shell, of which `ls` and (by a program that has ended by now) a daemon; a session. */
static const char first_run[] =
	INIT("1795343338")
	PROCESS("1795343338", "10", "1", "1000", "comm=\"bash\" exe=\"/bin/bash\" argc=1 args=62617368 from=\"10.0.0.1\"")
	"type=RECORDER_FORK msg=recorder(1795343338.600000000:0): pid=19 ppid=10 start_ticks=1999\n"
	"type=RECORDER_FORK msg=recorder(1795343338.610000000:0): pid=20 ppid=19 start_ticks=2000\n"
	"type=RECORDER_FORK msg=recorder(1795343338.620000000:0): pid=11 ppid=10 start_ticks=2001\n"
	"type=RECORDER_EXIT msg=recorder(1795343338.630000000:0): pid=19 status=0\n"
	"type=RECORDER_CLOCK msg=recorder(1795343339.0:0): ripe=1\n"
	"type=RECORDER_CLOCK msg=recorder(1795343339.2:0): ripe=1\n"
	"type=RECORDER_CLOCK msg=recorder(1795343339.4:0): ripe=1\n"
	"type=RECORDER_CLOCK msg=recorder(1795343339.6:0): ripe=1\n"
	"type=RECORDER_CLOCK msg=recorder(1795343339.8:0): ripe=1\n"
	"type=RECORDER_CLOCK msg=recorder(1795343340.0:0): ripe=1\n";

static void remember(struct fixture *from, struct fixture *to)
{
	_cleanup_(buffer_release) struct buffer text = { 0 }, told = { 0 };
	struct span rest;

	assert_int_equal(pipeline_put_processes(from->pipeline, UINT64_C(1795343345000000000), &text), 0);
	for (rest = buffer_span(&text); rest.size > 0;) {
		const char *newline = memchr(rest.data, '\n', rest.size);
		size_t size = (size_t)(newline - rest.data) + 1;

		buffer_append_text(&told, "type=RECORDER_REMEMBERED msg=");
		buffer_append_span(&told, (struct span){ rest.data, size });
		rest.data += size;
		rest.size -= size;
	}
	lines(to, buffer_text(&told));
}

/* The line of that action and pid. */
static const char *line_of(struct fixture *f, const char *action, const char *pid)
{
	static char line[8192];
	const char *p = buffer_text(&f->out);

	for (const char *end; *p && (end = strchr(p, '\n')); p = end + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
		if (strstr(line, action) && strstr(line, pid))
			return line;
	}
	return NULL;
}

#define ACTION(name) "\"action\":\"" name "\""
#define PID(pid)     "\"pid\":" pid ","

static void test_over_a_pause(void **state)
{
	struct fixture first = { 0 }, then = { 0 };
	char entity[64];
	const char *line;

	set_up(&first, false);
	set_up(&then, false);
	lines(&first, first_run);
	line = line_of(&first, ACTION("fork"), PID("20"));
	assert_non_null(line);
	snprintf(entity, sizeof(entity), "%.35s", strstr(line, "\"entity_id\""));
	remember(&first, &then);
	assert_int_equal(then.n_events, 0);
	/* `ls` has ended, the shell is another program, a process is new. */
	lines(&then, INIT("1795343350")
		     PROCESS("1795343350", "10", "1", "1000", "comm=\"zsh\" exe=\"/bin/zsh\" argc=1 args=7A7368")
		     DAEMON("1795343350")
		     PROCESS("1795343350", "30", "1", "334800", "comm=\"new\" exe=\"/bin/new\" argc=1 args=6E6577"));
	assert_null(line_of(&then, ACTION("exit"), "\"pid\""));
	lines(&then, TOLD("1795343350"));

	line = line_of(&then, ACTION("snapshot"), PID("20"));
	assert_non_null(line);
	assert_non_null(strstr(line, entity));			/* the same */
	assert_non_null(strstr(line, PID("19")));		/* and its parent, which only the run before saw */
	assert_non_null(strstr(line, "\"parent\":{"));
	line = line_of(&then, ACTION("snapshot"), PID("10"));
	assert_non_null(strstr(line, "program begun unrecorded"));
	assert_non_null(strstr(line, "\"executable\":\"/bin/zsh\""));
	assert_non_null(strstr(line, "\"previous\":{\"executable\":\"/bin/bash\""));
	assert_non_null(strstr(line, "\"exec_count\":1"));
	line = line_of(&then, ACTION("snapshot"), PID("30"));
	assert_non_null(strstr(line, "\"begun unrecorded\""));
	assert_null(strstr(line_of(&then, ACTION("snapshot"), "\"pid\":1,"), "unrecorded"));
	line = line_of(&then, ACTION("exit"), PID("11"));
	assert_non_null(line);
	assert_non_null(strstr(line, "\"completeness\":\"inferred\""));
	assert_non_null(strstr(line, "\"process.exit_code\""));
	assert_non_null(strstr(line, PID("10")));		/* its parent */
	assert_int_equal(then.n_events, 5);
	/* From then on as ever. */
	lines(&then, "type=RECORDER_EXIT msg=recorder(1795343351.0:0): pid=30 status=256\n"
		     PROCESS("1795343352", "40", "1", "334990", "comm=\"newer\" exe=\"/bin/newer\" argc=1 args=6E6577"));
	assert_null(strstr(line_of(&then, ACTION("snapshot"), PID("40")), "unrecorded"));
	tear_down(&first);
	tear_down(&then);
}

/* What is remembered is remembered again, all of it. */
static void test_again_and_again(void **state)
{
	_cleanup_(buffer_release) struct buffer a = { 0 }, b = { 0 };
	struct fixture first = { 0 }, then = { 0 };

	set_up(&first, false);
	set_up(&then, false);
	lines(&first, first_run);
	remember(&first, &then);
	assert_int_equal(pipeline_put_processes(first.pipeline, 1, &a), 0);
	assert_int_equal(pipeline_put_processes(then.pipeline, 1, &b), 0);
	assert_true(a.size > 0);
	assert_string_equal(buffer_text(&a), buffer_text(&b));
	tear_down(&first);
	tear_down(&then);
}

/* The pid of one that ended is in use again: of both it is told. */
static void test_a_pid_in_use_again(void **state)
{
	struct fixture first = { 0 }, then = { 0 };

	set_up(&first, false);
	set_up(&then, false);
	lines(&first, first_run);
	remember(&first, &then);
	lines(&then, INIT("1795343350")
		     PROCESS("1795343350", "11", "1", "334800", "comm=\"new\" exe=\"/bin/new\" argc=1 args=6E6577") TOLD("1795343350"));
	assert_non_null(strstr(line_of(&then, ACTION("snapshot"), PID("11")), "\"begun unrecorded\""));
	assert_non_null(line_of(&then, ACTION("exit"), PID("11")));
	assert_null(strstr(line_of(&then, ACTION("exit"), PID("11")), "/bin/new"));
	tear_down(&first);
	tear_down(&then);
}

/* So is that of one that a child named before /proc showed it. */
static void test_a_parent_behind_its_child(void **state)
{
	struct fixture first = { 0 }, then = { 0 };
	unsigned n_begun = 0;

	set_up(&first, false);
	set_up(&then, false);
	lines(&first, first_run);
	remember(&first, &then);
	lines(&then, INIT("1795343350")
		     PROCESS("1795343350", "30", "31", "334900", "comm=\"child\" exe=\"/bin/child\" argc=1 args=6E6577")
		     PROCESS("1795343350", "31", "1", "334800", "comm=\"new\" exe=\"/bin/new\" argc=1 args=6E6577") TOLD("1795343350"));
	for (const char *p = buffer_text(&then.out); (p = strstr(p, "\"begun unrecorded\"")); p++)
		n_begun++;
	assert_int_equal(n_begun, 2);
	tear_down(&first);
	tear_down(&then);
}

static void test_rubbish(void **state)
{
	static const char *const rubbish[] = {
		"id=1", "process.pid=5 process.entity_id=7", "id=0 process.pid=5 process.entity_id=7", "id=99999999999999999999 process.pid=5",
		"id=1 process.pid=x process.entity_id=7", "",
	};
	struct fixture f = { 0 };
	struct pipeline_stats stats;
	char line[256];

	set_up(&f, false);
	for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
		snprintf(line, sizeof(line), "type=RECORDER_REMEMBERED msg=recorder(1795343338.0:0): %s\n", rubbish[i]);
		lines(&f, line);
	}
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, ARRAY_SIZE(rubbish));
	/* Numbered out of turn, its own parent, unknown fields: taken for what they are worth. */
	lines(&f, "type=RECORDER_REMEMBERED msg=recorder(1795343338.0:0): id=7 process.pid=5 process.entity_id=7\n"
		  "type=RECORDER_REMEMBERED msg=recorder(1795343338.0:1): id=1 parent=1 process.pid=5 process.entity_id=7 process.parent_pid=5 "
		  "process.mood=\"well\" inferred=\"process.pid,,x,process.entity_id\" user.id=4294967296\n"
		  "type=RECORDER_REMEMBERED msg=recorder(1795343338.0:2): id=2 parent=9 process.pid=5 process.entity_id=8\n"
		  TOLD("1795343338") TOLD("1795343338"));
	assert_non_null(line_of(&f, ACTION("exit"), PID("5")));
	assert_int_equal(f.n_events, 1);
	tear_down(&f);
}

static bool is_shell(void *user, uint64_t entity_id)
{
	(*(unsigned *)user)++;
	return entity_id == 12;
}

/* Whose end is known otherwise has become of the past, for who descends from it; what stands in other fields is none of an id. */
static void test_let_go(void **state)
{
	static const char lines[] =
		"recorder(1.5:1): id=1 parent=0 past=1 process.entity_id=12 process.pid=1\n"
		"recorder(1.5:2): id=2 parent=1 ticks=7 process.entity_id=12 process.pid=2 process.name=\" process.entity_id=13\"\n"
		"recorder(1.5:3): id=3 parent=2 process.entity_id=123 process.pid=3\n"
		"recorder(1.5:4): id=4 parent=2 process.pid=4 process.entity_id=12";
	static const char expected[] =
		"recorder(1.5:1): id=1 parent=0 past=1 process.entity_id=12 process.pid=1\n"
		"recorder(1.5:2): id=2 parent=1 ticks=7 past=1 process.entity_id=12 process.pid=2 process.name=\" process.entity_id=13\"\n"
		"recorder(1.5:3): id=3 parent=2 process.entity_id=123 process.pid=3\n"
		"recorder(1.5:4): id=4 parent=2 process.pid=4 past=1 process.entity_id=12";
	_cleanup_(buffer_release) struct buffer text = { 0 };
	unsigned n_asked = 0;

	buffer_append_text(&text, lines);
	assert_int_equal(remembered_let_go(&text, is_shell, &n_asked), 0);
	assert_int_equal(n_asked, 3);
	assert_string_equal(buffer_text(&text), expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_a_pause),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_a_pid_in_use_again), cmocka_unit_test(test_a_parent_behind_its_child),
		cmocka_unit_test(test_rubbish), cmocka_unit_test(test_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
