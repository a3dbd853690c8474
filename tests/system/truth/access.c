/* Reaches into another process, opens disks past their files, makes files of memory, and says of each act that a recorder must
 * report {"what":"access", "how", "pid", "target", "call", "changes"}, {"what":"raw", "how", "pid", "path", "device", "flags"},
 * {"what":"memfd", "pid", "path", "inode", "flags"}.  Much that is only alike is done besides.
 *
 *	access all DIR		in the empty folder DIR, with the block device 7:0 (loop0); keeps its descriptors until its input ends
 *	access many N		reads from another process N times: {"what":"many", "pid", "target", "count"} */

#include <linux/openat2.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "truth.h"

static char word[8] = "victim";
static pid_t victim;

static void start_victim(void)
{
	victim = TRY(fork());
	if (victim == 0) {
		close(STDOUT_FILENO);
		for (;;)
			pause();
	}
}

static void end_victim(void)
{
	TRY(kill(victim, SIGKILL));
	TRY(waitpid(victim, NULL, 0));
}

/* `mark`: what of it a source may not see. */
static void tell_access(const char *how, const char *call, const char *const *changes, const char *mark)
{
	struct line line = say("access");

	say_word(&line, "how", how);
	say_number(&line, "pid", getpid());
	say_number(&line, "target", victim);
	say_word(&line, "call", call);
	say_list(&line, "changes", changes);
	if (mark)
		say_word(&line, "mark", mark);
	say_done(&line);
}

static const char *const reads[] = { "read memory", NULL }, *const writes[] = { "write memory", NULL },
			 *const both[] = { "read memory", "write memory", NULL };

static void calls(void)
{
	static const char *const takes[] = { "take descriptor", NULL };
	char copy[sizeof(word)];
	struct iovec here = { copy, sizeof(copy) }, there = { word, sizeof(word) };
	int pidfd, own;

	TRY(syscall(SYS_process_vm_readv, victim, &here, 1, &there, 1, 0));
	tell_access("process_vm_readv", "process_vm_readv", reads, NULL);
	TRY(syscall(SYS_process_vm_writev, victim, &here, 1, &there, 1, 0));
	tell_access("process_vm_writev", "process_vm_writev", writes, NULL);
	TRY(syscall(SYS_process_vm_readv, getpid(), &here, 1, &there, 1, 0));
	TRY(syscall(SYS_process_vm_writev, getpid(), &here, 1, &there, 1, 0));
	if (syscall(SYS_process_vm_readv, 1 << 30, &here, 1, &there, 1, 0) >= 0)
		die("process_vm_readv of nobody");
	pidfd = (int)TRY(syscall(SYS_pidfd_open, victim, 0));
	TRY(syscall(SYS_pidfd_getfd, pidfd, STDERR_FILENO, 0));
	tell_access("pidfd_getfd", "pidfd_getfd", takes, "no target");
	if (syscall(SYS_pidfd_getfd, pidfd, 1 << 20, 0) >= 0)
		die("pidfd_getfd of nothing");
	own = (int)TRY(syscall(SYS_pidfd_open, getpid(), 0));
	TRY(syscall(SYS_pidfd_getfd, own, STDERR_FILENO, 0));
	tell_access("its own", "pidfd_getfd", takes, "only audit");	/* which cannot tell whose it is */
	close(own);
	close(pidfd);
}

static void open_one(const char *path, int flags)
{
	close((int)TRY(syscall(SYS_openat, AT_FDCWD, path, flags)));
}

static void memory(void)
{
	struct open_how how = { .flags = O_RDWR };
	char path[64];
	int folder;

	snprintf(path, sizeof(path), "/proc/%d/mem", victim);
	open_one(path, O_RDONLY);
	tell_access("for reading", "openat", reads, "reads");
	open_one(path, O_RDWR);
	tell_access("for both", "openat", both, NULL);
	close((int)TRY(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how))));
	tell_access("openat2", "openat2", both, NULL);
	open_one(path, O_PATH);
	TRY(symlink(path, "link"));
	open_one("link", O_WRONLY);
	tell_access("by a link", "openat", writes, "unnamed");
	snprintf(path, sizeof(path), "/proc/%d", victim);
	folder = TRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	close((int)TRY(syscall(SYS_openat, folder, "mem", O_RDWR)));
	tell_access("by a folder", "openat", both, "unnamed");
	close(folder);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/mem", victim, victim);
	open_one(path, O_WRONLY);
	tell_access("of a thread", "openat", writes, NULL);

	open_one("/proc/self/mem", O_RDWR);
	open_one("/proc/thread-self/mem", O_RDWR);
	snprintf(path, sizeof(path), "/proc/%d/mem", getpid());
	open_one(path, O_RDWR);
	snprintf(path, sizeof(path), "/proc/%d/maps", victim);
	open_one(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", victim);
	open_one(path, O_WRONLY);
	TRY(mkdir("proc", 0755));
	close(TRY(open("proc/mem", O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
}

static void tell_raw(const char *how, const char *path, const char *flags)
{
	struct line line = say("raw");

	say_word(&line, "how", how);
	say_number(&line, "pid", getpid());
	say_bytes(&line, "path", path);
	say_word(&line, "device", "7:0");
	say_word(&line, "flags", flags);
	say_done(&line);
}

static void raw(const char *base)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK };
	char path[5000];

	snprintf(path, sizeof(path), "%s/disk", base);
	TRY(mknod(path, S_IFBLK | 0600, makedev(7, 0)));
	open_one(path, O_RDONLY);
	tell_raw("for reading", path, "O_RDONLY");
	open_one("disk", O_RDWR);
	tell_raw("relative", path, "O_RDWR");
	close((int)TRY(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how))));
	tell_raw("openat2", path, "O_RDONLY|O_NONBLOCK");
	open_one(path, O_PATH);
	open_one("/dev/null", O_RDWR);
	open_one("/dev/zero", O_RDONLY);
	open_one(base, O_RDONLY);
	close(TRY(open("kcore", O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
}

static void tell_memfd(int fd, const char *path, const char *flags)
{
	struct line line = say("memfd");
	struct stat st;

	TRY(fstat(fd, &st));
	say_number(&line, "pid", getpid());
	say_bytes(&line, "path", path);
	say_number(&line, "inode", (int64_t)st.st_ino);
	if (flags)
		say_word(&line, "flags", flags);
	say_done(&line);
}

/* Their descriptors stay open. */
static void memfds(void)
{
	int fd = TRY(memfd_create("a name", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	tell_memfd(fd, "/memfd:a name", "MFD_CLOEXEC|MFD_ALLOW_SEALING");
	fd = TRY(memfd_create("", 0));
	tell_memfd(fd, "/memfd:", NULL);
	fd = (int)syscall(SYS_memfd_secret, 0);
	if (fd >= 0)
		tell_memfd(fd, "/secretmem", NULL);
	else if (errno != ENOSYS)
		die("memfd_secret");
}

static void many(int n)
{
	char copy[sizeof(word)];
	struct iovec here = { copy, sizeof(copy) }, there = { word, sizeof(word) };
	struct line line = say("many");

	for (int i = 0; i < n; i++)
		TRY(syscall(SYS_process_vm_readv, victim, &here, 1, &there, 1, 0));
	say_number(&line, "pid", getpid());
	say_number(&line, "target", victim);
	say_number(&line, "count", n);
	say_done(&line);
}

int main(int argc, char **argv)
{
	static char base[4096];

	if (argc != 3)
		return 2;
	start_victim();
	if (strcmp(argv[1], "many") == 0) {
		many(atoi(argv[2]));
		end_victim();
		return 0;
	}
	if (strcmp(argv[1], "all") != 0 || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	calls();
	memory();
	raw(base);
	memfds();
	TRY(close(STDOUT_FILENO));	/* all is said */
	wait_for_end_of_input();
	end_victim();
	return 0;
}
