/* Does to files by an io_uring, with no system call of the act itself, and says so as `files` does.
 *
 *	ring opens DIR		makes and opens files in the empty folder DIR; in this thread, then in another
 *	ring names DIR		makes, renames, links and removes names there
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

static void open_ring(void)
{
	struct io_uring_params params = { 0 };
	char *sq, *cq;

	ring = (int)TRY(syscall(SYS_io_uring_setup, 4, &params));
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

/* One act, and what came of it. */
static int act(struct io_uring_sqe sqe)
{
	unsigned tail = *sq_tail, at = tail & *sq_mask, head;
	int result;

	sqes[at] = sqe;
	sqes[at].flags |= flags_of_all;
	sq_array[at] = at;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
	TRY(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	head = *cq_head;
	if (head == __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE))
		die("no completion");
	result = cqes[head & *cq_mask].res;
	__atomic_store_n(cq_head, head + 1, __ATOMIC_RELEASE);
	if (result < 0) {
		errno = -result;
		die("act");
	}
	return result;
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

static void names(void)
{
	tell("create", "O_CREAT", "made", NULL, open_it("made", O_CREAT | O_WRONLY));
	act((struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .addr = pointer("made"),
				   .len = (unsigned)AT_FDCWD, .off = pointer("moved") });
	tell("rename", "renameat", "made", "moved", 0);
	act((struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = pointer("folder"),
				   .len = 0755 });
	tell("create", "mkdirat", "folder", NULL, 0);
	act((struct io_uring_sqe){ .opcode = IORING_OP_LINKAT, .fd = AT_FDCWD, .addr = pointer("moved"),
				   .len = (unsigned)AT_FDCWD, .off = pointer("linked") });
	tell("link", "linkat", "moved", "linked", 0);
	act((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = pointer("linked") });
	tell("delete", "unlinkat", "linked", NULL, 0);
	act((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = pointer("folder"),
				   .unlink_flags = AT_REMOVEDIR });
	tell("delete", "unlinkat of a folder", "folder", NULL, 0);
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

int main(int argc, char **argv)
{
	if (argc != 3 || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	umask(022);
	open_ring();
	if (strcmp(argv[1], "opens") == 0) {
		opens("made", "made too", 0);
		opens("made by another", "made by another too", IOSQE_ASYNC);
	} else if (strcmp(argv[1], "names") == 0) {
		names();
	} else if (strcmp(argv[1], "writes") == 0) {
		writes();
	} else if (strcmp(argv[1], "connects") == 0) {
		connects();
	} else {
		return 2;
	}
	return 0;
}
