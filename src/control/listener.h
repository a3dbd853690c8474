#pragma once
/* A listening unix socket that no one but its owner can reach. */

#include <sys/types.h>
#include <sys/un.h>

struct listener {
	int fd;				/* non-blocking; -1: closed */
	struct sockaddr_un address;
	dev_t device;			/* of the file, to know it again */
	ino_t inode;
};

/* Makes the socket at path with mode 0600.  A socket file that nobody listens behind is replaced.
 * 0; -EADDRINUSE: somebody listens there; -EEXIST: a file that is no socket; -ENAMETOOLONG; -errno. */
int listener_open(struct listener *ret, const char *path);
/* Removes the file, unless it is another's by now. */
void listener_close(struct listener *listener);
