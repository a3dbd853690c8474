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
 * goes. */

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "event/schema.h"
#include "source/audit.h"
#include "source/backend.h"
#include "source/bpf.h"

#define READS 16			/* of the other source for one of audit: under a storm that goes on neither starves */

struct live_source {
	struct source base;
	int epoll_fd;
	struct source *_Atomic audit;	/* NULL: none */
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

static struct source *live_free(struct source *source)
{
	struct live_source *s = live_source(source);

	if (!s)
		return NULL;
	if (s->audit)
		source_audit.free(s->audit);
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
	snprintf(s->mode, sizeof(s->mode), "%s%s%s%s", s->bpf ? "ebpf" : "", s->bpf && s->audit ? " + " : "",
		 s->audit ? (s->bpf ? "audit " : "") : "", s->audit ? source_audit.mode(s->audit) : "");
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

static int add_audit(struct live_source *s)
{
	struct source *audit;
	int r = source_audit.open(&audit, &s->options);

	if (r < 0)
		return r;
	r = watch(s, source_audit.fd(audit));
	if (r < 0)
		source_audit.free(audit);
	else
		s->audit = audit;
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
	struct source *other = s->bpf ? s->bpf : s->connector, *audit = s->audit;
	int n = 0, r;

	r = audit ? audit_receive(audit, max) : 0;
	if (r < 0)
		return r;
	for (unsigned i = 0; other && i < READS; i++) {
		r = ops->read(other, max, emit, user);
		if (r < 0)
			return r;
		n += r;
		/* The connector counts what it tells, not what it takes. */
		if (r == 0 || (s->bpf && (size_t)r < max))
			break;
	}
	r = audit ? audit_emit(audit, emit, user) : 0;
	return r < 0 ? r : n + r;
}

static int live_stop(struct source *source)
{
	struct live_source *s = live_source(source);

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

static const struct source_stats *live_stats(struct source *source)
{
	struct live_source *s = live_source(source);
	const struct source_stats *of[] = { s->audit ? source_audit.stats(s->audit) : NULL,
					    s->bpf ? source_bpf.stats(s->bpf) : NULL,
					    s->connector ? source_connector.stats(s->connector) : NULL };

#define SUM(member)                                                          \
	do {                                                                 \
		uint64_t sum = 0;                                            \
		for (size_t i = 0; i < ARRAY_SIZE(of); i++)                  \
			sum += of[i] ? (uint64_t)of[i]->member : 0;          \
		s->base.stats.member = sum;                                  \
	} while (0)
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

	return s->audit ? audit_hold(s->audit, slot_pid) : 0;
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
