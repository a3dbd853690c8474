#pragma once
/* Processes as /proc shows them, as records of type RECORD_PROCESS:
 *	recorder(SEC.NS:PID): pid=1 ppid=0 start_ticks=123 uid= euid= suid= fsuid= gid= egid= sgid= fsgid=
 *	auid= ses= comm= exe= argc=1 args=HEX(each ended by a NUL) cwd= tty= container= runtime= unit= ns= groups=1,2[,...] from=
 * in any order; from: address of the peer in SSH_CONNECTION (sshd(8)) of a process that has a login session, which is the process's
 * own to change. Texts are in the quoting of audit: "text" or hex. What is not known is left out. The serial
 * is the pid: together with the time it makes the id of the event unique. */

#include "base/buffer.h"
#include "event/record.h"

struct procfs;
/* Keeps /proc open, so that it still works after privileges are dropped.  All that follows may run in several threads at once. */
int procfs_open(struct procfs **ret, bool tells_groups);
struct procfs *procfs_free(struct procfs *procfs);
DEFINE_CLEANUP(struct procfs, procfs_free)
/* Every process, parents before children where their order allows it.  0 or what emit returned. */
int procfs_snapshot(const struct procfs *procfs, uint64_t now_ns, record_fn emit, void *user);
/* One process into `text` (appended): a whole record as above whose body begins `lookup=1 pid=` (the mark
 * by which a capture that is replayed tells answers from the snapshot).  0; -ESRCH: there is none. */
int procfs_lookup(const struct procfs *procfs, uint64_t now_ns, uint32_t pid, struct buffer *text);
/* The path behind an open descriptor of a process, or its working directory for AT_FDCWD; NUL-terminated.
 * Of a folder that was removed the path it had. 0; -errno: none, or it does not fit. Not every answer is a
 * path: `pipe:[1]`. */
int procfs_readlink_fd(const struct procfs *procfs, uint32_t pid, int32_t fd, char *ret, size_t size);
/* Random id of this boot; when it was, since 1970, as the clock says now (milliseconds; a clock that is
 * set or steered moves it: ids of processes are made of ticks since boot and do not depend on it). */
int procfs_boot(char ret_id[static 37], uint64_t *ret_time_ns);
