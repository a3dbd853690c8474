/* What is known of the processes over the time in which nothing is recorded: read when recording begins, written every
 * PersistenceWriteProcessIntervalSecs and when it ends.  Only while something is recorded: else nobody follows them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/process_file.h"
#include "event/remembered.h"
#include "sink/history.h"

#define FILE_NAME "proc.bin"
#define CORE_NS (200 * NS_PER_MS)

static int file_of(const struct daemon *d, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", d->places.state_dir, FILE_NAME);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

void daemon_read_processes(struct daemon *d)
{
	char path[PATH_MAX];
	int r = file_of(d, path);

	if (r >= 0)
		r = process_file_read(path, span_of(d->boot_id), &d->remembered, &d->remembered_ns);
	if (r >= 0 || r == -ENOENT || r == -ESTALE)
		return;
	buffer_release(&d->remembered);
	log_errno(r, "%s cannot be used, ignoring: what ended and began while no recorder ran is not told of", path);
	d->processes_unusable = r;
}

/* What a recorder stored that died, or could not write the file: who has ended by then is not told of again. */

struct remembered_ends {
	struct remembered_end {
		uint64_t entity_id;
		bool is_stored;
	} *of;
	size_t n, room;
	bool failed;
};

static bool collect(void *user, uint64_t entity_id)
{
	struct remembered_ends *ends = user;

	if (ends->n == ends->room) {
		size_t room = ends->room ? ends->room * 2 : 1024;
		struct remembered_end *of = reallocarray(ends->of, room, sizeof(*of));

		if (!of) {
			ends->failed = true;
			return false;
		}
		ends->of = of;
		ends->room = room;
	}
	ends->of[ends->n++] = (struct remembered_end){ .entity_id = entity_id };
	return false;
}

static int compare_ends(const void *one, const void *other)
{
	const struct remembered_end *a = one, *b = other;

	return (a->entity_id > b->entity_id) - (a->entity_id < b->entity_id);
}

static struct remembered_end *find_end(const struct remembered_ends *ends, uint64_t entity_id)
{
	const struct remembered_end key = { .entity_id = entity_id };

	return ends->n > 0 ? bsearch(&key, ends->of, ends->n, sizeof(*ends->of), compare_ends) : NULL;
}

static int on_stored(void *user, const struct event *event)
{
	struct remembered_end *end = event->context ? find_end(user, event->context->entity_id) : NULL;

	if (end)
		end->is_stored = true;
	return 0;
}

static bool is_stored(void *user, uint64_t entity_id)
{
	const struct remembered_end *end = find_end(user, entity_id);

	return end && end->is_stored;
}

static int find_stored(const struct daemon *d, struct remembered_ends *ends)
{
	static const bool exits[N_KINDS] = { [KIND_ID(process, exit)] = true };
	const struct history_query query = { .since_ns = d->remembered_ns, .kinds = exits, .categories = 1u << CATEGORY_process };
	_cleanup_(history_freep) struct history *history = NULL;
	struct history_error error = { "" };
	int r = history_open(&history, d->places.database, &error);

	return r < 0 ? r : history_events(history, &query, on_stored, ends);
}

void daemon_forget_ended(struct daemon *d)
{
	struct remembered_ends ends = { 0 };
	int r = d->remembered.size > 0 && d->past.existed ? remembered_let_go(&d->remembered, collect, &ends) : 0;

	if (r >= 0 && ends.n > 0) {
		qsort(ends.of, ends.n, sizeof(*ends.of), compare_ends);
		r = find_stored(d, &ends);
		if (r >= 0)
			r = remembered_let_go(&d->remembered, is_stored, &ends);
	}
	if (r < 0 || ends.failed)
		log_warning("Failed to find out which processes' end is stored, ignoring: some may be told of twice");
	free(ends.of);
}

void daemon_tell_processes(struct daemon *d)
{
	if (d->processes_unusable < 0)
		notes_say(&d->notes, "health", "%s cannot be used (%s): what ended and began while no recorder ran is not told of", FILE_NAME,
			  d->processes_unusable == -EBADMSG ? "it is not whole" : strerror(-d->processes_unusable));
}

static void write_file(struct daemon *d)
{
	char path[PATH_MAX];
	int r = buffer_error(&d->processes);

	if (r >= 0)
		r = file_of(d, path);
	if (r >= 0)
		r = process_file_write(path, span_of(d->boot_id), d->processes_ns, buffer_span(&d->processes));
	if (r < 0)
		log_errno(r, "Failed to write %s, ignoring", FILE_NAME);
	buffer_release(&d->processes);
}

void daemon_expect_processes(struct daemon *d)
{
	d->processes_asked = true;
	d->processes_asked_ns = clock_ns(CLOCK_MONOTONIC);
	d->processes_ns = clock_now_ns();
}

void daemon_write_processes(struct daemon *d)
{
	d->processes_asked = false;	/* what was asked for before is in it */
	d->processes_ns = clock_now_ns();
	write_file(d);
}

void daemon_tick_processes(struct daemon *d)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	uint64_t interval_ns = (uint64_t)daemon_setting(d, SETTING_PersistenceWriteProcessIntervalSecs) * NS_PER_SEC;

	if (d->processes_asked && !core_is_changing(d->core)) {
		d->processes_asked = false;
		write_file(d);
	}
	if (d->processes_asked || !d->reader || now_ns - d->processes_asked_ns < interval_ns)
		return;
	if (core_change(d->core, &(struct core_change){ .processes = &d->processes }, CORE_NS) == -EBUSY)
		return;
	d->processes_asked = true;
	d->processes_asked_ns = now_ns;
	d->processes_ns = clock_now_ns();
	if (core_is_changing(d->core))
		return;
	d->processes_asked = false;
	write_file(d);
}

/* The core has put them there at its end. */
void daemon_save_processes(struct daemon *d, bool was_recording)
{
	if (was_recording && d->has_begun)
		daemon_write_processes(d);
	buffer_release(&d->processes);
	buffer_release(&d->remembered);
}
