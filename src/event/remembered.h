#pragma once
/* What is kept of processes over the time in which nobody records: a RECORD_REMEMBERED for each that ran, and before it one for
 * each image of the past that it descends from.
 *
 *	recorder(TIME:0): id=7 parent=6 [past=1] [ticks=1234] process.pid=4711 process.name="sh" ... inferred="process.start,..."
 *
 * TIME: when that was.  id: of the image, counted from 1 as they stand; parent: that of its parent, which stands before; past: not
 * what a process is now, but what an ancestor was.  ticks: start of the process since boot.  Then the fields of the context by their
 * names, those that are not known left out, and process.command_line where process.args is there; names of those that are but inferred. */

#include "base/buffer.h"
#include "event/context.h"

/* Arguments that are longer are left out; process.args_count says that there were some. */
#define REMEMBERED_ARGS_MAX ((size_t)16 << 10)
/* What is kept at most, in all; the oldest processes come first. */
#define REMEMBERED_TEXT_MAX ((size_t)64 << 20)

struct remembered {
	uint64_t id, parent;		/* parent 0: unknown */
	uint64_t ticks;
	bool has_ticks;
	bool is_past;
};

/* Of lines as they stand in a file: what `is_past` says of the process that a line tells of has become of the past.  0 or -ENOMEM. */
int remembered_let_go(struct buffer *lines, bool (*is_past)(void *user, uint64_t entity_id), void *user);

/* Appends what stands behind the head. */
void remembered_put(struct buffer *text, const struct remembered *about, const struct context *image);
