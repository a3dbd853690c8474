/* What is known of the processes over the time in which nobody records.
 *
 * Written: each image once, ancestors first; a process refers to the image of its parent as it was, which the parent may have left
 * since.  Read: the processes are in the table again before the first that /proc shows.  One that /proc shows too is the same, with
 * all that was known of it (ancestors that are gone, the login, how many programs it has begun), and what /proc says more; of the
 * others it is told that they have ended, of new ones that they began while nobody looked. */

#include "track/tracker.h"

#include <errno.h>
#include <stdlib.h>

#include "event/record.h"

/* Numbers of the images that have been written, by the serial of their contexts. */

struct written {
	struct entry {
		uint64_t serial, id;
	} *entries;			/* serial 0: free */
	size_t n, room;			/* room: a power of two, or 0 */
};

static struct entry *written_slot(const struct written *written, uint64_t serial)
{
	size_t at = (size_t)(serial * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (written->room - 1);

	while (written->entries[at].serial != 0 && written->entries[at].serial != serial)
		at = (at + 1) & (written->room - 1);
	return &written->entries[at];
}

static int written_grow(struct written *written)
{
	struct written next = { .room = written->room ? written->room * 2 : 1024 };

	next.entries = calloc(next.room, sizeof(*next.entries));
	if (!next.entries)
		return -ENOMEM;
	for (size_t i = 0; i < written->room; i++)
		if (written->entries[i].serial != 0)
			*written_slot(&next, written->entries[i].serial) = written->entries[i];
	next.n = written->n;
	free(written->entries);
	*written = next;
	return 0;
}

static int written_add(struct written *written, uint64_t serial, uint64_t id)
{
	struct entry *entry;
	int r = written->n * 2 >= written->room ? written_grow(written) : 0;

	if (r < 0)
		return r;
	entry = written_slot(written, serial);
	written->n += entry->serial == 0;
	*entry = (struct entry){ serial, id };
	return 0;
}

static uint64_t written_id(const struct written *written, uint64_t serial)
{
	return written->room ? written_slot(written, serial)->id : 0;
}

/* Writing */

struct writing {
	struct buffer *text;
	struct written written;
	uint64_t n, now_ns;
};

static int put_image(struct writing *w, const struct context *image, const struct process *process, uint64_t parent)
{
	const struct remembered about = {
		.id = ++w->n,
		.parent = parent,
		.ticks = process ? process->ticks : 0,
		.has_ticks = process && process->has_ticks,
		.is_past = !process,
	};

	record_put_head(w->text, w->now_ns, about.id);
	remembered_put(w->text, &about, image);
	buffer_append_byte(w->text, '\n');
	return written_add(&w->written, image->serial, about.id);
}

/* The ancestors that have not been written yet, the first of them first. */
static int put_ancestors(struct writing *w, const struct context *image)
{
	const struct context *above[CONTEXT_MAX_DEPTH + 1];
	size_t n = 0;
	int r = 0;

	for (const struct context *a = image->parent; a && n < ARRAY_SIZE(above) && written_id(&w->written, a->serial) == 0; a = a->parent)
		above[n++] = a;
	while (n-- > 0 && r == 0)
		r = put_image(w, above[n], NULL, above[n]->parent ? written_id(&w->written, above[n]->parent->serial) : 0);
	return r;
}

static int by_age(const void *a, const void *b)
{
	const struct process *p = *(const struct process *const *)a, *q = *(const struct process *const *)b;

	return p->start_ns < q->start_ns ? -1 : p->start_ns > q->start_ns;
}

int tracker_put_processes(const struct tracker *tracker, uint64_t now_ns, struct buffer *text)
{
	struct writing w = { .text = text, .now_ns = now_ns };
	_cleanup_(freep) struct process **running = NULL;
	size_t n = 0;
	int r = 0;

	running = calloc(process_table_count(tracker->table) + 1, sizeof(*running));
	if (!running)
		return -ENOMEM;
	for (struct process *p = process_first_running(tracker->table); p; p = p->queue_next)
		if (p->context && p->node == 0)
			running[n++] = p;
	qsort(running, n, sizeof(*running), by_age);
	for (size_t i = 0; i < n && r == 0 && text->size < REMEMBERED_TEXT_MAX; i++) {
		const struct context *image = running[i]->context;

		r = put_ancestors(&w, image);
		if (r == 0)
			r = put_image(&w, image, running[i], image->parent ? written_id(&w.written, image->parent->serial) : 0);
	}
	free(w.written.entries);
	return r < 0 ? r : buffer_error(text);
}

/* Reading */

#define IMAGES_MAX (UINT64_C(1) << 18)	/* of a file that somebody made */

struct images {
	struct context **of;		/* of[id - 1], a reference each */
	size_t n, room;
};

static struct context *image_of(const struct images *images, uint64_t id)
{
	return id > 0 && id <= images->n ? images->of[id - 1] : NULL;
}

static int keep_image(struct images *images, struct context *image)
{
	if (images->n == images->room) {
		size_t room = images->room ? images->room * 2 : 256;
		struct context **of = reallocarray(images->of, room, sizeof(*of));

		if (!of)
			return -ENOMEM;
		images->of = of;
		images->room = room;
	}
	images->of[images->n++] = context_ref(image);
	return 0;
}

static struct images *images_free(struct images *images)
{
	if (!images)
		return NULL;
	for (size_t i = 0; i < images->n; i++)
		context_unref(images->of[i]);
	free(images->of);
	free(images);
	return NULL;
}

static int add_process(struct tracker *tracker, struct context *image, const struct remembered *about)
{
	struct process *process, *parent;
	bool has_start = values_has(&image->values, FIELD_start);

	process_table_make_room(tracker->table, 1);
	if (process_newest(tracker->table, 0, image->pid))
		return 0;		/* it has been told of by itself */
	process = process_add(tracker->table, 0, image->pid, has_start ? image->start : 0);
	if (!process)
		return -ENOMEM;
	process->ticks = about->ticks;
	process->has_ticks = about->has_ticks;
	process->start_inferred = !has_start || values_is_inferred(&image->values, FIELD_start);
	process->remembered = true;
	process_set_context(tracker->table, process, context_ref(image));
	parent = values_has(&image->values, FIELD_ppid) ? process_newest(tracker->table, 0, image->ppid) : NULL;
	if (parent && parent != process && image->parent && parent->context->entity_id == image->parent->entity_id)
		process_set_parent(process, parent);
	return 0;
}

int tracker_remember(struct tracker *tracker, const struct context *image, const struct remembered *about, uint64_t time_ns)
{
	_cleanup_(context_unrefp) struct context *own = context_copy(image);
	int r;

	if (!own)
		return -ENOMEM;
	if (!tracker->images)
		tracker->images = calloc(1, sizeof(*tracker->images));
	if (!tracker->images)
		return -ENOMEM;
	if (about->id != tracker->images->n + 1 || about->id > IMAGES_MAX)
		return 0;		/* not of ours: they are numbered as they stand */
	context_set_parent(own, image_of(tracker->images, about->parent));
	r = own->values.failed ? -ENOMEM : keep_image(tracker->images, own);
	if (r < 0)
		return r;
	tracker->remembered_ns = time_ns;
	if (about->is_past)
		return 0;
	sessions_remember(tracker->sessions, 0, own);
	return add_process(tracker, own, about);
}

/* One that /proc shows now, as it was remembered. */
int remembered_meet(struct tracker *tracker, struct process *process, struct event *event, const struct context *actor)
{
	struct context *context;
	struct span was = values_text(&process->context->values, FIELD_executable), is = values_text(&actor->values, FIELD_executable);
	int r;

	process->remembered = false;
	if (is.size == 0 || was.size == 0 || image_same_program(is, was))
		return tracker_apply(tracker, process, event, actor);
	values_set_text(&event->values, FIELD_previous_executable, was);
	values_append_list(&event->values, FIELD_changes, SPAN("program begun unrecorded"));
	r = image_exec(tracker, process, actor, event->time_ns, &context);
	if (r < 0)
		return r;
	values_set_inferred(&context->values, FIELD_exec_count);
	process_drop_alternates(tracker->table, process);
	return lineage_change(tracker, process, context, event->time_ns, true);
}

void remembered_miss(const struct tracker *tracker, struct event *event, uint64_t start_ns)
{
	if (tracker->images && start_ns > tracker->remembered_ns)
		values_append_list(&event->values, FIELD_changes, SPAN("begun unrecorded"));
}

static struct event *new_end(const struct process *process, uint64_t now_ns)
{
	struct event *event = event_new(KIND_ID(process, exit), now_ns);

	if (!event)
		return NULL;
	values_set_text(&event->values, FIELD_source, SPAN("proc"));
	values_set_text(&event->values, FIELD_code, SPAN("REMEMBERED"));
	values_set_text(&event->values, FIELD_completeness, SPAN("inferred"));
	values_append_list(&event->values, FIELD_missing, SPAN("event.end"));
	values_append_list(&event->values, FIELD_missing, SPAN("process.exit_code"));
	event->origin = process->context->entity_id;
	tracker_set_context(event, process->context);
	return event->values.failed ? event_free(event) : event;
}

/* That nobody has heard of since. */
static struct process *first_gone(const struct tracker *tracker, struct process *process)
{
	for (; process; process = process->queue_next) {
		if (process->remembered && process->used_ns <= tracker->remembered_ns)
			return process;
		process->remembered = false;
	}
	return NULL;
}

int tracker_next_gone(struct tracker *tracker, uint64_t time_ns, struct event **ret)
{
	struct process *process = NULL;
	struct event *event;

	if (tracker->images && !tracker->has_told_running) {
		process = first_gone(tracker, tracker->is_telling ? tracker->gone_next : process_first_running(tracker->table));
		if (!process) {
			tracker->has_told_running = true;
			tracker->is_telling = false;
		}
	}
	if (tracker->images && !process)	/* whose pids are in use again */
		process = first_gone(tracker, tracker->is_telling ? tracker->gone_next : process_first_ended(tracker->table));
	if (!process) {
		remembered_release(tracker);
		return 0;
	}
	event = new_end(process, time_ns);
	if (!event)
		return -ENOMEM;
	process->remembered = false;
	tracker->gone_next = process->queue_next;
	tracker->is_telling = true;
	if (!process->ended)	/* when is not known: its true end, if that still comes, is one */
		process_end(tracker->table, process, time_ns, false);
	*ret = event;
	return 1;
}

void remembered_release(struct tracker *tracker)
{
	tracker->is_telling = tracker->has_told_running = false;
	tracker->images = images_free(tracker->images);
}
