/* network_connect PORT: a TCP connection to 127.0.0.1. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "act.h"

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(argument(argc, argv, 1))),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long fd = CALL(socket, AF_INET, SOCK_STREAM, 0);

	CALL(connect, fd, &to, sizeof(to));
	CALL(close, fd);
	return 0;
}
