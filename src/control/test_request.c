/* Lines to answers, without a socket. */

#include "control/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static unsigned n_runs;

static void run_echo(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	char *text = json_dumps(json_object_get(request, "text"), JSON_ENCODE_ANY | JSON_INDENT(2));

	n_runs++;
	if (text)
		buffer_append_text(&reply->result, text);
	free(text);
}

static void run_fail(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	buffer_append_text(&reply->result, "half a res");
	reply->streaming = true;
	reply_error(reply, "failed", "text", "%s", json_string_value(json_object_get(request, "text")));
}

static void run_stream(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	reply->streaming = true;
}

static void run_large(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	buffer_reserve(&reply->result, SIZE_MAX / 2);
}

static void run_bytes(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	reply_error(reply, "failed", "x\xff", "no '\x80' in %s", (const char *)user);
}

static const struct command commands[] = {
	{ "recorder.echo", "text|number", run_echo }, { "recorder.fail", "text", run_fail },	{ "recorder.stream", NULL, run_stream },
	{ "recorder.large", NULL, run_large },	      { "recorder.bytes", NULL, run_bytes },
};

/* The answer, NUL-terminated, checked to be one line of JSON. */
static const char *answer(struct span line, struct buffer *buffer, bool *ret_streaming)
{
	char user[] = "user";
	json_error_t error;
	bool streaming;
	json_t *json;

	buffer_clear(buffer);
	streaming = request_answer(commands, ARRAY_SIZE(commands), user, NULL, line, buffer);
	assert_int_equal(buffer_error(buffer), 0);
	assert_ptr_equal(memchr(buffer->data, '\n', buffer->size), buffer->data + buffer->size - 1);
	json = json_loadb(buffer->data, buffer->size, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(json);
	assert_int_equal(json_is_true(json_object_get(json, "ok")), json_object_get(json, "error") == NULL);
	json_decref(json);
	if (ret_streaming)
		*ret_streaming = streaming;
	else
		assert_false(streaming);
	return buffer_text(buffer);
}

#define ERROR(code, message, where)                                                     \
	"{\"ok\":false,\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"," \
	"\"where\":\"" where "\"}}\n"

static void test_answers(void **state)
{
	static const struct {
		struct span line;
		const char *answer;
	} cases[] = {
		{ SPAN("{\"command\":\"recorder.echo\"}"), "{\"ok\":true,\"result\":null}\n" },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":\"\"}\r"),
		  "{\"ok\":true,\"result\":\"\"}\n" },
		{ SPAN(" {\"text\":[1,\"a\\nb\\u2028\"], \"command\" : \"recorder.echo\"} "),
		  "{\"ok\":true,\"result\":[   1,   \"a\\nb\xe2\x80\xa8\" ]}\n" },
		{ SPAN("{\"command\":\"recorder.stream\"}"), "{\"ok\":true,\"result\":null,\"streaming\":true}\n" },
		{ SPAN("{\"command\":\"recorder.fail\",\"text\":\"say \\\"why\\\"\"}"),
		  ERROR("failed", "say \\\"why\\\"", "text") },
		{ SPAN("{\"command\":\"recorder.large\"}"),
		  ERROR("out_of_memory", "no memory for the answer", "") },
		{ SPAN("{\"command\":\"recorder.bytes\"}"),
		  ERROR("failed", "no '%80' in user", "x%FF") },
		{ SPAN("{\"command\":\"recorder.ehco\"}"),
		  ERROR("unknown_command",
			"unknown command 'recorder.ehco', did you mean 'recorder.echo'?", "command") },
		{ SPAN("{\"command\":\"nonsense\"}"),
		  ERROR("unknown_command", "unknown command 'nonsense'", "command") },
		{ SPAN("{\"command\":\"\"}"),
		  ERROR("unknown_command", "unknown command ''", "command") },
		{ SPAN("{}"), ERROR("bad_request", "the command is missing", "command") },
		{ SPAN("{\"command\":7}"),
		  ERROR("bad_request", "the command is not a string", "command") },
		{ SPAN("[\"recorder.echo\"]"),
		  ERROR("bad_request", "a request is a JSON object", "") },
		{ SPAN("{\"command\":\"recorder.echo\",\"txet\":1}"),
		  ERROR("bad_request", "unknown member 'txet', did you mean 'text'?", "txet") },
		{ SPAN("{\"command\":\"recorder.echo\",\"nonsense\":1}"),
		  ERROR("bad_request", "unknown member 'nonsense' (recorder.echo takes text|number)", "nonsense") },
		{ SPAN("{\"command\":\"recorder.large\",\"text\":1}"),
		  ERROR("bad_request", "unknown member 'text' (recorder.large takes none)", "text") },
	};
	_cleanup_(buffer_release) struct buffer buffer = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool streaming;

		assert_string_equal(answer(cases[i].line, &buffer, &streaming), cases[i].answer);
		assert_int_equal(streaming, strstr(cases[i].line.data, "stream") != NULL);
	}
}

static void test_rubbish(void **state)
{
	static const struct {
		struct span line;
		const char *where;
	} cases[] = {
		{ SPAN(""), "\"byte 0\"" },
		{ SPAN("   "), "\"byte 3\"" },
		{ SPAN("GET / HTTP/1.1"), "\"byte 3\"" },
		{ SPAN("{\"command\":\"recorder.echo\""), "\"byte 26\"" },
		{ SPAN("{\"command\":\"recorder.echo\"} {}"), "\"byte 29\"" },
		{ SPAN("{\"command\":\"recorder.echo\",\"command\":\"recorder.fail\"}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":\"\xff\"}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":\"\\u0000\"}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":\"\\ud800\"}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":1e999}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\",\"text\":99999999999999999999}"), "\"byte " },
		{ SPAN("{\"command\":\"recorder.echo\"}\0"), "\"byte " },
		{ SPAN("\0\0\0\0"), "\"byte " },
		{ SPAN("\x7f" "ELF\x02\x01\x01"), "\"byte " },
	};
	_cleanup_(buffer_release) struct buffer buffer = { 0 };

	n_runs = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = answer(cases[i].line, &buffer, NULL);

		assert_non_null(strstr(text, "\"code\":\"bad_request\""));
		assert_non_null(strstr(text, cases[i].where));
	}
	assert_int_equal(n_runs, 0);
}

static void test_deep_and_wide(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 }, buffer = { 0 };

	for (unsigned i = 0; i < 500000; i++)
		buffer_append_byte(&line, '[');
	assert_non_null(strstr(answer(buffer_span(&line), &buffer, NULL), "more than 65536 values"));
	line.size = 30000;
	assert_non_null(strstr(answer(buffer_span(&line), &buffer, NULL), "maximum parsing depth"));

	buffer_clear(&line);
	buffer_append_text(&line, "{\"command\":\"recorder.echo\",\"text\":[");
	for (unsigned i = 0; i < 300000; i++)
		buffer_append_text(&line, "{},");
	buffer_append_text(&line, "0]}");
	assert_non_null(strstr(answer(buffer_span(&line), &buffer, NULL), "more than 65536 values"));
}

/* A message of 511 bytes whose last character is cut in two: the cut goes, the rest is not percent-escaped.
 */
static void test_long_message(void **state)
{
	_cleanup_(buffer_release) struct buffer line = { 0 }, buffer = { 0 };
	const char *text;

	buffer_append_text(&line, "{\"command\":\"recorder.fail\",\"text\":\"%");
	for (unsigned i = 0; i < 400; i++)
		buffer_append_text(&line, "\xe2\x82\xac");
	buffer_append_text(&line, "\"}");
	text = answer(buffer_span(&line), &buffer, NULL);
	assert_non_null(strstr(text, "\"message\":\"%\xe2\x82\xac"));
	assert_non_null(strstr(text, "\xe2\x82\xac\",\"where\":\"text\""));
	assert_null(strstr(text, "%25"));
}

static long allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Without memory for the n-th piece of the request the answer is an error, until there is enough.  (jansson
 * takes some of them for mistakes of the text.) */
static void test_no_memory(void **state)
{
	_cleanup_(buffer_release) struct buffer buffer = { 0 };
	const struct span line = SPAN("{\"text\":[\"abc\",1,{\"a\":2.5,\"b\":null}],"
				      "\"command\":\"recorder.count\"}");
	const char *text;
	long n = 0;

	json_set_alloc_funcs(failing_malloc, free);
	do {
		allocations_left = n++;
		buffer_clear(&buffer);
		request_answer(commands, ARRAY_SIZE(commands), NULL, NULL, line, &buffer);
		text = buffer_text(&buffer);
		assert_true(n < 1000);
	} while (strstr(text, "\"code\":\"out_of_memory\"") || strstr(text, "\"code\":\"bad_request\""));
	json_set_alloc_funcs(malloc, free);
	assert_true(n > 10);
	assert_non_null(strstr(text, "unknown command 'recorder.count'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_deep_and_wide),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
