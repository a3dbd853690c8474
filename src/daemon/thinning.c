/* See thinning.h. */

#include "daemon/thinning.h"

#include "base/macro.h"

void thinning_init(struct thinning *thinning)
{
	*thinning = (struct thinning){ 0 };
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
		atomic_init(&thinning->keep[i], THROTTLE_ALL);
}

/* The core alone counts: no instruction that locks. */
static void count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

bool thinning_holds(const struct thinning *thinning)
{
	return atomic_load_explicit(&thinning->holds, memory_order_relaxed);
}

void thinning_sees(struct thinning *thinning, uint16_t kind)
{
	count(&thinning->seen[kinds[kind].shed]);
}

bool thinning_keeps(struct thinning *thinning, uint16_t kind)
{
	unsigned class = kinds[kind].shed;
	uint32_t keep = atomic_load_explicit(&thinning->keep[class], memory_order_relaxed);

	count(&thinning->seen[class]);
	if (likely(keep >= THROTTLE_ALL || class == 0))
		return true;
	thinning->rest[class] += keep;
	if (thinning->rest[class] >= THROTTLE_ALL) {
		thinning->rest[class] -= THROTTLE_ALL;
		return true;
	}
	count(&thinning->let_go[kinds[kind].category]);
	return false;
}

void thinning_order(struct thinning *thinning, const uint32_t keep[static THROTTLE_CLASSES])
{
	bool holds = false;

	for (unsigned i = 0; i < THROTTLE_CLASSES; i++) {
		holds |= keep[i] < THROTTLE_ALL;
		atomic_store_explicit(&thinning->keep[i], keep[i], memory_order_relaxed);
	}
	atomic_store_explicit(&thinning->holds, holds, memory_order_relaxed);
}

void thinning_seen(const struct thinning *thinning, uint64_t ret[static THROTTLE_CLASSES])
{
	for (unsigned i = 0; i < THROTTLE_CLASSES; i++)
		ret[i] = atomic_load_explicit(&thinning->seen[i], memory_order_relaxed);
}

void thinning_let_go(const struct thinning *thinning, uint64_t ret[static N_CATEGORIES])
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		ret[i] = atomic_load_explicit(&thinning->let_go[i], memory_order_relaxed);
}
