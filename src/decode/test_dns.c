/* What of a message is told, and what is said of what is not. */

#include "decode/test_dns.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
