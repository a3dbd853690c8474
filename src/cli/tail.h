#pragma once
/* Follows the live events of a daemon. */

#include "cli/screen.h"

struct tail_request {
	const char *socket_path;
	const char *const *filters;
	size_t n_filters;
	struct print_options print;
	uint64_t limit;			/* 0: until the daemon ends */
};

/* An exit code; what went wrong has been printed. */
int tail_follow(const struct tail_request *request);
/* For `recorder run --tail`: all events, in a thread beside the daemon. */
int tail_follow_own(const char *socket_path);
