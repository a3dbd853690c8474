#pragma once
/* Both ends of a socket of the internet, as the host tells them. */

#include <stdbool.h>
#include <stdint.h>

struct socket_end {
	uint8_t ip[16];			/* network order; of a mapped address the four bytes it maps */
	uint8_t ip_size;		/* 4, 16; 0: there is none */
	uint16_t port;			/* 0: there is none */
};

struct socket_ends {
	struct socket_end local, remote;
};
