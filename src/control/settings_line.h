#pragma once
/* A line of the settings file, `CX.recorder.NAME = VALUE # comment`, taken apart; all spans lie inside it. */

#include "base/buffer.h"

struct settings_line {
	struct span name;		/* trimmed, without the prefix */
	struct span value;		/* trimmed */
	struct span comment;		/* from its # on; empty: there is none */
	bool has_value;			/* there was an = */
	bool is_empty;			/* blanks and a comment at most */
};

struct settings_line settings_line_split(struct span line);
/* Takes the next line off *text, without its end; "\r\n" is one too. */
struct span settings_line_take(struct span *text);
/* The whole file.  1: there is none; -EFBIG, -EISDIR, -ENOTSUP (no regular file), -errno. */
int settings_file_load(const char *path, struct buffer *text);
