/* Any bytes as a request: the answer is one line of JSON with `ok` or an error. */

#include "control/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	char *text = json_dumps(request, JSON_INDENT(1));

	if (!text)
		abort();
	buffer_append_text(&reply->result, text);
	free(text);
}

static void fail(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	const char *why = json_string_value(json_object_get(request, "why"));

	reply_error(reply, "failed", why ? why : "", "%s", why ? why : "no reason");
}

static const struct command commands[] = { { "echo", "text", echo }, { "fail", "why|text", fail }, { "recorder.status", NULL, echo } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buffer_release) struct buffer answer = { 0 };
	const struct span line = { (const char *)data, size };
	json_t *parsed;

	request_answer(commands, ARRAY_SIZE(commands), NULL, NULL, line, &answer);
	if (answer.size < 2 || memchr(answer.data, '\n', answer.size) != answer.data + answer.size - 1)
		abort();
	parsed = json_loadb(answer.data, answer.size, 0, NULL);
	if (!parsed || !json_is_true(json_object_get(parsed, "ok")) == !json_object_get(parsed, "error"))
		abort();
	json_decref(parsed);
	return 0;
}
