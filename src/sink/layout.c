/* See layout.h. */

#include "sink/layout.h"

#include <stdio.h>
#include <stdlib.h>

enum place {
	PLACE_BY_TYPE,			/* values that repeat: shape or login; others: more or process */
	PLACE_ROW,			/* of the event: most events of the category have it */
	PLACE_SHAPE,			/* few values together, though its type does not say so */
	PLACE_PROGRAM,			/* of a context: the same for all processes that run the program like that */
	PLACE_LOGIN,
	PLACE_DIGEST,			/* of table digest, by way of another field */
};

static const uint8_t places[N_FIELDS] = {
	[FIELD_name] = PLACE_PROGRAM,
	[FIELD_executable] = PLACE_PROGRAM,
	[FIELD_args] = PLACE_PROGRAM,
	[FIELD_args_count] = PLACE_PROGRAM,
	[FIELD_command_line] = PLACE_PROGRAM,
	[FIELD_cwd] = PLACE_PROGRAM,
	[FIELD_interpreter] = PLACE_PROGRAM,
	[FIELD_hash_id] = PLACE_PROGRAM,
	[FIELD_hash_state] = PLACE_DIGEST,
	[FIELD_hash_md5] = PLACE_DIGEST,
	[FIELD_hash_sha1] = PLACE_DIGEST,
	[FIELD_hash_sha256] = PLACE_DIGEST,
	[FIELD_script_hash_id] = PLACE_PROGRAM,
	[FIELD_script_hash_state] = PLACE_DIGEST,
	[FIELD_script_md5] = PLACE_DIGEST,
	[FIELD_script_sha1] = PLACE_DIGEST,
	[FIELD_script_sha256] = PLACE_DIGEST,
	[FIELD_tty] = PLACE_LOGIN,
	[FIELD_subject_context] = PLACE_LOGIN,
	[FIELD_namespaces] = PLACE_LOGIN,
	[FIELD_groups] = PLACE_LOGIN,

	[FIELD_exit_code] = PLACE_SHAPE,
	[FIELD_exit_signal] = PLACE_SHAPE,
	[FIELD_previous_executable] = PLACE_SHAPE,
	[FIELD_exe_inode] = PLACE_SHAPE,
	[FIELD_exe_changed] = PLACE_SHAPE,
	[FIELD_exe_uid] = PLACE_SHAPE,
	[FIELD_exe_gid] = PLACE_SHAPE,
	[FIELD_cap_permitted] = PLACE_SHAPE,
	[FIELD_cap_effective] = PLACE_SHAPE,
	[FIELD_cap_inheritable] = PLACE_SHAPE,
	[FIELD_cap_ambient] = PLACE_SHAPE,
	[FIELD_target_signal] = PLACE_SHAPE,

	[FIELD_path] = PLACE_ROW,
	[FIELD_target_path] = PLACE_ROW,
	[FIELD_inode] = PLACE_ROW,
	[FIELD_file_uid] = PLACE_SHAPE,
	[FIELD_file_gid] = PLACE_SHAPE,
	[FIELD_size] = PLACE_ROW,
	[FIELD_write_count] = PLACE_ROW,
	[FIELD_write_first] = PLACE_ROW,
	[FIELD_write_last] = PLACE_ROW,
	[FIELD_write_bytes] = PLACE_ROW,

	[FIELD_source_ip] = PLACE_ROW,
	[FIELD_source_port] = PLACE_ROW,
	[FIELD_destination_ip] = PLACE_ROW,
	[FIELD_destination_port] = PLACE_ROW,
	[FIELD_socket_path] = PLACE_ROW,
	[FIELD_bytes_in] = PLACE_ROW,
	[FIELD_bytes_out] = PLACE_ROW,
	[FIELD_dns_id] = PLACE_ROW,
	[FIELD_http_status] = PLACE_SHAPE,

	[FIELD_gap_begin] = PLACE_ROW,
	[FIELD_gap_end] = PLACE_ROW,
	[FIELD_gap_count] = PLACE_ROW,

	[FIELD_dll_path] = PLACE_SHAPE,
	[FIELD_dll_inode] = PLACE_SHAPE,
	[FIELD_dll_changed] = PLACE_SHAPE,
	[FIELD_dll_hash_id] = PLACE_SHAPE,
	[FIELD_dll_hash_state] = PLACE_DIGEST,
	[FIELD_dll_md5] = PLACE_DIGEST,
	[FIELD_dll_sha1] = PLACE_DIGEST,
	[FIELD_dll_sha256] = PLACE_DIGEST,

	[FIELD_driver_hash_id] = PLACE_SHAPE,
	[FIELD_driver_hash_state] = PLACE_DIGEST,
	[FIELD_driver_md5] = PLACE_DIGEST,
	[FIELD_driver_sha1] = PLACE_DIGEST,
	[FIELD_driver_sha256] = PLACE_DIGEST,
};

const char *const digest_columns[N_DIGEST_COLUMNS] = { "coalesce(state, 'pending')", "md5", "sha1", "sha256" };

const struct digest_group digest_groups[N_DIGEST_GROUPS] = {
	{ FIELD_hash_id, { FIELD_hash_state, FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256 } },
	{ FIELD_script_hash_id, { FIELD_script_hash_state, FIELD_script_md5, FIELD_script_sha1, FIELD_script_sha256 } },
	{ FIELD_dll_hash_id, { FIELD_dll_hash_state, FIELD_dll_md5, FIELD_dll_sha1, FIELD_dll_sha256 } },
	{ FIELD_driver_hash_id, { FIELD_driver_hash_state, FIELD_driver_md5, FIELD_driver_sha1, FIELD_driver_sha256 } },
};

const struct digest_group *layout_digest_group(unsigned field)
{
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++)
		for (size_t k = 0; k < N_DIGEST_COLUMNS; k++)
			if (digest_groups[i].fields[k] == field)
				return &digest_groups[i];
	return NULL;
}

void layout_without_digests(uint64_t set[static FIELD_WORDS])
{
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++)
		for (size_t k = 0; k < N_DIGEST_COLUMNS; k++)
			set[digest_groups[i].fields[k] / 64] &= ~(UINT64_C(1) << (digest_groups[i].fields[k] % 64));
}

static enum place place_of(unsigned field)
{
	static const bool repeats[TYPE_IP + 1] = {
		[TYPE_TEXT] = true, [TYPE_LIST] = true,	  [TYPE_BOOL] = true,
		[TYPE_MODE] = true, [TYPE_DEVICE] = true,
	};
	static const char own[] = "process.";

	if (places[field] != PLACE_BY_TYPE)
		return places[field];
	if (fields[field].is_context)
		return strncmp(fields[field].name, own, strlen(own)) == 0 ? PLACE_BY_TYPE : PLACE_LOGIN;
	return repeats[fields[field].type] ? PLACE_SHAPE : PLACE_BY_TYPE;
}

static void table_begin(struct table *ret, const char *prefix, const char *name, const char *fixed,
			unsigned n_fixed)
{
	*ret = (struct table){ .fixed = fixed, .n_fixed = n_fixed, .width = n_fixed };
	snprintf(ret->name, sizeof(ret->name), "%s%s", prefix, name);
}

static bool is_of_digest(unsigned field)
{
	for (size_t i = 0; i < N_DIGEST_GROUPS; i++)
		if (digest_groups[i].id == field)
			return true;
	return false;
}

/* Of an event that tells of more than one: when they were, and what each is counted from, mostly the same moment. */
static const struct {
	uint16_t field, base;
} before[] = {
	{ FIELD_write_first, FIELD_NONE }, { FIELD_write_last, FIELD_write_first },
	{ FIELD_read_first, FIELD_NONE },  { FIELD_read_last, FIELD_read_first },
	{ FIELD_access_first, FIELD_NONE }, { FIELD_access_last, FIELD_access_first },
};

static enum column_kind kind_of(enum field_type type, bool of_shared, bool has_tick)
{
	if (type == TYPE_TIME && has_tick)
		return COLUMN_TIME;
	if (!field_type_is_text(type))
		return COLUMN_NUMBER;
	if (of_shared || type == TYPE_STRING)
		return COLUMN_TEXT;
	return type == TYPE_PATH ? COLUMN_PATH : COLUMN_TEXT_ID;
}

static void table_add(struct table *table, unsigned field, enum column_kind kind)
{
	struct column *column = &table->columns[table->n_columns];

	if (table->n_columns == TABLE_MAX_COLUMNS)
		abort(); /* the first test would meet it */
	if (is_of_digest(field))
		kind = COLUMN_DIGEST;
	*column = (struct column){ .field = (uint16_t)field, .base = FIELD_NONE, .place = (uint8_t)table->width };
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (before[i].field == field) {
			kind = COLUMN_TIME_BEFORE;
			column->base = before[i].base;
		}
	column->kind = (uint8_t)kind;
	table->width += kind == COLUMN_PATH ? 2 : 1;
	table->column_of[field] = (uint8_t)table->n_columns++;
	table->fields[field / 64] |= UINT64_C(1) << (field % 64);
}

static void add_context_field(struct layout *layout, unsigned field)
{
	enum field_type type = fields[field].type;

	switch (place_of(field)) {
	case PLACE_PROGRAM:
		table_add(&layout->program, field, kind_of(type, false, false));
		break;
	case PLACE_LOGIN:
		table_add(&layout->login, field, kind_of(type, true, false));
		break;
	case PLACE_DIGEST:
		break;
	default:
		table_add(&layout->process, field, kind_of(type, false, true));
	}
}

static void add_event_field(struct layout *layout, unsigned category, unsigned field)
{
	struct table *row = &layout->events[category];
	enum field_type type = fields[field].type;

	switch (place_of(field)) {
	case PLACE_SHAPE:
		table_add(&layout->shapes[category], field, kind_of(type, true, false));
		break;
	case PLACE_ROW:
		table_add(row, field, kind_of(type, false, true));
		if (type == TYPE_PATH && row->n_paths < 1u << PATH_REFERENCE_BITS)
			row->columns[row->n_columns - 1].path = (uint8_t)++row->n_paths;
		break;
	case PLACE_DIGEST:
		break;
	default:
		table_add(&layout->more[category], field, kind_of(type, false, true));
	}
}

void layout_make(struct layout *ret)
{
	static const char event_fixed[] =
		"sequence INTEGER PRIMARY KEY -- one count for all categories, in the order of storing\n"
		", time INTEGER -- ns since the time of row sequence >> 8 of table tick; so are all times here but `start`\n"
		", origin INTEGER -- tells it from others of that time: audit: serial of the records << 8 | number of the event among\n"
		"	-- those made from them; ebpf: the processor | number of the event at that moment << 16\n"
		", process INTEGER -- row of process\n"
		", shape INTEGER -- row of the shape_ table of the category\n";
	static const char more_fixed[] = "sequence INTEGER PRIMARY KEY -- of the event that has these besides\n";
	static const char shape_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", kind INTEGER -- category * 32 + number of the action\n"
		", recorder_inferred TEXT -- fields of the event that are inferred, JSON\n"
		", recorder_escaped TEXT -- fields of the event whose text is percent-escaped, since not UTF-8, JSON\n";
	static const char process_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", sequence INTEGER -- first event that refers to it\n"
		", image INTEGER -- the row that the same image had first, if there is one\n"
		", first INTEGER -- the row that the same process had first, if it has the columns behind `ended` but exec_count\n"
		", parent INTEGER -- row of process, always a smaller one\n"
		", program INTEGER -- row of program\n"
		", login INTEGER -- row of login\n"
		", ended INTEGER -- (1 << 16) + (number of the event that ended the image - sequence << 1) + (1: it exited); " ENDED_NONE_SQL ": none\n";
	static const char program_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", begins_as INTEGER -- row of program whose command line this one's begins as; its own column has the rest\n"
		", begins_size INTEGER -- so many characters\n";
	static const char login_fixed[] =
		"id INTEGER PRIMARY KEY\n"
		", ancestry_cut INTEGER -- 1: these processes had more ancestors than are kept\n"
		", recorder_inferred TEXT -- fields of the processes that are inferred, JSON\n"
		", recorder_escaped TEXT -- fields of them that are percent-escaped, also those of process and program, JSON\n";

	table_begin(&ret->process, "", "process", process_fixed, PROCESS_N_FIXED);
	table_begin(&ret->program, "", "program", program_fixed, PROGRAM_N_FIXED);
	table_begin(&ret->login, "", "login", login_fixed, LOGIN_N_FIXED);
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		add_context_field(ret, field);
	for (unsigned i = 0; i < N_CATEGORIES; i++) {
		table_begin(&ret->events[i], "event_", categories[i].name, event_fixed, EVENT_N_FIXED);
		table_begin(&ret->more[i], "more_", categories[i].name, more_fixed, MORE_N_FIXED);
		table_begin(&ret->shapes[i], "shape_", categories[i].name, shape_fixed, SHAPE_N_FIXED);
		for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
			if (fields[field].categories >> i & 1)
				add_event_field(ret, i, field);
	}
}
