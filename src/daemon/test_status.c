/* The status is JSON, with the names of the specification, and its figures are those it was given. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/status.h"

static const json_t *value_of(const json_t *items, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item) {
		assert_string_equal(json_string_value(json_object_get(item, "domain")), "recorder");
		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return json_object_get(item, "value");
	}
	return NULL;
}

static void test_names(void **state)
{
	static const char *const names[] = {
		"version", "state", "state.reasons", "event_source", "event_source.process", "event_source.dns", "capability.file",
		"subscriptions", "subscriptions_refused", "subscriptions_unprotected", "has_user_defined_audit_rules", "restart_needed", "uptime", "database.size_bytes", "database.events",
		"database.oldest", "database.newest", "database.bytes_per_event", "received", "decoded", "assembled",
		"filtered_out", "signals", "patterns_given_up", "stored", "journaled", "lost.kernel", "lost.enobufs", "lost.ring",
		"lost.shed.file", "lost.assembler", "lost.memory", "lost.database", "lost.journal", "lost.closed_unseen", "hashes.made", "hashes.waiting", "cpu_percent", "rss_bytes",
		"counters.reconcile", "records.received.ebpf", "records.lost.ring.ebpf", "records.waiting.ebpf", "events.made.file",
		"events.stored.file", "events.lost.shed.file", "events.waiting.file", "lost.stop",
		"kernel.audit.files", "kernel.audit.user_rules", "health", "health.source", "health.canary", "canary.last",
		"canary.latency_ms", "canary.sent", "canary.failed", "canary.missing.connect", "cpu_percent", "cpu_seconds", "rss_bytes", "queue.ring_bytes", "queue.events",
	};
	static const struct source_stats source = { .overruns = 3 };
	bool wanted[N_KINDS] = { [KIND_ID(file, write)] = true };
	static const struct memory memory;
	const struct canary_report canary = { .outcome = CANARY_MISSING, .demanded = { true, true, false },
					      .arrived = { true, false, false }, .latency_ms = 4 };
	struct health health = { 0 };
	struct throttle throttle = { .use_percent = 12.5, .wish = { .target_percent = 5 },
				     .orders = { .step = THROTTLE_SHED, .leisure_percent = 1, .stretch_percent = 400 } };
	struct status status = {
		.state = "recording", .source_mode = "unicast", .have_connector = true, .audit_works = true,
		.n_subscriptions = 1, .started_ns = 1, .now_ns = 10 * NS_PER_SEC, .wanted = wanted,
		.source = &source, .lost_kernel = 7, .database_path = "/x \"y\"", .database_bytes = 1000,
		.database_events = 10, .cpu_ns = NS_PER_SEC / 10,
		.rules_missing = 2, .has_user_rules = true, .user_rules_loaded = 4, .health = &health, .canary = &canary, .memory = &memory,
		.shed = { [CATEGORY_file] = 5, [CATEGORY_network] = 6 },
		.core.balance = { .records = { [ORIGIN_EBPF] = { 100, 90, 1, 2, 3, 0, 0, 0, 0 } },
				  .events = { [CATEGORY_file] = { 50, 1, 2, 3, 0, 3, 37, 20, 5, 0, 2, 1 } },
				  .records_waiting = 4, .events_waiting = 4, .emitted_waiting = 9, .has_sinks = true },
		.thinned = { [CATEGORY_file] = 8, [CATEGORY_image] = 9 }, .core.unread = 4, .throttle = &throttle, .suspended_since_ns = 1,
	};
	struct buffer text = { 0 };
	json_t *items;

	health.states[1] = (struct health_state){ .level = HEALTH_FAIL, .why = "2 audit rules are missing" };
	health.states[2] = (struct health_state){ .level = HEALTH_WARN, .why = "a little" };
	health.states[N_HEALTH_CHECKS - 1] = (struct health_state){ .level = HEALTH_FAIL, .why = "recorder.conf:3: \"x\"" };
	status_json(&text, &status);
	items = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_array(items));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(value_of(items, names[i]));
	assert_int_equal(json_array_size(value_of(items, "state.reasons")), 2);
	assert_string_equal(json_string_value(json_array_get(value_of(items, "state.reasons"), 0)), "2 audit rules are missing");
	assert_string_equal(json_string_value(json_array_get(value_of(items, "state.reasons"), 1)), "recorder.conf:3: \"x\"");
	assert_string_equal(json_string_value(value_of(items, "health")), "fail");
	assert_string_equal(json_string_value(value_of(items, "health.rules")), "fail");
	assert_string_equal(json_string_value(value_of(items, "health.loss")), "warn");
	assert_string_equal(json_string_value(value_of(items, "health.disk")), "ok");
	assert_true(json_is_false(value_of(items, "canary.missing.exec")));
	assert_true(json_is_true(value_of(items, "canary.missing.file")));
	assert_true(json_is_false(value_of(items, "canary.missing.connect")));
	assert_string_equal(json_string_value(value_of(items, "event_source.file")), "audit");
	assert_string_equal(json_string_value(value_of(items, "event_source.process")), "not subscribed");
	assert_string_equal(json_string_value(value_of(items, "capability.process")), "audit+proc");
	assert_string_equal(json_string_value(value_of(items, "capability.dns")), "none");
	assert_int_equal(json_integer_value(value_of(items, "lost.kernel")), 7);
	assert_true(json_is_true(value_of(items, "has_user_defined_audit_rules")));
	assert_int_equal(json_integer_value(value_of(items, "kernel.audit.user_rules")), 4);
	assert_int_equal(json_integer_value(value_of(items, "lost.enobufs")), 3);
	assert_int_equal(json_integer_value(value_of(items, "lost.shed")), 11);
	assert_int_equal(json_integer_value(value_of(items, "lost.thinned")), 17);
	assert_int_equal(json_integer_value(value_of(items, "lost.thinned.image")), 9);
	assert_int_equal(json_integer_value(value_of(items, "throttle.unread")), 4);
	assert_string_equal(json_string_value(value_of(items, "throttle.step")), "shed");
	assert_true(json_real_value(value_of(items, "throttle.cpu_percent")) == 12.5);
	assert_int_equal(json_integer_value(value_of(items, "throttle.target_percent")), 5);
	assert_int_equal(json_integer_value(value_of(items, "throttle.deferred_percent")), 1);
	assert_int_equal(json_integer_value(value_of(items, "throttle.stretch_percent")), 400);
	assert_string_equal(json_string_value(value_of(items, "suspended.since")), "1970-01-01T00:00:00.000000001Z");
	assert_true(json_is_null(value_of(items, "suspended.until")));
	assert_int_equal(json_integer_value(value_of(items, "database.bytes_per_event")), 100);
	assert_true(json_is_true(value_of(items, "counters.reconcile")));
	assert_int_equal(json_integer_value(value_of(items, "records.received.ebpf")), 100);
	assert_int_equal(json_integer_value(value_of(items, "records.waiting.ebpf")), 4);
	assert_int_equal(json_integer_value(value_of(items, "events.stored.file")), 20);
	assert_int_equal(json_integer_value(value_of(items, "events.waiting.file")), 4 + 9);
	assert_null(value_of(items, "events.made.dns"));	/* there was none */
	assert_true(json_real_value(value_of(items, "cpu_percent")) > 0.9);
	assert_true(json_is_null(value_of(items, "database.oldest")));
	json_decref(items);
	buffer_release(&text);
}

static void expect_class(const struct status *status, const char *name, const char *source, const char *covered, const char *why)
{
	struct buffer text = { 0 };
	const json_t *item;
	json_t *items;
	bool found = false;
	size_t i;

	status_classes_json(&text, status);
	items = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	assert_true(json_is_array(items));
	json_array_foreach(items, i, item) {
		const char *says = json_string_value(json_object_get(item, "why"));

		if (strcmp(json_string_value(json_object_get(item, "class")), name) != 0)
			continue;
		found = true;
		assert_string_equal(json_string_value(json_object_get(item, "source")), source);
		assert_string_equal(json_string_value(json_object_get(item, "covered")), covered);
		assert_string_equal(says ? says : "", why);
	}
	assert_true(found);
	json_decref(items);
	buffer_release(&text);
}

static void test_classes(void **state)
{
	bool wanted[N_KINDS] = { false }, withheld[N_KINDS] = { false }, by_bpf[N_KINDS] = { false };
	struct status status = { .wanted = wanted, .withheld = withheld, .withheld_why = "somebody's wish", .by_bpf = by_bpf,
				 .audit_works = true, .have_connector = true };

	expect_class(&status, "file", "audit", "no", "nobody subscribed to it");
	wanted[KIND_ID(file, write)] = wanted[KIND_ID(file, read)] = wanted[KIND_ID(dns, query)] = wanted[KIND_ID(process, exec)] = true;
	expect_class(&status, "file", "audit", "yes", "");
	expect_class(&status, "dns", "none", "no", "the kernel's audit does not show it, and there is no eBPF");
	expect_class(&status, "registry", "none", "no", "there is none on Linux");
	expect_class(&status, "process", "audit+proc", "yes", "");
	withheld[KIND_ID(file, read)] = true;
	expect_class(&status, "file", "audit", "partly", "somebody's wish");
	withheld[KIND_ID(file, write)] = true;
	expect_class(&status, "file", "none", "no", "somebody's wish");
	status.have_connector = false;
	expect_class(&status, "process", "audit", "partly", "there is no process connector: ends of killed processes are not seen");
	status.audit_works = false;
	expect_class(&status, "dns", "none", "no", "neither the kernel's audit nor eBPF can be used");
	by_bpf[KIND_ID(dns, query)] = true;
	expect_class(&status, "dns", "ebpf", "yes", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_classes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
