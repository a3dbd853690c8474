/* What a counter rose by is told once, with the time in which it rose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/ledger.h"
#include "daemon/reader.h"

struct fixture {
	struct ring *ring;
	struct notes notes;
	struct ledger ledger;
	uint64_t counters[N_LOSSES], looked_ns;
};

static void set_up(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	assert_int_equal(ring_new(&f->ring, 1 << 16), 0);
	f->notes = (struct notes){ .ring = f->ring, .wake = f->ring };
}

static void look(struct fixture *f, uint64_t now_ns, bool can_store, bool final)
{
	ledger_look(&f->ledger, f->counters, f->looked_ns, now_ns, can_store, final, &f->notes);
	f->looked_ns = now_ns;
}

static void expect(struct fixture *f, const char *text)
{
	struct span message = ring_peek(f->ring);
	const struct ring_record *record;

	assert_non_null(message.data);
	record = (const struct ring_record *)(const void *)message.data;
	assert_int_equal(record->type, RECORD_GAP);
	/* After `recorder(TIME:0): ` */
	assert_int_equal(record->size - 34, strlen(text));
	assert_memory_equal(record->text + 34, text, strlen(text));
	ring_pop(f->ring);
}

static void test_told_once_it_rests(void **state)
{
	struct fixture f;

	set_up(&f);
	ledger_begin(&f.ledger, LOSS_KERNEL, 1000);
	f.counters[LOSS_KERNEL] = 1000;
	look(&f, 200, true, false);
	f.counters[LOSS_KERNEL] = 1007;
	look(&f, 300, true, false);
	f.counters[LOSS_KERNEL] = 1010;
	look(&f, 400, true, false);
	assert_null(ring_peek(f.ring).data);
	look(&f, 500, true, false);
	expect(&f, "begin=200 end=400 class=all count=10 unit=records exact=1 cause=kernel_lost");
	look(&f, 600, true, true);
	assert_null(ring_peek(f.ring).data);
	assert_int_equal(f.ledger.entries[LOSS_KERNEL].total, 10);
	ring_free(f.ring);
}

/* What the kernel lost may have been another reader's alone; what we lost is known as ever. */
static void test_shared(void **state)
{
	struct fixture f;

	set_up(&f);
	f.ledger.kernel_is_shared = true;
	f.counters[LOSS_KERNEL] = f.counters[LOSS_RING] = 5;
	look(&f, 10, true, true);
	expect(&f, "begin=0 end=10 class=all count=5 unit=records exact=0 cause=kernel_lost");
	expect(&f, "begin=0 end=10 class=all count=5 unit=records exact=1 cause=ring_full");
	ring_free(f.ring);
}

static void test_counter_set_back(void **state)
{
	struct fixture f;

	set_up(&f);
	f.counters[LOSS_KERNEL] = 50;
	look(&f, 10, true, true);
	expect(&f, "begin=0 end=10 class=all count=50 unit=records exact=1 cause=kernel_lost");
	f.counters[LOSS_KERNEL] = 3;	/* auditctl --reset-lost, then three more */
	look(&f, 20, true, true);
	expect(&f, "begin=10 end=20 class=all count=3 unit=records exact=1 cause=kernel_lost");
	ring_free(f.ring);
}

static void test_waits_for_the_database(void **state)
{
	struct fixture f;

	set_up(&f);
	f.counters[LOSS_MEMORY] = 4;
	f.counters[LOSS_DATABASE] = 5;
	f.counters[LOSS_SHED + CATEGORY_file] = 2;
	look(&f, 10, false, false);
	look(&f, 20, false, false);
	assert_null(ring_peek(f.ring).data);
	look(&f, 30, true, false);
	expect(&f, "begin=0 end=10 class=all count=4 unit=records exact=0 cause=no_memory");
	expect(&f, "begin=0 end=10 class=all count=5 unit=events exact=1 cause=database_error");
	expect(&f, "begin=0 end=10 class=file count=2 unit=records exact=1 cause=ring_full");
	ring_free(f.ring);
}

/* The last look is the last chance: whether there is room again nobody has tried. */
static void test_final_waits_for_nothing(void **state)
{
	struct fixture f;

	set_up(&f);
	f.counters[LOSS_DATABASE] = 5;
	look(&f, 10, false, false);
	look(&f, 20, false, true);
	expect(&f, "begin=0 end=10 class=all count=5 unit=events exact=1 cause=database_error");
	ring_free(f.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once_it_rests),
		cmocka_unit_test(test_counter_set_back),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_waits_for_the_database),
		cmocka_unit_test(test_final_waits_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
