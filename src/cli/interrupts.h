#pragma once
/* Ctrl-C and the like, for a command that has something to take away before it ends. */

#include <stdbool.h>

#include "base/macro.h"

/* From now on SIGINT, SIGTERM and SIGHUP do nothing but wait to be asked for. */
void interrupts_hold(void);
/* Whether one came, or comes within that time. */
bool interrupts_wait(uint64_t ns);
/* Until fd has something to be read.  false: one came before; it is still there. */
bool interrupts_wait_for(int fd);
/* They end the program again, also by one that came meanwhile. */
void interrupts_release(void);
