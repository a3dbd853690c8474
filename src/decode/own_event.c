/* Our own records: what the proc connector and /proc say of processes, gaps, notes. */

#include "decode/decoder.h"

#include "decode/audit_value.h"
#include "event/account.h"
#include "event/definition.h"
#include "event/file_version.h"
#include "event/record.h"

#define NS_PER_TICK (NS_PER_SEC / 100) /* of start_ticks: USER_HZ, 100 on every machine we know */
#define UNSET	    UINT32_MAX

enum process_slot {
	PROCESS_pid,
	PROCESS_ppid,
	PROCESS_start_ticks,
	PROCESS_uid,
	PROCESS_euid,
	PROCESS_suid,
	PROCESS_fsuid,
	PROCESS_gid,
	PROCESS_egid,
	PROCESS_sgid,
	PROCESS_fsgid,
	PROCESS_auid,
	PROCESS_ses,
	PROCESS_comm,
	PROCESS_exe,
	PROCESS_argc,
	PROCESS_args,
	PROCESS_cwd,
	PROCESS_tty,
	PROCESS_container,
	PROCESS_runtime,
	PROCESS_unit,
	PROCESS_ns,
	PROCESS_groups,
	PROCESS_from,
	PROCESS_exe_dev,
	PROCESS_exe_ino,
	PROCESS_exe_ctime,
	PROCESS_status,
	N_PROCESS_SLOTS,
};

static const struct audit_key process_keys[] = {
	AUDIT_KEY(PROCESS_pid, "pid"),
	AUDIT_KEY(PROCESS_ppid, "ppid"),
	AUDIT_KEY(PROCESS_start_ticks, "start_ticks"),
	AUDIT_KEY(PROCESS_uid, "uid"),
	AUDIT_KEY(PROCESS_euid, "euid"),
	AUDIT_KEY(PROCESS_suid, "suid"),
	AUDIT_KEY(PROCESS_fsuid, "fsuid"),
	AUDIT_KEY(PROCESS_gid, "gid"),
	AUDIT_KEY(PROCESS_egid, "egid"),
	AUDIT_KEY(PROCESS_sgid, "sgid"),
	AUDIT_KEY(PROCESS_fsgid, "fsgid"),
	AUDIT_KEY(PROCESS_auid, "auid"),
	AUDIT_KEY(PROCESS_ses, "ses"),
	AUDIT_KEY(PROCESS_comm, "comm"),
	AUDIT_KEY(PROCESS_exe, "exe"),
	AUDIT_KEY(PROCESS_argc, "argc"),
	AUDIT_KEY(PROCESS_args, "args"),
	AUDIT_KEY(PROCESS_cwd, "cwd"),
	AUDIT_KEY(PROCESS_tty, "tty"),
	AUDIT_KEY(PROCESS_container, "container"),
	AUDIT_KEY(PROCESS_runtime, "runtime"),
	AUDIT_KEY(PROCESS_unit, "unit"),
	AUDIT_KEY(PROCESS_ns, "ns"),
	AUDIT_KEY(PROCESS_groups, "groups"),
	AUDIT_KEY(PROCESS_from, "from"),
	AUDIT_KEY(PROCESS_exe_dev, "exe_dev"),
	AUDIT_KEY(PROCESS_exe_ino, "exe_ino"),
	AUDIT_KEY(PROCESS_exe_ctime, "exe_ctime"),
	AUDIT_KEY(PROCESS_status, "status"),
};
static const struct audit_layout process_layout = {
	process_keys,
	ARRAY_SIZE(process_keys),
	N_PROCESS_SLOTS,
	N_PROCESS_SLOTS,
};

/* NUL-separated, as /proc/PID/cmdline; the last NUL may be missing there. */
static void set_args(struct context *actor, struct audit_value value)
{
	struct values *values = &actor->values;
	size_t size = audit_text_size(value, audit_is_hex(value));
	char *room;

	if (audit_is_nothing(value) || size == 0)
		return;
	room = values_new_text(values, FIELD_args, size + 1);
	if (!room)
		return;
	if (audit_is_hex(value))
		audit_unhex(room, value);
	else
		memcpy(room, value.data, size);
	room[size] = 0;
	if (room[size - 1] == 0)
		actor->args.size--;
	context_set_command_line(actor);
}

/* What its environment says is the process's own to change. */
static void set_origin(struct context *actor, struct audit_value value)
{
	uint8_t ip[16], size = 0;

	if (value.quoted)
		size = ip_parse(audit_raw(value), ip);
	if (size == 0)
		return;
	values_set_text(&actor->values, FIELD_login_ip, (struct span){ (const char *)ip, size });
	values_set_inferred(&actor->values, FIELD_login_ip);
}

/* Numbers with commas, `...` if there are more; empty: it has none. */
static void set_groups(struct values *values, struct audit_value value)
{
	struct span rest = audit_raw(value);
	uint64_t id;

	if (!value.data)
		return;
	values_set_text(values, FIELD_groups, SPAN(""));
	while (rest.size > 0) {
		const char *comma = memchr(rest.data, ',', rest.size);
		size_t size = comma ? (size_t)(comma - rest.data) : rest.size;

		if (span_to_u64((struct span){ rest.data, size }, &id) >= 0 && id <= UINT32_MAX)
			values_append_list(values, FIELD_groups, (struct span){ rest.data, size });
		else	/* there are more */
			values_set_inferred(values, FIELD_groups);
		size = MIN(size + 1, rest.size);
		rest = (struct span){ rest.data + size, rest.size - size };
	}
}

static void set_process(struct decoder *decoder, const struct audit_value *slots)
{
	static const struct {
		enum field field;
		enum process_slot slot;
	} numbers[] = {
		{ FIELD_pid, PROCESS_pid },	{ FIELD_ppid, PROCESS_ppid },	{ FIELD_uid, PROCESS_uid },
		{ FIELD_euid, PROCESS_euid },	{ FIELD_suid, PROCESS_suid },	{ FIELD_fsuid, PROCESS_fsuid },
		{ FIELD_gid, PROCESS_gid },	{ FIELD_egid, PROCESS_egid },	{ FIELD_sgid, PROCESS_sgid },
		{ FIELD_fsgid, PROCESS_fsgid }, { FIELD_auid, PROCESS_auid },	{ FIELD_ses, PROCESS_ses },
		{ FIELD_args_count, PROCESS_argc },
	}, texts[] = {
		{ FIELD_name, PROCESS_comm },	{ FIELD_cwd, PROCESS_cwd },
		{ FIELD_tty, PROCESS_tty },	{ FIELD_container_id, PROCESS_container },
		{ FIELD_container_runtime, PROCESS_runtime }, { FIELD_unit, PROCESS_unit },
		{ FIELD_namespaces, PROCESS_ns },
	};
	struct context *actor = decoder->actor;
	struct values *values = &actor->values;
	uint64_t ticks;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		value_set_u32(values, numbers[i].field, slots[numbers[i].slot]);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (slots[texts[i].slot].size > 0)
			value_set(values, texts[i].field, slots[texts[i].slot]);
	if (slots[PROCESS_exe].size > 0)
		actor_executable(actor, slots[PROCESS_exe], NULL, NULL);
	set_args(actor, slots[PROCESS_args]);
	set_origin(actor, slots[PROCESS_from]);
	set_groups(values, slots[PROCESS_groups]);
	if (slots[PROCESS_start_ticks].data && audit_u64(slots[PROCESS_start_ticks], &ticks) &&
	    ticks <= UINT64_MAX / NS_PER_TICK)
		values_set_number(values, FIELD_start, ticks * NS_PER_TICK);
	if (values_has(values, FIELD_auid) && actor->auid == UNSET)
		text_set(values, FIELD_auid_name, "unset");
	actor_script(decoder);
}

/* Of its program. */
static void set_version(struct context *actor, struct event *event, const struct audit_value *slots)
{
	struct file_version version;

	if (!audit_u64(slots[PROCESS_exe_dev], &version.device) || !audit_u64(slots[PROCESS_exe_ino], &version.inode) ||
	    !audit_u64(slots[PROCESS_exe_ctime], &version.changed_ns))
		return;
	values_set_number(&event->values, FIELD_exe_inode, version.inode);
	values_set_number(&event->values, FIELD_exe_device, version.device);
	values_set_number(&event->values, FIELD_exe_changed, version.changed_ns);
	values_set_number(&actor->values, FIELD_hash_id, file_version_id(&version));
}

static int emit_process(struct decoder *decoder, const struct draft_record *record, uint16_t kind,
			const char *code)
{
	struct audit_value slots[N_PROCESS_SLOTS];
	struct event *event;
	uint32_t status;

	audit_scan((struct span){ record->data, record->size }, &process_layout, slots);
	set_process(decoder, slots);
	if (!values_has(&decoder->actor->values, FIELD_pid)) {
		decoder->stats.errors++;
		return 0;
	}
	event = decoder_event(decoder, kind, code);
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "proc");
	set_version(decoder->actor, event, slots);
	if (slots[PROCESS_status].data && audit_u32(slots[PROCESS_status], &status))
		exit_status_set(&event->values, status);
	return decoder_emit(decoder, event);
}

static void set_number(struct event *event, enum field field, struct audit_value value)
{
	uint64_t number;

	if (audit_u64(value, &number))
		values_set_number(&event->values, field, number);
}

struct own_key {
	struct span key;
	enum field field;
};

static void set_fields(struct event *event, const struct draft_record *record, const struct own_key *keys, size_t n_keys)
{
	struct span rest = { record->data, record->size };
	struct audit_pair pair;

	while (audit_next(&rest, &pair)) {
		for (size_t i = 0; i < n_keys; i++) {
			if (!span_eq(keys[i].key, pair.key))
				continue;
			if (!field_type_is_text(fields[keys[i].field].type))
				set_number(event, keys[i].field, pair.value);
			else if (pair.value.size > 0)
				value_set(&event->values, keys[i].field, pair.value);
		}
	}
}

static int emit_gap(struct decoder *decoder, const struct draft_record *record)
{
	static const struct own_key keys[] = {
		{ { "begin", 5 }, FIELD_gap_begin }, { { "end", 3 }, FIELD_gap_end },
		{ { "count", 5 }, FIELD_gap_count }, { { "exact", 5 }, FIELD_gap_exact },
		{ { "class", 5 }, FIELD_gap_class }, { { "unit", 4 }, FIELD_gap_unit },
		{ { "cause", 5 }, FIELD_gap_cause }, { { "message", 7 }, FIELD_message },
	};
	struct event *event = decoder_event(decoder, KIND_ID(recorder, gap), "GAP");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	set_fields(event, record, keys, ARRAY_SIZE(keys));
	return decoder_emit(decoder, event);
}

/* What has become of a file that was to be hashed. */
static int emit_digest(struct decoder *decoder, const struct draft_record *record)
{
	static const struct own_key keys[] = {
		{ { "device", 6 }, FIELD_device },	{ { "inode", 5 }, FIELD_inode },
		{ { "ctime", 5 }, FIELD_file_changed },	{ { "mtime", 5 }, FIELD_mtime },
		{ { "size", 4 }, FIELD_size },		{ { "path", 4 }, FIELD_path },
		{ { "state", 5 }, FIELD_file_hash_state }, { { "entropy", 7 }, FIELD_file_entropy },
		{ { "header", 6 }, FIELD_file_header },	{ { "md5", 3 }, FIELD_file_md5 },
		{ { "sha1", 4 }, FIELD_file_sha1 },	{ { "sha256", 6 }, FIELD_file_sha256 },
		{ { "tlsh", 4 }, FIELD_file_tlsh },	{ { "text", 4 }, FIELD_content },
	};
	static const struct audit_key remarks[] = { AUDIT_KEY(0, "cut"), AUDIT_KEY(1, "untold") };
	static const struct audit_layout layout = { remarks, 2, 2, 2 };
	struct event *event = decoder_event(decoder, KIND_ID(recorder, hash), "DIGEST");
	struct audit_value slots[2];
	struct file_version version;

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	set_fields(event, record, keys, ARRAY_SIZE(keys));
	if (!values_has(&event->values, FIELD_device) || !values_has(&event->values, FIELD_inode) ||
	    !values_has(&event->values, FIELD_file_changed) || !values_has(&event->values, FIELD_file_hash_state)) {
		event_free(event);
		decoder->stats.errors++;
		return 0;
	}
	version = (struct file_version){ event->device, event->inode, event->file_changed };
	values_set_number(&event->values, FIELD_file_hash_id, file_version_id(&version));
	audit_scan((struct span){ record->data, record->size }, &layout, slots);
	if (slots[0].data)
		values_append_list(&event->values, FIELD_truncated, SPAN("content"));
	if (slots[1].data) {
		text_set(&event->values, FIELD_completeness, "partial");
		values_append_list(&event->values, FIELD_missing, span_of(fields[FIELD_content].name));
	}
	return decoder_emit(decoder, event);
}

/* What has become of a definition.  Who touched it the tracker knows. */
static int emit_definition(struct decoder *decoder, const struct draft_record *record)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "act"), AUDIT_KEY(1, "cut") };
	static const struct audit_layout layout = { keys, 2, 2, 2 };
	static const struct own_key fields_of[] = {
		{ { "path", 4 }, FIELD_path },	   { { "state", 5 }, FIELD_file_hash_state }, { { "size", 4 }, FIELD_size },
		{ { "mtime", 5 }, FIELD_mtime },   { { "sha256", 6 }, FIELD_file_sha256 },    { { "text", 4 }, FIELD_content },
	};
	static const struct {
		struct span act;
		uint16_t of_service, of_task;
	} acts[] = {
		{ { "create", 6 }, KIND_ID(system, service_create), KIND_ID(system, task_create) },
		{ { "change", 6 }, KIND_ID(system, service_change), KIND_ID(system, task_change) },
		{ { "delete", 6 }, KIND_ID(system, service_delete), KIND_ID(system, task_delete) },
		{ { "same", 4 }, KIND_ID(system, service_change), KIND_ID(system, task_change) },
	};
	struct audit_value slots[2];
	enum definition definition;
	struct event *event;
	char unit[256];			/* NAME_MAX: the path it is a part of may move */
	struct span name;
	size_t act = 0;

	audit_scan((struct span){ record->data, record->size }, &layout, slots);
	while (act < ARRAY_SIZE(acts) && !(slots[0].data && span_eq(audit_raw(slots[0]), acts[act].act)))
		act++;
	event = decoder_event(decoder, KIND_ID(system, service_change), "DEFINITION");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	set_fields(event, record, fields_of, ARRAY_SIZE(fields_of));
	definition = definition_of(values_text(&event->values, FIELD_path), &name);
	if (definition == DEFINITION_NONE || act == ARRAY_SIZE(acts)) {
		event_free(event);
		decoder->stats.errors++;
		return 0;
	}
	event->kind = definition == DEFINITION_TASK ? acts[act].of_task : acts[act].of_service;
	event->is_found = true;
	event->is_unchanged = span_eq(acts[act].act, SPAN("same"));
	name.size = MIN(name.size, sizeof(unit));
	memcpy(unit, name.data, name.size);
	values_set_text(&event->values, FIELD_system_unit, (struct span){ unit, name.size });
	if (slots[1].data)
		values_append_list(&event->values, FIELD_truncated, SPAN("content"));
	return decoder_emit(decoder, event);
}

/* What has become of an account or a group.  Who touched its file the tracker knows. */
static int emit_account(struct decoder *decoder, const struct draft_record *record)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "act"), AUDIT_KEY(1, "of"), AUDIT_KEY(2, "cut") };
	static const struct audit_layout layout = { keys, 3, 3, 3 };
	static const struct own_key fields_of_user[] = {
		{ { "id", 2 }, FIELD_user_target_id },	      { { "name", 4 }, FIELD_user_target_name },
		{ { "changes", 7 }, FIELD_security_changes }, { { "path", 4 }, FIELD_security_object },
	}, fields_of_group[] = {
		{ { "id", 2 }, FIELD_group_target_id },	      { { "name", 4 }, FIELD_group_target_name },
		{ { "changes", 7 }, FIELD_security_changes }, { { "path", 4 }, FIELD_security_object },
	};
	static const struct {
		struct span act;
		uint16_t of_user, of_group;
	} acts[] = {
		{ { "add", 3 }, KIND_ID(security, user_add), KIND_ID(security, group_add) },
		{ { "change", 6 }, KIND_ID(security, user_modify), KIND_ID(security, group_modify) },
		{ { "delete", 6 }, KIND_ID(security, user_delete), KIND_ID(security, group_delete) },
		{ { "password", 8 }, KIND_ID(security, password_change), KIND_ID(security, group_modify) },
	};
	struct audit_value slots[3];
	enum account_file file;
	struct event *event;
	bool is_group, is_user;
	size_t act = 0;

	audit_scan((struct span){ record->data, record->size }, &layout, slots);
	while (act < ARRAY_SIZE(acts) && !(slots[0].data && span_eq(audit_raw(slots[0]), acts[act].act)))
		act++;
	is_user = slots[1].data && span_eq(audit_raw(slots[1]), SPAN("user"));
	is_group = slots[1].data && span_eq(audit_raw(slots[1]), SPAN("group"));
	event = decoder_event(decoder, KIND_ID(security, user_modify), "ACCOUNT");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	if (is_group)
		set_fields(event, record, fields_of_group, ARRAY_SIZE(fields_of_group));
	else
		set_fields(event, record, fields_of_user, ARRAY_SIZE(fields_of_user));
	if (act == ARRAY_SIZE(acts) || (!is_user && !is_group) ||
	    !account_file_of(values_text(&event->values, FIELD_security_object), &file)) {
		event_free(event);
		decoder->stats.errors++;
		return 0;
	}
	event->kind = is_group ? acts[act].of_group : acts[act].of_user;
	event->is_found = true;
	if (slots[2].data)
		values_append_list(&event->values, FIELD_truncated, SPAN("security.changes"));
	return decoder_emit(decoder, event);
}

static int emit_note(struct decoder *decoder, const struct draft_record *record)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "action"), AUDIT_KEY(1, "message") };
	static const struct audit_layout layout = { keys, 2, 2, 2 };
	struct audit_value slots[2];
	struct event *event;
	unsigned kind;

	audit_scan((struct span){ record->data, record->size }, &layout, slots);
	kind = kind_lookup(SPAN("recorder"), audit_raw(slots[0]));
	if (!slots[0].data || kind >= N_KINDS) {
		decoder->stats.errors++;
		return 0;
	}
	event = decoder_event(decoder, (uint16_t)kind, "NOTE");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	value_set(&event->values, FIELD_message, slots[1]);
	return decoder_emit(decoder, event);
}

/* What the daemon found to be other than it left it.  Who did it is not known here. */
static int emit_tamper(struct decoder *decoder, const struct draft_record *record)
{
	static const struct own_key keys[] = {
		{ SPAN("operation"), FIELD_security_operation }, { SPAN("object"), FIELD_security_object }, { SPAN("message"), FIELD_auditd_message },
	};
	struct event *event = decoder_event(decoder, KIND_ID(security, tamper), "TAMPER");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_source, "recorder");
	text_set(&event->values, FIELD_security_subsystem, "recorder");
	set_fields(event, record, keys, ARRAY_SIZE(keys));
	if (!values_has(&event->values, FIELD_security_operation) || !values_has(&event->values, FIELD_security_object)) {
		event_free(event);
		decoder->stats.errors++;
		return 0;
	}
	return decoder_emit(decoder, event);
}

int decode_own(struct decoder *decoder, const struct draft_record *record)
{
	switch (record->type) {
	case RECORD_FORK:
		return emit_process(decoder, record, KIND_ID(process, fork), "FORK");
	case RECORD_EXIT:
		return emit_process(decoder, record, KIND_ID(process, exit), "EXIT");
	case RECORD_PROCESS:
		return emit_process(decoder, record, KIND_ID(process, snapshot), "PROCESS");
	case RECORD_GAP:
		return emit_gap(decoder, record);
	case RECORD_NOTE:
		return emit_note(decoder, record);
	case RECORD_TAMPER:
		return emit_tamper(decoder, record);
	case RECORD_DIGEST:
		return emit_digest(decoder, record);
	case RECORD_DEFINITION:
		return emit_definition(decoder, record);
	case RECORD_ACCOUNT:
		return emit_account(decoder, record);
	default:
		return 0; /* what stands in a capture for the sake of its replay is no event */
	}
}
