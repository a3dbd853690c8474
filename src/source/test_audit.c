#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


#include "source/audit.h"
#include "source/audit_netlink.h"

#define TEXT "audit(1170021493.977:293): arch=c000003e syscall=59"

/* A datagram as the kernel makes it. */
static size_t make(char *data, uint16_t type, const char *text, size_t size, uint32_t nlmsg_len)
{
	struct nlmsghdr header = { .nlmsg_len = nlmsg_len, .nlmsg_type = type };

	memcpy(data, &header, sizeof(header));
	memcpy(data + NLMSG_HDRLEN, text, size);
	return NLMSG_HDRLEN + size;
}

static void test_framings(void **state)
{
	AUDIT_NETLINK_ALIGNED char data[512];
	struct record record;
	size_t size;

	/* Unicast: nlmsg_len is the size of the payload; multicast: of all. */
	size = make(data, 1300, TEXT, strlen(TEXT), (uint32_t)strlen(TEXT));
	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_int_equal(record.type, 1300);
	assert_true(span_eq(record.text, SPAN(TEXT)));
	size = make(data, 1300, TEXT, strlen(TEXT), (uint32_t)strlen(TEXT) + NLMSG_HDRLEN);
	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_true(span_eq(record.text, SPAN(TEXT)));
	/* A length that lies changes nothing. */
	size = make(data, 1300, TEXT, strlen(TEXT), UINT32_MAX);
	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_true(span_eq(record.text, SPAN(TEXT)));
	size = make(data, 1300, TEXT, strlen(TEXT), 0);
	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_true(span_eq(record.text, SPAN(TEXT)));
}

static void test_ends(void **state)
{
	static const char text[] = TEXT " \n\0\n\0\0";
	AUDIT_NETLINK_ALIGNED char data[512];
	struct record record;
	size_t size = make(data, 1300, text, sizeof(text), 0);

	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_true(span_eq(record.text, SPAN(TEXT " ")));
}

static void test_newlines(void **state)
{
	static const char text[] = "audit(1.000:1): pid=1 msg='a\nb\n\nc'";
	AUDIT_NETLINK_ALIGNED char data[512];
	struct record record;
	size_t size = make(data, 1112, text, sizeof(text), 0);

	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
	assert_true(span_eq(record.text, SPAN("audit(1.000:1): pid=1 msg='a b  c'")));
}

static void test_foreign(void **state)
{
	AUDIT_NETLINK_ALIGNED char data[512];
	struct record record;
	size_t size = make(data, 1300, TEXT, strlen(TEXT), 0);

	assert_int_equal(audit_datagram(data, size, 4711, &record), -EPERM);
}

static void test_answers(void **state)
{
	static const struct {
		uint16_t type;
		const char *text;
		size_t size;
	} cases[] = {
		{ NLMSG_ERROR, "\0\0\0\0audit(", 10 },
		{ AUDIT_GET, "\x01\0\0\0", 4 },
		{ 1329, "\x2a\0\0\0", 4 },	/* AUDIT_REPLACE */
		{ 1300, "", 0 },
		{ 1300, "audit(", 6 },
		{ 1300, "audit", 5 },
		{ 1300, "\n\n\0\0", 4 },
	};
	AUDIT_NETLINK_ALIGNED char data[512];
	struct record record;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = make(data, cases[i].type, cases[i].text, cases[i].size, 0);

		assert_int_equal(audit_datagram(data, size, 0, &record), -ENOMSG);
	}
	for (size_t size = 0; size < NLMSG_HDRLEN; size++)
		assert_int_equal(audit_datagram(data, size, 0, &record), -ENOMSG);
	/* AUDIT_USER, the one record below 1100 */
	size_t size = make(data, 1005, TEXT, strlen(TEXT), 0);

	assert_int_equal(audit_datagram(data, size, 0, &record), 0);
}

static void test_bad_options(void **state)
{
	struct source *source = NULL;

	assert_int_equal(source_audit.open(&source, &(struct source_options){ .mode = "broadcast" }),
			 -EINVAL);
	assert_null(source);
	assert_null(source_audit.free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framings), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_newlines), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_answers),	 cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
