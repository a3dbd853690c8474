/* What is read of a request and a response, and what is said of what is not. */

#include <errno.h>

#include "decode/http_text.h"
#include "decode/test_draft.h"

/* Decodes a copy with nothing around it, so that the sanitizer sees every byte too many. */
static int read_bytes(struct decoded *d, struct span bytes, bool cut)
{
	char *copy = malloc(bytes.size);
	int r;

	assert_true(copy || bytes.size == 0);
	if (bytes.size > 0)
		memcpy(copy, bytes.data, bytes.size);
	decoded_forget(d);
	d->events[0] = event_new(KIND_ID(http, headers), 1);
	assert_non_null(d->events[0]);
	d->n = 1;
	r = http_text_decode(d->events[0], (struct span){ copy, bytes.size }, cut);
	assert_false(d->events[0]->values.failed);
	free(copy);
	return r;
}

static void release(struct decoded *d)
{
	decoded_forget(d);
	buffer_release(&d->text);
}

static const char *const members[] = { "http_method", "http_url", "http_version", "http_status", "http_headers", "truncated" };

struct expected {
	struct span bytes;
	bool cut;
	const char *values[ARRAY_SIZE(members)];	/* in their order; NULL: not known */
};

static void expect_all(const struct expected *list, size_t n)
{
	struct decoded d = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (read_bytes(&d, list[i].bytes, list[i].cut) < 0)
			fail_msg("%zu: refused: %.*s", i, (int)list[i].bytes.size, list[i].bytes.data);
		for (size_t k = 0; k < ARRAY_SIZE(members); k++) {
			const char *found = value_of(&d, 0, members[k]), *value = list[i].values[k];

			if (found ? !value || strcmp(found, value) != 0 : value != NULL)
				fail_msg("%zu: %s is '%s', not '%s'", i, members[k], found ? found : "(unknown)",
					 value ? value : "(unknown)");
		}
	}
	release(&d);
}

#define CUT_HEADERS "http.headers|"
#define CUT_URL "http.url|http.headers|"

static void test_request(void **state)
{
	static const struct expected list[] = {
		{ SPAN("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x/1 (y; z)\r\n\r\n"), false,
		  { "GET", "http://a.example/", "1.1", NULL, "Host: a.example|User-Agent: x/1 (y; z)|", NULL } },
		{ SPAN("POST /a?b=c#d HTTP/1.0\r\nhOST:b.example:8080\r\nContent-Length:3\r\n\r\nxyz"), false,
		  { "POST", "http://b.example:8080/a?b=c#d", "1.0", NULL, "hOST: b.example:8080|Content-Length: 3|", NULL } },
		{ SPAN("HEAD /x HTTP/1.1\nHost: [::1]:80 \t\n\n"), false,
		  { "HEAD", "http://[::1]:80/x", "1.1", NULL, "Host: [::1]:80|", NULL } },
		/* to a proxy: as it was given; without a host; not a path */
		{ SPAN("GET http://me:secret@p.example/a@b?c@d HTTP/1.1\r\nHost: me:secret@p.example\r\nX-Api-Key: s\r\n\r\n"), false,
		  { "GET", "http://(not kept)@p.example/a@b?c@d", "1.1", NULL, "Host: (not kept)@p.example|X-Api-Key: (not kept)|", NULL } },
		{ SPAN("GET /a:/b@c HTTP/1.1\r\nHost: p.example\r\n\r\n"), false,
		  { "GET", "http://p.example/a:/b@c", "1.1", NULL, "Host: p.example|", NULL } },
		{ SPAN("PUT http://c.example/x HTTP/1.1\r\nHost: d.example\r\n\r\n"), false,
		  { "PUT", "http://c.example/x", "1.1", NULL, "Host: d.example|", NULL } },
		{ SPAN("DELETE /x HTTP/1.0\r\n\r\n"), false, { "DELETE", "/x", "1.0", NULL, NULL, NULL } },
		{ SPAN("OPTIONS * HTTP/1.1\r\nHost: e\r\n\r\n"), false, { "OPTIONS", "*", "1.1", NULL, "Host: e|", NULL } },
		{ SPAN("CONNECT f.example:443 HTTP/1.1\r\nHost: f.example:443\r\n\r\n"), false,
		  { "CONNECT", "f.example:443", "1.1", NULL, "Host: f.example:443|", NULL } },
		{ SPAN("PATCH /1 HTTP/1.9\r\n\r\n"), false, { "PATCH", "/1", "1.9", NULL, NULL, NULL } },
		{ SPAN("TRACE /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"), false, { "TRACE", "/1", "1.1", NULL, NULL, NULL } },
	};

	expect_all(list, ARRAY_SIZE(list));
}

static void test_response(void **state)
{
	static const struct expected list[] = {
		{ SPAN("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody"), false, { NULL, NULL, "1.1", "200", "Server: x|", NULL } },
		{ SPAN("HTTP/1.0 404 Not Found\r\n\r\n"), false, { NULL, NULL, "1.0", "404", NULL, NULL } },
		/* without words, in any words, with a host that means nothing here */
		{ SPAN("HTTP/1.1 304\r\n\r\n"), false, { NULL, NULL, "1.1", "304", NULL, NULL } },
		{ SPAN("HTTP/1.1 100 \xff\0\x1b\r\nHost: a\r\n\r\n"), false, { NULL, NULL, "1.1", "100", "Host: a|", NULL } },
		{ SPAN("HTTP/1.1 000 x\n\n"), false, { NULL, NULL, "1.1", "0", NULL, NULL } },
		/* the line itself goes on */
		{ SPAN("HTTP/1.1 200 O"), false, { NULL, NULL, "1.1", "200", NULL, CUT_HEADERS } },
		{ SPAN("HTTP/1.1 200 "), true, { NULL, NULL, "1.1", "200", NULL, CUT_HEADERS } },
	};

	expect_all(list, ARRAY_SIZE(list));
}

static void test_not_kept(void **state)
{
	static const struct expected list[] = {
		{ SPAN("GET / HTTP/1.1\r\nCookie: a=1\r\nAUTHORIZATION:Basic YTpi\r\nProxy-authorization : x\r\nX-Cookie: b\r\n\r\n"), false,
		  { "GET", "/", "1.1", NULL,
		    "Cookie: (not kept)|AUTHORIZATION: (not kept)|Proxy-authorization: (not kept)|X-Cookie: b|", NULL } },
		{ SPAN("HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\nSet-Cookie:\r\nSet-Cookie2: c\r\n\r\n"), false,
		  { NULL, NULL, "1.1", "200", "set-cookie: (not kept)|Set-Cookie: (not kept)|Set-Cookie2: (not kept)|", NULL } },
		/* folded, also between name and value; cut in the middle; a NUL in it */
		{ SPAN("GET / HTTP/1.1\r\nCookie: a=1;\r\n b=2\r\n\tc=3\r\nA: b\r\n\r\n"), false,
		  { "GET", "/", "1.1", NULL, "Cookie: (not kept)|A: b|", NULL } },
		{ SPAN("GET / HTTP/1.1\r\nCookie\r\n : a=1\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "Cookie: (not kept)|", NULL } },
		{ SPAN("GET / HTTP/1.1\r\nCookie: secr"), true, { "GET", "/", "1.1", NULL, "Cookie: (not kept)|", CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\nCookie: a\0b\r\n c\r\n\r\n"), false,
		  { "GET", "/", "1.1", NULL, "Cookie: (not kept)|", CUT_HEADERS } },
	};

	expect_all(list, ARRAY_SIZE(list));
}

static void test_hostile(void **state)
{
	static const struct expected list[] = {
		/* bytes are as they are; a NUL ends the item that it is in, and that is said */
		{ SPAN("GET /\xff\x01\x7f%00 HTTP/1.1\r\nA: \x1b[2J\xfe\r\n\r\n"), false,
		  { "GET", "/\xff\x01\x7f%00", "1.1", NULL, "A: \x1b[2J\xfe|", NULL } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\0c\r\nD: e\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "A: b|D: e|", CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\n\0A: b\r\nD: e\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "D: e|", CUT_HEADERS } },
		/* blanks in the middle of it, more of them than one */
		{ SPAN("GET /a b  c HTTP/1.1\r\n\r\n"), false, { "GET", "/a b  c", "1.1", NULL, NULL, NULL } },
		{ SPAN("GET  /  HTTP/1.1\r\n\r\n"), false, { "GET", "/", "1.1", NULL, NULL, NULL } },
		/* lines that are no headers */
		{ SPAN("GET / HTTP/1.1\r\nA\r\n: b\r\nC:\r\n:\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "A|: b|C: |: |", NULL } },
		{ SPAN("GET / HTTP/1.1\r\n A: b\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "A: b|", NULL } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n \r\n\t\r\nC: d\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "A: b|C: d|", NULL } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\r\n\r\n"), false, { "GET", "/", "1.1", NULL, "A: b\r|", NULL } },
		/* hosts that cannot stand in a URL; the first one counts */
		{ SPAN("GET /x HTTP/1.1\r\nHost: a/b\r\nHost: c\r\n\r\n"), false, { "GET", "/x", "1.1", NULL, "Host: a/b|Host: c|", NULL } },
		{ SPAN("GET /x HTTP/1.1\r\nHost: u@a\r\n\r\n"), false, { "GET", "/x", "1.1", NULL, "Host: (not kept)@a|", NULL } },
		{ SPAN("GET /x HTTP/1.1\r\nHost: a b\r\n\r\n"), false, { "GET", "/x", "1.1", NULL, "Host: a b|", NULL } },
		{ SPAN("GET /x HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n"), false, { "GET", "/x", "1.1", NULL, "Host: \xc3\xa4|", NULL } },
		{ SPAN("GET /x HTTP/1.1\r\nHost:\r\n\r\n"), false, { "GET", "/x", "1.1", NULL, "Host: |", NULL } },
		{ SPAN("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), false,
		  { "GET", "http://a/x", "1.1", NULL, "Host: a|Host: b|", NULL } },
	};

	expect_all(list, ARRAY_SIZE(list));
}

/* What is not among the bytes. */
static void test_cut(void **state)
{
	static const struct expected list[] = {
		{ SPAN("GET / HTTP/1.1\r\n"), false, { "GET", "/", "1.1", NULL, NULL, CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n"), false, { "GET", "/", "1.1", NULL, "A: b|", CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n\r"), true, { "GET", "/", "1.1", NULL, "A: b|", CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\nHost: a.exam"), true, { "GET", "http://a.exam/", "1.1", NULL, "Host: a.exam|", CUT_HEADERS } },
		{ SPAN("GET / HTTP/1.1\r\nA: b\r\n\r\nlong"), true, { "GET", "/", "1.1", NULL, "A: b|", NULL } },
		{ SPAN("GET /aaaa"), true, { "GET", "/aaaa", NULL, NULL, NULL, CUT_URL } },
		{ SPAN("POST http://aa"), true, { "POST", "http://aa", NULL, NULL, NULL, CUT_URL } },
		{ SPAN("GET /aaaa "), true, { "GET", "/aaaa", NULL, NULL, NULL, CUT_HEADERS } },
		{ SPAN("GET /aaaa HTT"), true, { "GET", "/aaaa", NULL, NULL, NULL, CUT_HEADERS } },
		{ SPAN("GET /aaaa HTTP/1.1\r"), true, { "GET", "/aaaa", NULL, NULL, NULL, CUT_HEADERS } },
	};

	expect_all(list, ARRAY_SIZE(list));
}

static void test_refused(void **state)
{
	static const struct span list[] = {
		SPAN(""), SPAN("\r\n\r\n"), SPAN("GET"), SPAN("GET "), SPAN("GET /"), SPAN("GET / HTTP/1.1"), SPAN("GET / HTTP/1.1\r"),
		/* other methods, other versions, other protocols */
		SPAN("get / HTTP/1.1\r\n\r\n"), SPAN("GETS / HTTP/1.1\r\n\r\n"), SPAN("BREW / HTTP/1.1\r\n\r\n"), SPAN("GET\t/ HTTP/1.1\r\n\r\n"),
		SPAN(" GET / HTTP/1.1\r\n\r\n"), SPAN("GET /\r\n\r\n"), SPAN("GET key\r\n"), SPAN("GET / HTTP/2.0\r\n\r\n"),
		SPAN("GET / HTTP/1.\r\n\r\n"), SPAN("GET / HTTP/1.x\r\n\r\n"), SPAN("GET / HTTP/1.10\r\n\r\n"), SPAN("GET / http/1.1\r\n\r\n"),
		SPAN("GET HTTP/1.1\r\n\r\n"), SPAN("GET  HTTP/1.1\r\n\r\n"), SPAN("OPTIONS rtsp://a/ RTSP/1.0\r\n\r\n"),
		SPAN("OPTIONS sip:a SIP/2.0\r\n\r\n"), SPAN("GET / HTTP/1.1 \r\n\r\n"),
		SPAN("HTTP/1.1"), SPAN("HTTP/1.1 200"), SPAN("HTTP/1.1 20\r\n\r\n"), SPAN("HTTP/1.1 2000\r\n\r\n"), SPAN("HTTP/1.1 2x0 OK\r\n\r\n"),
		SPAN("HTTP/1.1 +20 OK\r\n\r\n"), SPAN("HTTP/1.1  200 OK\r\n\r\n"), SPAN("HTTP/1.11 200 OK\r\n\r\n"),
		SPAN("HTTP/1. 200 OK\r\n\r\n"), SPAN("HTTP/2 200\r\n\r\n"), SPAN("HTTP/1.1\t200 OK\r\n\r\n"),
	};
	/* Of these even where they are the beginning of more: what is there cannot be of a request. */
	static const struct span cut[] = {
		SPAN(""), SPAN("GET"), SPAN("GET "), SPAN("GET a"), SPAN("GET key more"), SPAN("GET /a b"), SPAN("GET /a HTTP/2"),
		SPAN("GET /a HTTPS"), SPAN("GET /a\x01"), SPAN("GET /a\x7f"), SPAN("GET /a\0"), SPAN("CONNECT a"), SPAN("OPTIONS *"),
		SPAN("HTTP/1.1 20"), SPAN("HTTP/1.1 200"), SPAN("HTTP/1."),
	};
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(list) + ARRAY_SIZE(cut); i++) {
		bool is_cut = i >= ARRAY_SIZE(list);
		struct span bytes = is_cut ? cut[i - ARRAY_SIZE(list)] : list[i];

		if (read_bytes(&d, bytes, is_cut) != -EINVAL)
			fail_msg("%zu: taken: %.*s", i, (int)bytes.size, bytes.data);
		for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
			assert_false(values_has(&d.events[0]->values, field));
	}
	release(&d);
}

/* More than is looked at: a URL, a host, a header, headers, each longer than all of it. */
static void test_limits(void **state)
{
	static const struct {
		const char *before;
		char fill;
		const char *truncated;
		const char *url_begins;
	} list[] = {
		{ "GET /", 'a', CUT_URL, "/aaa" },
		{ "GET / HTTP/1.1\r\nHost: ", 'a', CUT_HEADERS, "/" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: ", 'b', CUT_HEADERS, "http://x/" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n ", ' ', CUT_HEADERS, "http://x/" },
		{ "GET / HTTP/1.1\r\nHost: x\r\n", ':', CUT_HEADERS, "http://x/" },
		{ "HTTP/1.1 200 ", 'x', CUT_HEADERS, NULL },
	};
	struct decoded d = { 0 };
	struct buffer bytes = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		buffer_clear(&bytes);
		buffer_append_text(&bytes, list[i].before);
		while (bytes.size < 65535)
			buffer_append_byte(&bytes, list[i].fill);
		buffer_append_text(&bytes, "\r\n\r\n");
		assert_int_equal(read_bytes(&d, buffer_span(&bytes), false), 0);
		expect(&d, 0, "truncated", list[i].truncated);
		if (list[i].url_begins)
			assert_true(span_starts(span_of(value_of(&d, 0, "http_url")), span_of(list[i].url_begins)));
	}
	/* the longest URL there can be, and the longest header; as many headers as there can be */
	buffer_clear(&bytes);
	buffer_append_text(&bytes, "GET /");
	while (bytes.size < HTTP_TEXT_MAX - 300)
		buffer_append_byte(&bytes, 'p');
	buffer_append_text(&bytes, " HTTP/1.1\r\nHost:");
	while (bytes.size < HTTP_TEXT_MAX - 300 + 16 + 256)
		buffer_append_byte(&bytes, 'h');
	buffer_append_text(&bytes, "\r\n\r\n");
	assert_true(bytes.size <= HTTP_TEXT_MAX);
	assert_int_equal(read_bytes(&d, buffer_span(&bytes), false), 0);
	expect(&d, 0, "truncated", NULL);
	assert_int_equal(strlen(value_of(&d, 0, "http_url")), strlen("http://") + 256 + (HTTP_TEXT_MAX - 300 - strlen("GET ")));
	buffer_clear(&bytes);
	buffer_append_text(&bytes, "HTTP/1.1 200\n");
	while (bytes.size < HTTP_TEXT_MAX)
		buffer_append_text(&bytes, ":\n");
	assert_int_equal(read_bytes(&d, buffer_span(&bytes), true), 0);
	assert_int_equal(strlen(value_of(&d, 0, "http_headers")), 3 * ((HTTP_TEXT_MAX - strlen("HTTP/1.1 200\n") + 1) / 2));
	buffer_release(&bytes);
	release(&d);
}

/* Every beginning of a message says what the whole says, or less and that it is less, or nothing. */
static void test_beginnings(void **state)
{
	static const struct span list[] = {
		SPAN("GET /a?b HTTP/1.1\r\nHost: x.example\r\nCookie: a=b\r\nA: b\r\n c\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
		SPAN("HTTP/1.1 404 Not Found\r\nServer: x\r\nSet-Cookie: a=b\r\nA:\r\n\r\nbody"),
		SPAN("POST http://x.example/a HTTP/1.0\nAuthorization: Bearer x\nX: y\n\n{}"),
	};
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		size_t head = 0, n_read = 0;

		for (size_t size = 1; size <= list[i].size; size++) {
			const char *truncated, *headers;

			if (read_bytes(&d, (struct span){ list[i].data, size }, true) < 0) {
				assert_true(size < 17);
				continue;
			}
			n_read++;
			truncated = value_of(&d, 0, "truncated");
			if (!truncated && head == 0)
				head = size;
			assert_true((truncated == NULL) == (head > 0));
			headers = value_of(&d, 0, "http_headers");
			assert_true(!headers || (!strstr(headers, "a=b") && !strstr(headers, "Bearer")));
		}
		assert_true(n_read > 10 && head > 0);
		assert_true(head == list[i].size || memchr("GbP{", list[i].data[head], 4));
	}
	release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),	 cmocka_unit_test(test_response), cmocka_unit_test(test_not_kept),
		cmocka_unit_test(test_hostile),	 cmocka_unit_test(test_cut),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
