#pragma once
/* Is the program that runs the one that was released?  What a signature beside it says (control/signature.h), by keys that were compiled in
 * (meson -Dsigning_key=FILE) or that root put beside the settings (signing.pub).
 *
 * A program that somebody replaced by his own does not ask itself.  So this finds what was altered on the way or on the disk by somebody who
 * did not know better; against the other, `recorder verify --self` of a program that is trusted, or openssl(1), and a file system or a
 * kernel that lets only signed programs run (IMA). */

#include <limits.h>

#include "control/file.h"

enum self_outcome {
	SELF_SIGNED,
	SELF_UNSIGNED,			/* there is no signature beside it */
	SELF_NO_KEY,			/* there is one, and no key to check it by */
	SELF_REFUSED,			/* it is not what was signed, or not by a key that is trusted; or its signature or the keys cannot be used */
	SELF_REPLACED,			/* another file lies at its path by now */
	N_SELF_OUTCOMES
};
extern const char *const self_outcome_names[N_SELF_OUTCOMES];

struct self_report {
	enum self_outcome outcome;
	char program[PATH_MAX];		/* its path */
	char key_id[17];		/* that the signature names; empty: there is none */
	char why[1024];			/* a sentence */
};

/* keys_path: a file of public keys, which nobody but root may be able to write; one that is not there is none.
 * only_keys: these alone, whoever may write them.  NULL: none such. */
void self_verify(const char *keys_path, const char *only_keys, struct self_report *ret);
