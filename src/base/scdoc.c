/* See scdoc.h. */

#include "base/scdoc.h"

void scdoc_append_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("*_`\\", *text))
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, *text);
	}
}
