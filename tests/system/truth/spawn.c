/* Starts processes in every way the kernel has, and says of each: {"what":"process", "how", "pid", "ppid", "exe" (if it
 * began a program), "args", "exit" or "signal"}.  `exe` is the program, hex as all bytes are.
 *
 *	spawn storm N TINY	fork, exec, exit of N, with arguments of every sort
 *	spawn long TINY		arguments as long as the kernel takes
 *	spawn forks N		children that begin no program, exit statuses from 0 to 255
 *	spawn deaths TINY	children that signals end
 *	spawn ways TINY		vfork, posix_spawn, clone3, orphans, threads, pid namespaces, scripts, failures
 *	spawn programs TINY DIR	programs of every sort in the empty folder DIR; says "env" (variables that matter),
 *				"cwd", "interpreter", "deleted", "setuid", "euid", "tty", "cut" too
 *	spawn bomb N M		N children without a program, M at once
 *	spawn together N TINY	N programs that begin at the same moment and end at once */

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

	pid = (pid_t)syscall(SYS_clone3, &clone_args, sizeof(clone_args));
	if (pid < 0 && errno != ENOSYS)		/* since 5.3 */
		die("clone3");
	if (pid == 0) {
		begin(tiny, cloned, no_environment);
	}
	if (pid > 0)
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

/* Programs of every sort */

struct program {
	const char *how, *exe;		/* begun by this name */
	const char *real;		/* NULL: realpath of it */
	const char *args[8];
	const char *become[8];		/* what the kernel makes of the arguments of a script */
	const char *environment[8];
	const char *kept[8];		/* of the environment: what a recorder keeps */
	const char *cwd, *interpreter, *tty;
	int fd, terminal;		/* 0: none */
	bool is_setuid, is_deleted;
	const char *cut;		/* of what less is kept than there was */
	unsigned euid;
};

static void copy(const char *from, const char *to, unsigned mode)
{
	char buffer[65536];
	int in = TRY(open(from, O_RDONLY | O_CLOEXEC));
	int out = TRY(open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755));
	ssize_t n;

	while ((n = TRY(read(in, buffer, sizeof(buffer)))) > 0)
		TRY(write(out, buffer, (size_t)n));
	TRY(fchmod(out, mode));
	close(in);
	close(out);
}

static void write_script(const char *path, const char *text)
{
	int fd = TRY(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755));

	TRY(write(fd, text, strlen(text)));
	close(fd);
}

static void run_program(const struct program *p)
{
	char *real = p->real ? strdup(p->real) : realpath(p->exe, NULL), *cwd = NULL;
	pid_t pid = TRY(fork());
	struct line line;
	int status;

	if (pid == 0) {
		if (p->cwd)
			TRY(chdir(p->cwd));
		if (p->terminal) {
			TRY(setsid());
			TRY(ioctl(p->terminal, TIOCSCTTY, 0));
		}
		if (p->fd)
			syscall(SYS_execveat, p->fd, "", p->args, p->environment, AT_EMPTY_PATH);
		else
			execve(p->exe, list(p->args), list(p->environment));
		_exit(127);
	}
	status = wait_for(pid);
	cwd = realpath(p->cwd ? p->cwd : ".", NULL);
	if (!real || !cwd)
		die(p->how);
	line = say("process");
	say_word(&line, "how", p->how);
	say_number(&line, "pid", pid);
	say_number(&line, "ppid", getpid());
	say_bytes(&line, "exe", real);
	say_list(&line, "args", p->become[0] ? p->become : p->args);
	say_number(&line, "exit", WEXITSTATUS(status));
	say_list(&line, "env", p->kept);
	say_bytes(&line, "cwd", cwd);
	say_bytes(&line, "interpreter", p->interpreter);
	if (p->tty)
		say_word(&line, "tty", p->tty);
	say_number(&line, "setuid", p->is_setuid);
	say_number(&line, "deleted", p->is_deleted);
	say_number(&line, "euid", p->euid);
	if (p->cut)
		say_word(&line, "cut", p->cut);
	say_done(&line);
	free(real);
	free(cwd);
}

static char *variable(const char *name, size_t size)
{
	size_t begin = strlen(name);
	char *text = malloc(begin + size + 1);

	if (!text)
		die("malloc");
	memcpy(text, name, begin);
	memset(text + begin, 'v', size);
	text[begin + size] = 0;
	return text;
}

static void environments(const char *tiny)
{
	const char *const preload = "LD_PRELOAD=/nowhere/preload.so", *const library = "LD_LIBRARY_PATH=/nowhere:/else";
	const char *page = variable("FIRST=", 4080), *long_one = variable("LONG=", 60000);
	const char *other = variable("OTHER=", 100000), *no_text = "LD_A=caf\xe9 \xff\n\"%41";
	/* One that lies over the end of the first 4096 bytes, and one over the end of a piece of 16 KiB behind that. */
	const char *over_piece = variable("FILL=", 4096 + 16384 - 20);
	const char *too_long = variable("LD_LIBRARY_PATH=", 5000), *kept_of_it = strndup(too_long, 4096);
	const struct program of[] = {
		{ "no environment", tiny, .args = { "tiny" } },
		{ "nothing that matters", tiny, .args = { "tiny" },
		  .environment = { "PATH=/bin", "SECRET=x", "LD=1", "XLD_A=1" } },
		{ "LD_PRELOAD", tiny, .args = { "tiny" },
		  .environment = { "SECRET=x", preload, "PATH=/bin", library, "Z=" }, .kept = { preload, library } },
		{ "who is behind it", tiny, .args = { "tiny" },
		  .environment = { "SUDO_USER=somebody", "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22", "SSH_=x" },
		  .kept = { "SUDO_USER=somebody", "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22" } },
		{ "no text", tiny, .args = { "tiny" }, .environment = { no_text }, .kept = { no_text } },
		{ "over the first 4 KiB", tiny, .args = { "tiny" }, .environment = { page, preload, library },
		  .kept = { preload, library } },
		{ "over the first piece", tiny, .args = { "tiny" }, .environment = { over_piece, preload, library },
		  .kept = { preload, library } },
		{ "behind 160 KB", tiny, .args = { "tiny", "an argument" }, .environment = { long_one, other, preload },
		  .kept = { preload } },
		{ "a long variable", tiny, .args = { "tiny" }, .environment = { too_long, preload },
		  .kept = { kept_of_it, preload }, .cut = "env" },
		{ "behind 160 KB, and long arguments", tiny, .args = { "tiny", long_one, "last" },
		  .environment = { long_one, other, preload }, .kept = { preload } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		run_program(&of[i]);
}

static void scripts(const char *folder, const char *tiny)
{
	char *script = NULL, *other = NULL, *text = NULL, *linked = NULL;

	TRY(asprintf(&script, "%s/script", folder));
	TRY(asprintf(&other, "%s/other script", folder));
	TRY(asprintf(&linked, "%s/linked", folder));
	TRY(asprintf(&text, "#!%s one argument\n", tiny));
	write_script(script, text);
	free(text);
	TRY(asprintf(&text, "#!%s\n", script));
	write_script(other, text);
	TRY(symlink(tiny, linked));
	run_program(&(struct program){ "a script", script, .real = tiny, .args = { "any name", "given" },
				       .become = { tiny, "one argument", script, "given" }, .interpreter = script });
	run_program(&(struct program){ "a script by a relative name", "./script", .real = tiny, .args = { "any name" },
				       .become = { tiny, "one argument", "./script" }, .interpreter = script,
				       .cwd = folder });
	run_program(&(struct program){ "a script of a script", other, .real = tiny, .args = { "any name" },
				       .become = { tiny, "one argument", script, other }, .interpreter = other });
	run_program(&(struct program){ "by a link", linked, .real = tiny, .args = { "linked" } });
	run_program(&(struct program){ "with blanks all over", linked, .real = tiny, .args = { "", " ", "" } });
	free(script);
	free(other);
	free(text);
	free(linked);
}

static void modes(const char *folder, const char *tiny)
{
	char *path = NULL, *gone = NULL;
	int fd;

	TRY(asprintf(&path, "%s/setuid", folder));
	copy(tiny, path, 04755);
	run_program(&(struct program){ "setuid root", path, .args = { "setuid" }, .is_setuid = true });
	TRY(chown(path, 65534, 0));
	TRY(chmod(path, 04755));
	run_program(&(struct program){ "setuid", path, .args = { "setuid" }, .is_setuid = true, .euid = 65534 });
	TRY(chmod(path, 02755));
	run_program(&(struct program){ "setgid", path, .args = { "setgid" }, .is_setuid = true });
	TRY(chmod(path, 02745));	/* no x for the group: it means something else */
	run_program(&(struct program){ "setgid without x", path, .args = { "setgid" } });
	TRY(chmod(path, 01755));
	run_program(&(struct program){ "sticky", path, .args = { "sticky" } });

	TRY(asprintf(&gone, "%s/gone", folder));
	copy(tiny, gone, 0755);
	fd = TRY(open(gone, O_RDONLY | O_CLOEXEC));
	TRY(unlink(gone));
	run_program(&(struct program){ "deleted", gone, .real = gone, .args = { "deleted" }, .fd = fd,
				       .is_deleted = true });
	close(fd);
	/* A name of its own that is gone, but not the file. */
	TRY(link(path, gone));
	fd = TRY(open(gone, O_RDONLY | O_CLOEXEC));
	TRY(unlink(gone));
	run_program(&(struct program){ "by a name that is gone", gone, .real = gone, .args = { "deleted" }, .fd = fd,
				       .is_deleted = true });
	close(fd);
	free(path);
	free(gone);
}

static void terminals(const char *tiny)
{
	int master = TRY(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)), number, fd;
	char path[64];

	TRY(grantpt(master));
	TRY(unlockpt(master));
	TRY(ioctl(master, TIOCGPTN, &number));
	snprintf(path, sizeof(path), "/dev/pts/%d", number);
	fd = TRY(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC));
	run_program(&(struct program){ "at a terminal", tiny, .args = { "tiny" }, .terminal = fd,
				       .tty = path + strlen("/dev/") });
	close(fd);
	close(master);
}

static void programs(const char *tiny, const char *folder)
{
	char *real = realpath(tiny, NULL), *inside = realpath(folder, NULL);

	if (!real || !inside)
		die("realpath");
	environments(real);
	scripts(inside, real);
	modes(inside, real);
	terminals(real);
	run_program(&(struct program){ "elsewhere", real, .args = { "tiny" }, .cwd = "/usr/bin/.." });
	free(real);
	free(inside);
}

static void say_end_of(pid_t pid, int status)
{
	say_process("fork", pid, getpid(), NULL, NULL, status);
}

static void bomb(unsigned n, unsigned at_once)
{
	unsigned alive = 0;
	int status;

	for (unsigned i = 0; i < n; i++) {
		pid_t pid = TRY(fork());

		if (pid == 0)
			_exit((int)(i % 256));
		if (++alive < at_once)
			continue;
		pid = TRY(wait(&status));
		alive--;
		say_end_of(pid, status);
	}
	for (; alive > 0; alive--) {
		pid_t pid = TRY(wait(&status));

		say_end_of(pid, status);
	}
}

static void together(unsigned n, const char *tiny)
{
	pid_t *pids = calloc(n, sizeof(*pids));
	char number[16], status[32];
	const char *args[] = { "tiny", "together with the others", number, NULL }, *environment[] = { status, NULL };
	int gate[2];
	char c;

	TRY(pipe2(gate, O_CLOEXEC));
	for (unsigned i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		snprintf(status, sizeof(status), "TINY_EXIT=%u", i);
		pids[i] = TRY(fork());
		if (pids[i] > 0)
			continue;
		close(gate[1]);
		while (read(gate[0], &c, 1) > 0)
			;
		begin(tiny, args, environment);
	}
	close(gate[1]);
	for (unsigned i = 0; i < n; i++) {
		snprintf(number, sizeof(number), "%u", i);
		say_process("together", pids[i], getpid(), tiny, args, wait_for(pids[i]));
	}
	free(pids);
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
	else if (strcmp(mode, "programs") == 0 && argc == 4)
		programs(argv[2], argv[3]);
	else if (strcmp(mode, "bomb") == 0 && argc == 4)
		bomb((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
	else if (strcmp(mode, "together") == 0 && argc == 4)
		together((unsigned)atoi(argv[2]), argv[3]);
	else
		return 2;
	return 0;
}
