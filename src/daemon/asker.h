#pragma once
/* What the pipeline asks the host: processes, their descriptors and sockets, where paths lead, names of users and groups, digests.  In the
 * core's thread.  Answers go into the capture, before the record whose handling asked (pipeline/answers.h). */

#include "daemon/hasher.h"
#include "pipeline/pipeline.h"
#include "source/capture.h"
#include "source/mounts.h"
#include "source/procfs.h"
#include "source/users.h"

struct asker {
	struct procfs *procfs;		/* borrowed, as all but mounts; NULL: processes and paths are not asked for */
	struct users *users;		/* NULL: no names */
	struct hasher *hasher;		/* NULL: no digests */
	struct capture *capture;	/* NULL: nothing is kept */
	atomic_bool *resolve_sockets;	/* whether the other end of sockets is looked for, now; NULL: never */
	struct mounts *mounts;
	uint64_t now_ns;		/* since 1970, of the caller */
};

/* 0 or -ENOMEM; the other members are set. */
int asker_init(struct asker *asker);
void asker_release(struct asker *asker);
/* *options asks it, which lives as long as they are used. */
void asker_serve(struct asker *asker, struct pipeline_options *options);
/* Into the capture, unless the text has failed. */
void asker_keep(struct asker *asker, uint32_t type, struct buffer *text);
/* The times of receipt, and what happened for lack of records, are in no record: the clock that they gave is one. */
void asker_keep_clock(struct asker *asker, uint64_t now_ns, const char *what);
