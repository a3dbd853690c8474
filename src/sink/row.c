/* See row.h.  Speed is what shapes it: a row is bound field by field from the set of known fields, a
 * parameter is set to NULL only if the row before used it, texts are borrowed from the event, and what
 * repeats (texts, shapes, logins) costs a hash and a look-up. The caches hold what was seen lately; what
 * was forgotten is stored a second time, which is fine. */

#include "sink/row.h"

#include <errno.h>
#include <stdlib.h>

#include "event/event_json.h"
#include "sink/schema_sql.h"

#define ROW_BYTES 8 /* of a row, beside its values and a byte for each of them */
#define MAX_TEXTS  65536
#define MAX_SHARED 16384

#define MAX_PATHS  16384 /* of a block, which has 4096 events of two at most */

/* Of the 3,096 command lines of a compilation 221 KB became 155 (bench: store). One that shares less than a third is stored whole:
 * those that follow are rather like it. */
#define N_LINES		 256u
#define LINE_SHARED_MIN	 12u
#define LINE_SHARED_PART 3u

/* What the bytes behind a key of a cache are: apart by who refers to the text, or by the table of the row. */
enum content { CONTENT_PLAIN, CONTENT_ESCAPED, CONTENT_LIST, CONTENT_IP, CONTENT_PATH, CONTENT_SHAPE, N_OF_OWNER };
enum { CONTENT_PROGRAM = CONTENT_SHAPE, CONTENT_LOGIN = N_OF_OWNER * (N_CATEGORIES + 1), CONTENT_IDENTITY, CONTENT_LINE };

static uint64_t key_of(const struct rows *rows, enum content content, struct span bytes)
{
	return sip_hash(&rows->key, rows->owner * N_OF_OWNER + content, bytes);
}

/* What a value takes in a row (sqlite.org/fileformat2.html, "Record Format"). */
static size_t number_bytes(int64_t value)
{
	uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);

	if (value == 0 || value == 1)
		return 0;
	return magnitude < 1u << 7    ? 1
	       : magnitude < 1u << 15 ? 2
	       : magnitude < 1u << 23 ? 3
	       : magnitude < 1u << 31 ? 4
	       : magnitude < UINT64_C(1) << 47 ? 6 : 8;
}

static int bind_number(struct rows *rows, sqlite3_stmt *statement, int parameter, int64_t value)
{
	rows->bytes += number_bytes(value);
	return sqlite3_bind_int64(statement, parameter, value);
}

static int bind_text(struct rows *rows, sqlite3_stmt *statement, int parameter, struct span text, bool copy)
{
	rows->bytes += text.size;
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
	bind_number(rows, rows->text, 2, (int64_t)(rows->owner << TEXT_OWNER_BITS | escaped));
	bind_text(rows, rows->text, 3, text, false);
	r = sql_run(rows->text);
	if (r < 0)
		return r;
	rows->bytes += ROW_BYTES + 2;
	*ret = (uint64_t)rows->next_text++ << 1 | escaped;
	id_cache_put(rows->texts, key, *ret);
	return 0;
}

/* The number of a text: id << 1 | escaped. `force`: escape it, whatever it is. */
static int text_id(struct rows *rows, struct span text, bool force, uint64_t *ret)
{
	uint64_t key = key_of(rows, force ? CONTENT_ESCAPED : CONTENT_PLAIN, text);

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
	uint64_t key = key_of(rows, CONTENT_LIST, list);
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
	uint64_t key = key_of(rows, CONTENT_IP, ip);
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

static int bind_names(struct rows *rows, sqlite3_stmt *statement, int parameter, const uint64_t set[FIELD_WORDS])
{
	_cleanup_(buffer_release) struct buffer names = { 0 };

	append_names(&names, set);
	if (names.failed)
		return -ENOMEM;
	return sql_errno(names.size == 0 ? sqlite3_bind_null(statement, parameter)
					 : bind_text(rows, statement, parameter, buffer_span(&names), true));
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
		return bind_text(rows, statement, parameter, (struct span){ ip, size }, true);
	} else if (likely(span_is_utf8(text))) {
		return bind_text(rows, statement, parameter, text, false);
	} else {
		buffer_clear(&rows->escaped);
		percent_escape(&rows->escaped, text);
		escapes_add(escapes, field);
	}
	if (buffer_error(&rows->escaped) < 0)
		return SQLITE_NOMEM;
	return bind_text(rows, statement, parameter, buffer_span(&rows->escaped), true);
}

/* The path stands in this row; its folder once. */
static int bind_whole_path(struct rows *rows, sqlite3_stmt *statement, int parameter, struct span path, bool escape)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	struct span name = path;
	int r;

	if (slash) {
		struct span folder = { path.data, (size_t)(slash - path.data) };
		uint64_t id;

		name = (struct span){ slash + 1, path.size - folder.size - 1 };
		r = text_id(rows, folder, escape, &id);
		if (r < 0)
			return r;
		bind_number(rows, statement, parameter, (int64_t)(id >> 1));
	} else {
		sqlite3_bind_null(statement, parameter);
	}
	if (likely(!escape))
		return sql_errno(bind_text(rows, statement, parameter + 1, name, false));
	buffer_clear(&rows->escaped);
	percent_escape(&rows->escaped, name);
	if (buffer_error(&rows->escaped) < 0)
		return -ENOMEM;
	return sql_errno(bind_text(rows, statement, parameter + 1, buffer_span(&rows->escaped), true));
}

static int bind_path(struct rows *rows, sqlite3_stmt *statement, const struct column *column, struct span path,
		     struct escapes *escapes)
{
	int parameter = column->place + 1, r;
	uint64_t key = 0, found = 0;
	bool escape;

	if (column->path) {
		key = key_of(rows, CONTENT_PATH, path);
		found = id_cache_get(rows->paths, key);
	}
	if (found) {
		if (unlikely(found & 1))
			escapes_add(escapes, column->field);
		sqlite3_bind_null(statement, parameter);
		return sql_errno(bind_number(rows, statement, parameter + 1,
					     (int64_t)((rows->sequence - (found >> 2)) << PATH_REFERENCE_BITS |
						       (found >> 1 & 1))));
	}
	escape = unlikely(!span_is_utf8(path));
	if (escape)
		escapes_add(escapes, column->field);
	r = bind_whole_path(rows, statement, parameter, path, escape);
	if (r == 0 && column->path)
		rows->new_paths[rows->n_new_paths++] = (struct new_path){
			key, rows->sequence << 2 | (column->path - 1u) << 1 | escape
		};
	return r;
}

static int bind_field(struct rows *rows, sqlite3_stmt *statement, const struct column *column,
		      const struct values *values, struct escapes *escapes)
{
	unsigned field = column->field;
	int parameter = column->place + 1, r;
	struct span text;
	uint64_t id;

	if (column->kind == COLUMN_NUMBER || column->kind == COLUMN_TIME)
		return sql_errno(bind_number(rows, statement, parameter,
					     (int64_t)(values_number(values, field) -
						       (column->kind == COLUMN_TIME ? rows->tick_ns : 0))));
	if (column->kind == COLUMN_TIME_BEFORE) {
		uint64_t base_ns = column->base != FIELD_NONE && values_has(values, column->base) ? values_number(values, column->base)
												   : rows->time_ns;

		return sql_errno(bind_number(rows, statement, parameter, (int64_t)(base_ns - values_number(values, field))));
	}
	if (column->kind == COLUMN_DIGEST) {
		int64_t row;

		r = digest_table_row(&rows->digests, values_number(values, field), &row);
		return r < 0 ? r : sql_errno(bind_number(rows, statement, parameter, row));
	}
	text = values_text(values, field);
	if (column->kind == COLUMN_TEXT)
		return sql_errno(bind_inline(rows, statement, parameter, text, field, escapes));
	if (column->kind == COLUMN_PATH)
		return bind_path(rows, statement, column, text, escapes);
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
	return sql_errno(bind_number(rows, statement, parameter, (int64_t)(id >> 1)));
}

int row_bind(struct rows *rows, struct insert *insert, const struct values *values, const uint64_t *skip,
	     struct escapes *escapes)
{
	const struct table *table = insert->table;

	if (table->n_paths > 0)
		rows->n_new_paths = 0;
	for (unsigned i = 0; i < FIELD_WORDS; i++) {
		uint64_t now = values->known[i] & table->fields[i] & ~(skip ? skip[i] : 0), before = insert->bound[i];

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

int row_insert(struct rows *rows, struct insert *insert)
{
	int r = sql_run(insert->statement);

	if (r == 0)
		rows->bytes += ROW_BYTES + insert->table->width;
	return r;
}

void rows_keep_paths(struct rows *rows)
{
	for (unsigned i = 0; i < rows->n_new_paths; i++)
		id_cache_put(rows->paths, rows->new_paths[i].key, rows->new_paths[i].value);
	rows->n_new_paths = 0;
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

/* Which of the table's fields are known, but those of `skip`. */
static void known_of(const struct table *table, const struct values *values, const uint64_t *skip, uint64_t ret[FIELD_WORDS])
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		ret[i] = values->known[i] & table->fields[i] & ~(skip ? skip[i] : 0);
}

/* Inserts a row that was not in the cache; all but its id is bound. */
static int shared_insert(struct rows *rows, struct insert *insert, uint64_t key, bool escaped, int64_t *ret)
{
	int r;

	sqlite3_bind_int64(insert->statement, 1, insert->next_id);
	r = row_insert(rows, insert);
	if (r < 0)
		return r;
	*ret = insert->next_id++;
	id_cache_put(rows->shared, key, (uint64_t)*ret << 1 | escaped);
	return 0;
}

/* The row that has this content, behind it the names of the fields that are inferred and of those that are escaped; `first`: what
 * stands before them, `content`: of which table. */
static int row_alike(struct rows *rows, struct insert *insert, unsigned content, uint64_t first, const struct values *values,
		     const struct escapes *escapes, int64_t *ret)
{
	uint64_t known[FIELD_WORDS], inferred[FIELD_WORDS], key, found;
	struct escapes all = *escapes;
	int r;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		inferred[i] = values->inferred[i] & values->known[i];
	layout_without_digests(inferred);
	known_of(insert->table, values, NULL, known);
	buffer_clear(&rows->content);
	buffer_append(&rows->content, &first, sizeof(first));
	buffer_append(&rows->content, inferred, sizeof(inferred));
	buffer_append(&rows->content, escapes->fields, sizeof(escapes->fields));
	append_content(&rows->content, values, known);
	if (buffer_error(&rows->content) < 0)
		return -ENOMEM;
	key = sip_hash(&rows->key, content, buffer_span(&rows->content));
	found = id_cache_get(rows->shared, key);
	if (likely(found)) {
		*ret = (int64_t)(found >> 1);
		return 0;
	}
	r = row_bind(rows, insert, values, NULL, &all);
	if (r < 0)
		return r;
	sqlite3_bind_int64(insert->statement, SHAPE_KIND + 1, (int64_t)first);
	r = bind_names(rows, insert->statement, SHAPE_INFERRED + 1, inferred);
	if (r < 0)
		return r;
	r = bind_names(rows, insert->statement, SHAPE_ESCAPED + 1, all.fields);
	if (r < 0)
		return r;
	return shared_insert(rows, insert, key, false, ret);
}

int row_shape(struct rows *rows, struct insert *insert, const struct event *event,
	      const struct escapes *escapes, int64_t *ret)
{
	return row_alike(rows, insert, rows->owner * N_OF_OWNER + CONTENT_SHAPE, kinds[event->kind].number, &event->values, escapes, ret);
}

int row_login(struct rows *rows, struct insert *insert, const struct context *context, const struct escapes *escapes, int64_t *ret)
{
	return row_alike(rows, insert, CONTENT_LOGIN, context->ancestry_cut, &context->values, escapes, ret);
}

/* Fields whose text is no UTF-8: rare, so looked for only when the row is known to have one. */
static void find_escapes(const struct table *table, const struct values *values, struct escapes *escapes)
{
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++) {
		struct span text, item;

		if (!table_has(table, field) || !field_type_is_text(fields[field].type) || fields[field].type == TYPE_IP)
			continue;
		text = values_text(values, field);
		if (fields[field].type != TYPE_LIST && span_utf8_prefix(text) < text.size)
			escapes_add(escapes, field);
		while (fields[field].type == TYPE_LIST && list_next(&text, &item))
			if (span_utf8_prefix(item) < item.size)
				escapes_add(escapes, field);
	}
}

/* How much of a command line the other begins with, as long as that is ASCII: in SQL it is counted in characters. */
static size_t begins_size(const struct line *line, struct span text)
{
	size_t max = MIN(line->size, text.size), n = 0;

	while (n < max && line->text[n] == text.data[n] && (unsigned char)text.data[n] < 0x80)
		n++;
	return n;
}

/* The command line, but for the beginning that it shares with one that is stored whole. *ret: it is stored whole, and others
 * may begin as it does; NULL: not so. */
static int bind_command_line(struct rows *rows, struct insert *insert, const struct values *values, struct escapes *escapes,
			     struct line **ret)
{
	const struct column *column = &insert->table->columns[insert->table->column_of[FIELD_command_line]];
	struct span text = values_text(values, FIELD_command_line);
	uint64_t program = sip_hash(&rows->key, CONTENT_LINE, values_text(values, FIELD_executable));
	struct line *line = &rows->lines[program % N_LINES];
	size_t n = line->row && line->program == program ? begins_size(line, text) : 0;

	*ret = NULL;
	sqlite3_bind_null(insert->statement, PROGRAM_BEGINS_AS + 1);
	sqlite3_bind_null(insert->statement, PROGRAM_BEGINS_SIZE + 1);
	if (!values_has(values, FIELD_command_line))
		return sql_errno(sqlite3_bind_null(insert->statement, column->place + 1));
	if (!span_is_utf8(text) || n < LINE_SHARED_MIN || n < text.size / LINE_SHARED_PART) {
		if (span_is_utf8(text) && text.size >= LINE_SHARED_MIN)
			*ret = line;
		return sql_errno(bind_inline(rows, insert->statement, column->place + 1, text, FIELD_command_line, escapes));
	}
	bind_number(rows, insert->statement, PROGRAM_BEGINS_AS + 1, line->row);
	bind_number(rows, insert->statement, PROGRAM_BEGINS_SIZE + 1, (int64_t)n);
	return sql_errno(bind_text(rows, insert->statement, column->place + 1, (struct span){ text.data + n, text.size - n }, false));
}

static void keep_line(struct rows *rows, struct line *line, int64_t row, const struct values *values)
{
	struct span text = values_text(values, FIELD_command_line);

	line->program = sip_hash(&rows->key, CONTENT_LINE, values_text(values, FIELD_executable));
	line->row = row;
	line->size = MIN(text.size, sizeof(line->text));
	memcpy(line->text, text.data, line->size);
}

int row_program(struct rows *rows, struct insert *insert, const struct context *context, bool args_follow,
		struct escapes *escapes, int64_t *ret)
{
	const struct values *values = &context->values;
	struct escapes own = { 0 };
	uint64_t known[FIELD_WORDS], skip[FIELD_WORDS] = { 0 }, key, found, any = 0, follows = args_follow;
	struct line *line = NULL;
	int r;

	if (args_follow)
		skip[FIELD_args / 64] |= UINT64_C(1) << (FIELD_args % 64);
	known_of(insert->table, values, skip, known);
	buffer_clear(&rows->content);
	buffer_append(&rows->content, &follows, sizeof(follows));
	append_content(&rows->content, values, known);
	if (buffer_error(&rows->content) < 0)
		return -ENOMEM;
	key = sip_hash(&rows->key, CONTENT_PROGRAM, buffer_span(&rows->content));
	found = id_cache_get(rows->shared, key);
	if (likely(found)) {
		if (unlikely(found & 1))
			find_escapes(insert->table, values, escapes);
		*ret = (int64_t)(found >> 1);
		return 0;
	}
	skip[FIELD_command_line / 64] |= UINT64_C(1) << (FIELD_command_line % 64);
	r = row_bind(rows, insert, values, skip, &own);
	if (r == 0)
		r = bind_command_line(rows, insert, values, &own, &line);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < FIELD_WORDS; i++) {
		any |= own.fields[i];
		escapes->fields[i] |= own.fields[i];
		insert->bound[i] |= skip[i] & insert->table->fields[i];
	}
	if (args_follow)
		sqlite3_bind_int64(insert->statement, insert->table->columns[insert->table->column_of[FIELD_args]].place + 1,
				   TEXT_FOLLOWS);
	r = shared_insert(rows, insert, key, any != 0, ret);
	if (r == 0 && line)
		keep_line(rows, line, *ret, values);
	return r;
}

int row_identity(struct rows *rows, const struct values *values, const uint64_t set[FIELD_WORDS], int64_t parent,
		 uint64_t *ret_key, int64_t *ret)
{
	uint64_t known[FIELD_WORDS];

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		known[i] = values->known[i] & set[i];
	buffer_clear(&rows->content);
	buffer_append(&rows->content, &parent, sizeof(parent));
	append_content(&rows->content, values, known);
	if (buffer_error(&rows->content) < 0)
		return -ENOMEM;
	*ret_key = sip_hash(&rows->key, CONTENT_IDENTITY, buffer_span(&rows->content));
	*ret = (int64_t)(id_cache_get(rows->shared, *ret_key) >> 1);
	return 0;
}

void row_identity_put(struct rows *rows, uint64_t key, int64_t id)
{
	id_cache_put(rows->shared, key, (uint64_t)id << 1);
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
	return rows_next_id(db, table->name, strncmp(table->fixed, "id", 2) == 0 ? "id" : "sequence", &insert->next_id);
}

void insert_close(struct insert *insert)
{
	insert->statement = sql_finalize(insert->statement);
}

int rows_open(struct rows *rows, sqlite3 *db)
{
	int r;

	*rows = (struct rows){ .db = db };
	r = sip_key_new(&rows->key);
	if (r < 0)
		return r;
	r = id_cache_new(&rows->texts, MAX_TEXTS);
	if (r < 0)
		return r;
	r = id_cache_new(&rows->shared, MAX_SHARED);
	if (r < 0)
		return r;
	r = id_cache_new(&rows->paths, MAX_PATHS);
	if (r < 0)
		return r;
	rows->lines = calloc(N_LINES, sizeof(*rows->lines));
	if (!rows->lines)
		return -ENOMEM;
	r = rows_next_id(db, "text", "id", &rows->next_text);
	if (r < 0)
		return r;
	r = digest_table_open(&rows->digests, db);
	if (r < 0)
		return r;
	return sql_prepare(db, "INSERT INTO text VALUES (?,?,?)", &rows->text);
}

void rows_close(struct rows *rows)
{
	rows->text = sql_finalize(rows->text);
	digest_table_close(&rows->digests);
	rows->texts = id_cache_free(rows->texts);
	rows->shared = id_cache_free(rows->shared);
	rows->paths = id_cache_free(rows->paths);
	free(rows->lines);
	rows->lines = NULL;
	buffer_release(&rows->content);
	buffer_release(&rows->escaped);
}

void rows_forget(struct rows *rows)
{
	id_cache_clear(rows->texts);
	id_cache_clear(rows->shared);
	for (unsigned i = 0; i < N_LINES; i++)
		rows->lines[i].row = 0;
	digest_table_forget(&rows->digests);
	rows_forget_paths(rows);
}

void rows_forget_paths(struct rows *rows)
{
	id_cache_clear(rows->paths);
	rows->n_new_paths = 0;
}
