#pragma once
/* `recorder verify --self`. */

#include "cli/place.h"

/* keys: a file of public keys, and only these; NULL: those that were compiled in or lie beside the settings.  An exit code. */
int verify_self(const struct place_options *places, const char *keys, bool json);
