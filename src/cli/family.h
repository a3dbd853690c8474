#pragma once
/* A process and all its descendants. */

#include "cli/process_name.h"
#include "cli/screen.h"
#include "sink/history.h"

struct family;

int family_new(struct family **ret);
struct family *family_free(struct family *family);
DEFINE_CLEANUP(struct family, family_free)

/* Processes that a name means: a pid is used again. */
struct family_member {
	uint64_t entity_id;
	uint64_t start_ns, end_ns;	/* 0: unknown / not known to have ended */
};
struct family_heads {
	struct family_member members[8];	/* the latest of them */
	size_t n, n_all;
};
/* at_ns: only what ran then; 0: all. */
int family_heads(struct history *history, const struct process_name *name, uint64_t at_ns, struct family_heads *ret);
/* Finds all descendants of a process that the history knows. */
int family_find(struct family *family, struct history *history, uint64_t entity_id);

/* The one process that a person named, with its descendants. */
struct family_wish {
	const char *command;		/* for messages */
	const char *who;		/* as it was named */
	struct process_name name;
	uint64_t at_ns;
	const struct screen *screen;
};
/* 0, or an exit code after the error has been printed. */
int family_of(struct family **ret, struct family_member *ret_head, struct history *history, const struct family_wish *wish);

/* For who finds them in another way, parents first. */
int family_add(struct family *family, const struct context *context);
int family_add_id(struct family *family, uint64_t entity_id);
/* Also of one that was born after the others were found. */
bool family_has(const struct family *family, const struct context *context);
size_t family_size(const struct family *family);
