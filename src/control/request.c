/* A request is one JSON object with the name of its command; what else it holds the command reads.  An
 * answer is built as text: results are JSON text already, often large, and jansson would only parse and
 * print them again. */

#include "control/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/suggest.h"
#include "event/json_text.h"

/* An empty object takes three bytes of a line and 224 of memory (jansson 2.14), a line of 1 MiB of them 79
 * MiB. What people and programs write for us has more bytes a value; commas and brackets stand for values
 * here. */
#define MAX_VALUES 65536

void reply_error(struct reply *reply, const char *code, const char *where, const char *format, ...)
{
	va_list ap;

	reply->error_code = code;
	snprintf(reply->where, sizeof(reply->where), "%s", where);
	va_start(ap, format);
	vsnprintf(reply->message, sizeof(reply->message), format, ap);
	va_end(ap);
}

/* A message that filled its array may end inside a character. */
static struct span whole_characters(const char *text, size_t capacity)
{
	struct span s = span_of(text);
	size_t valid = span_utf8_prefix(s);

	if (s.size == capacity - 1 && s.size - valid < 4)
		s.size = valid;
	return s;
}

static void append_error(struct buffer *answer, const char *code, struct span where, struct span message)
{
	buffer_append_text(answer, "{\"ok\":false,\"error\":{\"code\":");
	json_append_string(answer, span_of(code));
	buffer_append_text(answer, ",\"message\":");
	json_append_string(answer, message);
	buffer_append_text(answer, ",\"where\":");
	json_append_string(answer, where);
	buffer_append_text(answer, "}}\n");
}

void request_error(struct buffer *answer, const char *code, const char *where, const char *message)
{
	append_error(answer, code, span_of(where), span_of(message));
}

static void append_result(struct buffer *answer, struct span result, bool streaming)
{
	size_t begin;

	buffer_append_text(answer, "{\"ok\":true,\"result\":");
	begin = answer->size;
	if (result.size > 0)
		buffer_append_span(answer, result);
	else
		buffer_append_text(answer, "null");
	/* Only blanks between tokens can be newlines in JSON text, but here they would end the answer. */
	while (begin < answer->size) {
		char *newline = memchr(answer->data + begin, '\n', answer->size - begin);

		if (!newline)
			break;
		*newline = ' ';
		begin = (size_t)(newline + 1 - answer->data);
	}
	buffer_append_text(answer, streaming ? ",\"streaming\":true}\n" : "}\n");
}

void request_result(struct buffer *answer, struct span result)
{
	append_result(answer, result, false);
}

static void append_reply(struct buffer *answer, const struct reply *reply)
{
	if (reply->error_code)
		append_error(answer, reply->error_code, whole_characters(reply->where, sizeof(reply->where)),
			     whole_characters(reply->message, sizeof(reply->message)));
	else if (buffer_error(&reply->result) < 0)
		request_error(answer, "out_of_memory", "", "no memory for the answer");
	else
		append_result(answer, buffer_span(&reply->result), reply->streaming);
}

static json_t *parse(struct span line, struct reply *reply)
{
	size_t n_values = 0;
	json_error_t error;
	char where[32];
	json_t *request;

	for (size_t i = 0; i < line.size; i++)
		n_values += line.data[i] == '{' || line.data[i] == '[' || line.data[i] == ',';
	if (n_values > MAX_VALUES) {
		reply_error(reply, "bad_request", "", "more than %d values", MAX_VALUES);
		return NULL;
	}
	request = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &error);
	if (request)
		return request;
	/* jansson fails without a word in most places where malloc() does. */
	if (error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory) {
		reply_error(reply, "out_of_memory", "", "no memory for the request");
		return NULL;
	}
	snprintf(where, sizeof(where), "byte %d", error.position);
	reply_error(reply, "bad_request", where, "not JSON: %s", error.text);
	return NULL;
}

static const struct command *find(const struct command *commands, size_t n_commands, const json_t *request,
				  struct reply *reply)
{
	const json_t *name = json_object_get(request, "command");
	const char *text = json_string_value(name);
	struct suggestion suggestion = suggestion_for(span_of(text));

	if (!json_is_object(request))
		reply_error(reply, "bad_request", "", "a request is a JSON object");
	else if (!name)
		reply_error(reply, "bad_request", "command", "the command is missing");
	else if (!text)
		reply_error(reply, "bad_request", "command", "the command is not a string");
	if (reply->error_code)
		return NULL;
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(commands[i].name, text) == 0)
			return &commands[i];
		suggest_offer(&suggestion, span_of(commands[i].name));
	}
	if (suggest_best(&suggestion).size > 0)
		reply_error(reply, "unknown_command", "command",
			    "unknown command '%.80s', did you mean '%s'?", text, suggest_best(&suggestion).data);
	else
		reply_error(reply, "unknown_command", "command", "unknown command '%.80s'", text);
	return NULL;
}

static bool is_member(const char *members, struct span name, struct suggestion *suggestion)
{
	bool is_one = false;

	while (members && *members) {
		size_t n = strcspn(members, "|");
		const struct span member = { members, n };

		is_one |= span_eq(member, name);
		suggest_offer(suggestion, member);
		members += n + (members[n] == '|');
	}
	return is_one;
}

/* A mistyped member would else change the answer in silence. */
static bool check_members(const struct command *command, json_t *request, struct reply *reply)
{
	const char *name;
	json_t *value;

	json_object_foreach(request, name, value) {
		struct suggestion suggestion = suggestion_for(span_of(name));
		struct span best;

		if (strcmp(name, "command") == 0 || is_member(command->members, span_of(name), &suggestion))
			continue;
		best = suggest_best(&suggestion);
		if (best.size > 0)
			reply_error(reply, "bad_request", name, "unknown member '%.80s', did you mean '%.*s'?", name, (int)best.size,
				    best.data);
		else
			reply_error(reply, "bad_request", name, "unknown member '%.80s' (%s takes %s)", name, command->name,
				    command->members ? command->members : "none");
		return false;
	}
	return true;
}

bool request_answer(const struct command *commands, size_t n_commands, void *user, struct client *client,
		    struct span line, struct buffer *answer)
{
	struct reply reply = { 0 };
	json_t *request = parse(line, &reply);
	const struct command *command = request ? find(commands, n_commands, request, &reply) : NULL;
	bool streaming;

	if (command && check_members(command, request, &reply))
		command->run(user, client, request, &reply);
	json_decref(request);
	append_reply(answer, &reply);
	streaming = reply.streaming && !reply.error_code;
	buffer_release(&reply.result);
	return streaming;
}
