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

#define TEXT_AS_COMMAND_LINE 0 /* process_args: see args_follow() */

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

/* time_ns 0: unknown.  next 0: none, it exited. */
static int end_image(struct store *store, int64_t row, uint64_t time_ns, int64_t next,
		     const struct event *exit)
{
	sqlite3_stmt *statement = store->end;

	bind_id(statement, 1, row);
	bind_id(statement, 2, (int64_t)time_ns);
	bind_id(statement, 3, next);
	if (exit && values_has(&exit->values, FIELD_exit_code))
		sqlite3_bind_int64(statement, 4, exit->exit_code);
	else
		sqlite3_bind_null(statement, 4);
	if (exit && values_has(&exit->values, FIELD_exit_signal))
		sqlite3_bind_int64(statement, 5, exit->exit_signal);
	else
		sqlite3_bind_null(statement, 5);
	return sql_run(statement);
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

/* The text columns of the process row that name fields. */
static int bind_remarks(struct store *store, const struct values *values, const struct escapes *escapes)
{
	uint64_t inferred[FIELD_WORDS];
	int64_t inferred_id, escaped_id;
	int r;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		inferred[i] = values->inferred[i] & values->known[i];
	r = row_names(&store->rows, inferred, &inferred_id);
	if (r < 0)
		return r;
	r = row_names(&store->rows, escapes->fields, &escaped_id);
	if (r < 0)
		return r;
	bind_id(store->process.statement, PROCESS_INFERRED + 1, inferred_id);
	bind_id(store->process.statement, PROCESS_ESCAPED + 1, escaped_id);
	return 0;
}

/* Fields of login whose text is no UTF-8: rare, so looked for only when the row is known to have one. */
static void find_login_escapes(const struct store *store, const struct values *values,
			       struct escapes *escapes)
{
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++) {
		struct span text, item;

		if (!table_has(&store->layout.login, field) || !field_type_is_text(fields[field].type) ||
		    fields[field].type == TYPE_IP)
			continue;
		text = values_text(values, field);
		if (fields[field].type != TYPE_LIST && span_utf8_prefix(text) < text.size)
			escapes_add(escapes, field);
		while (fields[field].type == TYPE_LIST && list_next(&text, &item))
			if (span_utf8_prefix(item) < item.size)
				escapes_add(escapes, field);
	}
}

/* A context that has no row yet; its parent has one. `exec`: the event that began the image, or NULL. */
static int insert_process(struct store *store, struct context *context, const struct event *exec)
{
	struct insert *insert = &store->process;
	sqlite3_stmt *statement = insert->statement;
	const struct values *values = &context->values;
	struct escapes escapes = { 0 };
	int64_t id = insert->next_id, login, image;
	uint64_t other, count;
	bool as_command_line = values_has(values, FIELD_args) && args_follow(context), login_escaped;
	int r;

	if (id > ROW_MASK)
		return -EOVERFLOW;
	r = row_login(&store->rows, &store->login, context, &login, &login_escaped);
	if (r < 0)
		return r;
	if (unlikely(login_escaped))
		find_login_escapes(store, values, &escapes);
	r = row_bind(&store->rows, insert, values, as_command_line ? FIELD_args : FIELD_NONE, &escapes);
	if (r < 0)
		return r;
	if (as_command_line) {
		sqlite3_bind_int64(statement, store->args_parameter, TEXT_AS_COMMAND_LINE);
		insert->bound[FIELD_args / 64] |= UINT64_C(1) << (FIELD_args % 64);
	}
	r = bind_remarks(store, values, &escapes);
	if (r < 0)
		return r;
	image = image_of(store, context, &other);
	sqlite3_bind_int64(statement, PROCESS_ID + 1, id);
	sqlite3_bind_int64(statement, PROCESS_SEQUENCE + 1, (int64_t)store->next_sequence);
	bind_id(statement, PROCESS_IMAGE + 1, image);
	bind_id(statement, PROCESS_PARENT + 1, context->parent ? context_row(store, context->parent) : 0);
	sqlite3_bind_int64(statement, PROCESS_DEPTH + 1, context->depth);
	sqlite3_bind_int64(statement, PROCESS_CUT + 1, context->ancestry_cut);
	sqlite3_bind_int64(statement, PROCESS_LOGIN + 1, login);
	r = remember_context(store, context);
	if (r < 0)
		return r;
	r = sql_run(statement);
	if (r < 0)
		return r;
	insert->next_id++;
	context->row = store->tag | id;
	if (image || !values_has(values, FIELD_entity_id))
		return 0;
	count = exec_count(context);
	if (other && (other & 0xffff) < count) {
		/* The image before ended as this one began. */
		r = end_image(store, (int64_t)(other >> 16), exec ? exec->time_ns : 0, id, NULL);
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
		struct context *c = above[--n];
		bool is_exec = event->kind == KIND_ID(process, exec) && c == event->context;
		int r = insert_process(store, c, is_exec ? event : NULL);

		if (r < 0)
			return r;
	}
	*ret = context_row(store, event->context);
	return 0;
}

int store_event(struct store *store, struct event *event)
{
	unsigned category = event_category(event);
	struct insert *insert = &store->events[category];
	sqlite3_stmt *statement = insert->statement;
	struct escapes escapes = { 0 };
	int64_t process = 0, shape;
	int r;

	if (event->values.failed || (event->context && event->context->values.failed))
		return -ENOMEM;
	if (event->context) {
		r = store_context(store, event, &process);
		if (r < 0)
			return r;
	}
	if (event->kind == KIND_ID(process, exit) && process) {
		uint64_t other;
		int64_t image = image_of(store, event->context, &other);

		r = end_image(store, image ? image : process, event->time_ns, 0, event);
		if (r < 0)
			return r;
	}
	/* Its own row last: what failed before can be tried again. */
	r = row_bind(&store->rows, insert, &event->values, FIELD_NONE, &escapes);
	if (r < 0)
		return r;
	r = row_shape(&store->rows, &store->shapes[category], event, &escapes, &shape);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, EVENT_SEQUENCE + 1, (int64_t)store->next_sequence);
	sqlite3_bind_int64(statement, EVENT_TIME + 1, (int64_t)event->time_ns);
	sqlite3_bind_int64(statement, EVENT_ORIGIN + 1, (int64_t)event->origin);
	bind_id(statement, EVENT_PROCESS + 1, process);
	sqlite3_bind_int64(statement, EVENT_SHAPE + 1, shape);
	r = sql_run(statement);
	if (r < 0)
		return r;
	event->sequence = store->next_sequence++;
	return 0;
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

	buffer_printf(
		&sql,
		"SELECT id, process_entity_id, process_exec_count FROM process p WHERE image IS NULL AND "
		"process_entity_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM process_end WHERE process = p.id) "
		"ORDER BY id DESC LIMIT %d",
		MAX_IMAGES_LOADED);
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
	while (store->n_contexts > 0) {
		struct context *context = store->contexts[--store->n_contexts];

		if (context_row(store, context))
			context->row = 0;
		context_unref(context);
	}
	store->context_bytes = 0;
	rows_forget(&store->rows);
	id_cache_clear(store->images);
	return load_images(store);
}

int store_open(struct store *store, sqlite3 *db)
{
	const struct table *process = &store->layout.process;
	uint32_t tag = 0;
	int64_t next;
	int r;

	*store = (struct store){ .db = db, .next_sequence = 1 };
	layout_make(&store->layout);
	store->args_parameter = process->columns[process->column_of[FIELD_args]].place + 1;
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
	r = insert_open(&store->process, db, process);
	if (r < 0)
		return r;
	r = insert_open(&store->login, db, &store->layout.login);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		r = insert_open(&store->shapes[i], db, &store->layout.shapes[i]);
		if (r < 0)
			return r;
		r = insert_open(&store->events[i], db, &store->layout.events[i]);
		if (r < 0)
			return r;
		store->next_sequence = MAX(store->next_sequence, (uint64_t)store->events[i].next_id);
	}
	/* Events that were stored and are gone by now: their numbers are not given again. */
	r = rows_next_id(db, "block", "first_sequence + events - 1", &next);
	if (r < 0)
		return r;
	store->next_sequence = MAX(store->next_sequence, (uint64_t)next);
	r = sql_prepare(db, "INSERT OR REPLACE INTO process_end VALUES (?,?,?,?,?)", &store->end);
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
		insert_close(&store->shapes[i]);
	}
	insert_close(&store->process);
	insert_close(&store->login);
	sql_finalize(store->end);
	rows_close(&store->rows);
	id_cache_free(store->images);
	*store = (struct store){ 0 };
}
