/* See asker.h. */

#include "daemon/asker.h"

#include <errno.h>
#include <string.h>

#include "decode/audit.h"
#include "source/path_lookup.h"
#include "source/socket_lookup.h"

int asker_init(struct asker *asker)
{
	return mounts_new(&asker->mounts);
}

void asker_release(struct asker *asker)
{
	mounts_free(asker->mounts);
}

void asker_keep(struct asker *asker, uint32_t type, struct buffer *text)
{
	if (asker->capture && buffer_error(text) >= 0)
		capture_write(asker->capture, &(struct record){ .type = type, .text = buffer_span(text) });
}

static void head(uint64_t now_ns, struct buffer *text)
{
	record_put_head(text, now_ns, 0);
	buffer_append_text(text, " ");
}

/* What is written in hex is the last of its record. */
static void keep_in_hex(struct asker *asker, uint32_t type, struct buffer *text, struct span last)
{
	for (size_t i = 0; i < last.size; i++)
		buffer_append_hex(text, (uint8_t)last.data[i], 2);
	asker_keep(asker, type, text);
}

static int lookup(void *user, uint32_t pid, struct buffer *text)
{
	struct asker *asker = user;
	int r = procfs_lookup(asker->procfs, asker->now_ns, pid, text);

	if (r >= 0) {
		asker_keep(asker, RECORD_PROCESS, text);
	} else if (r == -ESRCH && asker->capture) {
		_cleanup_(buffer_release) struct buffer none = { 0 };

		head(asker->now_ns, &none);
		buffer_printf(&none, "pid=%u", pid);
		asker_keep(asker, RECORD_NO_PROCESS, &none);
	}
	return r;
}

static int resolve_fd(void *user, uint32_t pid, int32_t fd, char *ret, size_t size)
{
	struct asker *asker = user;
	int r = procfs_readlink_fd(asker->procfs, pid, fd, ret, size);

	if (r >= 0 && asker->capture) {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		head(asker->now_ns, &text);
		buffer_printf(&text, "pid=%u fd=%u path=", pid, (unsigned)fd);
		keep_in_hex(asker, RECORD_FD, &text, span_of(ret));
	}
	return r;
}

static int resolve_socket(void *user, uint32_t pid, int32_t fd, struct socket_ends *ret)
{
	struct asker *asker = user;
	int r = atomic_load_explicit(asker->resolve_sockets, memory_order_relaxed) ? socket_lookup(pid, fd, ret) : -EOPNOTSUPP;

	if (r >= 0 && asker->capture) {
		_cleanup_(buffer_release) struct buffer text = { 0 };
		bool has_both = ret->remote.ip_size == ret->local.ip_size;
		char ips[32];

		memcpy(ips, ret->local.ip, ret->local.ip_size);
		memcpy(ips + ret->local.ip_size, ret->remote.ip, has_both ? ret->remote.ip_size : 0);
		head(asker->now_ns, &text);
		buffer_printf(&text, "pid=%u fd=%u lport=%u rport=%u ips=", pid, (unsigned)fd, ret->local.port, ret->remote.port);
		keep_in_hex(asker, RECORD_SOCKET, &text, (struct span){ ips, ret->local.ip_size + (has_both ? (size_t)ret->remote.ip_size : 0) });
	}
	return r;
}

static int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			size_t size)
{
	struct asker *asker = user;
	int r = path_lookup(from, path, ret_id, ret, size);

	if (r != -EOPNOTSUPP && asker->capture) {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		head(asker->now_ns, &text);
		buffer_printf(&text, "hash=%u ", path_place_hash(from, span_of(path)));
		if (r < 0)
			buffer_printf(&text, "error=%d", -r);
		else
			buffer_printf(&text, "device=%llu inode=%llu ctime=%llu real=", (unsigned long long)ret_id->device,
				      (unsigned long long)ret_id->inode, (unsigned long long)ret_id->changed_ns);
		keep_in_hex(asker, RECORD_PATH, &text, r < 0 ? (struct span){ NULL, 0 } : span_of(ret));
	}
	return r;
}

static int host_path(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	struct asker *asker = user;
	int r = mounts_host_path(asker->mounts, from, path, time_ns, ret, size);

	if (asker->capture) {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		head(asker->now_ns, &text);
		buffer_printf(&text, "hash=%u ", path_place_host_hash(from, span_of(path)));
		buffer_printf(&text, r < 0 ? "error=%d" : "unsure=%d path=", r < 0 ? -r : r);
		keep_in_hex(asker, RECORD_HOST_PATH, &text, r < 0 ? (struct span){ NULL, 0 } : span_of(ret));
	}
	return r;
}

static int resolve_name(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret)
{
	struct asker *asker = user;
	struct span name = is_group ? users_group_name(asker->users, id, now_ns) :
				      users_user_name(asker->users, id, now_ns);

	if (name.size == 0)
		return -ENODATA;
	if (asker->capture) {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		head(asker->now_ns, &text);
		buffer_printf(&text, "%cid=%u name=", is_group ? 'g' : 'u', id);
		keep_in_hex(asker, RECORD_NAME, &text, name);
	}
	*ret = name;
	return 0;
}

static void want_hash(void *user, const struct hash_wish *wish)
{
	struct asker *asker = user;

	hasher_ask(asker->hasher, wish);
}

static void look_at_file(void *user, struct span path)
{
	struct asker *asker = user;

	hasher_look(asker->hasher, path);
}

void asker_serve(struct asker *asker, struct pipeline_options *options)
{
	options->lookup = asker->procfs ? lookup : NULL;
	options->resolve_fd = asker->procfs ? resolve_fd : NULL;
	options->resolve_socket = asker->resolve_sockets ? resolve_socket : NULL;
	options->resolve_path = asker->procfs ? resolve_path : NULL;
	options->host_path = asker->procfs ? host_path : NULL;
	options->resolve_name = asker->users ? resolve_name : NULL;
	options->hash = asker->hasher ? want_hash : NULL;
	options->define = asker->hasher ? look_at_file : NULL;
	options->lookup_user = asker;
}

void asker_keep_clock(struct asker *asker, uint64_t now_ns, const char *what)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	head(now_ns, &text);
	buffer_append_text(&text, what);
	asker_keep(asker, RECORD_CLOCK, &text);
}
