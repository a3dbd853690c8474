#pragma once
/* Stores what an import decodes, in a thread of its own: decoding and SQLite each have a CPU. */

#include "pipeline/balance.h"
#include "sink/sink.h"

struct import_writer;
/* Takes the sink. 0, -ENOMEM, -EAGAIN. */
int import_writer_new(struct import_writer **ret, const struct sink_ops *ops, struct sink *sink);
/* Takes the event.  Waits while too many are queued.  < 0: storing has failed, the error of the sink. */
int import_writer_push(struct import_writer *writer, struct event *event);
/* Stores what is queued, closes the sink, ends the thread.  The first error there was; what became of the events is added. */
int import_writer_finish(struct import_writer *writer, struct balance *balance);
struct import_writer *import_writer_free(struct import_writer *writer);
DEFINE_CLEANUP(struct import_writer, import_writer_free)
