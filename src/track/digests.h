#pragma once
/* Hashes of files by version (event/file_version.h), as far as events recorder.hash told them, and which versions are to be hashed.
 * Bounded: of more than DIGESTS_MAX those met least lately are forgotten, and hashed anew when they are met again.  Inside `track`
 * only. */

#include "base/clock.h"
#include "event/event.h"

#define DIGESTS_MAX 4096

struct digests;

int digests_new(struct digests **ret);
struct digests *digests_free(struct digests *digests);
void digests_clear(struct digests *digests);

/* A version is met.  true: its hashes are not known, or it is a script and what stands in it was not asked for yet, and somebody is to be
 * asked; from now on they are pending, or what is known of them may change. */
bool digests_want(struct digests *digests, uint64_t id, bool is_script, uint64_t now_ns);
/* An event recorder.hash.  0 or -ENOMEM. */
int digests_learn(struct digests *digests, const struct event *event);
/* Counts up whenever hashes become known. */
uint32_t digests_generation(const struct digests *digests);

/* Where an event or a context has them. */
struct digest_fields {
	enum field id, state, md5, sha1, sha256;
};
extern const struct digest_fields digest_of_program, digest_of_script;	/* of a context */
extern const struct digest_fields digest_of_library, digest_of_driver;	/* of an event */

/* What the values do not say of the version that they name. */
bool digests_know_more(const struct digests *digests, const struct values *values, const struct digest_fields *of);
bool digests_know_more_of_context(const struct digests *digests, const struct values *context);
/* The same into the values; as sure as the version is. */
void digests_fill(const struct digests *digests, struct values *values, const struct digest_fields *of);
void digests_fill_context(const struct digests *digests, struct values *context);
