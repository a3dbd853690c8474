#pragma once
/* Another program that knows the digests of files, asked instead of reading them: FileInfoProviderDomain and FileInfoProviderName.
 *
 * It listens on the unix socket /run/DOMAIN/NAME.sock and is root's, or what it says is not taken.  A line of JSON is asked:
 *	{"command":"file-info","path":"/bin/ls","device":64768,"inode":7,"size":142312,"mtime":NS,"ctime":NS}
 * and a line is the answer:
 *	{"ok":true,"md5":"32 hex digits","sha1":"40","sha256":"64"}		of that version of the file; md5, sha1 may be missing
 *	{"ok":false,"error":"why"}					it does not know
 * Which version of the file is meant the recorder looks at itself, before and after. */

#include "source/digest.h"

#define FILE_INFO_TIMEOUT_MS 400
#define FILE_INFO_BACKOFF_NS (60 * NS_PER_SEC)	/* after a failure nobody is asked for so long */

struct file_info;
/* socket_path: copied.  Nothing is opened until it is asked.  0 or -ENOMEM. */
int file_info_new(struct file_info **ret, const char *socket_path);
struct file_info *file_info_free(struct file_info *info);
DEFINE_CLEANUP(struct file_info, file_info_free)
const char *file_info_path(const struct file_info *info);

/* 0: md5, sha1 and sha256 of *ret are set, zeros where it says none; -ENODATA: it does not know; -EAGAIN: it failed lately; another
 * -errno: it cannot be asked (-EPERM: it is not root's; -EBADMSG: what it said is no answer; -ETIMEDOUT).  One thread.  now_ns:
 * CLOCK_MONOTONIC. */
int file_info_ask(struct file_info *info, const char *path, const struct file_stamp *version, uint64_t now_ns, struct digest *ret);
