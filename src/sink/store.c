/* See store.h.  A context is written once, before the first event that refers to it; its row is kept in the
 * context itself, so that the next event of the process pays nothing. */

#include "sink/store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define MAX_IMAGES	  65536
#define MAX_IMAGES_LOADED 16384 /* read back at open: images that still ran when the recorder stopped */

/* The tag takes what a row does not need of the 63 bits of context->row. */
#define ROW_BITS 40
#define ROW_MASK ((INT64_C(1) << ROW_BITS) - 1)
#define TAG_MASK UINT32_C(0x3fffff)

/* Processes. */

/* Are the arguments what the command line gives when it is split at each blank?  Then they need no place. */
static bool args_follow(const struct context *context)
{
	struct span args = values_text(&context->values, FIELD_args);
	struct span line = values_text(&context->values, FIELD_command_line);

	if (!values_has(&context->values, FIELD_command_line) || args.size != line.size + 1 ||
	    args.data[line.size] != 0 || span_utf8_prefix(line) < line.size)
		return false;
	for (size_t i = 0; i < line.size; i++)
		if (args.data[i] != (line.data[i] == ' ' ? 0 : line.data[i]))
			return false;
	return true;
}

static int64_t context_row(const struct store *store, const struct context *context)
{
	return (context->row & ~ROW_MASK) == store->tag ? context->row & ROW_MASK : 0;
}

static void bind_id(sqlite3_stmt *statement, int parameter, int64_t id)
{
	if (id)
		sqlite3_bind_int64(statement, parameter, id);
	else
		sqlite3_bind_null(statement, parameter);
}

/* By the event that is being stored. */
static int end_image(struct store *store, int64_t row, bool exited)
{
	sqlite3_bind_int64(store->end, 1, ENDED_BASE + (int64_t)(store->next_sequence << 1 | exited));
	sqlite3_bind_int64(store->end, 2, row);
	return sql_run(store->end);
}

static uint64_t exec_count(const struct context *context)
{
	return values_has(&context->values, FIELD_exec_count) ? context->exec_count & 0xffff : 0;
}

/* The first row of the image; 0: it has none, and *ret_other is another image of the process, if there is
 * one. */
static int64_t image_of(struct store *store, const struct context *context, uint64_t *ret_other)
{
	uint64_t found = 0;

	*ret_other = 0;
	if (values_has(&context->values, FIELD_entity_id))
		found = id_cache_get(store->images, context->entity_id);
	if (!found)
		return 0;
	if ((found & 0xffff) == exec_count(context))
		return (int64_t)(found >> 16);
	*ret_other = found;
	return 0;
}

static int remember_context(struct store *store, struct context *context)
{
	if (store->n_contexts == store->max_contexts) {
		size_t max = store->max_contexts ? store->max_contexts * 2 : 256;
		struct context **contexts = reallocarray(store->contexts, max, sizeof(struct context *));

		if (!contexts)
			return -ENOMEM;
		store->contexts = contexts;
		store->max_contexts = max;
	}
	store->contexts[store->n_contexts++] = context_ref(context);
	store->context_bytes += context->values.arena_capacity;
	return 0;
}

/* The parent's row has the pid: only what is not the same stands in the child's. */
static void bind_parent_pid(struct store *store, const struct context *context)
{
	struct insert *insert = &store->process;
	const struct context *parent = context->parent;
	int place = insert->table->columns[insert->table->column_of[FIELD_ppid]].place + 1;

	if (!values_has(&parent->values, FIELD_pid))
		return;
	if (!values_has(&context->values, FIELD_ppid))
		sqlite3_bind_int64(insert->statement, place, NOTHING_KNOWN);
	else if (context->ppid == parent->pid)
		sqlite3_bind_null(insert->statement, place);
	insert->bound[FIELD_ppid / 64] |= UINT64_C(1) << (FIELD_ppid % 64);
}

/* A context that has no row yet; its parent has one. */
static int insert_process(struct store *store, struct context *context)
{
	struct insert *insert = &store->process;
	sqlite3_stmt *statement = insert->statement;
	const struct values *values = &context->values;
	struct escapes escapes = { 0 };
	int64_t id = insert->next_id, program, login, image, first = 0;
	int64_t parent = context->parent ? context_row(store, context->parent) : 0;
	uint64_t other, count, key = 0;
	int r;

	if (id > ROW_MASK)
		return -EOVERFLOW;
	r = row_program(&store->rows, &store->program, context, values_has(values, FIELD_args) && args_follow(context),
			&escapes, &program);
	if (r < 0)
		return r;
	if (values_has(values, FIELD_entity_id)) {
		r = row_identity(&store->rows, values, store->identity, parent, &key, &first);
		if (r < 0)
			return r;
	}
	r = row_bind(&store->rows, insert, values, first ? store->identity : NULL, &escapes);
	if (r < 0)
		return r;
	if (parent && !first)
		bind_parent_pid(store, context);
	r = row_login(&store->rows, &store->login, context, &escapes, &login);
	if (r < 0)
		return r;
	image = image_of(store, context, &other);
	sqlite3_bind_int64(statement, PROCESS_ID + 1, id);
	sqlite3_bind_int64(statement, PROCESS_SEQUENCE + 1, (int64_t)store->next_sequence);
	bind_id(statement, PROCESS_IMAGE + 1, image);
	bind_id(statement, PROCESS_FIRST + 1, first);
	bind_id(statement, PROCESS_PARENT + 1, first ? 0 : parent);
	sqlite3_bind_int64(statement, PROCESS_PROGRAM + 1, program);
	sqlite3_bind_int64(statement, PROCESS_LOGIN + 1, login);
	sqlite3_bind_int64(statement, PROCESS_ENDED + 1, ENDED_NONE);
	r = remember_context(store, context);
	if (r < 0)
		return r;
	r = row_insert(&store->rows, insert);
	if (r < 0)
		return r;
	insert->next_id++;
	context->row = store->tag | id;
	if (image && image < store->chapter.first[CHAPTER_PROCESS]) {
		sqlite3_bind_int64(store->carry, 1, id);
		sqlite3_bind_int64(store->carry, 2, image);
		r = sql_run(store->carry);
		if (r < 0)
			return r;
	}
	if (key && !first)
		row_identity_put(&store->rows, key, id);
	if (image || !values_has(values, FIELD_entity_id))
		return 0;
	count = exec_count(context);
	if (other && (other & 0xffff) < count) {
		/* The image before ended as this one began. */
		r = end_image(store, (int64_t)(other >> 16), false);
		if (r < 0)
			return r;
	}
	if (!other || (other & 0xffff) < count)
		id_cache_put(store->images, context->entity_id, (uint64_t)id << 16 | count);
	return 0;
}

/* Parents first, so that a row only refers to smaller ones. */
static int store_context(struct store *store, struct event *event, int64_t *ret)
{
	struct context *above[CONTEXT_MAX_DEPTH + 2];
	unsigned n = 0;

	for (struct context *c = event->context; c && n < ARRAY_SIZE(above) && !context_row(store, c);
	     c = c->parent)
		above[n++] = c;
	while (n > 0) {
		int r = insert_process(store, above[--n]);

		if (r < 0)
			return r;
	}
	*ret = context_row(store, event->context);
	return 0;
}

/* The rows of an image that exits: the first that it had, and the one that this event refers to. */
static int end_process(struct store *store, const struct context *context, int64_t row)
{
	uint64_t other;
	int64_t image = image_of(store, context, &other);
	int r = image && image != row ? end_image(store, image, true) : 0;

	return r < 0 ? r : end_image(store, row, true);
}

/* The base of time of the numbers of sequence around the next: there already, or the time of this event. */
static int begin_tick(struct store *store, uint64_t time_ns)
{
	uint64_t id = store->next_sequence >> TICK_BITS;
	int r;

	if (likely(id == store->tick_id))
		return 0;
	sqlite3_bind_int64(store->tick, 1, (int64_t)id);
	sqlite3_bind_int64(store->tick, 2, (int64_t)time_ns);
	r = sqlite3_step(store->tick);
	if (r == SQLITE_ROW)
		store->rows.tick_ns = (uint64_t)sqlite3_column_int64(store->tick, 0);
	while (r == SQLITE_ROW)
		r = sqlite3_step(store->tick);
	sqlite3_reset(store->tick);
	if (r != SQLITE_DONE)
		return sql_errno(r);
	if (store->next_sequence >> BLOCK_BITS != store->rows.sequence >> BLOCK_BITS)
		rows_forget_paths(&store->rows);
	store->tick_id = id;
	return 0;
}

/* Fields that most of its kind do not have. */
static int insert_more(struct store *store, const struct event *event, unsigned category, struct escapes *escapes)
{
	struct insert *insert = &store->more[category];
	uint64_t any = 0, skip[FIELD_WORDS] = { 0 }, duration_ns;
	bool follows = duration_follows(event, &duration_ns), has = values_has(&event->values, FIELD_duration);
	int r;

	if (follows && has && event->duration == duration_ns)
		skip[FIELD_duration / 64] = UINT64_C(1) << (FIELD_duration % 64);
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= event->values.known[i] & insert->table->fields[i] & ~skip[i];
	if (!any && (has || !follows))
		return 0;
	r = row_bind(&store->rows, insert, &event->values, skip, escapes);
	if (r < 0)
		return r;
	if (follows && !has) {
		sqlite3_bind_int64(insert->statement, insert->table->columns[insert->table->column_of[FIELD_duration]].place + 1,
				   NOTHING_KNOWN);
		insert->bound[FIELD_duration / 64] |= UINT64_C(1) << (FIELD_duration % 64);
	}
	sqlite3_bind_int64(insert->statement, MORE_SEQUENCE + 1, (int64_t)store->rows.sequence);
	store->next_sequence++; /* should the event fail, no other may have this row */
	return row_insert(&store->rows, insert);
}

static int insert_event(struct store *store, const struct event *event, int64_t process)
{
	unsigned category = event_category(event);
	struct insert *insert = &store->events[category];
	sqlite3_stmt *statement = insert->statement;
	struct escapes escapes = { 0 };
	int64_t shape;
	int r;

	store->rows.owner = category + 1;
	r = insert_more(store, event, category, &escapes);
	if (r < 0)
		return r;
	r = row_bind(&store->rows, insert, &event->values, NULL, &escapes);
	if (r < 0)
		return r;
	r = row_shape(&store->rows, &store->shapes[category], event, &escapes, &shape);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, EVENT_SEQUENCE + 1, (int64_t)store->rows.sequence);
	sqlite3_bind_int64(statement, EVENT_TIME + 1, (int64_t)(event->time_ns - store->rows.tick_ns));
	sqlite3_bind_int64(statement, EVENT_ORIGIN + 1, (int64_t)event->origin);
	bind_id(statement, EVENT_PROCESS + 1, process);
	sqlite3_bind_int64(statement, EVENT_SHAPE + 1, shape);
	r = row_insert(&store->rows, insert);
	if (r < 0)
		return r;
	rows_keep_paths(&store->rows);
	return 0;
}

int store_event(struct store *store, struct event *event)
{
	int64_t process = 0;
	int r;

	if (event->values.failed || (event->context && event->context->values.failed))
		return -ENOMEM;
	r = begin_tick(store, event->time_ns);
	if (r < 0)
		return r;
	store->rows.sequence = store->next_sequence;
	store->rows.time_ns = event->time_ns;
	store->rows.owner = 0;
	if (event->context) {
		r = store_context(store, event, &process);
		if (r < 0)
			return r;
	}
	if (event->kind == KIND_ID(process, exit) && process) {
		r = end_process(store, event->context, process);
		if (r < 0)
			return r;
	}
	r = session_table_event(&store->sessions, event);
	if (r == 0)
		r = digest_table_event(&store->rows.digests, event);
	if (r < 0)
		return r;
	/* Its own row last: what failed before can be tried again. */
	r = insert_event(store, event, process);
	if (r < 0)
		return r;
	event->sequence = store->rows.sequence;
	store->next_sequence = store->rows.sequence + 1;
	return 0;
}

size_t store_new_bytes(const struct store *store, const struct event *event)
{
	size_t bytes = event->values.arena_size;

	for (const struct context *c = event->context; c && !context_row(store, c); c = c->parent)
		bytes += c->values.arena_size;
	return bytes;
}

/* Blocks and chapters. */

void store_begin_block(struct store *store)
{
	store->next_sequence = (store->next_sequence + BLOCK_EVENTS - 1) & ~(BLOCK_EVENTS - 1);
}

/* The number that each shared table gives next. */
static int64_t *next_id_of(struct store *store, unsigned table)
{
	switch (table) {
	case CHAPTER_TEXT:
		return &store->rows.next_text;
	case CHAPTER_PROCESS:
		return &store->process.next_id;
	case CHAPTER_PROGRAM:
		return &store->program.next_id;
	case CHAPTER_LOGIN:
		return &store->login.next_id;
	default:
		return &store->shapes[table - CHAPTER_SHAPE].next_id;
	}
}

/* A tag that no row was told by so far: contexts are stored anew in what follows. */
static void next_tag(struct store *store)
{
	uint32_t tag = (uint32_t)(store->tag >> ROW_BITS);

	do
		tag = (tag + 1) & TAG_MASK;
	while (tag == 0);
	store->tag = (int64_t)tag << ROW_BITS;
}

int store_begin_chapter(struct store *store)
{
	struct chapter chapter;
	int r;

	store_begin_block(store);
	chapter.block = store->next_sequence >> BLOCK_BITS;
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		chapter.first[i] = *next_id_of(store, i);
	r = chapter_write(store->db, &chapter);
	if (r < 0)
		return r;
	store->chapter = chapter;
	next_tag(store);
	rows_forget(&store->rows);
	return 0;
}

/* As the file has it. Its tables may be empty behind the first number of the chapter: what was cleaned away before it does not
 * give its numbers to what comes. */
static int load_chapter(struct store *store)
{
	int r = chapter_last(store->db, &store->chapter);

	if (r < 0)
		return r == -ENODATA ? -EBADMSG : r;
	for (unsigned i = 0; i < N_CHAPTER_TABLES; i++)
		*next_id_of(store, i) = MAX(*next_id_of(store, i), store->chapter.first[i]);
	return 0;
}

void store_image_moved(struct store *store, uint64_t entity_id, int64_t old, int64_t new)
{
	uint64_t found = id_cache_get(store->images, entity_id);

	if ((int64_t)(found >> 16) != old)
		return;
	if (new)
		id_cache_put(store->images, entity_id, (uint64_t)new << 16 | (found & 0xffff));
	else
		id_cache_remove(store->images, entity_id);
}

int store_finish(struct store *store)
{
	return session_table_write(&store->sessions);
}

void store_settle(struct store *store)
{
	while (store->n_contexts > 0)
		context_unref(store->contexts[--store->n_contexts]);
	store->context_bytes = 0;
}

static int load_images(struct store *store)
{
	_cleanup_(sql_finalizep) sqlite3_stmt *statement = NULL;
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r;

	buffer_printf(&sql,
		      "SELECT p.id, f.process_entity_id, p.process_exec_count "
		      "FROM process p JOIN process f ON f.id = coalesce(p.first, p.id) "
		      "WHERE p.image IS NULL AND p.ended = %lld AND f.process_entity_id IS NOT NULL ORDER BY p.id DESC LIMIT %d",
		      (long long)ENDED_NONE, MAX_IMAGES_LOADED);
	r = sql_prepare(store->db, buffer_text(&sql), &statement);
	if (r < 0)
		return r;
	while ((r = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t entity = (uint64_t)sqlite3_column_int64(statement, 1);

		/* Newest first: what is there already is the later image. */
		if (!id_cache_get(store->images, entity))
			id_cache_put(store->images, entity,
				     (uint64_t)sqlite3_column_int64(statement, 0) << 16 |
					     (sqlite3_column_int64(statement, 2) & 0xffff));
	}
	return sql_errno(r);
}

int store_forget(struct store *store)
{
	store->is_stale = true;
	while (store->n_contexts > 0) {
		struct context *context = store->contexts[--store->n_contexts];

		if (context_row(store, context))
			context->row = 0;
		context_unref(context);
	}
	store->context_bytes = 0;
	store->tick_id = UINT64_MAX;
	rows_forget(&store->rows);
	session_table_forget(&store->sessions);
	id_cache_clear(store->images);
	return store_refresh(store);
}

int store_refresh(struct store *store)
{
	int r;

	if (likely(!store->is_stale))
		return 0;
	r = load_chapter(store);
	if (r == 0)
		r = load_images(store);
	store->is_stale = r < 0;
	return r;
}

/* Which numbers are free. What a recorder before left of a block stays as it is: the next is begun. */
static int find_sequence(struct store *store)
{
	int64_t next;
	int r = rows_next_id(store->db, "block", "id", &next);

	if (r < 0)
		return r;
	if (next > INT64_MAX >> BLOCK_BITS)
		return -EBADMSG;
	if (next > 1)
		store->next_sequence = (uint64_t)next << BLOCK_BITS;
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		store->next_sequence = MAX(store->next_sequence, (uint64_t)store->events[i].next_id);
	if (store->next_sequence > 1)
		store_begin_block(store);
	return load_chapter(store);
}

static int open_inserts(struct store *store)
{
	struct layout *layout = &store->layout;
	int r = insert_open(&store->process, store->db, &layout->process);

	if (r == 0)
		r = insert_open(&store->program, store->db, &layout->program);
	if (r == 0)
		r = insert_open(&store->login, store->db, &layout->login);
	for (unsigned i = 0; i < N_CATEGORIES && r == 0; i++) {
		r = insert_open(&store->shapes[i], store->db, &layout->shapes[i]);
		if (r == 0)
			r = insert_open(&store->more[i], store->db, &layout->more[i]);
		if (r == 0)
			r = insert_open(&store->events[i], store->db, &layout->events[i]);
	}
	return r;
}

int store_open(struct store *store, sqlite3 *db, const char *boot_id)
{
	uint32_t tag = 0;
	int r;

	*store = (struct store){ .db = db, .next_sequence = 1, .tick_id = UINT64_MAX };
	layout_make(&store->layout);
	memcpy(store->identity, store->layout.process.fields, sizeof(store->identity));
	store->identity[FIELD_exec_count / 64] &= ~(UINT64_C(1) << (FIELD_exec_count % 64));
	while ((tag & TAG_MASK) == 0)
		if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
			return -errno;
	store->tag = (int64_t)(tag & TAG_MASK) << ROW_BITS;
	r = rows_open(&store->rows, db);
	if (r < 0)
		return r;
	r = id_cache_new(&store->images, MAX_IMAGES);
	if (r < 0)
		return r;
	r = open_inserts(store);
	if (r < 0)
		return r;
	r = find_sequence(store);
	if (r < 0)
		return r;
	r = session_table_open(&store->sessions, db, boot_id);
	if (r < 0)
		return r;
	r = sql_prepare(db, "UPDATE process SET ended = ? - sequence * 2 WHERE id = ?", &store->end);
	if (r < 0)
		return r;
	r = sql_prepare(db, "INSERT OR REPLACE INTO carried VALUES (?,?)", &store->carry);
	if (r < 0)
		return r;
	r = sql_prepare(db, "INSERT INTO tick VALUES (?,?) ON CONFLICT DO UPDATE SET time = time RETURNING time", &store->tick);
	if (r < 0)
		return r;
	return load_images(store);
}

void store_close(struct store *store)
{
	store_settle(store);
	free(store->contexts);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		insert_close(&store->events[i]);
		insert_close(&store->more[i]);
		insert_close(&store->shapes[i]);
	}
	insert_close(&store->process);
	insert_close(&store->program);
	insert_close(&store->login);
	sql_finalize(store->end);
	sql_finalize(store->tick);
	sql_finalize(store->carry);
	session_table_close(&store->sessions);
	rows_close(&store->rows);
	id_cache_free(store->images);
	*store = (struct store){ 0 };
}
