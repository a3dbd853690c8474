#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "event/schema.h"
#include "source/audit_pipe.h"
#include "source/pipe_queue.h"

#define CALL(serial) "audit(1170021493.977:" serial "): arch=c000003e syscall=59"

struct fixture {
	char folder[32], path[64];
	struct source *source;
	size_t n;
	struct {
		uint32_t type;
		char text[256];
	} records[64];
};

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "/tmp/audit-pipe-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/pipe", f->folder);
	assert_int_equal(source_audit_pipe.open(&f->source, &(struct source_options){ .pipe_path = f->path }), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	source_audit_pipe.free(f->source);
	assert_int_equal(access(f->path, F_OK), -1);
	rmdir(f->folder);
	test_free(f);
	return 0;
}

static int note(void *user, const struct record *record)
{
	struct fixture *f = user;

	assert_true(f->n < ARRAY_SIZE(f->records) && record->text.size < sizeof(f->records[0].text));
	assert_true(record->time_ns > 0 && record->node.size == 0);
	f->records[f->n].type = record->type;
	memcpy(f->records[f->n].text, record->text.data, record->text.size);
	f->records[f->n++].text[record->text.size] = 0;
	return 0;
}

static void read_all(struct fixture *f)
{
	for (unsigned i = 0; i < 20; i++)
		assert_true(source_audit_pipe.read(f->source, SOURCE_BATCH, note, f) >= 0);
}

static int plug_in(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, f->path, strlen(f->path));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void greet(int fd, uint64_t begin_ns)
{
	const struct pipe_greeting greeting = { .magic = PIPE_MAGIC, .begin_ns = begin_ns };

	assert_int_equal(write(fd, &greeting, sizeof(greeting)), sizeof(greeting));
}

static void say(int fd, uint32_t type, const void *text, size_t size)
{
	const struct pipe_frame frame = { type, (uint32_t)size };

	assert_int_equal(write(fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(fd, text, size), size);
}

static void say_text(int fd, uint32_t type, const char *text)
{
	say(fd, type, text, strlen(text));
}

static uint64_t answer(int fd)
{
	uint64_t n = 0;

	while (recv(fd, &n, sizeof(n), MSG_DONTWAIT) == sizeof(n))
		;
	return n;
}

static bool is_hung_up(int fd)
{
	char byte;
	ssize_t n;

	do
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

static void test_records(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd = plug_in(f);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_false(audit_pipe_is_connected(f->source));
	greet(fd, 1);
	say_text(fd, 1300, CALL("293"));
	say_text(fd, 1320, CALL("293"));
	say_text(fd, 1005, CALL("294") "\x1d" "UID=\"root\"");
	read_all(f);
	assert_true(audit_pipe_is_connected(f->source));
	assert_int_equal(f->n, 3);
	assert_int_equal(f->records[0].type, 1300);
	assert_string_equal(f->records[2].text, CALL("294") "\x1d" "UID=\"root\"");
	assert_int_equal(answer(fd), 3);
	close(fd);
	read_all(f);
	assert_false(audit_pipe_is_connected(f->source));
	assert_int_equal(source_audit_pipe.stats(f->source)->records, 3);
}

/* A byte a time, and the end in the middle of one. */
static void test_pieces(void **state)
{
	struct fixture *f = *state;
	const struct pipe_frame frame = { 1300, sizeof(CALL("293")) - 1 };
	int fd = plug_in(f);

	greet(fd, 1);
	for (unsigned k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(frame); i++) {
			assert_int_equal(write(fd, (const char *)&frame + i, 1), 1);
			read_all(f);
		}
		for (size_t i = 0; i < frame.size - k; i++) {
			assert_int_equal(write(fd, &CALL("293")[i], 1), 1);
			read_all(f);
		}
	}
	assert_int_equal(f->n, 1);
	assert_int_equal(answer(fd), 1);
	close(fd);
	fd = plug_in(f);
	greet(fd, 1);
	say_text(fd, 1300, CALL("293"));
	read_all(f);
	assert_int_equal(f->n, 2);
	assert_int_equal(answer(fd), 1);
	close(fd);
}

/* More than one read takes: not more than was asked for is answered for. */
static void test_portions(void **state)
{
	struct fixture *f = *state;
	int fd = plug_in(f);

	greet(fd, 1);
	for (unsigned i = 0; i < 10; i++)
		say_text(fd, 1300, CALL("293"));
	assert_int_equal(source_audit_pipe.read(f->source, 4, note, f), 4);
	assert_int_equal(f->n, 4);
	assert_int_equal(answer(fd), 4);
	close(fd);	/* what it has said by then counts */
	read_all(f);
	assert_int_equal(f->n, 10);
}

static void test_what_is_no_record(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
	} cases[] = {
		{ 1300, "recorder(1.0:1): begin=1" }, { 1300, "" }, { 1300, "audit" }, { 1300, CALL("1") "\n" CALL("2") },
	};
	struct fixture *f = *state;
	int fd = plug_in(f);

	greet(fd, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		say_text(fd, cases[i].type, cases[i].text);
	say_text(fd, 1300, CALL("293"));
	read_all(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(source_audit_pipe.stats(f->source)->foreign, ARRAY_SIZE(cases));
	close(fd);
}

/* Types of our own are nothing that auditd could tell of; who says so, or lies about sizes, is cut off. */
static void test_who_is_cut_off(void **state)
{
	static const struct {
		struct pipe_frame frame;
		bool greets;
	} cases[] = {
		{ { RECORD_OWN_FIRST, 10 }, true },  { { RECORD_PROBE, 10 }, true }, { { 1300, PIPE_TEXT_MAX + 1 }, true },
		{ { 1300, UINT32_MAX }, true },	     { { PIPE_LOST, 23 }, true },    { { PIPE_LOST, 25 }, true },
		{ { UINT32_MAX, 10 }, true },	     { { 1300, 10 }, false },
	};
	struct fixture *f = *state;
	char junk[64] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = plug_in(f);

		if (cases[i].greets)
			greet(fd, 1);
		(void)!write(fd, &cases[i].frame, sizeof(cases[i].frame));
		(void)!write(fd, junk, sizeof(junk));
		read_all(f);
		assert_true(is_hung_up(fd));
		assert_int_equal(f->n, 0);
		assert_int_equal(source_audit_pipe.stats(f->source)->foreign, i + 1);
		close(fd);
	}
}

static void test_one_plugin(void **state)
{
	struct fixture *f = *state;
	int first = plug_in(f), second;

	greet(first, 1);
	read_all(f);
	second = plug_in(f);
	greet(second, 1);
	read_all(f);
	assert_true(is_hung_up(second));
	say_text(first, 1300, CALL("293"));
	read_all(f);
	assert_int_equal(f->n, 1);
	close(first);
	close(second);
	/* Its place is free at once. */
	second = plug_in(f);
	greet(second, 1);
	say_text(second, 1300, CALL("294"));
	read_all(f);
	assert_int_equal(f->n, 2);
	close(second);
}

static void expect_gap(const struct fixture *f, size_t i, const char *cause)
{
	assert_true(i < f->n);
	assert_int_equal(f->records[i].type, RECORD_GAP);
	assert_non_null(strstr(f->records[i].text, cause));
}

/* Between two plugins there was none; the same one has kept what came. */
static void test_away(void **state)
{
	struct fixture *f = *state;
	uint64_t begin_ns = clock_now_ns();
	int fd = plug_in(f);

	greet(fd, begin_ns);		/* began later than the recorder */
	read_all(f);
	expect_gap(f, 0, "cause=plugin_away");
	close(fd);
	read_all(f);
	fd = plug_in(f);
	greet(fd, begin_ns);
	say_text(fd, 1300, CALL("293"));
	read_all(f);
	assert_int_equal(f->n, 2);
	close(fd);
	read_all(f);
	assert_int_equal(source_audit_pipe.stop(f->source), 1);
	read_all(f);
	expect_gap(f, 2, "cause=plugin_away");
	assert_int_equal(source_audit_pipe.stop(f->source), 0);
	read_all(f);
	assert_int_equal(f->n, 3);
}

static void test_losses(void **state)
{
	const struct pipe_loss loss = { .begin_ns = 1000, .end_ns = 2000, .count = 7 }, lie = { .begin_ns = UINT64_MAX, .end_ns = 5 };
	struct fixture *f = *state;
	int fd = plug_in(f);

	greet(fd, 1);
	say(fd, PIPE_LOST, &loss, sizeof(loss));
	say(fd, PIPE_LOST, &lie, sizeof(lie));
	read_all(f);
	assert_int_equal(f->n, 2);
	expect_gap(f, 0, " begin=1000 end=2000 class=all count=7 unit=records exact=1 cause=plugin_full");
	expect_gap(f, 1, " begin=5 end=5 ");
	assert_int_equal(answer(fd), 2);
	close(fd);
}

/* As on the netlink socket; what auditd says itself counts by itself. */
static void test_serials(void **state)
{
	struct fixture *f = *state;
	int fd = plug_in(f);

	greet(fd, 1);
	say_text(fd, 1300, CALL("293"));
	say_text(fd, 1200, CALL("9000"));
	say_text(fd, 1300, CALL("294"));
	say_text(fd, 1300, CALL("300"));
	read_all(f);			/* the holes ripen by time, and those records are old */
	assert_int_equal(f->n, 5);
	expect_gap(f, 4, " count=5 unit=events exact=1 cause=serial_gap");
	close(fd);
}

/* Another way goes on where it ended, and it where another did: what is missing in between is one hole, told once. */
static void test_another_goes_on(void **state)
{
	static struct audit_stream next;
	static struct source_stats stats;
	struct fixture *f = *state;
	int fd = plug_in(f);

	greet(fd, 1);
	say_text(fd, 1300, CALL("293"));
	close(fd);
	read_all(f);
	/* Before that is told until when no plugin was there. */
	assert_int_equal(source_audit_pipe.stop(f->source), 1);
	assert_true(audit_pipe_emit(f->source, note, f) >= 0);
	assert_int_equal(f->n, 2);
	expect_gap(f, 1, "cause=plugin_away");
	next.last_ns = UINT64_C(1170021493000000000);
	audit_stream_take_over(&next, audit_pipe_stream_of(f->source));
	assert_int_equal(next.last_ns, audit_pipe_stream_of(f->source)->last_ns);
	assert_true(audit_stream_push(&next, &stats, SPAN(CALL("297")), clock_now_ns(), note, f) >= 0);
	assert_true(audit_stream_tick(&next, &stats, clock_now_ns(), note, f) >= 0);
	assert_int_equal(f->n, 3);
	expect_gap(f, 2, " count=3 unit=events exact=1 cause=serial_gap");
	assert_int_equal(stats.serial_gaps, 3);
	/* And back. */
	audit_stream_take_over(audit_pipe_stream_of(f->source), &next);
	fd = plug_in(f);
	greet(fd, 0);
	say_text(fd, 1300, CALL("298"));
	say_text(fd, 1300, CALL("300"));
	read_all(f);
	assert_int_equal(f->n, 6);
	expect_gap(f, 5, " count=1 unit=events exact=1 cause=serial_gap");
	close(fd);
}

/* What was asked for alone is not left, nor is what is not allowed gone over to.  Nothing here asks the kernel. */
static void test_what_is_not_left(void **state)
{
	struct fixture *f = *state;
	static const bool nothing[N_KINDS];
	struct source_options options = { .mode = "pipe", .want_audit = true, .wants = { .kinds = nothing } };
	char path[80];
	struct source *live;

	snprintf(path, sizeof(path), "%s/live", f->folder);
	options.pipe_path = path;
	assert_int_equal(source_live.open(&live, &options), 0);
	assert_int_equal(source_live_plugin(live), 0);
	assert_false(source_live_is_unicast(live));
	assert_string_equal(source_live.mode(live), "plugin pipe");
	assert_int_equal(source_live_move(live, "unicast"), -EOPNOTSUPP);
	assert_int_equal(source_live_move(live, "pipe"), -EOPNOTSUPP);
	assert_false(source_live_has_moved(live));
	assert_true(source_live.read(live, SOURCE_BATCH, note, f) >= 0);
	source_live.free(live);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_bad_places(void **state)
{
	struct fixture *f = *state;
	char path[300];
	struct source *source = NULL;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(source_audit_pipe.open(&source, &(struct source_options){ 0 }), -EINVAL);
	assert_int_equal(source_audit_pipe.open(&source, &(struct source_options){ .pipe_path = path }), -ENAMETOOLONG);
	assert_int_equal(source_audit_pipe.open(&source, &(struct source_options){ .pipe_path = f->folder }), -EADDRINUSE);
	assert_null(source);
	assert_null(source_audit_pipe.free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_portions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_plugin, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_losses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_serials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
