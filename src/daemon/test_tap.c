/* Who watches sees what he asked for, and is told what he missed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/tap.h"

static unsigned n_notified;
static struct buffer received;
static uint64_t received_dropped;
static bool full;

static void notify(void *user)
{
	n_notified++;
}

static bool receive(void *owner, struct span lines, uint64_t dropped)
{
	if (full)
		return false;
	buffer_append_span(&received, lines);
	received_dropped += dropped;
	return true;
}

static void watch(struct taps *taps, const char *filter, void *owner)
{
	struct filter_error error;
	struct terms *terms = NULL;

	assert_int_equal(terms_parse(&terms, &filter, 1, &error), 0);
	assert_int_equal(tap_open(taps, terms, owner), 0);
}

static void happen(struct taps *taps, uint16_t kind, const char *path)
{
	static const struct event_json_options json;
	_cleanup_(event_freep) struct event *event = event_new(kind, 1);

	values_set_text(&event->values, FIELD_path, span_of(path));
	taps_event(taps, event, &json);
}

static size_t n_lines(void)
{
	size_t n = 0;

	for (size_t i = 0; i < received.size; i++)
		n += received.data[i] == '\n';
	return n;
}

static struct taps *begin(void)
{
	struct taps *taps = NULL;

	n_notified = 0;
	received_dropped = 0;
	full = false;
	buffer_release(&received);
	assert_int_equal(taps_new(&taps, notify, NULL), 0);
	return taps;
}

static void test_filtered(void **state)
{
	struct taps *taps = begin();

	happen(taps, KIND_ID(file, create), "/nobody/watches");
	assert_int_equal(n_notified, 0);
	watch(taps, "file.path starts with '/etc'", &taps);
	happen(taps, KIND_ID(file, create), "/etc/passwd");
	happen(taps, KIND_ID(file, create), "/tmp/x");
	happen(taps, KIND_ID(file, delete), "/etc/shadow");
	assert_int_equal(n_notified, 1);	/* once until it is drained */
	taps_drain(taps, receive);
	assert_int_equal(n_lines(), 2);
	assert_non_null(strstr(buffer_text(&received), "/etc/shadow"));
	happen(taps, KIND_ID(file, create), "/etc/again");
	assert_int_equal(n_notified, 2);
	tap_close(taps, &taps);
	tap_close(taps, &taps);
	happen(taps, KIND_ID(file, create), "/etc/late");
	taps_drain(taps, receive);
	assert_int_equal(n_lines(), 2);
	taps_free(taps);
	buffer_release(&received);
}

static void test_slow_watcher(void **state)
{
	struct taps *taps = begin();
	unsigned n = 0;

	watch(taps, "file", &taps);
	full = true;
	while (n < 100000) {
		happen(taps, KIND_ID(file, create), "/some/path/that/makes/the/buffer/grow");
		n++;
	}
	taps_drain(taps, receive);
	assert_int_equal(received.size, 0);
	full = false;
	taps_drain(taps, receive);
	assert_true(received.size < (5u << 20));
	assert_true(received_dropped > 0);
	assert_int_equal(n_lines() + received_dropped, n);
	taps_free(taps);
	buffer_release(&received);
}

static void test_bounded(void **state)
{
	struct taps *taps = begin();
	const char *filter = "file";
	struct filter_error error;
	struct terms *terms = NULL;
	static char owners[100];
	unsigned n = 0;
	int r;

	do {
		assert_int_equal(terms_parse(&terms, &filter, 1, &error), 0);
		r = tap_open(taps, terms, &owners[n++]);
	} while (r == 0 && n < sizeof(owners));
	assert_int_equal(r, -EUSERS);
	terms_free(terms);
	taps_free(taps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filtered),
		cmocka_unit_test(test_slow_watcher),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
