/* Asks a name server on port 53 and says of each message {"what":"dns", "how", "pid", "ppid", "action" (query or
 * response), "transport", "server", "local_ip" (only where the socket has one), "local_port", "id", "name", "type"}.  What
 * the answers are the server knows.
 *
 *	names ask IP		in every way that calls allow, for `WAY.truth`
 *	names list IP NAME:TYPE...	those, each by connect, send and recv, and by TCP
 *	names rubbish IP	messages that are none; the server answers with such; then a good one
 *	names others IP		what is no DNS, and goes to another port; after a good one
 *	names library IP NAME	as the C library asks for both families of addresses */

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <nss.h>
#include <pthread.h>
#include <resolv.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "truth.h"

#define PORT	53
#define A	1
#define AAAA	28
#define LONGEST 65535

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct message {
	unsigned char bytes[LONGEST + 2];	/* with the length in front, as TCP has it */
	size_t size;				/* without it */
	uint16_t id;
	unsigned type;
	const char *name;
};

static const char *server_ip;
static union address server;
static socklen_t server_size;
static uint16_t next_id = 1;

/* A name as in a master file: `\065` is a byte. */
static size_t put_name(unsigned char *to, const char *name)
{
	size_t at = 0;

	while (*name) {
		size_t begin = at++;

		for (; *name && *name != '.'; name++) {
			unsigned char byte = (unsigned char)*name;

			if (byte == '\\' && isdigit((unsigned char)name[1])) {
				byte = (unsigned char)((name[1] - '0') * 100 + (name[2] - '0') * 10 + name[3] - '0');
				name += 3;
			} else if (byte == '\\') {
				byte = (unsigned char)*++name;
			}
			to[at++] = byte;
		}
		to[begin] = (unsigned char)(at - begin - 1);
		name += *name == '.';
	}
	to[at++] = 0;
	return at;
}

static void ask_for(struct message *m, const char *name, unsigned type)
{
	unsigned char *p = m->bytes + 2;

	m->id = next_id++;
	m->name = name;
	m->type = type;
	memset(p, 0, 12);
	p[0] = (unsigned char)(m->id >> 8);
	p[1] = (unsigned char)m->id;
	p[2] = 1;	/* recursion desired */
	p[5] = 1;
	m->size = 12 + put_name(p + 12, strcmp(name, ".") == 0 ? "" : name);
	p[m->size++] = (unsigned char)(type >> 8);
	p[m->size++] = (unsigned char)type;
	p[m->size++] = 0;
	p[m->size++] = 1;
	m->bytes[0] = (unsigned char)(m->size >> 8);
	m->bytes[1] = (unsigned char)m->size;
}

static void tell(const char *how, const char *action, int fd, int protocol, uint16_t id, const char *name,
		 unsigned type)
{
	struct line line = say("dns");
	char text[INET6_ADDRSTRLEN];
	union address own = { 0 };
	socklen_t size = sizeof(own);
	static const struct in6_addr none;

	say_word(&line, "how", how);
	say_number(&line, "pid", getpid());
	say_number(&line, "ppid", getppid());
	say_word(&line, "action", action);
	say_word(&line, "transport", protocol == IPPROTO_TCP ? "tcp" : "udp");
	say_word(&line, "server", server_ip);
	TRY(getsockname(fd, &own.any, &size));
	say_number(&line, "local_port", ntohs(own.in.sin_port));
	if (own.any.sa_family == AF_INET && own.in.sin_addr.s_addr)
		say_word(&line, "local_ip", inet_ntop(AF_INET, &own.in.sin_addr, text, sizeof(text)));
	else if (own.any.sa_family == AF_INET6 && memcmp(&own.in6.sin6_addr, &none, sizeof(none)) != 0)
		say_word(&line, "local_ip", inet_ntop(AF_INET6, &own.in6.sin6_addr, text, sizeof(text)));
	say_number(&line, "id", id);
	say_number(&line, "type", type);
	say_bytes(&line, "name", name);
	say_done(&line);
}

static void asked(const char *how, int fd, int protocol, const struct message *m)
{
	tell(how, "query", fd, protocol, m->id, m->name, m->type);
}

/* Whatever it was: an answer has the id of its question. */
static void answered(const char *how, int fd, int protocol, const struct message *m)
{
	tell(how, "response", fd, protocol, m->id, m->name, m->type);
}

static void exactly(ssize_t n, size_t size)
{
	if (n != (ssize_t)size)
		die("short");
}

static int udp(bool is_connected)
{
	int fd = TRY(socket(server.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (is_connected)
		TRY(connect(fd, &server.any, server_size));
	return fd;
}

static int tcp(void)
{
	int fd = TRY(socket(server.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));

	TRY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)));
	TRY(connect(fd, &server.any, server_size));
	return fd;
}

static struct message m, m2;
static unsigned char answer[LONGEST + 2];

/* UDP */

static void by_sendto(const char *how)
{
	union address from;
	socklen_t size = sizeof(from);
	int fd = udp(false);

	exactly(sendto(fd, m.bytes + 2, m.size, 0, &server.any, server_size), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	TRY(recvfrom(fd, answer, sizeof(answer), 0, &from.any, &size));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

static void by_send(const char *how)
{
	int fd = udp(true);

	exactly(send(fd, m.bytes + 2, m.size, 0), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	TRY(recv(fd, answer, sizeof(answer), 0));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

static void by_write(const char *how)
{
	int fd = udp(true);

	exactly(write(fd, m.bytes + 2, m.size), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	TRY(read(fd, answer, sizeof(answer)));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

static void by_message(const char *how, bool is_connected)
{
	struct iovec to = { m.bytes + 2, m.size }, from = { answer, sizeof(answer) };
	union address sender;
	struct msghdr head = { .msg_iov = &to, .msg_iovlen = 1 };
	int fd = udp(is_connected);

	if (!is_connected) {
		head.msg_name = &server;
		head.msg_namelen = server_size;
	}
	exactly(sendmsg(fd, &head, 0), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	head = (struct msghdr){ .msg_iov = &from, .msg_iovlen = 1 };
	if (!is_connected) {
		head.msg_name = &sender;
		head.msg_namelen = sizeof(sender);
	}
	TRY(recvmsg(fd, &head, 0));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

static void by_sendmsg(const char *how)
{
	by_message(how, true);
}

static void by_sendmsg_named(const char *how)
{
	by_message(how, false);
}

/* As the C library does for the two families of addresses. */
static void by_messages(const char *how, bool is_connected)
{
	static unsigned char second[LONGEST];
	struct iovec to[2] = { { m.bytes + 2, m.size }, { m2.bytes + 2, m2.size } };
	struct iovec from[2] = { { answer, sizeof(answer) }, { second, sizeof(second) } };
	union address senders[2];
	struct mmsghdr heads[2] = { 0 };
	int fd = udp(is_connected);

	ask_for(&m2, m.name, AAAA);
	to[1].iov_len = m2.size;
	for (int i = 0; i < 2; i++) {
		heads[i].msg_hdr = (struct msghdr){ .msg_iov = &to[i], .msg_iovlen = 1 };
		if (!is_connected) {
			heads[i].msg_hdr.msg_name = &server;
			heads[i].msg_hdr.msg_namelen = server_size;
		}
	}
	exactly(sendmmsg(fd, heads, 2, 0), 2);
	asked(how, fd, IPPROTO_UDP, &m);
	asked(how, fd, IPPROTO_UDP, &m2);
	for (int i = 0; i < 2; i++) {
		heads[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &from[i], .msg_iovlen = 1 } };
		if (!is_connected) {
			heads[i].msg_hdr.msg_name = &senders[i];
			heads[i].msg_hdr.msg_namelen = sizeof(senders[i]);
		}
	}
	exactly(recvmmsg(fd, heads, 2, 0, NULL), 2);
	answered(how, fd, IPPROTO_UDP, &m);
	answered(how, fd, IPPROTO_UDP, &m2);
	close(fd);
}

static void by_sendmmsg(const char *how)
{
	by_messages(how, true);
}

static void by_sendmmsg_named(const char *how)
{
	by_messages(how, false);
}

/* Looks at it, for its size and for its bytes, then the same again to have it. */
static void by_peek(const char *how)
{
	struct iovec from = { answer, sizeof(answer) };
	struct msghdr head = { .msg_iov = &from, .msg_iovlen = 1 };
	struct mmsghdr heads = { .msg_hdr = head };
	int fd = udp(true);

	exactly(send(fd, m.bytes + 2, m.size, 0), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	TRY(recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC));
	TRY(recv(fd, answer, sizeof(answer), MSG_PEEK));
	TRY(recvmsg(fd, &head, MSG_PEEK));
	TRY(recvmmsg(fd, &heads, 1, MSG_PEEK, NULL));
	TRY(recv(fd, answer, sizeof(answer), 0));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

#define MANY 100

/* First the head, then the rest, the other way the head in two. */
static void by_pieces(const char *how)
{
	static unsigned char end[LONGEST];
	struct iovec to[2] = { { m.bytes + 2, 12 }, { m.bytes + 14, m.size - 12 } };
	struct iovec from[3] = { { answer, 2 }, { answer + 20, 10 }, { end, sizeof(end) } };
	struct msghdr head = { .msg_iov = to, .msg_iovlen = 2 };
	int fd = udp(true);

	exactly(sendmsg(fd, &head, 0), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	head = (struct msghdr){ .msg_iov = from, .msg_iovlen = 3 };
	TRY(recvmsg(fd, &head, 0));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

/* A byte a piece, the places in reverse. */
static void by_vectors(const char *how)
{
	static unsigned char place[MANY];
	struct iovec pieces[MANY];
	int fd = udp(true), n = (int)m.size;

	if (n > MANY)
		die("too long a name");
	for (int i = 0; i < n; i++) {
		place[MANY - 1 - i] = m.bytes[2 + i];
		pieces[i] = (struct iovec){ &place[MANY - 1 - i], 1 };
	}
	exactly(writev(fd, pieces, n), m.size);
	asked(how, fd, IPPROTO_UDP, &m);
	for (int i = 0; i < MANY; i++)
		pieces[i] = (struct iovec){ &place[MANY - 1 - i], 1 };
	TRY(readv(fd, pieces, MANY));
	answered(how, fd, IPPROTO_UDP, &m);
	close(fd);
}

static void *by_thread_of(void *how)
{
	by_send(how);
	return NULL;
}

static void by_thread(const char *how)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, by_thread_of, (void *)(uintptr_t)how) != 0 || pthread_join(thread, NULL) != 0)
		die("thread");
}

static void by_child(const char *how)
{
	pid_t pid = TRY(fork());
	int status;

	if (pid == 0) {
		by_send(how);
		_exit(0);
	}
	TRY(waitpid(pid, &status, 0));
	if (status)
		die("child");
}

/* TCP */

static size_t size_at(const unsigned char *bytes)
{
	return (size_t)bytes[0] << 8 | bytes[1];
}

static void read_all(int fd, unsigned char *to, size_t size)
{
	while (size > 0) {
		ssize_t n = TRY(read(fd, to, size));

		if (n == 0)
			die("no answer");
		to += n;
		size -= (size_t)n;
	}
}

/* As the C library does. */
static void by_writev(const char *how)
{
	struct iovec to[2] = { { m.bytes, 2 }, { m.bytes + 2, m.size } };
	int fd = tcp();

	exactly(writev(fd, to, 2), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	read_all(fd, answer, 2);
	read_all(fd, answer + 2, size_at(answer));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

static void by_stream(const char *how)
{
	int fd = tcp();

	exactly(send(fd, m.bytes, m.size + 2, 0), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	TRY(recv(fd, answer, sizeof(answer), 0));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

static void by_stream_write(const char *how)
{
	int fd = tcp();

	exactly(write(fd, m.bytes, m.size + 2), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	exactly(recv(fd, answer, 2, MSG_WAITALL), 2);
	TRY(recv(fd, answer + 2, size_at(answer), MSG_WAITALL));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

static void by_stream_apart(const char *how)
{
	int fd = tcp();

	exactly(write(fd, m.bytes, 2), 2);
	exactly(write(fd, m.bytes + 2, m.size), m.size);
	asked(how, fd, IPPROTO_TCP, &m);
	read_all(fd, answer, 2);
	read_all(fd, answer + 2, size_at(answer));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

static void by_stream_message(const char *how)
{
	struct iovec to[2] = { { m.bytes, 2 }, { m.bytes + 2, m.size } };
	struct iovec from[2] = { { answer, 2 }, { answer + 2, sizeof(answer) - 2 } };
	struct msghdr head = { .msg_iov = to, .msg_iovlen = 2 };
	int fd = tcp();

	exactly(sendmsg(fd, &head, 0), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	head.msg_iov = from;
	TRY(recvmsg(fd, &head, 0));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

/* As before, the message in pieces too. */
static void by_stream_vectors(const char *how)
{
	struct iovec to[3] = { { m.bytes, 2 }, { m.bytes + 2, 7 }, { m.bytes + 9, m.size - 7 } };
	struct iovec from[3] = { { answer, 2 }, { answer + 2, 7 }, { answer + 9, sizeof(answer) - 9 } };
	int fd = tcp();

	exactly(writev(fd, to, 3), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	TRY(readv(fd, from, 3));
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

/* A look at the length, and the same bytes gone past without a look. */
static void by_stream_peek(const char *how)
{
	int fd = tcp();
	size_t size;

	exactly(send(fd, m.bytes, m.size + 2, 0), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	exactly(recv(fd, answer, 2, MSG_PEEK | MSG_WAITALL), 2);
	size = size_at(answer) + 2;
	exactly(recv(fd, answer, size, MSG_PEEK | MSG_WAITALL), size);
	exactly(recv(fd, answer, size, MSG_WAITALL), size);
	answered(how, fd, IPPROTO_TCP, &m);
	exactly(send(fd, m.bytes, m.size + 2, 0), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	exactly(recv(fd, answer, size, MSG_TRUNC | MSG_WAITALL), size);
	close(fd);
}

/* Two questions by one connection. */
static void by_stream_twice(const char *how)
{
	int fd = tcp();

	for (int i = 0; i < 2; i++) {
		if (i == 1)
			ask_for(&m, m.name, AAAA);
		exactly(send(fd, m.bytes, m.size + 2, 0), m.size + 2);
		asked(how, fd, IPPROTO_TCP, &m);
		read_all(fd, answer, 2);
		read_all(fd, answer + 2, size_at(answer));
		answered(how, fd, IPPROTO_TCP, &m);
	}
	close(fd);
}

/* As the C library does for the two families of addresses; the answers come one by one. */
static void by_stream_both(const char *how)
{
	struct iovec to[4] = { { m.bytes, 2 }, { m.bytes + 2, m.size }, { m2.bytes, 2 }, { m2.bytes + 2, m.size } };
	int fd = tcp();

	ask_for(&m2, m.name, AAAA);
	to[3].iov_len = m2.size;
	exactly(writev(fd, to, 4), 2 * (m.size + 2));
	asked(how, fd, IPPROTO_TCP, &m);
	asked(how, fd, IPPROTO_TCP, &m2);
	for (int i = 0; i < 2; i++) {
		read_all(fd, answer, 2);
		read_all(fd, answer + 2, size_at(answer));
		answered(how, fd, IPPROTO_TCP, i ? &m2 : &m);
	}
	close(fd);
}

/* Both in one buffer, and so are the answers. */
static void by_stream_line(const char *how)
{
	static unsigned char both[sizeof(m.bytes) + sizeof(m2.bytes)];
	size_t size;
	int fd = tcp();

	ask_for(&m2, m.name, AAAA);
	memcpy(both, m.bytes, m.size + 2);
	memcpy(both + m.size + 2, m2.bytes, m2.size + 2);
	exactly(send(fd, both, m.size + m2.size + 4, 0), m.size + m2.size + 4);
	asked(how, fd, IPPROTO_TCP, &m);
	asked(how, fd, IPPROTO_TCP, &m2);
	/* The second differs by its longer address. */
	exactly(recv(fd, both, 2, MSG_PEEK | MSG_WAITALL), 2);
	size = 2 * (size_at(both) + 2) + 12;
	exactly(recv(fd, both, size, MSG_WAITALL), size);
	answered(how, fd, IPPROTO_TCP, &m);
	answered(how, fd, IPPROTO_TCP, &m2);
	close(fd);
}

/* Taken in pieces: it is one answer all the same, or none that can be told; nothing is made up of the pieces. */
static void by_stream_pieces(const char *how)
{
	int fd = tcp();

	exactly(send(fd, m.bytes, m.size + 2, 0), m.size + 2);
	asked(how, fd, IPPROTO_TCP, &m);
	read_all(fd, answer, 2);
	for (size_t at = 0, size = size_at(answer); at < size; at += 13)
		read_all(fd, answer + 2 + at, size - at < 13 ? size - at : 13);
	answered(how, fd, IPPROTO_TCP, &m);
	close(fd);
}

static const struct way {
	const char *name;
	void (*ask)(const char *how);
} ways[] = {
	{ "sendto", by_sendto },
	{ "send", by_send },
	{ "write", by_write },
	{ "sendmsg", by_sendmsg },
	{ "sendmsg-named", by_sendmsg_named },
	{ "sendmmsg", by_sendmmsg },
	{ "sendmmsg-named", by_sendmmsg_named },
	{ "peek", by_peek },
	{ "thread", by_thread },
	{ "child", by_child },
	{ "writev", by_writev },
	{ "stream", by_stream },
	{ "stream-write", by_stream_write },
	{ "stream-apart", by_stream_apart },
	{ "stream-message", by_stream_message },
	{ "stream-twice", by_stream_twice },
	{ "stream-vectors", by_stream_vectors },
	{ "stream-both", by_stream_both },
	{ "stream-line", by_stream_line },
	{ "stream-peek", by_stream_peek },
	{ "pieces", by_pieces },
	{ "vectors", by_vectors },
	{ "stream-pieces", by_stream_pieces },
};

static void ask(const char *only)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		static char name[64];

		if (only && strcmp(only, ways[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "%s.truth", ways[i].name);
		ask_for(&m, name, A);
		ways[i].ask(ways[i].name);
	}
}

static void ask_list(char **list)
{
	for (; *list; list++) {
		char *colon = strrchr(*list, ':');
		unsigned type = (unsigned)atoi(colon + 1);

		*colon = 0;
		ask_for(&m, *list, type);
		by_send("send");
		ask_for(&m, *list, type);
		by_writev("writev");
	}
}

/* Each is answered: with the same, and its last bit turned. */
static void rubbish(void)
{
	static const struct {
		const char *bytes;
		size_t size;
	} of[] = {
#define BYTES(text) { text, sizeof(text) - 1 }
		BYTES("x"),
		BYTES("GET / HTTP/1.0\r\n\r\n"),
		BYTES("\0\1\1\0\0\1\0\0\0\0"),						/* half a head */
		BYTES("\0\2\1\0\0\0\0\0\0\0\0\0"),					/* no question */
		BYTES("\0\3\1\0\0\1\0\0\0\0\0\0"),					/* none where one must be */
		BYTES("\0\4\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"),			/* a name that is itself */
		BYTES("\0\5\1\0\0\1\0\0\0\0\0\0\x3f" "short\0\0\1\0\1"),		/* a label that ends too late */
		BYTES("\0\6\1\0\xff\xff\xff\xff\xff\xff\xff\xff\1a\0\0\1\0\1"),		/* more than any message holds */
		BYTES("\0\7\1\0\0\1\0\0\0\0\0\0\1a\0\0"),				/* no type */
		BYTES("\0\10\x79\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"),			/* another operation */
		BYTES("\0\11\1\0\0\1\0\0\0\0\0\0\x80" "a\0\0\1\0\1"),			/* a label of no sort */
	};
	int fd = udp(true);

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		exactly(send(fd, of[i].bytes, of[i].size, 0), of[i].size);
		TRY(recv(fd, answer, sizeof(answer), 0));
	}
	close(fd);
	ask("send");
}

/* What goes to other ports, and what comes from no name server. */
static void others(void)
{
	union address to = server;
	int fd = TRY(socket(server.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)), other = TRY(dup(fd));
	socklen_t size = server_size;
	int ends[2];

	ask("send");	/* from here on its reads are looked at */
	close(fd);
	close(other);
	fd = TRY(socket(server.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	to.in.sin_port = 0;
	TRY(bind(fd, &to.any, size));
	TRY(getsockname(fd, &to.any, &size));
	ask_for(&m, "another.port", A);
	exactly(sendto(fd, m.bytes + 2, m.size, 0, &to.any, size), m.size);
	exactly(recv(fd, answer, sizeof(answer), 0), m.size);
	close(fd);
	TRY(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
	exactly(write(ends[0], m.bytes + 2, m.size), m.size);
	exactly(read(ends[1], answer, sizeof(answer)), m.size);
	close(ends[0]);
	close(ends[1]);
}

static void by_library(const char *name)
{
	struct addrinfo *list, wish = { .ai_socktype = SOCK_STREAM };
	struct line line = say("library");
	int r;

	__nss_configure_lookup("hosts", "dns");
	if (res_init() < 0)
		die("res_init");
	_res.nscount = 1;
	_res.nsaddr_list[0] = server.in;
	_res.options &= ~(unsigned long)(RES_USE_EDNS0 | RES_DNSRCH | RES_DEFNAMES);
	r = getaddrinfo(name, NULL, &wish, &list);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", name, gai_strerror(r));
		_exit(1);
	}
	freeaddrinfo(list);
	say_number(&line, "pid", getpid());
	say_bytes(&line, "name", name);
	say_done(&line);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	server_ip = argv[2];
	if (strchr(server_ip, ':')) {
		server.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
		server_size = sizeof(server.in6);
		if (inet_pton(AF_INET6, server_ip, &server.in6.sin6_addr) != 1)
			return 2;
	} else {
		server.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
		server_size = sizeof(server.in);
		if (inet_pton(AF_INET, server_ip, &server.in.sin_addr) != 1)
			return 2;
	}
	if (strcmp(argv[1], "ask") == 0)
		ask(argv[3]);
	else if (strcmp(argv[1], "list") == 0)
		ask_list(argv + 3);
	else if (strcmp(argv[1], "rubbish") == 0)
		rubbish();
	else if (strcmp(argv[1], "others") == 0)
		others();
	else if (strcmp(argv[1], "library") == 0 && argc == 4)
		by_library(argv[3]);
	else
		return 2;
	return 0;
}
