/* Asking and telling the kernel's audit, see audit_control.h.
 *
 * Not through libaudit: its functions keep state in globals, write to stderr, and give up after 0.1 s,
 * while the kernel answers AUDIT_GET from a thread it starts for each answer, late on a busy machine. */

#include "source/audit_control.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/backend.h"

#define ANSWER_NS (10 * NS_PER_SEC)

const char *audit_control_why(int error)
{
	static const struct {
		int error;
		const char *why;
	} reasons[] = {
		{ EPERM,
		  "the kernel refuses: it needs root with CAP_AUDIT_CONTROL and CAP_AUDIT_READ, outside of "
		  "any container (initial user and pid namespace); or audit is locked (-e 2)" },
		{ ECONNREFUSED,
		  "the kernel's audit does not answer: it is switched off by `audit=0` on the kernel's "
		  "command line, or this is a container with its own user or network namespace" },
		{ EPROTONOSUPPORT, "the kernel is built without audit (CONFIG_AUDIT)" },
		{ EAFNOSUPPORT, "the kernel is built without netlink, or this process may not use it "
				"(RestrictAddressFamilies= of the unit)" },
		{ EEXIST, "another process is the audit daemon, and only one can be" },
		{ EBUSY, "another process is the audit daemon, and only one can be" },
		{ ETIMEDOUT, "the kernel's audit did not answer within ten seconds" },
	};

	error = error < 0 ? -error : error;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].error == error)
			return reasons[i].why;
	}
	return strerror(error);
}

int audit_control_open(struct audit_control **ret)
{
	_cleanup_(audit_control_freep) struct audit_control *control = calloc(1, sizeof(*control));
	struct audit_state state;
	int r;

	if (!control)
		return -ENOMEM;
	control->fd = -1;
	r = audit_netlink_open(&control->fd);
	if (r < 0)
		return r;
	r = audit_control_state(control, &state);
	if (r < 0)
		return r;
	*ret = TAKE(control);
	return 0;
}

struct audit_control *audit_control_free(struct audit_control *control)
{
	if (!control)
		return NULL;
	if (control->fd >= 0)
		close(control->fd);
	free(control->plan);
	free(control);
	return NULL;
}

/* Answers are acknowledgements (queued by the kernel before sendmsg returned), replies (later, from a
 * thread of theirs), and their end.  until_done: wait for the end too, or, of AUDIT_GET, for the one reply.
 */
static int receive_answer(struct audit_control *control, bool until_done, audit_reply_fn fn, void *user)
{
	static const size_t capacity = 16384;
	_cleanup_(freep) char *data = malloc(capacity);
	uint64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + ANSWER_NS;
	bool acknowledged = false, done = !until_done;

	if (!data)
		return -ENOMEM;
	while (!acknowledged || !done) {
		struct sockaddr_nl sender = { 0 };
		socklen_t sender_size = sizeof(sender);
		struct pollfd poll_fd = { .fd = control->fd, .events = POLLIN };
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		struct nlmsghdr header;
		ssize_t n;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&poll_fd, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return -errno;
		n = recvfrom(control->fd, data, capacity, MSG_DONTWAIT, (struct sockaddr *)(void *)&sender,
			     &sender_size);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -errno;
		}
		if (sender.nl_pid != 0 || (size_t)n < sizeof(header))
			continue;
		memcpy(&header, data, sizeof(header));
		if (header.nlmsg_seq != control->seq)
			continue;	/* of a request that timed out */
		if (header.nlmsg_type == NLMSG_ERROR) {
			int error;

			if ((size_t)n < NLMSG_HDRLEN + sizeof(error))
				return -EBADMSG;
			memcpy(&error, data + NLMSG_HDRLEN, sizeof(error));
			if (error < 0)
				return error;
			acknowledged = true;
		} else if (header.nlmsg_type == NLMSG_DONE) {
			done = true;
		} else {
			fn(user, header.nlmsg_type, data + NLMSG_HDRLEN, (size_t)n - NLMSG_HDRLEN);
			if (header.nlmsg_type == AUDIT_GET)
				done = true;
		}
	}
	return 0;
}

static void ignore_reply(void *user, uint16_t type, const void *payload, size_t size)
{
}

int audit_control_request(struct audit_control *control, uint16_t type, const void *payload, size_t size,
			  audit_reply_fn fn, void *user)
{
	int r;

	r = audit_netlink_send(control->fd, type, NLM_F_ACK, ++control->seq, payload, size);
	return r < 0 ? r : receive_answer(control, false, fn ? fn : ignore_reply, user);
}

int audit_control_query(struct audit_control *control, uint16_t type, audit_reply_fn fn, void *user)
{
	int r;

	r = audit_netlink_send(control->fd, type, NLM_F_ACK, ++control->seq, NULL, 0);
	return r < 0 ? r : receive_answer(control, true, fn, user);
}

static void take_status(void *user, uint16_t type, const void *payload, size_t size)
{
	struct audit_status status = { 0 };	/* older kernels send less */

	if (type != AUDIT_GET)
		return;
	memcpy(&status, payload, MIN(size, sizeof(status)));
	*(struct audit_state *)user = (struct audit_state){
		.enabled = status.enabled,
		.failure = status.failure,
		.pid = status.pid,
		.rate_limit = status.rate_limit,
		.backlog_limit = status.backlog_limit,
		.lost = status.lost,
		.backlog = status.backlog,
		.backlog_wait_time = status.backlog_wait_time,
	};
}

int audit_control_state(struct audit_control *control, struct audit_state *ret)
{
	struct audit_state state = { 0 };
	int r;

	r = audit_control_query(control, AUDIT_GET, take_status, &state);
	if (r < 0)
		return r;
	control->locked = state.enabled == 2;
	*ret = state;
	return 0;
}
