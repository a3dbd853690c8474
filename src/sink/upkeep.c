/* See upkeep.h.
 *
 * SQLite gives pages that are free again to what comes next, so cleaning needs no VACUUM for the file to stay as large as it is. The
 * -wal begins anew when all of it has been copied back and no reader needs it: it is copied back as soon as it is large enough, and
 * what a transaction writes is bounded, so that both have their place within the bound. */

#include "sink/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "sink/retention.h"

#define PAGE		  4096
#define MiB		  ((uint64_t)1 << 20)
#define SHM_BYTES	  (MiB / 4)	/* 32 KiB for each 4,096 pages of -wal (sqlite.org/walformat.html) */
#define READERS_WAIT_MS	  200
#define READERS_MUST_MS	  2000		/* before events are refused */
#define READERS_EVERY_NS  NS_PER_SEC
#define PUT_OFF_NS	  NS_PER_SEC	/* what cannot be done now */
#define LARGE_PART	  4		/* of all there may be: no event is worth more */
#define RESERVE_PAGES	  32		/* that cleaning may add, in a file that is full: to take away a row may take a page */
#define TAIL_PAGES	  64		/* that a transaction writes besides: the last ones of tables, those that tell of free ones */
#define FRAME		  (PAGE + 24)	/* of -wal */
#define VACUUM_DAY_NS	  (24 * 3600 * NS_PER_SEC)
#define VACUUM_BOOT_NS	  (3600 * NS_PER_SEC)
#define VACUUM_DISK_BYTES (64 * MiB)

static uint64_t uptime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/* Limits */

static void set_thresholds(struct upkeep *upkeep)
{
	const struct database_limits *limits = &upkeep->limits;
	uint64_t max = limits->max_bytes, wal;

	upkeep->hard = max + limits->chunk_bytes;
	upkeep->transaction = MIN(MAX(upkeep->hard / 64, MiB / 4), 4 * MiB);
	upkeep->commit = (upkeep->transaction / PAGE + TAIL_PAGES) * FRAME;
	upkeep->checkpoint_pages = MIN(MAX(limits->chunk_bytes / 4, MiB), 16 * MiB) / PAGE;
	wal = upkeep->checkpoint_pages * FRAME + 2 * upkeep->commit;
	upkeep->wal_room_pages = wal / FRAME;
	upkeep->step = MIN(MAX(MIN(limits->chunk_bytes, max / 8) / MiB, 1u) * MiB, (uint64_t)1 << 30);
	upkeep->file = (upkeep->hard - wal - SHM_BYTES - RESERVE_PAGES * PAGE) / upkeep->step * upkeep->step;
	upkeep->urgent = MIN(upkeep->file - 2 * upkeep->transaction, max + limits->chunk_bytes / 2);
	upkeep->soft = MIN(max, upkeep->urgent - upkeep->transaction);
}

/* Fewer than there are: it does not grow. */
static int set_most_pages(struct upkeep *upkeep, uint64_t pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu", (unsigned long long)pages);
	return sql_exec(upkeep->db, sql);
}

/* The file grows by steps, and not beyond what the bound leaves it. Cut to the last page, as SQLite does it when it has copied back all
 * of the -wal, it would not stay so. */
static int set_growth(struct upkeep *upkeep)
{
	int step = (int)upkeep->step;

	sqlite3_file_control(upkeep->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &step);
	upkeep->grown = 0;
	return set_most_pages(upkeep, upkeep->file / PAGE);
}

static int look(struct upkeep *upkeep)
{
	int64_t pages, free_pages;
	int r = sql_number(upkeep->db, "PRAGMA page_count", &pages);

	if (r == 0)
		r = sql_number(upkeep->db, "PRAGMA freelist_count", &free_pages);
	if (r < 0)
		return r;
	upkeep->pages = (uint64_t)pages;
	upkeep->free_pages = (uint64_t)free_pages;
	return 0;
}

/* What the file takes for so many pages: whole steps, as far as the bound has room for them. */
static uint64_t file_bytes(const struct upkeep *upkeep, uint64_t pages)
{
	uint64_t bytes = (pages * PAGE + upkeep->step - 1) / upkeep->step * upkeep->step;

	return bytes <= upkeep->file ? bytes : MAX(pages * PAGE, upkeep->file);
}

/* Before the -wal is copied back: SQLite would write each page of a step, and on a nearly full disk all that it has. */
static void grow(struct upkeep *upkeep)
{
	uint64_t size;
	int none = 0;

	if (look(upkeep) < 0)
		return;
	size = file_bytes(upkeep, upkeep->pages);
	if (size <= upkeep->grown)
		return;
	upkeep->grown = size;
	if (size > upkeep->file || fallocate(upkeep->fd, 0, 0, (off_t)size) < 0)
		sqlite3_file_control(upkeep->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &none);
}

static int on_wal(void *user, sqlite3 *db, const char *name, int pages)
{
	struct upkeep *upkeep = user;

	(void)db;
	(void)name;
	if ((uint64_t)pages < upkeep->wal_pages)
		upkeep->is_kept = false;
	else if (upkeep->wal_pages > 0 && upkeep->wal_copied == upkeep->wal_pages)
		upkeep->is_kept = true;
	upkeep->wal_pages = (uint64_t)pages;
	return SQLITE_OK;
}

int upkeep_set_limits(struct upkeep *upkeep, const struct database_limits *limits)
{
	upkeep->limits = *limits;
	if (limits->max_bytes == 0)
		return 0;
	set_thresholds(upkeep);
	return set_growth(upkeep);
}

/* How large it is. */

static uint64_t size_of(const struct upkeep *upkeep, const char *suffix)
{
	char name[4096];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", upkeep->path, suffix);
	return stat(name, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t used_bytes(const struct upkeep *upkeep)
{
	return (upkeep->pages - MIN(upkeep->pages, upkeep->free_pages)) * PAGE;
}

/* The -wal is copied back as far as readers let it be. wait_ms: for readers, at most; one may stay for ever. */
static int copy_back(struct upkeep *upkeep, int mode, int wait_ms)
{
	int pages = 0, copied = 0, r;

	grow(upkeep);
	sqlite3_busy_timeout(upkeep->db, wait_ms);
	r = sqlite3_wal_checkpoint_v2(upkeep->db, NULL, mode, &pages, &copied);
	sqlite3_busy_timeout(upkeep->db, SQL_BUSY_TIMEOUT_MS);
	if (pages >= 0 && copied >= 0) {
		upkeep->wal_pages = (uint64_t)pages;
		upkeep->wal_copied = (uint64_t)copied;
		upkeep->is_kept = copied < pages;
	}
	return r == SQLITE_BUSY ? -EBUSY : sql_errno(r);
}

/* Does somebody read a state that is so old that the -wal cannot begin anew? */
static bool is_pinned(const struct upkeep *upkeep)
{
	return upkeep->is_kept && upkeep->wal_pages > upkeep->wal_room_pages;
}

/* Readers that come and go, one of them always there: the -wal begins anew when those of now have gone, since who comes then reads
 * the file alone. */
static int wait_for_readers(struct upkeep *upkeep, int wait_ms)
{
	int r = copy_back(upkeep, SQLITE_CHECKPOINT_TRUNCATE, wait_ms);

	upkeep->waited_ns = clock_ns(CLOCK_MONOTONIC);
	return r;
}

/* The file, when so much more has been written and copied back. */
static uint64_t file_bytes_to_come(const struct upkeep *upkeep, uint64_t bytes)
{
	uint64_t more = bytes / PAGE - MIN(bytes / PAGE, upkeep->free_pages), most = MAX(upkeep->pages, upkeep->file / PAGE);

	return MAX(size_of(upkeep, ""), file_bytes(upkeep, MIN(upkeep->pages + more, most)));
}

static bool has_room(const struct upkeep *upkeep)
{
	uint64_t to_come = 2 * upkeep->commit,
		 all = file_bytes_to_come(upkeep, to_come) + size_of(upkeep, "-wal") + size_of(upkeep, "-shm");

	return all + to_come + SHM_BYTES <= upkeep->hard;
}

/* Somebody reads, so the -wal goes on, and what one piece writes may not have room in it. */
static bool is_nearly_pinned(const struct upkeep *upkeep)
{
	return upkeep->is_kept && upkeep->wal_pages > upkeep->checkpoint_pages;
}

/* In the file, for what is written before it is looked at again. */
static bool has_pages(const struct upkeep *upkeep)
{
	uint64_t pages = upkeep->file / PAGE;

	return pages - MIN(pages, upkeep->pages) + upkeep->free_pages >= 2 * upkeep->commit / PAGE;
}

static bool must_hold(const struct upkeep *upkeep)
{
	return (upkeep->is_kept && !has_room(upkeep)) || (is_nearly_pinned(upkeep) && !has_pages(upkeep));
}

/* The -wal is copied back, and if it takes too much room, begun anew. */
static int shorten_wal(struct upkeep *upkeep)
{
	int r = copy_back(upkeep, SQLITE_CHECKPOINT_PASSIVE, 0);

	if (must_hold(upkeep) && !upkeep->is_held)
		r = wait_for_readers(upkeep, READERS_MUST_MS);
	else if (is_pinned(upkeep) && clock_ns(CLOCK_MONOTONIC) >= upkeep->waited_ns + READERS_EVERY_NS)
		r = wait_for_readers(upkeep, READERS_WAIT_MS);
	upkeep->is_held = must_hold(upkeep);
	return r == -EBUSY ? 0 : r;
}

bool upkeep_still_held(struct upkeep *upkeep)
{
	if (upkeep->is_held && copy_back(upkeep, SQLITE_CHECKPOINT_TRUNCATE, 0) == 0)
		upkeep->is_held = must_hold(upkeep);
	return upkeep->is_held;
}

bool upkeep_hold_if_pinned(struct upkeep *upkeep)
{
	upkeep->is_held |= is_nearly_pinned(upkeep);
	return upkeep->is_held;
}

void upkeep_copy_back(struct upkeep *upkeep)
{
	if (upkeep->limits.max_bytes)
		copy_back(upkeep, SQLITE_CHECKPOINT_TRUNCATE, 0);
}

/* Cleaning */

static int in_transaction(struct upkeep *upkeep, int (*fn)(struct upkeep *upkeep, void *user), void *user)
{
	int r = sql_exec(upkeep->db, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = fn(upkeep, user);
	if (r == 0)
		r = sql_exec(upkeep->db, "COMMIT");
	if (r < 0) {
		if (!sqlite3_get_autocommit(upkeep->db))
			sql_run(upkeep->rollback);
		store_forget(upkeep->store);
	}
	return r;
}

static int clean_a_piece(struct upkeep *upkeep, void *user)
{
	struct contents *contents = user;
	unsigned category = contents_choose(contents, upkeep->limits.shares);

	return category == N_CATEGORIES ? -ENODATA : retention_remove(upkeep->store, contents, category);
}

enum piece { PIECE_MORE, PIECE_REACHED, PIECE_NOTHING };

/* < 0: an error. */
static int clean(struct upkeep *upkeep, struct contents *contents)
{
	int r = set_most_pages(upkeep, MAX(upkeep->file / PAGE, upkeep->pages) + RESERVE_PAGES);

	if (r == 0)
		r = in_transaction(upkeep, clean_a_piece, contents);
	set_most_pages(upkeep, upkeep->file / PAGE);
	if (r == -ENODATA)
		return PIECE_NOTHING;
	if (r == 0 && upkeep->wal_pages >= upkeep->checkpoint_pages)
		r = shorten_wal(upkeep);
	if (r == 0)
		r = look(upkeep);
	if (r < 0)
		return r;
	return upkeep->pages - upkeep->free_pages <= upkeep->cleaning.goal_pages ? PIECE_REACHED : PIECE_MORE;
}

static void begin_cleaning(struct upkeep *upkeep, uint64_t now_ns)
{
	const struct database_limits *limits = &upkeep->limits;
	uint64_t used = used_bytes(upkeep), most = limits->max_bytes / 100 * limits->max_clean_percent;
	uint64_t goal = upkeep->soft - MIN(upkeep->soft, limits->max_bytes / 100 * limits->min_clean_percent);

	if (used > goal + most)
		goal = used - most;
	upkeep->cleaning = (struct upkeep_turn){ .begun_ns = now_ns, .next_ns = now_ns, .goal_pages = goal / PAGE, .is_on = true };
}

/* A piece; if it is urgent as many as it takes, for what is to come too. */
static int go_on_cleaning(struct upkeep *upkeep, uint64_t now_ns, uint64_t to_come)
{
	uint64_t pause_ns = upkeep->limits.clean_pause_ns;
	struct contents contents;
	bool urgent;
	int r = store_refresh(upkeep->store);

	if (r == 0)
		r = contents_read(&contents, upkeep->store);
	if (r < 0)
		return r;
	do {
		if (is_nearly_pinned(upkeep) && wait_for_readers(upkeep, READERS_WAIT_MS) < 0) {
			pause_ns = MAX(pause_ns, READERS_EVERY_NS);
			break;
		}
		r = clean(upkeep, &contents);
		urgent = used_bytes(upkeep) + to_come >= upkeep->urgent;
		if (r == PIECE_REACHED && urgent)
			begin_cleaning(upkeep, now_ns);	/* that was all that one was to do */
	} while (urgent && (r == PIECE_MORE || r == PIECE_REACHED) && !is_pinned(upkeep));
	upkeep->cleaning.next_ns = now_ns + pause_ns;
	upkeep->cleaning.is_on = r == PIECE_MORE;
	return MIN(r, 0);
}

int upkeep_committed(struct upkeep *upkeep)
{
	uint64_t now_ns;
	int r;

	if (upkeep->limits.max_bytes == 0)
		return 0;
	r = upkeep->wal_pages >= upkeep->checkpoint_pages ? shorten_wal(upkeep) : 0;
	if (r == 0)
		r = look(upkeep);
	if (r < 0 || is_pinned(upkeep) || used_bytes(upkeep) < upkeep->urgent)
		return r;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	if (!upkeep->cleaning.is_on)
		begin_cleaning(upkeep, now_ns);
	r = go_on_cleaning(upkeep, now_ns, 0);
	return r == -EBUSY ? 0 : r;
}

/* That the -wal may take, when it begins anew and so much is written. */
static uint64_t wal_room(const struct upkeep *upkeep, uint64_t bytes)
{
	uint64_t others = file_bytes_to_come(upkeep, bytes) + SHM_BYTES + RESERVE_PAGES * PAGE;

	return upkeep->hard - MIN(upkeep->hard, others);
}

int upkeep_make_room(struct upkeep *upkeep, uint64_t bytes)
{
	int r = look(upkeep);

	if (r < 0)
		return r;
	if (is_pinned(upkeep) || bytes > upkeep->urgent / LARGE_PART || bytes + upkeep->commit > wal_room(upkeep, bytes))
		return -ENOSPC;
	if (used_bytes(upkeep) + bytes >= upkeep->urgent) {
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

		begin_cleaning(upkeep, now_ns);
		r = go_on_cleaning(upkeep, now_ns, bytes);
		if (r == 0 && used_bytes(upkeep) + bytes >= upkeep->urgent)
			r = -ENOSPC;
	}
	return r < 0 ? r : wait_for_readers(upkeep, READERS_WAIT_MS);
}

/* Vacuum: free pages go back to the disk. When that was last done is kept in the file. */

static int read_vacuumed(struct upkeep *upkeep)
{
	int64_t at = 0;
	int r = sql_number(upkeep->db, "SELECT value FROM meta WHERE key = 'vacuumed'", &at);

	if (r == -ENODATA)
		r = sql_number(upkeep->db, "SELECT value FROM meta WHERE key = 'created'", &at);
	if (r == 0 || r == -ENODATA)
		upkeep->vacuum.begun_ns = (uint64_t)at;
	return r == -ENODATA ? 0 : r;
}

static int write_vacuumed(struct upkeep *upkeep)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO meta VALUES ('vacuumed', %llu)", (unsigned long long)upkeep->vacuum.begun_ns);
	return sql_exec(upkeep->db, sql);
}

/* now_ns: on the clock on the wall, since it is days. */
static bool is_vacuum_due(const struct upkeep *upkeep, uint64_t now_ns)
{
	/* The bound was lowered: nobody wants to wait a week for it. */
	bool is_forced = upkeep->pages * PAGE > upkeep->urgent && upkeep->free_pages > upkeep->pages / 4;
	uint64_t interval_ns = is_forced ? VACUUM_DAY_NS : MAX(upkeep->limits.vacuum_interval_ns, VACUUM_DAY_NS);

	return upkeep->limits.vacuum_interval_ns > 0 && upkeep->free_pages > 0 && upkeep->uptime_ns() >= VACUUM_BOOT_NS &&
	       (now_ns >= upkeep->vacuum.begun_ns + interval_ns ||
		now_ns < upkeep->vacuum.begun_ns); /* the clock was wrong then, or is now */
}

static bool has_disk_room(const struct upkeep *upkeep)
{
	struct statvfs fs;

	return statvfs(upkeep->path, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize >= VACUUM_DISK_BYTES;
}

static int vacuum_a_piece(struct upkeep *upkeep, void *user)
{
	char sql[64];

	(void)user;
	/* What is moved is written twice, with what refers to it. */
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%llu)", (unsigned long long)(upkeep->transaction / PAGE / 4));
	return sql_exec(upkeep->db, sql);
}

static int begin_vacuum(struct upkeep *upkeep, uint64_t now_ns)
{
	int64_t mode = 0;
	int r = sql_number(upkeep->db, "PRAGMA auto_vacuum", &mode);

	/* 2: incremental.  A file that was begun without stays as it is: its free pages serve what comes. */
	upkeep->vacuum = (struct upkeep_turn){ .begun_ns = now_ns, .is_on = r == 0 && mode == 2 };
	return r < 0 ? r : write_vacuumed(upkeep);
}

static int go_on_vacuuming(struct upkeep *upkeep, uint64_t now_ns)
{
	uint64_t before = upkeep->free_pages;
	int r = 0;

	if (has_disk_room(upkeep)) {
		r = in_transaction(upkeep, vacuum_a_piece, NULL);
		if (r == 0)
			r = shorten_wal(upkeep);
		if (r == 0)
			r = look(upkeep);
	}
	upkeep->vacuum.next_ns = now_ns + upkeep->limits.clean_pause_ns;
	if (upkeep->free_pages == 0 || upkeep->free_pages >= before)
		upkeep->vacuum.is_on = false;
	return r;
}

/* What is due. */

static int do_what_is_due(struct upkeep *upkeep)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (upkeep->limits.max_bytes == 0)
		return 0;
	r = is_pinned(upkeep) ? shorten_wal(upkeep) : 0;
	if (r == 0)
		r = look(upkeep);
	if (r < 0 || is_pinned(upkeep))
		return r;
	if (!upkeep->cleaning.is_on && used_bytes(upkeep) > upkeep->soft &&
	    (upkeep->cleaning.begun_ns == 0 || now_ns >= upkeep->cleaning.begun_ns + upkeep->limits.clean_interval_ns))
		begin_cleaning(upkeep, now_ns);
	if (upkeep->cleaning.is_on)
		return now_ns >= upkeep->cleaning.next_ns ? go_on_cleaning(upkeep, now_ns, 0) : 0;
	if (!upkeep->vacuum.is_on && is_vacuum_due(upkeep, clock_now_ns())) {
		r = begin_vacuum(upkeep, clock_now_ns());
		if (r < 0)
			return r;
	}
	if (upkeep->vacuum.is_on && now_ns >= upkeep->vacuum.next_ns)
		return go_on_vacuuming(upkeep, now_ns);
	return 0;
}

/* Whoever waits for a time that has come must not find the same one again. */
static void put_off(struct upkeep_turn *turn, uint64_t now_ns)
{
	if (turn->is_on && turn->next_ns <= now_ns)
		turn->next_ns = now_ns + PUT_OFF_NS;
}

void upkeep_put_off(struct upkeep *upkeep)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	put_off(&upkeep->cleaning, now_ns);
	put_off(&upkeep->vacuum, now_ns);
}

int upkeep_due(struct upkeep *upkeep)
{
	int r = do_what_is_due(upkeep);

	if (r < 0 || is_pinned(upkeep))
		upkeep_put_off(upkeep);
	return r == -EBUSY ? 0 : r; /* somebody else writes for a moment: nothing is lost by it */
}

uint64_t upkeep_next_ns(const struct upkeep *upkeep)
{
	if (upkeep->cleaning.is_on)
		return upkeep->cleaning.next_ns;
	return upkeep->vacuum.is_on ? upkeep->vacuum.next_ns : 0;
}

/* Opening. */

int upkeep_open(struct upkeep *upkeep, sqlite3 *db, struct store *store, const char *path, int fd,
		const struct database_limits *limits)
{
	int r;

	*upkeep = (struct upkeep){ .db = db, .store = store, .path = path, .fd = fd, .uptime_ns = uptime_ns };
	r = sql_prepare(db, "ROLLBACK", &upkeep->rollback);
	if (r < 0 || limits->max_bytes == 0)
		return r;
	sqlite3_wal_hook(db, on_wal, upkeep);	/* takes the place of the automatic copying back */
	r = read_vacuumed(upkeep);
	return r < 0 ? r : upkeep_set_limits(upkeep, limits);
}

void upkeep_close(struct upkeep *upkeep)
{
	sql_finalize(upkeep->rollback);
	*upkeep = (struct upkeep){ 0 };
}
