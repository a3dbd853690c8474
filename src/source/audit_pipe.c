/* See audit_pipe.h; what comes is that of pipe_queue.h.
 *
 * What is taken is answered for before it is handed on: if the recorder dies in between, the gap of its death covers that, and
 * nothing is there twice.  What it has not taken the plugin keeps, for the next recorder too.
 *
 * Whoever connects must be of our user (root): the folder of the socket is root's alone anyway.  The bytes are checked all the same:
 * texts of records hold what anybody chose, and a record of a type of ours would be believed. */

#include "source/audit_pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/audit_stream.h"
#include "source/backend.h"
#include "source/pipe_queue.h"

#define INPUT_BYTES ((size_t)256 << 10)
#define QUIET_MS 50			/* at the stop: what auditd has comes by then, or does not */
#define STOP_NS NS_PER_SEC
#define SILENT_NS (10 * NS_PER_SEC)	/* one that says nothing for so long gives way to another */
#define DAEMON_FIRST 1200u		/* what auditd itself says has serials of its own (libaudit.h, AUDIT_FIRST_DAEMON) */
#define DAEMON_LAST 1299u

struct pipe_source {
	struct source base;
	struct sockaddr_un address;
	struct stat file;		/* of the socket */
	int epoll_fd, listen_fd, fd;	/* fd -1: nobody is there */
	atomic_bool is_connected;
	bool is_greeted;
	uint64_t away_ns;		/* since 1970: since then nobody was there... */
	uint64_t away_begin_ns;		/* ...and the newest record before that */
	bool tells_away;		/* recording ends: that is told now */
	uint64_t stop_ns;		/* CLOCK_MONOTONIC: the end of the stop; 0: it has not begun */
	uint64_t heard_ns;		/* CLOCK_MONOTONIC */
	uint64_t received_ns;		/* since 1970 */
	uint64_t n_taken;		/* frames of this connection */
	size_t n_ready;			/* frames at the start of data, answered for and not handed on yet */
	struct pipe_greeting greeting;	/* when it is told still */
	bool has_greeting;
	struct audit_stream stream;
	size_t size;			/* of data */
	char data[INPUT_BYTES];
};

static struct pipe_source *pipe_source(struct source *source)
{
	return (struct pipe_source *)(void *)source;
}

static void disconnect(struct pipe_source *s)
{
	close(s->fd);	/* epoll lets go of it */
	s->fd = -1;
	atomic_store(&s->is_connected, false);
	s->away_ns = clock_now_ns();
	s->away_begin_ns = MIN(s->stream.last_ns, s->away_ns);
}

static void refuse(struct pipe_source *s)
{
	stat_add(&s->base.stats.foreign, 1);
	disconnect(s);
}

/* Connecting */

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

static int watch(const struct pipe_source *s, int fd)
{
	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN }) < 0 ? -errno : 0;
}

/* Receiving */

static void drop(struct pipe_source *s, size_t size)
{
	memmove(s->data, s->data + size, s->size - size);
	s->size -= size;
}

static void take_greeting(struct pipe_source *s)
{
	if (s->size < sizeof(s->greeting))
		return;
	memcpy(&s->greeting, s->data, sizeof(s->greeting));
	if (memcmp(s->greeting.magic, PIPE_MAGIC, sizeof(s->greeting.magic)) != 0) {
		refuse(s);
		return;
	}
	drop(s, sizeof(s->greeting));
	s->is_greeted = s->has_greeting = true;
	atomic_store(&s->is_connected, true);
}

/* The frame at *at, and *at behind it.  1; 0: it is not whole; -EBADMSG: it is none. */
static int next_frame(const struct pipe_source *s, size_t *at, struct pipe_frame *ret, struct span *ret_body)
{
	if (s->size - *at < sizeof(*ret))
		return 0;
	memcpy(ret, s->data + *at, sizeof(*ret));
	if (ret->type >= RECORD_OWN_FIRST || ret->size > PIPE_TEXT_MAX ||
	    (ret->type == PIPE_LOST && ret->size != sizeof(struct pipe_loss)))
		return -EBADMSG;
	if (s->size - *at < sizeof(*ret) + ret->size)
		return 0;
	*ret_body = (struct span){ s->data + *at + sizeof(*ret), ret->size };
	*at += sizeof(*ret) + ret->size;
	return 1;
}

/* It may have said more than has been taken. */
static bool is_going(const struct pipe_source *s)
{
	struct pollfd fd = { .fd = s->fd, .events = POLLRDHUP };
	struct pipe_frame frame;
	struct span body;

	if (s->fd >= 0)
		return poll(&fd, 1, 0) > 0;
	return s->is_greeted && next_frame(s, &(size_t){ 0 }, &frame, &body) > 0;
}

static void accept_one(struct pipe_source *s)
{
	bool is_stale = s->fd >= 0 && clock_ns(CLOCK_MONOTONIC) - s->heard_ns > SILENT_NS;
	int fd = is_going(s) ? -1 : accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (!is_ours(fd) || (s->fd >= 0 && !is_stale)) {
		stat_add(&s->base.stats.foreign, 1);
		close(fd);
		return;
	}
	if (s->fd >= 0)
		disconnect(s);
	if (watch(s, fd) < 0) {
		close(fd);
		return;
	}
	s->fd = fd;
	s->heard_ns = clock_ns(CLOCK_MONOTONIC);
	s->is_greeted = false;
	s->n_taken = 0;
	s->size = 0;
}

/* Whole frames, answered for. */
static void take_frames(struct pipe_source *s, size_t max)
{
	struct pipe_frame frame;
	struct span body;
	size_t at = 0;
	int r = 1;

	while (s->n_ready < max && (r = next_frame(s, &at, &frame, &body)) > 0)
		s->n_ready++;
	s->n_taken += s->n_ready;
	/* If it has no room for the answer the next one, which includes it, has. */
	if (s->n_ready > 0 && s->fd >= 0)
		(void)!send(s->fd, &s->n_taken, sizeof(s->n_taken), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r < 0 && s->n_ready == 0) {
		s->size = 0;
		if (s->fd >= 0)
			refuse(s);
	}
}

int audit_pipe_receive(struct source *source, size_t max)
{
	struct pipe_source *s = pipe_source(source);
	ssize_t n = 0;

	accept_one(s);
	s->received_ns = clock_now_ns();
	if (s->fd >= 0 && s->size < sizeof(s->data)) {
		n = recv(s->fd, s->data + s->size, sizeof(s->data) - s->size, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			disconnect(s);
	}
	if (n > 0) {
		s->size += (size_t)n;
		s->heard_ns = clock_ns(CLOCK_MONOTONIC);
	}
	if (s->fd >= 0 && !s->is_greeted)
		take_greeting(s);
	if (s->is_greeted)
		take_frames(s, max);
	return (int)s->n_ready;
}

static int emit_away(struct pipe_source *s, uint64_t end_ns, record_fn emit, void *user)
{
	const struct gap gap = {
		.begin_ns = MIN(s->away_begin_ns, end_ns), .end_ns = end_ns, .class_name = "all", .cause = "plugin_away",
	};

	return audit_stream_gap(&s->stream, &gap, s->received_ns, emit, user);
}

static int emit_loss(struct pipe_source *s, struct span body, record_fn emit, void *user)
{
	struct pipe_loss loss;
	struct gap gap;

	memcpy(&loss, body.data, sizeof(loss));
	loss.end_ns = MIN(loss.end_ns, s->received_ns);
	gap = (struct gap){
		.begin_ns = MIN(loss.begin_ns, loss.end_ns), .end_ns = loss.end_ns, .class_name = "all", .cause = "plugin_full",
		.unit = "records", .count_known = true, .exact = true, .count = loss.count,
	};
	return audit_stream_gap(&s->stream, &gap, s->received_ns, emit, user);
}

static int emit_record(struct pipe_source *s, uint32_t type, struct span text, record_fn emit, void *user)
{
	const struct record record = { .type = type, .time_ns = s->received_ns, .text = text };
	int r = 0;

	if (!span_starts(text, SPAN("audit(")) || memchr(text.data, '\n', text.size)) {
		stat_add(&s->base.stats.foreign, 1);
		return 0;
	}
	if (type < DAEMON_FIRST || type > DAEMON_LAST)
		r = audit_stream_push(&s->stream, &s->base.stats, text, s->received_ns, emit, user);
	if (r < 0)
		return r;
	stat_add(&s->base.stats.records, 1);
	stat_add(&s->base.stats.bytes, text.size);
	r = emit(user, &record);
	return r < 0 ? r : 1;
}

/* The time in which no plugin was there; what one that was there already has kept is not missing. */
static int tell_away(struct pipe_source *s, record_fn emit, void *user)
{
	int r = 0;

	if (s->has_greeting && s->greeting.begin_ns > s->away_ns)
		r = emit_away(s, MIN(s->greeting.begin_ns, s->received_ns), emit, user);
	s->has_greeting = false;
	/* One that dies has told nearly all. */
	if (r >= 0 && !s->is_connected && s->received_ns > s->away_begin_ns && s->received_ns - s->away_begin_ns > GAP_TELL_NS) {
		r = emit_away(s, s->received_ns, emit, user);
		s->away_ns = s->away_begin_ns = s->received_ns;
	}
	if (r >= 0 && s->tells_away && s->fd < 0)
		r = emit_away(s, s->received_ns, emit, user);
	s->tells_away = false;
	return r;
}

int audit_pipe_emit(struct source *source, record_fn emit, void *user)
{
	struct pipe_source *s = pipe_source(source);
	struct pipe_frame frame;
	struct span body;
	size_t at = 0, n_ready = s->n_ready;
	int n = 0, r = tell_away(s, emit, user);

	s->n_ready = 0;
	for (size_t i = 0; r >= 0 && i < n_ready && next_frame(s, &at, &frame, &body) > 0; i++) {
		r = frame.type == PIPE_LOST ? emit_loss(s, body, emit, user) : emit_record(s, frame.type, body, emit, user);
		n++;
	}
	if (at > 0)
		drop(s, at);
	if (r >= 0 && n_ready == 0)
		r = audit_stream_tick(&s->stream, &s->base.stats, s->received_ns, emit, user);
	return r < 0 ? r : n;
}

static int pipe_read(struct source *source, size_t max, record_fn emit, void *user)
{
	int r = audit_pipe_receive(source, max);

	return r < 0 ? r : audit_pipe_emit(source, emit, user);
}

/* Until auditd has handed over what it has; what comes later is the plugin's to keep.  Then that there is none is told, once. */
static int pipe_stop(struct source *source)
{
	struct pipe_source *s = pipe_source(source);
	struct pollfd fd = { .fd = s->fd, .events = POLLIN };
	bool tells = s->fd < 0 && s->away_ns > 0;

	if (s->stop_ns == 0)
		s->stop_ns = clock_ns(CLOCK_MONOTONIC) + STOP_NS;
	if (s->fd >= 0 && clock_ns(CLOCK_MONOTONIC) < s->stop_ns && poll(&fd, 1, QUIET_MS) > 0)
		return 1;

	s->tells_away = tells;
	s->away_ns = tells ? 0 : s->away_ns;
	return tells;
}

/* Backend */

static struct source *pipe_free(struct source *source)
{
	struct pipe_source *s = pipe_source(source);
	struct stat file;

	if (!s)
		return NULL;
	if (s->fd >= 0)
		close(s->fd);
	if (s->listen_fd >= 0) {
		/* Before it is closed: as long as it listens nobody else takes the path. */
		if (lstat(s->address.sun_path, &file) == 0 && file.st_dev == s->file.st_dev && file.st_ino == s->file.st_ino)
			unlink(s->address.sun_path);
		close(s->listen_fd);
	}
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct source, pipe_free)

/* The folder is locked by the recorder that uses it, so what is there is of one that died. */
static int listen_at(struct pipe_source *s)
{
	const struct sockaddr *address = (const struct sockaddr *)&s->address;
	struct stat file;

	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return -errno;
	if (lstat(s->address.sun_path, &file) == 0 && S_ISSOCK(file.st_mode))
		unlink(s->address.sun_path);
	/* bind() gives the file the mode of the socket less the umask (net/unix/af_unix.c, unix_bind_bsd). */
	if (fchmod(s->listen_fd, 0600) < 0 || bind(s->listen_fd, address, sizeof(s->address)) < 0 ||
	    lstat(s->address.sun_path, &s->file) < 0 || listen(s->listen_fd, 4) < 0)
		return -errno;
	return 0;
}

static int pipe_open(struct source **ret, const struct source_options *options)
{
	_cleanup_(pipe_freep) struct source *source = NULL;
	struct pipe_source *s;
	int r;

	if (!options->pipe_path)
		return -EINVAL;
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	/* Not all of it: what is not used takes no memory. */
	memset(s, 0, offsetof(struct pipe_source, data));
	s->epoll_fd = s->listen_fd = s->fd = -1;
	s->address.sun_family = AF_UNIX;
	s->away_ns = s->away_begin_ns = s->stream.last_ns = clock_now_ns();
	source = &s->base;
	if (strlen(options->pipe_path) >= sizeof(s->address.sun_path))
		return -ENAMETOOLONG;
	memcpy(s->address.sun_path, options->pipe_path, strlen(options->pipe_path));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	r = listen_at(s);
	if (r >= 0)
		r = watch(s, s->listen_fd);
	if (r < 0)
		return r;
	*ret = TAKE(source);
	return 0;
}

static int pipe_fd(const struct source *source)
{
	return ((const struct pipe_source *)(const void *)source)->epoll_fd;
}

struct audit_stream *audit_pipe_stream_of(struct source *source)
{
	return &pipe_source(source)->stream;
}

bool audit_pipe_is_connected(const struct source *source)
{
	return atomic_load(&((struct pipe_source *)(uintptr_t)source)->is_connected);
}

static const char *pipe_mode(const struct source *source)
{
	return "plugin pipe";
}

static const struct source_stats *pipe_stats(struct source *source)
{
	return &source->stats;
}

const struct source_ops source_audit_pipe = {
	.name = "audit-pipe",
	.open = pipe_open,
	.fd = pipe_fd,
	.read = pipe_read,
	.stop = pipe_stop,
	.stats = pipe_stats,
	.mode = pipe_mode,
	.free = pipe_free,
};
