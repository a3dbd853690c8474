/* Everything that tells of a live host as one source.
 *
 * Where the kernel runs our programs (source_bpf), they show what system calls do, and audit only what programs say of logins
 * and the like; else audit shows all of it, and the process connector forks and exits.  Audit must be had in the second case.
 *
 * Order, as source.h promises: a batch of audit into the buffers, all of the other source out, the batch out. Any message about
 * a fork was queued by the kernel before the child made its first system call, so before any audit record in a batch that was
 * taken earlier.
 *
 * One epoll descriptor stands for all.  Audit may come later, beside a reader that looks at the pointer; it never goes before all
 * goes.  But it may go over from one way to another, when somebody else takes or leaves the slot of the audit daemon: both are open
 * then, the reader empties the one and goes on with the other, and what came by two sockets of audit is told once (audit.h).  What auditd
 * has handed on the kernel does not keep for the next audit daemon, so by the plugin and a socket nothing comes twice. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "event/schema.h"
#include "source/audit.h"
#include "source/audit_pipe.h"
#include "source/backend.h"
#include "source/bpf.h"

#define READS 16			/* of the other source for one of audit: under a storm that goes on neither starves */

/* How the records of audit come: the first that can be had is kept. */
struct audit_way {
	const struct source_ops *ops;
	int (*receive)(struct source *source, size_t max);
	int (*emit)(struct source *source, record_fn emit, void *user);
	struct audit_stream *(*stream_of)(struct source *source);
};

static const struct audit_way by_netlink = { &source_audit, audit_receive, audit_emit, audit_stream_of };
static const struct audit_way by_plugin = { &source_audit_pipe, audit_pipe_receive, audit_pipe_emit, audit_pipe_stream_of };

struct live_source {
	struct source base;
	int epoll_fd;
	struct source *_Atomic audit;	/* NULL: none */
	struct source *_Atomic next;	/* opened to be read in its place, by the reader as soon as it can */
	struct source *_Atomic last;	/* which the reader reads no more */
	struct source *_Atomic pipe;	/* that of these by which the plugin comes; NULL: none */
	pthread_mutex_t lock;		/* of these, while they change places and are counted */
	struct source_stats gone;	/* what those counted that are closed */
	struct source_options options;	/* without what is borrowed: to open audit later */
	struct source *bpf, *connector;	/* one of them, or neither: */
	int bpf_error, connector_error;	/* why not */
	char mode[64];
};

static struct live_source *live_source(struct source *source)
{
	return (struct live_source *)(void *)source;
}

static const struct live_source *live_source_const(const struct source *source)
{
	return (const struct live_source *)(const void *)source;
}

static const struct audit_way *way_of(const struct live_source *s, const struct source *audit)
{
	return audit == s->pipe ? &by_plugin : &by_netlink;
}

/* NULL: audit is not read, or not by netlink. */
static struct source *netlink_of(const struct live_source *s)
{
	struct source *audit = s->audit;

	return audit && way_of(s, audit) == &by_netlink ? audit : NULL;
}

static void drop_audit(struct live_source *s, struct source *audit)
{
	const struct audit_way *way = way_of(s, audit);

	if (!audit)
		return;
	if (way == &by_plugin)
		s->pipe = NULL;
	way->ops->free(audit);
}

static struct source *live_free(struct source *source)
{
	struct live_source *s = live_source(source);

	if (!s)
		return NULL;
	drop_audit(s, s->last);
	drop_audit(s, s->audit);
	drop_audit(s, s->next);
	pthread_mutex_destroy(&s->lock);
	if (s->bpf)
		s->bpf = source_bpf.free(s->bpf);
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

static void name_mode(struct live_source *s)
{
	struct source *audit = s->audit;

	snprintf(s->mode, sizeof(s->mode), "%s%s%s%s", s->bpf ? "ebpf" : "", s->bpf && audit ? " + " : "",
		 audit ? (s->bpf ? "audit " : "") : "", audit ? way_of(s, audit)->ops->mode(audit) : "");
}

/* Is anything wanted that the programs do not show? */
static bool needs_audit(const struct live_source *s, const struct source_wants *wants)
{
	bool served[N_KINDS];

	if (wants->audit)
		return true;
	source_bpf_serves(s->bpf, served);
	for (unsigned i = 0; i < N_KINDS; i++)
		if (wants->kinds[i] && !served[i] && kinds[i].category != CATEGORY_recorder)
			return true;
	return false;
}

static int add_by(struct live_source *s, const struct audit_way *way, const char *mode, struct source *_Atomic *ret)
{
	struct source_options options = s->options;
	struct source *audit;
	int r;

	options.mode = mode;
	r = way->ops->open(&audit, &options);
	if (r < 0)
		return r;
	r = watch(s, way->ops->fd(audit));
	if (r < 0) {
		way->ops->free(audit);
		return r;
	}
	if (way == &by_plugin)
		s->pipe = audit;	/* before anybody sees it */
	*ret = audit;
	return 0;
}

/* Netlink will be had no other time either. */
static bool lasts(int error)
{
	static const int of[] = { -EPERM, -EACCES, -EINVAL, -EEXIST, -ECONNREFUSED, -EPROTONOSUPPORT, -EAFNOSUPPORT, -ENOPROTOOPT, -EOPNOTSUPP };

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		if (error == of[i])
			return true;
	return false;
}

/* The plugin comes last: it costs more, and of what auditd loses nobody tells but the serials. */
static int add_audit(struct live_source *s)
{
	const char *mode = s->options.mode;
	bool must_plugin = mode && strcmp(mode, "pipe") == 0;
	int r = must_plugin ? -ENODATA : add_by(s, &by_netlink, mode, &s->audit);

	return r < 0 && s->options.pipe_path && (must_plugin || (!mode && lasts(r))) ? add_by(s, &by_plugin, mode, &s->audit) : r;
}

/* By the reader, when the one that was left is empty: the other takes its place.  As source_ops.read. */
static int go_over(struct live_source *s, struct source *next, record_fn emit, void *user)
{
	struct source *audit = s->audit;
	const struct audit_way *from = way_of(s, audit), *to = way_of(s, next);
	int r = 0;

	if (from->ops->stop && from->ops->stop(audit) > 0)	/* until now no plugin was there */
		r = from->emit(audit, emit, user);
	if (from == to)
		audit_take_over(next, audit);
	else
		audit_stream_take_over(to->stream_of(next), from->stream_of(audit));
	(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, from->ops->fd(audit), NULL);
	pthread_mutex_lock(&s->lock);
	s->last = audit;	/* first: nobody sees neither, and begins another move */
	s->audit = next;
	s->next = NULL;
	pthread_mutex_unlock(&s->lock);
	return r;
}

static int live_open(struct source **ret, const struct source_options *options)
{
	_cleanup_(live_freep) struct source *source = NULL;
	struct live_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	source = &s->base;
	pthread_mutex_init(&s->lock, NULL);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	s->options = *options;
	s->options.wants = (struct source_wants){ 0 };
	s->bpf_error = options->want_bpf ? source_bpf.open(&s->bpf, options) : -ENODATA;
	if (s->bpf) {
		r = watch(s, source_bpf.fd(s->bpf));
		if (r < 0)
			return r;
	}
	if (!s->bpf && !options->want_audit)
		return s->bpf_error;
	if (!s->bpf || (options->want_audit && needs_audit(s, &options->wants))) {
		r = add_audit(s);
		if (r < 0)
			return r;
	}
	s->connector_error = options->want_connector && !s->bpf ? source_connector.open(&s->connector, options) : -ENODATA;
	if (s->connector) {
		r = watch(s, source_connector.fd(s->connector));
		if (r < 0)
			return r;
	}
	name_mode(s);
	*ret = TAKE(source);
	return 0;
}

static int live_read(struct source *source, size_t max, record_fn emit, void *user)
{
	struct live_source *s = live_source(source);
	const struct source_ops *ops = s->bpf ? &source_bpf : &source_connector;
	struct source *other = s->bpf ? s->bpf : s->connector, *audit = s->audit, *next = s->next;
	int n = 0, n_received, r;

	n_received = audit ? way_of(s, audit)->receive(audit, max) : 0;
	if (n_received < 0)
		return n_received;
	for (unsigned i = 0; other && i < READS; i++) {
		r = ops->read(other, max, emit, user);
		if (r < 0)
			return r;
		n += r;
		/* The connector counts what it tells, not what it takes. */
		if (r == 0 || (s->bpf && (size_t)r < max))
			break;
	}
	r = audit ? way_of(s, audit)->emit(audit, emit, user) : 0;
	if (unlikely(next != NULL) && r >= 0 && n_received == 0) {
		n += r;
		r = go_over(s, next, emit, user);
	}
	return r < 0 ? r : n + r;
}

static int live_stop(struct source *source)
{
	struct live_source *s = live_source(source);
	struct source *audit = s->audit;
	int r = audit && way_of(s, audit)->ops->stop ? way_of(s, audit)->ops->stop(audit) : 0;

	if (r != 0)
		return r;
	if (s->bpf)
		return source_bpf.stop(s->bpf);
	return s->connector ? source_connector.stop(s->connector) : 0;
}

static int live_fd(const struct source *source)
{
	return live_source_const(source)->epoll_fd;
}

static const char *live_mode(const struct source *source)
{
	return live_source_const(source)->mode;
}

static void count(struct source_stats *ret, const struct source_stats *a, const struct source_stats *b)
{
	ret->records = a->records + b->records;
	ret->bytes = a->bytes + b->bytes;
	ret->overruns = a->overruns + b->overruns;
	ret->foreign = a->foreign + b->foreign;
	ret->serial_gaps = a->serial_gaps + b->serial_gaps;
}

static const struct source_stats *live_stats(struct source *source)
{
	struct live_source *s = live_source(source);
	struct source_stats *sum = &s->base.stats;

	pthread_mutex_lock(&s->lock);
	count(sum, &(struct source_stats){ 0 }, &s->gone);
	if (s->audit)
		count(sum, sum, way_of(s, s->audit)->ops->stats(s->audit));
	if (s->last)
		count(sum, sum, way_of(s, s->last)->ops->stats(s->last));
	pthread_mutex_unlock(&s->lock);
	if (s->bpf)
		count(sum, sum, source_bpf.stats(s->bpf));
	if (s->connector)
		count(sum, sum, source_connector.stats(s->connector));
	return sum;
}

/* The next is open before the kernel is told to send no more to the one before, so all comes by one of them.  It is told by who may: the reader
 * must not (daemon/confine.h). */
int source_live_move(struct source *source, const char *mode)
{
	struct live_source *s = live_source(source);
	bool to_plugin = strcmp(mode, "pipe") == 0;
	struct source *netlink = netlink_of(s);
	struct source *_Atomic next;
	int r;

	if (!s->audit || s->next || s->last)
		return -EBUSY;
	/* By the plugin alone, if that is what was asked for; never, if it was not allowed. */
	if (to_plugin ? !netlink || !s->options.pipe_path : !netlink && s->options.mode)
		return -EOPNOTSUPP;
	if (netlink)
		audit_begin_move(netlink, true);
	r = add_by(s, to_plugin ? &by_plugin : &by_netlink, mode, &next);
	if (r >= 0 && netlink) {
		r = audit_leave(netlink);
		if (r < 0)
			drop_audit(s, next);
	}
	if (r >= 0)
		s->next = next;
	else if (netlink)
		audit_begin_move(netlink, false);
	return r;
}

bool source_live_has_moved(struct source *source)
{
	struct live_source *s = live_source(source);
	struct source *last = s->last;

	if (!last)
		return false;
	pthread_mutex_lock(&s->lock);
	count(&s->gone, &s->gone, way_of(s, last)->ops->stats(last));
	s->last = NULL;
	pthread_mutex_unlock(&s->lock);
	drop_audit(s, last);
	name_mode(s);
	return true;
}

bool source_live_is_unicast(const struct source *source)
{
	struct source *netlink = netlink_of(live_source_const(source));

	return netlink && strcmp(source_audit.mode(netlink), "unicast") == 0;
}

void source_live_expect_holder(struct source *source, uint32_t n_records)
{
	struct source *netlink = netlink_of(live_source(source));

	if (netlink)
		audit_expect_holder(netlink, n_records);
}

uint32_t source_live_wanted_by(struct source *source)
{
	struct source *netlink = netlink_of(live_source(source));

	return netlink ? audit_wanted_by(netlink) : 0;
}

int source_live_connector(const struct source *source)
{
	return live_source_const(source)->connector_error;
}

int source_live_bpf(const struct source *source)
{
	return live_source_const(source)->bpf_error;
}

void source_live_bpf_serves(const struct source *source, bool *ret_kinds)
{
	const struct live_source *s = live_source_const(source);

	if (s->bpf)
		source_bpf_serves(s->bpf, ret_kinds);
	else
		memset(ret_kinds, 0, N_KINDS * sizeof(*ret_kinds));
}

size_t source_live_ring_bytes(const struct source *source)
{
	const struct live_source *s = live_source_const(source);

	return s->bpf ? source_bpf_ring_bytes(s->bpf) : 0;
}

void source_live_bpf_count(const struct source *source, struct probe_counters *ret)
{
	const struct live_source *s = live_source_const(source);

	if (s->bpf)
		source_bpf_count(s->bpf, ret);
	else
		*ret = (struct probe_counters){ 0 };
}

void source_live_set_write_interval(struct source *source, uint32_t interval_ms)
{
	struct live_source *s = live_source(source);

	if (s->bpf)
		source_bpf_set_write_interval(s->bpf, interval_ms);
}

int source_live_want(struct source *source, const struct source_wants *wants)
{
	struct live_source *s = live_source(source);
	int r = 0;

	if (s->bpf && !s->audit && s->options.want_audit && needs_audit(s, wants)) {
		r = add_audit(s);
		name_mode(s);
	}
	if (r >= 0 && s->bpf)
		r = source_bpf_want(s->bpf, wants);
	return r;
}

bool source_live_must_let_go(const struct source *source)
{
	const struct live_source *s = live_source_const(source);

	return s->bpf && source_bpf_must_let_go(s->bpf);
}

void source_live_let_go(struct source *source, bool all, struct source_untold *ret)
{
	struct live_source *s = live_source(source);

	*ret = (struct source_untold){ 0 };
	if (s->bpf)
		source_bpf_let_go(s->bpf, all, ret);
}

bool source_live_has_audit(const struct source *source)
{
	return live_source_const(source)->audit != NULL;
}

int source_live_hold(struct source *source, uint32_t slot_pid)
{
	struct live_source *s = live_source(source);
	struct source *netlink = netlink_of(s);

	return netlink && !s->next && !s->last ? audit_hold(netlink, slot_pid) : 0;
}

int source_live_plugin(const struct source *source)
{
	const struct live_source *s = live_source_const(source);

	struct source *audit = s->audit;

	return audit && way_of(s, audit) == &by_plugin ? audit_pipe_is_connected(audit) : -ENODATA;
}

const struct source_ops source_live = {
	.name = "live",
	.open = live_open,
	.fd = live_fd,
	.read = live_read,
	.stop = live_stop,
	.stats = live_stats,
	.mode = live_mode,
	.free = live_free,
};
