#pragma once
/* The definitions of services and tasks that this host has (event/definition.h), and what has become of one that somebody touched.
 * Bounded: of more than DEFINITION_FILES_MAX it is not known whether they were there before. */

#include "base/buffer.h"
#include "source/digest.h"

#define DEFINITION_FILES_MAX 16384
#define DEFINITION_TEXT_MAX ((size_t)16 << 10)	/* bytes of a definition that are told */
#define DEFINITION_SETTLE_NS (300 * NS_PER_MS)	/* nobody has written to it for so long */

struct definition_files;
/* root: the folder that the paths begin in, "" for the host's.  Borrowed.  0 or -ENOMEM. */
int definition_files_new(struct definition_files **ret, const char *root);
struct definition_files *definition_files_free(struct definition_files *files);
DEFINE_CLEANUP(struct definition_files, definition_files_free)

/* Learns those in a folder, as they are, but what has changed since then: that will be told.  0 or -ENOMEM; a folder that is not there has
 * none. */
int definition_files_scan(struct definition_files *files, struct digester *digester, const char *folder, bool is_deep, uint64_t since_ns);

/* Looks at one, and appends what a RECORD_DEFINITION says of it.  0; -EAGAIN: it is being written to (may_wait); -ENOMEM; -ECANCELED as
 * of digester_read(). */
int definition_files_look(struct definition_files *files, struct digester *digester, const char *path, bool may_wait, uint64_t now_ns,
			  struct buffer *text);
