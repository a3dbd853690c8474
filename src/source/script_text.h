#pragma once
/* What stands in a script, for whoever may read it himself: else anybody could have a file shown by naming it to an interpreter. */

#include "event/file_version.h"
#include "source/definition_files.h"
#include "source/digest.h"

#define SCRIPT_TEXT_MAX DEFINITION_TEXT_MAX	/* bytes of it that are told */

struct script_text {
	size_t size;
	bool is_cut;			/* there is more of it */
	char bytes[SCRIPT_TEXT_MAX];
};

/* Up to a NUL: what lies behind it is no text any more but an archive that the script unpacks.  wish: who runs it.
 * 0: ret->size 0 may be of a program, in spite of its name.  -EACCES: who runs it may not read it, or nobody knows whether: of his further
 * groups, and of lists of access, nothing is known.  -ESTALE: it is not that version any more.  -EINVAL: no text.  Another -errno: it
 * cannot be read. */
int script_text_read(int fd, const struct file_stamp *version, const struct hash_wish *wish, struct script_text *ret);
