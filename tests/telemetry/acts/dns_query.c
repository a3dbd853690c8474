/* dns_query: asks the name server of 127.0.0.1 for the address of telemetry.example, by a datagram, and reads the answer. */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "act.h"

int main(void)
{
	static const unsigned char question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
						"\x09telemetry\x07" "example\x00\x00\x01\x00\x01";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned char answer[512];
	long fd = CALL(socket, AF_INET, SOCK_DGRAM, 0);

	CALL(sendto, fd, question, sizeof(question) - 1, 0, &to, sizeof(to));
	CALL(recvfrom, fd, answer, sizeof(answer), 0, 0, 0);
	return 0;
}
