/* Taking a path over from a daemon that died needs three steps (ask whether somebody listens, remove,
 * bind), and two daemons that start together could remove each other's socket between them.  So the steps
 * are taken under a lock on the folder; no lock file is left behind. */

#include "control/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/macro.h"

/* Clients that wait to be accepted; the kernel turns more away, with EAGAIN if they do not wait.  As many as may be connected
 * (server.h) can come at once. */
#define BACKLOG 256

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The locked folder, or -1: others lock folders too (systemd-tmpfiles), and a recorder that did not start
 * for that would be worse than the race. */
static int lock_folder(const char *path)
{
	const struct timespec pause = { .tv_nsec = 10000000L };
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;
	int fd;

	memcpy(folder, path, size);
	folder[size] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned tries = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && tries < 100; tries++)
		nanosleep(&pause, NULL);
	return fd;
}

/* 0: nobody listens, the file is gone. */
static int remove_stale(const struct sockaddr_un *address)
{
	_cleanup_(close_fd) int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return -EADDRINUSE;
	/* EAGAIN: somebody listens and has a full queue.  EPROTOTYPE: a datagram socket. */
	if (errno == EAGAIN || errno == EPROTOTYPE)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : -errno;
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int listener_open(struct listener *ret, const char *path)
{
	struct listener listener = { .fd = -1, .address = { .sun_family = AF_UNIX } };
	_cleanup_(close_fd) int folder = -1, fd = -1;
	size_t size = strlen(path);
	struct stat st;
	int r;

	if (size == 0)
		return -EINVAL;
	if (size >= sizeof(listener.address.sun_path))
		return -ENAMETOOLONG;
	memcpy(listener.address.sun_path, path, size);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* bind() makes the file with the mode of the socket's own inode less the umask (net/unix/af_unix.c,
	 * unix_bind_bsd): it never exists with a wider one, and no other thread's umask is touched. */
	if (fchmod(fd, 0600) < 0)
		return -errno;

	folder = lock_folder(path);
	r = remove_stale(&listener.address);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&listener.address, sizeof(listener.address)) < 0)
		return -errno;
	if (lstat(path, &st) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	listener.fd = fd;
	fd = -1;
	listener.device = st.st_dev;
	listener.inode = st.st_ino;
	*ret = listener;
	return 0;
}

void listener_close(struct listener *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	/* Before the socket is closed: as long as it listens nobody takes the path over. */
	if (lstat(listener->address.sun_path, &st) == 0 && st.st_dev == listener->device &&
	    st.st_ino == listener->inode)
		unlink(listener->address.sun_path);
	close(listener->fd);
	listener->fd = -1;
}
