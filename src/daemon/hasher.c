/* See hasher.h.
 *
 * The file is opened by way of the process, which sees it whatever its name is by now, then by its path; what is opened counts only if
 * it is the version that was asked for.  The device may be another one than stat(2) says (btrfs, overlayfs have devices of their own
 * for that): the program of a process is known without. */

#include "daemon/hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/leisure.h"
#include "base/log.h"
#include "control/file.h"
#include "daemon/confine.h"
#include "event/account.h"
#include "event/definition.h"
#include "source/account_files.h"
#include "source/definition_files.h"
#include "source/digest_cache.h"
#include "source/file_info.h"
#include "source/own_files.h"
#include "source/script_text.h"

#define MAX_WAITING 4096
#define MAX_CACHE_BYTES ((size_t)256 << 20)
#define MAX_LOOKS 1024
#define FILE_CLOCK_NS (20 * NS_PER_MS)	/* the clock of files is so far behind at most: a tick (HZ=100), and a moment */
#define END_NS (2 * NS_PER_SEC)
/* Who makes ever more scripts does not fill the history with them: so many bytes at once, and so many a second in the long run. */
#define TEXTS_AT_ONCE ((uint64_t)8 << 20)
#define TEXTS_A_SECOND 1024

struct waiting {
	struct waiting *next;
	struct hash_wish wish;		/* its path lies behind */
	char path[];
};

/* A definition, or a file of accounts, that is to be looked at. */
struct look {
	struct look *next;
	uint64_t due_ns, end_ns;	/* CLOCK_MONOTONIC: when, and when at the latest */
	char path[];
};

struct hasher {
	struct hasher_options options;
	char *cache_path;
	pthread_t thread;
	pid_t tid;			/* 0: it has not begun */
	enum pace pace;
	pthread_mutex_t lock;
	pthread_cond_t asked, ended;
	struct waiting *first, **last;
	struct look *looks;
	unsigned n_looks;
	bool stop, has_ended;
	bool is_left;			/* the thread hangs: what it uses stays, and it tells nothing any more */
	struct hasher_stats stats;
	atomic_bool texts;

	/* The thread's own: */
	struct digester *digester;
	struct digest_cache *cache;
	struct definition_files *definitions;
	struct account_files *accounts;
	struct file_info *provider;	/* NULL: nobody else is asked */
	struct buffer text;
	bool is_changed;		/* the cache, since it was saved */
	uint64_t saved_ns, cpu_ns;
	uint64_t started_ns;		/* since 1970 */
	uint64_t look_ns, n_said;	/* of this look at accounts: when, and how many were told of */
	uint64_t texts_left, texts_ns;	/* what may be told of scripts, as of when */
	struct script_text script;
};

void hasher_ask(struct hasher *hasher, const struct hash_wish *wish)
{
	struct waiting *waiting = malloc(sizeof(*waiting) + wish->path.size + 1);

	if (waiting) {
		*waiting = (struct waiting){ .wish = *wish };
		if (wish->path.size > 0)
			memcpy(waiting->path, wish->path.data, wish->path.size);
		waiting->path[wish->path.size] = 0;
	}
	pthread_mutex_lock(&hasher->lock);
	hasher->stats.asked++;
	if (waiting && hasher->stats.waiting < MAX_WAITING && !hasher->stop) {
		*hasher->last = waiting;
		hasher->last = &waiting->next;
		hasher->stats.waiting++;
		waiting = NULL;
		pthread_cond_signal(&hasher->asked);
	} else {
		hasher->stats.forgotten++;
	}
	pthread_mutex_unlock(&hasher->lock);
	free(waiting);
}

static struct look **look_of(struct hasher *hasher, const char *path)
{
	struct look **look = &hasher->looks;

	while (*look && strcmp((*look)->path, path) != 0)
		look = &(*look)->next;
	return look;
}

void hasher_look(struct hasher *hasher, struct span path)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct look *look = malloc(sizeof(*look) + path.size + 1), **place;

	if (look) {
		*look = (struct look){ .due_ns = now_ns + DEFINITION_SETTLE_NS, .end_ns = now_ns + HASHER_LOOK_NS };
		memcpy(look->path, path.data, path.size);
		look->path[path.size] = 0;
	}
	pthread_mutex_lock(&hasher->lock);
	place = look ? look_of(hasher, look->path) : NULL;
	if (place && *place) {
		(*place)->due_ns = MIN(look->due_ns, (*place)->end_ns);
	} else if (place && hasher->n_looks < MAX_LOOKS && !hasher->stop) {
		*place = look;
		hasher->n_looks++;
		look = NULL;
		pthread_cond_signal(&hasher->asked);
	} else {
		hasher->stats.forgotten++;
	}
	pthread_mutex_unlock(&hasher->lock);
	free(look);
}

void hasher_set_texts(struct hasher *hasher, bool texts)
{
	atomic_store(&hasher->texts, texts);
}

/* With the lock. */
static void set_pace(struct hasher *hasher, enum pace pace)
{
	if (hasher->stop || hasher->pace == pace)
		return;
	hasher->pace = pace;
	if (hasher->tid)
		pace_of_idle(hasher->tid, pace);
}

void hasher_set_pace(struct hasher *hasher, enum pace pace)
{
	pthread_mutex_lock(&hasher->lock);
	set_pace(hasher, pace);
	pthread_mutex_unlock(&hasher->lock);
}

void hasher_stats(struct hasher *hasher, struct hasher_stats *ret)
{
	pthread_mutex_lock(&hasher->lock);
	*ret = hasher->stats;
	pthread_mutex_unlock(&hasher->lock);
}

/* Files */

struct found {
	const char *state;		/* as in file.hash.state */
	bool was_known;
	bool is_foreign;		/* another program told: nothing but the hashes is known */
	struct digest digest;		/* of the states ok and too_big */
	bool has_text, is_untold;	/* of the script, in hasher->script; it is not told, though it should be */
};

static int open_file(const char *path)
{
	/* A FIFO is not waited for, a terminal not taken; who last read a file is not changed, where that is allowed. */
	int fd = own_files_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOATIME);

	return fd < 0 && errno == EPERM ? own_files_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : fd;
}

static bool is_version(const struct file_stamp *stamp, const struct file_version *version)
{
	return stamp->inode == version->inode && stamp->device == version->device && stamp->ctime_ns == version->changed_ns;
}

/* Nobody writes to a program while it runs (ETXTBSY), but its name may be removed and its mode changed. */
static bool is_run(const struct file_stamp *stamp, const struct file_version *version)
{
	return stamp->inode == version->inode && stamp->mtime_ns <= version->changed_ns;
}

/* -ENOENT: it is not there any more, or never was where we can see it; -ESTALE: it is of another version by now; -EBUSY: it is our own
 * database. */
static int open_wished(const struct waiting *waiting, struct file_stamp *ret)
{
	const struct hash_wish *wish = &waiting->wish;
	char by_process[2][PATH_MAX + 32];
	const char *ways[3] = { NULL, waiting->path, NULL };
	int r = -ENOENT;

	if (wish->is_program && wish->pid) {
		snprintf(by_process[0], sizeof(by_process[0]), "/proc/%u/exe", wish->pid);
		ways[0] = by_process[0];
	}
	if (wish->pid && snprintf(by_process[1], sizeof(by_process[1]), "/proc/%u/root%s", wish->pid, waiting->path) <
				 (int)sizeof(by_process[1]))
		ways[2] = by_process[1];
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int fd = ways[i] && ways[i][0] ? open_file(ways[i]) : -1;

		if (fd < 0 && ways[i] && errno == EBUSY)
			r = -EBUSY;
		if (fd >= 0 && file_stamp_of(fd, ret) == 0) {
			if (i == 0 ? is_run(ret, &wish->version) : is_version(ret, &wish->version))
				return fd;
			if (ret->inode == wish->version.inode && ret->device == wish->version.device)
				r = -ESTALE;
		}
		if (fd >= 0)
			close(fd);
	}
	return r;
}

/* A share of the time. */
static bool on_pause(void *user, size_t bytes)
{
	struct hasher *hasher = user;
	unsigned percent = MIN(hasher->options.cpu_percent, leisure_percent());
	uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), nap_ns = 0;
	struct timespec until;
	bool stop;

	if (percent > 0 && percent < 100)
		nap_ns = MIN((cpu_ns - hasher->cpu_ns) * (100 - percent) / percent, NS_PER_SEC);
	hasher->cpu_ns = cpu_ns;
	until = clock_after(nap_ns);
	pthread_mutex_lock(&hasher->lock);
	hasher->stats.bytes += bytes;
	while (!hasher->stop && nap_ns > 0 && pthread_cond_timedwait(&hasher->asked, &hasher->lock, &until) != ETIMEDOUT)
		;
	stop = hasher->stop;
	pthread_mutex_unlock(&hasher->lock);
	return stop;
}

static bool may_tell(struct hasher *hasher, size_t size)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	hasher->texts_left += (now_ns - hasher->texts_ns) / NS_PER_MS * TEXTS_A_SECOND / 1000;
	hasher->texts_left = MIN(hasher->texts_left, TEXTS_AT_ONCE);
	hasher->texts_ns = now_ns - now_ns % NS_PER_MS;
	if (hasher->texts_left < size)
		return false;
	hasher->texts_left -= size;
	return true;
}

static void take_text(struct hasher *hasher, const struct hash_wish *wish, int fd, struct found *found)
{
	struct script_text *script = &hasher->script;

	found->is_untold = script_text_read(fd, &found->digest.version, wish, script) < 0 || !may_tell(hasher, script->size);
	found->has_text = !found->is_untold && script->size > 0;
}

static bool tells_enough(const struct hasher *hasher, const struct digest *known)
{
	return known->is_fuzzy || !hasher->options.fuzzy || known->state != DIGEST_OK;
}

/* Another program may know: it is not kept here, since that one does.  false: nobody knows. */
static bool ask_provider(struct hasher *hasher, const struct waiting *waiting, int fd, const struct file_stamp *stamp, struct found *ret)
{
	struct file_stamp now;
	int r = hasher->provider ? file_info_ask(hasher->provider, waiting->path, stamp, clock_ns(CLOCK_MONOTONIC), &ret->digest) : -ENODATA;

	if (r < 0) {
		if (r != -ENODATA && r != -EAGAIN)
			log_errno(r, "Failed to ask %s for hashes, reading files for a minute", file_info_path(hasher->provider));
		return false;
	}
	ret->digest.version = *stamp;
	ret->is_foreign = true;
	ret->state = file_stamp_of(fd, &now) == 0 && file_stamp_is(&now, stamp) ? "ok" : "changed";
	return true;
}

/* true: what it read is that of one version. */
static bool read_digest(struct hasher *hasher, int fd, const struct file_stamp *stamp, struct found *ret)
{
	int r;

	hasher->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	r = digester_read(hasher->digester, fd, &ret->digest);
	if (r < 0)
		ret->state = r == -ECANCELED || r == -ENOMEM ? "skipped" : "unreadable";
	else if (!file_stamp_is(&ret->digest.version, stamp))
		ret->state = "changed";
	else
		ret->state = digest_state_names[ret->digest.state];
	if (r < 0 || (ret->digest.state != DIGEST_OK && ret->digest.state != DIGEST_TOO_BIG))
		return false;
	digest_cache_put(hasher->cache, &ret->digest);
	hasher->is_changed = true;
	return true;
}

static void hash(struct hasher *hasher, const struct waiting *waiting, struct found *ret)
{
	struct file_stamp stamp = { 0 };
	_cleanup_(file_close) int fd = open_wished(waiting, &stamp);
	const struct digest *known;
	bool has_version;

	*ret = (struct found){ .state = fd == -ESTALE ? "changed" : fd == -EBUSY ? "skipped" : "gone" };
	if (fd < 0)
		return;
	known = digest_cache_find(hasher->cache, &stamp);
	if (known && tells_enough(hasher, known)) {
		*ret = (struct found){ .state = digest_state_names[known->state], .was_known = true, .digest = *known };
		has_version = true;
	} else if (ask_provider(hasher, waiting, fd, &stamp, ret)) {
		has_version = strcmp(ret->state, "ok") == 0;
	} else {
		has_version = read_digest(hasher, fd, &stamp, ret);
	}
	if (has_version && waiting->wish.is_script && atomic_load(&hasher->texts))
		take_text(hasher, &waiting->wish, fd, ret);
}

/* What is told */

static void put_hex(struct buffer *text, const char *key, const unsigned char *bytes, size_t size)
{
	buffer_append_text(text, key);
	for (size_t i = 0; i < size; i++)
		buffer_printf(text, "%02x", bytes[i]);
	buffer_append_byte(text, '"');
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void put_digest(struct buffer *text, const struct found *found)
{
	const struct digest *digest = &found->digest;
	bool is_ok = strcmp(found->state, "ok") == 0;

	if (!is_ok && strcmp(found->state, "too_big") != 0)
		return;
	buffer_printf(text, " size=%llu mtime=%llu", (unsigned long long)digest->version.size,
		      (unsigned long long)digest->version.mtime_ns);
	if (digest->header_size > 0)
		put_hex(text, " header=\"", digest->header, digest->header_size);
	if (!is_ok)
		return;
	if (!found->is_foreign)
		buffer_printf(text, " entropy=%u", digest->entropy);
	/* A library of FIPS knows no MD5. */
	if (!is_zero(digest->md5, sizeof(digest->md5)))
		put_hex(text, " md5=\"", digest->md5, sizeof(digest->md5));
	if (!is_zero(digest->sha1, sizeof(digest->sha1)))
		put_hex(text, " sha1=\"", digest->sha1, sizeof(digest->sha1));
	put_hex(text, " sha256=\"", digest->sha256, sizeof(digest->sha256));
	if (digest->tlsh[0])
		buffer_printf(text, " tlsh=\"%s\"", digest->tlsh);
}

static void count(struct hasher *hasher, const struct found *found)
{
	bool is_known = found->digest.version.inode != 0 && (strcmp(found->state, "ok") == 0 || strcmp(found->state, "too_big") == 0);

	pthread_mutex_lock(&hasher->lock);
	hasher->stats.hashed += is_known && !found->was_known;
	hasher->stats.from_cache += found->was_known;
	hasher->stats.failed += !is_known;
	hasher->stats.cached = digest_cache_size(hasher->cache);
	pthread_mutex_unlock(&hasher->lock);
}

static bool is_left(struct hasher *hasher)
{
	bool is_left;

	pthread_mutex_lock(&hasher->lock);
	is_left = hasher->is_left;
	pthread_mutex_unlock(&hasher->lock);
	return is_left;
}

static void forget(struct hasher *hasher)
{
	pthread_mutex_lock(&hasher->lock);
	hasher->stats.forgotten++;
	pthread_mutex_unlock(&hasher->lock);
}

/* The text.  What nobody takes is counted: nothing is told of that file. */
static void say(struct hasher *hasher, uint32_t type, uint64_t now_ns)
{
	const struct record record = { .type = type, .time_ns = now_ns, .text = buffer_span(&hasher->text) };

	if (!is_left(hasher) && (buffer_error(&hasher->text) < 0 || hasher->options.tell(hasher->options.user, &record) < 0))
		forget(hasher);
}

static void tell(struct hasher *hasher, const struct waiting *waiting, const struct found *found)
{
	const struct file_version *version = &waiting->wish.version;
	struct buffer *text = &hasher->text;
	uint64_t now_ns = clock_now_ns();

	count(hasher, found);
	buffer_clear(text);
	record_put_head(text, now_ns, 0);
	buffer_printf(text, " device=%llu inode=%llu ctime=%llu state=%s", (unsigned long long)version->device,
		      (unsigned long long)version->inode, (unsigned long long)version->changed_ns, found->state);
	put_digest(text, found);
	buffer_append_text(text, " path=");
	record_put_hex(text, span_of(waiting->path));
	if (found->has_text) {
		buffer_append_text(text, " text=");
		record_put_hex(text, (struct span){ hasher->script.bytes, hasher->script.size });
	}
	if (found->has_text && hasher->script.is_cut)
		buffer_append_text(text, " cut=1");
	if (found->is_untold)
		buffer_append_text(text, " untold=1");
	say(hasher, RECORD_DIGEST, now_ns);
}

/* Definitions */

static int learn(void *user, const char *folder, bool is_deep)
{
	struct hasher *hasher = user;

	return definition_files_scan(hasher->definitions, hasher->digester, folder, is_deep, hasher->started_ns);
}

/* Somebody is writing to it: later. */
static void put_off(struct hasher *hasher, struct look *look)
{
	look->due_ns = MIN(clock_ns(CLOCK_MONOTONIC) + DEFINITION_SETTLE_NS, look->end_ns);
	pthread_mutex_lock(&hasher->lock);
	look->next = hasher->looks;
	hasher->looks = look;
	hasher->n_looks++;
	pthread_mutex_unlock(&hasher->lock);
}

static int look_at_definition(struct hasher *hasher, const char *path, bool may_wait)
{
	uint64_t now_ns = clock_now_ns();
	int r;

	buffer_clear(&hasher->text);
	record_put_head(&hasher->text, now_ns, 0);
	hasher->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	r = definition_files_look(hasher->definitions, hasher->digester, path, may_wait, now_ns, &hasher->text);
	if (r == 0)
		say(hasher, RECORD_DEFINITION, now_ns);
	return r;
}

static void on_account(void *user, struct span said)
{
	struct hasher *hasher = user;

	buffer_clear(&hasher->text);
	record_put_head(&hasher->text, hasher->look_ns, ++hasher->n_said);
	buffer_append_span(&hasher->text, said);
	say(hasher, RECORD_ACCOUNT, hasher->look_ns);
}

static int look_at_accounts(struct hasher *hasher, bool may_wait)
{
	hasher->look_ns = clock_now_ns();
	hasher->n_said = 0;
	return account_files_look(hasher->accounts, may_wait, hasher->look_ns, on_account, hasher);
}

static void look_at(struct hasher *hasher, struct look *look, bool is_last)
{
	bool may_wait = !is_last && clock_ns(CLOCK_MONOTONIC) < look->end_ns;
	enum account_file file;
	int r = account_file_of(span_of(look->path), &file) ? look_at_accounts(hasher, may_wait) :
							      look_at_definition(hasher, look->path, may_wait);

	if (r == -EAGAIN) {
		put_off(hasher, look);
		return;
	}
	if (r < 0)
		forget(hasher);
	free(look);
}

/* The cache, over restarts */

static void load_cache(struct hasher *hasher)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	_cleanup_(file_close) int fd = -1;
	struct file_error error = { "" };
	struct stat st;
	int r;

	if (!hasher->cache_path)
		return;
	fd = file_open(hasher->cache_path, &st, &error);
	r = fd < 0 ? fd : file_read(&bytes, fd, MAX_CACHE_BYTES, &error);
	if (r >= 0)
		r = digest_cache_read(hasher->cache, buffer_span(&bytes));
	if (r < 0 && r != -ENOENT)
		log_warning("The cache of hashes %s cannot be used (%s), ignoring: files are hashed anew", hasher->cache_path,
			    error.message[0] ? error.message : r == -EPROTONOSUPPORT ? "it is of another version" : "it is damaged");
}

static void save_cache(struct hasher *hasher)
{
	_cleanup_(buffer_release) struct buffer bytes = { 0 };
	int r;

	hasher->saved_ns = clock_ns(CLOCK_MONOTONIC);
	if (!hasher->cache_path || !hasher->is_changed)
		return;
	r = digest_cache_write(hasher->cache, &bytes);
	if (r >= 0)
		r = file_replace(hasher->cache_path, buffer_span(&bytes));
	if (r < 0)
		log_errno(r, "Failed to write the cache of hashes %s, ignoring", hasher->cache_path);
	hasher->is_changed = r < 0;
}

/* The thread */

/* The one that is due first.  At the end none waits any longer. */
static struct look *take_look(struct hasher *hasher, uint64_t now_ns, uint64_t *ret_due_ns)
{
	struct look **first = &hasher->looks, *look;

	*ret_due_ns = UINT64_MAX;
	if (!hasher->looks)
		return NULL;
	for (struct look **p = &hasher->looks; *p; p = &(*p)->next)
		if ((*p)->due_ns < (*first)->due_ns)
			first = p;
	look = *first;
	*ret_due_ns = look->due_ns;
	if (look->due_ns > now_ns && !hasher->stop)
		return NULL;
	*first = look->next;
	hasher->n_looks--;
	return look;
}

/* The next file, or the next definition; neither: it is time to save, or to stop. */
static struct waiting *take(struct hasher *hasher, struct look **ret_look)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), end_ns = hasher->saved_ns + hasher->options.save_ns, due_ns;
	struct waiting *waiting;

	pthread_mutex_lock(&hasher->lock);
	while (!(*ret_look = take_look(hasher, now_ns, &due_ns)) && !hasher->first && !hasher->stop && now_ns < end_ns) {
		struct timespec until = clock_after(MIN(end_ns, due_ns) > now_ns ? MIN(end_ns, due_ns) - now_ns : 0);

		pthread_cond_timedwait(&hasher->asked, &hasher->lock, &until);
		now_ns = clock_ns(CLOCK_MONOTONIC);
	}
	waiting = *ret_look ? NULL : hasher->first;
	if (waiting) {
		hasher->first = waiting->next;
		if (!hasher->first)
			hasher->last = &hasher->first;
		hasher->stats.waiting--;
	}
	pthread_mutex_unlock(&hasher->lock);
	return waiting;
}

static bool is_stopping(struct hasher *hasher)
{
	bool stop;

	pthread_mutex_lock(&hasher->lock);
	stop = hasher->stop;
	pthread_mutex_unlock(&hasher->lock);
	return stop;
}

static void *run(void *user)
{
	struct hasher *hasher = user;

	pthread_mutex_lock(&hasher->lock);
	hasher->tid = (pid_t)syscall(SYS_gettid);
	pace_of_idle(hasher->tid, hasher->pace);
	pthread_mutex_unlock(&hasher->lock);
	confine_thread(CONFINED_HASHER);	/* from now on only others make it faster */
	load_cache(hasher);
	if (hasher->options.definitions && definition_folders(learn, hasher) == -ENOMEM)	/* else it is to stop */
		log_warning("No memory for all definitions of services and tasks: those that are missed are told as new when they change");
	for (;;) {
		struct look *look;
		struct waiting *waiting = take(hasher, &look);

		if (look) {
			look_at(hasher, look, is_stopping(hasher));
		} else if (waiting) {
			struct found found = { .state = "skipped" };

			if (!is_stopping(hasher))
				hash(hasher, waiting, &found);
			tell(hasher, waiting, &found);
			free(waiting);
		} else if (is_stopping(hasher)) {
			break;
		}
		if (clock_ns(CLOCK_MONOTONIC) - hasher->saved_ns >= hasher->options.save_ns)
			save_cache(hasher);
	}
	save_cache(hasher);
	pthread_mutex_lock(&hasher->lock);
	hasher->has_ended = true;
	pthread_cond_broadcast(&hasher->ended);
	pthread_mutex_unlock(&hasher->lock);
	return NULL;
}

static struct hasher *release(struct hasher *hasher)
{
	if (!hasher)
		return NULL;
	digester_free(hasher->digester);
	digest_cache_free(hasher->cache);
	definition_files_free(hasher->definitions);
	account_files_free(hasher->accounts);
	file_info_free(hasher->provider);
	for (struct look *look = hasher->looks; look;) {
		struct look *next = look->next;

		free(look);
		look = next;
	}
	pthread_cond_destroy(&hasher->asked);
	pthread_cond_destroy(&hasher->ended);
	pthread_mutex_destroy(&hasher->lock);
	buffer_release(&hasher->text);
	free(hasher->cache_path);
	free(hasher);
	return NULL;
}
DEFINE_CLEANUP(struct hasher, release)

int hasher_start(struct hasher **ret, const struct hasher_options *options)
{
	_cleanup_(releasep) struct hasher *hasher = calloc(1, sizeof(*hasher));
	pthread_condattr_t attributes;
	int r;

	if (!hasher)
		return -ENOMEM;
	hasher->options = *options;
	hasher->last = &hasher->first;
	hasher->saved_ns = clock_ns(CLOCK_MONOTONIC);
	hasher->started_ns = clock_now_ns() - FILE_CLOCK_NS;
	hasher->texts_left = TEXTS_AT_ONCE;
	hasher->texts_ns = hasher->saved_ns;
	atomic_init(&hasher->texts, options->texts);
	pthread_mutex_init(&hasher->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&hasher->asked, &attributes);
	pthread_cond_init(&hasher->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	if (options->cache_path) {
		hasher->cache_path = strdup(options->cache_path);
		if (!hasher->cache_path)
			return -ENOMEM;
	}
	r = digester_new(&hasher->digester, &(struct digester_options){ .max_bytes = options->max_bytes, .buffer_bytes = options->buffer_bytes,
									.fuzzy = options->fuzzy, .pause = on_pause, .user = hasher });
	if (r == 0)
		r = digest_cache_new(&hasher->cache, options->cache_entries);
	if (r == 0)
		r = definition_files_new(&hasher->definitions, options->root ? options->root : "");
	/* Before anything is recorded: who changes one from now on is told of. */
	if (r == 0)
		r = account_files_new(&hasher->accounts, options->root ? options->root : "");
	if (r == 0 && options->provider)
		r = file_info_new(&hasher->provider, options->provider);
	if (r == 0)
		r = -pthread_create(&hasher->thread, NULL, run, hasher);
	if (r < 0)
		return r;
	pthread_setname_np(hasher->thread, "hasher");
	*ret = TAKE(hasher);
	return 0;
}

void hasher_stop(struct hasher *hasher)
{
	struct timespec until = clock_after(END_NS);

	if (!hasher)
		return;
	pthread_mutex_lock(&hasher->lock);
	set_pace(hasher, PACE_BEFORE);
	hasher->stop = true;
	pthread_cond_broadcast(&hasher->asked);
	while (!hasher->has_ended && pthread_cond_timedwait(&hasher->ended, &hasher->lock, &until) != ETIMEDOUT)
		;
	hasher->is_left = !hasher->has_ended;
	pthread_mutex_unlock(&hasher->lock);
	if (hasher->is_left) {
		log_warning("A file system does not answer: the thread that hashes is left behind");
		pthread_detach(hasher->thread);
	} else {
		pthread_join(hasher->thread, NULL);
	}
}

bool hasher_is_left(const struct hasher *hasher)
{
	return hasher && hasher->is_left;
}

struct hasher *hasher_free(struct hasher *hasher)
{
	return !hasher || hasher->is_left ? NULL : release(hasher);
}
