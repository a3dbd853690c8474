#pragma once
/* Stores what an import decodes, in a thread of its own: decoding and SQLite each have a CPU. */

#include "sink/sink.h"

struct import_writer;
/* Takes the sink. 0, -ENOMEM, -EAGAIN. */
int import_writer_new(struct import_writer **ret, const struct sink_ops *ops, struct sink *sink);
/* Takes the event.  Waits while too many are queued.  < 0: storing has failed, the error of the sink. */
int import_writer_push(struct import_writer *writer, struct event *event);
/* Stores what is queued, closes the sink, ends the thread.  The first error there was; *ret_stored: the events that
 * are in the database now, also then. */
int import_writer_finish(struct import_writer *writer, uint64_t *ret_stored);
struct import_writer *import_writer_free(struct import_writer *writer);
DEFINE_CLEANUP(struct import_writer, import_writer_free)
