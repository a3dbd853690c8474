/* Records of the kernel's programs, by the whole core, live and from a capture. */

#include "pipeline/test_pipeline.h"

#include <stdio.h>
#include <unistd.h>

#include "event/test_made.h"
#include "source/capture.h"
#include "source/source.h"

#define PROBE_HEAD "type=RECORDER_PROBE msg=recorder(1795343338.123456789:0): "

/* Records of the kernel's programs, live: what the core does with them, and with the answers that their handling asks for. */
struct live {
	struct fixture fixture;
	struct capture *capture;
	unsigned n_paths_asked;
};

static int find_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
		     size_t size)
{
	struct live *live = (struct live *)user;
	bool is_there = strcmp(path, "/tmp/link") == 0;
	struct buffer answer = { 0 };

	live->n_paths_asked++;
	if (is_there) {
		snprintf(ret, size, "/srv/a \xff");
		*ret_id = (struct file_id){ .device = 0xfe00, .inode = 77, .known = true };
	}
	/* as daemon/core.c writes it */
	buffer_printf(&answer, "recorder(1795343338.000000000:0): hash=%u %s", path_place_hash(from, span_of(path)),
		      is_there ? "device=65024 inode=77 real=2F7372762F6120FF" : "error=2");
	assert_int_equal(capture_write(live->capture, &(struct record){ .type = RECORD_PATH, .text = buffer_span(&answer) }), 0);
	buffer_release(&answer);
	return is_there ? 0 : -ENOENT;
}

static void push_made(struct live *live, const struct made *made, uint64_t time_ns)
{
	struct span copy = made_copy(made);
	const struct record record = { .type = RECORD_PROBE, .time_ns = time_ns, .text = copy };

	assert_int_equal(pipeline_push(live->fixture.pipeline, &record), 0);
	assert_int_equal(capture_write(live->capture, &record), 0);
	free((void *)(uintptr_t)copy.data);
}

/* Of everything something; each a millisecond and a number after the other. */
static void push_all(struct live *live)
{
	static struct made made;
	static const struct span query = SPAN("\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07" "example\x03" "com\0\0\x01\0\x01");
	uint64_t time_ns = MADE_REAL_NS;
	unsigned n = 0;

#define PUSH()                                                              \
	do {                                                                \
		made.record->head.time_ns = MADE_BOOT_NS + n * NS_PER_MS;   \
		made.record->head.number = n;                               \
		push_made(live, &made, time_ns + n * NS_PER_MS);            \
		n++;                                                        \
	} while (0)
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	PUSH();
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	made.record->body.exec.argc = 3;
	made.record->body.exec.is_internal = 1;
	add_path(&made, EXEC_PATH, "/memfd:x");
	add_path(&made, EXEC_CWD, "/root");
	add_text(&made, EXEC_ENV, SPAN("LD_PRELOAD=/x \xff\0"));
	add_text(&made, EXEC_ARGS, SPAN("x\0\n\0\xfe\x1d\0"));
	PUSH();
	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	made.record->body.call.root.mount = 30;
	made.record->body.call.root.init = 1;
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("link/../x"));
	PUSH();
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("link/.old"));
	add_path(&made, NAME_FOLDER2, "/");
	add_text(&made, NAME_GIVEN2, SPAN("/tmp/link/new"));
	PUSH();
	make(&made, PROBE_WRITTEN, PROBE_CALL_NONE);
	made.record->body.file.mode = 0100644;
	made.record->body.file.first_ns = MADE_BOOT_NS;
	made.record->body.file.last_ns = MADE_BOOT_NS + 1;
	made.record->body.file.value[1] = 2;
	add_path(&made, FILE_PATH, "/var/log/\xff");
	PUSH();
	make(&made, PROBE_SOCKET, PROBE_CALL_connect);
	made.record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote = { 1, 2, 3, 4 },
							  .remote_port = 80, .protocol = 6, .result = -111 };
	PUSH();
	make(&made, PROBE_DNS, PROBE_CALL_sendto);
	made.record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote = { 1, 2, 3, 4 },
							  .remote_port = 53, .protocol = 17 };
	add_text(&made, DNS_PAYLOAD, query);
	PUSH();
	make(&made, PROBE_HTTP, PROBE_CALL_recvmsg);
	made.record->body.socket = (struct probe_socket){ .family = 2, .remote_family = 2, .remote = { 1, 2, 3, 4 },
							  .remote_port = 80, .socket_type = 1, .protocol = 6, .inode = 77 };
	add_text(&made, HTTP_HEAD, SPAN("GET /\xff HTTP/1.1\r\nHost: a\r\nCookie: b=c\r\nX: \x01\r\n\r\n"));
	PUSH();
	make(&made, PROBE_EXIT, PROBE_CALL_NONE);
	made.record->body.call.value[0] = 0x300;
	PUSH();
#undef PUSH
}

static int push_on(void *user, const struct record *record)
{
	return pipeline_push(user, record);
}

/* The same bytes give the same events, with the same ids, live and from the capture of that. */
static void test_probes_of_a_capture(void **state)
{
	char path[] = "/tmp/recorder-pipeline-XXXXXX";
	int fd = mkstemp(path);
	struct live live = { 0 };
	struct fixture again = { 0 };
	struct source *source = NULL;
	struct pipeline_options options = defaults(&live.fixture, false);
	struct pipeline_stats a, b;
	const char *out;

	assert_true(fd >= 0);
	close(fd);
	options.resolve_path = find_path;
	options.lookup_user = &live;
	assert_int_equal(pipeline_new(&live.fixture.pipeline, &options, collect, &live.fixture), 0);
	assert_int_equal(capture_open(&live.capture, path), 0);
	push_all(&live);
	capture_free(live.capture);
	assert_int_equal(live.fixture.n_events, 10);	/* a memfd that is run is two */
	assert_int_equal(live.n_paths_asked, 2);
	out = buffer_text(&live.fixture.out);
	assert_non_null(strstr(out, "\"id\":\"18ea5740feb67115-3\""));
	assert_non_null(strstr(out, "\"path\":\"/tmp/x\""));	/* nobody found /tmp/link/.. */
	assert_non_null(strstr(out, "\"path\":\"/srv/a %FF/.old\""));
	assert_non_null(strstr(out, "\"target_path\":\"/srv/a %FF/new\""));
	assert_non_null(strstr(out, "\"path_confidence\":\"guessed\""));
	assert_non_null(strstr(out, "\"path_confidence\":\"joined\""));
	assert_non_null(strstr(out, "\"http\":{\"method\":\"GET\",\"url\":\"http://a/%FF\",\"headers\":[\"Host: a\",\"Cookie: (not kept)\","
				    "\"X: \\u0001\"],\"connection_id\":77,\"version\":\"1.1\"}"));
	assert_non_null(strstr(out, "\"http.url\"]"));	/* of recorder.escaped */

	set_up(&again, false);
	assert_int_equal(source_replay.open(&source, &(struct source_options){ .path = path }), 0);
	while (source_replay.read(source, 3, push_on, again.pipeline) > 0)
		;
	source_replay.free(source);
	assert_int_equal(again.n_events, 10);
	assert_string_equal(buffer_text(&again.out), out);
	pipeline_stats(live.fixture.pipeline, &a);
	pipeline_stats(again.pipeline, &b);
	assert_int_equal(a.malformed, 0);
	assert_int_equal(b.malformed, 0);
	assert_int_equal(a.emitted, b.emitted);
	assert_int_equal(b.decoder->errors, 0);
	tear_down(&live.fixture);
	tear_down(&again);
	unlink(path);
}

/* A capture that somebody wrote, or that ends in the middle. */
static void test_bad_probes(void **state)
{
	static struct made made;
	struct fixture f = { 0 };
	struct buffer line = { 0 };
	struct pipeline_stats stats;
	size_t head;

	set_up(&f, false);
	lines(&f, PROBE_HEAD "xy\n" PROBE_HEAD "0\n" PROBE_HEAD "\n" PROBE_HEAD "00 11\n" PROBE_HEAD "0011\n"
		  "type=RECORDER_PROBE msg=recorder(1:0): 00\n" "type=RECORDER_PROBE\n");
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.malformed, 3);		/* no hex, or no head */
	assert_int_equal(stats.decoder->errors, 4);	/* no record */
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	buffer_append_text(&line, PROBE_HEAD);
	head = line.size;
	for (size_t i = 0; i < made.size; i++)
		buffer_printf(&line, "%02X", (unsigned char)made.bytes[i]);
	/* whole, in capitals; each beginning of it */
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .text = buffer_span(&line) }), 0);
	assert_int_equal(f.n_events, 1);
	for (size_t size = 0; size < line.size - 1; size++)
		assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .text = { line.data, size } }), 0);
	assert_int_equal(f.n_events, 1);
	pipeline_stats(f.pipeline, &stats);
	assert_true(stats.decoder->errors >= (line.size - head) / 2);
	/* bytes of a live record are not trusted either */
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = 5, .text = SPAN("abc") }), 0);
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = 5 }), 0);
	assert_int_equal(f.n_events, 1);
	buffer_release(&line);
	tear_down(&f);
}

/* What this process does is not recorded, whoever saw it. */
static void test_own_probes(void **state)
{
	static struct made made;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.own_pid = MADE_PID;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	make(&made, PROBE_OPEN, PROBE_CALL_open);
	add_path(&made, FILE_PATH, "/x");
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	made.record->head.pid++;
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	assert_int_equal(f.n_events, 1);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.own, 1);
	tear_down(&f);
}

/* Kinds that the kernel's programs show are not taken from audit as well. */
static void test_not_from_audit(void **state)
{
	static const bool not_from_audit[N_KINDS] = { [KIND_ID(process, exec)] = true };
	static struct made made;
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;

	options.not_from_audit = not_from_audit;
	assert_int_equal(pipeline_new(&f.pipeline, &options, collect, &f), 0);
	lines(&f, EXEC_LINES);
	assert_int_equal(f.n_events, 0);
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.merged, 1);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/x");
	assert_int_equal(pipeline_push(f.pipeline, &(struct record){ .type = RECORD_PROBE, .time_ns = MADE_REAL_NS,
								     .text = made_bytes(&made) }), 0);
	assert_int_equal(f.n_events, 1);
	assert_non_null(strstr(buffer_text(&f.out), "\"executable\":\"/bin/x\""));
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes_of_a_capture),
		cmocka_unit_test(test_bad_probes),
		cmocka_unit_test(test_own_probes),
		cmocka_unit_test(test_not_from_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
