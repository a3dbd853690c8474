#pragma once
/* Reads a journal line by line, over all its files, and follows it across rotations.  Needs no recorder that runs. */

#include "base/span.h"
#include "sink/sink.h"

struct journal_reader;

/* `path`: of NAME.jsonl.  At the end of what is there.  -ENOENT: there is no such journal. */
int journal_reader_open(struct journal_reader **ret, const char *path, struct sink_error *error);
struct journal_reader *journal_reader_free(struct journal_reader *reader);
DEFINE_CLEANUP(struct journal_reader, journal_reader_free)

/* To the beginning of the oldest file that was written to at since_ns or later. */
int journal_reader_seek_since(struct journal_reader *reader, uint64_t since_ns);
/* To the n-th last line that is wanted, over all files. */
typedef bool (*journal_line_fn)(void *user, struct span line);
int journal_reader_seek_last(struct journal_reader *reader, uint64_t n, journal_line_fn is_wanted, void *user);

/* The next whole line, without its newline, borrowed until the next call.  1; 0: there is none now; -EBADMSG: an old file is
 * damaged, -EMSGSIZE: it has a line without end: the next call goes on with the file behind it. */
int journal_reader_line(struct journal_reader *reader, struct span *ret);
/* Sleeps until there may be one.  -ENOENT: the folder is gone. */
int journal_reader_wait(struct journal_reader *reader);
/* Old files that were gone before they were read, since the last call; as far as can be told, at least so many. */
unsigned journal_reader_missed(struct journal_reader *reader);
/* For messages: the file that is read. */
const char *journal_reader_path(const struct journal_reader *reader);
