/* The narrowest source that makes half of all is found among many, also when hundreds come and go; it is over when it is quiet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pipeline/noise.h"

static struct context *process(uint64_t entity, const char *program, uint32_t uid, const char *unit)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_number(&context->values, FIELD_entity_id, entity);
	values_set_number(&context->values, FIELD_pid, entity);
	values_set_number(&context->values, FIELD_uid, uid);
	if (program)
		values_set_text(&context->values, FIELD_executable, span_of(program));
	if (unit)
		values_set_text(&context->values, FIELD_unit, span_of(unit));
	return context;
}

static void add(struct noise *noise, unsigned n, uint64_t entity, const char *program, uint32_t uid, const char *unit)
{
	struct context *context = process(entity, program, uid, unit);

	for (unsigned i = 0; i < n; i++)
		noise_add(noise, context);
	context_unref(context);
}

static void expect(const struct noise *noise, const char *name)
{
	struct noise_source source = { .context = NULL };
	char is[NOISE_NAME_MAX] = "";

	if (noise_find(noise, &source))
		noise_source_name(&source, is);
	noise_source_release(&source);
	assert_string_equal(is, name);
}

static struct noise *begin(void)
{
	struct noise *noise = NULL;

	assert_int_equal(noise_new(&noise), 0);
	return noise;
}

static void test_a_process(void **state)
{
	struct noise *noise = begin();

	expect(noise, "");
	add(noise, 200, 7, "/bin/storm", 0, "a.service");
	expect(noise, "");	/* too few to say */
	add(noise, 800, 7, "/bin/storm", 0, "a.service");
	/* A thousand others, all of one user and one unit. */
	for (unsigned i = 0; i < 900; i++)
		add(noise, 1, 100 + i, "/bin/cc", 0, "a.service");
	expect(noise, "process 7 (/bin/storm)");
	add(noise, 200, 8, "/bin/ld", 0, "a.service");
	expect(noise, "user 0 ()");	/* as narrow as the unit, and before it */
	noise_free(noise);
}

static void test_many_processes(void **state)
{
	struct noise *noise = begin();
	char name[32];

	for (unsigned i = 0; i < 2000; i++) {
		add(noise, 1, 1000 + i, "/bin/cc", 0, "build.service");
		snprintf(name, sizeof(name), "/bin/%u", i);
		add(noise, 1, 10000 + i, name, i % 2 ? 0 : 1000, i % 3 ? "build.service" : NULL);
	}
	expect(noise, "program /bin/cc");
	noise_clear(noise);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "/bin/%u", i);
		add(noise, 1, 1000 + i, name, i % 3, "build.service");
		add(noise, 1, 9000 + i, name, i % 3, NULL);
	}
	expect(noise, "unit build.service");
	/* Of nobody that is known: nothing makes half any more. */
	for (unsigned i = 0; i < 1000; i++)
		noise_add(noise, NULL);
	expect(noise, "");
	noise_free(noise);
}

static void test_ends(void **state)
{
	struct noise *noise = begin();
	struct noise_source source;

	add(noise, 1000, 7, "/bin/storm", 0, NULL);
	assert_true(noise_find(noise, &source));
	assert_false(noise_is_over(noise, &source));
	for (unsigned i = 0; i < 3; i++) {
		noise_halve(noise);
		add(noise, 1000, 8, "/bin/other", 1000, NULL);
	}
	assert_true(noise_is_over(noise, &source));
	expect(noise, "process 8 (/bin/other)");
	for (unsigned i = 0; i < 40; i++)
		noise_halve(noise);
	assert_true(noise_is_over(noise, &source));
	noise_source_release(&source);
	noise_free(noise);
}

static void test_is_of(void **state)
{
	struct context *a = process(7, "/bin/storm", 5, NULL), *b = process(8, "/bin/storm", 6, NULL), *c = process(9, NULL, 5, NULL);
	const struct noise_source program = { NOISE_PROGRAM, a }, one = { NOISE_PROCESS, a }, user = { NOISE_USER, a };

	assert_true(noise_is_of(&one, a));
	assert_false(noise_is_of(&one, b));
	assert_true(noise_is_of(&program, b));
	assert_false(noise_is_of(&program, c));
	assert_false(noise_is_of(&user, b));
	assert_true(noise_is_of(&user, c));
	assert_false(noise_is_of(&user, NULL));
	context_unref(a);
	context_unref(b);
	context_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_process),
		cmocka_unit_test(test_many_processes),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_is_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
