/* DNS messages, good and bad; then those of other people against the readings of dnspython and tshark:
 * RECORDER_TEST_DATA/dns, skipped without it, every comparison counted. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#include "decode/dns.h"
#include "decode/test_reading.h"

/* Messages from text: bytes in hex, 'text', blanks between them as one likes. */

static void add_bytes(struct buffer *message, const char *text)
{
	while (*text) {
		if (*text == '\'') {
			const char *end = strchr(text + 1, '\'');

			assert_non_null(end);
			buffer_append(message, text + 1, (size_t)(end - text - 1));
			text = end + 1;
		} else if (*text == ' ') {
			text++;
		} else {
			const char hex[] = { text[0], text[1], 0 };

			assert_true(isxdigit((unsigned char)hex[0]) &&
				    isxdigit((unsigned char)hex[1]));
			buffer_append_byte(message, (char)strtoul(hex, NULL, 16));
			text += 2;
		}
	}
}

static void add_number(struct buffer *message, unsigned number)
{
	buffer_append_byte(message, (char)(number >> 8));
	buffer_append_byte(message, (char)(number & 0xff));
}

/* Decodes a copy with nothing around it, so that the sanitizer sees every byte too many. */
static int read_span(struct decoded *d, struct span message, bool cut, bool *ret_is_response)
{
	char *copy = malloc(message.size);
	int r;

	assert_non_null(copy);
	if (message.size > 0)
		memcpy(copy, message.data, message.size);
	decoded_forget(d);
	d->events[0] = event_new(KIND_ID(dns, query), 1);
	assert_non_null(d->events[0]);
	d->actors[0] = NULL;
	d->n = 1;
	r = dns_decode(d->events[0], (struct span){ copy, message.size }, cut, ret_is_response);
	assert_false(d->events[0]->values.failed);
	free(copy);
	return r;
}

static void release(struct decoded *d)
{
	decoded_forget(d);
	buffer_release(&d->text);
}

static void expect_message(struct decoded *d, struct span message, bool cut, bool response)
{
	bool is_response = !response;

	assert_int_equal(read_span(d, message, cut, &is_response), 0);
	assert_int_equal(is_response, response);
}

static void expect_text(struct decoded *d, const char *text, bool cut, bool response)
{
	struct buffer message = { 0 };

	add_bytes(&message, text);
	expect_message(d, buffer_span(&message), cut, response);
	buffer_release(&message);
}
#define expect_query(d, text)	 expect_text(d, text, false, false)
#define expect_response(d, text) expect_text(d, text, false, true)

static void expect_nothing(struct decoded *d)
{
	for (enum field field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (values_has(&d->events[0]->values, field))
			fail_msg("%s is set", fields[field].name);
}

static void expect_refused_span(struct decoded *d, struct span message, bool cut)
{
	bool is_response = true;

	assert_int_equal(read_span(d, message, cut, &is_response), -EINVAL);
	assert_true(is_response); /* untouched */
	expect_nothing(d);
}

static void expect_refused(struct decoded *d, const char *text)
{
	struct buffer message = { 0 };

	add_bytes(&message, text);
	expect_refused_span(d, buffer_span(&message), false);
	buffer_release(&message);
}

/* A record of the name. */
static void add_answer(struct buffer *message, const char *name, unsigned type, const char *data)
{
	struct buffer bytes = { 0 };

	add_bytes(&bytes, data);
	add_bytes(message, name);
	add_number(message, type);
	add_bytes(message, "0001 00000e10");
	add_number(message, (unsigned)bytes.size);
	buffer_append_span(message, buffer_span(&bytes));
	buffer_release(&bytes);
}

#define QUESTION "01'x'00 0001 0001" /* at 12; what follows is at 19 */
#define ONE	 "1234 8180 0001 0001 0000 0000" QUESTION

/* The answer, alone; is_good: as its type asks for. */
static void expect_answer(struct decoded *d, unsigned type, const char *data, const char *answer,
			  bool is_good)
{
	char text[8192];
	struct buffer message = { 0 };

	add_bytes(&message, ONE);
	add_answer(&message, "c00c", type, data);
	expect_message(d, buffer_span(&message), false, true);
	snprintf(text, sizeof(text), "%s|", answer);
	expect(d, 0, "dns_answers", text);
	expect(d, 0, "missing", is_good ? NULL : "dns.answers|");
	expect(d, 0, "completeness", is_good ? NULL : "partial");
	expect(d, 0, "truncated", NULL);
	buffer_release(&message);
}

static const char cname_chain[] =
	"beef 8180 0001 0004 0001 0001  03'www'07'eXample'03'com'00 0001 0001" /* www 12, eXample 16, com 24 */
	"c00c 0005 0001 0000003c 0006 03'cdn' c010"			       /* 33; cdn 45 */
	"c02d 0005 0001 0000003c 000a 04'edge'03'net'00" /* 51; edge 63, net 68 */
	"c03f 0001 0001 0000003c 0004 c0000201"
	"c03f 0001 0001 0000003c 0004 c6336402"
	"c044 0002 0001 00000e10 0005 02'ns' c044"
	"00 0029 1000 00000000 0000";

static void test_query(void **state)
{
	struct decoded d = { 0 };

	expect_query(&d, "0007 0100 0001 0000 0000 0001 03'www'07'example'03'com'00 0001 0001"
			 "00 0029 1000 00000000 000c 000a 0008 0001020304050607");
	expect(&d, 0, "dns_id", "7");
	expect(&d, 0, "dns_question_name", "www.example.com");
	expect(&d, 0, "dns_question_type", "A");
	expect(&d, 0, "dns_response_code", NULL);
	expect(&d, 0, "dns_answers", NULL);
	expect(&d, 0, "dns_resolved_ip", NULL);
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "completeness", NULL);
	/* types without a name, the root, the case as it came */
	expect_query(&d, "ffff 0000 0001 0000 0000 0000 00 ff01 0001");
	expect(&d, 0, "dns_id", "65535");
	expect(&d, 0, "dns_question_name", ".");
	expect(&d, 0, "dns_question_type", "TYPE65281");
	expect_query(&d, "0000 0000 0001 0000 0000 0000 03'wWw'02'dE'00 0041 0001");
	expect(&d, 0, "dns_question_name", "wWw.dE");
	expect(&d, 0, "dns_question_type", "HTTPS");
	/* multicast: more questions, known answers, the bits above the class; TC: more known answers follow */
	expect_query(&d, "0000 0200 0002 0001 0000 0000 04'_ipp'04'_tcp'05'local'00 000c 8001"
			 "05'_ipps'c011 000c 8001 c00c 000c 0001 00000e10 0004 01'p'c00c");
	expect(&d, 0, "dns_question_name", "_ipp._tcp.local");
	expect(&d, 0, "dns_question_type", "PTR");
	expect(&d, 0, "dns_answers", NULL);
	expect(&d, 0, "missing", NULL);
	release(&d);
}

static void test_response(void **state)
{
	struct buffer message = { 0 };
	struct decoded d = { 0 };

	expect_response(&d, cname_chain);
	expect(&d, 0, "dns_id", "48879");
	expect(&d, 0, "dns_question_name", "www.eXample.com");
	expect(&d, 0, "dns_question_type", "A");
	expect(&d, 0, "dns_response_code", "NOERROR");
	expect(&d, 0, "dns_answers",
	       "CNAME cdn.eXample.com|CNAME edge.net|A 192.0.2.1|A 198.51.100.2|");
	expect(&d, 0, "dns_resolved_ip", "192.0.2.1|198.51.100.2|");
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "completeness", NULL);
	/* what follows the message is not of it */
	add_bytes(&message, cname_chain);
	add_bytes(&message, "c00c 0001 0001 0000003c 0004 7f000001 00000000");
	expect_message(&d, buffer_span(&message), false, true);
	expect(&d, 0, "dns_resolved_ip", "192.0.2.1|198.51.100.2|");
	expect(&d, 0, "missing", NULL);
	buffer_release(&message);
	/* without a question: multicast */
	expect_response(
		&d,
		"0000 8400 0000 0002 0000 0000 04'host'05'local'00 0001 8001 00000078 0004 0a000207"
		"c00c 001c 8001 00000078 0010 fe800000000000000000000000000001");
	expect(&d, 0, "dns_question_name", NULL);
	expect(&d, 0, "dns_question_type", NULL);
	expect(&d, 0, "dns_answers", "A 10.0.2.7|AAAA fe80::1|");
	expect(&d, 0, "dns_resolved_ip", "10.0.2.7|fe80::1|");
	expect(&d, 0, "missing", NULL);
	/* more questions than one, and the answers behind them */
	expect_response(&d, "0001 8180 0002 0001 0000 0000 01'a'00 0001 0001 01'b'00 001c 0001"
			    "c013 0001 0001 00000001 0004 01020304");
	expect(&d, 0, "dns_question_name", "a");
	expect(&d, 0, "dns_answers", "A 1.2.3.4|");
	release(&d);
}

static void test_types(void **state)
{
	static const struct {
		unsigned type;
		const char *data, *answer;
	} good[] = {
		{ 1, "7f000001", "A 127.0.0.1" },
		{ 28, "20010db8 00000000 00000000 00000001", "AAAA 2001:db8::1" },
		{ 28, "00000000 00000000 0000ffff 01020304", "AAAA ::ffff:1.2.3.4" },
		{ 2, "02'ns'c00c", "NS ns.x" },
		{ 5, "c00c", "CNAME x" },
		{ 12, "04'host'07'example'00", "PTR host.example" },
		{ 39, "01'y'00", "DNAME y" },
		{ 15, "000a 04'mail'c00c", "MX 10 mail.x" },
		{ 15, "0000 00", "MX 0 ." },
		{ 6, "02'ns'c00c 08'john.doe'c00c 00000001 00001c20 00000e10 00093a80 ffffffff",
		  "SOA ns.x john\\.doe.x 1 7200 3600 604800 4294967295" },
		{ 16, "06'v=spf1'00 04' a'5c22", "TXT \"v=spf1\" \"\" \" a\\\\\\\"\"" },
		{ 16, "0b'v=spf1 -all' 00 04' a'5c22", "TXT \"v=spf1 -all\" \"\" \" a\\\\\\\"\"" },
		{ 16, "06 00 09 7f c3a4 ff", "TXT \"\\000\\009\\127\\195\\164\\255\"" },
		{ 16, "00", "TXT \"\"" },
		{ 99, "01'x'", "SPF \"x\"" },
		{ 13, "03'x86'05'Linux'", "HINFO \"x86\" \"Linux\"" },
		{ 33, "0000 0005 13c4 03'sip'c00c", "SRV 0 5 5060 sip.x" },
		{ 33, "0000 0000 0000 00", "SRV 0 0 0 ." },
		{ 35, "0064 0032 01's'08'SIPS+D2T'00 05'_sips'c00c",
		  "NAPTR 100 50 \"s\" \"SIPS+D2T\" \"\" _sips.x" },
		{ 256, "000a 0001 'ftp://x/'", "URI 10 1 \"ftp://x/\"" },
		{ 257, "00 05'issue''symantec.com'", "CAA 0 issue \"symantec.com\"" },
		{ 257, "80 04't ;'2e", "CAA 128 t\\032\\;\\. \"\"" },
		/* not taken apart; of no known type; nothing */
		{ 43, "1234 08 02 abcd", "DS \\# 6 12340802abcd" },
		{ 123, "00ff", "TYPE123 \\# 2 00ff" },
		{ 65535, "", "TYPE65535 \\# 0" },
		{ 10, "", "NULL \\# 0" },
	};
	static const struct {
		unsigned type;
		const char *data, *answer;
	} bad[] = {
		{ 1, "7f0000", "A \\# 3 7f0000" },
		{ 1, "7f00000100", "A \\# 5 7f00000100" },
		{ 1, "", "A \\# 0" },
		{ 28, "01020304", "AAAA \\# 4 01020304" },
		{ 5, "01'y'", "CNAME \\# 2 0179" },	     /* its end is outside */
		{ 5, "01'y'00 00", "CNAME \\# 4 01790000" }, /* more than a name */
		{ 5, "c01f", "CNAME \\# 2 c01f" },	     /* itself */
		{ 15, "000a", "MX \\# 2 000a" },
		{ 15, "00 0a", "MX \\# 2 000a" },
		{ 6, "00 00 00000001", "SOA \\# 6 000000000001" },
		{ 16, "", "TXT \\# 0" },
		{ 16, "02'a'", "TXT \\# 2 0261" },
		{ 16, "01'a'05'b'", "TXT \\# 4 01610562" },
		{ 33, "0000 0000 0000", "SRV \\# 6 000000000000" },
		{ 257, "00 00 'x'", "CAA \\# 3 000078" },
		{ 257, "00 09 'issue'", "CAA \\# 7 00096973737565" },
	};
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		expect_answer(&d, good[i].type, good[i].data, good[i].answer, true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		expect_answer(&d, bad[i].type, bad[i].data, bad[i].answer, false);
		expect(&d, 0, "dns_resolved_ip", NULL);
	}
	/* one that is bad does not hide the next */
	expect_response(&d,
			"1234 8180 0001 0002 0000 0000" QUESTION "c00c 0001 0001 00000001 0002 0102"
			"c00c 0001 0001 00000001 0004 01020304");
	expect(&d, 0, "dns_answers", "A \\# 2 0102|A 1.2.3.4|");
	expect(&d, 0, "dns_resolved_ip", "1.2.3.4|");
	expect(&d, 0, "missing", "dns.answers|");
	/* Chaosnet: addresses of its own, other data alike */
	expect_response(&d, "1234 8180 0001 0002 0000 0000" QUESTION
			    "c00c 0001 0003 00000001 0004 01020304"
			    "c00c 0010 0003 00000000 0003 02'9x'");
	expect(&d, 0, "dns_answers", "A \\# 4 01020304|TXT \"9x\"|");
	expect(&d, 0, "dns_resolved_ip", NULL);
	expect(&d, 0, "missing", NULL);
	release(&d);
}

static void test_svcb(void **state)
{
	static const struct {
		const char *data, *answer;
	} good[] = {
		{ "0001 00 0001 0006 02'h3'02'h2' 0004 0008 01020304 05060708 0006 0010 20010db8000000000000000000000001",
		  "HTTPS 1 . alpn=\"h3,h2\" ipv4hint=\"1.2.3.4,5.6.7.8\" ipv6hint=\"2001:db8::1\"" },
		{ "0000 03'svc'c00c", "HTTPS 0 svc.x" },
		{ "0010 00 0000 0006 0001 0003 0009 0001 0003 02'h2' 0002 0000 0003 0002 20fb 0008 0000",
		  "HTTPS 16 . mandatory=\"alpn,port,key9\" alpn=\"h2\" no-default-alpn port=\"8443\" ohttp" },
		/* RFC 9460, appendix D.2: the two escapes on top of each other */
		{ "0010 00 0001 000c 08'f'5c'oo,bar'02'h2'",
		  "HTTPS 16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"" },
		{ "0001 00 0001 0003 02'a'22", "HTTPS 1 . alpn=\"a\\\"\"" },
		{ "0001 00 0005 0000", "HTTPS 1 . ech=\"\"" },
		{ "0001 00 0005 0001 ff", "HTTPS 1 . ech=\"/w==\"" },
		{ "0001 00 0005 0002 fffe", "HTTPS 1 . ech=\"//4=\"" },
		{ "0001 00 0005 0004 00106fbf", "HTTPS 1 . ech=\"ABBvvw==\"" },
		{ "0001 00 0007 0006 '/q{?d}'", "HTTPS 1 . dohpath=\"/q{?d}\"" },
		{ "0001 00 029b 0000", "HTTPS 1 . key667" },
		{ "0001 00 029b 0006 'hello'd2", "HTTPS 1 . key667=\"hello\\210\"" },
		{ "0001 00 ffff 0001 22", "HTTPS 1 . key65535=\"\\\"\"" },
	};
	static const char *const bad[] = {
		"0001",			    /* no target */
		"0001 00 00",		    /* half a key */
		"0001 00 0001 00",	    /* half a size */
		"0001 00 0001 0004 02'h2'", /* the value ends outside */
		"0001 00 0001 0000",	    /* lists without items, with half a one */
		"0001 00 0001 0001 00",
		"0001 00 0001 0002 02'h'",
		"0001 00 0004 0003 010203",
		"0001 00 0004 0000",
		"0001 00 0006 0008 0102030405060708",
		"0001 00 0000 0003 000100",
		"0001 00 0002 0001 00", /* a value where there is none */
		"0001 00 0003 0001 50", /* a port of one byte, and of four */
		"0001 00 0003 0004 00500051",
		"0001 00 0003 0002 0050 0001 0003 02'h2'", /* out of order */
		"0001 00 0003 0002 0050 0003 0002 0050",   /* twice */
	};
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		expect_answer(&d, 65, good[i].data, good[i].answer, true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buffer text = { 0 }, bytes = { 0 };

		add_bytes(&bytes, bad[i]);
		buffer_printf(&text, "SVCB \\# %zu ", bytes.size);
		for (size_t k = 0; k < bytes.size; k++)
			buffer_printf(&text, "%02x", (unsigned)(unsigned char)bytes.data[k]);
		expect_answer(&d, 64, bad[i], buffer_text(&text), false);
		buffer_release(&text);
		buffer_release(&bytes);
	}
	release(&d);
}

static void test_codes(void **state)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR",  "SERVFAIL",  "NXDOMAIN", "NOTIMP",    "REFUSED", "YXDOMAIN",
		"YXRRSET", "NXRRSET",  "NOTAUTH",   "NOTZONE",	"DSOTYPENI", "RCODE12", "RCODE13",
		"RCODE14", "RCODE15",  "BADVERS",   "BADKEY",	"BADTIME",   "BADMODE", "BADNAME",
		"BADALG",  "BADTRUNC", "BADCOOKIE", "RCODE24",
	};
	struct decoded d = { 0 };
	struct buffer message = { 0 };

	for (unsigned code = 0; code < ARRAY_SIZE(names); code++) {
		buffer_clear(&message);
		add_bytes(&message, "1234");
		add_number(&message, 0x8180 | (code & 0xf));
		add_bytes(
			&message,
			"0001 0000 0001 0002" QUESTION
			"c00c 0006 0001 00000001 0016 00 00 00000001 00000002 00000003 00000004 00000005"
			"c00c 0001 0001 ff000000 0004 01020304"
			"00 0029 04d0");
		add_number(&message, code >> 4 << 8);
		add_bytes(&message, "0000 0000");
		expect_message(&d, buffer_span(&message), false, true);
		expect(&d, 0, "dns_response_code", names[code]);
		expect(&d, 0, "dns_answers", NULL);
		expect(&d, 0, "dns_resolved_ip", NULL);
		expect(&d, 0, "missing", NULL);
		if (code >= 16)
			continue;
		/* without OPT, and with one that was not reached */
		message.data[9] = message.data[11] = 0;
		expect_message(&d, buffer_span(&message), false, true);
		expect(&d, 0, "dns_response_code", names[code]);
		message.data[11] = 1;
		expect_message(&d, (struct span){ message.data, 19 }, true, true);
		assert_true(values_is_inferred(&d.events[0]->values, FIELD_dns_response_code));
		assert_string_equal(value_of(&d, 0, "dns_response_code") + 1, names[code]);
		expect(&d, 0, "truncated", NULL);
		expect(&d, 0, "missing", NULL);
	}
	/* the first OPT of the last section counts, none before, none behind */
	expect_response(&d, "1234 8183 0001 0001 0001 0002" QUESTION "00 0029 04d0 f0000000 0000"
			    "00 0029 04d0 f0000000 0000"
			    "00 0029 04d0 0f000000 0000"
			    "00 0029 04d0 f0000000 0000");
	expect(&d, 0, "dns_response_code", "RCODE243");
	/* names that nobody asks for are not followed */
	expect_response(&d, "1234 8180 0001 0000 0001 0001" QUESTION "c012 0002 0001 00000001 0000"
			    "00 0029 04d0 01000000 0000");
	expect(&d, 0, "dns_response_code", "BADVERS");
	buffer_release(&message);
	release(&d);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"1234 0100 0001 0000 0000 00",
		"1234 0100 0001 0000 0000 0000", /* no question */
		"1234 8180 0001 0000 0000 0000",
		"1234 0100 0000 0000 0000 0000",
		"1234 0100 0001 0000 0000 0000 01'x'00 0001 00",
		"1234 0100 0001 0000 0000 0000 01'x'00 0001",
		"1234 0100 0001 0000 0000 0000 01'x'00 00",
		"1234 0100 0001 0000 0000 0000 01'x'",
		"1234 0100 0001 0000 0000 0000 02'x'",
		"1234 0800 0001 0000 0000 0000" QUESTION, /* IQUERY, STATUS, NOTIFY, UPDATE, 15 */
		"1234 1000 0001 0000 0000 0000" QUESTION,
		"1234 2000 0001 0000 0000 0000" QUESTION,
		"1234 a800 0001 0000 0000 0000" QUESTION,
		"1234 7800 0001 0000 0000 0000" QUESTION,
		"1234 0100 ffff 0000 0000 0000" QUESTION, /* counts */
		"1234 8180 0001 ffff 0000 0000" QUESTION,
		"1234 8180 0001 0000 ffff 0000" QUESTION,
		"1234 8180 0001 0000 0000 ffff" QUESTION,
		"ffff 8180 ffff ffff ffff ffff" QUESTION,
		"1234 8180 0006 1742 0000 0000" QUESTION, /* at least 65,536 bytes */
		"1234 0100 0001 0000 0000 0000 c00c 0001 0001", /* pointers: itself, forward, the header */
		"1234 0100 0001 0000 0000 0000 c012 0001 0001 01'x'00",
		"1234 0100 0001 0000 0000 0000 c000 0001 0001",
		"1234 0100 0001 0000 0000 0000 c00b 0001 0001",
		"1234 0100 0001 0000 0000 0000 01'x'c00c 0001 0001",
		"1234 0100 0001 0000 0000 0000 c0",
		"1234 0100 0001 0000 0000 0000 41'x'00 0001 0001", /* labels of other kinds */
		"1234 0100 0001 0000 0000 0000 80'x'00 0001 0001",
	};
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(&d, bad[i]);
	/* at least 65,535 bytes */
	expect_response(&d, "1234 8180 0008 1741 0000 0000" QUESTION);
	expect(&d, 0, "missing", "dns.answers|");
	/* only a header, without a question: what was not understood is answered so */
	expect_response(&d, "1234 8001 0000 0000 0000 0000");
	expect(&d, 0, "dns_id", "4660");
	expect(&d, 0, "dns_response_code", "FORMERR");
	release(&d);
}

static void test_names(void **state)
{
	struct buffer message = { 0 }, text = { 0 };
	struct decoded d = { 0 };

	expect_query(
		&d,
		"1234 0100 0001 0000 0000 0000 0f'a.b'5c22'();@$ '09 00 7f ff 02'-_'00 0001 0001");
	expect(&d, 0, "dns_question_name",
	       "a\\.b\\\\\\\"\\(\\)\\;\\@\\$\\032\\009\\000\\127\\255.-_");

	/* a label of 63 bytes, and of 64 */
	for (unsigned size = 63; size <= 64; size++) {
		buffer_clear(&message);
		buffer_clear(&text);
		add_bytes(&message, "1234 0100 0001 0000 0000 0000");
		buffer_append_byte(&message, (char)size);
		for (unsigned i = 0; i < size; i++) {
			buffer_append_byte(&message, 'l');
			buffer_append_byte(&text, 'l');
		}
		add_bytes(&message, "00 0001 0001");
		if (size == 63) {
			expect_message(&d, buffer_span(&message), false, false);
			expect(&d, 0, "dns_question_name", buffer_text(&text));
		} else {
			expect_refused_span(&d, buffer_span(&message), false);
			expect_refused_span(&d, buffer_span(&message), true);
		}
	}
	/* a name of 255 bytes, of 127 labels; and of 256 */
	for (unsigned is_long = 0; is_long < 2; is_long++) {
		buffer_clear(&message);
		buffer_clear(&text);
		add_bytes(&message, "1234 0100 0001 0000 0000 0000");
		for (unsigned i = 0; i < 127; i++) {
			add_bytes(&message, i == 126 && is_long ? "02 07 07" : "01 07");
			buffer_append_text(&text, i > 0 ? ".\\007" : "\\007");
		}
		add_bytes(&message, "00 0001 0001");
		if (is_long) {
			expect_refused_span(&d, buffer_span(&message), false);
			continue;
		}
		expect_message(&d, buffer_span(&message), false, false);
		expect(&d, 0, "dns_question_name", buffer_text(&text));
	}
	/* a name that becomes too long by following its pointer: 2 + 255 */
	buffer_clear(&message);
	add_bytes(&message, "1234 8180 0001 0001 0000 0000");
	for (unsigned i = 0; i < 127; i++)
		add_bytes(&message, "01 'l'");
	add_bytes(&message, "00 0001 0001");
	add_answer(&message, "c00c", 5, "01'x'c00c");
	expect_message(&d, buffer_span(&message), false, true);
	expect(&d, 0, "dns_answers", "CNAME \\# 4 0178c00c|");
	expect(&d, 0, "missing", "dns.answers|");
	/* ... and one that just fits: 2 + 253 */
	message.size -= 4;
	add_bytes(&message, "01'x'c00e");
	expect_message(&d, buffer_span(&message), false, true);
	expect(&d, 0, "missing", NULL);
	buffer_release(&message);
	buffer_release(&text);
	release(&d);
}

static void test_pointers(void **state)
{
	static const struct {
		const char *name, *found; /* the CNAME at 31, its name */
	} cases[] = {
		{ "c00c", "x" },
		{ "02'ab'c00c", "ab.x" },
		{ "c013", "x" },       /* the name of the record, itself a pointer */
		{ "c00e", "." },       /* the end of a name is a name */
		{ "c01f", NULL },      /* itself */
		{ "01'a'c01f", NULL }, /* round and round */
		{ "01'a'c021", NULL }, /* the pointer itself */
		{ "01'a'c020", NULL }, /* into its own labels */
		{ "c021", NULL },      /* forward */
		{ "ffff", NULL },      /* far outside */
		{ "c00b", NULL },      /* the header */
		{ "c000", NULL },
		{ "c01e", NULL }, /* the size of the data, a label that runs into the name */
		{ "c0", NULL },
	};
	struct buffer message = { 0 }, chain = { 0 };
	struct decoded d = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];

		buffer_clear(&message);
		add_bytes(&message, ONE);
		assert_int_equal(message.size, 19);
		add_answer(&message, "c00c", 5, cases[i].name);
		expect_message(&d, buffer_span(&message), false, true);
		expect(&d, 0, "missing", cases[i].found ? NULL : "dns.answers|");
		if (cases[i].found) {
			snprintf(text, sizeof(text), "CNAME %s|", cases[i].found);
			expect(&d, 0, "dns_answers", text);
		}
	}
	/* Two that lead to each other. */
	expect_response(&d,
			"1234 8180 0001 0002 0000 0000" QUESTION "c00c 0005 0001 00000001 0002 c02d"
			"c00c 0005 0001 00000001 0002 c01f");
	expect(&d, 0, "dns_answers", "CNAME \\# 2 c02d|CNAME \\# 2 c01f|");
	expect(&d, 0, "missing", "dns.answers|");
	/* A name that does not end before the pointer to it: the two bytes of that would be a label, and the
	 * next one the end. */
	expect_response(&d, "1234 8180 0001 0002 0000 0000" QUESTION
			    "c00c 0001 0001 00000001 0004 01010102"
			    "c022 0001 0001 00000001 0004 02020202");
	expect(&d, 0, "dns_answers", "A 1.1.1.2|");
	expect(&d, 0, "missing", "dns.answers|");
	/* The name of an answer is not told, but the answer of a bad one is no answer, nor is what follows. */
	expect_response(&d, "1234 8180 0001 0003 0000 0001" QUESTION
			    "c00c 0001 0001 00000001 0004 01010101"
			    "c0ff 0001 0001 00000001 0004 02020202"
			    "c00c 0001 0001 00000001 0004 03030303"
			    "00 0029 1000 00000000 0000");
	expect(&d, 0, "dns_answers", "A 1.1.1.1|");
	expect(&d, 0, "missing", "dns.answers|");
	expect(&d, 0, "dns_response_code", "~NOERROR");

	/* Pointers to pointers, each to the one before, in the data of the first answer: 127 jumps, and one
	 * more. */
	for (unsigned n = 127; n <= 128; n++) {
		buffer_clear(&chain);
		for (unsigned i = 0; i + 1 < n; i++)
			buffer_printf(&chain, "%04x ", 0xc000 | (i == 0 ? 12 : 31 + 2 * (i - 1)));
		buffer_clear(&message);
		add_bytes(&message, "1234 8180 0001 0002 0000 0000" QUESTION);
		add_answer(&message, "c00c", 999, buffer_text(&chain));
		buffer_clear(&chain);
		buffer_printf(&chain, "%04x", 0xc000 | (31 + 2 * (n - 2)));
		add_answer(&message, "c00c", 5, buffer_text(&chain));
		expect_message(&d, buffer_span(&message), false, true);
		expect(&d, 0, "missing", n == 127 ? NULL : "dns.answers|");
	}
	buffer_release(&chain);
	buffer_release(&message);
	release(&d);
}

static void test_limits(void **state)
{
	struct buffer message = { 0 };
	struct decoded d = { 0 };
	struct span rest, item;
	unsigned n;

	for (unsigned count = 64; count <= 65; count++) {
		buffer_clear(&message);
		add_bytes(&message, "1234 8180 0001");
		add_number(&message, count);
		add_bytes(&message, "0000 0001" QUESTION);
		for (unsigned i = 0; i < count; i++)
			add_answer(&message, "c00c", 1, "01020304");
		add_bytes(&message, "00 0029 1000 01000000 0000");
		expect_message(&d, buffer_span(&message), false, true);
		rest = values_text(&d.events[0]->values, FIELD_dns_answers);
		for (n = 0; list_next(&rest, &item); n++)
			assert_true(span_eq(item, SPAN("A 1.2.3.4")));
		assert_int_equal(n, 64);
		rest = values_text(&d.events[0]->values, FIELD_dns_resolved_ip);
		for (n = 0; list_next(&rest, &item); n++)
			assert_true(span_eq(item, SPAN("1.2.3.4")));
		assert_int_equal(n, 64);
		expect(&d, 0, "truncated", count == 64 ? NULL : "dns.answers|");
		expect(&d, 0, "missing", NULL);
		expect(&d, 0, "dns_response_code", "BADVERS"); /* behind all of them */
	}
	/* A line has 4096 bytes; what is left out is left out by whole bytes, and the next answer is whole again. */
	buffer_clear(&message);
	add_bytes(&message,
		  "1234 8180 0001 0003 0000 0000" QUESTION "c00c 0010 0001 00000001 2000");
	for (unsigned i = 0; i < 0x2000; i++)
		buffer_append_byte(&message, i % 256 == 0 ? (char)255 : (char)7);
	add_bytes(&message, "c00c 270f 0001 00000001 2000");
	for (unsigned i = 0; i < 0x2000; i++)
		buffer_append_byte(&message, (char)0xab);
	add_answer(&message, "c00c", 1, "01020304");
	expect_message(&d, buffer_span(&message), false, true);
	expect(&d, 0, "truncated", "dns.answers|");
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "dns_resolved_ip", "1.2.3.4|");
	rest = values_text(&d.events[0]->values, FIELD_dns_answers);
	assert_true(list_next(&rest, &item));
	assert_true(span_starts(item, SPAN("TXT \"\\007\\007")));
	assert_true(span_ends(item, SPAN("\\007\\007\" ")));
	assert_int_equal(item.size, 4096);
	assert_true(list_next(&rest, &item));
	assert_true(span_starts(item, SPAN("TYPE9999 \\# 8192 abab")));
	assert_true(item.size <= 4096 && item.size > 4090);
	assert_int_equal((item.size - strlen("TYPE9999 \\# 8192 ")) % 2, 0);
	assert_true(list_next(&rest, &item));
	assert_true(span_eq(item, SPAN("A 1.2.3.4")));

	/* The most work there can be: a full message, each record with the longest chain of pointers. */
	buffer_clear(&message);
	add_bytes(&message,
		  "1234 8180 0001 0800 0800 0700" QUESTION "c00c 03e7 0001 00000001 00fc c00c");
	for (unsigned i = 0; i < 125; i++)
		add_number(&message, 0xc000 | (31 + 2 * i));
	while (message.size + 12 <= 65535) {
		add_number(&message, 0xc000 | (31 + 2 * 125));
		add_bytes(&message, "0006 0001 00000001 0000");
	}
	for (unsigned i = 0; i < 100; i++)
		expect_message(&d, buffer_span(&message), false, true);
	expect(&d, 0, "truncated", "dns.answers|");
	buffer_release(&message);
	release(&d);
}

static void test_cut(void **state)
{
	static const char tail[] = "1234 8380 0001 0001 0000 0001" QUESTION
				   "c00c 0001 0001 00000001 0004 01020304"
				   "00 0029 1000 00000000 0000";
	static const char *const endless[] = {
		"1234 8180 0001 0001 0000 0000 01'x'00 0001 0161 c011",
		"1234 8180 0001 0001 0000 0000 01'x'00 0001 0001 c012",
		"1234 8180 0001 0001 0000 0000 01'x'00 0001 00c0 c012",
	};
	struct decoded d = { 0 };

	/* the sender: TC, with answers and without */
	expect_response(&d, tail);
	expect(&d, 0, "dns_answers", "A 1.2.3.4|");
	expect(&d, 0, "missing", "dns.answers|");
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "completeness", "partial");
	expect(&d, 0, "dns_response_code", "NOERROR");
	expect_response(&d, "1234 8380 0001 0000 0000 0000" QUESTION);
	expect(&d, 0, "dns_answers", NULL);
	expect(&d, 0, "missing", "dns.answers|");
	/* the recorder */
	expect_text(&d,
		    "1234 8180 0001 0002 0000 0001" QUESTION
		    "c00c 0001 0001 00000001 0004 01020304 c00c 00",
		    true, true);
	expect(&d, 0, "dns_answers", "A 1.2.3.4|");
	expect(&d, 0, "dns_resolved_ip", "1.2.3.4|");
	expect(&d, 0, "truncated", "dns.answers|");
	expect(&d, 0, "missing", NULL);
	expect(&d, 0, "completeness", NULL);
	expect(&d, 0, "dns_response_code", "~NOERROR");
	/* both; nobody */
	expect_text(&d, "1234 8380 0001 0002 0000 0000" QUESTION, true, true);
	expect(&d, 0, "truncated", "dns.answers|");
	expect(&d, 0, "missing", "dns.answers|");
	expect_response(&d, "1234 8180 0001 0002 0000 0000" QUESTION);
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "missing", "dns.answers|");
	expect(&d, 0, "dns_response_code", "NOERROR"); /* no OPT is announced */
	/* all answers are there, what follows is not told anyway */
	expect_text(&d,
		    "1234 8180 0001 0001 0001 0000" QUESTION
		    "c00c 0001 0001 00000001 0004 01020304",
		    true, true);
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "missing", NULL);
	/* malformed, and cut behind that */
	expect_text(&d, "1234 8180 0001 0003 0000 0000" QUESTION "c0ff 0001 0001", true, true);
	expect(&d, 0, "truncated", NULL);
	expect(&d, 0, "missing", "dns.answers|");
	/* ... where a pointer leads to a label just up to it, to one beyond, to half a pointer */
	for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
		expect_text(&d, endless[i], true, true);
		expect(&d, 0, "truncated", NULL);
		expect(&d, 0, "missing", "dns.answers|");
	}
	/* within the question */
	expect_text(&d, "1234 0180 0001 0000 0000 0000 01'x'00 00", true, false);
	expect(&d, 0, "dns_id", "4660");
	expect(&d, 0, "dns_question_name", "x");
	expect(&d, 0, "dns_question_type", NULL);
	expect(&d, 0, "truncated", "dns.question.type|");
	expect_text(&d, "1234 8180 0001 0001 0000 0000 01'x'03'yz'", true, true);
	expect(&d, 0, "dns_question_name", NULL);
	expect(&d, 0, "truncated", "dns.question.name|dns.question.type|dns.answers|");
	expect(&d, 0, "dns_response_code", "NOERROR");
	expect_text(&d, "1234 8183 0001 0000 0000 0000 01'x'00 0001 00", true, true);
	expect(&d, 0, "dns_question_type", "A");
	expect(&d, 0, "truncated", NULL);
	/* a second question */
	expect_text(&d, "1234 8180 0002 0001 0000 0000" QUESTION "01'x'00 00", true, true);
	expect(&d, 0, "dns_question_name", "x");
	expect(&d, 0, "truncated", "dns.answers|");
	/* a header cut is none */
	expect_refused_span(&d, (struct span){ "\x12\x34\x81\x80\0\1\0\0\0\0\0", 11 }, true);
	release(&d);
}

/* Every beginning of a message says what the whole says, less of it, and that it is less. */
static unsigned check_prefixes(struct span message)
{
	static const char *const members[] = { "dns_question_name", "dns_question_type",
					       "dns_answers", "dns_resolved_ip" };
	static const char *const items[] = { "dns.question.name|", "dns.question.type|",
					     "dns.answers|", "dns.answers|" };
	struct decoded d = { 0 };
	char *whole[ARRAY_SIZE(members)] = { NULL };
	bool is_response;
	unsigned n = 0;

	if (read_span(&d, message, false, &is_response) < 0) {
		for (size_t size = 0; size < message.size; size++)
			read_span(&d, (struct span){ message.data, size }, true, &is_response);
		release(&d);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *value = value_of(&d, 0, members[i]);

		whole[i] = value ? strdup(value) : NULL;
	}
	for (size_t size = 0; size < message.size; size++) {
		struct span part = { message.data, size };
		bool part_is_response;

		if (size < 12) {
			expect_refused_span(&d, part, true);
			expect_refused_span(&d, part, false);
			continue;
		}
		expect_message(&d, part, true, is_response);
		for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
			const char *value = value_of(&d, 0, members[i]);
			size_t value_size = value ? strlen(value) : 0;

			if (value && (!whole[i] || strncmp(value, whole[i], value_size) != 0))
				fail_msg("%zu bytes: %s is '%s', not of '%s'", size, members[i],
					 value, whole[i]);
			if (i < 2 && value)
				assert_string_equal(value, whole[i]);
			if (whole[i] && value_size < strlen(whole[i])) {
				const char *truncated = value_of(&d, 0, "truncated");

				if (!truncated || !strstr(truncated, items[i]))
					fail_msg("%zu bytes: %s is less, but only '%s' named", size,
						 members[i], truncated ? truncated : "");
			}
		}
		/* as if it had come so */
		if (read_span(&d, part, false, &part_is_response) == 0)
			assert_int_equal(is_response, part_is_response);
		else
			expect_nothing(&d);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		free(whole[i]);
	release(&d);
	return n;
}

static void test_prefixes(void **state)
{
	static const char *const messages[] = {
		cname_chain,
		"0007 0100 0001 0000 0000 0001 03'www'07'example'03'com'00 0001 0001 00 0029 1000 00000000 0000",
		"1234 8180 0001 0005 0000 0000" QUESTION
		"c00c 000f 0001 00000001 0008 000a 03'mx1'c00c"
		"c00c 0010 0001 00000001 000a 04'text'04'more'"
		"c00c 0021 0001 00000001 000a 0001 0002 0003 01's'c00c"
		"c00c 0041 0001 00000001 0015 0001 00 0001 0006 02'h3'02'h2' 0004 0004 01020304"
		"c00c 001c 0001 00000001 0010 20010db8000000000000000000000001",
		"1234 8183 0001 0000 0001 0001" QUESTION
		"00 0006 0001 00000001 0016 00 00 00000001 00000002 00000003 00000004 00000005"
		"00 0029 04d0 00000000 0000",
	};
	struct buffer message = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		buffer_clear(&message);
		add_bytes(&message, messages[i]);
		assert_int_equal(check_prefixes(buffer_span(&message)), message.size - 12);
	}
	buffer_release(&message);
}

/* Other people's messages */

static const char *data_folder(void)
{
	const char *data = getenv("RECORDER_TEST_DATA");

	if (data && *data)
		return data;
	print_message(
		"skipped: RECORDER_TEST_DATA does not name the folder with other people's DNS messages\n");
	skip();
	return NULL;
}

#define MAX_COLUMNS 25

static size_t split(struct span line, struct span columns[static MAX_COLUMNS])
{
	size_t n = 0;

	for (;;) {
		const char *end = memchr(line.data, '\t', line.size);

		assert_true(n < MAX_COLUMNS);
		columns[n++] =
			(struct span){ line.data, end ? (size_t)(end - line.data) : line.size };
		if (!end)
			return n;
		line = (struct span){ end + 1, line.size - columns[n - 1].size - 1 };
	}
}

/* The text up to a separator, which may be more than a byte; all of it if there is none. */
static struct span next_part(struct span *rest, const char *separator)
{
	const char *end = memmem(rest->data, rest->size, separator, strlen(separator));
	struct span part = { rest->data, end ? (size_t)(end - rest->data) : rest->size };
	size_t gone = part.size + (end ? strlen(separator) : 0);

	*rest = (struct span){ rest->data + gone, rest->size - gone };
	return part;
}

static uint64_t number_of(struct span text)
{
	uint64_t number;

	assert_int_equal(span_to_u64(text, &number), 0);
	return number;
}

/* Their answer, `OWNER TTL CLASS TYPE DATA`, as we write it; of data we leave in hex only up to its size.  Names
 * end in a dot with them. */
static void normalise(struct buffer *ret, struct span theirs)
{
	static const char *const in_hex[] = { "RRSIG", "DNSKEY", "DS", "LOC" };
	struct span type;

	for (int i = 0; i < 3; i++)
		next_part(&theirs, " ");
	type = next_part(&theirs, " ");
	buffer_clear(ret);
	buffer_append_span(ret, type);
	buffer_append_byte(ret, ' ');
	for (size_t i = 0; i < ARRAY_SIZE(in_hex); i++)
		if (span_eq(type, span_of(in_hex[i]))) {
			buffer_append_text(ret, "\\# ");
			return;
		}
	/* Multicast: they take the bit above for a part of the class. */
	if (span_starts(theirs, SPAN("\\# "))) {
		struct buffer bytes = { 0 };
		char text[INET6_ADDRSTRLEN];

		next_part(&theirs, " ");
		next_part(&theirs, " ");
		for (size_t i = 0; i + 1 < theirs.size; i += 2)
			add_bytes(&bytes, (const char[]){ theirs.data[i], theirs.data[i + 1], 0 });
		assert_true(bytes.size == 4 || bytes.size == 16);
		buffer_append_text(ret, inet_ntop(bytes.size == 4 ? AF_INET : AF_INET6, bytes.data,
						  text, sizeof(text)));
		buffer_release(&bytes);
		return;
	}
	for (size_t i = 0; i < theirs.size; i++) {
		bool ends = i + 1 == theirs.size || theirs.data[i + 1] == ' ';

		if (theirs.data[i] == '.' && ends && i > 0 && theirs.data[i - 1] != ' ' &&
		    !span_eq(type, SPAN("TXT")) && !span_eq(type, SPAN("CAA")))
			continue;
		buffer_append_byte(ret, theirs.data[i]);
	}
}

struct tally {
	unsigned n_messages, n_values, n_answers, n_refused, n_partial, n_truncated, n_prefixes;
};

static void print_tally(const char *name, const struct tally *tally)
{
	print_message(
		"%s: %u messages, %u values and %u answers equal, %u refused, %u read in part, "
		"%u truncated by their sender, %u beginnings\n",
		name, tally->n_messages, tally->n_values, tally->n_answers, tally->n_refused,
		tally->n_partial, tally->n_truncated, tally->n_prefixes);
}

/* Each of theirs is one of ours.  They sort answers of a name and type together, and cut the list at 600. */
static void compare_answers(struct decoded *d, struct span theirs, const char *name,
			    struct tally *tally)
{
	struct span all = values_text(&d->events[0]->values, FIELD_dns_answers), rest = all, item;
	bool is_cut = theirs.size >= 600;
	bool used[64] = { false };
	struct buffer text = { 0 };
	unsigned n_ours = 0, n_theirs = 0;

	while (list_next(&rest, &item))
		n_ours++;
	assert_true(n_ours <= ARRAY_SIZE(used));
	while (theirs.size > 0) {
		struct span one = next_part(&theirs, " | ");
		bool found = false;

		if (is_cut && theirs.size == 0)
			break;
		n_theirs++;
		normalise(&text, one);
		rest = all;
		for (unsigned i = 0; !found && list_next(&rest, &item); i++) {
			if (used[i] || !(span_ends(buffer_span(&text), SPAN("\\# "))
						 ? span_starts(item, buffer_span(&text))
						 : span_eq(item, buffer_span(&text))))
				continue;
			used[i] = found = true;
		}
		if (!found)
			fail_msg("%s: '%.*s' is not among ours", name, (int)one.size, one.data);
		tally->n_answers++;
	}
	if (!is_cut)
		assert_int_equal(n_ours, n_theirs);
	buffer_release(&text);
}

/* columns: dnspython, id, qr, rcode, question, an, au, ad, answers. */
static void compare_message(struct span message, const struct span *columns, const char *name,
			    struct tally *tally)
{
	struct decoded d = { 0 };
	bool is_response;
	int r = read_span(&d, message, false, &is_response);
	struct span question = columns[4];

	tally->n_messages++;
	tally->n_prefixes += check_prefixes(message);
	if (span_eq(columns[0], SPAN("ok"))) {
		const struct values *values = &d.events[0]->values;

		if (r < 0)
			fail_msg("%s: refused", name);
		if (is_response && message.data[2] & 2) { /* TC */
			expect(&d, 0, "missing", "dns.answers|");
			tally->n_truncated++;
		} else if (values_has(values, FIELD_missing)) {
			fail_msg("%s: not all read: %s", name, value_of(&d, 0, "dns_answers"));
		}
		expect(&d, 0, "truncated", NULL);
		assert_int_equal(values_number(values, FIELD_dns_id), number_of(columns[1]));
		assert_int_equal(is_response, span_eq(columns[2], SPAN("QR")));
		assert_int_equal(values_has(values, FIELD_dns_response_code), is_response);
		if (is_response)
			assert_true(
				span_eq(values_text(values, FIELD_dns_response_code), columns[3]));
		question = next_part(&question, ";");
		if (question.size > 0) {
			struct span asked = next_part(&question, " ");

			if (asked.size > 1)
				asked.size--;
			assert_true(span_eq(values_text(values, FIELD_dns_question_name), asked));
			assert_true(
				span_eq(values_text(values, FIELD_dns_question_type), question));
			tally->n_values += 2;
		} else {
			assert_false(values_has(values, FIELD_dns_question_name));
		}
		tally->n_values += 3;
		if (is_response)
			compare_answers(&d, columns[8], name, tally);
		else
			expect(&d, 0, "dns_answers", NULL);
	} else if (span_eq(columns[0], SPAN("error:UnknownTSIGKey"))) {
		/* signed: they would have to have the key */
		assert_int_equal(r, 0);
		expect(&d, 0, "missing", NULL);
	} else if (r < 0) {
		assert_int_equal(r, -EINVAL);
		expect_nothing(&d);
		tally->n_refused++;
	} else {
		expect(&d, 0, "missing", "dns.answers|");
		tally->n_partial++;
	}
	release(&d);
}

static void test_c_ares(void **state)
{
	const char *data = data_folder();
	char *path = format_path("%s/dns/expected/c-ares-fuzzinput.tsv", data);
	struct text_file table;
	struct tally tally = { 0 };

	read_file(&table, path);
	free(path);
	for (size_t i = 1; i < table.n_lines; i++) {
		struct span columns[MAX_COLUMNS];
		struct text_file file;
		char *name;

		assert_int_equal(split(table.lines[i], columns), 13);
		name = format_path("%.*s", (int)columns[0].size, columns[0].data);
		path = format_path("%s/dns/c-ares-fuzzinput/%s", data, name);
		read_file(&file, path);
		assert_int_equal(file.size, number_of(columns[1]));
		compare_message((struct span){ file.data, file.size }, columns + 2, name, &tally);
		release_file(&file);
		free(path);
		free(name);
	}
	release_file(&table);
	print_tally("c-ares", &tally);
	assert_int_equal(tally.n_messages, 52);
	assert_int_equal(tally.n_refused, 4);
	assert_int_equal(tally.n_truncated, 1);
	assert_int_equal(tally.n_partial, 1); /* answer_aaaa: of four bytes */
	assert_true(tally.n_values >= 235);
	assert_true(tally.n_answers >= 39);
}

/* Addresses in the order in which they came: tshark tells those of all sections, answers first. */
static void compare_addresses(struct span ours, struct span v4, struct span v6, const char *name,
			      struct tally *tally)
{
	struct span item;

	while (list_next(&ours, &item)) {
		struct span theirs = next_part(memchr(item.data, ':', item.size) ? &v6 : &v4, ",");

		if (!span_eq(item, theirs))
			fail_msg("%s: ours '%.*s', theirs '%.*s'", name, (int)item.size, item.data,
				 (int)theirs.size, theirs.data);
		tally->n_answers++;
	}
}

/* columns: 8 id, 9 response, 16 names asked for, 20 and 21 addresses, 23 malformed. */
static void compare_tshark(struct span message, const struct span *columns, const char *name,
			   struct tally *tally)
{
	struct decoded d = { 0 };
	struct span question = columns[16], id = columns[8];
	bool is_response;
	const struct values *values;
	uint64_t number;

	if (columns[23].size > 0 || span_starts(columns[16], SPAN("<Name contains")))
		return;
	assert_int_equal(read_span(&d, message, false, &is_response), 0);
	values = &d.events[0]->values;
	next_part(&id, "x");
	assert_int_equal(span_hex_to_u64(id, &number), 0);
	assert_int_equal(values_number(values, FIELD_dns_id), number);
	assert_int_equal(is_response, span_eq(columns[9], SPAN("1")));
	question = next_part(&question, ",");
	if (question.size > 0)
		assert_true(span_eq(values_text(values, FIELD_dns_question_name), question));
	else
		assert_false(values_has(values, FIELD_dns_question_name));
	tally->n_messages++;
	tally->n_values += 3;
	compare_addresses(values_text(values, FIELD_dns_resolved_ip), columns[20], columns[21],
			  name, tally);
	release(&d);
}

static void test_captures(void **state)
{
	const char *data = data_folder();
	char *path = format_path("%s/dns/expected/pcap-payloads.tsv", data);
	char *other_path = format_path("%s/dns/expected/pcap-tshark.tsv", data);
	struct text_file table, other;
	struct tally tally = { 0 }, tshark = { 0 };
	struct buffer message = { 0 };

	read_file(&table, path);
	read_file(&other, other_path);
	free(path);
	free(other_path);
	assert_int_equal(table.n_lines, other.n_lines);
	for (size_t i = 1; i < table.n_lines; i++) {
		struct span columns[MAX_COLUMNS], other_columns[MAX_COLUMNS], bytes;
		char *name;

		assert_int_equal(split(table.lines[i], columns), 13);
		assert_int_equal(split(other.lines[i], other_columns), 25);
		assert_true(span_eq(columns[0], other_columns[0]) &&
			    span_eq(columns[1], other_columns[1]));
		name = format_path("%.*s %.*s", (int)columns[0].size, columns[0].data,
				   (int)columns[1].size, columns[1].data);
		buffer_clear(&message);
		for (size_t k = 0; k + 1 < columns[3].size; k += 2)
			add_bytes(&message,
				  (const char[]){ columns[3].data[k], columns[3].data[k + 1], 0 });
		bytes = buffer_span(&message);
		if (span_eq(columns[2], SPAN("tcp"))) {
			assert_true(bytes.size > 2);
			bytes = (struct span){ bytes.data + 2, bytes.size - 2 };
		}
		compare_message(bytes, columns + 4, name, &tally);
		compare_tshark(bytes, other_columns, name, &tshark);
		free(name);
	}
	release_file(&table);
	release_file(&other);
	buffer_release(&message);
	print_tally("captures, dnspython", &tally);
	print_tally("captures, tshark", &tshark);
	assert_int_equal(tally.n_messages, 149);
	assert_int_equal(tally.n_refused, 3);
	assert_int_equal(tally.n_truncated, 7);
	assert_int_equal(tally.n_partial, 0);
	assert_true(tally.n_values >= 708);
	assert_true(tally.n_answers >= 156);
	assert_true(tshark.n_values >= 438);
	assert_true(tshark.n_answers >= 98);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),	 cmocka_unit_test(test_response),
		cmocka_unit_test(test_types),	 cmocka_unit_test(test_svcb),
		cmocka_unit_test(test_codes),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_cut),
		cmocka_unit_test(test_prefixes), cmocka_unit_test(test_c_ares),
		cmocka_unit_test(test_captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
