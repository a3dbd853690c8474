#pragma once
/* `recorder health --fix`: what health names and only a person may remove. */

#include "cli/cli.h"

struct fix_options {
	bool wanted, yes, dry_run;
};

int health_fix(const struct fix_options *options, const struct place_options *where);	/* an exit code */
