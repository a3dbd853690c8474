/* See http_text.h.  Lines end in CRLF or LF alone, as servers take them (RFC 9112, 2.2). */

#include "decode/http_text.h"

#include <errno.h>
#include <strings.h>

#define VERSION "HTTP/1."
#define VERSION_BYTES (sizeof(VERSION) - 1 + 1)	/* and a digit */
#define STATUS_AT (VERSION_BYTES + 1)
#define STATUS_BYTES 3
#define HOST_MAX 256			/* a name of the DNS and a port */

/* RFC 9110, 9.3, and RFC 5789. */
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" };

/* RFC 9110, 11.6.2 and 11.7.2, and RFC 6265. */
static const char *const secrets[] = { "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Cookie2", "Set-Cookie2", "X-Api-Key",
				       "X-Auth-Token", "X-Amz-Security-Token", "X-Csrf-Token" };

struct reading {
	struct values *values;
	struct span rest;
	bool cut;
	bool is_url_cut, are_headers_cut;
	bool has_host;
	size_t item_size, host_size;
	char item[HTTP_TEXT_MAX];	/* a header, its lines one after the other */
	char host[HOST_MAX];		/* as the first header of that name has it */
	char text[HTTP_TEXT_MAX + HOST_MAX + 32];	/* `NAME: VALUE`, or the URL */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span trimmed(struct span s)
{
	while (s.size > 0 && is_blank(s.data[0]))
		s = (struct span){ s.data + 1, s.size - 1 };
	while (s.size > 0 && is_blank(s.data[s.size - 1]))
		s.size--;
	return s;
}

static bool is_name(struct span s, const char *name)
{
	return s.size == strlen(name) && strncasecmp(s.data, name, s.size) == 0;
}

/* The line without its end.  false: that is not among the bytes. */
static bool next_line(struct span *rest, struct span *ret)
{
	const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;

	*ret = (struct span){ rest->data, end ? (size_t)(end - rest->data) : rest->size };
	*rest = end ? (struct span){ end + 1, rest->size - ret->size - 1 } : (struct span){ NULL, 0 };
	if (ret->size > 0 && ret->data[ret->size - 1] == '\r')
		ret->size--;
	return end != NULL;
}

static bool is_version(struct span s)
{
	return s.size == VERSION_BYTES && span_starts(s, SPAN(VERSION)) && s.data[VERSION_BYTES - 1] >= '0' &&
	       s.data[VERSION_BYTES - 1] <= '9';
}

static void set_version(struct reading *reading, struct span version)
{
	static const size_t at = sizeof("HTTP/") - 1;

	values_set_text(reading->values, FIELD_http_version, (struct span){ version.data + at, version.size - at });
}

/* What a request may ask for (RFC 9112, 3.2), or the beginning of it. */
static bool is_target(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7f)
			return false;
	return span_starts(s, SPAN("/")) || span_starts(s, SPAN("http://")) || span_starts(s, SPAN("https://"));
}

/* Of a line that ends among the bytes: a program may have put anything between method and version. */
static int split_line(struct span line, struct span *ret_target, struct span *ret_version)
{
	const char *blank = line.size > 0 ? memrchr(line.data, ' ', line.size) : NULL;

	if (!blank)
		return -EINVAL;
	*ret_version = (struct span){ blank + 1, line.size - (size_t)(blank + 1 - line.data) };
	*ret_target = trimmed((struct span){ line.data, (size_t)(blank - line.data) });
	return ret_target->size > 0 && is_version(*ret_version) ? 0 : -EINVAL;
}

/* Of one that does not. */
static int begin_line(struct reading *reading, struct span line, struct span *ret_target)
{
	const char *blank = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
	struct span version;

	*ret_target = line;
	if (blank) {
		ret_target->size = (size_t)(blank - line.data);
		version = (struct span){ blank + 1, line.size - ret_target->size - 1 };
		if (!span_starts(SPAN(VERSION), version) && !span_starts(version, SPAN(VERSION)))
			return -EINVAL;
	}
	reading->is_url_cut = !blank;
	return is_target(*ret_target) ? 0 : -EINVAL;
}

static const char *method_of(struct span *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct span method = span_of(methods[i]);

		if (!span_starts(*line, method) || line->size == method.size || line->data[method.size] != ' ')
			continue;
		*line = (struct span){ line->data + method.size + 1, line->size - method.size - 1 };
		return methods[i];
	}
	return NULL;
}

static int set_request(struct reading *reading, struct span line, bool is_whole, struct span *ret_target)
{
	const char *method = method_of(&line);
	struct span version;
	int r;

	if (!method)
		return -EINVAL;
	if (is_whole)
		r = split_line(line, ret_target, &version);
	else
		r = reading->cut ? begin_line(reading, line, ret_target) : -EINVAL;
	if (r < 0)
		return r;
	values_set_text(reading->values, FIELD_http_method, span_of(method));
	if (is_whole)
		set_version(reading, version);
	return 0;
}

/* What the number means in words may be left out, and is not kept. */
static int set_response(struct reading *reading, struct span line, bool is_whole)
{
	size_t end = STATUS_AT + STATUS_BYTES;
	uint64_t status;

	if (line.size < end || line.data[STATUS_AT - 1] != ' ' || !is_version((struct span){ line.data, VERSION_BYTES }) ||
	    span_to_u64((struct span){ line.data + STATUS_AT, STATUS_BYTES }, &status) < 0)
		return -EINVAL;
	if (line.size == end ? !is_whole : line.data[end] != ' ')
		return -EINVAL;
	set_version(reading, (struct span){ line.data, VERSION_BYTES });
	values_set_number(reading->values, FIELD_http_status, status);
	return 0;
}

/* If it can stand before a path (RFC 3986, 3.2). */
static void keep_host(struct reading *reading, struct span value)
{
	if (reading->has_host || value.size > sizeof(reading->host))
		return;
	reading->has_host = true;
	for (size_t i = 0; i < value.size; i++)
		if ((unsigned char)value.data[i] <= ' ' || (unsigned char)value.data[i] >= 0x7f || strchr("/?#@\\", value.data[i]))
			return;
	memcpy(reading->host, value.data, value.size);
	reading->host_size = value.size;
}

static void put(struct reading *reading, size_t *size, struct span s)
{
	memcpy(reading->text + *size, s.data, s.size);
	*size += s.size;
}

/* The same without what somebody logs in with, `http://user:password@host/`; authority: where that would begin. */
static void put_public(struct reading *reading, size_t *size, struct span s, size_t authority)
{
	size_t end = authority, at = 0;

	for (; end < s.size && !strchr("/?#", s.data[end]); end++)
		if (s.data[end] == '@')
			at = end;
	if (at == 0) {
		put(reading, size, s);
		return;
	}
	put(reading, size, (struct span){ s.data, authority });
	put(reading, size, SPAN("(not kept)"));
	put(reading, size, (struct span){ s.data + at, s.size - at });
}

static void put_header(struct reading *reading, struct span name, struct span value)
{
	size_t size = 0;
	bool is_host = is_name(name, "Host");

	if (is_host)
		keep_host(reading, value);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (is_name(name, secrets[i]))
			value = SPAN("(not kept)");
	put(reading, &size, name);
	put(reading, &size, SPAN(": "));
	if (is_host)
		put_public(reading, &size, value, 0);
	else
		put(reading, &size, value);
	values_append_list(reading->values, FIELD_http_headers, (struct span){ reading->text, size });
}

static void end_item(struct reading *reading)
{
	struct span item = { reading->item, reading->item_size };
	const char *nul = memchr(item.data, 0, item.size), *colon;

	reading->item_size = 0;
	if (nul) {
		reading->are_headers_cut = true;
		item.size = (size_t)(nul - item.data);
	}
	colon = memchr(item.data, ':', item.size);
	if (colon)
		put_header(reading, trimmed((struct span){ item.data, (size_t)(colon - item.data) }),
			   trimmed((struct span){ colon + 1, item.size - (size_t)(colon + 1 - item.data) }));
	else if (item.size > 0)
		values_append_list(reading->values, FIELD_http_headers, trimmed(item));
}

/* One that begins with a blank goes on with the header before it (RFC 9112, 5.2); its blank stands for the end of the line.  All
 * lines together are no longer than what is looked at. */
static void add_line(struct reading *reading, struct span line)
{
	if (!is_blank(line.data[0]))
		end_item(reading);
	memcpy(reading->item + reading->item_size, line.data, line.size);
	reading->item_size += line.size;
}

static void set_headers(struct reading *reading)
{
	struct span line;
	bool is_whole;

	while ((is_whole = next_line(&reading->rest, &line)) && line.size > 0)
		add_line(reading, line);
	if (line.size > 0)
		add_line(reading, line);
	end_item(reading);
	reading->are_headers_cut |= !is_whole;
}

/* Where it begins; the size, of a path that has none. */
static size_t authority_of(struct span target)
{
	const char *colon = memchr(target.data, ':', target.size);
	size_t at = colon ? (size_t)(colon - target.data) + 3 : 0;

	return at > 0 && at <= target.size && memcmp(colon, "://", 3) == 0 && !memchr(target.data, '/', at - 3) ? at : target.size;
}

static void set_url(struct reading *reading, struct span target)
{
	size_t size = 0;

	if (reading->host_size > 0 && target.data[0] == '/') {
		put(reading, &size, SPAN("http://"));
		put(reading, &size, (struct span){ reading->host, reading->host_size });
	}
	put_public(reading, &size, target, authority_of(target));
	values_set_text(reading->values, FIELD_http_url, (struct span){ reading->text, size });
}

int http_text_decode(struct event *event, struct span bytes, bool cut)
{
	struct reading reading;
	struct span line, target = { NULL, 0 };
	bool is_whole;
	int r;

	reading.values = &event->values;
	reading.rest = (struct span){ bytes.data, MIN(bytes.size, (size_t)HTTP_TEXT_MAX) };
	reading.cut = cut || bytes.size > HTTP_TEXT_MAX;
	reading.is_url_cut = reading.are_headers_cut = reading.has_host = false;
	reading.item_size = reading.host_size = 0;
	is_whole = next_line(&reading.rest, &line);
	if (span_starts(line, SPAN(VERSION)))
		r = set_response(&reading, line, is_whole);
	else
		r = set_request(&reading, line, is_whole, &target);
	if (r < 0)
		return r;
	set_headers(&reading);
	if (target.size > 0)
		set_url(&reading, target);
	if (reading.is_url_cut)
		values_append_list(reading.values, FIELD_truncated, SPAN("http.url"));
	if (reading.are_headers_cut)
		values_append_list(reading.values, FIELD_truncated, SPAN("http.headers"));
	return 0;
}
