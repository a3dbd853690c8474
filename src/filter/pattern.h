#pragma once
/* A regular expression that cannot hang its user. */

#include "filter/error.h"

#define PATTERN_BYTES_MAX (512u << 10)	/* one pattern, compiled */

struct pattern;
int pattern_new(struct pattern **ret, struct span text, bool fold_case, struct filter_error *error);
struct pattern *pattern_free(struct pattern *pattern);
DEFINE_CLEANUP(struct pattern, pattern_free)
/* True if it matches anywhere.  A match that takes too long counts as none. */
bool pattern_match(struct pattern *pattern, struct span subject);
/* The next match from there on: what its first group has, or all of it if it has none, and where it ends.  It is never empty.  false:
 * there is none. */
bool pattern_find(struct pattern *pattern, struct span subject, size_t from, struct span *ret, size_t *ret_end);
/* Matches that took too long. */
uint64_t pattern_given_up(const struct pattern *pattern);
size_t pattern_bytes(const struct pattern *pattern);
/* What every text that it matches has in it, small letters if case is folded; empty: not known. */
struct span pattern_required(const struct pattern *pattern);
