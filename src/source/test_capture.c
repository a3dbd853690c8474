#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>


#include "base/buffer.h"
#include "base/macro.h"
#include "event/test_made.h"
#include "source/capture.h"
#include "source/source.h"

static char path[64];

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/recorder-capture-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

static int collect(void *user, const struct record *record)
{
	struct buffer *buffer = user;

	buffer_append_span(buffer, record->text);
	buffer_append_byte(buffer, '\n');
	return 0;
}

/* What the replay of the file gives. */
static void expect_file(const char *expected)
{
	struct source *source = NULL;
	struct buffer buffer = { 0 };

	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(source, 100, collect, &buffer) > 0)
		;
	assert_string_equal(buffer_text(&buffer), expected);
	source_replay.free(source);
	buffer_release(&buffer);
}

static void test_lines(void **state)
{
	const struct record records[] = {
		{ .type = 1300, .time_ns = 5, .text = SPAN("audit(1.000:1): a=1\x1d" "ARCH=x86_64") },
		{ .type = 1999, .text = SPAN("audit(1.000:1): new") },
		{ .type = 4000000000u, .text = SPAN("audit(1.000:1): odd") },
		{ .type = RECORD_FORK, .text = SPAN("recorder(1.000000000:2): pid=2") },
		{ .type = RECORD_GAP, .text = SPAN("recorder(1.000000000:3): begin=1") },
		{ .type = 1112, .node = SPAN("host.example"), .text = SPAN("audit(1.000:4): \xff\xfe") },
		{ .type = 0, .text = SPAN("node=x type=EOE msg=audit(1.000:5): ") },
	};
	struct capture *capture = NULL;
	struct stat stat_buffer;

	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(capture_open(&capture, path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		assert_int_equal(capture_write(capture, &records[i]), 0);
	assert_int_equal(capture_records(capture), ARRAY_SIZE(records));
	assert_int_equal(capture_flush(capture), 0);
	assert_null(capture_free(capture));
	assert_int_equal(stat(path, &stat_buffer), 0);
	assert_int_equal(stat_buffer.st_mode & 07777, 0600);
	expect_file("type=SYSCALL msg=audit(1.000:1): a=1\x1d" "ARCH=x86_64\n"
		    "type=UNKNOWN[1999] msg=audit(1.000:1): new\n"
		    "type=UNKNOWN[4000000000] msg=audit(1.000:1): odd\n"
		    "type=RECORDER_FORK msg=recorder(1.000000000:2): pid=2\n"
		    "type=RECORDER_GAP msg=recorder(1.000000000:3): begin=1\n"
		    "node=host.example type=USER_LOGIN msg=audit(1.000:4): \xff\xfe\n"
		    "node=x type=EOE msg=audit(1.000:5): \n");
}

/* A record of the kernel's programs is bytes: in hex, behind the moment that its event has. */
static void test_probe(void **state)
{
	static struct made made;
	struct buffer expected = { 0 };
	struct capture *capture = NULL;
	uint64_t time_ns = UINT64_C(1795343338000000007);
	const struct record fork = { .type = RECORD_FORK, .text = SPAN("recorder(1.000000000:2): pid=2") };

	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("\n\xff \x1d\0x"));
	assert_int_equal(capture_open(&capture, path), 0);
	assert_int_equal(capture_write(capture, &(struct record){ .type = RECORD_PROBE, .time_ns = time_ns,
								  .text = made_bytes(&made) }), 0);
	assert_int_equal(capture_write(capture, &fork), 0);
	/* before 1970 begins, of no bytes: nothing special */
	assert_int_equal(capture_write(capture, &(struct record){ .type = RECORD_PROBE }), 0);
	assert_int_equal(capture_records(capture), 3);
	capture_free(capture);

	buffer_append_text(&expected, "type=RECORDER_PROBE msg=recorder(1795343338.000000007:0): ");
	for (size_t i = 0; i < made.size; i++)
		buffer_printf(&expected, "%02x", (unsigned char)made.bytes[i]);
	buffer_append_text(&expected, "\ntype=RECORDER_FORK msg=recorder(1.000000000:2): pid=2\n"
				      "type=RECORDER_PROBE msg=recorder(0.000000000:0): \n");
	expect_file(buffer_text(&expected));
	buffer_release(&expected);
}

/* The longest there is: all of 6 MiB of arguments. */
static void test_long_probe(void **state)
{
	size_t size = sizeof(struct probe_record) + (6u << 20);
	struct probe_record *record = calloc(1, size);
	struct buffer text = { 0 };
	struct capture *capture = NULL;
	struct source *source = NULL;
	struct span line;

	assert_non_null(record);
	record->head.type = PROBE_EXEC;
	memset(record->text, 0xa5, size - sizeof(*record));
	assert_int_equal(capture_open(&capture, path), 0);
	assert_int_equal(capture_write(capture, &(struct record){ .type = RECORD_PROBE, .time_ns = 5,
								  .text = { (const char *)record, size } }), 0);
	capture_free(capture);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(source, 100, collect, &text) > 0)
		;
	source_replay.free(source);
	line = buffer_span(&text);
	assert_true(span_starts(line, SPAN("type=RECORDER_PROBE msg=recorder(0.000000005:0): ")));
	assert_int_equal(line.size, 49 + 2 * size + 1);
	assert_true(span_ends(line, SPAN("a5a5\n")));
	buffer_release(&text);
	free(record);
}

/* More than the buffer holds, nothing lost, nothing twice. */
static void test_many(void **state)
{
	struct capture *capture = NULL;
	struct source *source = NULL;
	struct buffer text = { 0 };
	const struct source_stats *stats;
	struct stat before, after;

	assert_int_equal(capture_open(&capture, path), 0);
	for (unsigned i = 0; i < 50000; i++) {
		buffer_clear(&text);
		buffer_printf(&text, "audit(1.000:%u): %u", i, i);
		assert_int_equal(
			capture_write(capture, &(struct record){ .type = 1300, .text = buffer_span(&text) }),
			0);
	}
	assert_int_equal(stat(path, &before), 0);
	assert_true(before.st_size > 0);
	capture_free(capture);
	assert_int_equal(stat(path, &after), 0);
	assert_true(after.st_size > before.st_size);

	buffer_clear(&text);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(source, 1000, collect, &text) > 0)
		;
	stats = source_replay.stats(source);
	assert_int_equal(stats->records, 50000);
	source_replay.free(source);
	buffer_release(&text);
}

static void test_full_disk(void **state)
{
	struct record record = { .type = 1300, .text = SPAN("audit(1.000:1): ") };
	struct capture *capture = NULL;
	int r = 0;

	if (access("/dev/full", W_OK) < 0 || geteuid() != 0)
		skip();
	/* Not capture_open: it would change the mode of the device. */
	assert_int_equal(capture_open(&capture, path), 0);
	int full = open("/dev/full", O_WRONLY), own = -1;

	for (int fd = 3; fd < 64 && own < 0; fd++) {
		char link[64], target[64] = "";

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, target, sizeof(target) - 1) > 0 && strcmp(target, path) == 0)
			own = fd;
	}
	assert_true(own >= 0);
	assert_int_equal(dup2(full, own), own);
	close(full);
	for (unsigned i = 0; i < 100000 && r == 0; i++)
		r = capture_write(capture, &record);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(capture_write(capture, &record), -ENOSPC);
	assert_int_equal(capture_flush(capture), -ENOSPC);
	capture_free(capture);
}

static void test_errors(void **state)
{
	struct capture *capture = NULL;

	assert_int_equal(capture_open(&capture, "/nowhere/at/all"), -ENOENT);
	assert_null(capture);
	assert_null(capture_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_probe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
