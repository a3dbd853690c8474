#pragma once
/* The hasher thread: digests of the files that events name (programs, scripts, libraries, drivers), what stands in scripts, and what has
 * become of definitions of services and tasks, and of accounts, that somebody touched, behind everybody else.  Nobody is kept waiting: who
 * asks goes on at once, and what has become of the file is a RECORD_DIGEST, a RECORD_DEFINITION or some RECORD_ACCOUNT later.  Of a file whose
 * digests are known from before it only looks whether it is still the
 * same. */

#include "base/clock.h"
#include "daemon/pace.h"
#include "event/file_version.h"
#include "event/record.h"

struct hasher_options {
	uint64_t max_bytes;		/* MaxHashSizeMB: of larger files only that is told */
	size_t buffer_bytes;		/* DigestBufferSizeKB */
	uint32_t cache_entries;		/* HashCacheSize */
	const char *cache_path;		/* copied; NULL: the cache is not kept */
	uint64_t save_ns;		/* ProcessorCacheWriteIntervalSecs */
	bool fuzzy;			/* EnableFuzzyHash */
	bool texts;			/* EnableScriptContent */
	unsigned cpu_percent;		/* of a processor that it takes at most while it reads, and base/leisure.h at most; 0: all */
	const char *provider;		/* socket of a program that is asked for digests, see source/file_info.h; copied; NULL: none */
	bool definitions;		/* it learns at its start which there are */
	const char *root;		/* where they are looked for; NULL: the host's.  Borrowed */
	/* In its thread: one for each file that was asked for.  Borrowed until it returns; < 0: it is not taken. */
	record_fn tell;
	void *user;
};

struct hasher_stats {
	uint64_t asked, hashed, from_cache, failed, bytes;
	uint64_t forgotten;		/* no room to remember that they are to be read, or to tell of it: nothing is told of them */
	uint32_t waiting, cached;
};

struct hasher;
int hasher_start(struct hasher **ret, const struct hasher_options *options);
/* Of what waits it is told that it was skipped; nothing is told after it returned, within two seconds: a file system that does not answer
 * keeps the thread, which is left. */
void hasher_stop(struct hasher *hasher);
/* It was left behind: what it tells by must stay. */
bool hasher_is_left(const struct hasher *hasher);
/* Of one that is stopped. */
struct hasher *hasher_free(struct hasher *hasher);
/* Any thread.  The wish is copied. */
void hasher_ask(struct hasher *hasher, const struct hash_wish *wish);
/* A definition was touched: when nobody has written to it for a moment, but within HASHER_LOOK_NS, a RECORD_DEFINITION says what has become
 * of it.  One is enough for all touches of that time.  Of the files of accounts: a RECORD_ACCOUNT for each account that differs. */
#define HASHER_LOOK_NS (5 * NS_PER_SEC)
void hasher_look(struct hasher *hasher, struct span path);
/* From now on what stands in scripts is told, or not. */
void hasher_set_texts(struct hasher *hasher, bool texts);
/* Behind at first; beside while events wait for what it finds, so that full processors do not make them wait in vain.  By who may make a
 * thread faster; any other: it stays behind. */
void hasher_set_pace(struct hasher *hasher, enum pace pace);
void hasher_stats(struct hasher *hasher, struct hasher_stats *ret);
