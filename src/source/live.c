/* Audit and the process connector as one source, in the order source.h promises: a batch of audit into the
 * buffers, all of the connector out, the batch out. Any message about a fork was queued by the kernel
 * before the child made its first system call, so before any audit record in a batch that was taken
 * earlier.
 *
 * One epoll descriptor stands for both sockets. Audit must be had; the connector may be missing (an old
 * kernel, a namespace): then forks and exits come from audit rules, and status says so. */

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "source/audit.h"
#include "source/backend.h"

struct live_source {
	struct source base;
	int epoll_fd;
	struct source *audit;
	struct source *connector;	/* NULL: */
	int connector_error;		/* why */
};

static struct live_source *live_source(struct source *source)
{
	return (struct live_source *)(void *)source;
}

static const struct live_source *live_source_const(const struct source *source)
{
	return (const struct live_source *)(const void *)source;
}

static struct source *live_free(struct source *source)
{
	struct live_source *s = live_source(source);

	if (!s)
		return NULL;
	s->audit = source_audit.free(s->audit);
	if (s->connector)
		s->connector = source_connector.free(s->connector);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct source, live_free)

static int watch(struct live_source *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int live_open(struct source **ret, const struct source_options *options)
{
	_cleanup_(live_freep) struct source *source = NULL;
	struct live_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	source = &s->base;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	r = source_audit.open(&s->audit, options);
	if (r < 0)
		return r;
	r = watch(s, source_audit.fd(s->audit));
	if (r < 0)
		return r;
	s->connector_error = options->want_connector ? source_connector.open(&s->connector, options)
						     : -ENODATA;
	if (s->connector) {
		r = watch(s, source_connector.fd(s->connector));
		if (r < 0)
			return r;
	}
	*ret = TAKE(source);
	return 0;
}

static int live_read(struct source *source, size_t max, record_fn emit, void *user)
{
	struct live_source *s = live_source(source);
	int n = 0, r;

	r = audit_receive(s->audit, max);
	if (r < 0)
		return r;
	while (s->connector && (r = source_connector.read(s->connector, max, emit, user)) != 0) {
		if (r < 0)
			return r;
		n += r;
	}
	r = audit_emit(s->audit, emit, user);
	return r < 0 ? r : n + r;
}

static int live_fd(const struct source *source)
{
	return live_source_const(source)->epoll_fd;
}

static const char *live_mode(const struct source *source)
{
	return source_audit.mode(live_source_const(source)->audit);
}

static const struct source_stats *live_stats(struct source *source)
{
	struct live_source *s = live_source(source);
	const struct source_stats *audit = source_audit.stats(s->audit);
	const struct source_stats *connector = s->connector ? source_connector.stats(s->connector) : NULL;

#define SUM(member) (s->base.stats.member = audit->member + (connector ? (uint64_t)connector->member : 0))
	SUM(records);
	SUM(bytes);
	SUM(overruns);
	SUM(foreign);
	SUM(serial_gaps);
#undef SUM
	return &s->base.stats;
}

int source_live_connector(const struct source *source)
{
	return live_source_const(source)->connector_error;
}

int source_live_hold(struct source *source, uint32_t slot_pid)
{
	return audit_hold(live_source(source)->audit, slot_pid);
}

const struct source_ops source_live = {
	.name = "live",
	.open = live_open,
	.fd = live_fd,
	.read = live_read,
	.stats = live_stats,
	.mode = live_mode,
	.free = live_free,
};
