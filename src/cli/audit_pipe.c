/* `recorder audit-pipe`: what auditd starts as its plugin.  Reads what auditd writes (source/dispatcher.h) and hands it over to the
 * recorder (source/pipe_queue.h).
 *
 * auditd waits for a plugin that does not read, so what comes is always read; what the recorder does not take is kept, as much as
 * there is room for, and what has no room is counted and told.  The recorder may come, go and die, the plugin goes on trying.  When
 * auditd ends, so does the plugin.
 *
 * It stays root, since the folder of the socket is root's alone and may be made anew with each recorder, but without capabilities,
 * and without a way to get any, to write a file or to be looked into. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "daemon/places.h"
#include "daemon/privileges.h"
#include "decode/audit.h"
#include "source/dispatcher.h"
#include "source/pipe_queue.h"

#define KEPT_BYTES ((size_t)16 << 20)	/* some 40,000 records */
#define FIRST_RETRY_NS (50 * NS_PER_MS)
#define LAST_RETRY_NS (2 * NS_PER_SEC)
#define END_NS (2 * NS_PER_SEC)		/* auditd gives its plugins three seconds */

struct pipe_options {
	const char *socket;
};

static const struct option options[] = {
	{ .name = "socket", .argument = "PATH", .help = "where the recorder listens (/run/recorder/recorder.auditpipe)",
	  .type = OPTION_TEXT, .offset = offsetof(struct pipe_options, socket) },
	{ .name = NULL },
};

struct plugin {
	struct sockaddr_un address;
	uint64_t begin_ns;
	int fd;				/* -1: no recorder is there */
	uint64_t retry_at_ns, retry_ns;	/* CLOCK_MONOTONIC */
	struct dispatcher dispatcher;
	uint64_t n_damaged;		/* of it, told so far */
	struct pipe_queue queue;
	char answer[sizeof(uint64_t)];
	size_t answer_size;
	char host[256];
	char node[256];			/* what auditd calls this host in records that have node=; empty: not known yet */
	bool has_ended;			/* auditd, or our time */
};

static volatile sig_atomic_t has_term;

static void on_term(int number)
{
	has_term = 1;
}

/* What auditd writes */

/* auditd may pass on what it got from other hosts (distribute_network), which is none of this one's history. Its own name for this
 * host is the host's, with or without the domain, or what its configuration says: then the first that is seen. */
static bool is_of_this_host(struct plugin *p, struct span node)
{
	struct span host = span_of(p->host);

	if (node.size == 0 || (span_starts(node, host) && (node.size == host.size || node.data[host.size] == '.')))
		return true;
	if (!*p->node && node.size < sizeof(p->node))
		memcpy(p->node, node.data, node.size);
	return span_eq(node, span_of(p->node));
}

static int keep(void *user, const struct record *record)
{
	struct plugin *p = user;
	struct record line;

	if (record->type != 0)
		pipe_queue_push(&p->queue, record->type, record->text, clock_now_ns());
	else if (audit_line(record->text, &line) < 0 || line.type >= RECORD_OWN_FIRST)
		pipe_queue_lose(&p->queue, 1, clock_now_ns());
	else if (is_of_this_host(p, line.node))
		pipe_queue_push(&p->queue, line.type, line.text, clock_now_ns());
	return 0;
}

static void take_input(struct plugin *p)
{
	char data[65536];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		p->has_ended = true;
		return;
	}
	if (dispatcher_push(&p->dispatcher, (struct span){ data, (size_t)n }, keep, p) < 0) {
		dispatcher_release(&p->dispatcher);
		p->dispatcher = (struct dispatcher){ 0 };
		p->n_damaged = 0;
		pipe_queue_lose(&p->queue, 1, clock_now_ns());
	}
	pipe_queue_lose(&p->queue, p->dispatcher.n_damaged - p->n_damaged, clock_now_ns());
	p->n_damaged = p->dispatcher.n_damaged;
}

/* The recorder */

static void disconnect(struct plugin *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->retry_at_ns = clock_ns(CLOCK_MONOTONIC) + p->retry_ns;
	p->retry_ns = MIN(p->retry_ns * 2, LAST_RETRY_NS);
}

static void try_to_connect(struct plugin *p)
{
	const struct pipe_greeting greeting = { .magic = PIPE_MAGIC, .begin_ns = p->begin_ns };

	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&p->address, sizeof(p->address)) < 0 ||
	    send(p->fd, &greeting, sizeof(greeting), MSG_NOSIGNAL) != sizeof(greeting)) {
		disconnect(p);
		return;
	}
	p->answer_size = 0;
	pipe_queue_begin(&p->queue);
}

static void take_answer(struct plugin *p)
{
	uint64_t n_taken;
	ssize_t n;

	do {
		n = recv(p->fd, p->answer + p->answer_size, sizeof(p->answer) - p->answer_size, MSG_DONTWAIT);
		if (n > 0)
			p->answer_size += (size_t)n;
		if (p->answer_size == sizeof(n_taken)) {
			memcpy(&n_taken, p->answer, sizeof(n_taken));
			pipe_queue_taken(&p->queue, n_taken);
			p->answer_size = 0;
			p->retry_ns = FIRST_RETRY_NS;
		}
	} while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		disconnect(p);
}

static void hand_over(struct plugin *p)
{
	struct span unsent;
	ssize_t n;

	while (p->fd >= 0 && (unsent = pipe_queue_unsent(&p->queue)).size > 0) {
		n = send(p->fd, unsent.data, unsent.size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			take_answer(p);	/* what it said before it went is not sent again */
			if (p->fd >= 0)
				disconnect(p);
		} else {
			pipe_queue_sent(&p->queue, (size_t)n);
		}
	}
}

/* Both */

static void wait_for_either(struct plugin *p, uint64_t until_ns)
{
	struct pollfd fds[] = { { .fd = p->has_ended ? -1 : STDIN_FILENO, .events = POLLIN },
				{ .fd = p->fd, .events = POLLIN } };
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec timeout = clock_timespec(wait_ns);
	sigset_t none;

	if (p->fd >= 0 && pipe_queue_unsent(&p->queue).size > 0)
		fds[1].events |= POLLOUT;
	sigemptyset(&none);
	if (ppoll(fds, ARRAY_SIZE(fds), until_ns == UINT64_MAX ? NULL : &timeout, &none) <= 0)
		return;
	if (fds[0].revents)
		take_input(p);
	if (fds[1].revents & ~POLLOUT)
		take_answer(p);
}

static bool has_input(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void carry(struct plugin *p)
{
	uint64_t end_ns = 0, now_ns;

	for (;;) {
		now_ns = clock_ns(CLOCK_MONOTONIC);
		while (has_term && !p->has_ended && has_input())	/* what auditd had written before it said so */
			take_input(p);
		p->has_ended |= has_term != 0;
		if (p->has_ended && end_ns == 0)
			end_ns = now_ns + END_NS;
		if (p->has_ended && (p->queue.begin == p->queue.frames.size || now_ns >= end_ns))
			return;
		if (p->fd < 0 && now_ns >= p->retry_at_ns)
			try_to_connect(p);
		hand_over(p);
		wait_for_either(p, p->has_ended ? (p->fd < 0 ? MIN(end_ns, p->retry_at_ns) : end_ns) : p->fd < 0 ? p->retry_at_ns : UINT64_MAX);
	}
}

static int become_harmless(void)
{
	const struct rlimit no_file = { 0, 0 };

	if (chdir("/") < 0 || setrlimit(RLIMIT_FSIZE, &no_file) < 0 || setrlimit(RLIMIT_CORE, &no_file) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return privileges_drop_all();
}

static int listen_for_signals(void)
{
	struct sigaction term = { .sa_handler = on_term }, ignored = { .sa_handler = SIG_IGN };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	/* SIGHUP: auditd has read its configuration again; there is none of ours. */
	return sigprocmask(SIG_BLOCK, &blocked, NULL) < 0 || sigaction(SIGTERM, &term, NULL) < 0 ||
	       sigaction(SIGHUP, &ignored, NULL) < 0 || sigaction(SIGXFSZ, &ignored, NULL) < 0 ? -errno : 0;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct pipe_options *o = values;
	struct plugin p = { .begin_ns = clock_now_ns(), .fd = -1, .retry_ns = FIRST_RETRY_NS, .queue.limit_bytes = KEPT_BYTES,
			    .address.sun_family = AF_UNIX };
	struct places places = { 0 };
	const char *path = o->socket;
	int r;

	if (isatty(STDIN_FILENO))
		return cli_fail(CLI_USAGE, "audit-pipe: auditd starts it and writes records to it (see LINUX-AUDIT.md)");
	if (!path && places_init(&places, NULL, NULL) < 0)
		return cli_fail(CLI_FAILED, "audit-pipe: out of memory");
	path = path ? path : places.pipe;
	if (*path != '/' || strlen(path) >= sizeof(p.address.sun_path))
		r = cli_fail(CLI_USAGE, "audit-pipe: the path %s is too long for a socket, or does not begin with /", path);
	else if ((r = listen_for_signals()) < 0 || (r = become_harmless()) < 0)
		r = cli_fail(CLI_FAILED, "audit-pipe: cannot give up its rights: %s", strerror(-r));
	else {
		memcpy(p.address.sun_path, path, strlen(path));
		if (gethostname(p.host, sizeof(p.host) - 1) < 0)
			p.host[0] = 0;
		carry(&p);
		r = CLI_DONE;
	}
	if (p.fd >= 0)
		close(p.fd);
	dispatcher_release(&p.dispatcher);
	pipe_queue_release(&p.queue);
	places_release(&places);
	return r;
}

const struct command command_audit_pipe = {
	.name = "audit-pipe",
	.summary = "Hands records of auditd over to the recorder: started by auditd as its plugin",
	.text = "Reads what auditd writes to its plugins, in either format, and ends when auditd does.\n",
	.options = options,
	.options_size = sizeof(struct pipe_options),
	.run = run,
};
