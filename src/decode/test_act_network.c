/* Network events: directions, addresses, outcomes. */

#include "decode/test_draft.h"

#define CALL(number, result, args)                                   \
	"SYSCALL arch=c000003e syscall=" #number " " result " " args \
	" items=0 ppid=1 pid=2 uid=0 comm=\"x\" exe=\"/x\" key=\"recorder\"\n"
#define YES	   "success=yes exit=0"
#define SADDR(hex) "SOCKADDR saddr=" hex "\n"

static void test_connect(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(42, YES, "a0=4 a1=5 a2=10") SADDR("020001BB0A0000010000000000000000"));
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, network, connect);
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "direction", "egress");
	expect(&d, 0, "destination_ip", "10.0.0.1");
	expect(&d, 0, "destination_port", "443");
	expect(&d, 0, "source_ip", NULL);
	expect(&d, 0, "socket_fd", "4");
	decode(&d, CALL(42, "success=no exit=-115", "a0=4")
			   SADDR("0A0000500000000000000000000000000000000000000001"));
	expect(&d, 0, "outcome", "in_progress");
	expect(&d, 0, "error_code", "EINPROGRESS");
	expect(&d, 0, "network_type", "ipv6");
	expect(&d, 0, "destination_ip", "00000000000000000000000000000001");
	expect(&d, 0, "destination_port", "80");
	decode(&d,
	       CALL(42, "success=no exit=-111", "a0=4") SADDR("0A00005000000000"
							      "00000000000000000000FFFF7F00000100000000"));
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "error_code", "ECONNREFUSED");
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "destination_ip", "127.0.0.1");
	decode(&d, CALL(42, "success=no exit=-2", "a0=4") SADDR("01002F72756E2F7800"));
	expect(&d, 0, "network_type", "unix");
	expect(&d, 0, "socket_path", "/run/x");
	expect(&d, 0, "destination_ip", NULL);
	decode(&d, CALL(42, YES, "a0=4") "CWD cwd=\"/var/spool\"\n" SADDR("01007075622F7000"));
	expect(&d, 0, "socket_path", "/var/spool/pub/p");
	decode(&d, CALL(42, YES, "a0=4") SADDR("01007075622F7000"));
	expect(&d, 0, "socket_path", "pub/p");
	decode(&d, CALL(42, YES, "a0=4") SADDR("010000612F62"));
	expect(&d, 0, "socket_path", "@a/b");
	decode(&d, CALL(42, YES, "a0=4") SADDR("100000000000000000000000"));
	expect(&d, 0, "network_type", "netlink");
	/* connect to AF_UNSPEC takes the peer away */
	decode(&d, CALL(42, YES, "a0=4") SADDR("00000000000000000000000000000000"));
	expect_kind(&d, 0, network, disconnect);
	/* what is missing, and what is not */
	decode(&d, CALL(42, YES, "a0=4"));
	expect(&d, 0, "missing", "sockaddr|");
	decode(&d, CALL(42, "success=no exit=-14", "a0=4"));
	assert_int_equal(d.n, 1);
	expect(&d, 0, "missing", NULL);
	decode(&d, CALL(42, YES, "a0=4") SADDR("02"));
	expect_kind(&d, 0, network, connect);
	assert_int_equal(decoder_stats(d.decoder)->errors, 1);
	decoded_stop(&d);
}

static void test_servers(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       CALL(288, "success=yes exit=9", "a0=3 a1=7 a2=8") SADDR("0200D4310A0000020000000000000000"));
	expect_kind(&d, 0, network, accept);
	expect(&d, 0, "direction", "ingress");
	expect(&d, 0, "source_ip", "10.0.0.2");
	expect(&d, 0, "source_port", "54321");
	expect(&d, 0, "destination_ip", NULL);
	expect(&d, 0, "socket_fd", "9");
	decode(&d, CALL(43, "success=yes exit=9", "a0=3 a1=0 a2=0"));
	expect(&d, 0, "missing", NULL);
	decode(&d, CALL(43, "success=yes exit=9", "a0=3 a1=7f00 a2=0"));
	expect(&d, 0, "missing", "sockaddr|");
	decode(&d, CALL(49, YES, "a0=3") SADDR("02001F90000000000000000000000000"));
	expect_kind(&d, 0, network, bind);
	expect(&d, 0, "source_ip", "0.0.0.0");
	expect(&d, 0, "source_port", "8080");
	expect(&d, 0, "direction", NULL);
	decode(&d, CALL(50, YES, "a0=3 a1=80"));
	expect_kind(&d, 0, network, listen);
	expect(&d, 0, "socket_fd", "3");
	/* of these only success happened */
	decode(&d, CALL(288, "success=no exit=-11", "a0=3 a1=7"));
	assert_int_equal(d.n, 0);
	decode(&d, CALL(49, "success=no exit=-98", "a0=3") SADDR("02001F90000000000000000000000000"));
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

static void test_send(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(44, "success=yes exit=40", "a0=5") SADDR("020000350808080800000000"));
	expect_kind(&d, 0, network, send);
	expect(&d, 0, "destination_ip", "8.8.8.8");
	expect(&d, 0, "destination_port", "53");
	expect(&d, 0, "direction", "egress");
	decode(&d, CALL(44, "success=yes exit=40", "a0=5"));
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 1);
	decoded_stop(&d);
}

static void test_socketcall(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       "SYSCALL arch=40000003 syscall=102 success=no exit=-111 a0=3 a1=bf a2=1 a3=2 items=0 pid=2 key=(null)\n"
	       "SOCKETCALL nargs=3 a0=7 a1=bf990000 a2=10\n" SADDR("020000500A000001"));
	expect_kind(&d, 0, network, connect);
	expect(&d, 0, "socket_fd", "7");
	expect(&d, 0, "destination_ip", "10.0.0.1");
	expect(&d, 0, "error_code", "ECONNREFUSED");
	decode(&d,
	       "SYSCALL arch=40000003 syscall=102 success=yes exit=4 a0=5 a1=bf items=0 pid=2 key=(null)\n"
	       "SOCKETCALL nargs=3 a0=7 a1=bf990000 a2=10\n" SADDR("020000500A000001"));
	expect_kind(&d, 0, network, accept);
	expect(&d, 0, "socket_fd", "4");
	/* getsockname is nothing */
	decode(&d,
	       "SYSCALL arch=40000003 syscall=102 success=yes exit=0 a0=6 a1=bf items=0 pid=2 key=(null)\n");
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_socketcall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
