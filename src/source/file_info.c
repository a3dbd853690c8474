/* See file_info.h.  A connection is kept from question to question, and one that has gone is made anew once: the other program may have
 * been started again.  Answers are bounded in size and time. */

#include "source/file_info.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/clock.h"

#define ANSWER_MAX 4096u

struct file_info {
	char *socket_path;
	int fd;				/* -1: there is no connection */
	uint64_t failed_ns;		/* 0: it did not, or not lately */
};

int file_info_new(struct file_info **ret, const char *socket_path)
{
	_cleanup_(file_info_freep) struct file_info *info = calloc(1, sizeof(*info));

	if (!info)
		return -ENOMEM;
	info->fd = -1;
	info->socket_path = strdup(socket_path);
	if (!info->socket_path)
		return -ENOMEM;
	*ret = TAKE(info);
	return 0;
}

static void hang_up(struct file_info *info)
{
	if (info->fd >= 0)
		close(info->fd);
	info->fd = -1;
}

struct file_info *file_info_free(struct file_info *info)
{
	if (!info)
		return NULL;
	hang_up(info);
	free(info->socket_path);
	free(info);
	return NULL;
}

const char *file_info_path(const struct file_info *info)
{
	return info->socket_path;
}

/* The connection */

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = FILE_INFO_TIMEOUT_MS / 1000, .tv_usec = FILE_INFO_TIMEOUT_MS % 1000 * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer = { .uid = UINT32_MAX };
	socklen_t size = sizeof(peer);
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		r = errno == EAGAIN || errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	else
		r = peer.uid == 0 || peer.uid == geteuid() ? fd : -EPERM;
	if (r < 0)
		close(fd);
	return r;
}

static int put_question(struct buffer *line, const char *path, const struct file_stamp *version)
{
	json_t *question = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "command", "file-info", "path",
				     json_stringn_nocheck(path, strlen(path)), "device", (json_int_t)version->device, "inode",
				     (json_int_t)version->inode, "size", (json_int_t)version->size, "mtime", (json_int_t)version->mtime_ns,
				     "ctime", (json_int_t)version->ctime_ns);
	char *text = question ? json_dumps(question, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	json_decref(question);
	if (!text)
		return -ENODATA;	/* a name that is no UTF-8 is none in JSON: it cannot be asked for */
	buffer_append_text(line, text);
	buffer_append_byte(line, '\n');
	free(text);
	return buffer_error(line);
}

static int say(int fd, struct span line)
{
	while (line.size > 0) {
		ssize_t n = send(fd, line.data, line.size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		line.data += n;
		line.size -= (size_t)n;
	}
	return 0;
}

/* A line, without its end. */
static int listen_to(int fd, struct buffer *line)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + FILE_INFO_TIMEOUT_MS * NS_PER_MS;

	for (;;) {
		char *room = buffer_reserve(line, 512), *newline;
		ssize_t n;

		if (!room)
			return -ENOMEM;
		n = recv(fd, room, 512, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -EPIPE;
		newline = memchr(room, '\n', (size_t)n);
		line->size += newline ? (size_t)(newline - room) : (size_t)n;
		if (newline)
			return newline + 1 == room + n ? 0 : -EBADMSG;	/* it answered what nobody asked */
		if (line->size > ANSWER_MAX)
			return -EBADMSG;
		if (clock_ns(CLOCK_MONOTONIC) > end_ns)
			return -ETIMEDOUT;
	}
}

/* The answer */

static int take_digest(json_t *answer, const char *name, unsigned char *ret, size_t size, bool is_needed)
{
	const char *hex = json_string_value(json_object_get(answer, name));
	uint64_t byte;

	memset(ret, 0, size);
	if (!hex)
		return is_needed || json_object_get(answer, name) ? -EBADMSG : 0;
	if (strlen(hex) != 2 * size)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++) {
		if (span_hex_to_u64((struct span){ hex + 2 * i, 2 }, &byte) < 0)
			return -EBADMSG;
		ret[i] = (unsigned char)byte;
	}
	return 0;
}

static int take_answer(struct span line, struct digest *ret)
{
	json_t *answer = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL), *ok = json_object_get(answer, "ok");
	int r = -EBADMSG;

	if (json_is_false(ok))
		r = -ENODATA;
	else if (json_is_true(ok) && take_digest(answer, "md5", ret->md5, sizeof(ret->md5), false) == 0 &&
		 take_digest(answer, "sha1", ret->sha1, sizeof(ret->sha1), false) == 0)
		r = take_digest(answer, "sha256", ret->sha256, sizeof(ret->sha256), true);
	json_decref(answer);
	return r;
}

static int ask_once(struct file_info *info, struct span question, struct digest *ret)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	int r;

	if (info->fd < 0) {
		r = connect_to(info->socket_path);
		if (r < 0)
			return r;
		info->fd = r;
	}
	r = say(info->fd, question);
	if (r == 0)
		r = listen_to(info->fd, &line);
	if (r == 0)
		r = take_answer(buffer_span(&line), ret);
	if (r < 0 && r != -ENODATA)
		hang_up(info);
	return r;
}

int file_info_ask(struct file_info *info, const char *path, const struct file_stamp *version, uint64_t now_ns, struct digest *ret)
{
	_cleanup_(buffer_release) struct buffer question = { 0 };
	bool is_old = info->fd >= 0;
	int r;

	if (info->failed_ns > 0 && now_ns - info->failed_ns < FILE_INFO_BACKOFF_NS)
		return -EAGAIN;
	r = put_question(&question, path, version);
	if (r < 0)
		return r;
	r = ask_once(info, buffer_span(&question), ret);
	if (is_old && (r == -EPIPE || r == -ECONNRESET))
		r = ask_once(info, buffer_span(&question), ret);
	info->failed_ns = r < 0 && r != -ENODATA ? now_ns : 0;
	return r;
}
