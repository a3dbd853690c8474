#pragma once
/* What single values mean: socket addresses, modes, errors, flags, capabilities. */

#include "base/buffer.h"
#include "decode/audit_text.h"

#define SOCKET_PATH_MAX 128

struct socket_address {
	unsigned family;		/* AF_*; 0 (AF_UNSPEC) too */
	uint8_t ip[16];
	uint8_t ip_size;		/* 4, 16, or 0: none */
	bool has_port;
	uint16_t port;
	bool has_path;			/* unix: `path`, `@` first if abstract */
	char path[SOCKET_PATH_MAX];
	uint8_t path_size;
	uint32_t netlink_pid;
};

/* saddr= in hex, or as ausearch -i and auditd write it: { saddr_fam=inet laddr=1.2.3.4 lport=80 }. */
bool socket_address_parse(struct audit_value value, struct socket_address *ret);
/* "ipv4"; a family without a name: "family-29". */
const char *socket_family_name(unsigned family, char ret[static 16]);

/* 0100644, or `file,644` of ausearch -i. */
bool mode_parse(struct audit_value value, uint32_t *ret);
const char *mode_type(uint32_t mode);	/* file, dir, symlink, char, block, fifo, socket; NULL */

/* exit=: -13, `EACCES(Permission denied)`. */
bool exit_parse(struct audit_value value, int64_t *ret);
/* "EACCES"; a number nobody knows: the number. */
const char *error_name(int64_t error, char ret[static 24]);

/* "O_WRONLY|O_CREAT": open(2) by the values of x86, or of ARM and Power. */
void open_flags_text(struct buffer *buffer, uint64_t flags, bool x86_flags);
void mount_flags_text(struct buffer *buffer, uint64_t flags);
void memfd_flags_text(struct buffer *buffer, uint64_t flags);
void clone_flags_text(struct buffer *buffer, uint64_t flags, char separator);	/* `pid namespace` */
const char *signal_name(uint64_t number);	/* "SIGKILL", NULL */
const char *capability_name(unsigned number);	/* "net_admin", NULL */

/* A text address (4 or 16 bytes) -> its size, 0: none. */
uint8_t ip_parse(struct span text, uint8_t ret[static 16]);
