/* Does to files by an io_uring, with no system call of the act itself, and says so as `files` does.
 *
 *	ring opens DIR		makes and opens files in the empty folder DIR; in this thread, then in another
 *	ring names DIR		makes, renames, links and removes names in DIR/call by system calls, the same in DIR/ring
 *	ring many DIR		makes and removes N_MANY folders there, all asked for before any is made
 *	ring polled DIR		by requests that a thread of the kernel finds
 *	ring silent DIR		makes a folder there, by a request whose success nobody is told of
 *	ring unseen DIR		makes a file, opens it for writing, writes to it and connects to itself, by such requests
 *	ring writes DIR		writes to one: {"what":"written", ...} as `written`
 *	ring connects DIR	connects to itself, takes the connection: {"what":"address", ...} as `network transfers` */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "truth.h"

static char base[4096];
static int ring;
static uint8_t flags_of_all;
static struct io_uring_sqe *sqes;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_cqe *cqes;

static void *map(size_t size, off_t at)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, at);

	if (memory == MAP_FAILED)
		die("mmap of the ring");
	return memory;
}

#define N_ENTRIES 256u
#define N_MANY 200u

static void open_ring(unsigned flags)
{
	struct io_uring_params params = { .flags = flags, .sq_thread_idle = 1000 };
	char *sq, *cq;

	ring = (int)TRY(syscall(SYS_io_uring_setup, N_ENTRIES, &params));
	sq = map(params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = map(params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	sqes = map(params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
#define AT(memory, offset) ((unsigned *)(void *)((memory) + (offset)))
	sq_tail = AT(sq, params.sq_off.tail);
	sq_mask = AT(sq, params.sq_off.ring_mask);
	sq_array = AT(sq, params.sq_off.array);
	cq_head = AT(cq, params.cq_off.head);
	cq_tail = AT(cq, params.cq_off.tail);
	cq_mask = AT(cq, params.cq_off.ring_mask);
	cqes = (struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes);
}

static void ask(struct io_uring_sqe sqe)
{
	unsigned tail = *sq_tail, at = tail & *sq_mask;

	sqes[at] = sqe;
	sqes[at].flags |= flags_of_all;
	sq_array[at] = at;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int answer(void)
{
	unsigned head = *cq_head;
	int result;

	if (head == __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE))
		die("no completion");
	result = cqes[head & *cq_mask].res;
	__atomic_store_n(cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static void enter(unsigned n)
{
	TRY(syscall(SYS_io_uring_enter, ring, n, n, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0));
}

static int succeed(int result)
{
	if (result < 0) {
		errno = -result;
		die("act");
	}
	return result;
}

/* One act, and what came of it. */
static int act(struct io_uring_sqe sqe)
{
	ask(sqe);
	enter(1);
	return succeed(answer());
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void tell(const char *action, const char *how, const char *name, const char *target, ino_t inode)
{
	struct line line = say("file");
	char path[8300], other[8300];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	say_number(&line, "pid", getpid());
	say_word(&line, "action", action);
	say_word(&line, "how", how);
	say_bytes(&line, "path", path);
	if (target) {
		snprintf(other, sizeof(other), "%s/%s", base, target);
		say_bytes(&line, "target", other);
	}
	if (inode)
		say_number(&line, "inode", (int64_t)inode);
	say_done(&line);
}

static ino_t open_it(const char *name, int flags)
{
	int fd = act((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = pointer(name),
					    .len = 0644, .open_flags = (unsigned)(flags | O_CLOEXEC) });
	struct stat st;

	TRY(fstat(fd, &st));
	act((struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = fd });
	return st.st_ino;
}

static void opens(const char *name, const char *other, uint8_t flags)
{
	struct open_how how = { .flags = O_CREAT | O_RDWR | O_CLOEXEC, .mode = 0600 };
	struct stat st;
	int fd;

	flags_of_all = flags;
	tell("create", "O_CREAT", name, NULL, open_it(name, O_CREAT | O_WRONLY));
	tell("write", "O_CREAT of one that is there", name, NULL, open_it(name, O_CREAT | O_WRONLY));
	tell("write", "O_TRUNC", name, NULL, open_it(name, O_WRONLY | O_TRUNC));
	open_it(name, O_RDONLY);
	fd = act((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT2, .fd = AT_FDCWD, .addr = pointer(other),
					.len = sizeof(how), .off = pointer(&how) });
	TRY(fstat(fd, &st));
	tell("create", "O_CREAT by openat2", other, NULL, st.st_ino);
	close(fd);
}

/* The same by a system call. */
static int call(const struct io_uring_sqe *sqe)
{
	const char *name = (const char *)(uintptr_t)sqe->addr, *other = (const char *)(uintptr_t)sqe->off;
	int r;

	switch (sqe->opcode) {
	case IORING_OP_RENAMEAT:
		r = (int)syscall(SYS_renameat2, sqe->fd, name, (int)sqe->len, other, sqe->rename_flags);
		break;
	case IORING_OP_MKDIRAT:
		r = mkdirat(sqe->fd, name, sqe->len);
		break;
	case IORING_OP_LINKAT:
		r = linkat(sqe->fd, name, (int)sqe->len, other, (int)sqe->hardlink_flags);
		break;
	case IORING_OP_SYMLINKAT:
		r = symlinkat(name, sqe->fd, other);
		break;
	default:
		r = unlinkat(sqe->fd, name, (int)sqe->unlink_flags);
		break;
	}
	return r < 0 ? -errno : r;
}

static bool by_calls;

/* The memory of the names is another's once the request is submitted. */
static int name_it(struct io_uring_sqe sqe)
{
	char name[4096], other[4096];

	if (by_calls)
		return call(&sqe);
	snprintf(name, sizeof(name), "%s", (const char *)(uintptr_t)sqe.addr);
	sqe.addr = pointer(name);
	if (sqe.off) {
		snprintf(other, sizeof(other), "%s", (const char *)(uintptr_t)sqe.off);
		sqe.off = pointer(other);
	}
	ask(sqe);
	TRY(syscall(SYS_io_uring_enter, ring, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0));
	if (!(flags_of_all & IOSQE_ASYNC)) {	/* that thread may not have looked yet */
		memset(name, 'x', sizeof(name) - 1);
		memset(other, 'x', sizeof(other) - 1);
	}
	TRY(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	return answer();
}

#define NAME(operation, folder, ...) \
	name_it((struct io_uring_sqe){ .opcode = IORING_OP_##operation, .fd = folder, __VA_ARGS__ })

static const char *in(const char *folder, const char *name)
{
	static char paths[4][8300];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void names(const char *where)
{
	char absolute[8300], lengthy[4000], long_name[256];
	size_t at = 0;
	int folder;

	snprintf(absolute, sizeof(absolute), "%s/%s", base, where);
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	for (at = (size_t)snprintf(lengthy, sizeof(lengthy), "%s", where); at < sizeof(lengthy) - 300; at += 2)
		memcpy(lengthy + at, "/.", 3);
	TRY(mkdir(where, 0755));
	tell("create", "mkdir", where, NULL, 0);
	folder = TRY(open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	close(TRY(open(in(where, "made"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
	tell("create", "O_CREAT", in(where, "made"), NULL, 0);
	close(TRY(open(in(where, "other"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
	tell("create", "O_CREAT", in(where, "other"), NULL, 0);
	succeed(NAME(RENAMEAT, AT_FDCWD, .addr = pointer(in(where, "made")), .len = (unsigned)folder,
		     .off = pointer("moved")));
	tell("rename", "renameat", in(where, "made"), in(where, "moved"), 0);
	succeed(NAME(RENAMEAT, folder, .addr = pointer("moved"), .len = (unsigned)AT_FDCWD,
		     .off = pointer(in(absolute, "other")), .rename_flags = 2));
	tell("rename", "RENAME_EXCHANGE", in(where, "moved"), in(where, "other"), 0);
	tell("rename", "RENAME_EXCHANGE", in(where, "other"), in(where, "moved"), 0);
	succeed(NAME(MKDIRAT, folder, .addr = pointer("folder"), .len = 0755));
	tell("create", "mkdirat", in(where, "folder"), NULL, 0);
	succeed(NAME(SYMLINKAT, folder, .addr = pointer(in(absolute, "folder")), .off = pointer("link")));
	tell("symlink", "symlinkat", in(where, "link"), in(where, "folder"), 0);
	settle(in(where, "link"));
	succeed(NAME(MKDIRAT, folder, .addr = pointer("link/inner"), .len = 0755));
	tell("create", "mkdirat through a link", in(where, "folder/inner"), NULL, 0);
	succeed(NAME(LINKAT, AT_FDCWD, .addr = pointer(in(lengthy, "moved")), .len = (unsigned)AT_FDCWD,
		     .off = pointer(in(lengthy, long_name))));
	tell("link", "linkat, long names", in(where, "moved"), in(where, long_name), 0);
	succeed(NAME(UNLINKAT, AT_FDCWD, .addr = pointer(in(absolute, long_name))));
	tell("delete", "unlinkat, a long name", in(where, long_name), NULL, 0);
	/* What fails did nothing. */
	if (NAME(UNLINKAT, folder, .addr = pointer("nothing")) != -ENOENT ||
	    NAME(MKDIRAT, folder, .addr = pointer("folder"), .len = 0755) != -EEXIST ||
	    NAME(RENAMEAT, folder, .addr = pointer("moved"), .len = (unsigned)folder, .off = pointer("other"),
		 .rename_flags = 1) != -EEXIST)
		die("no failure");
	succeed(NAME(UNLINKAT, folder, .addr = pointer("folder/inner"), .unlink_flags = AT_REMOVEDIR));
	tell("delete", "unlinkat of a folder", in(where, "folder/inner"), NULL, 0);
	close(folder);
}

/* In a row: each is made when the one before it is. */
static void ask_many(uint8_t operation, char (*folders)[16])
{
	for (unsigned i = 0; i < N_MANY; i++)
		ask((struct io_uring_sqe){ .opcode = operation, .fd = AT_FDCWD, .addr = pointer(folders[i]),
					   .flags = i + 1 < N_MANY ? IOSQE_IO_LINK : 0,
					   .len = operation == IORING_OP_MKDIRAT ? 0700 : 0,
					   .unlink_flags = operation == IORING_OP_UNLINKAT ? AT_REMOVEDIR : 0 });
	enter(N_MANY);
	for (unsigned i = 0; i < N_MANY; i++)
		succeed(answer());
	for (unsigned i = 0; i < N_MANY; i++)
		tell(operation == IORING_OP_MKDIRAT ? "create" : "delete", "many", folders[i], NULL, 0);
}

static void many(void)
{
	static char folders[N_MANY][16];

	for (unsigned i = 0; i < N_MANY; i++)
		snprintf(folders[i], sizeof(folders[i]), "folder %u", i);
	ask_many(IORING_OP_MKDIRAT, folders);
	ask_many(IORING_OP_UNLINKAT, folders);
}

static void silent(void)
{
	struct stat st;

	ask((struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT, .flags = IOSQE_CQE_SKIP_SUCCESS, .fd = AT_FDCWD,
				   .addr = pointer("silent"), .len = 0755 });
	TRY(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0));
	while (stat("silent", &st) < 0)
		usleep(1000);
	tell("create", "mkdirat", "silent", NULL, 0);
}

static void writes(void)
{
	static const char text[1000];
	int fd = TRY(open("written", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	struct line line = say("written");
	char path[8300];

	for (int i = 0; i < 3; i++)
		act((struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = pointer(text),
					   .len = sizeof(text), .off = (uint64_t)-1 });
	close(fd);
	snprintf(path, sizeof(path), "%s/written", base);
	say_word(&line, "how", "io_uring");
	say_number(&line, "pid", getpid());
	say_number(&line, "ppid", getppid());
	say_bytes(&line, "path", path);
	say_number(&line, "bytes", 3 * sizeof(text));
	say_number(&line, "count", 3);
	say_done(&line);
}

static void tell_ends(const char *action, int fd)
{
	struct sockaddr_in local = { 0 }, remote = { 0 };
	socklen_t size = sizeof(local);
	struct line line = say("address");

	TRY(getsockname(fd, (struct sockaddr *)&local, &size));
	TRY(getpeername(fd, (struct sockaddr *)&remote, &size));
	say_word(&line, "how", "io_uring");
	say_word(&line, "action", action);
	say_number(&line, "pid", getpid());
	say_number(&line, "ppid", getppid());
	say_word(&line, "local_ip", "127.0.0.1");
	say_number(&line, "local_port", ntohs(local.sin_port));
	say_word(&line, "remote_ip", "127.0.0.1");
	say_number(&line, "remote_port", ntohs(remote.sin_port));
	say_done(&line);
}

static void connects(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int server = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	socklen_t size = sizeof(to);
	int peer;

	TRY(bind(server, (struct sockaddr *)&to, size));
	TRY(listen(server, 1));
	TRY(getsockname(server, (struct sockaddr *)&to, &size));
	act((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = client, .addr = pointer(&to), .off = size });
	tell_ends("connect", client);
	peer = act((struct io_uring_sqe){ .opcode = IORING_OP_ACCEPT, .fd = server, .accept_flags = SOCK_CLOEXEC });
	tell_ends("accept", peer);
	close(client);
	close(peer);
	close(server);
}

static void ask_silently(struct io_uring_sqe sqe)
{
	sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
	ask(sqe);
	TRY(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0));
}

static void unseen(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int server = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), fd, next;
	socklen_t size = sizeof(to);
	struct stat st = { 0 };

	ask_silently((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = pointer("unseen"), .len = 0644,
					    .open_flags = O_CREAT | O_WRONLY | O_CLOEXEC });
	while ((fd = open("unseen", O_RDWR | O_CLOEXEC)) < 0)
		usleep(1000);
	next = TRY(dup(fd));
	close(next);
	ask_silently((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = pointer("unseen"), .open_flags = O_WRONLY | O_CLOEXEC });
	while (fcntl(next, F_GETFD) < 0)
		usleep(1000);
	ask_silently((struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = pointer("text"), .len = 4 });
	while (st.st_size != 4)
		TRY(fstat(fd, &st));
	TRY(bind(server, (struct sockaddr *)&to, size));
	TRY(listen(server, 1));
	TRY(getsockname(server, (struct sockaddr *)&to, &size));
	ask_silently((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = client, .addr = pointer(&to), .off = size });
	TRY(accept(server, NULL, NULL));
}

int main(int argc, char **argv)
{
	if (argc != 3 || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	umask(022);
	open_ring(strcmp(argv[1], "polled") == 0 ? IORING_SETUP_SQPOLL : 0);
	if (strcmp(argv[1], "opens") == 0) {
		opens("made", "made too", 0);
		opens("made by another", "made by another too", IOSQE_ASYNC);
	} else if (strcmp(argv[1], "names") == 0) {
		by_calls = true;
		names("call");
		by_calls = false;
		names("ring");
	} else if (strcmp(argv[1], "many") == 0) {
		many();
	} else if (strcmp(argv[1], "silent") == 0) {
		silent();
	} else if (strcmp(argv[1], "unseen") == 0) {
		unseen();
	} else if (strcmp(argv[1], "polled") == 0) {
		opens("made", "made too", 0);
		flags_of_all = IOSQE_ASYNC;
		names("ring");
	} else if (strcmp(argv[1], "writes") == 0) {
		writes();
	} else if (strcmp(argv[1], "connects") == 0) {
		connects();
	} else {
		return 2;
	}
	return 0;
}
