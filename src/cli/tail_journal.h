#pragma once
/* `recorder tail --journal`: follows a journal, whether a recorder runs or not. */

#include "cli/cli.h"

struct tail_journal_request {
	const char *folder, *name;
	const char *const *filters;
	size_t n_filters;
	struct print_options print;
	uint64_t limit;			/* 0: no end */
	uint64_t n_last;		/* wanted events before the end; 0: none */
	uint64_t since_ns;		/* 0: not asked for */
	bool once;			/* what is there, then it ends; without n_last and since_ns all there is */
};

/* An exit code; what went wrong has been printed. */
int tail_journal(const struct tail_journal_request *request);
