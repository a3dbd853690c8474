/* A load that goes on until its input ends, and a log of it: a line an act, `CATEGORY ACTION BEGIN END PID NAME`, the times
 * (CLOCK_REALTIME, ns) taken right before and right behind the call.  NAME is told of no other act with that ACTION: the argument
 * of a program, the path of a file, the address of a connection, the login user; of a fork and an exit `-`, which have but the pid.
 *
 *	load DIR TINY PAUSE_MS		in the empty folder DIR
 *
 * A unit is a process with a program, three files that are made, written to, renamed and removed, and a connection; every hundredth
 * has a login too.  Between two units it waits.  A line of its input is a burst, of units of one kind without a pause: `process N`
 * (all at once), `file N`, `network N`. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "truth.h"

#define PORT 7461
#define AT_ONCE 64
#define FIRST_LOGIN 1000000u
#define FILES 3
#define LOGIN_EVERY 100

struct child {
	pid_t pid;
	uint64_t ended_after_ns;	/* it was alive then */
};

static const char *folder, *tiny;
static unsigned n_programs, n_files, n_connections, n_logins;
static int listening;

static uint64_t now(void)
{
	struct timespec ts;

	TRY(clock_gettime(CLOCK_REALTIME, &ts));
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void tell(const char *category, const char *action, uint64_t begin_ns, pid_t pid, const char *name)
{
	printf("%s %s %llu %llu %d %s\n", category, action, (unsigned long long)begin_ns, (unsigned long long)now(), pid, name);
}

/* Programs */

/* The child tells of its exec by a pipe that the exec closes: the parent knows then that it has happened. */
static struct child begin(void)
{
	char name[32];
	char *const args[] = { (char[]){ "tiny" }, name, NULL }, *const environment[] = { NULL };
	uint64_t begin_ns;
	struct child child;
	int done[2];
	char c;

	snprintf(name, sizeof(name), "chaos-%u", n_programs++);
	TRY(pipe2(done, O_CLOEXEC));
	fflush(stdout);
	begin_ns = now();
	child.pid = TRY(fork());
	if (child.pid == 0) {
		execve(tiny, args, environment);
		_exit(127);
	}
	tell("process", "fork", begin_ns, child.pid, "-");
	close(done[1]);
	if (TRY(read(done[0], &c, 1)) != 0)
		die("pipe");
	close(done[0]);
	tell("process", "exec", begin_ns, child.pid, name);
	child.ended_after_ns = begin_ns;
	return child;
}

static void end(struct child child)
{
	int status;

	TRY(waitpid(child.pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = ECHILD;
		die("a child");
	}
	tell("process", "exit", child.ended_after_ns, child.pid, "-");
}

static void programs(unsigned n)
{
	struct child children[AT_ONCE];

	while (n > 0) {
		unsigned some = n < AT_ONCE ? n : AT_ONCE;

		for (unsigned i = 0; i < some; i++)
			children[i] = begin();
		for (unsigned i = 0; i < some; i++)
			end(children[i]);
		n -= some;
	}
}

static void login_user(void)
{
	char name[32];
	uint64_t begin_ns, end_ns;
	struct child child;
	int length = snprintf(name, sizeof(name), "%u", FIRST_LOGIN + n_logins++);

	fflush(stdout);
	begin_ns = now();
	child = (struct child){ TRY(fork()), begin_ns };
	if (child.pid == 0) {
		int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

		_exit(fd < 0 || write(fd, name, (size_t)length) != length);
	}
	end_ns = now();
	end(child);
	printf("process fork %llu %llu %d -\n", (unsigned long long)begin_ns, (unsigned long long)end_ns, child.pid);
	tell("security", "login", begin_ns, child.pid, name);
}

/* Files */

static void file(void)
{
	char made[4096], moved[4096];
	uint64_t begin_ns = now(), write_ns;
	int fd;

	snprintf(made, sizeof(made), "%s/made-%u", folder, n_files);
	snprintf(moved, sizeof(moved), "%s/moved-%u", folder, n_files++);
	fd = TRY(open(made, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
	tell("file", "create", begin_ns, getpid(), made);
	write_ns = now();
	TRY(write(fd, "x", 1));
	close(fd);
	tell("file", "write", write_ns, getpid(), made);
	begin_ns = now();
	TRY(rename(made, moved));
	tell("file", "rename", begin_ns, getpid(), made);
	begin_ns = now();
	TRY(unlink(moved));
	tell("file", "delete", begin_ns, getpid(), moved);
}

/* Connections: each client has an address of its own. */

static void connection(void)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f010000u + n_connections++) } };
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = own.sin_addr };
	const char *name = inet_ntoa(own.sin_addr);	/* as it stays: who is accepted has it too */
	const struct linger at_once = { 1, 0 };
	socklen_t size = sizeof(own);
	uint64_t begin_ns;
	int client = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), taken;

	begin_ns = now();
	TRY(bind(client, (struct sockaddr *)&own, sizeof(own)));
	tell("network", "bind", begin_ns, getpid(), name);
	begin_ns = now();
	TRY(connect(client, (struct sockaddr *)&server, sizeof(server)));
	tell("network", "connect", begin_ns, getpid(), name);
	begin_ns = now();
	taken = TRY(accept4(listening, (struct sockaddr *)&own, &size, SOCK_CLOEXEC));
	tell("network", "accept", begin_ns, getpid(), name);
	TRY(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));	/* no port waits for its end */
	close(client);
	close(taken);
}

static void listen_everywhere(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int yes = 1;

	listening = TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	TRY(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	TRY(bind(listening, (struct sockaddr *)&any, sizeof(any)));
	TRY(listen(listening, 16));
}

static void burst(const char *kind, unsigned n)
{
	if (strcmp(kind, "process") == 0)
		programs(n);
	for (; n > 0 && strcmp(kind, "file") == 0; n--)
		file();
	for (; n > 0 && strcmp(kind, "network") == 0; n--)
		connection();
}

static void unit(unsigned number)
{
	programs(1);
	for (unsigned i = 0; i < FILES; i++)
		file();
	connection();
	if (number % LOGIN_EVERY == 0)
		login_user();
}

/* What of the input is there is a line or more: the other end writes lines as a whole.  false: it has ended. */
static bool obey(void)
{
	char text[512], kind[16];
	ssize_t size = read(STDIN_FILENO, text, sizeof(text) - 1);
	unsigned n;

	if (size <= 0)
		return false;
	text[size] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%15s %u", kind, &n) == 2)
			burst(kind, n);
	return true;
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	static char out[1 << 20];
	int pause_ms;

	if (argc != 4)
		return 2;
	folder = argv[1];
	tiny = argv[2];
	pause_ms = atoi(argv[3]);
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	listen_everywhere();
	for (unsigned i = 1;; i++) {
		int r = poll(&input, 1, pause_ms);

		if (r > 0 && !obey())
			break;
		unit(i);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
