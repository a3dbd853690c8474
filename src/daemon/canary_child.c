/* See canary_child.h.  It is this program once more, so that nothing else has to be there: by its path, for the name that it is
 * seen with, or by /proc/self/exe where another file lies there by now. */

#include "daemon/canary_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"
#include "daemon/privileges.h"

#define SELF "/proc/self/exe"

struct program {
	char path[PATH_MAX];
};

static struct program own_program(void)
{
	struct program program = { SELF };
	struct stat there, self;
	ssize_t n = readlink(SELF, program.path, sizeof(program.path) - 1);

	program.path[MAX(n, 0)] = 0;
	if (n <= 0 || stat(program.path, &there) < 0 || stat(SELF, &self) < 0 || there.st_dev != self.st_dev ||
	    there.st_ino != self.st_ino)
		return (struct program){ SELF };
	return program;
}

void canary_child_name(char ret[static 16])
{
	struct program program = own_program();

	snprintf(ret, 16, "%.15s", strrchr(program.path, '/') + 1);
}

static void on_closed(uv_handle_t *handle)
{
	struct canary_child *child = handle->data;

	child->is_there = false;
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct canary_child *child = process->data;

	child->has_ended = true;
	child->ended(child->user, status != 0 || signal != 0);
	uv_close((uv_handle_t *)process, on_closed);
}

int canary_child_start(struct canary_child *child, uv_loop_t *loop, uint32_t tag, const char *file,
		       void (*ended)(void *user, bool undone), void *user)
{
	struct program program = own_program();
	char tag_text[16], word[] = "canary", name[] = "recorder", *file_text = strdup(file);
	char *arguments[] = { name, word, tag_text, file_text, NULL }, *environment[] = { NULL };
	uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE }, { .flags = UV_IGNORE }, { .flags = UV_IGNORE } };
	const uv_process_options_t options = {
		.exit_cb = on_child_exit, .file = program.path, .args = arguments, .env = environment,
		.stdio_count = 3, .stdio = stdio, .cwd = "/",
	};
	int r;

	if (child->is_there) {
		free(file_text);
		return -EBUSY;
	}
	if (!file_text)
		return -ENOMEM;
	snprintf(tag_text, sizeof(tag_text), "%08x", tag);
	*child = (struct canary_child){ .is_there = true, .ended = ended, .user = user };
	child->process.data = child;
	r = uv_spawn(loop, &child->process, &options);
	free(file_text);
	if (r < 0) {	/* the handle is there all the same */
		child->has_ended = true;
		uv_close((uv_handle_t *)&child->process, on_closed);
	}
	return r;
}

void canary_child_end(struct canary_child *child)
{
	if (child->is_there && !child->has_ended)
		uv_process_kill(&child->process, SIGKILL);
}

/* In the child. */

static int write_file(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool written;

	if (fd < 0)
		return -errno;
	written = write(fd, "canary\n", 7) == 7;
	close(fd);
	if (unlink(file) < 0)
		return -errno;
	return written ? 0 : -EIO;
}

/* A port that somebody has and nobody listens on: it is certainly closed. */
static int connect_in_vain(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (taken < 0 || fd < 0 || bind(taken, (const struct sockaddr *)&address, size) < 0 ||
	    getsockname(taken, (struct sockaddr *)&address, &size) < 0)
		r = -errno;
	else if (connect(fd, (const struct sockaddr *)&address, size) == 0 || errno != ECONNREFUSED)
		r = -EIO;
	if (taken >= 0)
		close(taken);
	if (fd >= 0)
		close(fd);
	return r;
}

int canary_child_act(const char *file)
{
	int written, connected;

	if (privileges_drop_all() < 0)
		return 1;
	written = write_file(file);
	connected = connect_in_vain();

	return written < 0 || connected < 0;
}
