/* The loads of `make bench`: exact numbers of acts, as fast as they go or at a rate.
 *	load process N [RATE]	N times fork, exec of this program (which then ends at once), wait; RATE a second
 *	load file N [RATE]	N times create, write, close, rename, unlink in the current folder; RATE times a second
 *	load read N		makes 100 files in the current folder, then N times open, read, close of one
 *	load tcp N		N times connect and accept on 127.0.0.1
 *	load idle N		sleeps N seconds
 *	load nothing		what `process` executes */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_FILES 100

static void wait_for_turn(struct timespec *turn, long rate)
{
	turn->tv_nsec += 1000000000 / rate;
	if (turn->tv_nsec >= 1000000000) {
		turn->tv_nsec -= 1000000000;
		turn->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, turn, NULL) != 0)
		;
}

static int load_process(long n, long rate)
{
	char program[4096], what[] = "nothing", number[32];
	char *argv[] = { program, what, number, NULL }, *envp[] = { NULL };
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct timespec turn;

	if (size < 0)
		return 1;
	program[size] = 0;
	clock_gettime(CLOCK_MONOTONIC, &turn);
	for (long i = 0; i < n; i++) {
		int status;
		pid_t pid;

		if (rate > 0)
			wait_for_turn(&turn, rate);
		snprintf(number, sizeof(number), "%ld", i);
		pid = fork();
		if (pid == 0) {
			execve(program, argv, envp);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	return 0;
}

static int load_file(long n, long rate)
{
	static const char bytes[64] = "what a storm writes";
	char a[64], b[64];
	struct timespec turn;

	clock_gettime(CLOCK_MONOTONIC, &turn);

	for (long i = 0; i < n; i++) {
		int fd;

		if (rate > 0)
			wait_for_turn(&turn, rate);
		snprintf(a, sizeof(a), "f%ld.tmp", i);
		snprintf(b, sizeof(b), "f%ld.dat", i);
		fd = open(a, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || close(fd) < 0 || rename(a, b) < 0 ||
		    unlink(b) < 0)
			return 1;
	}
	return 0;
}

static int load_read(long n, long rate)
{
	char names[READ_FILES][16], bytes[64] = "what a storm reads";

	for (int i = 0; i < READ_FILES; i++) {
		int fd;

		snprintf(names[i], sizeof(names[i]), "r%d", i);
		fd = open(names[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || close(fd) < 0)
			return 1;
	}
	for (long i = 0; i < n; i++) {
		int fd = open(names[i % READ_FILES], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || read(fd, bytes, sizeof(bytes)) != sizeof(bytes) || close(fd) < 0)
			return 1;
	}
	return 0;
}

static int load_tcp(long n, long rate)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *sa = (struct sockaddr *)(void *)&address;
	const struct linger reset = { 1, 0 };	/* no port stays behind in TIME_WAIT */
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, sa, sizeof(address)) < 0 || listen(listener, 16) < 0 ||
	    getsockname(listener, sa, &size) < 0)
		return 1;
	for (long i = 0; i < n; i++) {
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

		if (client < 0 || connect(client, sa, sizeof(address)) < 0)
			return 1;
		server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (server < 0 || setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
		    close(client) < 0 || close(server) < 0)
			return 1;
	}
	return 0;
}

static int load_idle(long n, long rate)
{
	return sleep((unsigned)n) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(long n, long rate);
	} loads[] = {
		{ "process", load_process }, { "file", load_file }, { "read", load_read },
		{ "tcp", load_tcp },	     { "idle", load_idle },
	};
	long n = argc > 2 ? atol(argv[2]) : 0, rate = argc > 3 ? atol(argv[3]) : 0;

	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	for (size_t i = 0; argc > 2 && argc <= 4 && i < sizeof(loads) / sizeof(loads[0]); i++)
		if (strcmp(argv[1], loads[i].name) == 0) {
			if (loads[i].run(n, rate) != 0) {
				perror(argv[1]);
				return 1;
			}
			return 0;
		}
	fprintf(stderr, "usage: load process|file|read|tcp|idle N [RATE]\n");
	return 2;
}
