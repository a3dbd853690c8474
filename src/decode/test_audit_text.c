/* Keys and values out of text: the walker, the reader by layout, and what single values mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "decode/audit_text.h"
#include "decode/audit_value.h"

/* All pairs as `word/key=value;`, a nested message in (). */
static const char *walk(struct span rest, char *out, size_t size)
{
	struct audit_pair pair;
	size_t n = 0;

	out[0] = 0;
	while (audit_next(&rest, &pair)) {
		n += (size_t)snprintf(out + n, size - n, "%.*s%s%.*s=%s%.*s%s;", (int)pair.word.size,
				      pair.word.data ? pair.word.data : "", pair.word.size ? "/" : "",
				      (int)pair.key.size, pair.key.data, pair.nested ? "(" : "",
				      (int)pair.value.size, pair.value.data, pair.nested ? ")" : "");
		assert_true(n < size);
	}
	assert_int_equal(rest.size, 0);
	return out;
}

static void test_walk(void **state)
{
	static const struct {
		const char *text, *pairs;
	} cases[] = {
		{ "", "" },
		{ "   ", "" },
		{ "a=1 b=2", "a=1;b=2;" },
		{ "  a=1   b=2 ", "a=1;b=2;" },
		{ "name=\"a\" x=(null) y=? z=", "name=a;x=(null);y=?;z=;" },
		{ "empty=\"\" next=1", "empty=;next=1;" },
		{ "open=\"abc def", "open=\"abc;" },
		{ "login pid=6513 uid=0 old auid=4294967295 new auid=0",
		  "login/pid=6513;uid=0;old/auid=4294967295;new/auid=0;" },
		{ "user pid=1 msg='op=x res=success'", "user/pid=1;msg=(op=x res=success);" },
		{ "pid=1 msg='it's res=failed'", "pid=1;msg=(it's res=failed);" },
		{ "pid=1 msg='never ends", "pid=1;msg=(never ends);" },
		{ "PAM: accounting acct=root : exe=\"/usr/sbin/crond\" (hostname=?, addr=?, terminal=cron res=success)",
		  "accounting/acct=root;:/exe=/usr/sbin/crond;hostname=?;addr=?;terminal=cron;res=success;" },
		{ "uid=500: exe=\"/x\"", "uid=500;exe=/x;" },
		{ "terminal=:0 res=success)", "terminal=:0;res=success;" },
		{ "fp=6d:a3:7f x=a:b", "fp=6d:a3:7f;x=a:b;" },
		{ "avc:  denied  { read write } for  pid=13010 comm=\"pickup\"",
		  "for/pid=13010;comm=pickup;" },
		{ "subj==unconfined key=(null)", "subj=unconfined;key=(null);" },
		{ "SADDR={ fam=netlink nlnk-fam=16 } x=1", "SADDR= fam=netlink nlnk-fam=16 ;x=1;" },
		{ "op= id=1004", "op=;id=1004;" },
		{ "ver=1.2.9, format=raw, auid=1", "ver=1.2.9;format=raw;auid=1;" },
		{ "=x ==y a=b", "y/a=b;" },
		{ "a1_len=16384 a1[0]=6162", "a1_len=16384;a1[0]=6162;" },
	};
	char out[1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(walk(span_of(cases[i].text), out, sizeof(out)), cases[i].pairs);
	/* A nested message reaches to the last quote. */
	assert_string_equal(walk(SPAN("a='' b=1"), out, sizeof(out)), "a=();b=1;");
}

static void test_sentence(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{ "op=adding user id=1", "adding user" },
		{ "op=adding group to /etc/group id=1", "adding group to /etc/group" },
		{ "op=x", "x" },
		{ "op=x y", "x y" },
		{ "op= id=1", "" },
		{ "op=\"add rule\" key=x", "add rule" },
		{ "op=setcred : exe=\"/x\"", "setcred" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct span rest = span_of(cases[i].text);
		struct audit_pair pair;

		assert_true(audit_next(&rest, &pair));
		assert_true(span_eq(audit_sentence(&pair, rest), span_of(cases[i].sentence)));
	}
}

enum { ONE, TWO, LONG, LAST, N };

static const struct audit_key keys[] = {
	AUDIT_KEY(ONE, "one"),
	AUDIT_KEY(TWO, "two"),
	AUDIT_KEY(LONG, "cap_frootid"),
	AUDIT_KEY(LAST, "last"),
};
static const struct audit_layout layout = { keys, N, N, N }, short_layout = { keys, N, N, TWO };

static void check_scan(const struct audit_layout *how, const char *text, const char *expected)
{
	size_t size = strlen(text);
	char *copy = malloc(size + 1); /* nothing around it, so that the sanitizer sees every byte too many */
	struct audit_value slots[N];
	char out[512];
	size_t n = 0;

	assert_non_null(copy);
	memcpy(copy, text, size);
	copy = realloc(copy, size ? size : 1);
	assert_non_null(copy);
	audit_scan((struct span){ copy, size }, how, slots);
	for (unsigned i = 0; i < N; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s%s|", slots[i].quoted ? "\"" : "",
				      slots[i].data ? (int)slots[i].size : 1,
				      slots[i].data ? slots[i].data : "-", slots[i].quoted ? "\"" : "");
	assert_string_equal(out, expected);
	free(copy);
}

static void test_scan(void **state)
{
	check_scan(&layout, "", "-|-|-|-|");
	check_scan(&layout, "one=1 two=2 cap_frootid=3 last=4", "1|2|3|4|");
	check_scan(&layout, "last=4 cap_frootid=3 two=2 one=1", "1|2|3|4|");
	check_scan(&layout, "  one=1  two=2 ", "1|2|-|-|");
	check_scan(&layout, "one=\"\" two=\"x\" last=\"y\"", "\"\"|\"x\"|-|\"y\"|");
	check_scan(&layout, "one=a one=b", "a|-|-|-|");
	check_scan(&layout, "one=\"a\" one=\"b\" two=c", "\"a\"|c|-|-|");
	check_scan(&layout, "other=1 two=2 third last=3", "-|2|-|3|");
	check_scan(&layout, "one= two= last=", "||-||");
	check_scan(&layout, "one=\"a b two=9\" last=1", "\"a b two=9\"|-|-|1|");
	check_scan(&layout, "other=\"a two=9 b\" last=1", "-|-|-|1|");
	check_scan(&layout, "one=\"never closed two=2", "\"never|2|-|-|");
	check_scan(&layout, "one=\"", "\"|-|-|-|");
	check_scan(&layout, "one=x\"y\" two=\"z\"x last=1", "x\"y\"|\"z\"|-|1|");
	check_scan(&layout, "oneone=1 twotwo= on=1 cap_frootidx=1 cap_frootid=7", "-|-|7|-|");
	check_scan(&short_layout, "one=1 two=2 cap_frootid=3 last=4", "1|2|-|-|");
	check_scan(
		&layout,
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=1 one=1 "
		"two=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy last=2",
		"1|yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy|-|2|");
}

/* Both readers find the same, wherever the text is cut and however it is aligned. */
static void test_scan_as_walk(void **state)
{
	static const char text[] =
		"one=12345 two=\"/usr/bin/x\" filler=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa cap_frootid=0 "
		"last=\"abc\" one=again more=\"quoted\" two=no tail=1";

	for (size_t from = 0; from < sizeof(text) - 1; from++) {
		for (size_t size = 0; size <= sizeof(text) - 1 - from; size++) {
			struct span rest = { text + from, size };
			struct audit_value slots[N], walked[N] = { 0 };
			struct audit_pair pair;

			/* Within a word or a quoted text the two may start differently. */
			if (from > 0 && text[from - 1] != ' ')
				break;
			audit_scan(rest, &layout, slots);
			while (audit_next(&rest, &pair))
				for (unsigned i = 0; i < N; i++)
					if (span_eq(pair.key,
						    (struct span){ keys[i].name, keys[i].size - 1u }) &&
					    !walked[i].data)
						walked[i] = pair.value;
			for (unsigned i = 0; i < N; i++) {
				assert_ptr_equal(slots[i].data, walked[i].data);
				assert_int_equal(slots[i].size, walked[i].size);
				assert_int_equal(slots[i].quoted, walked[i].quoted);
			}
		}
	}
}

static struct audit_value bare(const char *text)
{
	return (struct audit_value){ text, (uint32_t)strlen(text), false };
}

static void test_split(void **state)
{
	struct span text, names;

	audit_split(SPAN("a=1\x1dUID=\"root\""), &text, &names);
	assert_true(span_eq(text, SPAN("a=1")));
	assert_true(span_eq(names, SPAN("UID=\"root\"")));
	audit_split(SPAN("a=1"), &text, &names);
	assert_true(span_eq(text, SPAN("a=1")));
	assert_int_equal(names.size, 0);
	audit_split((struct span){ NULL, 0 }, &text, &names);
	assert_int_equal(text.size, 0);
	audit_split(SPAN("\x1d"), &text, &names);
	assert_int_equal(text.size + names.size, 0);
}

static void test_hex(void **state)
{
	static const struct {
		const char *text;
		bool hex;
	} cases[] = {
		{ "6162", true },  { "ABCDEF", true }, { "abcd", false },     { "616", false },
		{ "", false },	   { "top", false },   { "6x", false },	      { "00", true },
		{ "cafe", false }, { "FFfe", false },  { "\xff\xff", false }, { "(null)", false },
	};
	char out[8];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(audit_is_hex(bare(cases[i].text)), cases[i].hex);
	assert_false(audit_is_hex((struct audit_value){ "6162", 4, true }));
	audit_unhex(out, bare("00FF7A41"));
	assert_memory_equal(out, "\0\xffzA", 4);
	for (unsigned byte = 0; byte < 256; byte++) {
		char text[3];

		snprintf(text, sizeof(text), "%02X", byte);
		audit_unhex(out, bare(text));
		assert_int_equal((unsigned char)out[0], byte);
	}
}

static void test_numbers(void **state)
{
	uint32_t u32 = 5;
	uint64_t u64 = 5;
	int64_t i64 = 5;

	assert_true(audit_u32(bare("4294967295"), &u32) && u32 == UINT32_MAX);
	assert_true(audit_u32(bare("-1"), &u32) && u32 == UINT32_MAX);
	assert_true(audit_u32(bare("unset"), &u32) && u32 == UINT32_MAX);
	assert_true(audit_u32(bare("0"), &u32) && u32 == 0);
	u32 = 5;
	assert_false(audit_u32(bare("4294967296"), &u32));
	assert_false(audit_u32(bare("9999999999"), &u32));
	assert_false(audit_u32(bare("99999999999"), &u32));
	assert_false(audit_u32(bare(""), &u32));
	assert_false(audit_u32(bare("12a"), &u32));
	assert_false(audit_u32(bare("-2"), &u32));
	assert_false(audit_u32((struct audit_value){ 0 }, &u32));
	assert_int_equal(u32, 5);
	assert_true(audit_u64(bare("18446744073709551615"), &u64) && u64 == UINT64_MAX);
	assert_false(audit_u64(bare("18446744073709551616"), &u64));
	assert_false(audit_u64(bare("184467440737095516150"), &u64));
	assert_false(audit_u64((struct audit_value){ 0 }, &u64));
	assert_true(audit_i64(bare("-13"), &i64) && i64 == -13);
	assert_false(audit_i64(bare("-"), &i64));
	assert_true(audit_hex(bare("ffffff9c"), &u64) && u64 == 0xffffff9c);
	assert_true(audit_hex(bare("ffffffffffffffff"), &u64) && u64 == UINT64_MAX);
	assert_true(audit_hex(bare("0x0x1fd05c0"), &u64) && u64 == 0x1fd05c0);
	assert_false(audit_hex(bare("10000000000000000"), &u64));
	assert_false(audit_hex(bare("xyz"), &u64));
	assert_false(audit_hex(bare("0x"), &u64));
	assert_true(audit_octal(bare("0100755"), &u64) && u64 == 0100755);
	assert_false(audit_octal(bare("8"), &u64));
	assert_true(audit_is_nothing(bare("(null)")) && audit_is_nothing(bare("?")) &&
		    audit_is_nothing(bare("(none)")));
	assert_false(audit_is_nothing(bare("")));
	assert_false(audit_is_nothing((struct audit_value){ "(null)", 6, true }));
}

static void test_modes(void **state)
{
	uint32_t mode = 5;

	assert_true(mode_parse(bare("0100644"), &mode) && mode == 0100644);
	assert_string_equal(mode_type(mode), "file");
	assert_true(mode_parse(bare("040755"), &mode));
	assert_string_equal(mode_type(mode), "dir");
	assert_true(mode_parse(bare("dir,sgid,775"), &mode) && mode == 042775);
	assert_true(mode_parse(bare("character,suid,sgid,sticky,666"), &mode) && mode == 027666);
	assert_true(mode_parse(bare("file,600"), &mode) && mode == 0100600);
	assert_false(mode_parse(bare("file,900"), &mode));
	assert_false(mode_parse(bare("nonsense"), &mode));
	assert_false(mode_parse(bare("7777777"), &mode));
	assert_false(mode_parse((struct audit_value){ 0 }, &mode));
	assert_null(mode_type(0755));
}

static void test_exits(void **state)
{
	char number[24];
	int64_t error = 5;

	assert_true(exit_parse(bare("-13"), &error) && error == -13);
	assert_true(exit_parse(bare("0"), &error) && error == 0);
	assert_true(exit_parse(bare("EINPROGRESS(Operation now in progress)"), &error) && error == -115);
	assert_true(exit_parse(bare("-EACCES"), &error) && error == -13);
	assert_false(exit_parse(bare("ENOSUCH"), &error));
	assert_false(exit_parse(bare("E"), &error));
	assert_false(exit_parse(bare("?"), &error));
	assert_string_equal(error_name(-13, number), "EACCES");
	assert_string_equal(error_name(-512, number), "ERESTARTSYS");
	assert_string_equal(error_name(-9999, number), "9999");
}

/* saddr= as the kernel writes it and as others do. */
static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		unsigned family;
		const char *ip; /* raw */
		uint8_t ip_size;
		int port;
		const char *path;
	} cases[] = {
		{ "020001BB7F0000010000000000000000", true, 2, "\x7f\0\0\1", 4, 443, NULL },
		{ "00020050A9FEA9FE0000000000000000", true, 2, "\xa9\xfe\xa9\xfe", 4, 80,
		  NULL }, /* big-endian */
		{ "0A0000160000000000000000000000000000000000000001", true, 10,
		  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, 22, NULL },
		{ "0A001F900000000000000000000000000000FFFF0A00000100000000", true, 10, "\x0a\0\0\1", 4, 8080,
		  NULL },
		{ "01002F7661722F72756E2F6E7363642F736F636B6574000060", true, 1, "", 0, -1,
		  "/var/run/nscd/socket" },
		{ "01000061627374726163742F78", true, 1, "", 0, -1, "@abstract/x" },
		{ "01000061000062000000", true, 1, "", 0, -1, "@a@@b" },
		{ "0100", true, 1, "", 0, -1, NULL },
		{ "010000", true, 1, "", 0, -1, "@" },
		{ "100000000000000000000000", true, 16, "", 0, -1, NULL },
		{ "00000000000000000000000000000000", true, 0, "", 0, -1, NULL },
		{ "1D00", true, 29, "", 0, -1, NULL },
		{ "0200", false, 0, "", 0, -1, NULL },
		{ "0A00001600", false, 0, "", 0, -1, NULL },
		{ "02", false, 0, "", 0, -1, NULL },
		{ "", false, 0, "", 0, -1, NULL },
		{ "{ saddr_fam=inet laddr=169.254.169.254 lport=80 }", true, 2, "\xa9\xfe\xa9\xfe", 4, 80,
		  NULL },
		{ "fam=inet6 laddr=::1 lport=22", true, 10, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16, 22,
		  NULL },
		{ "saddr_fam=local path=/run/x", true, 1, "", 0, -1, "/run/x" },
		{ "saddr_fam=martian", false, 0, "", 0, -1, NULL },
	};
	char family[16];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct socket_address address;
		bool valid = socket_address_parse(bare(cases[i].text), &address);

		if (valid != cases[i].valid)
			print_error("%s\n", cases[i].text);
		assert_int_equal(valid, cases[i].valid);
		if (!valid)
			continue;
		assert_int_equal(address.family, cases[i].family);
		assert_int_equal(address.ip_size, cases[i].ip_size);
		assert_memory_equal(address.ip, cases[i].ip, cases[i].ip_size);
		assert_int_equal(address.has_port ? address.port : -1, cases[i].port);
		assert_int_equal(address.has_path, cases[i].path != NULL);
		if (cases[i].path)
			assert_true(span_eq((struct span){ address.path, address.path_size },
					    span_of(cases[i].path)));
	}
	assert_string_equal(socket_family_name(16, family), "netlink");
	assert_string_equal(socket_family_name(12345, family), "family-12345");
}

static void test_flags(void **state)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	open_flags_text(&text, 0x80041, true);
	assert_string_equal(buffer_text(&text), "O_WRONLY|O_CREAT|O_CLOEXEC");
	buffer_clear(&text);
	open_flags_text(&text, 0, true);
	assert_string_equal(buffer_text(&text), "O_RDONLY");
	buffer_clear(&text);
	open_flags_text(&text, 040000, false);
	assert_string_equal(buffer_text(&text), "O_RDONLY|O_DIRECTORY");
	buffer_clear(&text);
	open_flags_text(&text, 0200000, true);
	assert_string_equal(buffer_text(&text), "O_RDONLY|O_DIRECTORY");
	buffer_clear(&text);
	open_flags_text(&text, 0x80000002, true);
	assert_string_equal(buffer_text(&text), "O_RDWR|0x80000000");
	buffer_clear(&text);
	mount_flags_text(&text, 0xc0ed1001);
	assert_string_equal(buffer_text(&text), "MS_RDONLY|MS_BIND");
}

static void test_ips(void **state)
{
	uint8_t ip[16];

	assert_int_equal(ip_parse(SPAN("10.1.2.3"), ip), 4);
	assert_memory_equal(ip, "\x0a\1\2\3", 4);
	assert_int_equal(ip_parse(SPAN("::ffff:10.1.2.3"), ip), 4);
	assert_memory_equal(ip, "\x0a\1\2\3", 4);
	assert_int_equal(ip_parse(SPAN("fe80::1"), ip), 16);
	assert_int_equal(ip_parse(SPAN("?"), ip), 0);
	assert_int_equal(ip_parse(SPAN("example.org"), ip), 0);
	assert_int_equal(ip_parse(SPAN(""), ip), 0);
	assert_int_equal(ip_parse(SPAN("1111111111111111111111111111111111111111111111111111111"), ip), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),	cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_scan),	cmocka_unit_test(test_scan_as_walk),
		cmocka_unit_test(test_split),	cmocka_unit_test(test_hex),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_modes),
		cmocka_unit_test(test_exits),	cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_flags),	cmocka_unit_test(test_ips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
