#pragma once
/* Which of the arguments of an interpreter is the script it was started for. */

#include <stdbool.h>

#include "base/span.h"

/* program: path of what runs; args: a list, the first is its name.  false: it is no interpreter that is known here, it was given its
 * commands otherwise (an option, a pipe), or what it was given cannot be told for sure.  *ret is of args, as it was given. */
bool script_of(struct span program, struct span args, struct span *ret);
