#pragma once
/* Names of users and groups of this host, from its passwd and group files.
 *
 * Never through NSS: a name service may ask the network, run foreign code, and block for minutes; accounts
 * that only a directory server knows have no name here, their number is kept. */

#include "base/macro.h"
#include "base/span.h"

struct users;

int users_new(struct users **ret, const char *passwd_path, const char *group_path);	/* 0 or -ENOMEM */
struct users *users_free(struct users *users);
DEFINE_CLEANUP(struct users, users_free)

/* Empty if there is no such account. Borrowed until the next call. The files are looked at again when now_ns
 * (stream time) is a second or more away from the last look. */
struct span users_user_name(struct users *users, uint32_t uid, uint64_t now_ns);
struct span users_group_name(struct users *users, uint32_t gid, uint64_t now_ns);
/* The numbers that users_user_name() gives this name for: how many there are, of which ret has the first n. */
size_t users_user_ids(struct users *users, struct span name, uint64_t now_ns, uint32_t *ret, size_t n);
