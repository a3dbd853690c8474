#pragma once
/* Points in time as people write them. */

#include "base/macro.h"
#include "base/span.h"

/* For error messages: the forms there are. */
extern const char time_spec_forms[];

/* 0; -EINVAL.  Words and times without a zone are local time; days begin at local midnight. */
int time_spec_parse(const char *text, uint64_t now_ns, uint64_t *ret);
/* How long: 2h30m.  0; -EINVAL. */
int duration_spec_parse(const char *text, uint64_t *ret_ns);
