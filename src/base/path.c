/* See path.h. */

#include "base/path.h"

#include <errno.h>

bool path_is_normal(struct span path)
{
	if (path.size == 0 || path.data[path.size - 1] == '/')
		return path.size == 1;
	for (const char *p = path.data, *end = p + path.size; p < end; p++) {
		p = memchr(p, '/', (size_t)(end - p));
		if (!p)
			return true;
		/* Hidden files come here too: they are joined the long way, which leaves them as they are. */
		if (p + 1 < end && (p[1] == '/' || p[1] == '.'))
			return false;
	}
	return true;
}

/* Appends the parts of `path` to the n bytes of `out`; how many bytes there are then. */
static size_t append_parts(char *out, size_t n, struct span path)
{
	const char *p = path.data, *end = path.size > 0 ? p + path.size : p;

	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t size = (size_t)((slash ? slash : end) - p);

		if (size == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;	/* above the root is the root */
		} else if (size > 0 && !(size == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, size);
			n += size;
		}
		p += size + 1;
	}
	return n;
}

int path_join(struct buffer *ret, struct span folder, struct span name)
{
	bool name_is_absolute = name.size > 0 && name.data[0] == '/';
	size_t n = 0;
	char *out;

	if (name_is_absolute)
		folder.size = 0;
	else if (folder.size == 0 || folder.data[0] != '/')
		return -EINVAL;
	out = buffer_reserve(ret, folder.size + name.size + 2);
	if (!out)
		return -ENOMEM;
	if (folder.size > 1 && path_is_normal(folder)) {
		memcpy(out, folder.data, folder.size);
		n = folder.size;
	} else {
		n = append_parts(out, n, folder);
	}
	n = append_parts(out, n, name);
	if (n == 0)
		out[n++] = '/';
	ret->size += n;
	return 0;
}

bool path_is_name(struct span name)
{
	if (name.size == 0 || name.size > NAME_LENGTH_MAX || name.data[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

struct span path_last(struct span path)
{
	const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

	return slash ? (struct span){ slash + 1, (size_t)(path.data + path.size - slash - 1) } : path;
}

bool path_lies_in(struct span path, struct span places)
{
	while (places.size > 0) {
		struct span place = span_take(&places, 0);

		if (place.size > 0 && path.size >= place.size && memcmp(path.data, place.data, place.size) == 0 &&
		    (path.size == place.size || path.data[place.size] == '/'))
			return true;
	}
	return false;
}
