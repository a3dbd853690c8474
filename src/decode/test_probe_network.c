/* Calls on sockets, DNS and HTTP. */

#include "decode/test_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#define TCP 6
#define UDP 17

static struct made made;

static struct probe_socket *body(void)
{
	return &made.record->body.socket;
}

static void set_ip(probe_u8 ip[16], const char *text)
{
	if (text)
		assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ip), 1);
}

/* Both ends as the kernel tells them; NULL: none of its own. */
static void make_socket(enum probe_call_number call, uint16_t family, const char *local, uint16_t local_port,
			const char *remote, uint16_t remote_port)
{
	make(&made, PROBE_SOCKET, call);
	*body() = (struct probe_socket){
		.local_port = local_port, .remote_port = remote_port, .family = family,
		.remote_family = remote ? family : 0, .socket_type = SOCK_STREAM, .protocol = TCP, .fd = 3,
	};
	set_ip(body()->local, local);
	set_ip(body()->remote, remote);
}

static void test_connect(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_socket(PROBE_CALL_connect, AF_INET, "192.0.2.1", 40000, "198.51.100.7", 443);
	decode_made(&d, &made);
	expect_event(&d, network, connect, "CALL");
	expect_members(&d, 0, "outcome code transport network_type direction source_ip source_port destination_ip "
			      "destination_port socket_fd");
	expect_actor(&d, 0, "");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "transport", "tcp");
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "direction", "egress");
	expect(&d, 0, "source_ip", "192.0.2.1");
	expect(&d, 0, "source_port", "40000");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	expect(&d, 0, "destination_port", "443");
	expect(&d, 0, "socket_fd", "3");

	make_socket(PROBE_CALL_connect, AF_INET6, "2001:db8::1", 40000, "2001:db8::2", 80);
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv6");
	expect(&d, 0, "source_ip", "20010db8000000000000000000000001");
	expect(&d, 0, "destination_ip", "20010db8000000000000000000000002");
	expect(&d, 0, "destination_port", "80");
	/* version 4 in a socket of version 6 */
	make_socket(PROBE_CALL_connect, AF_INET6, "::ffff:192.0.2.1", 40000, "::ffff:198.51.100.7", 80);
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "source_ip", "192.0.2.1");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	/* ... to which the address was of version 4 itself */
	make_socket(PROBE_CALL_sendto, AF_INET6, "::", 40000, NULL, 5000);
	body()->remote_family = AF_INET;
	body()->protocol = UDP;
	set_ip(body()->remote, "198.51.100.7");
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	/* nearly such an address */
	make_socket(PROBE_CALL_connect, AF_INET6, "::1", 40000, "::fffe:198.51.100.7", 80);
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv6");
	expect(&d, 0, "destination_ip", "00000000000000000000fffec6336407");
	decoded_stop(&d);
}

static void test_connect_that_fails(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_socket(PROBE_CALL_connect, AF_INET, NULL, 0, "198.51.100.7", 443);
	body()->result = -ECONNREFUSED;
	decode_made(&d, &made);
	expect_event(&d, network, connect, "CALL");
	expect_members(&d, 0, "outcome code error_code transport network_type direction destination_ip destination_port "
			      "socket_fd");
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "error_code", "ECONNREFUSED");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	make_socket(PROBE_CALL_connect, AF_INET, "192.0.2.1", 40000, "198.51.100.7", 443);
	body()->result = -EINPROGRESS;
	decode_made(&d, &made);
	expect(&d, 0, "outcome", "in_progress");
	expect(&d, 0, "error_code", "EINPROGRESS");
	expect(&d, 0, "source_ip", "192.0.2.1");
	body()->result = -512;
	decode_made(&d, &made);
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "error_code", "ERESTARTSYS");
	body()->result = INT64_MIN + 1;
	decode_made(&d, &made);
	expect(&d, 0, "outcome", "failure");
	body()->result = INT64_MIN;
	decode_made(&d, &made);
	expect(&d, 0, "outcome", "failure");
	/* the address was nothing */
	make_socket(PROBE_CALL_connect, AF_INET, NULL, 0, NULL, 0);
	body()->result = -EAFNOSUPPORT;
	body()->remote_family = 77;
	decode_made(&d, &made);
	expect(&d, 0, "destination_ip", NULL);
	expect(&d, 0, "destination_port", NULL);
	decoded_stop(&d);
}

/* connect(2): AF_UNSPEC dissolves the association. */
static void test_dissolve(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_socket(PROBE_CALL_connect, AF_INET, "192.0.2.1", 40000, NULL, 0);
	body()->protocol = UDP;
	decode_made(&d, &made);
	expect_event(&d, network, disconnect, "CALL");
	expect_members(&d, 0, "outcome code transport network_type source_ip source_port socket_fd");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "transport", "udp");
	expect(&d, 0, "source_ip", "192.0.2.1");
	/* failed: nothing was dissolved; not of the internet: a path has no such family */
	body()->result = -EAFNOSUPPORT;
	decode_made(&d, &made);
	expect_event(&d, network, connect, "CALL");
	make_socket(PROBE_CALL_connect, AF_UNIX, NULL, 0, NULL, 0);
	decode_made(&d, &made);
	expect_event(&d, network, connect, "CALL");
	decoded_stop(&d);
}

static void test_accept(void **state)
{
	static const enum probe_call_number calls[] = { PROBE_CALL_accept, PROBE_CALL_accept4 };
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		make_socket(calls[i], AF_INET6, "::ffff:192.0.2.1", 22, "::ffff:198.51.100.7", 50000);
		body()->fd = 9;
		body()->result = 9;
		decode_made(&d, &made);
		expect_event(&d, network, accept, "CALL");
		expect(&d, 0, "outcome", "success");
		expect(&d, 0, "direction", "ingress");
		expect(&d, 0, "network_type", "ipv4");
		expect(&d, 0, "source_ip", "198.51.100.7");
		expect(&d, 0, "source_port", "50000");
		expect(&d, 0, "destination_ip", "192.0.2.1");
		expect(&d, 0, "destination_port", "22");
		expect(&d, 0, "socket_fd", "9");
	}
	expect_members(&d, 0, "outcome code transport network_type direction source_ip source_port destination_ip "
			      "destination_port socket_fd");
	decoded_stop(&d);
}

static void test_bind_listen_send(void **state)
{
	static const enum probe_call_number sends[] = { PROBE_CALL_sendto, PROBE_CALL_sendmsg, PROBE_CALL_sendmmsg };
	struct decoded d;

	decoded_start(&d, NULL);
	make_socket(PROBE_CALL_bind, AF_INET, "0.0.0.0", 8080, NULL, 0);
	decode_made(&d, &made);
	expect_event(&d, network, bind, "CALL");
	expect_members(&d, 0, "outcome code transport network_type source_ip source_port socket_fd");
	expect(&d, 0, "source_ip", "0.0.0.0");
	expect(&d, 0, "source_port", "8080");
	make_socket(PROBE_CALL_listen, AF_INET6, "::", 8080, NULL, 0);
	decode_made(&d, &made);
	expect_event(&d, network, listen, "CALL");
	expect(&d, 0, "network_type", "ipv6");
	expect(&d, 0, "source_ip", "00000000000000000000000000000000");
	expect(&d, 0, "source_port", "8080");
	/* an address, no port yet */
	make_socket(PROBE_CALL_bind, AF_INET, "192.0.2.1", 0, NULL, 0);
	decode_made(&d, &made);
	expect(&d, 0, "source_ip", "192.0.2.1");
	expect(&d, 0, "source_port", NULL);
	/* a port that the kernel chose, no address: a datagram finds its own */
	make_socket(PROBE_CALL_sendto, AF_INET, "0.0.0.0", 40000, "198.51.100.7", 123);
	decode_made(&d, &made);
	expect(&d, 0, "source_ip", NULL);
	expect(&d, 0, "source_port", "40000");
	expect(&d, 0, "destination_port", "123");
	for (size_t i = 0; i < ARRAY_SIZE(sends); i++) {
		make_socket(sends[i], AF_INET, "192.0.2.1", 40000, "198.51.100.7", 123);
		body()->socket_type = SOCK_DGRAM;
		body()->protocol = UDP;
		body()->result = 48;
		decode_made(&d, &made);
		expect_event(&d, network, send, "CALL");
		expect(&d, 0, "transport", "udp");
		expect(&d, 0, "direction", "egress");
		expect(&d, 0, "destination_port", "123");
		expect(&d, 0, "outcome", "success");
	}
	/* another protocol has no name here */
	body()->protocol = 132;
	decode_made(&d, &made);
	expect(&d, 0, "transport", NULL);
	decoded_stop(&d);
}

static void test_disconnect(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_socket(PROBE_CALL_NONE, AF_INET, "192.0.2.1", 40000, "198.51.100.7", 443);
	made.record->head.flags = PROBE_SOFTIRQ;
	body()->fd = -1;
	body()->bytes_in = UINT64_C(5000000000);
	body()->bytes_out = 0;
	decode_made(&d, &made);
	expect_event(&d, network, disconnect, "SOCKET");
	expect_members(&d, 0, "outcome code transport network_type source_ip source_port destination_ip destination_port "
			      "bytes_in bytes_out");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "source_ip", "192.0.2.1");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	expect(&d, 0, "bytes_in", "5000000000");
	expect(&d, 0, "bytes_out", "0");
	made.record->head.flags |= PROBE_UNCOUNTED;
	decode_made(&d, &made);
	expect_event(&d, network, disconnect, "SOCKET");
	expect_members(&d, 0, "outcome code transport network_type source_ip source_port destination_ip destination_port");
	decoded_stop(&d);
}

static void make_unix(enum probe_call_number call, struct span path, const char *cwd)
{
	make_socket(call, AF_UNIX, NULL, 0, NULL, 0);
	body()->remote_family = AF_UNIX;
	body()->protocol = 0;
	add_text(&made, SOCKET_PATH, path);
	if (cwd)
		add_path(&made, SOCKET_CWD, cwd);
}

static void test_unix(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_unix(PROBE_CALL_connect, SPAN("/run/systemd/journal/socket"), NULL);
	decode_made(&d, &made);
	expect_event(&d, network, connect, "CALL");
	expect_members(&d, 0, "outcome code network_type direction socket_path socket_fd");
	expect(&d, 0, "network_type", "unix");
	expect(&d, 0, "socket_path", "/run/systemd/journal/socket");
	expect_actor(&d, 0, "");
	make_unix(PROBE_CALL_bind, SPAN("./sock/../x"), "/srv/work");
	decode_made(&d, &made);
	expect_event(&d, network, bind, "CALL");
	expect(&d, 0, "socket_path", "/srv/work/x");
	make_unix(PROBE_CALL_bind, SPAN("x"), "/");
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", "/x");
	/* bound, so with its NUL and what may follow; where it was relative to, nobody knows */
	make_unix(PROBE_CALL_accept, SPAN("/run/x\0rest"), NULL);
	decode_made(&d, &made);
	expect_event(&d, network, accept, "CALL");
	expect(&d, 0, "socket_path", "/run/x");
	make_unix(PROBE_CALL_listen, SPAN("relative\0"), NULL);
	decode_made(&d, &made);
	expect_event(&d, network, listen, "CALL");
	expect(&d, 0, "socket_path", "relative");
	/* neither where its beginning is cut */
	make_unix(PROBE_CALL_bind, SPAN("x"), "/c/d");
	cut_text(&made, SOCKET_CWD);
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", "x");
	/* abstract: all its bytes */
	make_unix(PROBE_CALL_connect, SPAN("\0/tmp/.X11-unix/X0"), NULL);
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", "@/tmp/.X11-unix/X0");
	make_unix(PROBE_CALL_connect, SPAN("\0"), NULL);
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", "@");
	make_unix(PROBE_CALL_connect, SPAN("\0a\0b"), NULL);
	decode_made(&d, &made);
	assert_int_equal(values_text(&d.events[0]->values, FIELD_socket_path).size, 4);
	/* unnamed, as of socketpair(2) */
	make_unix(PROBE_CALL_accept, SPAN(""), NULL);
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", NULL);
	/* no text of another family is a path */
	make_unix(PROBE_CALL_connect, SPAN("/run/x"), NULL);
	body()->family = AF_INET;
	decode_made(&d, &made);
	expect(&d, 0, "socket_path", NULL);
	decoded_stop(&d);
}

static void test_other_families(void **state)
{
	static const struct {
		uint16_t family;
		const char *name;
	} cases[] = {
		{ AF_NETLINK, "netlink" }, { AF_PACKET, "packet" }, { AF_VSOCK, "vsock" }, { AF_ALG, "alg" },
		{ 47, "family-47" }, { 65535, "family-65535" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_socket(PROBE_CALL_bind, cases[i].family, "192.0.2.1", 5, "198.51.100.7", 6);
		decode_made(&d, &made);
		expect_event(&d, network, bind, "CALL");
		expect_members(&d, 0, "outcome code network_type socket_fd");
		expect(&d, 0, "network_type", cases[i].name);
	}
	decoded_stop(&d);
}

/* DNS */

#define QUERY "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07" "example\x03" "com\0\0\x01\0\x01"
#define ANSWER "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x07" "example\x03" "com\0\0\x01\0\x01" \
	"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07"

static void make_dns(enum probe_call_number call, uint8_t protocol, struct span payload, uint16_t wire_bytes)
{
	make(&made, PROBE_DNS, call);
	*body() = (struct probe_socket){
		.local_port = 40000, .remote_port = 53, .family = AF_INET, .remote_family = AF_INET, .socket_type = SOCK_DGRAM,
		.protocol = protocol, .wire_bytes = wire_bytes, .fd = 3, .result = wire_bytes,
	};
	set_ip(body()->local, "192.0.2.1");
	set_ip(body()->remote, "192.0.2.53");
	add_text(&made, DNS_PAYLOAD, payload);
}

static void expect_query(struct decoded *d, const char *transport)
{
	expect_event(d, dns, query, "DNS");
	expect_members(d, 0, "code transport network_type direction source_ip source_port destination_ip destination_port "
			     "dns_id dns_question_name dns_question_type");
	expect_actor(d, 0, "");
	expect(d, 0, "transport", transport);
	expect(d, 0, "network_type", "ipv4");
	expect(d, 0, "direction", "egress");
	expect(d, 0, "source_ip", "192.0.2.1");
	expect(d, 0, "source_port", "40000");
	expect(d, 0, "destination_ip", "192.0.2.53");
	expect(d, 0, "destination_port", "53");
	expect(d, 0, "dns_id", "4660");
	expect(d, 0, "dns_question_name", "example.com");
	expect(d, 0, "dns_question_type", "A");
}

static void expect_response(struct decoded *d, const char *transport)
{
	expect_event(d, dns, response, "DNS");
	expect_members(d, 0, "code transport network_type direction source_ip source_port destination_ip destination_port "
			     "dns_id dns_question_name dns_question_type dns_answers dns_resolved_ip dns_response_code");
	expect(d, 0, "transport", transport);
	expect(d, 0, "direction", "ingress");
	/* the server is the destination here too */
	expect(d, 0, "destination_ip", "192.0.2.53");
	expect(d, 0, "destination_port", "53");
	expect(d, 0, "source_port", "40000");
	expect(d, 0, "dns_answers", "A 192.0.2.7|");
	expect(d, 0, "dns_resolved_ip", "192.0.2.7|");
	expect(d, 0, "dns_response_code", "NOERROR");
}

static void test_dns_udp(void **state)
{
	static const struct span query = SPAN(QUERY), answer = SPAN(ANSWER);
	struct decoded d;

	decoded_start(&d, NULL);
	make_dns(PROBE_CALL_sendto, UDP, query, (uint16_t)query.size);
	decode_made(&d, &made);
	expect_query(&d, "udp");
	make_dns(PROBE_CALL_recvmsg, UDP, answer, (uint16_t)answer.size);
	decode_made(&d, &made);
	expect_response(&d, "udp");
	/* longer than is kept */
	make_dns(PROBE_CALL_recvmsg, UDP, (struct span){ answer.data, answer.size - 6 }, (uint16_t)answer.size);
	cut_text(&made, DNS_PAYLOAD);
	decode_made(&d, &made);
	expect_kind(&d, 0, dns, response);
	expect(&d, 0, "dns_question_name", "example.com");
	expect(&d, 0, "truncated", "dns.answers|");
	expect(&d, 0, "missing", NULL);
	/* nothing before the message here, whatever it looks like */
	make_dns(PROBE_CALL_sendto, UDP, SPAN("\0\x1d" QUERY), (uint16_t)query.size + 2);
	decode_made(&d, &made);
	assert_true(d.n == 0 || values_number(&d.events[0]->values, FIELD_dns_id) == 0x1d);
	decoded_stop(&d);
}

static void test_dns_tcp(void **state)
{
	static const struct span query = SPAN(QUERY), answer = SPAN(ANSWER);
	struct decoded d;

	decoded_start(&d, NULL);
	/* alone, as in a read of the rest */
	make_dns(PROBE_CALL_write, TCP, query, (uint16_t)query.size);
	decode_made(&d, &made);
	expect_query(&d, "tcp");
	/* with its length before it */
	assert_int_equal(query.size, 0x1d);
	make_dns(PROBE_CALL_write, TCP, SPAN("\0\x1d" QUERY), (uint16_t)query.size + 2);
	decode_made(&d, &made);
	expect_query(&d, "tcp");
	assert_int_equal(answer.size, 0x2d);
	make_dns(PROBE_CALL_read, TCP, SPAN("\0\x2d" ANSWER), (uint16_t)answer.size + 2);
	decode_made(&d, &made);
	expect_response(&d, "tcp");
	/* cut: the wire says how long it was */
	make_dns(PROBE_CALL_read, TCP, SPAN("\x02\0" ANSWER), 514);
	cut_text(&made, DNS_PAYLOAD);
	decode_made(&d, &made);
	expect(&d, 0, "dns_question_name", "example.com");
	expect(&d, 0, "dns_resolved_ip", "192.0.2.7|");
	decoded_stop(&d);
}

/* A server may answer with a question. */
static void test_dns_direction(void **state)
{
	static const struct span query = SPAN(QUERY), answer = SPAN(ANSWER);
	static const struct {
		enum probe_call_number call;
		const char *of_query, *of_response;
	} cases[] = {
		{ PROBE_CALL_sendto, "egress", "egress" },    { PROBE_CALL_sendmmsg, "egress", "egress" },
		{ PROBE_CALL_writev, "egress", "egress" },    { PROBE_CALL_recvfrom, "ingress", "ingress" },
		{ PROBE_CALL_recvmmsg, "ingress", "ingress" }, { PROBE_CALL_read, "ingress", "ingress" },
		{ PROBE_CALL_NONE, "egress", "ingress" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_dns(cases[i].call, UDP, query, (uint16_t)query.size);
		decode_made(&d, &made);
		expect_kind(&d, 0, dns, query);
		expect(&d, 0, "direction", cases[i].of_query);
		make_dns(cases[i].call, UDP, answer, (uint16_t)answer.size);
		decode_made(&d, &made);
		expect_kind(&d, 0, dns, response);
		expect(&d, 0, "direction", cases[i].of_response);
		expect(&d, 0, "destination_port", "53");
	}
	decoded_stop(&d);
}

#define QUERY6 "\x12\x35\x01\0\0\x01\0\0\0\0\0\0\x07" "example\x03" "com\0\0\x1c\0\x01"

/* One write of the C library, one read of what came back. */
static void test_dns_tcp_many(void **state)
{
	static const struct span queries = SPAN("\0\x1d" QUERY "\0\x1d" QUERY6);
	static const struct span mixed = SPAN("\0\x2d" ANSWER "\0\x03" "abc\0\x1d" QUERY6);
	uint64_t first;
	struct decoded d;

	decoded_start(&d, NULL);
	make_dns(PROBE_CALL_writev, TCP, queries, (uint16_t)queries.size);
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	expect_kind(&d, 0, dns, query);
	expect(&d, 0, "dns_id", "4660");
	expect(&d, 0, "dns_question_type", "A");
	expect_kind(&d, 1, dns, query);
	expect(&d, 1, "dns_id", "4661");
	expect(&d, 1, "dns_question_name", "example.com");
	expect(&d, 1, "dns_question_type", "AAAA");
	expect(&d, 1, "transport", "tcp");
	expect(&d, 1, "destination_port", "53");
	first = d.events[0]->origin;
	assert_int_equal(d.events[1]->origin, first + (1 << 16));
	/* in two writes, the first of which ends in the name: what it has of the message, marked, and nothing of the rest */
	make_dns(PROBE_CALL_sendto, TCP, SPAN("\0\x1d" "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07" "exa"), 18);
	decode_made(&d, &made);
	assert_true(d.n <= 1);
	if (d.n == 1) {
		expect(&d, 0, "dns_id", "4660");
		assert_true(values_has(&d.events[0]->values, FIELD_truncated) || values_has(&d.events[0]->values, FIELD_missing));
	}
	make_dns(PROBE_CALL_sendto, TCP, SPAN("mple\x03" "com\0\0\x01\0\x01"), 13);
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	/* of both kinds; what is too short for a message is none */
	make_dns(PROBE_CALL_read, TCP, mixed, (uint16_t)mixed.size);
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	expect_kind(&d, 0, dns, response);
	expect(&d, 0, "dns_id", "4660");
	expect_kind(&d, 1, dns, query);
	expect(&d, 1, "dns_id", "4661");
	/* the last is cut, and says so alone; or its length is */
	make_dns(PROBE_CALL_write, TCP, (struct span){ queries.data, queries.size - 1 }, (uint16_t)queries.size);
	cut_text(&made, DNS_PAYLOAD);
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	expect(&d, 0, "dns_question_type", "A");
	expect(&d, 0, "truncated", NULL);
	expect(&d, 1, "dns_id", "4661");
	make_dns(PROBE_CALL_write, TCP, (struct span){ queries.data, 32 }, (uint16_t)queries.size);
	cut_text(&made, DNS_PAYLOAD);
	decode_made(&d, &made);
	assert_int_equal(d.n, 1);
	expect(&d, 0, "dns_id", "4660");
	/* a length that leads beyond what was moved: another call moves the rest */
	make_dns(PROBE_CALL_read, TCP, SPAN("\0\x1e" QUERY), 0x1f);
	decode_made(&d, &made);
	assert_int_equal(d.n, 1);
	expect(&d, 0, "dns_id", "4660");
	decoded_stop(&d);
}

static void test_dns_v6(void **state)
{
	static const struct span query = SPAN(QUERY);
	struct decoded d;

	decoded_start(&d, NULL);
	make_dns(PROBE_CALL_sendmmsg, UDP, query, (uint16_t)query.size);
	body()->family = body()->remote_family = AF_INET6;
	set_ip(body()->local, "::ffff:192.0.2.1");
	set_ip(body()->remote, "::ffff:192.0.2.53");
	decode_made(&d, &made);
	expect_query(&d, "udp");
	memset(body()->local, 0, 16);	/* not bound, nothing is known of this end */
	body()->local_port = 0;
	set_ip(body()->remote, "2001:db8::53");
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv6");
	expect(&d, 0, "source_ip", NULL);
	expect(&d, 0, "source_port", NULL);
	expect(&d, 0, "destination_ip", "20010db8000000000000000000000053");
	decoded_stop(&d);
}

/* What goes to port 53 need not be DNS. */
static void test_no_dns(void **state)
{
	static const struct span bad = SPAN("GET / HTTP/1.1\r\n\r\n");
	struct decoded d;

	decoded_start(&d, NULL);
	for (uint16_t size = 0; size < 12; size++) {
		make_dns(PROBE_CALL_sendto, UDP, (struct span){ QUERY, size }, size);
		decode_made(&d, &made);
		assert_int_equal(d.n, 0);
		make_dns(PROBE_CALL_write, TCP, (struct span){ "\0\x05" QUERY, size }, size);
		decode_made(&d, &made);
		assert_int_equal(d.n, 0);
	}
	assert_int_equal(decoder_stats(d.decoder)->errors, 0);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 24);
	make_dns(PROBE_CALL_sendto, UDP, bad, (uint16_t)bad.size);
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, 1);
	assert_int_equal(decoder_stats(d.decoder)->events, 0);
	/* TCP, the prefix and nothing */
	make_dns(PROBE_CALL_write, TCP, SPAN("\0\0"), 2);
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

/* One side of a connection between 192.0.2.1, which is here, and 198.51.100.7. */
static void make_http(enum probe_call_number call, struct span head)
{
	make_socket(call, AF_INET, "192.0.2.1", 40000, "198.51.100.7", 80);
	made.record->head.type = PROBE_HTTP;
	body()->inode = 4026531999u;
	body()->result = 4000;
	add_text(&made, HTTP_HEAD, head);
}

#define HTTP_MEMBERS "code transport network_type direction source_ip source_port destination_ip destination_port http_connection " \
		     "http_version http_headers "

static void test_http(void **state)
{
	static const struct span request = SPAN("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"), response = SPAN("HTTP/1.1 204 x\r\nA: b\r\n\r\n");
	struct decoded d;

	decoded_start(&d, NULL);
	make_http(PROBE_CALL_sendto, request);
	decode_made(&d, &made);
	expect_event(&d, http, headers, "HTTP");
	expect_actor(&d, 0, "");
	expect_members(&d, 0, HTTP_MEMBERS "http_method http_url");
	expect(&d, 0, "http_method", "GET");
	expect(&d, 0, "http_url", "http://x/a");
	expect(&d, 0, "http_version", "1.1");
	expect(&d, 0, "http_connection", "4026531999");
	expect(&d, 0, "transport", "tcp");
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "direction", "egress");
	expect(&d, 0, "source_ip", "192.0.2.1");
	expect(&d, 0, "source_port", "40000");
	expect(&d, 0, "destination_ip", "198.51.100.7");
	expect(&d, 0, "destination_port", "80");
	make_http(PROBE_CALL_readv, response);
	decode_made(&d, &made);
	expect_members(&d, 0, HTTP_MEMBERS "http_status");
	expect(&d, 0, "http_status", "204");
	expect(&d, 0, "direction", "ingress");
	expect(&d, 0, "source_ip", "198.51.100.7");
	expect(&d, 0, "source_port", "80");
	expect(&d, 0, "destination_ip", "192.0.2.1");
	expect(&d, 0, "destination_port", "40000");
	/* the beginning of more */
	make_http(PROBE_CALL_write, (struct span){ request.data, request.size - 2 });
	decode_made(&d, &made);
	expect_members(&d, 0, HTTP_MEMBERS "http_method http_url truncated");
	expect(&d, 0, "truncated", "http.headers|");
	make_http(PROBE_CALL_write, (struct span){ "GET /aaa", 8 });
	cut_text(&made, HTTP_HEAD);
	decode_made(&d, &made);
	expect(&d, 0, "http_url", "/aaa");
	expect(&d, 0, "truncated", "http.url|http.headers|");
	/* version 4 in a socket of version 6 */
	make_http(PROBE_CALL_write, request);
	body()->family = body()->remote_family = AF_INET6;
	memset(body()->local, 0, 32);
	set_ip(body()->local, "::ffff:192.0.2.1");
	set_ip(body()->remote, "::ffff:198.51.100.7");
	decode_made(&d, &made);
	expect(&d, 0, "network_type", "ipv4");
	expect(&d, 0, "source_ip", "192.0.2.1");
	decoded_stop(&d);
}

static void test_http_direction(void **state)
{
	static const struct {
		enum probe_call_number call;
		const char *direction;
	} list[] = {
		{ PROBE_CALL_write, "egress" }, { PROBE_CALL_writev, "egress" }, { PROBE_CALL_sendto, "egress" },
		{ PROBE_CALL_sendmsg, "egress" }, { PROBE_CALL_read, "ingress" }, { PROBE_CALL_readv, "ingress" },
		{ PROBE_CALL_recvfrom, "ingress" }, { PROBE_CALL_recvmsg, "ingress" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		make_http(list[i].call, SPAN("HTTP/1.0 200 OK\r\n\r\n"));
		decode_made(&d, &made);
		expect(&d, 0, "direction", list[i].direction);
	}
	decoded_stop(&d);
}

/* What begins like it need not be it; and no other call makes such a record. */
static void test_no_http(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_http(PROBE_CALL_write, SPAN("GET some key\r\n"));
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	make_http(PROBE_CALL_write, SPAN(""));
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 2);
	assert_int_equal(decoder_stats(d.decoder)->errors, 0);
	make_http(PROBE_CALL_connect, SPAN("GET / HTTP/1.1\r\n\r\n"));
	decode_made(&d, &made);
	make_http(PROBE_CALL_NONE, SPAN("GET / HTTP/1.1\r\n\r\n"));
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, 2);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_that_fails),
		cmocka_unit_test(test_dissolve),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_bind_listen_send),
		cmocka_unit_test(test_disconnect),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_other_families),
		cmocka_unit_test(test_dns_udp),
		cmocka_unit_test(test_dns_tcp),
		cmocka_unit_test(test_dns_direction),
		cmocka_unit_test(test_dns_tcp_many),
		cmocka_unit_test(test_dns_v6),
		cmocka_unit_test(test_no_dns),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_direction),
		cmocka_unit_test(test_no_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
