/* What is in a block is never denied, and little else is said to be. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sink/sieve.h"

#define N_EVENTS 4096

static struct span path_of(char text[static 64], unsigned i)
{
	return (struct span){ text, (size_t)snprintf(text, 64, "/var/lib/folder%u/name%u", i % 7, i) };
}

static void fill(struct sieve *sieve)
{
	for (unsigned i = 0; i < N_EVENTS; i++) {
		struct event *event = event_new(KIND_ID(file, create), i + 1);
		char text[64];

		values_set_text(&event->values, FIELD_path, path_of(text, i));
		values_set_text(&event->values, FIELD_code, SPAN("ABCdef0123"));
		event->context = context_new();
		values_set_number(&event->context->values, FIELD_pid, i);
		sieve_add(sieve, event);
		event_free(event);
	}
}

static void nothing_is_denied(void **state)
{
	struct buffer bytes = { 0 };
	struct sieve *sieve;
	unsigned wrong = 0;
	char text[64];

	(void)state;
	assert_int_equal(sieve_new(&sieve), 0);
	for (unsigned round = 0; round < 2; round++) {
		fill(sieve);
		buffer_clear(&bytes);
		assert_true(sieve_append(sieve, &bytes));
		assert_in_range(bytes.size, 3 * N_EVENTS, 5 * N_EVENTS);
		for (unsigned i = 0; i < N_EVENTS; i++) {
			assert_true(sieve_may_have(buffer_span(&bytes), sieve_key_text(FIELD_path, path_of(text, i))));
			assert_true(sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_pid, i)));
		}
		assert_true(sieve_may_have(buffer_span(&bytes), sieve_key_text(FIELD_code, SPAN("abcDEF0123"))));
		sieve_clear(sieve);
	}
	for (unsigned i = N_EVENTS; i < 5 * N_EVENTS; i++) {
		wrong += sieve_may_have(buffer_span(&bytes), sieve_key_text(FIELD_path, path_of(text, i)));
		wrong += sieve_may_have(buffer_span(&bytes), sieve_key_text(FIELD_target_path, path_of(text, i - N_EVENTS)));
		wrong += sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_pid, i));
	}
	assert_in_range(wrong, 0, 12 * N_EVENTS / 500);
	buffer_release(&bytes);
	sieve_free(sieve);
}

static void an_address_has_one_key(void **state)
{
	static const char v4[] = "\x0a\0\0\1", v6[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1";

	(void)state;
	assert_true(sieve_key_text(FIELD_source_ip, (struct span){ v4, 4 }) ==
		    sieve_key_text(FIELD_source_ip, (struct span){ v6, 16 }));
	assert_true(sieve_key_text(FIELD_source_ip, (struct span){ v4, 4 }) !=
		    sieve_key_text(FIELD_destination_ip, (struct span){ v4, 4 }));
}

/* Keys of ancestors are not those of processes; who has none of them is told apart from who does not know. */
static void ancestors_are_in_it(void **state)
{
	struct context *above = context_new(), *below = context_new();
	struct event *event = event_new(KIND_ID(file, create), 1);
	struct buffer bytes = { 0 };
	struct sieve *sieve;

	(void)state;
	values_set_number(&above->values, FIELD_entity_id, 5);
	values_set_number(&above->values, FIELD_pid, 6);
	values_set_number(&below->values, FIELD_entity_id, 7);
	context_set_parent(below, above);
	event->context = below;
	assert_int_equal(sieve_new(&sieve), 0);
	for (unsigned cut = 0; cut < 2; cut++) {
		below->ancestry_cut = cut;
		sieve_add(sieve, event);
		buffer_clear(&bytes);
		assert_true(sieve_append(sieve, &bytes));
		assert_true(sieve_may_have_ancestor(buffer_span(&bytes), sieve_key_ancestor(FIELD_entity_id, 5)));
		assert_true(sieve_may_have_ancestor(buffer_span(&bytes), sieve_key_ancestor(FIELD_pid, 6)));
		assert_false(sieve_may_have_ancestor(buffer_span(&bytes), sieve_key_ancestor(FIELD_entity_id, 7)));
		assert_false(sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_entity_id, 5)));
		assert_true(sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_entity_id, 7)));
		assert_true(sieve_may_have_ancestor(buffer_span(&bytes), sieve_key_cut()) == cut);
		sieve_clear(sieve);
	}
	/* As it was before there were ancestors in it. */
	bytes.data[0] = 1;
	memset(bytes.data + 1, 0, bytes.size - 1);
	assert_true(sieve_may_have_ancestor(buffer_span(&bytes), sieve_key_ancestor(FIELD_pid, 6)));
	assert_false(sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_entity_id, 7)));
	buffer_release(&bytes);
	sieve_free(sieve);
	event_free(event);
	context_unref(above);
}

static void spoilt_until_cleared(void **state)
{
	struct buffer bytes = { 0 };
	struct sieve *sieve;

	(void)state;
	assert_int_equal(sieve_new(&sieve), 0);
	sieve_spoil(sieve);
	fill(sieve);
	assert_false(sieve_append(sieve, &bytes));
	assert_int_equal(bytes.size, 0);
	sieve_clear(sieve);
	assert_true(sieve_append(sieve, &bytes));
	assert_false(sieve_may_have(buffer_span(&bytes), sieve_key_number(FIELD_pid, 1)));
	buffer_release(&bytes);
	sieve_free(sieve);
}

/* What is no sieve of this program denies nothing. */
static void foreign_bytes(void **state)
{
	static const struct span foreign[] = { { NULL, 0 }, { "\1", 1 }, { "\3\0\0\0", 4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		assert_true(sieve_may_have(foreign[i], sieve_key_number(FIELD_pid, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_denied),
		cmocka_unit_test(an_address_has_one_key),
		cmocka_unit_test(ancestors_are_in_it),
		cmocka_unit_test(spoilt_until_cleared),
		cmocka_unit_test(foreign_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
