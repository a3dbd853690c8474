#pragma once
/* One file of a journal, plain or compressed, read line by line; a plain one may grow meanwhile. */

#include "base/span.h"
#include "sink/journal_folder.h"

struct journal_input;
/* At its beginning.  -ESTALE: there is no such file, or it is not the one that was looked at. */
int journal_input_open(struct journal_input **ret, const char *folder, const struct journal_entry *entry);
struct journal_input *journal_input_close(struct journal_input *input);
DEFINE_CLEANUP(struct journal_input, journal_input_close)

/* The next whole line, borrowed until the next call.  1; 0: there is none now; -errno as journal_reader_line(). */
int journal_input_line(struct journal_input *input, struct span *ret);
int journal_input_rewind(struct journal_input *input);
void journal_input_to_end(struct journal_input *input);	/* a plain one */

/* Is that the file, or what became of it by compression? */
bool journal_input_is(const struct journal_input *input, const char *folder, const struct journal_entry *entry);
const char *journal_input_path(const struct journal_input *input);	/* when it was opened */
const struct stat *journal_input_stat(const struct journal_input *input);	/* as well */
