/* Against the processes of this machine: this one, and children made for the purpose. */

#include "source/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW (UINT64_C(1795343776) * NS_PER_SEC + 1000)

static struct procfs *procfs;

/* Value of a key as it stands; empty if it is not there. */
static struct span raw(struct span text, const char *key)
{
	char wanted[32];
	const char *p, *end = text.data + text.size;
	int n = snprintf(wanted, sizeof(wanted), " %s=", key);

	p = memmem(text.data, text.size, wanted, (size_t)n);
	if (!p)
		return (struct span){ NULL, 0 };
	p += n;
	for (text.data = p; p < end && *p != ' '; p++)
		;
	return (struct span){ text.data, (size_t)(p - text.data) };
}

static unsigned hex_digit(char c)
{
	assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* What a reader of audit makes of the value. Freed by the caller. */
static char *unquoted(struct span text, const char *key, size_t *ret_size)
{
	struct span value = raw(text, key);
	char *copy = malloc(value.size + 1);

	assert_non_null(copy);
	if (value.size >= 2 && value.data[0] == '"') {
		assert_int_equal(value.data[value.size - 1], '"');
		memcpy(copy, value.data + 1, value.size - 2);
		*ret_size = value.size - 2;
	} else {
		assert_int_equal(value.size % 2, 0);
		for (size_t i = 0; i < value.size / 2; i++)
			copy[i] =
				(char)(hex_digit(value.data[2 * i]) << 4 | hex_digit(value.data[2 * i + 1]));
		*ret_size = value.size / 2;
	}
	copy[*ret_size] = 0;
	return copy;
}

static void assert_value(struct span text, const char *key, const void *expected, size_t size)
{
	size_t got;
	char *value = unquoted(text, key, &got);

	assert_int_equal(got, size);
	assert_memory_equal(value, expected, size);
	free(value);
}

static void assert_number(struct span text, const char *key, uint64_t expected)
{
	uint64_t number;

	assert_int_equal(span_to_u64(raw(text, key), &number), 0);
	assert_int_equal(number, expected);
}

static void look_up(pid_t pid, struct buffer *text)
{
	buffer_clear(text);
	assert_int_equal(procfs_lookup(procfs, NOW, (uint32_t)pid, text), 0);
}

/* Waits for the child to say that it is as wanted, or (through close-on-exec) that it has executed. */
static void wait_for(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	close(fd);
}

static pid_t spawn(char *const argv[], const char *program)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit stack = { 64u << 20, RLIM_INFINITY };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getrlimit(RLIMIT_STACK, &stack) == 0)
			stack.rlim_cur = MIN((rlim_t)64 << 20, stack.rlim_max);
		setrlimit(RLIMIT_STACK, &stack); /* arguments may fill a quarter of it */
		execv(program, argv);
		_exit(127);
	}
	close(fds[1]);
	wait_for(fds[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void assert_groups(struct span text)
{
	gid_t groups[64];
	struct buffer expected = { 0 };
	int n = getgroups(ARRAY_SIZE(groups), groups);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++)
		buffer_printf(&expected, i > 0 ? ",%u" : "%u", groups[i]);
	assert_true(span_eq(raw(text, "groups"), buffer_span(&expected)));
	buffer_release(&expected);
}

static void test_self(void **state)
{
	struct buffer text = { 0 };
	char cwd[4096], exe[4096], head[96];
	struct span s;
	ssize_t n;
	uint64_t ticks, boot_ns;
	char id[37];
	struct timespec now;

	look_up(getpid(), &text);
	s = buffer_span(&text);
	snprintf(head, sizeof(head),
		 "recorder(1795343776.000001000:%d): lookup=1 pid=%d ppid=%d start_ticks=", getpid(),
		 getpid(), getppid());
	assert_true(span_starts(s, span_of(head)));
	assert_number(s, "uid", getuid());
	assert_number(s, "euid", geteuid());
	assert_number(s, "fsuid", geteuid());
	assert_number(s, "sgid", getgid());
	assert_groups(s);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_value(s, "cwd", cwd, strlen(cwd));
	n = readlink("/proc/self/exe", exe, sizeof(exe));
	assert_true(n > 0);
	assert_value(s, "exe", exe, (size_t)n);

	/* the start lies between boot and now, by less than this test takes */
	assert_int_equal(procfs_boot(id, &boot_ns), 0);
	assert_int_equal(strlen(id), 36);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(span_to_u64(raw(s, "start_ticks"), &ticks), 0);
	boot_ns += ticks * (NS_PER_SEC / 100);
	assert_in_range((uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec + NS_PER_MS - boot_ns, 0,
			60 * NS_PER_SEC);
	buffer_release(&text);
}

static void test_nobody(void **state)
{
	struct buffer text = { 0 };

	assert_int_equal(procfs_lookup(procfs, NOW, 0, &text), -ESRCH);
	assert_int_equal(procfs_lookup(procfs, NOW, UINT32_MAX, &text), -ESRCH);
	assert_int_equal(text.size, 0);
	buffer_release(&text);
}

static void test_names(void **state)
{
	static const char *const names[] = { "((a b))",	 ") R 1 (", "tab\tline\n",
					     "\xff\xfe", "quo\"te", "15-bytes-long--" };
	struct buffer text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fds[2];
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_NAME, names[i]);
			close(fds[1]);
			for (;;)
				pause();
		}
		close(fds[1]);
		wait_for(fds[0]);
		look_up(pid, &text);
		assert_value(buffer_span(&text), "comm", names[i], strlen(names[i]));
		assert_number(buffer_span(&text), "ppid", (uint64_t)getpid());
		assert_number(buffer_span(&text), "uid", getuid());
		end_child(pid);
	}
	buffer_release(&text);
}

static void test_arguments(void **state)
{
	char large[100 << 10];
	char *argv[80];
	struct buffer text = { 0 }, expected = { 0 };
	pid_t pid;

	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = 0;

	/* empty ones, in the middle and at the end, and bytes that are no text */
	char *const odd[] = { (char[]){ "test" },	 (char[]){ "--pause" }, (char[]){ "" },
			      (char[]){ "\xff\xfe \n" }, (char[]){ "" },	NULL };

	pid = spawn(odd, "/proc/self/exe");
	look_up(pid, &text);
	assert_number(buffer_span(&text), "argc", 5);
	assert_value(buffer_span(&text), "args", "test\0--pause\0\0\xff\xfe \n\0\0", 20);
	end_child(pid);

	/* 200 KiB, whole */
	argv[0] = odd[0];
	argv[1] = odd[1];
	argv[2] = argv[3] = large;
	argv[4] = NULL;
	pid = spawn(argv, "/proc/self/exe");
	look_up(pid, &text);
	buffer_append(&expected, "test\0--pause", 13);
	for (unsigned i = 0; i < 2; i++)
		buffer_append(&expected, large, sizeof(large));
	assert_number(buffer_span(&text), "argc", 4);
	assert_value(buffer_span(&text), "args", expected.data, expected.size);
	end_child(pid);

	/* 5 MiB: cut, but counted */
	for (unsigned i = 2; i < 53; i++)
		argv[i] = large;
	argv[53] = NULL;
	pid = spawn(argv, "/proc/self/exe");
	look_up(pid, &text);
	if (raw(buffer_span(&text), "argc").size > 1) {
		assert_number(buffer_span(&text), "argc", 53);
		assert_int_equal(raw(buffer_span(&text), "args").size, (size_t)8 << 20);
	} else {
		print_message("the limit of arguments is too low here to go beyond 4 MiB\n");
	}
	end_child(pid);
	buffer_release(&text);
	buffer_release(&expected);
}

/* A title written over the arguments (setproctitle). */
static void test_title(void **state)
{
	char *const argv[] = { (char[]){ "test" }, (char[]){ "--title" },
			       (char[]){ "................................" }, NULL };
	struct buffer text = { 0 };
	pid_t pid = spawn(argv, "/proc/self/exe");

	for (unsigned i = 0; i < 500; i++) {
		look_up(pid, &text);
		if (raw(buffer_span(&text), "argc").size == 1 &&
		    raw(buffer_span(&text), "argc").data[0] == '1')
			break;
		usleep(10000);
	}
	assert_number(buffer_span(&text), "argc", 1);
	assert_value(buffer_span(&text), "args", "worker process", 15);
	end_child(pid);
	buffer_release(&text);
}

static void copy_file(const char *from, const char *to)
{
	char chunk[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(out, chunk, (size_t)n), n);
	close(in);
	close(out);
}

static void test_program_and_folder_gone(void **state)
{
	char folder[] = "/tmp/test procfs\xff XXXXXX", program[64], expected[96], link[256];
	char *const argv[] = { program, (char[]){ "--pause" }, NULL };
	struct buffer text = { 0 };
	int fd, n;
	pid_t pid;

	assert_non_null(mkdtemp(folder));
	snprintf(program, sizeof(program), "%s/a program", folder);
	copy_file("/proc/self/exe", program);
	pid = spawn(argv, program);
	look_up(pid, &text);
	assert_value(buffer_span(&text), "exe", program, strlen(program));
	assert_int_equal(unlink(program), 0);
	look_up(pid, &text);
	snprintf(expected, sizeof(expected), "%s (deleted)", program);
	assert_value(buffer_span(&text), "exe", expected, strlen(expected));
	end_child(pid);

	/* descriptors: a folder, a removed folder, one whose name only looks so, none */
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), fd, link, sizeof(link)), 0);
	assert_string_equal(link, folder);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), fd, link, strlen(folder)),
			 -ENAMETOOLONG);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), fd, link, strlen(folder) + 1), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), fd, link, sizeof(link)), 0);
	assert_string_equal(link, folder);
	close(fd);
	n = snprintf(expected, sizeof(expected), "/tmp/test_procfs.%d (deleted)", getpid());
	assert_true(n > 0 && mkdir(expected, 0700) == 0);
	fd = open(expected, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), fd, link, sizeof(link)), 0);
	assert_string_equal(link, expected);
	close(fd);
	rmdir(expected);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), 99999, link, sizeof(link)), -ENOENT);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), -7, link, sizeof(link)), -EBADF);
	assert_int_equal(procfs_readlink_fd(procfs, (uint32_t)getpid(), AT_FDCWD, link, sizeof(link)), 0);
	assert_non_null(getcwd(program, sizeof(program)));
	assert_string_equal(link, program);
	buffer_release(&text);
}

static void test_zombie(void **state)
{
	struct buffer text = { 0 };
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	look_up(pid, &text);
	assert_number(buffer_span(&text), "ppid", (uint64_t)getpid());
	assert_number(buffer_span(&text), "uid", getuid());
	assert_int_equal(raw(buffer_span(&text), "exe").size, 0);
	assert_int_equal(raw(buffer_span(&text), "args").size, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buffer_clear(&text);
	assert_int_equal(procfs_lookup(procfs, NOW, (uint32_t)pid, &text), -ESRCH);
	assert_int_equal(text.size, 0);
	buffer_release(&text);
}

static void test_kernel_thread(void **state)
{
	struct buffer text = { 0 };

	if (procfs_lookup(procfs, NOW, 2, &text) < 0 ||
	    !memmem(text.data, text.size, "comm=\"kthreadd\"", 15)) {
		buffer_release(&text);
		print_message("no kernel threads to be seen here\n");
		skip();
	}
	assert_number(buffer_span(&text), "ppid", 0);
	assert_int_equal(raw(buffer_span(&text), "exe").size, 0);
	assert_int_equal(raw(buffer_span(&text), "argc").size, 0);
	buffer_release(&text);
}

static void test_terminal(void **state)
{
	struct buffer text = { 0 };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fds[2];
	const char *name;
	pid_t pid;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		skip();
	name = ptsname(master);
	assert_non_null(name);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		if (open(name, O_RDWR) < 0)
			_exit(1);
		close(fds[1]);
		for (;;)
			pause();
	}
	close(fds[1]);
	wait_for(fds[0]);
	look_up(pid, &text);
	assert_value(buffer_span(&text), "tty", name + strlen("/dev/"), strlen(name) - strlen("/dev/"));
	end_child(pid);
	close(master);
	buffer_release(&text);
}

/* Of the first process of a session sshd's environment says where the login came from; of one without a session nobody asks. */
static void test_origin(void **state)
{
	static const struct {
		bool has_session;
		const char *environment, *from;
	} cases[] = {
		{ true, "SSH_CONNECTION=203.0.113.7 50123 10.0.0.1 22", "203.0.113.7" },
		{ true, "SSH_CONNECTION=2001:db8::7 50123 2001:db8::1 22", "2001:db8::7" },
		{ true, "SSH_CONNECTION=", NULL },
		{ true, "XSSH_CONNECTION=203.0.113.7 50123 10.0.0.1 22", NULL },
		{ false, "SSH_CONNECTION=203.0.113.7 50123 10.0.0.1 22", NULL },
	};
	char title[] = "session", wait[] = "--wait";
	char *const argv[] = { title, wait, NULL };
	int self = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);

	if (geteuid() != 0 || self < 0)
		skip();
	close(self);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char environment[96];
		char *const envp[] = { environment, NULL };
		struct buffer text = { 0 };
		int fds[2];
		pid_t pid;

		snprintf(environment, sizeof(environment), "%s", cases[i].environment);
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0) {
			int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)!write(fd, cases[i].has_session ? "1000" : "4294967295", cases[i].has_session ? 4 : 10);
			execve("/proc/self/exe", argv, envp);
			_exit(127);
		}
		close(fds[1]);
		wait_for(fds[0]);
		look_up(pid, &text);
		if (cases[i].from && raw(buffer_span(&text), "ses").size > 0 && span_eq(raw(buffer_span(&text), "auid"), SPAN("1000")))
			assert_value(buffer_span(&text), "from", cases[i].from, strlen(cases[i].from));
		else if (!cases[i].from)
			assert_null(raw(buffer_span(&text), "from").data);
		end_child(pid);
		buffer_release(&text);
	}
}

/* Which version of its program runs. */
static void test_version(void **state)
{
	struct buffer text = { 0 };
	struct stat st;

	look_up(getpid(), &text);
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_number(buffer_span(&text), "exe_dev", st.st_dev);
	assert_number(buffer_span(&text), "exe_ino", st.st_ino);
	assert_number(buffer_span(&text), "exe_ctime", (uint64_t)st.st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec);
	buffer_release(&text);
}

struct seen {
	unsigned n;
	bool self, first;
	int stop_after;
};

static int note(void *user, const struct record *record)
{
	struct seen *seen = user;
	uint64_t pid, ticks;

	assert_int_equal(record->type, RECORD_PROCESS);
	assert_int_equal(record->time_ns, NOW);
	assert_true(span_starts(record->text, SPAN("recorder(1795343776.000001000:")));
	assert_null(memmem(record->text.data, record->text.size, "lookup=", 7));
	assert_null(memchr(record->text.data, '\n', record->text.size));
	assert_int_equal(span_to_u64(raw(record->text, "pid"), &pid), 0);
	assert_int_equal(span_to_u64(raw(record->text, "start_ticks"), &ticks), 0);
	seen->self |= pid == (uint64_t)getpid();
	seen->first |= pid == 1;
	return (int)++seen->n == seen->stop_after ? -ECANCELED : 0;
}

/* While children come and go. */
static void test_snapshot(void **state)
{
	struct seen seen = { 0 };
	pid_t maker = fork();

	if (maker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		for (unsigned i = 0; i < 100000; i++) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			if (pid < 0)
				usleep(1000);
		}
		_exit(0);
	}
	for (unsigned i = 0; i < 20; i++) {
		seen = (struct seen){ 0 };
		assert_int_equal(procfs_snapshot(procfs, NOW, note, &seen), 0);
		assert_true(seen.self);
		assert_true(seen.first);
	}
	end_child(maker);
	seen = (struct seen){ .stop_after = 1 };
	assert_int_equal(procfs_snapshot(procfs, NOW, note, &seen), -ECANCELED);
	assert_int_equal(seen.n, 1);
}

/* What is not the first process's. */
static void test_namespaces(void **state)
{
	struct buffer text = { 0 };
	int fds[2], host, own;
	struct stat st[2];
	char expected[64];
	pid_t pid;

	host = stat("/proc/1/ns/uts", &st[0]);
	own = stat("/proc/self/ns/uts", &st[1]);
	look_up(getpid(), &text);
	assert_true(raw(buffer_span(&text), "ns").size > 2);
	if (host == 0 && own == 0 && st[0].st_ino == st[1].st_ino)
		assert_null(memmem(text.data, text.size, "uts:", 4));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!unshare(CLONE_NEWUTS);	/* or may not */
		close(fds[1]);
		for (;;)
			pause();
	}
	close(fds[1]);
	wait_for(fds[0]);
	snprintf(expected, sizeof(expected), "/proc/%d/ns/uts", pid);
	assert_int_equal(stat(expected, &st[0]), 0);
	if (st[0].st_ino == st[1].st_ino) {
		end_child(pid);
		buffer_release(&text);
		skip();	/* not allowed */
	}
	look_up(pid, &text);
	snprintf(expected, sizeof(expected), "uts:%lu", (unsigned long)st[0].st_ino);
	assert_non_null(memmem(text.data, text.size, expected, strlen(expected)));
	end_child(pid);
	buffer_release(&text);
}

static void *look_up_often(void *user)
{
	struct buffer text = { 0 };

	for (unsigned i = 0; i < 200; i++)
		look_up(getpid(), &text);
	buffer_release(&text);
	return user;
}

/* The core asks of one process while the reader takes them all. */
static void test_two_threads(void **state)
{
	struct seen seen = { 0 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, look_up_often, NULL), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(procfs_snapshot(procfs, NOW, note, &seen), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(seen.n > 0);
}

static int setup(void **state)
{
	return procfs_open(&procfs, true);
}

static int teardown(void **state)
{
	procfs = procfs_free(procfs);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),	 cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_title),	 cmocka_unit_test(test_program_and_folder_gone),
		cmocka_unit_test(test_zombie),	 cmocka_unit_test(test_kernel_thread),
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_origin),	 cmocka_unit_test(test_version),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_two_threads),
	};

	/* What the children made above do. */
	if (argc > 1 && strcmp(argv[1], "--title") == 0) {
		size_t size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);

		memset(argv[0], 0, size);
		memcpy(argv[0], "worker process", 15);
	}
	if (argc > 1)
		for (;;)
			pause();
	return cmocka_run_group_tests(tests, setup, teardown);
}
