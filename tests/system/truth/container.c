/* Does what processes do in containers, as user 65534 of the host in new user, pid, mount and net namespaces, and says of
 * it what the host sees: {"what":"process", ...} as `spawn`, with "cwd" if it began a program, {"what":"file", ...} as
 * `files`, {"what":"connection", "pid", "port"}, {"what":"signal", "pid", "target", "signal"}.
 *
 *	container all DIR TINY N	in the empty folder DIR that everybody may write to; N processes at once
 *	container held DIR TINY 0	files alone; all stay where they are until stdin ends */

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "truth.h"

#define INSIDE 65534			/* the user that the root of the container is */

static char base[4096];
static pid_t me;			/* as the host numbers it */
static int own_proc = -1;		/* /proc of the host, also where it cannot be named any more */
static int outside = -1;		/* `over` of the host */
static bool is_held;

static pid_t host_pid(void)
{
	char text[32];
	ssize_t n = TRY(readlinkat(own_proc, "self", text, sizeof(text) - 1));

	text[n] = 0;
	return atoi(text);
}

/* inside: what it is called here, if that is not what the host calls it; the same: the host does not see it. */
static void tell_both(const char *action, const char *how, const char *path, const char *inside)
{
	struct line line = say("file");

	say_number(&line, "pid", me);
	say_word(&line, "action", action);
	say_word(&line, "how", how);
	say_bytes(&line, "path", path);
	if (inside)
		say_bytes(&line, "inside", inside);
	say_done(&line);
}

static void tell(const char *action, const char *how, const char *folder, const char *name)
{
	char path[8300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	tell_both(action, how, path, NULL);
}

static void tell_hidden(const char *action, const char *how, const char *folder, const char *name)
{
	char path[8300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	tell_both(action, how, path, path);
}

/* In a chroot below `root`. */
static void tell_below(const char *action, const char *how, const char *root, const char *name)
{
	char path[8300];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	tell_both(action, how, path, path + strlen(root));
}

/* `name` is below `bound`, which is the host's `data`. */
static void tell_bound(const char *action, const char *how, const char *name)
{
	char path[8300], inside[8300];

	snprintf(path, sizeof(path), "%s/data/%s", base, name);
	snprintf(inside, sizeof(inside), "%s/bound/%s", base, name);
	tell_both(action, how, path, inside);
}

static const char *below(const char *name)
{
	static char path[8300];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void make(const char *name)
{
	close(TRY(open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644)));
}

static void copy(const char *from, const char *to)
{
	char buffer[65536];
	int in = TRY(open(from, O_RDONLY | O_CLOEXEC));
	int out = TRY(open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755));
	ssize_t n;

	while ((n = TRY(read(in, buffer, sizeof(buffer)))) > 0)
		TRY(write(out, buffer, (size_t)n));
	close(in);
	close(out);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

/* All is said. */
static void hold(void)
{
	char c;

	if (!is_held)
		return;
	close(STDOUT_FILENO);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static void tell_process(const char *how, pid_t pid, pid_t ppid, const char *exe, const char *const *args,
			 const char *cwd, int status)
{
	struct line line = say("process");

	say_word(&line, "how", how);
	say_number(&line, "pid", pid);
	say_number(&line, "ppid", ppid);
	if (exe) {
		say_bytes(&line, "exe", exe);
		say_list(&line, "args", args);
		say_bytes(&line, "cwd", cwd);
	}
	if (WIFSIGNALED(status))
		say_number(&line, "signal", WTERMSIG(status));
	else
		say_number(&line, "exit", WEXITSTATUS(status));
	say_done(&line);
}

/* A child whose number on the host it tells itself. */
static pid_t start(pid_t *ret_host, int gate)
{
	int ends[2];
	pid_t pid;

	TRY(pipe2(ends, O_CLOEXEC));
	pid = TRY(fork());
	if (pid == 0) {
		pid_t own = host_pid();

		if (gate >= 0)
			close(gate);
		TRY(write(ends[1], &own, sizeof(own)));
		return 0;
	}
	close(ends[1]);
	if (TRY(read(ends[0], ret_host, sizeof(*ret_host))) != sizeof(*ret_host))
		die("child");
	close(ends[0]);
	return pid;
}

static void run(const char *how, const char *name, const char *exe, const char *cwd)
{
	const char *args[] = { "tiny", how, NULL }, *environment[] = { NULL };
	pid_t host, pid = start(&host, -1);

	if (pid == 0) {
		execve(name, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)environment);
		_exit(127);
	}
	tell_process(how, host, me, exe, args, cwd, wait_for(pid));
}

static void together(unsigned n, const char *exe)
{
	const char *environment[] = { NULL };
	char number[16];
	const char *args[] = { "tiny", "together in a container", number, NULL };
	pid_t *pids = calloc(n, sizeof(*pids)), *hosts = calloc(n, sizeof(*hosts));
	int gate[2];
	char c;

	TRY(pipe2(gate, O_CLOEXEC));
	for (unsigned i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		pids[i] = start(&hosts[i], gate[1]);
		if (pids[i] > 0)
			continue;
		while (read(gate[0], &c, 1) > 0)
			;
		execve(exe, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)environment);
		_exit(127);
	}
	close(gate[0]);
	close(gate[1]);
	for (unsigned i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		tell_process("together", hosts[i], me, exe, args, base, wait_for(pids[i]));
	}
	free(pids);
	free(hosts);
}

static void connect_inside(void)
{
	int fd = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t size = sizeof(to);
	struct line line;

	TRY(ioctl(fd, SIOCSIFFLAGS, &lo));
	TRY(bind(fd, (struct sockaddr *)&to, size));
	TRY(listen(fd, 1));
	TRY(getsockname(fd, (struct sockaddr *)&to, &size));
	TRY(connect(client, (struct sockaddr *)&to, size));
	close(client);
	close(fd);
	line = say("connection");
	say_number(&line, "pid", me);
	say_number(&line, "port", ntohs(to.sin_port));
	say_done(&line);
}

/* By a number that on the host is another's. */
static void kill_inside(void)
{
	pid_t host, pid = start(&host, -1);
	struct line line;

	if (pid == 0)
		for (;;)
			pause();
	TRY(kill(pid, SIGKILL));
	line = say("signal");
	say_number(&line, "pid", me);
	say_number(&line, "target", host);
	say_number(&line, "signal", SIGKILL);
	say_done(&line);
	tell_process("killed", host, me, NULL, NULL, NULL, wait_for(pid));
}

static void mounts(void)
{
	TRY(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	tell("mount", "private", "", "");
	TRY(mount("data", "bound", NULL, MS_BIND, NULL));
	tell("mount", "bind", base, "bound");
	make("bound/made");
	tell_bound("create", "on a bind mount", "made");
	TRY(rename("bound/made", "bound/moved"));
	tell_bound("rename", "on a bind mount", "made");
	TRY(unlink(below("bound/moved")));
	tell_bound("delete", "on a bind mount", "moved");
	TRY(mount("truth", "fresh", "tmpfs", 0, "mode=777"));
	tell("mount", "tmpfs", base, "fresh");
	make("fresh/made");
	tell_hidden("create", "on a tmpfs", base, "fresh/made");
	TRY(chmod("fresh/made", 0600));
	tell_hidden("chmod", "on a tmpfs", base, "fresh/made");
	TRY(unlink(below("fresh/made")));
	tell_hidden("delete", "on a tmpfs", base, "fresh/made");
	/* Where the host has a link, `over/alias` to `data`, a folder is mounted over it. */
	TRY(mount("truth", "over", "tmpfs", 0, "mode=777"));
	tell("mount", "tmpfs", base, "over");
	TRY(mkdir("over/alias", 0755));
	tell_hidden("create", "where the host has a link", base, "over/alias");
	make("over/alias/made");
	tell_hidden("create", "where the host has a link", base, "over/alias/made");
	TRY(unlink(below("over/alias/made")));
	tell_hidden("delete", "where the host has a link", base, "over/alias/made");
	/* By a descriptor from before: there it is the link. */
	close(TRY(openat(outside, "alias/left", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644)));
	tell("create", "by a descriptor of the host", base, "data/left");
	TRY(unlinkat(outside, "alias/left", 0));
	tell("delete", "by a descriptor of the host", base, "data/left");
}

static void inside_chroot(void)
{
	char root[8300];

	snprintf(root, sizeof(root), "%s/root", base);
	me = host_pid();
	TRY(chroot("root"));
	TRY(chdir("/"));
	make("/made");
	tell_below("create", "chroot", root, "made");
	make("relative");
	tell_below("create", "chroot, relative", root, "relative");
	make("/../../above");
	tell_below("create", "chroot, dots above the root", root, "above");
	TRY(unlink("/made"));
	tell_below("delete", "chroot", root, "made");
	TRY(unlink("relative"));
	tell_below("delete", "chroot, relative", root, "relative");
	TRY(unlink("/../../above"));
	tell_below("delete", "chroot, dots above the root", root, "above");
	/* Of what the host has too. */
	TRY(mkdir("/usr", 0755));
	tell_below("create", "chroot, folder", root, "usr");
	TRY(symlink("/usr", "/link"));
	settle("/link");
	tell_below("symlink", "chroot", root, "link");
	make("/link/through");
	tell_below("create", "chroot, through an absolute link", root, "usr/through");
	TRY(unlink("/link/through"));
	tell_below("delete", "chroot, through an absolute link", root, "usr/through");
	make("link/again");
	tell_below("create", "chroot, relative, through an absolute link", root, "usr/again");
	TRY(unlink("link/again"));
	tell_below("delete", "chroot, relative, through an absolute link", root, "usr/again");
	make("../../above");
	tell_below("create", "chroot, relative, dots above the root", root, "above");
	TRY(unlink("../../above"));
	tell_below("delete", "chroot, relative, dots above the root", root, "above");
	snprintf(root, sizeof(root), "%s/root/tiny", base);
	if (!is_held)
		run("chroot", "/tiny", root, below("root"));
	hold();
	_exit(3);
}

static void inside_pivot(void)
{
	me = host_pid();
	TRY(unshare(CLONE_NEWNS));
	TRY(mount("truth", "new", "tmpfs", 0, "mode=777"));
	tell("mount", "tmpfs", base, "new");
	copy("data/tiny", "new/tiny");
	tell_hidden("create", "copy", base, "new/tiny");
	TRY(mkdir("new/old", 0755));
	tell_hidden("create", "folder", base, "new/old");
	TRY(syscall(SYS_pivot_root, "new", "new/old"));
	TRY(chdir("/"));
	TRY(umount2("/old", MNT_DETACH));
	tell_hidden("unmount", "pivot_root", "", "old");
	make("/made");
	tell_hidden("create", "pivot_root", "", "made");
	TRY(mkdir("/folder", 0755));
	tell_hidden("create", "pivot_root", "", "folder");
	make("folder/made");
	tell_hidden("create", "pivot_root, relative", "", "folder/made");
	TRY(rename("/folder/made", "/folder/moved"));
	tell_hidden("rename", "pivot_root", "", "folder/made");
	TRY(unlink("/made"));
	tell_hidden("delete", "pivot_root", "", "made");
	run("pivot_root", "/tiny", "/tiny", "/");
	_exit(4);
}

static void in_child(const char *how, void (*act)(void))
{
	pid_t host, pid = start(&host, -1);

	if (pid == 0)
		act();
	hold();
	if (!is_held)
		tell_process(how, host, me, NULL, NULL, NULL, wait_for(pid));
}

static _Noreturn void inside(const char *tiny, unsigned n)
{
	me = host_pid();
	TRY(setresgid(0, 0, 0));
	TRY(setresuid(0, 0, 0));
	if (getpid() != 1)
		die("no pid namespace");
	if (is_held) {
		mounts();
		in_child("in a chroot", inside_chroot);
		_exit(0);
	}
	run("program of the host", tiny, tiny, base);
	together(n, tiny);
	connect_inside();
	kill_inside();
	mounts();
	run("on a bind mount", "bound/tiny", below("bound/tiny"), base);
	in_child("in a chroot", inside_chroot);
	in_child("behind pivot_root", inside_pivot);
	_exit(5);
}

static void map(pid_t pid, const char *what)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = TRY(open(path, O_WRONLY | O_CLOEXEC));
	if (dprintf(fd, "0 %d 1", INSIDE) < 0)
		die(path);
	close(fd);
}

int main(int argc, char **argv)
{
	static const char *const folders[] = { "data", "bound", "fresh", "over", "root", "new" };
	char *tiny = argc == 5 ? realpath(argv[3], NULL) : NULL;
	int mapped[2];
	pid_t pid;
	char c;

	is_held = argc == 5 && strcmp(argv[1], "held") == 0;
	if (!tiny || (!is_held && strcmp(argv[1], "all") != 0) || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	umask(0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		TRY(mkdir(folders[i], 0777));
	TRY(symlink("../data", "over/alias"));
	settle("over/alias");
	outside = TRY(open("over", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	copy(tiny, "data/tiny");
	copy(tiny, "root/tiny");
	umask(022);
	own_proc = TRY(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	TRY(pipe2(mapped, O_CLOEXEC));
	pid = (pid_t)TRY(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD, NULL, NULL,
				 NULL, 0));
	if (pid == 0) {
		close(mapped[1]);
		if (read(mapped[0], &c, 1) != 0)
			die("parent");
		inside(tiny, (unsigned)atoi(argv[4]));
	}
	me = getpid();
	map(pid, "uid_map");
	map(pid, "gid_map");
	close(mapped[1]);
	hold();
	if (!is_held)
		tell_process("init", pid, me, NULL, NULL, NULL, wait_for(pid));
	return 0;
}
