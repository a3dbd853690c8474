/* The kernel's process connector: every fork and every end of a process, also of one killed by a signal,
 * without an audit rule and without a system call of the load made slower by more than one small message.
 *
 * 	recorder(SEC.NS:PID): pid= ppid= start_ticks=		RECORD_FORK
 * 	recorder(SEC.NS:PID): pid= status= ppid=		RECORD_EXIT, status as of wait(2)
 *
 * Threads are filtered out in the kernel, by a socket filter, so that they wake nobody. What is left out:
 * exec (audit tells it with arguments) and changes of ids and names. The messages are numbered per
 * processor, but those that a filter takes away count too: a loss shows by ENOBUFS alone.
 *
 * Times. A message has CLOCK_MONOTONIC. Its distance to CLOCK_REALTIME is sampled for every batch, so when
 * the clock is set, the messages of at most one batch (some milliseconds) are shown in the other time.
 *
 * The end of a leader is taken for the end of its process. A leader may end before its threads; then they
 * go on under a process that is recorded as ended. */

#include "source/connector.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/backend.h"
#include "source/gap.h"
#include "source/own_text.h"

/* A message takes 832 bytes of it (measured); the kernel doubles the figure asked for: 40,000 messages. */
#define RECEIVE_BUFFER_BYTES (16 << 20)
#define BATCH 256u
#define MESSAGE_BYTES 128u
#define NS_PER_TICK (NS_PER_SEC / 100)	/* USER_HZ, on every architecture but alpha */
/* The start of a process is noted before its message is made: when the tick may have changed between the
 * two, /proc is asked. So none of 19,000 processes got another tick than /proc showed, on a busy machine. */
#define START_DOUBT_NS (200 * UINT64_C(1000))
#define START_LAG_NS (30 * UINT64_C(1000))	/* usual distance of the two */
#define MOMENT_NS (50 * UINT64_C(1000))
#define SAMPLES_MAX 8u

/* Places in a datagram: nlmsghdr, cn_msg, proc_event. */
#define AT_EVENT (NLMSG_HDRLEN + (int)sizeof(struct cn_msg))
#define AT_WHAT AT_EVENT
#define AT_TIME (AT_EVENT + 8)
#define AT_DATA (AT_EVENT + 16)
#define FORK_PARENT_TGID (AT_DATA + 4)
#define FORK_CHILD_PID (AT_DATA + 8)
#define FORK_CHILD_TGID (AT_DATA + 12)
#define EXIT_PID AT_DATA
#define EXIT_TGID (AT_DATA + 4)
#define EXIT_CODE (AT_DATA + 8)
#define EXIT_PARENT_TGID (AT_DATA + 20)	/* since 4.18 */

struct connector_source {
	struct source base;
	int fd;
	bool overrun;
	uint64_t last_ns;		/* time of the newest message */
	uint64_t n_gaps;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct sockaddr_nl senders[BATCH];
	char data[BATCH][MESSAGE_BYTES];
};

static struct connector_source *connector_source(struct source *source)
{
	return (struct connector_source *)(void *)source;
}

static uint32_t u32_at(const char *data, int at)
{
	uint32_t value;

	memcpy(&value, data + at, sizeof(value));
	return value;
}

/* Text */

static uint64_t choose_ticks(uint64_t boot_ns, uint32_t pid, start_ticks_fn start_ticks, void *user)
{
	uint64_t ticks = boot_ns / NS_PER_TICK, shown;

	if (likely(boot_ns % NS_PER_TICK >= START_DOUBT_NS) || ticks == 0)
		return ticks;
	shown = start_ticks(user, pid);
	if (shown == ticks || shown == ticks - 1)
		return shown;
	/* Gone already: nobody else can tell it either. */
	return (boot_ns - START_LAG_NS) / NS_PER_TICK;
}

uint32_t connector_text(const char *data, size_t size, const struct connector_clocks *clocks,
			start_ticks_fn start_ticks, void *user, char *text, size_t *ret_size)
{
	uint64_t monotonic_ns, ticks;
	uint32_t pid, ppid, type;
	char *p;

	if (size < (size_t)EXIT_CODE + 4)
		return 0;
	memcpy(&monotonic_ns, data + AT_TIME, sizeof(monotonic_ns));
	switch (u32_at(data, AT_WHAT)) {
	case PROC_EVENT_FORK:
		if (size < (size_t)FORK_CHILD_TGID + 4)
			return 0;
		pid = u32_at(data, FORK_CHILD_TGID);
		ppid = u32_at(data, FORK_PARENT_TGID);
		if (pid != u32_at(data, FORK_CHILD_PID))
			return 0;
		type = RECORD_FORK;
		p = put_head(text, monotonic_ns + clocks->monotonic_to_real_ns, pid);
		p = put_field(p, " pid=", pid);
		p = put_field(p, " ppid=", ppid);
		ticks = choose_ticks(monotonic_ns + clocks->monotonic_to_boot_ns, pid, start_ticks, user);
		p = put_field(p, " start_ticks=", ticks);
		break;
	case PROC_EVENT_EXIT:
		pid = u32_at(data, EXIT_TGID);
		if (pid != u32_at(data, EXIT_PID))
			return 0;
		type = RECORD_EXIT;
		p = put_head(text, monotonic_ns + clocks->monotonic_to_real_ns, pid);
		p = put_field(p, " pid=", pid);
		p = put_field(p, " status=", u32_at(data, EXIT_CODE));
		ppid = size >= (size_t)EXIT_PARENT_TGID + 4 ? u32_at(data, EXIT_PARENT_TGID) : 0;
		if (ppid)
			p = put_field(p, " ppid=", ppid);
		break;
	default:
		return 0;
	}
	*ret_size = (size_t)(p - text);
	return type;
}

/* Field 22, counted from the last bracket: the name before may hold anything. */
static uint64_t proc_start_ticks(void *user, uint32_t pid)
{
	char path[32], stat[1024], *p;
	uint64_t ticks = 0;
	ssize_t n;
	int fd;

	memcpy(path, "/proc/", 6);
	p = put_number(path + 6, pid);
	memcpy(p, "/stat", 6);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, stat, sizeof(stat));
	close(fd);
	p = n > 0 ? memrchr(stat, ')', (size_t)n) : NULL;
	for (int field = 2; p && field < 22; field++)
		p = memchr(p + 1, ' ', (size_t)(stat + n - p - 1));
	if (!p)
		return 0;
	for (p++; p < stat + n && *p >= '0' && *p <= '9'; p++)
		ticks = ticks * 10 + (uint64_t)(*p - '0');
	return ticks;
}

/* Reading */

/* At one moment: who had to wait for the machine between two of them looks again. */
static struct connector_clocks sample_clocks(uint64_t *ret_real_ns)
{
	uint64_t monotonic_ns = 0, boot_ns = 0, real_ns = 0, asleep_ns;

	for (unsigned i = 0; i < SAMPLES_MAX; i++) {
		monotonic_ns = clock_ns(CLOCK_MONOTONIC);
		boot_ns = clock_ns(CLOCK_BOOTTIME);
		real_ns = clock_ns(CLOCK_REALTIME);
		if (clock_ns(CLOCK_MONOTONIC) - monotonic_ns < MOMENT_NS)
			break;
	}
	/* Never asleep: the two clocks are the same, and the nanoseconds between the two calls are not
	 * sleep. */
	asleep_ns = boot_ns - monotonic_ns < NS_PER_MS ? 0 : boot_ns - monotonic_ns;
	*ret_real_ns = real_ns;
	return (struct connector_clocks){ real_ns - boot_ns + asleep_ns, asleep_ns };
}

static int emit_overrun(struct connector_source *s, uint64_t now_ns, record_fn emit, void *user)
{
	struct gap gap = {
		.begin_ns = MIN(s->last_ns, now_ns),
		.end_ns = now_ns,
		.class_name = "process",
		.cause = "connector_overrun",
	};

	return gap_emit(&gap, now_ns, ++s->n_gaps, emit, user);
}

static int connector_read(struct source *source, size_t max, record_fn emit, void *user)
{
	struct connector_source *s = connector_source(source);
	struct connector_clocks clocks;
	unsigned n_max = (unsigned)MIN(MAX(max, (size_t)1), (size_t)BATCH);
	uint64_t now_ns, n_bytes = 0;
	int n_received, n = 0, r;

	for (unsigned i = 0; i < n_max; i++)
		s->messages[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_nl);
	do {
		n_received = recvmmsg(s->fd, s->messages, n_max, MSG_DONTWAIT, NULL);
		if (n_received < 0 && errno == ENOBUFS) {
			s->overrun = true;
			stat_add(&s->base.stats.overruns, 1);
		}
	} while (n_received < 0 && (errno == EINTR || errno == ENOBUFS));
	if (n_received < 0 && errno != EAGAIN)
		return -errno;
	if (n_received < 0 && !s->overrun)
		return 0;

	clocks = sample_clocks(&now_ns);
	for (int i = 0; i < n_received; i++) {
		struct record record = { .time_ns = now_ns };
		char text[OWN_TEXT_MAX];

		if (s->senders[i].nl_pid != 0) {
			stat_add(&s->base.stats.foreign, 1);
			continue;
		}
		record.type = connector_text(s->data[i], s->messages[i].msg_len, &clocks, proc_start_ticks,
					     NULL, text, &record.text.size);
		if (!record.type)
			continue;
		record.text.data = text;
		n_bytes += record.text.size;
		r = emit(user, &record);
		if (r < 0)
			return r;
		n++;
	}
	stat_add(&s->base.stats.records, (uint64_t)n);
	stat_add(&s->base.stats.bytes, n_bytes);
	/* The error comes before what was queued when it happened: the gap ends when the queue is empty. */
	if (unlikely(s->overrun) && n_received < (int)n_max) {
		s->overrun = false;
		r = emit_overrun(s, now_ns, emit, user);
		if (r < 0)
			return r;
		n++;
	}
	if (!s->overrun)
		s->last_ns = now_ns;
	return n > 0 ? n : n_received > 0 ? 1 : 0;
}

/* Opening */

/* New processes, ends of leaders, and the answer to our request (what = 0). Numbers are in network order for
 * the filter and in ours in the message. */
static int attach_filter(int fd)
{
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETWORK_ORDER(value), yes, no)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK_ORDER(value) __builtin_bswap32((uint32_t)(value))
#else
#define NETWORK_ORDER(value) (uint32_t)(value)
#endif
	struct sock_filter code[] = {
		LOAD(AT_WHAT),
		EQUAL(PROC_EVENT_FORK, 3, 0),
		EQUAL(PROC_EVENT_EXIT, 6, 0),
		EQUAL(PROC_EVENT_NONE, 10, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		LOAD(FORK_CHILD_PID),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		LOAD(FORK_CHILD_TGID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 5, 4),
		LOAD(EXIT_PID),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		LOAD(EXIT_TGID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* events: since 6.6 the kernel can be told which to send; older ones ignore a request of that length. */
static int send_request(int fd, uint32_t operation, uint32_t events)
{
	struct cn_msg message = {
		.id = { CN_IDX_PROC, CN_VAL_PROC },
		.len = (uint16_t)(events ? 8 : 4),
	};
	char request[AT_EVENT + 8];
	struct nlmsghdr header = {
		.nlmsg_len = (uint32_t)AT_EVENT + message.len,
		.nlmsg_type = NLMSG_DONE,
	};

	memcpy(request, &header, sizeof(header));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(request + AT_EVENT, &operation, 4);
	memcpy(request + AT_EVENT + 4, &events, 4);
	return send(fd, request, header.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The kernel answers before send() returns; outside of the initial namespaces it says nothing. What comes
 * before the answer is of processes that the snapshot after us will show. */
static int receive_answer(int fd)
{
	char data[MESSAGE_BYTES];
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) >= 0 || errno == ENOBUFS || errno == EINTR) {
		if (n >= AT_DATA + 4 && u32_at(data, AT_WHAT) == PROC_EVENT_NONE)
			return -(int)MIN(u32_at(data, AT_DATA), 4095u);
	}
	return errno == EAGAIN ? -EPERM : -errno;
}

static int open_socket(int *ret_fd)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int size = RECEIVE_BUFFER_BYTES;
	int fd, r;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	r = attach_filter(fd);
	if (r >= 0 && bind(fd, (struct sockaddr *)(void *)&self, sizeof(self)) < 0)
		r = -errno;
	if (r >= 0)
		r = send_request(fd, PROC_CN_MCAST_LISTEN, 0);
	if (r >= 0)
		r = receive_answer(fd);
	if (r >= 0)
		r = send_request(fd, PROC_CN_MCAST_LISTEN, PROC_EVENT_FORK | PROC_EVENT_EXIT);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static struct source *connector_free(struct source *source)
{
	struct connector_source *s = connector_source(source);

	if (!s)
		return NULL;
	/* Before 6.6 the kernel counts listeners and is told, not noticing the end of one. */
	send_request(s->fd, PROC_CN_MCAST_IGNORE, 0);
	close(s->fd);
	free(s);
	return NULL;
}

static int connector_open(struct source **ret, const struct source_options *options)
{
	struct connector_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = open_socket(&s->fd);
	if (r < 0) {
		free(s);
		return r;
	}
	s->last_ns = clock_ns(CLOCK_REALTIME);
	for (unsigned i = 0; i < BATCH; i++) {
		s->parts[i] = (struct iovec){ s->data[i], MESSAGE_BYTES };
		s->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &s->senders[i],
			.msg_iov = &s->parts[i],
			.msg_iovlen = 1,
		};
	}
	*ret = &s->base;
	return 0;
}

/* Forks and exits never end: from here on nothing more is let in. */
static int connector_stop(struct source *source)
{
	struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog program = { ARRAY_SIZE(nothing), nothing };

	return setsockopt(connector_source(source)->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int connector_fd(const struct source *source)
{
	return ((const struct connector_source *)(const void *)source)->fd;
}

static const struct source_stats *connector_stats(struct source *source)
{
	return &source->stats;
}

static const char *connector_mode(const struct source *source)
{
	return "connector";
}

const struct source_ops source_connector = {
	.name = "connector",
	.open = connector_open,
	.fd = connector_fd,
	.read = connector_read,
	.stop = connector_stop,
	.stats = connector_stats,
	.mode = connector_mode,
	.free = connector_free,
};
