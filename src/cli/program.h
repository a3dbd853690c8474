#pragma once
/* Programs of the system. */

#include <stdbool.h>

/* Waits for it; words end with NULL, the first is looked for along PATH if it has no slash.  Its exit code; -1: it could not be started
 * or was killed. */
int program_run(const char *const *words, bool quietly);
