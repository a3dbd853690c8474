/* Data of records by their type, names and pointers: as they are, and as they must not be. */

#include "decode/test_dns.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_svcb),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pointers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
