/* The hasher of this daemon: what the settings want of it, and its way to the core. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/leisure.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define DIGESTS_BYTES ((size_t)256 << 10)
#define CACHE_NAME "hashes"
#define PATIENCE_MS 1000
#define KB ((size_t)1 << 10)
#define MB ((uint64_t)1 << 20)

static int to_core(void *user, const struct record *record)
{
	struct daemon *d = user;
	bool has_room;

	/* The core reads it whenever it has read the kernel's; this thread has time. */
	for (unsigned i = 0; ring_used_bytes(d->digests_ring) > DIGESTS_BYTES / 2 && i < PATIENCE_MS; i++)
		usleep(1000);
	has_room = ring_push_record(d->digests_ring, record);
	ring_commit(d->digests_ring);
	ring_alert(d->ring);
	return has_room ? 0 : -ENOBUFS;
}

static bool is_name(const char *text)
{
	return text[0] != 0 && text[0] != '.' && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == 0;
}

/* The socket of the program that is asked for hashes; NULL: none is.  -ENOMEM. */
static int provider_of(const struct daemon *d, char **ret)
{
	const char *domain = d->conf.settings.text[SETTING_FileInfoProviderDomain], *name = d->conf.settings.text[SETTING_FileInfoProviderName];

	if (domain[0] == 0 && name[0] == 0)
		return 0;
	if (!is_name(domain) || !is_name(name)) {
		log_warning("CX.recorder.FileInfoProviderDomain = '%s' and FileInfoProviderName = '%s' name no socket, ignoring: files are read here "
			    "(both are a word of letters, digits, `.`, `_`, `-`)", domain, name);
		return 0;
	}
	return asprintf(ret, "/run/%s/%s.sock", domain, name) < 0 ? -ENOMEM : 0;
}

void daemon_pace_hasher(struct daemon *d)
{
	const struct filter *filter = d->subscriptions.filter;

	hasher_set_pace(d->hasher, filter && filter_looks_at_hashes(filter) ? PACE_BESIDE : PACE_BEHIND);
}

int daemon_start_hasher(struct daemon *d)
{
	_cleanup_(freep) char *cache = NULL, *provider = NULL;
	struct hasher_options options = {
		.max_bytes = (uint64_t)daemon_setting(d, SETTING_MaxHashSizeMB) * MB,
		.buffer_bytes = (size_t)daemon_setting(d, SETTING_DigestBufferSizeKB) * KB,
		.cache_entries = (uint32_t)daemon_setting(d, SETTING_HashCacheSize),
		.save_ns = (uint64_t)daemon_setting(d, SETTING_ProcessorCacheWriteIntervalSecs) * NS_PER_SEC,
		.fuzzy = daemon_setting(d, SETTING_EnableFuzzyHash),
		.texts = daemon_setting(d, SETTING_EnableScriptContent),
		.cpu_percent = LEISURE_PERCENT,
		.definitions = true,
		.tell = to_core,
		.user = d,
	};
	int r = asprintf(&cache, "%s/%s", d->places.state_dir, CACHE_NAME) < 0 ? -ENOMEM : 0;

	options.cache_path = cache;
	if (r >= 0)
		r = provider_of(d, &provider);
	options.provider = provider;
	if (r >= 0)
		r = ring_new(&d->digests_ring, DIGESTS_BYTES);
	if (r >= 0)
		r = hasher_start(&d->hasher, &options);
	if (r < 0)
		return log_errno(r, "Failed to start the hasher");
	daemon_pace_hasher(d);
	return 0;
}

void daemon_stop_hasher(struct daemon *d)
{
	hasher_stop(d->hasher);
}

void daemon_free_hasher(struct daemon *d)
{
	if (hasher_is_left(d->hasher))	/* its ring goes with the process */
		return;
	d->hasher = hasher_free(d->hasher);
	d->digests_ring = ring_free(d->digests_ring);
}
