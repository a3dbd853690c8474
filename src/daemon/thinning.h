#pragma once
/* Lets go of a part of what comes, by class, as the throttle orders: as early as its kind is known, since what is not decoded costs a fiftieth.
 * The core asks it, the control thread says how much is kept and reads the counts.  Of a class every n-th is kept, so that what is left
 * is spread over time. */

#include <stdatomic.h>

#include "base/oldest.h"
#include "daemon/throttle.h"
#include "event/schema.h"

struct thinning {
	_Atomic uint32_t keep[THROTTLE_CLASSES];	/* of THROTTLE_ALL */
	atomic_bool holds;				/* of some class not all is kept */
	_Atomic uint64_t seen[THROTTLE_CLASSES];	/* kept or not */
	_Atomic uint64_t let_go[N_CATEGORIES];
	struct oldest oldest;				/* when what was let go of began */
	uint32_t rest[THROTTLE_CLASSES];		/* the core's own */
};

void thinning_init(struct thinning *thinning);
/* The core: one of this kind has come.  false: let it go, it is counted, and the core notes the oldest. */
bool thinning_keeps(struct thinning *thinning, uint16_t kind);
/* The core: whether it has to be asked.  If not, what comes is counted. */
bool thinning_holds(const struct thinning *thinning);
void thinning_sees(struct thinning *thinning, uint16_t kind);
/* Any thread. */
void thinning_order(struct thinning *thinning, const uint32_t keep[static THROTTLE_CLASSES]);
void thinning_seen(const struct thinning *thinning, uint64_t ret[static THROTTLE_CLASSES]);
void thinning_let_go(const struct thinning *thinning, uint64_t ret[static N_CATEGORIES]);
