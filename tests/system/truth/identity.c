/* Becomes somebody else.
 *
 *	identity as UID GID AUID PROGRAM ARGUMENT...	runs the program as that user, with that login user: says
 *							{"what":"login", "pid", "auid", "ses"}, then is the program
 *	identity changes	a child each for the calls that change who a process is, or take hold of another:
 *				{"what":"identity", "pid", "action", "how", "changes" or "target", "signal"} */

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "truth.h"

/* Called directly: glibc's wrappers make every thread call, and may choose another call of the family. */

static void tell(const char *action, const char *how, const char *change)
{
	struct line line = say("identity");

	say_number(&line, "pid", getpid());
	say_word(&line, "action", action);
	say_word(&line, "how", how);
	if (change)
		say_word(&line, "change", change);
	say_done(&line);
}

static void tell_target(const char *action, const char *how, pid_t target, int signal)
{
	struct line line = say("identity");

	say_number(&line, "pid", getpid());
	say_word(&line, "action", action);
	say_word(&line, "how", how);
	say_number(&line, "target", target);
	if (signal)
		say_number(&line, "signal", signal);
	say_done(&line);
}

static void ids(void)
{
	TRY(syscall(SYS_setgroups, 0, NULL));
	tell("setgid", "setgroups", NULL);
	TRY(syscall(SYS_setresgid, -1, 5, -1));
	tell("setgid", "setresgid", "egid=5");
	TRY(syscall(SYS_setregid, 6, -1));
	tell("setgid", "setregid", "gid=6");
	TRY(syscall(SYS_setgid, 7));
	tell("setgid", "setgid", "gid=7");
	TRY(syscall(SYS_setresuid, 1, 0, 0));
	tell("setuid", "setresuid", "uid=1");
	TRY(syscall(SYS_setreuid, 2, 0));
	tell("setuid", "setreuid", "uid=2");
	TRY(syscall(SYS_setuid, 3));
	tell("setuid", "setuid", "uid=3");
	if (syscall(SYS_setuid, 0) == 0 || errno != EPERM)
		die("setuid back");
	tell("none", "setuid that fails", NULL);
}

static void capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	TRY(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1u << CAP_NET_RAW);
	TRY(syscall(SYS_capset, &header, data));
	tell("capset", "capset", NULL);
}

static void traces(void)
{
	pid_t pid = TRY(fork());

	if (pid == 0)
		for (;;)
			pause();
	TRY(ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	tell_target("ptrace", "PTRACE_ATTACH", pid, 0);
	TRY(waitpid(pid, NULL, 0));
	TRY(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	TRY(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	tell_target("ptrace", "PTRACE_SEIZE", pid, 0);
	TRY(kill(pid, SIGTERM));
	tell_target("signal", "kill", pid, SIGTERM);
	TRY(kill(pid, SIGKILL));
	tell_target("signal", "kill", pid, SIGKILL);
	TRY(waitpid(pid, NULL, 0));
}

static void namespaces(void)
{
	int own = TRY(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));

	TRY(unshare(CLONE_NEWUTS | CLONE_NEWIPC));
	tell("unshare", "unshare", NULL);
	TRY(setns(own, CLONE_NEWUTS));
	tell("setns", "setns", NULL);
}

static int run_as(char **argv)
{
	char text[64];
	struct line line;
	unsigned ses = 0;
	int fd, n;

	fd = TRY(open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC));
	TRY(write(fd, argv[2], strlen(argv[2])));
	close(fd);
	fd = TRY(open("/proc/self/sessionid", O_RDONLY | O_CLOEXEC));
	n = (int)TRY(read(fd, text, sizeof(text) - 1));
	close(fd);
	text[n] = 0;
	ses = (unsigned)strtoul(text, NULL, 10);
	line = say("login");
	say_number(&line, "pid", getpid());
	say_number(&line, "auid", atoi(argv[2]));
	say_number(&line, "ses", ses);
	say_done(&line);
	TRY(syscall(SYS_setgroups, 0, NULL));
	TRY(syscall(SYS_setresgid, atoi(argv[1]), atoi(argv[1]), atoi(argv[1])));
	TRY(syscall(SYS_setresuid, atoi(argv[0]), atoi(argv[0]), atoi(argv[0])));
	execv(argv[3], argv + 3);
	return 127;
}

static void in_child(void (*act)(void))
{
	pid_t pid = TRY(fork());
	int status;

	if (pid == 0) {
		act();
		_exit(0);
	}
	TRY(waitpid(pid, &status, 0));
	if (status != 0)
		die("a child");
}

int main(int argc, char **argv)
{
	if (argc >= 6 && strcmp(argv[1], "as") == 0)
		return run_as(argv + 2);
	if (argc != 2 || strcmp(argv[1], "changes") != 0)
		return 2;
	in_child(ids);
	in_child(capabilities);
	in_child(traces);
	in_child(namespaces);
	return 0;
}
