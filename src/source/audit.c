/* The netlink socket of the kernel's audit.
 *
 * Unicast: we are "the audit daemon": the kernel's thread sends to us first, waits while our buffer is full
 * and keeps its backlog meanwhile, so nothing is lost before the backlog (32768 records) is full, and that
 * the kernel counts.  There is one such slot; one that a living process holds is never taken.
 * Multicast: best effort beside another daemon: what does not fit into our buffer is gone, ENOBUFS says so
 * once for any number.  The buffer is large for that reason.
 *
 * This file receives and hands on.  Serials: audit_stream.c.  Rules and state: audit_control.c. */

#include "source/audit.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/audit_control.h"
#include "source/audit_netlink.h"
#include "source/audit_stream.h"
#include "source/backend.h"
#include "source/recent.h"

/* A record takes 911 bytes of the buffer on average (file storm, measured: the kernel counts whole
 * allocations); the kernel doubles the figure asked for: 147,000 records. */
#define RECEIVE_BUFFER_BYTES ((size_t)64 << 20)
#define BATCH SOURCE_BATCH
/* Longest message: 8970 (libaudit's MAX_AUDIT_MESSAGE_LENGTH).  Only touched pages of a buffer exist. */
#define MESSAGE_BYTES ((size_t)12288)
#define EARLY_BYTES ((size_t)8 << 20)	/* records that arrive before the answer to the registration */
#define COPIES_NS (2 * NS_PER_SEC)	/* how long what came by the socket before may still come by the next */

struct audit_source {
	struct source base;
	int fd;
	atomic_bool unicast;
	const char *mode;
	unsigned n_received;
	uint64_t received_ns;		/* when the batch was taken, since 1970 */
	bool overrun;			/* ENOBUFS since the last gap... */
	uint64_t overrun_begin_ns;	/* ...and the newest record before it */
	atomic_bool released;		/* the kernel had let go of us */
	_Atomic uint32_t wanted_by;	/* the pid that asked for our slot; 0: nobody */
	atomic_bool is_moving;		/* another source will go on where this one ends */
	struct recent told;		/* for that one */
	_Atomic uint32_t hold_max;	/* of them, as recent_hold() has it... */
	uint32_t holds;			/* ...and as it was told that */
	struct recent before;		/* handed on by the one before */
	uint64_t told_until_ns;		/* since 1970: so was what is as old as that, by one that is no more */
	uint64_t copies_until_ns;	/* CLOCK_MONOTONIC: until then that may come again; 0: it does not */
	struct buffer early;
	struct audit_stream stream;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_nl senders[BATCH];
	AUDIT_NETLINK_ALIGNED char data[BATCH][MESSAGE_BYTES];
};

static struct audit_source *audit_source(struct source *source)
{
	return (struct audit_source *)(void *)source;
}

int audit_datagram(char *data, size_t size, uint32_t sender_port, struct record *ret)
{
	struct nlmsghdr header;
	char *text = data + NLMSG_HDRLEN;

	if (sender_port != 0)
		return -EPERM;
	if (size < NLMSG_HDRLEN)
		return -ENOMSG;
	memcpy(&header, data, sizeof(header));
	/* nlmsg_len is of no use: in a multicast copy it includes the header, in a unicast message it does
	 * not (kernel/audit.c, audit_log_end: kept for the sake of auditd).  What was received is the
	 * message. */
	size -= NLMSG_HDRLEN;
	while (size > 0 && (text[size - 1] == '\0' || text[size - 1] == '\n'))
		size--;
	/* Answers are binary and have types below 1100, as has AUDIT_USER, which is a record. */
	if (size < 7 || memcmp(text, "audit(", 6) != 0)
		return -ENOMSG;
	/* Programs that send records may put newlines into them; auditd writes blanks too. */
	if (header.nlmsg_type < 1300 || header.nlmsg_type >= 2000) {
		for (char *p = text; (p = memchr(p, '\n', size - (size_t)(p - text))); )
			*p = ' ';
	}
	*ret = (struct record){ .type = header.nlmsg_type, .text = { text, size } };
	return 0;
}

/* Receiving */

static void note_overrun(struct audit_source *s)
{
	if (!s->overrun)
		s->overrun_begin_ns = s->stream.last_ns;
	s->overrun = true;
	stat_add(&s->base.stats.overruns, 1);
}

int audit_receive(struct source *source, size_t max)
{
	struct audit_source *s = audit_source(source);
	unsigned n_max = (unsigned)MIN(MAX(max, (size_t)1), (size_t)BATCH);
	int n;

	for (unsigned i = 0; i < n_max; i++)
		s->messages[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_nl);
	do {
		n = recvmmsg(s->fd, s->messages, n_max, MSG_DONTWAIT, NULL);
		if (n < 0 && errno == ENOBUFS)
			note_overrun(s);
	} while (n < 0 && (errno == EINTR || errno == ENOBUFS));
	if (n < 0 && errno != EAGAIN)
		return -errno;
	s->received_ns = clock_ns(CLOCK_REALTIME);
	s->n_received = n < 0 ? 0 : (unsigned)n;
	return (int)s->n_received;
}

static int emit_loss(struct audit_source *s, uint64_t begin_ns, const char *cause, record_fn emit, void *user)
{
	struct gap gap = {
		.begin_ns = MIN(begin_ns, s->received_ns),
		.end_ns = s->received_ns,
		.class_name = "all",
		.cause = cause,
	};

	return audit_stream_gap(&s->stream, &gap, s->received_ns, emit, user);
}

/* The kernel tells the holder of the slot who else wants it (kernel/audit.c, audit_replace). */
static void note_replace(struct audit_source *s, const char *data, size_t size)
{
	struct nlmsghdr header;
	uint32_t pid;

	if (size < NLMSG_HDRLEN + sizeof(pid))
		return;
	memcpy(&header, data, sizeof(header));
	if (header.nlmsg_type != AUDIT_REPLACE)
		return;
	memcpy(&pid, data + NLMSG_HDRLEN, sizeof(pid));
	atomic_store(&s->wanted_by, pid);
}

/* Is it one that the source before has handed on? */
static bool is_copy(struct audit_source *s, const struct record *record)
{
	uint64_t time_ns;

	return recent_has(&s->before, record) ||
	       (s->told_until_ns > 0 && audit_stream_time(record->text, &time_ns) && time_ns <= s->told_until_ns);
}

/* Once nothing waits: all that the kernel had kept has come. */
static void expect_no_copies(struct audit_source *s)
{
	if (clock_ns(CLOCK_MONOTONIC) < s->copies_until_ns)
		return;
	s->copies_until_ns = s->told_until_ns = 0;
	recent_release(&s->before);
}

static int emit_one(struct audit_source *s, char *data, size_t size, uint32_t sender, record_fn emit,
		    void *user)
{
	struct record record;
	int r;

	r = audit_datagram(data, size, sender, &record);
	if (r == -EPERM)
		stat_add(&s->base.stats.foreign, 1);
	if (r == -ENOMSG)
		note_replace(s, data, size);
	if (r < 0)
		return 0;
	record.time_ns = s->received_ns;
	if (unlikely(s->copies_until_ns > 0) && is_copy(s, &record))
		return 0;
	/* Beside another daemon, whose records the kernel keeps when it dies, for us when we come to be the next one. */
	if (!atomic_load_explicit(&s->unicast, memory_order_relaxed) || atomic_load_explicit(&s->is_moving, memory_order_relaxed))
		recent_add(&s->told, &record);
	r = audit_stream_push(&s->stream, &s->base.stats, record.text, s->received_ns, emit, user);
	if (r < 0)
		return r;
	stat_add(&s->base.stats.records, 1);
	stat_add(&s->base.stats.bytes, record.text.size);
	r = emit(user, &record);
	return r < 0 ? r : 1;
}

/* What came before the kernel's answer to our registration; {uint32_t size, message}... */
static int emit_early(struct audit_source *s, record_fn emit, void *user)
{
	_cleanup_(buffer_release) struct buffer early = s->early;
	int n = 0, r;
	uint32_t size;

	s->early = (struct buffer){ 0 };
	for (size_t at = 0; at + sizeof(size) <= early.size; at += sizeof(size) + size) {
		memcpy(&size, early.data + at, sizeof(size));
		r = emit_one(s, early.data + at + sizeof(size), size, 0, emit, user);
		if (r < 0)
			return r;
		n += r;
	}
	return n;
}

int audit_emit(struct source *source, record_fn emit, void *user)
{
	struct audit_source *s = audit_source(source);
	unsigned n_received = s->n_received;
	int n = 0, r;

	s->n_received = 0;
	if (unlikely(atomic_load_explicit(&s->hold_max, memory_order_relaxed) != s->holds)) {
		s->holds = atomic_load(&s->hold_max);
		recent_hold(&s->told, s->holds);
	}
	if (unlikely(s->copies_until_ns > 0) && n_received == 0 && s->early.size == 0)
		expect_no_copies(s);
	if (unlikely(s->early.size > 0)) {
		n = emit_early(s, emit, user);
		if (n < 0)
			return n;
	}
	for (unsigned i = 0; i < n_received; i++) {
		r = emit_one(s, s->data[i], s->messages[i].msg_len, s->senders[i].nl_pid, emit, user);
		if (r < 0)
			return r;
		n += r;
	}
	/* The error comes before what was queued when it happened: the gap ends when the queue has been
	 * emptied. */
	if (unlikely(s->overrun) && n_received < BATCH) {
		s->overrun = false;
		r = emit_loss(s, s->overrun_begin_ns, "receive_overrun", emit, user);
		if (r < 0)
			return r;
		n++;
	}
	if (unlikely(atomic_load_explicit(&s->released, memory_order_relaxed)) &&
	    atomic_exchange(&s->released, false)) {
		r = emit_loss(s, s->stream.last_ns, "reader_released", emit, user);
		if (r < 0)
			return r;
		n++;
	}
	if (n_received == 0) {
		r = audit_stream_tick(&s->stream, &s->base.stats, s->received_ns, emit, user);
		if (r < 0)
			return r;
	}
	return n;
}

static int audit_read(struct source *source, size_t max, record_fn emit, void *user)
{
	int r;

	r = audit_receive(source, max);
	return r < 0 ? r : audit_emit(source, emit, user);
}

/* The unicast slot */

static int send_pid(int fd, uint32_t pid, uint32_t seq, uint16_t flags)
{
	struct audit_status status = { .mask = AUDIT_STATUS_PID, .pid = pid };

	return audit_netlink_send(fd, AUDIT_SET, flags, seq, &status, sizeof(status));
}

static void keep_early(struct audit_source *s, const char *data, uint32_t size)
{
	if (s->early.size + size > EARLY_BYTES || !buffer_reserve(&s->early, sizeof(size) + size)) {
		s->early.failed = false;	/* what is there is whole */
		note_overrun(s);
		return;
	}
	buffer_append(&s->early, &size, sizeof(size));
	buffer_append(&s->early, data, size);
}

/* Registers this socket: the kernel takes the port of the socket that sends the request.  Since 6.9 the
 * answer comes before any record; older kernels may send records they had kept first. */
static int take_slot(struct audit_source *s)
{
	const uint32_t seq = 1;
	int answer = -EIO;
	int r;

	r = send_pid(s->fd, (uint32_t)getpid(), seq, NLM_F_ACK);
	if (r < 0)
		return r;
	while (answer == -EIO && (r = audit_receive(&s->base, BATCH)) > 0) {
		for (unsigned i = 0; i < s->n_received; i++) {
			struct nlmsghdr header;
			struct nlmsgerr error;
			uint32_t size = s->messages[i].msg_len;

			if (s->senders[i].nl_pid != 0 || size < sizeof(header))
				continue;
			memcpy(&header, s->data[i], sizeof(header));
			if (header.nlmsg_type != NLMSG_ERROR) {
				keep_early(s, s->data[i], size);
			} else if (header.nlmsg_seq == seq && size >= NLMSG_HDRLEN + sizeof(error)) {
				memcpy(&error, s->data[i] + NLMSG_HDRLEN, sizeof(error));
				answer = error.error;
			}
		}
		s->n_received = 0;
	}
	return r < 0 ? r : answer;
}

static bool is_alive(uint32_t pid)
{
	return pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

/* 0; -EEXIST: somebody holds the slot. */
static int open_unicast(struct audit_source *s)
{
	_cleanup_(audit_control_freep) struct audit_control *control = NULL;
	struct audit_state state;
	int r;

	r = audit_control_open(&control);
	if (r < 0)
		return r;
	r = audit_control_state(control, &state);
	if (r < 0)
		return r;
	/* The kernel itself refuses (EEXIST) while the holder's socket lives, but it writes a record about
	 * the attempt and pings the holder: not even that is done to a living one. */
	if (state.pid != 0 && state.pid != (uint32_t)getpid() && is_alive(state.pid))
		return -EEXIST;
	r = audit_netlink_open(&s->fd);
	return r < 0 ? r : take_slot(s);
}

static int open_multicast(struct audit_source *s)
{
	int group = AUDIT_NLGRP_READLOG;
	int r;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	r = audit_netlink_open(&s->fd);
	if (r < 0)
		return r;
	if (setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

/* Any thread: the kernel serialises requests. */
int audit_hold(struct source *source, uint32_t slot_pid)
{
	struct audit_source *s = audit_source(source);
	int r;

	if (!s->unicast || slot_pid == (uint32_t)getpid())
		return 0;
	if (slot_pid != 0 && is_alive(slot_pid))
		return -EBUSY;
	r = send_pid(s->fd, (uint32_t)getpid(), 2, 0);
	if (r < 0)
		return r;
	atomic_store(&s->released, true);
	return 1;
}

uint32_t audit_wanted_by(struct source *source)
{
	return atomic_exchange(&audit_source(source)->wanted_by, 0);
}

void audit_expect_holder(struct source *source, uint32_t n_records)
{
	atomic_store(&audit_source(source)->hold_max, n_records);
}

void audit_begin_move(struct source *source, bool begins)
{
	atomic_store(&audit_source(source)->is_moving, begins);
}

/* By a socket of its own, whose answer the reader does not take.  The kernel lets go of the slot of whoever asks, and refuses if another has it
 * by now: then there is nothing to give back. */
static int give_back(void)
{
	const struct audit_status status = { .mask = AUDIT_STATUS_PID };
	_cleanup_(audit_control_freep) struct audit_control *control = NULL;
	int r;

	r = audit_control_open(&control);
	if (r < 0)
		return r;
	r = audit_control_request(control, AUDIT_SET, &status, sizeof(status), NULL, NULL);
	return r == -EACCES ? 0 : r;
}

int audit_leave(struct source *source)
{
	struct audit_source *s = audit_source(source);
	int group = AUDIT_NLGRP_READLOG, r = 0;

	if (s->unicast)
		r = give_back();
	else if (setsockopt(s->fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)) < 0)
		r = -errno;
	if (r >= 0)
		s->unicast = false;
	return r;
}

struct audit_stream *audit_stream_of(struct source *source)
{
	return &audit_source(source)->stream;
}

void audit_take_over(struct source *next, struct source *source)
{
	struct audit_source *s = audit_source(source), *n = audit_source(next);

	recent_close(&s->told);
	n->before = s->told;
	s->told = (struct recent){ 0 };
	n->copies_until_ns = clock_ns(CLOCK_MONOTONIC) + COPIES_NS;
	audit_stream_take_over(&n->stream, &s->stream);
	n->overrun |= s->overrun;
	n->overrun_begin_ns = s->overrun ? s->overrun_begin_ns : n->overrun_begin_ns;
}

/* Backend */

static struct source *audit_free(struct source *source)
{
	struct audit_source *s = audit_source(source);

	if (!s)
		return NULL;
	if (s->fd >= 0) {
		if (s->unicast)
			send_pid(s->fd, 0, 3, 0);
		close(s->fd);
	}
	buffer_release(&s->early);
	recent_release(&s->told);
	recent_release(&s->before);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct source, audit_free)

static void set_receive_buffer(int fd, size_t bytes)
{
	int size = (int)MIN(bytes ? bytes : RECEIVE_BUFFER_BYTES, (size_t)INT32_MAX / 2);

	/* Without CAP_NET_ADMIN as much as net.core.rmem_max allows. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int audit_open_source(struct source **ret, const struct source_options *options)
{
	_cleanup_(audit_freep) struct source *source = NULL;
	struct audit_source *s;
	bool any = !options->mode;
	int r = -EEXIST;

	if (!any && strcmp(options->mode, "unicast") != 0 && strcmp(options->mode, "multicast") != 0)
		return -EINVAL;
	s = aligned_alloc(64, (sizeof(*s) + 63) & ~(size_t)63);
	if (!s)
		return -ENOMEM;
	/* Not all of it: the buffers stay untouched, so that they take no memory until they are used. */
	memset(s, 0, offsetof(struct audit_source, data));
	s->fd = -1;
	s->stream.last_ns = clock_ns(CLOCK_REALTIME);	/* gaps begin here until something comes */
	source = &s->base;
	for (unsigned i = 0; i < BATCH; i++) {
		s->parts[i] = (struct iovec){ s->data[i], MESSAGE_BYTES };
		s->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &s->senders[i],
			.msg_iov = &s->parts[i],
			.msg_iovlen = 1,
		};
	}

	s->mode = "unicast";
	if (any || strcmp(options->mode, "unicast") == 0) {
		r = open_unicast(s);
		s->unicast = r >= 0;
		if (s->unicast && options->told_until_ns > 0) {
			s->told_until_ns = options->told_until_ns;
			s->copies_until_ns = clock_ns(CLOCK_MONOTONIC) + COPIES_NS;
		}
	}
	if (r == -EEXIST && (any || strcmp(options->mode, "multicast") == 0)) {
		s->mode = "multicast";
		r = open_multicast(s);
	}
	if (r < 0)
		return r;
	set_receive_buffer(s->fd, options->receive_buffer_bytes);
	*ret = TAKE(source);
	return 0;
}

static int audit_fd(const struct source *source)
{
	return ((const struct audit_source *)(const void *)source)->fd;
}

static const char *audit_mode(const struct source *source)
{
	return ((const struct audit_source *)(const void *)source)->mode;
}

static const struct source_stats *audit_stats(struct source *source)
{
	return &source->stats;
}

const struct source_ops source_audit = {
	.name = "audit",
	.open = audit_open_source,
	.fd = audit_fd,
	.read = audit_read,
	.stats = audit_stats,
	.mode = audit_mode,
	.free = audit_free,
};
