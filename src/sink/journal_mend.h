#pragma once
/* The last line of a journal, which a crash may have left torn. */

#include <sys/types.h>

/* Lines longer than this are none of ours: arguments have 6 MiB at most (fs/exec.c), a byte of them takes six here, and they stand
 * there twice, those of the parent once. */
#define JOURNAL_LINE_MAX (128u << 20)

/* Makes the file end with a whole line: a last line without newline that is a JSON object gets one, else it is cut off.  `fd`:
 * read and append.  0; 1: a torn line was cut off; -EBADMSG: it is no journal, and is left alone; -ENOSPC and the like: the
 * file is as it was. */
int journal_mend(int fd);
/* Where the line begins that is last in a file of that size, which is its end if it ends with a newline; -EBADMSG as above. */
int journal_find_last_line(int fd, off_t size, off_t *ret);
