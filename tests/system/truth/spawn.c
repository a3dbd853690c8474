/* Starts processes in every way the kernel has, and says of each: {"what":"process", "how", "pid", "ppid", "exe" (if it
 * began a program), "args", "exit" or "signal"}.  `exe` is the program, hex as all bytes are.
 *
 *	spawn storm N TINY	fork, exec, exit of N, with arguments of every sort
 *	spawn long TINY		arguments as long as the kernel takes
 *	spawn forks N		children that begin no program, exit statuses from 0 to 255
 *	spawn deaths TINY	children that signals end
 *	spawn ways TINY		vfork, posix_spawn, clone3, orphans, threads, pid namespaces, scripts, failures */

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "truth.h"

#define LONG (100 * 1024)

static const char *const no_environment[] = { NULL };

/* execve and its kin take what they do not change as if they did. */
static char *const *list(const char *const *texts)
{
	return (char *const *)(uintptr_t)texts;
}

static _Noreturn void begin(const char *exe, const char *const *args, const char *const *environment)
{
	execve(exe, list(args), list(environment));
	_exit(127);
}

static void say_program(struct line *line, const char *exe, const char *const *args)
{
	char *real = realpath(exe, NULL);

	if (!real)
		die(exe);
	say_bytes(line, "exe", real);
	say_list(line, "args", args);
	free(real);
}

static void say_process(const char *how, pid_t pid, pid_t ppid, const char *exe, const char *const *args,
	int status)
{
	struct line line = say("process");

	say_word(&line, "how", how);
	say_number(&line, "pid", pid);
	say_number(&line, "ppid", ppid);
	if (exe)
		say_program(&line, exe, args);
	if (WIFSIGNALED(status))
		say_number(&line, "signal", WTERMSIG(status));
	else
		say_number(&line, "exit", WEXITSTATUS(status));
	say_done(&line);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

static void run(const char *how, const char *exe, const char *const *args, const char *const *environment)
{
	pid_t pid = TRY(fork());

	if (pid == 0)
		begin(exe, args, environment);
	say_process(how, pid, getpid(), exe, args, wait_for(pid));
}

static void storm(unsigned n, const char *tiny)
{
	char number[16], status[32], long_one[4097];
	const char *environment[] = { status, NULL }, *first = "tiny";
	const char *sets[][6] = {
		{ first, number, NULL },
		{ first, number, "", NULL },
		{ "", "", "", number, NULL },
		{ first, number, "two words", " lead", "trail ", NULL },
		{ first, number, "double\"quote", "single'quote", "back\\slash", NULL },
		{ first, number, "new\nline", "tab\tstop", "\r\x1b[31mred\x7f", NULL },
		{ first, number, "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x90\xa7", NULL },
		{ first, number, "caf\xe9", "\xff\xfe\x80", "100%", NULL },
		{ first, number, "%41%zz%", "a=1", "key=\"(null)\"", NULL },
		{ first, number, "\x1d" "UID=\"root\"", "msg=audit(1.0:1):", "(null)", NULL },
		{ first, number, "414243", "0", "deadBEEF", NULL },
		{ first, number, long_one, "\xc3", NULL },
	};

	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = 0;
	for (unsigned i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		snprintf(status, sizeof(status), "TINY_EXIT=%u", i % 256);
		run("fork", tiny, sets[i % ARRAY_SIZE(sets)], environment);
	}
}

static void longest(const char *tiny)
{
	static char a[LONG + 1], b[LONG + 1], most[128 * 1024];
	const char *two[] = { "tiny", a, b, NULL }, *one[] = { "tiny", most, "after", NULL };
	const char *many[3002] = { NULL };

	for (size_t i = 0; i < LONG; i++) {
		a[i] = (char)('a' + i % 26);
		b[i] = (char)(i % 251 + 1);	/* every byte but 0 */
	}
	memset(most, '"', sizeof(most) - 1);
	for (unsigned i = 0; i < 3001; i++) {
		char *text = NULL;

		TRY(asprintf(&text, "%u%s", i, i % 3 ? "" : " x"));
		many[i] = text;
	}
	run("200 KiB", tiny, two, no_environment);
	run("longest argument", tiny, one, no_environment);
	run("3001 arguments", tiny, many, no_environment);
}

static void forks(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = TRY(fork());

		if (pid == 0)
			_exit((int)(i % 256));
		say_process("fork", pid, getpid(), NULL, NULL, wait_for(pid));
	}
}

static void deaths(const char *tiny)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV, SIGABRT };
	const char *fault[] = { "tiny", "fault", NULL }, *environment[] = { "TINY_FAULT=1", NULL };

	run("fault", tiny, fault, environment);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t pid = TRY(fork());
		struct line line;

		if (pid == 0)
			for (;;)
				pause();
		TRY(kill(pid, signals[i]));
		line = say("signal");
		say_number(&line, "pid", getpid());
		say_number(&line, "target", pid);
		say_number(&line, "signal", signals[i]);
		say_done(&line);
		say_process("killed", pid, getpid(), NULL, NULL, wait_for(pid));
	}
}

/* The pid as the host sees it, also from inside a pid namespace: /proc is the host's. */
static pid_t host_pid(void)
{
	char text[32];
	ssize_t n = TRY(readlink("/proc/self", text, sizeof(text) - 1));

	text[n] = 0;
	return atoi(text);
}

static void *end_thread(void *unused)
{
	return NULL;
}

static void threads(void)
{
	struct line line;

	for (unsigned i = 0; i < 20; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, end_thread, NULL) != 0 || pthread_join(thread, NULL) != 0)
			die("thread");
	}
	line = say("threads");
	say_number(&line, "pid", getpid());
	say_number(&line, "n", 20);
	say_done(&line);
}

static const char *thread_exe;
static const char *const thread_args[] = { "tiny", "from a thread", NULL };
static const char *const thread_environment[] = { "TINY_EXIT=33", NULL };

static void *exec_thread(void *unused)
{
	begin(thread_exe, thread_args, thread_environment);
}

/* The thread that calls execve becomes the process, with the pid of the one that was. */
static void exec_by_thread(const char *tiny)
{
	pid_t pid = TRY(fork());

	if (pid == 0) {
		pthread_t thread;

		thread_exe = tiny;
		if (pthread_create(&thread, NULL, exec_thread, NULL) != 0)
			_exit(126);
		for (;;)
			pause();
	}
	say_process("exec by thread", pid, getpid(), tiny, thread_args, wait_for(pid));
}

/* a -> b -> c; b ends before c begins its program.  Whose child is c?  The one b made. */
static void orphan(const char *tiny)
{
	const char *args[] = { "tiny", "orphan", NULL };
	int gone[2], ready[2];
	pid_t middle, last = 0;
	int status;
	char c;

	TRY(prctl(PR_SET_CHILD_SUBREAPER, 1));
	TRY(pipe2(gone, O_CLOEXEC));
	TRY(pipe2(ready, O_CLOEXEC));
	middle = TRY(fork());
	if (middle == 0) {
		last = TRY(fork());
		if (last == 0) {
			close(gone[1]);
			while (read(gone[0], &c, 1) > 0)
				;
			begin(tiny, args, no_environment);
		}
		TRY(write(ready[1], &last, sizeof(last)));
		_exit(5);
	}
	TRY(read(ready[0], &last, sizeof(last)));
	status = wait_for(middle);
	say_process("middle", middle, getpid(), NULL, NULL, status);
	close(gone[1]);
	close(gone[0]);
	close(ready[0]);
	close(ready[1]);
	say_process("orphan", last, middle, tiny, args, wait_for(last));
	TRY(prctl(PR_SET_CHILD_SUBREAPER, 0));
}

/* In a new pid namespace clone returns 2 where the host's pid is another. */
static void namespaces(const char *tiny)
{
	const char *args[] = { "tiny", "in a pid namespace", NULL };
	pid_t outer = TRY(fork());

	if (outer == 0) {
		pid_t init, me = host_pid();
		struct line line;

		TRY(unshare(CLONE_NEWPID));
		line = say("unshare");
		say_number(&line, "pid", me);
		say_word(&line, "namespace", "pid");
		say_done(&line);
		init = TRY(fork());
		if (init == 0) {
			pid_t pid, inside, host = host_pid();
			int ends[2];

			TRY(pipe2(ends, O_CLOEXEC));
			inside = TRY(fork());
			if (inside == 0) {
				pid = host_pid();
				TRY(write(ends[1], &pid, sizeof(pid)));
				begin(tiny, args, no_environment);
			}
			if (inside != 2)
				_exit(126);
			TRY(read(ends[0], &pid, sizeof(pid)));
			say_process("pid namespace", pid, host, tiny, args, wait_for(inside));
			_exit(7);
		}
		say_process("init of a pid namespace", init, me, NULL, NULL, wait_for(init));
		_exit(8);
	}
	say_process("maker of a pid namespace", outer, getpid(), NULL, NULL, wait_for(outer));
}

static void failures(void)
{
	const char *args[] = { "no-such-program-anywhere", NULL };
	pid_t pid = TRY(fork());
	struct line line;

	if (pid == 0) {
		setenv("PATH", "/nowhere:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
		execvp(args[0], list(args));
		execv("/etc", list(args));
		execv("/etc/passwd", list(args));
		_exit(9);
	}
	line = say("failed exec");
	say_number(&line, "pid", pid);
	say_done(&line);
	say_process("failed exec", pid, getpid(), NULL, NULL, wait_for(pid));
}

static void twice(const char *tiny)
{
	/* Two programs in one process: the shell, then tiny. */
	char script[4200];
	const char *args[] = { "sh", "-c", script, NULL }, *tiny_args[] = { tiny, "second", NULL };
	pid_t pid;
	int status;
	struct line line;

	snprintf(script, sizeof(script), "exec '%s' second", tiny);
	pid = TRY(fork());
	if (pid == 0) {
		begin("/bin/sh", args, no_environment);
	}
	status = wait_for(pid);
	line = say("exec");
	say_word(&line, "how", "first of two");
	say_number(&line, "pid", pid);
	say_number(&line, "ppid", getpid());
	say_program(&line, "/bin/sh", args);
	say_done(&line);
	say_process("second of two", pid, getpid(), tiny, tiny_args, status);
}

static void ways(const char *tiny)
{
	const char *vforked[] = { "tiny", "vfork", NULL }, *spawned[] = { "tiny", "posix_spawn", NULL };
	const char *cloned[] = { "tiny", "clone3", NULL }, *by_descriptor[] = { "tiny", "execveat", NULL };
	struct clone_args clone_args = { .exit_signal = SIGCHLD };
	pid_t pid;
	int fd;

	pid = TRY(vfork());
	if (pid == 0) {
		begin(tiny, vforked, no_environment);
	}
	say_process("vfork", pid, getpid(), tiny, vforked, wait_for(pid));

	if (posix_spawn(&pid, tiny, NULL, NULL, list(spawned), list(no_environment)) != 0)
		die("posix_spawn");
	say_process("posix_spawn", pid, getpid(), tiny, spawned, wait_for(pid));

	pid = (pid_t)TRY(syscall(SYS_clone3, &clone_args, sizeof(clone_args)));
	if (pid == 0) {
		begin(tiny, cloned, no_environment);
	}
	say_process("clone3", pid, getpid(), tiny, cloned, wait_for(pid));

	fd = TRY(open(tiny, O_RDONLY | O_CLOEXEC));
	pid = TRY(fork());
	if (pid == 0) {
		syscall(SYS_execveat, fd, "", by_descriptor, no_environment, AT_EMPTY_PATH);
		_exit(127);
	}
	close(fd);
	say_process("execveat", pid, getpid(), tiny, by_descriptor, wait_for(pid));

	twice(tiny);
	threads();
	exec_by_thread(tiny);
	orphan(tiny);
	if (geteuid() == 0)
		namespaces(tiny);
	failures();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "storm") == 0 && argc == 4)
		storm((unsigned)atoi(argv[2]), argv[3]);
	else if (strcmp(mode, "long") == 0 && argc == 3)
		longest(argv[2]);
	else if (strcmp(mode, "forks") == 0 && argc == 3)
		forks((unsigned)atoi(argv[2]));
	else if (strcmp(mode, "deaths") == 0 && argc == 3)
		deaths(argv[2]);
	else if (strcmp(mode, "ways") == 0 && argc == 3)
		ways(argv[2]);
	else
		return 2;
	return 0;
}
