/* network_listen: waits on some TCP port of 127.0.0.1 for nobody; says which. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "act.h"

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	long fd = CALL(socket, AF_INET, SOCK_STREAM, 0);

	CALL(bind, fd, &at, sizeof(at));
	CALL(listen, fd, 1);
	CALL(getsockname, fd, &at, &size);
	printf("%u\n", ntohs(at.sin_port));
	return 0;
}
