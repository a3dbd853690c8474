/* `recorder canary TAG FILE`: what a canary of the daemon runs (daemon/canary.h).  Not for people. */

#include "cli/cli.h"
#include "daemon/canary_child.h"

static const struct option options[] = { { .name = NULL } };

static int run(const void *values, size_t n, char *const *arguments)
{
	return canary_child_act(arguments[1]);
}

const struct command command_canary = {
	.name = "canary",
	.arguments = "TAG FILE",
	.summary = "Makes FILE, which must not be there, and removes it; connects to a closed port",
	.options = options,
	.min_arguments = 2,
	.max_arguments = 2,
	.run = run,
	.hidden = true,
};
