/* The table of processes. Buckets are indexed by the pid itself: the kernel hands pids out in sequence, so
 * that the processes of a moment lie side by side. The queue of the running is a clock (second chance)
 * instead of a true LRU: an event costs a store, not a move in a list. */

#include "track/process.h"

#include <errno.h>
#include <stdlib.h>

/* A chain of forks longer than this is not searched for a loop; loops come from bad input alone. */
#define MAX_CLIMB 64
/* Running processes that get a second chance before the next one goes whatever it did. */
#define MAX_CHANCES 64

struct queue {
	struct process *first, *last;
	uint32_t count;
};

struct process_table {
	struct process **buckets;
	uint32_t mask;
	uint32_t count, max_processes;
	size_t bytes, max_bytes;
	uint64_t grace_ns;
	uint64_t evicted;
	struct queue running, ended;
};

static void queue_append(struct queue *queue, struct process *process)
{
	process->queue_next = NULL;
	process->queue_prev = queue->last;
	if (queue->last)
		queue->last->queue_next = process;
	else
		queue->first = process;
	queue->last = process;
	queue->count++;
	process->queued_ns = process->used_ns;
}

static void queue_remove(struct queue *queue, struct process *process)
{
	if (process->queue_prev)
		process->queue_prev->queue_next = process->queue_next;
	else
		queue->first = process->queue_next;
	if (process->queue_next)
		process->queue_next->queue_prev = process->queue_prev;
	else
		queue->last = process->queue_prev;
	queue->count--;
}

static struct queue *queue_of(struct process_table *table, const struct process *process)
{
	return process->ended ? &table->ended : &table->running;
}

static struct process **bucket_of(const struct process_table *table, uint32_t node, uint32_t pid)
{
	return &table->buckets[(pid ^ node) & table->mask];
}

static void bucket_insert(struct process **link, struct process *process)
{
	process->bucket_link = link;
	process->bucket_next = *link;
	if (*link)
		(*link)->bucket_link = &process->bucket_next;
	*link = process;
}

static void bucket_remove(struct process *process)
{
	*process->bucket_link = process->bucket_next;
	if (process->bucket_next)
		process->bucket_next->bucket_link = process->bucket_link;
}

static void account(struct process_table *table, struct process *process)
{
	size_t bytes = sizeof(*process) + process->cwd_size;

	if (process->context)
		bytes += context_bytes(process->context);
	for (unsigned i = 0; i < PROCESS_ALTERNATES; i++)
		if (process->alternates[i])
			bytes += context_bytes(process->alternates[i]);
	if (process->earlier)
		bytes += context_bytes(process->earlier);
	table->bytes += bytes - process->bytes;
	process->bytes = bytes;
}

static void unlink_parent(struct process *process)
{
	if (!process->parent)
		return;
	if (process->sibling_prev)
		process->sibling_prev->sibling_next = process->sibling_next;
	else
		process->parent->first_child = process->sibling_next;
	if (process->sibling_next)
		process->sibling_next->sibling_prev = process->sibling_prev;
	process->parent = process->sibling_prev = process->sibling_next = NULL;
}

void process_set_parent(struct process *process, struct process *parent)
{
	const struct process *above = parent;

	if (process->parent == parent)
		return;
	for (unsigned i = 0; above && i < MAX_CLIMB; i++, above = above->parent)
		if (above == process)
			return;
	unlink_parent(process);
	process->parent = parent;
	if (!parent)
		return;
	process->sibling_next = parent->first_child;
	if (parent->first_child)
		parent->first_child->sibling_prev = process;
	parent->first_child = process;
}

static struct process *process_free(struct process *process)
{
	if (!process)
		return NULL;
	context_unref(process->context);
	context_unref(process->earlier);
	for (unsigned i = 0; i < PROCESS_ALTERNATES; i++)
		context_unref(process->alternates[i]);
	free(process->cwd);
	free(process);
	return NULL;
}

static void forget(struct process_table *table, struct process *process)
{
	bucket_remove(process);
	queue_remove(queue_of(table, process), process);
	unlink_parent(process);
	while (process->first_child)
		unlink_parent(process->first_child);
	table->bytes -= process->bytes;
	table->count--;
	process_free(process);
}

int process_table_new(struct process_table **ret, uint32_t max_processes, size_t max_bytes, uint64_t grace_ns)
{
	struct process_table *table;
	uint32_t n_buckets = 256;

	while (n_buckets < max_processes && n_buckets < 1u << 20)
		n_buckets *= 2;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->buckets = calloc(n_buckets, sizeof(*table->buckets)); /* untouched pages cost nothing */
	if (!table->buckets) {
		free(table);
		return -ENOMEM;
	}
	table->mask = n_buckets - 1;
	table->max_processes = max_processes;
	table->max_bytes = max_bytes;
	table->grace_ns = grace_ns;
	*ret = table;
	return 0;
}

struct process_table *process_table_free(struct process_table *table)
{
	if (!table)
		return NULL;
	while (table->running.first)
		forget(table, table->running.first);
	while (table->ended.first)
		forget(table, table->ended.first);
	free(table->buckets);
	free(table);
	return NULL;
}

uint32_t process_table_count(const struct process_table *table)
{
	return table->count;
}

size_t process_table_bytes(const struct process_table *table)
{
	return table->bytes;
}

uint64_t process_table_evicted(const struct process_table *table)
{
	return table->evicted;
}

static void evict_running(struct process_table *table)
{
	struct process *process = table->running.first;

	for (unsigned i = 0; i < MAX_CHANCES && process->used_ns > process->queued_ns; i++) {
		queue_remove(&table->running, process);
		queue_append(&table->running, process);
		process = table->running.first;
	}
	forget(table, process);
	table->evicted++;
}

struct process *process_first_running(const struct process_table *table)
{
	return table->running.first;
}

struct process *process_first_ended(const struct process_table *table)
{
	return table->ended.first;
}

void process_table_make_room(struct process_table *table, uint32_t n)
{
	while (table->count > 0 &&
	       (table->count + n > table->max_processes || table->bytes > table->max_bytes)) {
		if (table->ended.first)
			forget(table, table->ended.first);
		else
			evict_running(table);
	}
	/* What ended so many processes ago is not asked for any more, whatever the time: no backlog is
	 * that long. */
	while (table->ended.count > table->max_processes / 4)
		forget(table, table->ended.first);
}

void process_table_set_grace(struct process_table *table, uint64_t grace_ns)
{
	table->grace_ns = grace_ns;
}

void process_table_prune(struct process_table *table, uint64_t now_ns)
{
	/* Ends come nearly in order of time; each is looked at once, or once more if it was heard of after
	 * its end. */
	for (uint32_t n = table->ended.count; n > 0; n--) {
		struct process *process = table->ended.first;
		uint64_t last_ns = MAX(process->queued_ns, process->end_known ? process->end_ns : 0);

		if (now_ns < last_ns || now_ns - last_ns <= table->grace_ns)
			break;
		if (process->used_ns <= process->queued_ns) {
			forget(table, process);
			continue;
		}
		queue_remove(&table->ended, process);
		queue_append(&table->ended, process);
	}
}

void process_table_end_before(struct process_table *table, uint32_t node, uint64_t time_ns)
{
	for (struct process *process = table->running.first, *next; process; process = next) {
		next = process->queue_next;
		if (process->node == node && process->used_ns < time_ns)
			process_end(table, process, process->used_ns, true);
	}
}

void process_table_clear(struct process_table *table, uint32_t node)
{
	struct process *const firsts[] = { table->running.first, table->ended.first };

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		for (struct process *process = firsts[i], *next; process; process = next) {
			next = process->queue_next;
			if (process->node == node)
				forget(table, process);
		}
}

void process_table_follow_back(struct process_table *table, uint64_t now_ns)
{
	struct process *const firsts[] = { table->running.first, table->ended.first };

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		for (struct process *p = firsts[i]; p; p = p->queue_next) {
			uint64_t *const times[] = { &p->start_ns, &p->end_ns, &p->used_ns, &p->queued_ns, &p->looked_up_ns,
						    &p->since_ns };

			for (size_t k = 0; k < ARRAY_SIZE(times); k++)
				*times[k] = MIN(*times[k], now_ns);
		}
}

struct process *process_find(const struct process_table *table, uint32_t node, uint32_t pid, uint64_t time_ns)
{
	struct process *newest = NULL, *later = NULL;

	for (struct process *p = *bucket_of(table, node, pid); p; p = p->bucket_next) {
		if (p->pid != pid || p->node != node)
			continue;
		if (likely(p->start_ns <= time_ns)) {
			if (later && p->ended && (!p->end_known || time_ns > p->end_ns))
				return later;
			return p;
		}
		/* Began after the event, which may be the coarse clock; or was only first seen after it. */
		if (p->start_ns - time_ns <= PROCESS_LATE_CLOCK_NS || p->start_inferred)
			later = p;
		if (!newest)
			newest = p;
	}
	if (later)
		return later;
	/* Much earlier than the start of all we know: the clock was set back, or files came in the wrong
	 * order. */
	if (newest && newest->start_ns - time_ns > table->grace_ns)
		return newest;
	return NULL;
}

struct process *process_newest(const struct process_table *table, uint32_t node, uint32_t pid)
{
	for (struct process *p = *bucket_of(table, node, pid); p; p = p->bucket_next)
		if (p->pid == pid && p->node == node)
			return p;
	return NULL;
}

struct process *process_begun(const struct process_table *table, uint32_t node, uint32_t pid, uint64_t ticks)
{
	for (struct process *p = *bucket_of(table, node, pid); p; p = p->bucket_next)
		if (p->pid == pid && p->node == node && p->has_ticks && p->ticks == ticks)
			return p;
	return NULL;
}

struct process *process_add(struct process_table *table, uint32_t node, uint32_t pid, uint64_t start_ns)
{
	struct process **link = bucket_of(table, node, pid);
	struct process *process;

	if (table->count >= table->max_processes)
		return NULL;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->pid = pid;
	process->node = node;
	process->start_ns = start_ns;
	process->used_ns = start_ns;
	/* Newest first among the incarnations of a pid; else first in the bucket. */
	for (struct process *p = *link; p; p = p->bucket_next) {
		if (p->pid != pid || p->node != node)
			continue;
		if (p->start_ns <= start_ns)
			break;
		link = &p->bucket_next;
	}
	bucket_insert(link, process);
	queue_append(&table->running, process);
	table->count++;
	account(table, process);
	return process;
}

void process_remove(struct process_table *table, struct process *process)
{
	forget(table, process);
}

void process_set_context(struct process_table *table, struct process *process, struct context *context)
{
	context_unref(process->context);
	process->context = context;
	account(table, process);
}

void process_shift_context(struct process_table *table, struct process *process, struct context *context)
{
	context_unref(process->alternates[PROCESS_ALTERNATES - 1]);
	for (unsigned i = PROCESS_ALTERNATES - 1; i > 0; i--)
		process->alternates[i] = process->alternates[i - 1];
	process->alternates[0] = TAKE(process->context);
	process_set_context(table, process, context);
}

void process_shift_back(struct process_table *table, struct process *process, unsigned alternate)
{
	struct context *context = process->alternates[alternate];

	process->alternates[alternate] = process->context;
	process->context = context;
	account(table, process);
}

void process_drop_alternates(struct process_table *table, struct process *process)
{
	for (unsigned i = 0; i < PROCESS_ALTERNATES; i++)
		process->alternates[i] = context_unref(process->alternates[i]);
	account(table, process);
}

void process_keep_earlier(struct process_table *table, struct process *process, uint64_t time_ns)
{
	struct context *context = context_ref(process->context);

	context_unref(process->earlier);
	process->earlier = context;
	process->since_ns = time_ns;
	account(table, process);
}

int process_set_cwd(struct process_table *table, struct process *process, struct span cwd)
{
	char *copy = NULL;

	if (!span_eq(cwd, values_text(&process->context->values, FIELD_cwd))) {
		if (process->cwd && span_eq(cwd, process_cwd(process)))
			return 0;
		copy = malloc(MAX(cwd.size, 1));
		if (!copy)
			return -ENOMEM;
		if (cwd.size > 0)
			memcpy(copy, cwd.data, cwd.size);
	} else if (!process->cwd) {
		return 0;
	}
	free(process->cwd);
	process->cwd = copy;
	process->cwd_size = copy ? (uint32_t)cwd.size : 0;
	account(table, process);
	return 0;
}

void process_clear_cwd(struct process_table *table, struct process *process)
{
	free(process->cwd);
	process->cwd = NULL;
	process->cwd_size = 0;
	account(table, process);
}

struct span process_cwd(const struct process *process)
{
	if (process->cwd)
		return (struct span){ process->cwd, process->cwd_size };
	return values_text(&process->context->values, FIELD_cwd);
}

void process_end(struct process_table *table, struct process *process, uint64_t end_ns, bool end_known)
{
	process->end_ns = end_ns;
	process->end_known = end_known;
	if (process->ended)
		return;
	queue_remove(&table->running, process);
	process->ended = true;
	queue_append(&table->ended, process);
}

void process_revive(struct process_table *table, struct process *process)
{
	if (!process->ended)
		return;
	queue_remove(&table->ended, process);
	process->ended = process->end_known = process->end_by_connector = false;
	queue_append(&table->running, process);
}
