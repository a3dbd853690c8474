/* See row.h.  Speed is what shapes it: a row is bound field by field from the set of known fields, a
 * parameter is set to NULL only if the row before used it, texts are borrowed from the event, and what
 * repeats (texts, shapes, logins) costs a hash and a look-up. The caches hold what was seen lately; what
 * was forgotten is stored a second time, which is fine. */

#include "sink/row.h"

#include <errno.h>

#include "event/event_json.h"
#include "sink/schema_sql.h"

#define MAX_TEXTS  65536
#define MAX_SHARED 16384

/* What the bytes of a text in the cache are; a shape or login is further apart by its table. */
enum text_kind { TEXT_PLAIN, TEXT_ESCAPED, TEXT_OF_LIST, TEXT_OF_IP, TEXT_OF_NAMES, TEXT_FIRST_TABLE };

static int bind_text(sqlite3_stmt *statement, int parameter, struct span text, bool copy)
{
	return sqlite3_bind_text64(statement, parameter, text.data ? text.data : "", text.size,
				   copy ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8);
}

static bool span_is_utf8(struct span text)
{
	return span_utf8_prefix(text) == text.size;
}

/* Table text. */

/* `text` as it is stored; its key was not in the cache. */
static int text_insert(struct rows *rows, uint64_t key, struct span text, bool escaped, uint64_t *ret)
{
	int r;

	sqlite3_bind_int64(rows->text, 1, rows->next_text);
	bind_text(rows->text, 2, text, false);
	if (escaped)
		sqlite3_bind_int64(rows->text, 3, 1);
	else
		sqlite3_bind_null(rows->text, 3);
	r = sql_run(rows->text);
	if (r < 0)
		return r;
	*ret = (uint64_t)rows->next_text++ << 1 | escaped;
	id_cache_put(rows->texts, key, *ret);
	return 0;
}

/* The number of a text: id << 1 | escaped. `force`: escape it, whatever it is. */
static int text_id(struct rows *rows, struct span text, bool force, uint64_t *ret)
{
	uint64_t key = id_hash(&rows->key, force ? TEXT_ESCAPED : TEXT_PLAIN, text);

	*ret = id_cache_get(rows->texts, key);
	if (likely(*ret))
		return 0;
	if (!force && span_is_utf8(text))
		return text_insert(rows, key, text, false, ret);
	buffer_clear(&rows->escaped);
	percent_escape(&rows->escaped, text);
	if (buffer_error(&rows->escaped) < 0)
		return -ENOMEM;
	return text_insert(rows, key, buffer_span(&rows->escaped), true, ret);
}

static int list_id(struct rows *rows, struct span list, uint64_t *ret)
{
	uint64_t key = id_hash(&rows->key, TEXT_OF_LIST, list);
	bool escaped;

	*ret = id_cache_get(rows->texts, key);
	if (*ret)
		return 0;
	buffer_clear(&rows->escaped);
	escaped = json_append_list(&rows->escaped, list);
	if (buffer_error(&rows->escaped) < 0)
		return -ENOMEM;
	return text_insert(rows, key, buffer_span(&rows->escaped), escaped, ret);
}

/* *ret is 0 if it is no address. */
static int ip_id(struct rows *rows, struct span ip, uint64_t *ret)
{
	uint64_t key = id_hash(&rows->key, TEXT_OF_IP, ip);
	char text[IP_TEXT_MAX];
	size_t size;

	*ret = id_cache_get(rows->texts, key);
	if (*ret)
		return 0;
	size = ip_text(ip, text);
	if (size == 0)
		return 0;
	return text_insert(rows, key, (struct span){ text, size }, false, ret);
}

/* Names of a set of fields as JSON, empty if there is none. */
static void append_names(struct buffer *buffer, const uint64_t set[FIELD_WORDS])
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = set[i]; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);

			buffer_append_byte(buffer, buffer->size ? ',' : '[');
			json_append_string(buffer, span_of(fields[field].name));
		}
	if (buffer->size)
		buffer_append_byte(buffer, ']');
}

int row_names(struct rows *rows, const uint64_t set[FIELD_WORDS], int64_t *ret)
{
	_cleanup_(buffer_release) struct buffer names = { 0 };
	uint64_t key, id, any = 0;
	int r;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= set[i];
	if (!any) {
		*ret = 0;
		return 0;
	}
	key = id_hash(&rows->key, TEXT_OF_NAMES,
		      (struct span){ (const char *)set, FIELD_WORDS * sizeof(*set) });
	id = id_cache_get(rows->texts, key);
	if (!id) {
		append_names(&names, set);
		if (names.failed)
			return -ENOMEM;
		r = text_id(rows, buffer_span(&names), false, &id);
		if (r < 0)
			return r;
		id_cache_put(rows->texts, key, id);
	}
	*ret = (int64_t)(id >> 1);
	return 0;
}

static int bind_names(sqlite3_stmt *statement, int parameter, const uint64_t set[FIELD_WORDS])
{
	_cleanup_(buffer_release) struct buffer names = { 0 };

	append_names(&names, set);
	if (names.failed)
		return -ENOMEM;
	return sql_errno(names.size == 0 ? sqlite3_bind_null(statement, parameter)
					 : bind_text(statement, parameter, buffer_span(&names), true));
}

/* The fields of a row. */

static int bind_inline(struct rows *rows, sqlite3_stmt *statement, int parameter, struct span text,
		       unsigned field, struct escapes *escapes)
{
	char ip[IP_TEXT_MAX];

	if (fields[field].type == TYPE_LIST) {
		buffer_clear(&rows->escaped);
		if (json_append_list(&rows->escaped, text))
			escapes_add(escapes, field);
	} else if (fields[field].type == TYPE_IP) {
		size_t size = ip_text(text, ip);

		if (size == 0)
			return sqlite3_bind_null(statement, parameter);
		return bind_text(statement, parameter, (struct span){ ip, size }, true);
	} else if (likely(span_is_utf8(text))) {
		return bind_text(statement, parameter, text, false);
	} else {
		buffer_clear(&rows->escaped);
		percent_escape(&rows->escaped, text);
		escapes_add(escapes, field);
	}
	if (buffer_error(&rows->escaped) < 0)
		return SQLITE_NOMEM;
	return bind_text(statement, parameter, buffer_span(&rows->escaped), true);
}

static int bind_path(struct rows *rows, sqlite3_stmt *statement, int parameter, struct span path,
		     unsigned field, struct escapes *escapes)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct span name = path;
	bool escape = unlikely(!span_is_utf8(path));
	int r;

	if (slash) {
		struct span folder = { path.data, (size_t)(slash - path.data) };
		uint64_t id;

		name = (struct span){ slash + 1, path.size - folder.size - 1 };
		r = text_id(rows, folder, escape, &id);
		if (r < 0)
			return r;
		sqlite3_bind_int64(statement, parameter, (int64_t)(id >> 1));
	} else {
		sqlite3_bind_null(statement, parameter);
	}
	if (likely(!escape)) {
		r = bind_text(statement, parameter + 1, name, false);
	} else {
		buffer_clear(&rows->escaped);
		percent_escape(&rows->escaped, name);
		if (buffer_error(&rows->escaped) < 0)
			return -ENOMEM;
		escapes_add(escapes, field);
		r = bind_text(statement, parameter + 1, buffer_span(&rows->escaped), true);
	}
	return sql_errno(r);
}

static int bind_field(struct rows *rows, sqlite3_stmt *statement, const struct column *column,
		      const struct values *values, struct escapes *escapes)
{
	unsigned field = column->field;
	int parameter = column->place + 1, r;
	struct span text;
	uint64_t id;

	if (column->kind == COLUMN_NUMBER)
		return sql_errno(
			sqlite3_bind_int64(statement, parameter, (int64_t)values_number(values, field)));
	text = values_text(values, field);
	if (column->kind == COLUMN_TEXT)
		return sql_errno(bind_inline(rows, statement, parameter, text, field, escapes));
	if (column->kind == COLUMN_PATH)
		return bind_path(rows, statement, parameter, text, field, escapes);
	if (fields[field].type == TYPE_LIST)
		r = list_id(rows, text, &id);
	else if (fields[field].type == TYPE_IP)
		r = ip_id(rows, text, &id);
	else
		r = text_id(rows, text, false, &id);
	if (r < 0)
		return r;
	if (unlikely(id & 1))
		escapes_add(escapes, field);
	if (unlikely(id == 0))
		return sql_errno(sqlite3_bind_null(statement, parameter));
	return sql_errno(sqlite3_bind_int64(statement, parameter, (int64_t)(id >> 1)));
}

/* Binds every field of the table; `skip`: one that the caller binds itself. */
int row_bind(struct rows *rows, struct insert *insert, const struct values *values, unsigned skip,
	     struct escapes *escapes)
{
	const struct table *table = insert->table;

	for (unsigned i = 0; i < FIELD_WORDS; i++) {
		uint64_t now = values->known[i] & table->fields[i], before = insert->bound[i];

		if (skip / 64 == i)
			now &= ~(UINT64_C(1) << (skip % 64));
		insert->bound[i] |= now; /* should one of them fail */
		for (uint64_t bits = now; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);
			int r = bind_field(rows, insert->statement, &table->columns[table->column_of[field]],
					   values, escapes);

			if (r < 0)
				return r;
		}
		for (uint64_t bits = before & ~now; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);
			const struct column *column = &table->columns[table->column_of[field]];

			sqlite3_bind_null(insert->statement, column->place + 1);
			if (column->kind == COLUMN_PATH)
				sqlite3_bind_null(insert->statement, column->place + 2);
		}
		insert->bound[i] = now;
	}
	return 0;
}

/* Rows that are shared. */

/* All that the row depends on, as bytes. */
static void append_content(struct buffer *content, const struct values *values,
			   const uint64_t known[FIELD_WORDS])
{
	buffer_append(content, known, FIELD_WORDS * sizeof(*known));
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = known[i]; bits; bits &= bits - 1) {
			unsigned field = i * 64 + (unsigned)__builtin_ctzll(bits);

			struct span text = { NULL, 0 };
			uint64_t number;
			char *p;

			if (field_type_is_text(fields[field].type)) {
				text = values_text(values, field);
				number = text.size;
			} else {
				number = values_number(values, field);
			}
			p = buffer_reserve(content, sizeof(number) + text.size);
			if (!p)
				return;
			memcpy(p, &number, sizeof(number));
			if (text.size > 0)
				memcpy(p + sizeof(number), text.data, text.size);
			content->size += sizeof(number) + text.size;
		}
}

static void known_of(const struct table *table, const struct values *values, uint64_t ret[FIELD_WORDS])
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		ret[i] = values->known[i] & table->fields[i];
}

/* Binds and inserts a row that was not in the cache. */
static int shared_insert(struct rows *rows, struct insert *insert, uint64_t key, bool escaped, int64_t *ret)
{
	int r;

	sqlite3_bind_int64(insert->statement, 1, insert->next_id);
	r = sql_run(insert->statement);
	if (r < 0)
		return r;
	*ret = insert->next_id++;
	id_cache_put(rows->shared, key, (uint64_t)*ret << 1 | escaped);
	return 0;
}

int row_shape(struct rows *rows, struct insert *insert, const struct event *event,
	      const struct escapes *escapes, int64_t *ret)
{
	const struct values *values = &event->values;
	uint16_t number = kinds[event->kind].number;
	uint64_t known[FIELD_WORDS], inferred[FIELD_WORDS], key, found;
	struct escapes all = *escapes;
	int r;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		inferred[i] = values->inferred[i] & values->known[i];
	known_of(insert->table, values, known);
	buffer_clear(&rows->content);
	buffer_append(&rows->content, &number, sizeof(number));
	buffer_append(&rows->content, inferred, sizeof(inferred));
	buffer_append(&rows->content, escapes->fields, sizeof(escapes->fields));
	append_content(&rows->content, values, known);
	if (buffer_error(&rows->content) < 0)
		return -ENOMEM;
	key = id_hash(&rows->key, TEXT_FIRST_TABLE + 1 + event_category(event), buffer_span(&rows->content));
	found = id_cache_get(rows->shared, key);
	if (likely(found)) {
		*ret = (int64_t)(found >> 1);
		return 0;
	}
	r = row_bind(rows, insert, values, FIELD_NONE, &all);
	if (r < 0)
		return r;
	sqlite3_bind_int64(insert->statement, SHAPE_KIND + 1, number);
	r = bind_names(insert->statement, SHAPE_INFERRED + 1, inferred);
	if (r < 0)
		return r;
	r = bind_names(insert->statement, SHAPE_ESCAPED + 1, all.fields);
	if (r < 0)
		return r;
	return shared_insert(rows, insert, key, false, ret);
}

int row_login(struct rows *rows, struct insert *insert, const struct context *context, int64_t *ret,
	      bool *ret_escaped)
{
	struct escapes escapes = { 0 };
	uint64_t known[FIELD_WORDS], key, found, any = 0;
	int r;

	known_of(insert->table, &context->values, known);
	buffer_clear(&rows->content);
	append_content(&rows->content, &context->values, known);
	if (buffer_error(&rows->content) < 0)
		return -ENOMEM;
	key = id_hash(&rows->key, TEXT_FIRST_TABLE, buffer_span(&rows->content));
	found = id_cache_get(rows->shared, key);
	if (likely(found)) {
		*ret = (int64_t)(found >> 1);
		*ret_escaped = found & 1;
		return 0;
	}
	r = row_bind(rows, insert, &context->values, FIELD_NONE, &escapes);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= escapes.fields[i];
	*ret_escaped = any != 0;
	return shared_insert(rows, insert, key, any != 0, ret);
}

/* Opening. */

int rows_next_id(sqlite3 *db, const char *table, const char *column, int64_t *ret)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int64_t last;
	int r;

	buffer_printf(&sql, "SELECT coalesce(max(%s), 0) FROM %s", column, table);
	r = sql_number(db, buffer_text(&sql), &last);
	if (r < 0)
		return r;
	if (last < 0 || last == INT64_MAX)
		return -EBADMSG;
	*ret = last + 1;
	return 0;
}

int insert_open(struct insert *insert, sqlite3 *db, const struct table *table)
{
	_cleanup_(buffer_release) struct buffer sql = { 0 };
	int r;

	insert->table = table;
	schema_sql_insert(&sql, table);
	if (buffer_error(&sql) < 0)
		return -ENOMEM;
	r = sql_prepare(db, buffer_text(&sql), &insert->statement);
	if (r < 0)
		return r;
	return rows_next_id(db, table->name, table->n_fixed == EVENT_N_FIXED ? "sequence" : "id",
			    &insert->next_id);
}

void insert_close(struct insert *insert)
{
	insert->statement = sql_finalize(insert->statement);
}

int rows_open(struct rows *rows, sqlite3 *db)
{
	int r;

	*rows = (struct rows){ .db = db };
	r = id_key_new(&rows->key);
	if (r < 0)
		return r;
	r = id_cache_new(&rows->texts, MAX_TEXTS);
	if (r < 0)
		return r;
	r = id_cache_new(&rows->shared, MAX_SHARED);
	if (r < 0)
		return r;
	r = rows_next_id(db, "text", "id", &rows->next_text);
	if (r < 0)
		return r;
	return sql_prepare(db, "INSERT INTO text VALUES (?,?,?)", &rows->text);
}

void rows_close(struct rows *rows)
{
	rows->text = sql_finalize(rows->text);
	rows->texts = id_cache_free(rows->texts);
	rows->shared = id_cache_free(rows->shared);
	buffer_release(&rows->content);
	buffer_release(&rows->escaped);
}

void rows_forget(struct rows *rows)
{
	id_cache_clear(rows->texts);
	id_cache_clear(rows->shared);
}
