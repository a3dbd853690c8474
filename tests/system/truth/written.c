/* Writes to files and says of each open file what was written to it: {"what":"written", "how", "pid", "ppid", "path",
 * "bytes", "count" (of calls that wrote something)}.  What is not said was not written to a file.
 *
 *	written all DIR		every call that writes, and every way that a descriptor goes, in the empty folder DIR
 *	written ends DIR	children that end, or begin a program, without closing
 *	written descriptors DIR	descriptors that go while others of the same open file stay
 *	written many DIR N	N open files, of which a child closes half in one call, then ends
 *	written unseen DIR N	N files, closed by processes of another pid that share the descriptors
 *	written failing DIR	begins a program that is not there between two writes
 *	written busy DIR	two threads at once to one open file, for 2.5 s
 *	written reused DIR	children that begin a program without closing; it reads the file `read`
 *	written shared DIR	two processes and one file; two processes and one open file
 *	written slow DIR	for 3.5 s without closing: says "max_step" too, the longest between two writes in ns
 *	written open DIR	waits for the end of its input with the file open, as a child does that wrote to it too
 *	written open DIR N	the same with N files more
 *	written threads DIR N	two threads at once, each 100 times, to each of N open files
 *	written raced DIR N	a thread writes to a descriptor that another one makes N files in turn: what to all of them is one line */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "truth.h"

static char base[4096];
static char block[100000];

static struct line said(const char *how, pid_t pid, pid_t ppid, const char *name, uint64_t bytes, unsigned count)
{
	struct line line = say("written");
	char path[8192];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	say_word(&line, "how", how);
	say_number(&line, "pid", pid);
	say_number(&line, "ppid", ppid);
	say_bytes(&line, "path", path);
	say_number(&line, "bytes", (int64_t)bytes);
	say_number(&line, "count", count);
	return line;
}

static void tell(const char *how, const char *name, uint64_t bytes, unsigned count)
{
	struct line line = said(how, getpid(), getppid(), name, bytes, count);

	say_done(&line);
}

static void tell_of(const char *how, pid_t child, const char *name, uint64_t bytes, unsigned count)
{
	struct line line = said(how, child, getpid(), name, bytes, count);

	say_done(&line);
}

static int make(const char *name, int flags)
{
	return TRY(open(name, O_CREAT | O_CLOEXEC | flags, 0644));
}

static void put(int fd, size_t size)
{
	if (TRY(write(fd, block, size)) != (ssize_t)size)
		die("short write");
}

static void calls(void)
{
	struct iovec pieces[2] = { { block, 10 }, { block + 10, 5000 } };
	int from, fd, ends[2];
	loff_t at = 0;

	fd = make("write", O_WRONLY);
	put(fd, 1);
	put(fd, 1000);
	put(fd, sizeof(block));
	close(fd);
	tell("write", "write", 1001 + sizeof(block), 3);

	fd = make("pwrite", O_RDWR);
	TRY(pwrite(fd, block, 300, 1 << 20));
	TRY(pwrite(fd, block, 7, 0));
	close(fd);
	tell("pwrite", "pwrite", 307, 2);

	fd = make("vectors", O_WRONLY);
	TRY(writev(fd, pieces, 2));
	TRY(pwritev(fd, pieces, 2, 100));
	TRY(pwritev2(fd, pieces, 2, 200, 0));
	close(fd);
	tell("writev, pwritev, pwritev2", "vectors", 3 * 5010, 3);

	from = TRY(open("write", O_RDONLY | O_CLOEXEC));
	fd = make("sendfile", O_WRONLY);
	TRY(sendfile(fd, from, NULL, 40000));
	close(fd);
	tell("sendfile", "sendfile", 40000, 1);

	fd = make("copied", O_WRONLY);
	TRY(copy_file_range(from, &at, fd, NULL, 50000, 0));
	close(fd);
	close(from);
	tell("copy_file_range", "copied", 50000, 1);

	TRY(pipe2(ends, O_CLOEXEC));
	TRY(write(ends[1], block, 3000));
	fd = make("spliced", O_WRONLY);
	TRY(splice(ends[0], NULL, fd, NULL, 3000, 0));
	close(fd);
	close(ends[0]);
	close(ends[1]);
	tell("splice from a pipe", "spliced", 3000, 1);
}

static void descriptors(void)
{
	int fd, other;

	fd = make("dup", O_WRONLY);
	other = TRY(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	put(fd, 10);
	put(other, 20);
	close(other);
	close(fd);
	tell("by two descriptors", "dup", 30, 2);

	fd = make("under", O_WRONLY);
	put(fd, 11);
	other = make("over", O_WRONLY);
	TRY(dup2(other, fd));
	tell("closed by dup2", "under", 11, 1);
	close(other);
	put(fd, 22);
	put(fd, 23);
	close(fd);
	tell("by a descriptor of dup2", "over", 45, 2);

	fd = make("under3", O_WRONLY);
	put(fd, 12);
	other = make("over3", O_WRONLY);
	TRY(dup3(other, fd, O_CLOEXEC));
	tell("closed by dup3", "under3", 12, 1);
	put(other, 13);
	close(other);
	close(fd);
	tell("before dup3 and after", "over3", 13, 1);

	fd = make("range", O_WRONLY);
	put(fd, 14);
	TRY(syscall(SYS_close_range, fd, fd, 0));
	tell("close_range", "range", 14, 1);
}

/* One event each: a descriptor is left when another goes. */
static void stay(void)
{
	int fd, other, more[3];

	fd = make("one of two", O_WRONLY);
	other = TRY(dup(fd));
	put(fd, 1);
	close(fd);
	put(other, 2);
	close(other);
	tell("one of two closed between", "one of two", 3, 2);

	fd = make("itself", O_WRONLY);
	put(fd, 1);
	TRY(dup2(fd, fd));
	if (dup2(9999, fd) >= 0 || dup3(fd, fd, 0) >= 0)
		die("dup");
	put(fd, 3);
	other = TRY(dup(fd));
	TRY(dup2(fd, other));
	put(other, 4);
	close(fd);
	close(other);
	tell("dup2 of itself, of none, of its own", "itself", 8, 3);

	fd = make("not now", O_WRONLY);
	put(fd, 1);
	TRY(syscall(SYS_close_range, fd, fd, CLOSE_RANGE_CLOEXEC));
	put(fd, 4);
	close(fd);
	tell("close_range, not now", "not now", 5, 2);

	fd = make("partly", O_WRONLY);
	other = TRY(fcntl(fd, F_DUPFD_CLOEXEC, 300));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		char name[16];

		snprintf(name, sizeof(name), "with %zu", i);
		put(more[i] = make(name, O_WRONLY), 10 + i);
		tell("close_range of some", name, 10 + i, 1);
	}
	put(fd, 1);
	TRY(syscall(SYS_close_range, fd, more[2], 0));
	put(other, 5);
	TRY(syscall(SYS_close_range, other, ~0u, CLOSE_RANGE_UNSHARE));
	tell("close_range, but of one", "partly", 6, 2);
}

static void names(void)
{
	char text[64];
	int fd;

	fd = make("before", O_WRONLY | O_APPEND);
	put(fd, 15);
	TRY(rename("before", "after"));
	put(fd, 16);
	close(fd);
	tell("renamed meanwhile", "after", 31, 2);

	/* As it was called when it was written to. */
	fd = make("first", O_WRONLY);
	put(fd, 14);
	TRY(rename("first", "second"));
	close(fd);
	tell("renamed at last", "first", 14, 1);

	TRY(mkdir("folder", 0700));
	fd = make("folder/in", O_WRONLY);
	put(fd, 14);
	TRY(rename("folder", "other"));
	put(fd, 15);
	close(fd);
	tell("in a folder that is renamed", "other/in", 29, 2);

	fd = make("mode", O_WRONLY);
	put(fd, 14);
	TRY(fchmod(fd, 04755));
	put(fd, 15);
	close(fd);
	tell("of another mode meanwhile", "mode", 29, 2);

	fd = make("unlinked", O_WRONLY);
	TRY(unlink("unlinked"));
	put(fd, 17);
	close(fd);
	tell("unlinked", "unlinked", 17, 1);

	TRY(mkdir("gone", 0700));
	fd = make("gone/odd \xff\n", O_WRONLY);
	put(fd, 18);
	close(fd);
	tell("odd name", "gone/odd \xff\n", 18, 1);

	fd = TRY(open("write", O_WRONLY | O_CLOEXEC | O_TRUNC));
	put(fd, 19);
	close(fd);
	tell("again", "write", 19, 1);

	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd = make("by proc", O_WRONLY));
	close(fd);
	fd = make("by proc", O_WRONLY);
	close(TRY(open(text, O_WRONLY | O_CLOEXEC)));
	put(fd, 20);
	close(fd);
	tell("opened twice", "by proc", 20, 1);
}

/* Paths of more and less than the programs keep with the count. */
static void lengths(void)
{
	static const unsigned depths[] = { 1, 2, 3, 8, 14 };
	char name[4096] = "";
	unsigned depth = 0;
	int fd;

	for (unsigned i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		for (; depth < depths[i]; depth++) {
			size_t size = strlen(name);

			memset(name + size, 'a' + (int)depth, 60 + depth);
			strcpy(name + size + 60 + depth, "/");
			TRY(mkdir(name, 0700));
		}
		strcat(name, "f");
		fd = make(name, O_WRONLY);
		put(fd, depth);
		close(fd);
		tell("long path", name, depth, 1);
		name[strlen(name) - 1] = 0;
	}
}

/* Calls that wrote less than was asked for, or nothing. */
static void refusals(void)
{
	struct rlimit limit = { 1000, RLIM_INFINITY }, before;
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	TRY(getrlimit(RLIMIT_FSIZE, &before));
	limit.rlim_max = before.rlim_max;
	TRY(setrlimit(RLIMIT_FSIZE, &limit));
	fd = make("limited", O_WRONLY);
	if (write(fd, block, 4096) != 1000 || write(fd, block, 1) >= 0 || errno != EFBIG)
		die("limit");
	close(fd);
	TRY(setrlimit(RLIMIT_FSIZE, &before));
	tell("as far as the limit", "limited", 1000, 1);

	fd = make("nothing", O_WRONLY);
	TRY(write(fd, block, 0));
	close(fd);
	fd = TRY(open("write", O_RDONLY | O_CLOEXEC));
	if (write(fd, block, 1) >= 0 || errno != EBADF)
		die("write for reading");
	close(fd);
}

/* What is no file. */
static void others(void)
{
	char text[4096];
	int ends[2], fd;

	TRY(pipe2(ends, O_CLOEXEC));
	TRY(write(ends[1], block, 100));
	TRY(read(ends[0], text, sizeof(text)));
	close(ends[0]);
	close(ends[1]);
	TRY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	TRY(write(ends[0], block, 100));
	TRY(send(ends[1], block, 100, 0));
	fd = TRY(open("write", O_RDWR | O_CLOEXEC));
	TRY(read(fd, text, sizeof(text)));
	TRY(pread(fd, text, sizeof(text), 0));
	TRY(sendfile(ends[0], fd, &(off_t){ 0 }, 10));
	close(fd);
	close(ends[0]);
	close(ends[1]);
	fd = TRY(open("/dev/null", O_WRONLY | O_CLOEXEC));
	put(fd, 100);
	close(fd);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

static void *write_some(void *fd)
{
	put(*(int *)fd, 40);
	return NULL;
}

static void *write_and_stay(void *fd)
{
	put(*(int *)fd, 41);
	syscall(SYS_exit_group, 0);
	return NULL;
}

/* By a process of another pid, which shares the descriptors. */
static void close_unseen(unsigned first, unsigned last)
{
	pid_t pid = (pid_t)TRY(syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL));

	if (pid == 0)
		_exit(syscall(SYS_close_range, first, last, 0) < 0);
	if (wait_for(pid) != 0)
		die("close_range");
}

enum end { EXIT, KILL, EXEC, HIGH, UNSEEN, UNSEEN_EXEC, THREAD_BEFORE, THREAD_ENDS, N_ENDS };

static _Noreturn void end(enum end how, int fd)
{
	pthread_t thread;

	switch (how) {
	case EXIT:
	case KILL:
	case EXEC:
		put(fd, 30);
		put(fd, 31);
		if (how == KILL)
			kill(getpid(), SIGKILL);
		if (how == EXEC)
			execl("/bin/true", "true", NULL);
		break;
	case HIGH:
		TRY(dup2(fd, 700));
		close(fd);
		put(700, 32);
		break;
	case UNSEEN:
	case UNSEEN_EXEC:
		put(fd, 33);
		close_unseen((unsigned)fd, (unsigned)fd);
		if (how == UNSEEN_EXEC)
			execl("/bin/true", "true", NULL);
		break;
	case THREAD_BEFORE:
		if (pthread_create(&thread, NULL, write_some, &fd) != 0 || pthread_join(thread, NULL) != 0)
			die("thread");
		break;
	default:
		if (pthread_create(&thread, NULL, write_and_stay, &fd) != 0)
			die("thread");
		for (;;)
			pause();
	}
	_exit(0);
}

static void ends(void)
{
	static const struct {
		const char *name;
		uint64_t bytes;
		unsigned count;
	} of[N_ENDS] = {
		[EXIT] = { "exit", 61, 2 }, [KILL] = { "kill", 61, 2 }, [EXEC] = { "exec", 61, 2 },
		[HIGH] = { "fd 700", 32, 1 }, [UNSEEN] = { "unseen, exit", 33, 1 }, [UNSEEN_EXEC] = { "unseen, exec", 33, 1 },
		[THREAD_BEFORE] = { "thread", 40, 1 },
		[THREAD_ENDS] = { "thread ends all", 41, 1 },
	};

	for (enum end how = 0; how < N_ENDS; how++) {
		pid_t pid = TRY(fork());

		if (pid == 0)
			end(how, make(of[how].name, O_WRONLY));
		wait_for(pid);
		tell_of(of[how].name, pid, of[how].name, of[how].bytes, of[how].count);
	}
}

/* The kernel closes what was written to when a program begins; what the program opens lies in the memory that is free then. */
static void reused(const char *self)
{
	char name[32];

	close(make("read", O_WRONLY));
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid;

		snprintf(name, sizeof(name), "reused%u", i);
		pid = TRY(fork());
		if (pid == 0) {
			put(make(name, O_WRONLY), 30);
			execl(self, "written", "read", base, NULL);
			_exit(127);
		}
		if (wait_for(pid) != 0)
			die("child");
		tell_of("exec", pid, name, 30, 1);
	}
}

static void read_only(void)
{
	int fds[64];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = TRY(open("read", O_RDONLY | O_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* Both ways between two processes: one lets the other go on and waits until it may itself. */
struct turns {
	int parent[2], child[2];
};

static void pass(int to, int from)
{
	char c = 0;

	TRY(write(to, &c, 1));
	if (TRY(read(from, &c, 1)) != 1)
		die("the other process is gone");
}

static void two_opens(void)
{
	struct turns turns;
	pid_t pid;

	TRY(pipe2(turns.parent, O_CLOEXEC));
	TRY(pipe2(turns.child, O_CLOEXEC));
	pid = TRY(fork());
	for (int i = 0, fd = make("two opens", O_WRONLY | O_APPEND); i < 5; i++) {
		put(fd, pid ? 100 : 1);
		if (pid)
			pass(turns.child[1], turns.parent[0]);
		else
			pass(turns.parent[1], turns.child[0]);
		if (i == 4)
			close(fd);
	}
	if (pid == 0)
		_exit(0);
	wait_for(pid);
	tell("two processes, each its open file", "two opens", 500, 5);
	tell_of("two processes, each its open file", pid, "two opens", 5, 5);
}

/* The child ends while the parent has more to write. */
static void one_open(void)
{
	int fd = make("one open", O_WRONLY);
	pid_t pid;

	put(fd, 100);
	pid = TRY(fork());
	if (pid == 0) {
		put(fd, 1);
		put(fd, 2);
		_exit(0);
	}
	wait_for(pid);
	put(fd, 200);
	close(fd);
	tell("two processes, one open file", "one open", 300, 2);
	tell_of("two processes, one open file", pid, "one open", 3, 2);
}

/* The child has nothing to do with it but closes what it inherited; it may have written to another file. */
static void inherited(const char *how, const char *name, const char *other)
{
	int fd = make(name, O_WRONLY);
	pid_t pid;

	put(fd, 100);
	pid = TRY(fork());
	if (pid == 0) {
		int own = other ? make(other, O_WRONLY) : -1;

		if (own >= 0)
			put(own, 5);
		close(fd);
		_exit(0);
	}
	wait_for(pid);
	put(fd, 200);
	close(fd);
	tell(how, name, 300, 2);
	if (other)
		tell_of(how, pid, other, 5, 1);
}

/* The writer ends, the one that opened it goes on. */
static void handed(void)
{
	int fd = make("handed", O_WRONLY);
	pid_t pid = TRY(fork());

	if (pid == 0) {
		put(fd, 70);
		put(fd, 71);
		_exit(0);
	}
	wait_for(pid);
	close(fd);
	tell_of("opened by another", pid, "handed", 141, 2);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	TRY(clock_gettime(CLOCK_MONOTONIC, &now));
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The program that is begun goes on with what it got: the events are two, of two programs. */
static void inherited_at_exec(const char *self)
{
	char number[16];
	pid_t pid = TRY(fork());

	if (pid == 0) {
		int fd = make("through exec", O_WRONLY);

		put(fd, 6);
		snprintf(number, sizeof(number), "%d", TRY(dup(fd)));
		execl(self, "written", "go on", base, number, NULL);
		_exit(127);
	}
	if (wait_for(pid) != 0)
		die("child");
	tell_of("by one program", pid, "through exec", 6, 1);
	tell_of("by the next", pid, "through exec", 7, 1);
}

static void failing(void)
{
	int fd = make("failing", O_WRONLY);

	put(fd, 8);
	if (execl("none", "none", NULL) == 0)
		die("exec");
	put(fd, 9);
	close(fd);
	tell("exec that failed", "failing", 17, 2);
}

static int make_numbered(char *name, unsigned i)
{
	sprintf(name, "many%u", i);
	return make(name, O_WRONLY);
}

static void raise_limit(unsigned n)
{
	struct rlimit limit = { n + 100, n + 100 };

	TRY(setrlimit(RLIMIT_NOFILE, &limit));
}

static void many(unsigned n)
{
	char name[32];
	pid_t pid;

	raise_limit(n);
	pid = TRY(fork());
	if (pid == 0) {
		int last = 0;

		for (unsigned i = 0; i < n; i++)
			put(last = make_numbered(name, i), 1 + i);
		TRY(syscall(SYS_close_range, 3 + n / 2, last, 0));
		_exit(0);
	}
	wait_for(pid);
	for (unsigned i = 0; i < n; i++) {
		sprintf(name, "many%u", i);
		tell_of("many", pid, name, 1 + i, 1);
	}
}

#define AT_ONCE 200

static void unseen(unsigned n)
{
	char name[32];

	for (unsigned i = 0; i < n; i += AT_ONCE) {
		int first = 0, last = 0;

		for (unsigned k = i; k < i + AT_ONCE && k < n; k++) {
			put(last = make_numbered(name, k), 1);
			first = first ? first : last;
		}
		close_unseen((unsigned)first, (unsigned)last);
	}
	for (unsigned i = 0; i < n; i++) {
		sprintf(name, "many%u", i);
		tell("closed by another process", name, 1, 1);
	}
}

static void hold_open(unsigned n)
{
	int fd = make("open", O_WRONLY), ends[2];
	char name[32];
	pid_t pid;

	raise_limit(n);
	TRY(pipe2(ends, O_CLOEXEC));
	put(fd, 123);
	TRY(dup(fd));
	pid = TRY(fork());
	if (pid == 0) {
		put(fd, 7);
		put(fd, 8);
	} else {
		for (unsigned i = 0; i < n; i++) {
			put(make_numbered(name, i), 1 + i);
			tell("never closed", name, 1 + i, 1);
		}
		tell("never closed", "open", 123, 1);
		tell_of("never closed, by a child", pid, "open", 15, 2);
	}
	close(ends[1]);
	/* The child has written when its end of the pipe is gone. */
	if (pid != 0 && TRY(read(ends[0], name, 1)) != 0)
		die("read");
	TRY(close(STDOUT_FILENO));
	wait_for_end_of_input();
	if (pid != 0)
		wait_for(pid);
}

static void slow(void)
{
	int fd = make("slow", O_WRONLY);
	uint64_t begin = now_ns(), last = begin, max = 0;
	struct line line;
	unsigned count = 0;

	while (last - begin < 3500000000) {
		uint64_t now;

		put(fd, 10);
		count++;
		now = now_ns();
		if (now - last > max)
			max = now - last;
		last = now;
		usleep(20000);
	}
	close(fd);
	line = said("for seconds", getpid(), getppid(), "slow", 10 * count, count);
	say_number(&line, "max_step", (int64_t)max);
	say_done(&line);
}

static uint64_t busy_until_ns;

/* Returns how often. */
static void *write_until(void *fd)
{
	uintptr_t n = 0;

	for (; now_ns() < busy_until_ns; n++)
		put(*(int *)fd, 1);
	return (void *)n;
}

static void busy(void)
{
	int fd = make("busy", O_WRONLY | O_APPEND);
	uintptr_t n, other;
	pthread_t thread;
	void *ret;

	busy_until_ns = now_ns() + 2500000000;
	if (pthread_create(&thread, NULL, write_until, &fd) != 0)
		die("thread");
	n = (uintptr_t)write_until(&fd);
	pthread_join(thread, &ret);
	other = (uintptr_t)ret;
	close(fd);
	tell("busy", "busy", n + other, (unsigned)(n + other));
}

static pthread_barrier_t barrier;
static int *files;
static unsigned n_files;

static void *write_all(void *unused)
{
	for (unsigned i = 0; i < n_files; i++) {
		pthread_barrier_wait(&barrier);
		for (unsigned k = 0; k < 100; k++)
			put(files[i], 1);
	}
	return NULL;
}

static void threads(unsigned n)
{
	pthread_t thread;
	char name[32];

	n_files = n;
	files = calloc(n, sizeof(*files));
	pthread_barrier_init(&barrier, NULL, 2);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "threads%u", i);
		files[i] = make(name, O_WRONLY);
	}
	if (pthread_create(&thread, NULL, write_all, NULL) != 0)
		die("thread");
	write_all(NULL);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "threads%u", i);
		close(files[i]);
		tell("two threads", name, 200, 200);
	}
}

static atomic_bool is_raced;

static void *write_on(void *fd)
{
	uintptr_t n = 0;

	for (; !is_raced; n++)
		put(*(int *)fd, 1);
	return (void *)n;
}

static void raced(unsigned n)
{
	int fd = make("raced", O_WRONLY);
	pthread_t thread;
	char name[32];
	void *written;

	if (pthread_create(&thread, NULL, write_on, &fd) != 0)
		die("thread");
	for (unsigned i = 0; i < n; i++) {
		int next;

		snprintf(name, sizeof(name), "raced%u", i);
		next = make(name, O_WRONLY);
		TRY(dup2(next, fd));
		close(next);
		usleep(50);
	}
	is_raced = true;
	pthread_join(thread, &written);
	close(fd);
	tell("raced", "raced", (uintptr_t)written, (unsigned)(uintptr_t)written);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";

	if (argc < 3 || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	umask(022);
	if (strcmp(mode, "all") == 0) {
		calls();
		descriptors();
		names();
		lengths();
		refusals();
		others();
	} else if (strcmp(mode, "ends") == 0) {
		ends();
	} else if (strcmp(mode, "reused") == 0) {
		reused("/proc/self/exe");
	} else if (strcmp(mode, "read") == 0) {
		read_only();
	} else if (strcmp(mode, "shared") == 0) {
		two_opens();
		one_open();
		inherited("closed by a child that did not write", "inherited", NULL);
		inherited("closed by a child that wrote elsewhere", "inherited too", "elsewhere");
		handed();
	} else if (strcmp(mode, "descriptors") == 0) {
		stay();
		inherited_at_exec("/proc/self/exe");
	} else if (strcmp(mode, "go on") == 0 && argc == 4) {
		put(atoi(argv[3]), 7);
	} else if (strcmp(mode, "failing") == 0) {
		failing();
	} else if (strcmp(mode, "many") == 0 && argc == 4) {
		many((unsigned)atoi(argv[3]));
	} else if (strcmp(mode, "unseen") == 0 && argc == 4) {
		unseen((unsigned)atoi(argv[3]));
	} else if (strcmp(mode, "busy") == 0) {
		busy();
	} else if (strcmp(mode, "slow") == 0) {
		slow();
	} else if (strcmp(mode, "open") == 0) {
		hold_open(argc == 4 ? (unsigned)atoi(argv[3]) : 0);
	} else if (strcmp(mode, "raced") == 0 && argc == 4) {
		raced((unsigned)atoi(argv[3]));
	} else if (strcmp(mode, "threads") == 0 && argc == 4) {
		threads((unsigned)atoi(argv[3]));
	} else {
		return 2;
	}
	return 0;
}
