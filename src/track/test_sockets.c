/* The other end of a socket: filled in where it is not known, never against what the records say. */

#include "track/test_world.h"

#define V4(a, b, c, d) { .ip = { a, b, c, d }, .ip_size = 4 }

static struct socket_ends ends;
static int answer;
static unsigned n_asked;

static int resolve_socket(void *user, uint32_t pid, int32_t fd, struct socket_ends *ret)
{
	n_asked++;
	assert_int_equal(pid, 100);
	assert_int_equal(fd, 5);
	*ret = ends;
	return answer;
}

static struct socket_end end_at(uint8_t last, uint16_t port)
{
	struct socket_end end = V4(127, 0, 0, last);

	end.port = port;
	return end;
}

static void begin_asking(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_socket = resolve_socket };

	*world = (struct world){ 0 };
	begin_with(world, &options);
	ends = (struct socket_ends){ end_at(1, 5000), end_at(2, 80) };
	answer = 0;
	n_asked = 0;
}

static struct event *new_event(uint16_t kind, const char *from)
{
	struct event *event = event_new(kind, AT(0));

	values_set_text(&event->values, FIELD_source, span_of(from));
	values_set_text(&event->values, FIELD_outcome, SPAN("success"));
	values_set_number(&event->values, FIELD_socket_fd, 5);
	return event;
}

static void track(struct world *world, struct event *event)
{
	caller(world, 100, 1, 0, "/bin/curl");
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
}

static void set_end(struct event *event, enum field ip, enum field port, struct socket_end end)
{
	values_set_text(&event->values, ip, (struct span){ (const char *)end.ip, end.ip_size });
	values_set_number(&event->values, port, end.port);
}

static void expect_end(const struct event *event, enum field ip, enum field port, struct socket_end end, bool inferred)
{
	struct span text = values_text(&event->values, ip);

	assert_true(span_eq(text, (struct span){ (const char *)end.ip, end.ip_size }));
	assert_int_equal(values_number(&event->values, port), end.port);
	assert_int_equal(values_is_inferred(&event->values, ip), inferred);
	assert_int_equal(values_is_inferred(&event->values, port), inferred);
}

static void test_connect(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, connect), "audit");
	struct world world;

	begin_asking(&world);
	set_end(event, FIELD_destination_ip, FIELD_destination_port, ends.remote);
	track(&world, event);
	expect_end(event, FIELD_source_ip, FIELD_source_port, ends.local, true);
	expect_end(event, FIELD_destination_ip, FIELD_destination_port, ends.remote, false);
	end(&world);
}

static void test_accept(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, accept), "audit");
	struct world world;

	begin_asking(&world);
	track(&world, event);	/* the program did not ask who it is */
	expect_end(event, FIELD_source_ip, FIELD_source_port, ends.remote, true);
	expect_end(event, FIELD_destination_ip, FIELD_destination_port, ends.local, true);
	assert_true(span_eq(values_text(&event->values, FIELD_network_type), SPAN("ipv4")));
	end(&world);
}

/* A bind to port 0, and a listen, which says nothing, at any address. */
static void test_waiting(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, bind), "audit"), *other = new_event(KIND_ID(network, listen), "audit");
	struct world world;

	begin_asking(&world);
	ends = (struct socket_ends){ .local = end_at(1, 5000) };
	set_end(event, FIELD_source_ip, FIELD_source_port, end_at(1, 0));
	track(&world, event);
	assert_int_equal(event->source_port, 5000);
	ends.local = (struct socket_end){ .ip_size = 4, .port = 7 };
	track(&world, other);
	expect_end(other, FIELD_source_ip, FIELD_source_port, ends.local, true);
	assert_false(values_has(&other->values, FIELD_destination_ip));
	end(&world);
}

/* What must not be filled in, and where nobody is to be asked. */
static void test_not(void **state)
{
	static const struct {
		const char *what, *source, *outcome;
		struct socket_end remote;
		int answer;
		unsigned n_asked;
	} cases[] = {
		{ "another connection by now", "audit", "success", V4(127, 0, 0, 9), 0, 1 },
		{ "gone", "audit", "success", V4(127, 0, 0, 2), -EBADF, 1 },
		{ "failed", "audit", "failure", V4(127, 0, 0, 2), 0, 0 },
		{ "ebpf knows both", "ebpf", "success", V4(127, 0, 0, 2), 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, connect), cases[i].source);
		struct world world;

		begin_asking(&world);
		answer = cases[i].answer;
		values_set_text(&event->values, FIELD_outcome, span_of(cases[i].outcome));
		set_end(event, FIELD_destination_ip, FIELD_destination_port, cases[i].remote);
		event->destination_port = 80;
		track(&world, event);
		assert_false(values_has(&event->values, FIELD_source_ip));
		assert_int_equal(n_asked, cases[i].n_asked);
		end(&world);
	}
}

/* Connected already, to somewhere before it is bound to an address. */
static void test_no_address_yet(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, connect), "audit");
	struct world world;

	begin_asking(&world);
	ends.local = (struct socket_end){ .ip_size = 4, .port = 7 };
	set_end(event, FIELD_destination_ip, FIELD_destination_port, ends.remote);
	track(&world, event);
	assert_false(values_has(&event->values, FIELD_source_ip));
	assert_int_equal(event->source_port, 7);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect),	 cmocka_unit_test(test_accept), cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_not),	 cmocka_unit_test(test_no_address_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
