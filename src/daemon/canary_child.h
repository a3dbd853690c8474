#pragma once
/* The child that a canary is. */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct canary_child {
	uv_process_t process;
	bool is_there;			/* or its handle is not closed yet */
	bool has_ended;
	void (*ended)(void *user, bool undone);
	void *user;
};

/* file: what it shall write; it removes it again.  ended: in the loop, once; undone: not all acts were done.
 * -EBUSY: the one before is still there. */
int canary_child_start(struct canary_child *child, uv_loop_t *loop, uint32_t tag, const char *file,
		       void (*ended)(void *user, bool undone), void *user);
void canary_child_end(struct canary_child *child);

/* What runs in it: an exit code. */
int canary_child_act(const char *file);
/* The name that the process will have (as /proc/PID/comm). */
void canary_child_name(char ret[static 16]);
