/* Connects and takes connections, and says of each act: {"what":"network", "pid", "action", "outcome", "error", "type",
 * "transport", "ip", "port" (of the other side; of a bind and a listen the own one), "path" (of a unix socket, with an
 * `@` first if abstract), "fd", "how"}.
 *
 *	network all DIR		in the empty folder DIR
 *	network storm N		N connections over 127.0.0.1
 *	network socketcall DIR	as a 32-bit program does: all through one call; nothing at all where the machine has no such
 *				calls; then a unix socket whose name no NUL ends
 *	network transfers	connections between this process, which takes them, and children: of each call
 *				{"what":"address", "how" ("in progress" where the call said so), "pid", "ppid", "action",
 *				"local_ip", "local_port", "remote_ip", "remote_port"}, of each end of a connection
 *				{"what":"end", ... "in", "out", "again" (what was sent more than once, but for the first
 *				time)} in bytes
 *	network multipath	one more such connection, of MPTCP if the kernel has it, without "in", "out" and "again" */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "truth.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct act {
	const char *action, *how, *transport;
	const union address *address;	/* NULL: the kernel was not asked for it */
	socklen_t size;
	int fd, error;
};

static void tell(struct act act)
{
	struct line line = say("network");
	char ip[INET6_ADDRSTRLEN];

	say_number(&line, "pid", getpid());
	say_word(&line, "action", act.action);
	say_word(&line, "how", act.how);
	say_word(&line, "outcome",
		act.error == EINPROGRESS ? "in_progress" : act.error ? "failure" : "success");
	if (act.error)
		say_word(&line, "error", strerrorname_np(act.error));
	if (act.transport)
		say_word(&line, "transport", act.transport);
	say_number(&line, "fd", act.fd);
	if (act.address && act.address->any.sa_family == AF_INET) {
		say_word(&line, "type", "ipv4");
		say_word(&line, "ip", inet_ntop(AF_INET, &act.address->in.sin_addr, ip, sizeof(ip)));
		say_number(&line, "port", ntohs(act.address->in.sin_port));
	} else if (act.address && act.address->any.sa_family == AF_INET6) {
		say_word(&line, "type", "ipv6");
		say_word(&line, "ip", inet_ntop(AF_INET6, &act.address->in6.sin6_addr, ip, sizeof(ip)));
		say_number(&line, "port", ntohs(act.address->in6.sin6_port));
	} else if (act.address && act.address->any.sa_family == AF_UNIX) {
		size_t n = act.size - offsetof(struct sockaddr_un, sun_path);
		char path[sizeof(act.address->un.sun_path) + 1] = "";

		memcpy(path, act.address->un.sun_path, n);
		if (n > 0 && !path[0])
			path[0] = '@';
		say_word(&line, "type", "unix");
		say_bytes(&line, "path", path);
	}
	say_done(&line);
}

static union address ipv4(uint16_t port)
{
	return (union address){ .in = { .sin_family = AF_INET, .sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } } };
}

static union address ipv6(uint16_t port)
{
	return (union address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT } };
}

static socklen_t size_of(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->in) : sizeof(address->in6);
}

static union address own(int fd)
{
	union address address = { 0 };
	socklen_t size = sizeof(address);

	TRY(getsockname(fd, &address.any, &size));
	return address;
}

static int listener(union address address, const char *how)
{
	int fd = TRY(socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	TRY(bind(fd, &address.any, size_of(&address)));
	tell((struct act){ .action = "bind", .how = how, .address = &address, .fd = fd });
	TRY(listen(fd, 100));
	tell((struct act){ .action = "listen", .how = how, .fd = fd });
	return fd;
}

static void tcp(union address (*loopback)(uint16_t port), const char *how)
{
	int server = listener(loopback(0), how), client, peer;
	union address to = own(server), from = { 0 };
	socklen_t size = sizeof(from);

	client = TRY(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(connect(client, &to.any, size_of(&to)));
	tell((struct act){ .action = "connect", .how = "blocking", .address = &to, .fd = client });
	peer = TRY(accept(server, &from.any, &size));
	tell((struct act){ .action = "accept", .how = "with an address", .address = &from, .fd = server });
	close(peer);
	close(client);

	client = TRY(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	errno = 0;
	if (connect(client, &to.any, size_of(&to)) < 0 && errno != EINPROGRESS)
		die("connect");
	tell((struct act){ .action = "connect", .how = "non-blocking", .address = &to, .fd = client,
	     .error = errno });
	TRY(poll(&(struct pollfd){ client, POLLOUT, 0 }, 1, -1));
	from = own(client);
	peer = TRY(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	tell((struct act){ .action = "accept", .how = "without an address", .address = &from, .fd = server });
	close(peer);
	close(client);
	close(server);

	client = TRY(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (connect(client, &to.any, size_of(&to)) == 0 || errno != ECONNREFUSED)
		die("connect to nobody");
	tell((struct act){ .action = "connect", .how = "refused", .address = &to, .fd = client,
	     .error = ECONNREFUSED });
	close(client);

	client = TRY(socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	to = loopback(9);
	TRY(connect(client, &to.any, size_of(&to)));
	tell((struct act){ .action = "connect", .how = "udp", .address = &to, .fd = client });
	close(client);
}

static void unix_sockets(const char *how, const char *path, size_t path_size, const char *told)
{
	union address address = { .un = { .sun_family = AF_UNIX } }, tell_address = address;
	socklen_t size, tell_size;
	int server, client, peer;

	memcpy(address.un.sun_path, path, path_size);
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_size);
	memcpy(tell_address.un.sun_path, told, strlen(told));
	tell_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(told));
	server = TRY(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(bind(server, &address.any, size));
	tell((struct act){ .action = "bind", .how = how, .address = &tell_address, .size = tell_size,
	     .fd = server });
	TRY(listen(server, 5));
	tell((struct act){ .action = "listen", .how = how, .fd = server });
	client = TRY(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(connect(client, &address.any, size));
	tell((struct act){ .action = "connect", .how = how, .address = &tell_address, .size = tell_size,
	     .fd = client });
	peer = TRY(accept(server, NULL, NULL));
	tell((struct act){ .action = "accept", .how = how, .fd = server });
	close(peer);
	close(client);
	close(server);
}

static void all(const char *base)
{
	static const char abstract[] = "\0recorder truth", told[] = "@recorder truth";
	union address nobody = { .un = { .sun_family = AF_UNIX } };
	char path[4200];
	int fd;

	tcp(ipv4, "ipv4");
	tcp(ipv6, "ipv6");
	snprintf(path, sizeof(path), "%s/socket", base);
	if (strlen(path) >= sizeof(nobody.un.sun_path))
		die("folder with too long a name");
	unix_sockets("unix", path, strlen(path) + 1, path);
	/* A path in sockaddr_un may be relative: the recorder shows it absolute. */
	snprintf(path, sizeof(path), "%s/relative", base);
	unix_sockets("unix relative", "relative", sizeof("relative"), path);
	unix_sockets("unix abstract", abstract, sizeof(abstract) - 1, told);

	snprintf(path, sizeof(path), "%s/nobody", base);
	memcpy(nobody.un.sun_path, path, strlen(path) + 1);
	fd = TRY(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (connect(fd, &nobody.any, sizeof(nobody.un)) == 0 || errno != ENOENT)
		die("connect to no socket");
	tell((struct act){ .action = "connect", .how = "unix, nobody there", .address = &nobody,
			   .size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)),
			   	.fd = fd, .error = ENOENT });
	close(fd);
}

#if defined(__x86_64__)
static long socketcall(long which, const uint32_t *args)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(102L), "b"(which), "c"(args) : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static void by_socketcall(void)
{
	uint32_t *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	union address *to = (union address *)(void *)(args + 16), from;
	const char *how = "socketcall";
	int server, client, peer;

	if (args == MAP_FAILED)
		die("mmap");
	*to = ipv4(0);
	server = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	args[0] = (uint32_t)server;
	args[1] = (uint32_t)(uintptr_t)to;
	args[2] = size_of(to);
	if (socketcall(2, args) < 0)
		die("bind");
	tell((struct act){ .action = "bind", .how = how, .address = to, .fd = server });
	args[1] = 5;
	if (socketcall(4, args) < 0)
		die("listen");
	tell((struct act){ .action = "listen", .how = how, .fd = server });
	*to = own(server);
	client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	args[0] = (uint32_t)client;
	args[1] = (uint32_t)(uintptr_t)to;
	if (socketcall(3, args) < 0)
		die("connect");
	tell((struct act){ .action = "connect", .how = how, .address = to, .fd = client });
	from = own(client);
	args[0] = (uint32_t)server;
	args[1] = args[2] = 0;
	peer = (int)socketcall(5, args);
	if (peer < 0)
		die("accept");
	tell((struct act){ .action = "accept", .how = "without an address", .address = &from, .fd = server });
	close(peer);
	close(client);
	close(server);
}

/* An interrupt that the kernel does not take ends the process that tries. */
static bool has_socketcall(void)
{
	pid_t pid = TRY(fork());
	int status;

	if (pid == 0)
		_exit(socketcall(0, NULL) == -EINVAL ? 0 : 1);
	TRY(waitpid(pid, &status, 0));
	return status == 0;
}
#endif

/* Long, then overwritten by a short one: what stands behind it is no part of it. */
static void without_nul(const char *base)
{
	union address address = { .un = { .sun_family = AF_UNIX } }, told = address;
	char path[4200];
	int fd = TRY(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	memset(address.un.sun_path, 'x', sizeof(address.un.sun_path));
	memcpy(address.un.sun_path, "short", 5);
	TRY(bind(fd, &address.any, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 5)));
	snprintf(path, sizeof(path), "%s/short", base);
	if (strlen(path) >= sizeof(told.un.sun_path))
		die("folder with too long a name");
	memcpy(told.un.sun_path, path, strlen(path));
	tell((struct act){ .action = "bind", .how = "no NUL", .address = &told,
			   .size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)), .fd = fd });
	close(fd);
}

static void storm(unsigned n)
{
	int server = listener(ipv4(0), "storm");
	union address to = own(server), from;

	for (unsigned i = 0; i < n; i++) {
		int client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), peer;
		socklen_t size = sizeof(from);

		TRY(connect(client, &to.any, sizeof(to.in)));
		tell((struct act){ .action = "connect", .how = "storm", .address = &to, .fd = client });
		peer = TRY(accept4(server, &from.any, &size, SOCK_CLOEXEC));
		tell((struct act){ .action = "accept", .how = "storm", .address = &from, .fd = server });
		close(client);
		close(peer);
	}
	close(server);
}

/* Transfers */

#define MOST 300000

static char block[MOST];

struct ends {
	union address local, remote;
	uint64_t again;
};

static uint64_t sent_again(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	TRY(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
	return info.tcpi_bytes_retrans;
}

static struct ends ends_of(int fd)
{
	struct ends ends = { .local = own(fd) };
	socklen_t size = sizeof(ends.remote);

	TRY(getpeername(fd, &ends.remote.any, &size));
	return ends;
}

static void say_end(struct line *line, const char *ip_name, const char *port_name, const union address *address)
{
	char text[INET6_ADDRSTRLEN];
	const char *ip = address->any.sa_family == AF_INET ?
				 inet_ntop(AF_INET, &address->in.sin_addr, text, sizeof(text)) :
				 inet_ntop(AF_INET6, &address->in6.sin6_addr, text, sizeof(text));

	/* ::ffff:1.2.3.4 is 1.2.3.4. */
	say_word(line, ip_name, strncmp(ip, "::ffff:", 7) == 0 ? ip + 7 : ip);
	say_number(line, port_name, ntohs(address->in.sin_port));
}

static void tell_ends(const char *what, const char *how, const char *action, const struct ends *ends, int64_t in,
		      int64_t out)
{
	struct line line = say(what);

	say_word(&line, "how", how);
	say_word(&line, "action", action);
	say_number(&line, "pid", getpid());
	say_number(&line, "ppid", getppid());
	say_end(&line, "local_ip", "local_port", &ends->local);
	if (ends->remote.any.sa_family)
		say_end(&line, "remote_ip", "remote_port", &ends->remote);
	if (in >= 0) {
		say_number(&line, "in", in);
		say_number(&line, "out", out);
		say_number(&line, "again", (int64_t)ends->again);
	}
	say_done(&line);
}

static void give(int fd, size_t size)
{
	for (size_t done = 0; done < size;)
		done += (size_t)TRY(send(fd, block + done, size - done, MSG_NOSIGNAL));
}

static void get(int fd, size_t size)
{
	if (size > 0 && TRY(recv(fd, block, size, MSG_WAITALL)) != (ssize_t)size)
		die("short receive");
}

static void get_end(int fd)
{
	if (TRY(recv(fd, block, 1, 0)) != 0)
		die("more than was told");
}

/* How a connection ends: who closes first, and how. */
enum ending { CLIENT_GONE, SERVER_FIRST, SHUTDOWN, RESET, EXIT, KILL, UNREAD };

struct transfer {
	const char *how;
	union address (*loopback)(uint16_t port);
	enum ending ending;
	size_t up, down;
};

/* The client: it tells of itself before it closes, since in some cases that is its end. */
static _Noreturn void client(const struct transfer *t, const union address *to)
{
	int fd = TRY(socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct linger linger = { 1, 0 };
	struct ends ends;
	char c;

	TRY(connect(fd, &to->any, size_of(to)));
	ends = ends_of(fd);
	tell_ends("address", t->how, "connect", &ends, -1, 0);
	give(fd, t->up);
	get(fd, t->down);
	if (t->ending == SHUTDOWN) {
		TRY(shutdown(fd, SHUT_WR));
		get_end(fd);
	} else if (t->ending == SERVER_FIRST) {
		get_end(fd);
	} else if (t->ending == UNREAD) {
		if (recv(fd, &c, 1, 0) >= 0 || errno != ECONNRESET)
			die("no reset");
	} else if (t->ending == RESET) {
		TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	}
	ends.again = sent_again(fd);
	tell_ends("end", t->how, "disconnect", &ends, (int64_t)t->down, (int64_t)t->up);
	if (t->ending == KILL)
		kill(getpid(), SIGKILL);
	if (t->ending != EXIT)
		close(fd);
	_exit(0);
}

static void serve(const struct transfer *t, int server)
{
	union address to = own(server);
	pid_t pid = TRY(fork());
	struct ends ends;
	int fd;

	if (pid == 0)
		client(t, &to);
	fd = TRY(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	ends = ends_of(fd);
	tell_ends("address", t->how, "accept", &ends, -1, 0);
	if (t->ending == UNREAD) {
		/* All is here, none was taken. */
		if (TRY(recv(fd, block, t->up, MSG_PEEK | MSG_WAITALL)) != (ssize_t)t->up)
			die("short look");
	} else {
		get(fd, t->up);
	}
	give(fd, t->down);
	if (t->ending == SHUTDOWN)
		get_end(fd);
	/* The other process is gone by then: its end of the connection ends while this one is on the processor. */
	if (t->ending == CLIENT_GONE || t->ending == EXIT || t->ending == KILL || t->ending == RESET)
		TRY(waitpid(pid, NULL, 0));
	ends.again = sent_again(fd);
	close(fd);
	if (t->ending == SERVER_FIRST || t->ending == SHUTDOWN || t->ending == UNREAD)
		TRY(waitpid(pid, NULL, 0));
	tell_ends("end", t->how, "disconnect", &ends, (int64_t)t->up, (int64_t)t->down);
}

static union address ipv6_any(uint16_t port)
{
	return (union address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
}

static int tell_listener(union address address, const char *how)
{
	int fd = TRY(socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct ends ends = { 0 };

	TRY(bind(fd, &address.any, size_of(&address)));
	ends.local = own(fd);
	tell_ends("address", how, "bind", &ends, -1, 0);
	TRY(listen(fd, 10));
	tell_ends("address", how, "listen", &ends, -1, 0);
	return fd;
}

/* Asked for by version 4, taken by a socket of version 6. */
static void mapped(void)
{
	int server = tell_listener(ipv6_any(0), "any"), fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), peer;
	union address to = ipv4(ntohs(own(server).in6.sin6_port));
	struct ends ends;

	TRY(connect(fd, &to.any, sizeof(to.in)));
	ends = ends_of(fd);
	tell_ends("address", "mapped", "connect", &ends, -1, 0);
	peer = TRY(accept(server, NULL, NULL));
	give(fd, 100);
	get(peer, 100);
	close(fd);
	tell_ends("end", "mapped", "disconnect", &ends, 0, 100);
	ends = ends_of(peer);
	tell_ends("address", "mapped", "accept", &ends, -1, 0);
	close(peer);
	tell_ends("end", "mapped", "disconnect", &ends, 100, 0);
	close(server);
}

/* What has no second end, or none that was taken. */
static void lonely(void)
{
	int server = tell_listener(ipv4(0), "lonely"), fd;
	union address to = own(server);
	struct ends ends;

	fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(connect(fd, &to.any, sizeof(to.in)));
	ends = ends_of(fd);
	tell_ends("address", "never accepted", "connect", &ends, -1, 0);
	give(fd, 50);
	close(server);
	close(fd);
	tell_ends("end", "never accepted", "disconnect", &ends, 0, 50);

	fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (connect(fd, &to.any, sizeof(to.in)) == 0)
		die("connect to nobody");
	ends = (struct ends){ .remote = to };
	close(fd);

	fd = TRY(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	to = ipv4(0);
	TRY(bind(fd, &to.any, sizeof(to.in)));
	ends = (struct ends){ .local = own(fd) };
	tell_ends("address", "udp", "bind", &ends, -1, 0);
	to = ipv4(9);
	TRY(connect(fd, &to.any, sizeof(to.in)));
	ends.remote = to;
	tell_ends("address", "udp", "connect", &ends, -1, 0);
	to = (union address){ .any.sa_family = AF_UNSPEC };
	TRY(connect(fd, &to.any, sizeof(to.any)));
	ends = (struct ends){ .local = own(fd) };
	tell_ends("address", "udp", "disconnect", &ends, -1, 0);
	close(fd);
}

/* connect(2) with AF_UNSPEC lets go of the connection, and the socket can have another. */
static void dissolved(void)
{
	int server = tell_listener(ipv4(0), "dissolved"), fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	union address to = own(server), nobody = { .any.sa_family = AF_UNSPEC };

	for (int i = 0; i < 2; i++) {
		struct ends ends;
		int peer;

		TRY(connect(fd, &to.any, sizeof(to.in)));
		ends = ends_of(fd);
		tell_ends("address", "dissolved", "connect", &ends, -1, 0);
		peer = TRY(accept(server, NULL, NULL));
		give(fd, 60);
		get(peer, 60);
		if (i == 0)
			TRY(connect(fd, &nobody.any, sizeof(nobody.any)));
		else
			close(fd);
		tell_ends("end", "dissolved", "disconnect", &ends, 0, 60);
		ends = (struct ends){ .local = ends.remote, .remote = ends.local };
		tell_ends("address", "dissolved", "accept", &ends, -1, 0);
		close(peer);
		tell_ends("end", "dissolved", "disconnect", &ends, 60, 0);
	}
	close(server);
}

/* The client has reset it before the server takes it: it begins and ends in that moment for the server. */
static void over(void)
{
	int server = tell_listener(ipv4(0), "over"), fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), peer;
	union address to = own(server), from;
	struct linger linger = { 1, 0 };
	socklen_t size = sizeof(from);
	struct ends ends;

	TRY(connect(fd, &to.any, sizeof(to.in)));
	ends = ends_of(fd);
	tell_ends("address", "over", "connect", &ends, -1, 0);
	give(fd, 9);
	TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(fd);
	tell_ends("end", "over", "disconnect", &ends, 0, 9);
	peer = TRY(accept(server, &from.any, &size));
	ends = (struct ends){ .local = ends.remote, .remote = from };
	tell_ends("address", "over when it was taken", "accept", &ends, -1, 0);
	close(peer);
	tell_ends("end", "over when it was taken", "disconnect", &ends, 9, 0);
	close(server);
}

/* Asked for by the first message, without connect(2): waiting for it, and not. */
static void fast_open(void)
{
	int server = tell_listener(ipv4(0), "fast open");
	union address to = own(server);

	for (int i = 0; i < 2; i++) {
		int fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (i == 1 ? SOCK_NONBLOCK : 0), 0)), peer;
		struct iovec piece = { block, 70 };
		struct msghdr head = { .msg_name = &to, .msg_namelen = sizeof(to.in), .msg_iov = &piece, .msg_iovlen = 1 };
		struct ends ends;

		if (i == 0 && TRY(sendto(fd, block, 70, MSG_FASTOPEN, &to.any, sizeof(to.in))) != 70)
			die("short send");
		if (i == 1 && (sendmsg(fd, &head, MSG_FASTOPEN) >= 0 || errno != EINPROGRESS))
			die("fast open that does not wait");
		TRY(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1));
		if (i == 1)
			give(fd, 70);
		peer = TRY(accept(server, NULL, NULL));
		get(peer, 70);
		ends = ends_of(fd);
		tell_ends("address", i == 0 ? "fast open" : "in progress", "connect", &ends, -1, 0);
		close(fd);
		tell_ends("end", "fast open", "disconnect", &ends, 0, 70);
		ends = (struct ends){ .local = ends.remote, .remote = ends.local };
		tell_ends("address", "fast open", "accept", &ends, -1, 0);
		close(peer);
		tell_ends("end", "fast open", "disconnect", &ends, 70, 0);
	}
	close(server);
}

/* Nobody answers, and the program does not wait for it: that is no connection, no failure and no end. */
static void given_up(void)
{
	struct sock_filter nothing = { .code = BPF_RET | BPF_K };
	struct sock_fprog filter = { 1, &nothing };
	int server = tell_listener(ipv4(0), "given up");
	union address to = own(server), nobody = { .any.sa_family = AF_UNSPEC };

	TRY(setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	for (int i = 0; i < 2; i++) {
		int fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		struct ends ends;

		if (connect(fd, &to.any, sizeof(to.in)) == 0 || errno != EINPROGRESS)
			die("connect that nobody answers");
		ends = (struct ends){ .local = own(fd), .remote = to };
		tell_ends("address", "in progress", "connect", &ends, -1, 0);
		if (i == 0)
			TRY(connect(fd, &nobody.any, sizeof(nobody.any)));
		close(fd);
	}
	close(server);
}

/* The other end takes nothing at first: what is sent is sent again, and is still sent once. */
static void deaf(void)
{
	struct sock_filter nothing = { .code = BPF_RET | BPF_K };
	struct sock_fprog filter = { 1, &nothing };
	int server = tell_listener(ipv4(0), "sent again");
	int fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), peer;
	union address to = own(server);
	struct ends ends;

	TRY(connect(fd, &to.any, sizeof(to.in)));
	ends = ends_of(fd);
	tell_ends("address", "sent again", "connect", &ends, -1, 0);
	peer = TRY(accept(server, NULL, NULL));
	TRY(setsockopt(peer, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	give(fd, 700);
	while (sent_again(fd) == 0)
		usleep(10000);
	TRY(setsockopt(peer, SOL_SOCKET, SO_DETACH_FILTER, &filter, sizeof(filter)));
	get(peer, 700);
	ends.again = sent_again(fd);
	close(fd);
	tell_ends("end", "sent again", "disconnect", &ends, 0, 700);
	ends = (struct ends){ .local = ends.remote, .remote = ends.local };
	tell_ends("address", "sent again", "accept", &ends, -1, 0);
	close(peer);
	tell_ends("end", "sent again", "disconnect", &ends, 700, 0);
	close(server);
}

static void multipath(void)
{
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP), fd, peer;
	union address to = ipv4(0);
	struct ends ends;

	if (server < 0)
		return;
	TRY(bind(server, &to.any, sizeof(to.in)));
	TRY(listen(server, 10));
	to = own(server);
	fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
	TRY(connect(fd, &to.any, sizeof(to.in)));
	peer = TRY(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	give(fd, 100);
	get(peer, 100);
	ends = ends_of(fd);
	tell_ends("end", "multipath", "disconnect", &ends, -1, 0);
	ends = (struct ends){ .local = ends.remote, .remote = ends.local };
	tell_ends("end", "multipath", "disconnect", &ends, -1, 0);
	close(fd);
	close(peer);
	close(server);
}

static void transfers(void)
{
	static const struct transfer of[] = {
		{ "nothing", ipv4, SERVER_FIRST, 0, 0 },
		{ "the client goes first", ipv4, CLIENT_GONE, 1, 1000 },
		{ "the server goes first", ipv4, SERVER_FIRST, 100000, MOST },
		{ "half closed", ipv4, SHUTDOWN, 500, 70000 },
		{ "reset", ipv4, RESET, 20, 30 },
		{ "the client ends", ipv4, EXIT, 40, 50 },
		{ "the client is killed", ipv4, KILL, 60, 70 },
		{ "never read", ipv4, UNREAD, 1234, 5678 },
		{ "version 6, the client goes first", ipv6, CLIENT_GONE, 1, 1000 },
		{ "version 6, the server goes first", ipv6, SERVER_FIRST, MOST, 2 },
		{ "version 6, reset", ipv6, RESET, 20, 30 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		int server = tell_listener(of[i].loopback(0), of[i].how);

		serve(&of[i], server);
		close(server);
	}
	mapped();
	lonely();
	dissolved();
	over();
	fast_open();
	given_up();
	deaf();
}

int main(int argc, char **argv)
{
	char base[4096];

	if (argc == 2 && strcmp(argv[1], "transfers") == 0) {
		transfers();
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "multipath") == 0) {
		multipath();
		return 0;
	}
	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "storm") == 0) {
		storm((unsigned)atoi(argv[2]));
	} else if (strcmp(argv[1], "all") == 0 && realpath(argv[2], base)) {
		TRY(chdir(base));
		all(base);
	} else if (strcmp(argv[1], "socketcall") == 0 && realpath(argv[2], base)) {
		TRY(chdir(base));
#if defined(__x86_64__)
		if (has_socketcall())
			by_socketcall();
#endif
		without_nul(base);
	} else {
		return 2;
	}
	return 0;
}
