#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buffer.h"
#include "source/lines.h"
#include "source/source.h"

static char path[64];

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/recorder-replay-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

static void write_file(const char *data, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void write_gzip(const char *mode, const char *data, size_t size)
{
	gzFile file = gzopen(path, mode);

	assert_non_null(file);
	assert_int_equal(gzwrite(file, data, (unsigned)size), size);
	assert_int_equal(gzclose(file), Z_OK);
}

/* Every record's text and a bar. */
static int join(void *user, const struct record *record)
{
	struct buffer *buffer = user;

	assert_int_equal(record->type, 0);
	assert_int_equal(record->time_ns, 0);
	assert_int_equal(record->node.size, 0);
	assert_false(record->stable);
	buffer_append_span(buffer, record->text);
	buffer_append_byte(buffer, '|');
	return 0;
}

static int read_all(const char *name, struct buffer *buffer, struct source_stats *ret_stats)
{
	struct source *source = NULL;
	uint64_t done, total;
	int r;

	r = source_replay.open(&source, &(struct source_options){ .path = name });
	if (r < 0)
		return r;
	assert_string_equal(source_replay.mode(source), "file");
	assert_int_equal(source_replay.fd(source), -1);
	while ((r = source_replay.read(source, 3, join, buffer)) > 0)
		assert_true(r <= 3);
	source_replay_progress(source, &done, &total);
	if (total)
		assert_int_equal(done, total);
	if (ret_stats)
		memcpy(ret_stats, source_replay.stats(source), sizeof(*ret_stats));
	assert_null(source_replay.free(source));
	return r;
}

static void expect(const char *name, const char *expected, uint64_t records, uint64_t skipped)
{
	struct buffer buffer = { 0 };
	struct source_stats stats;

	assert_int_equal(read_all(name, &buffer, &stats), -ENODATA);
	assert_string_equal(buffer_text(&buffer), expected);
	assert_int_equal(stats.records, records);
	assert_int_equal(stats.skipped, skipped);
	assert_int_equal(stats.too_long, 0);
	buffer_release(&buffer);
}

#define LOG                                                       \
	"type=SYSCALL msg=audit(1.000:1): a=1\x1d" "ARCH=x86_64\n" \
	"node=h type=EOE msg=audit(1.000:1): \r\n"                \
	"\n"                                                      \
	"# a comment\r\n"                                         \
	"  \t\r\n"                                                \
	"type=RECORDER_FORK msg=recorder(2.000000000:2): pid=2\n" \
	"the last one has no end"
#define LOG_RECORDS                                              \
	"type=SYSCALL msg=audit(1.000:1): a=1\x1d" "ARCH=x86_64|" \
	"node=h type=EOE msg=audit(1.000:1): |"                  \
	"type=RECORDER_FORK msg=recorder(2.000000000:2): pid=2|" \
	"the last one has no end|"

static void test_plain(void **state)
{
	write_file(LOG, strlen(LOG));
	expect(path, LOG_RECORDS, 4, 3);
	write_file("", 0);
	expect(path, "", 0, 0);
	write_file("\n", 1);
	expect(path, "", 0, 1);
	write_file("\r\n\r\r\nx\r", 7);
	expect(path, "\r|x|", 2, 1);
}

static void test_gzip(void **state)
{
	write_gzip("wb", LOG, strlen(LOG));
	expect(path, LOG_RECORDS, 4, 3);
	write_gzip("ab", "\nanother member\n", 16);
	expect(path, LOG_RECORDS "another member|", 5, 3);
}

static void test_gzip_damaged(void **state)
{
	struct buffer whole = { 0 }, part = { 0 };
	FILE *file;

	for (unsigned i = 0; i < 5000; i++)
		buffer_printf(&whole, "type=X msg=audit(1.000:%u): %u\n", i, i * 7919);
	write_gzip("wb", whole.data, whole.size);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	assert_int_equal(ftruncate(fileno(file), ftell(file) / 2), 0);
	fclose(file);
	/* All that is there comes, then the error. */
	assert_int_equal(read_all(path, &part, NULL), -EBADMSG);
	assert_true(part.size > whole.size / 4);
	buffer_release(&whole);
	buffer_release(&part);
}

static void feed_stdin(const char *data, size_t size)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], data, size), size);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
}

static void test_stdin(void **state)
{
	char data[4096];
	size_t size;
	FILE *file;

	feed_stdin(LOG, strlen(LOG));
	expect("-", LOG_RECORDS, 4, 3);
	write_gzip("wb", LOG, strlen(LOG));
	file = fopen(path, "r");
	assert_non_null(file);
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	feed_stdin(data, size);
	expect("-", LOG_RECORDS, 4, 3);
}

static void test_errors(void **state)
{
	struct source *source = NULL;

	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = "/nowhere/at/all" }),
			 -ENOENT);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = "/tmp" }), -EISDIR);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ 0 }), -EINVAL);
	assert_null(source);
	assert_null(source_replay.free(NULL));
}

static int stop(void *user, const struct record *record)
{
	return ++*(int *)user == 2 ? -ECANCELED : 0;
}

static void test_stop(void **state)
{
	struct source *source = NULL;
	int n = 0;

	write_file(LOG, strlen(LOG));
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	assert_int_equal(source_replay.read(source, 100, stop, &n), -ECANCELED);
	assert_int_equal(n, 2);
	source_replay.free(source);
}

/* A line of several MiB survives, one above the bound is dropped, its neighbours stay. */
static void test_long(void **state)
{
	struct buffer file = { 0 }, records = { 0 };
	struct source_stats stats;
	size_t five = (size_t)5 << 20, most = (size_t)16 << 20;

	buffer_append_text(&file, "a\n");
	memset(buffer_reserve(&file, five), 'b', five);
	file.size += five;
	buffer_append_text(&file, "\nc\n");
	memset(buffer_reserve(&file, most), 'd', most);
	file.size += most;
	buffer_append_text(&file, "\ne\n");
	memset(buffer_reserve(&file, most + 1), 'f', most + 1);
	file.size += most + 1;
	buffer_append_text(&file, "\ng\n");
	memset(buffer_reserve(&file, 3 * most), 'h', 3 * most);
	file.size += 3 * most;
	write_file(file.data, file.size);

	assert_int_equal(read_all(path, &records, &stats), -ENODATA);
	assert_int_equal(stats.records, 6);	/* a b c d e g */
	assert_int_equal(stats.too_long, 2);
	assert_int_equal(records.size, 4 * 2 + five + 1 + most + 1);
	assert_memory_equal(records.data + records.size - 4, "e|g|", 4);
	buffer_release(&file);
	buffer_release(&records);
}

/* A log is truncated while it is read: what is read stays true, and it ends. */
static void test_truncated_meanwhile(void **state)
{
	struct source *source = NULL;
	struct buffer file = { 0 }, records = { 0 };
	int r;

	for (unsigned i = 0; i < 300000; i++)
		buffer_append_text(&file, "type=X msg=audit(1.000:1): 123456789\n");
	write_file(file.data, file.size);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	assert_int_equal(source_replay.read(source, 10, join, &records), 10);
	assert_int_equal(truncate(path, 1000), 0);
	while ((r = source_replay.read(source, 1000, join, &records)) > 0)
		;
	assert_int_equal(r, -ENODATA);
	assert_true(records.size < file.size);
	source_replay.free(source);
	buffer_release(&file);
	buffer_release(&records);
}

/* Lines from blocks of every size, against a search in the whole text */

struct feed {
	struct span rest;
	size_t step;
	unsigned n_calls;
};

static ssize_t feed_read(void *user, char *data, size_t size)
{
	struct feed *feed = user;
	size_t n = MIN(MIN(size, feed->step), feed->rest.size);

	if (feed->n_calls++ % 3 == 1)
		return -EINTR;
	memcpy(data, feed->rest.data, n);
	feed->rest.data += n;
	feed->rest.size -= n;
	return (ssize_t)n;
}

static void test_blocks(void **state)
{
	static const char text[] = "one\n\ntwo two\r\n\nthree three three three\nfour\n\n\r\nfive";
	static const char expected[] = "one||two two||three three three three|four|||five|";
	static const char expected_short[] = "one||two two||four|||five|";

	for (size_t block = 1; block < 70; block++) {
		for (size_t step = 1; step < 70; step++) {
			for (int is_short = 0; is_short < 2; is_short++) {
				struct feed feed = { { text, sizeof(text) - 1 }, step, 0 };
				struct buffer buffer = { 0 };
				struct lines *lines;
				struct span line;
				int r;

				assert_int_equal(lines_new(&lines, &(struct lines_options){
					.block_bytes = block,
					.max_line_bytes = is_short ? 8 : 1000,
					.read = feed_read,
					.user = &feed,
				}), 0);
				while ((r = lines_next(lines, &line)) > 0) {
					buffer_append_span(&buffer, line);
					buffer_append_byte(&buffer, '|');
				}
				assert_int_equal(r, 0);
				assert_int_equal(lines_next(lines, &line), 0);
				assert_string_equal(buffer_text(&buffer),
						    is_short ? expected_short : expected);
				assert_int_equal(lines_too_long(lines), is_short);
				lines_free(lines);
				buffer_release(&buffer);
			}
		}
	}
}

static ssize_t fail_read(void *user, char *data, size_t size)
{
	if ((*(int *)user)++ > 0)
		return -EIO;
	memcpy(data, "a\nb", 3);
	return 3;
}

static void test_read_error(void **state)
{
	struct lines *lines;
	struct span line;
	int n = 0;

	assert_int_equal(lines_new(&lines, &(struct lines_options){
		.block_bytes = 16, .max_line_bytes = 16, .read = fail_read, .user = &n }), 0);
	assert_int_equal(lines_next(lines, &line), 1);
	assert_int_equal(lines_next(lines, &line), -EIO);
	lines_free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gzip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gzip_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stdin, setup, teardown),
		cmocka_unit_test(test_errors),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_meanwhile, setup, teardown),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_read_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
