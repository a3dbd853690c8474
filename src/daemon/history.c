/* What the daemon does for the history but writing it: the key of its chain, whose heads the log gets; a database that is to be
 * begun anew; one of the product before this one, that lies beside it. */

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/seal_key.h"
#include "control/settings_edit.h"
#include "daemon/daemon.h"

#define HEAD_EVERY_NS	(15 * 60 * NS_PER_SEC)
#define LEGACY_EVERY_NS (600 * NS_PER_SEC)
#define LEGACY_NAME	"monitor.db"

/* CX.recorder.DatabaseReset: asked for once, done once. */
static int reset_database(struct daemon *d)
{
	static const char *const parts[] = { "-wal", "-shm", "" };
	struct settings_error error = { "" };
	char name[4096];
	int r;

	if (!daemon_setting(d, SETTING_DatabaseReset))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(name, sizeof(name), "%s%s", d->places.database, parts[i]);
		if (unlink(name) == 0)
			d->database_reset = true;
		else if (errno != ENOENT)
			return log_errno(errno, "Failed to delete %s, as " SETTING_PREFIX "DatabaseReset asks", name);
	}
	log_warning("The database %s is deleted, as " SETTING_PREFIX "DatabaseReset asks; a new one is begun", d->places.database);
	r = settings_edit(d->places.config_file, SETTING_DatabaseReset, SPAN("0"), &error);
	if (r < 0)
		log_error("The new database will be deleted at the next start: " SETTING_PREFIX "DatabaseReset could not be set back: %s",
			  error.message);
	return 0;
}

/* Without it the chain goes on when there is one again. */
static void read_key(struct daemon *d)
{
	struct file_error error = { "" };
	struct seal_key key;

	d->has_history_key = seal_key_need(&key, SEAL_KEY_OF_HISTORY, d->places.history_key, &error) == 0;
	if (!d->has_history_key) {
		log_error("What is recorded is not sealed against changes: %s", error.message);
		return;
	}
	memcpy(d->history_key, key.bytes, sizeof(d->history_key));
	seal_key_wipe(&key);
}

int daemon_prepare_history(struct daemon *d)
{
	int r = reset_database(d);

	if (r >= 0)
		read_key(d);
	return r;
}

void daemon_forget_key(struct daemon *d)
{
	OPENSSL_cleanse(d->history_key, sizeof(d->history_key));
	d->has_history_key = false;
}

static void tell_head(struct daemon *d, const struct sink_head *head)
{
	char link[2 * sizeof(head->link) + 1];

	if (!head->known || (d->head_told.known && d->head_told.block == head->block &&
			     memcmp(d->head_told.link, head->link, sizeof(head->link)) == 0))
		return;
	for (size_t i = 0; i < sizeof(head->link); i++)
		snprintf(link + 2 * i, 3, "%02x", head->link[i]);
	log_info("History head %llu:%s (recorder verify --head)", (unsigned long long)head->block, link);
	d->head_told = *head;
}

void daemon_tell_last_head(struct daemon *d, const struct writer_stats *writer)
{
	tell_head(d, &writer->head);
}

/* A database of the product before this one is of use until this has recorded for a while, or the room is needed. */
static void look_at_legacy(struct daemon *d)
{
	uint64_t days = (uint64_t)daemon_setting(d, SETTING_DeleteLegacyDatabaseAfterDays), now_ns = clock_now_ns();
	uint64_t least = (uint64_t)daemon_setting(d, SETTING_DeleteLegacyDatabaseFreeMB) << 20;
	bool is_old = d->database_created_ns && now_ns >= d->database_created_ns + days * 24 * 3600 * NS_PER_SEC;
	struct statvfs fs;
	bool needs_room;
	char name[4096];

	snprintf(name, sizeof(name), "%s/" LEGACY_NAME, d->places.state_dir);
	if (access(name, F_OK) < 0 || statvfs(d->places.state_dir, &fs) < 0)
		return;
	needs_room = (uint64_t)fs.f_bavail * fs.f_frsize < least;
	if (!is_old && !needs_room)
		return;
	if (unlink(name) < 0)
		log_errno(errno, "Failed to delete the database of an older product, %s", name);
	else
		log_info("Deleted the database of an older product, %s: %s", name,
			 needs_room ? "the disk is nearly full" : "this one has replaced it for long enough");
}

void daemon_tick_history(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct writer_stats writer;

	if (d->head_told_ns == 0 || now_ns >= d->head_told_ns + HEAD_EVERY_NS) {
		writer_stats(d->writer, &writer);
		tell_head(d, &writer.closed_head);
		d->head_told_ns = now_ns;
	}
	if (d->legacy_looked_ns == 0 || now_ns >= d->legacy_looked_ns + LEGACY_EVERY_NS) {
		look_at_legacy(d);
		d->legacy_looked_ns = now_ns;
	}
}
