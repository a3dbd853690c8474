#pragma once
/* What is wanted of the kernel's audit and not asked of it. */

#include <stdint.h>

#include "daemon/hindrance.h"
#include "event/schema.h"

struct withheld {
	enum hindrance by;		/* what is in the way of rules, needed or not */
	bool kinds[N_KINDS];		/* wanted, without the rules for it */
	bool user;			/* there are rules of a user, and they are not loaded */
	uint64_t since_ns;		/* since 1970: told until then */
};

bool withheld_any(const struct withheld *withheld);
