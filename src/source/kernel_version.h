#pragma once
/* Only for what cannot be tried: a kernel whose audit is locked takes no rule. */

#include <stdbool.h>

bool kernel_is_since(unsigned major, unsigned minor);
