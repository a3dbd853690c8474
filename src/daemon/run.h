#pragma once
/* `recorder run`: the daemon, in the foreground. */

#include <stdbool.h>
#include <stddef.h>

struct run_options {
	const char *config_dir;		/* recorder.conf lies here; NULL: /etc/recorder */
	const char *state_dir;		/* everything else lies below; NULL: the installed places */
	const char *subscription_path;	/* used beside those in the state directory, not saved; NULL: none */
	const char *log_path;		/* messages are written there too; NULL: no */
	const char *capture_path;	/* raw records are written here too; NULL: no */
	const char *source;		/* "auto", "ebpf", "audit", "audit-unicast", "audit-multicast", "audit-pipe"; NULL: auto */
	const char *const *settings;	/* NAME=VALUE, before those of the file; NULL: none */
	size_t n_settings;
	bool tail;			/* print events */
	int (*tail_follow)(const char *socket_path);	/* does so, in a thread of its own, until the daemon ends */
};

/* Until SIGINT or SIGTERM.  An exit code: 0 done, 1 failed, 2 wrong use, 4 permission. */
int daemon_run(const struct run_options *options);
/* What its socket takes, recorder.status and so on; NULL after the last. */
const char *daemon_command_name(size_t i);
