/* The limit of the audit path: holds the stream as the audit daemon does, receives and drops, in batches and with naps as the recorder's
 * reader does (src/daemon/reader.c).  Rules are the caller's.
 *
 * Says "ready", and after SIGTERM a line "records COUNT". */

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 128
#define MESSAGE_BYTES 12288
#define RECEIVE_BUFFER_BYTES (64 << 20)
#define NAP_NS 10000000
#define IDLE_MS 100

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static int set_pid(int fd, pid_t pid)
{
	struct {
		struct nlmsghdr header;
		struct audit_status status;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = AUDIT_SET, .nlmsg_flags = NLM_F_REQUEST, .nlmsg_seq = 1 },
		.status = { .mask = AUDIT_STATUS_PID, .pid = (uint32_t)pid },
	};
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(fd, &request, sizeof(request), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -1 : 0;
}

static int take(int fd, unsigned long *n_records)
{
	static char data[BATCH][MESSAGE_BYTES];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ data[i], MESSAGE_BYTES };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	if (n > 0)
		*n_records += (unsigned long)n;
	return n;
}

int main(void)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT), size = RECEIVE_BUFFER_BYTES / 2;
	struct pollfd of = { .fd = fd, .events = POLLIN };
	unsigned long n_records = 0;

	signal(SIGTERM, end);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 || set_pid(fd, getpid()) < 0) {
		perror("bench-drop");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (!ended) {
		int n;

		poll(&of, 1, IDLE_MS);
		nanosleep(&nap, NULL);
		do
			n = take(fd, &n_records);
		while (n == BATCH || (n < 0 && errno == ENOBUFS));
	}
	set_pid(fd, 0);
	printf("records %lu\n", n_records);
	return 0;
}
