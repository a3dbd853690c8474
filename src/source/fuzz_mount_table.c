/* Bytes -> two tables of mounts and a path, each up to a NUL: whoever may mount chooses the names in there. */

#include <errno.h>
#include <string.h>

#include "source/mount_table.h"

static struct span take_text(struct span *rest)
{
	const char *end = rest->size > 0 ? memchr(rest->data, 0, rest->size) : NULL;
	size_t size = end ? (size_t)(end - rest->data) : rest->size, taken = size + (end ? 1 : 0);
	struct span text = { rest->data, size };

	*rest = (struct span){ rest->data + taken, rest->size - taken };
	return text;
}

static struct mount_table *table_of(struct span text)
{
	struct buffer buffer = { 0 };
	struct mount_table *table;

	buffer_append_span(&buffer, text);
	return mount_table_new(&table, &buffer) < 0 ? NULL : table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct mount_table *from = table_of(take_text(&rest)), *to = table_of(take_text(&rest));
	struct buffer found = { 0 };
	int r = from && to ? mount_table_translate(from, to, rest, &found) : -ENOMEM;

	if (r > 0 || (r == 0 && (found.size == 0 || found.data[0] != '/')) || (r == -EINVAL && rest.size > 0 && rest.data[0] == '/'))
		__builtin_trap();
	buffer_release(&found);
	mount_table_free(from);
	mount_table_free(to);
	return 0;
}
