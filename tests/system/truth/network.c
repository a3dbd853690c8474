/* Connects and takes connections, and says of each act: {"what":"network", "pid", "action", "outcome", "error", "type",
 * "transport", "ip", "port" (of the other side; of a bind and a listen the own one), "path" (of a unix socket, with an
 * `@` first if abstract), "fd", "how"}.
 *
 *	network all DIR		in the empty folder DIR
 *	network storm N		N connections over 127.0.0.1 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

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

int main(int argc, char **argv)
{
	char base[4096];

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "storm") == 0) {
		storm((unsigned)atoi(argv[2]));
	} else if (strcmp(argv[1], "all") == 0 && realpath(argv[2], base)) {
		TRY(chdir(base));
		all(base);
	} else {
		return 2;
	}
	return 0;
}
