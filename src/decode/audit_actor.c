/* Who did it: the members of a context that SYSCALL and the ENRICHED tail tell. */

#include "decode/decoder.h"

#include "base/path.h"
#include "event/script.h"

#define UNSET UINT32_MAX

void value_set(struct values *values, enum field field, struct audit_value value)
{
	char *room;

	if (audit_is_nothing(value))
		return;
	if (value.quoted || !audit_is_hex(value)) {
		values_set_text(values, field, audit_raw(value));
		return;
	}
	room = values_new_text(values, field, value.size / 2);
	if (room)
		audit_unhex(room, value);
}

void value_set_u32(struct values *values, enum field field, struct audit_value value)
{
	uint32_t number;

	if (value.data && audit_u32(value, &number))
		values_set_number(values, field, number);
}

/* A user or group: a number, or its name in what ausearch -i wrote. */
void actor_user(struct context *actor, enum field id, enum field name, struct audit_value value)
{
	struct values *values = &actor->values;
	uint32_t number;

	if (!value.data)
		return;
	if (audit_u32(value, &number)) {
		values_set_number(values, id, number);
		return;
	}
	if (name == FIELD_NONE || audit_is_nothing(value))
		return;
	if (span_starts(audit_raw(value), SPAN("unknown(")) && value.size > 9) {
		value.data += 8;
		value.size -= 9;
		if (audit_u32(value, &number))
			values_set_number(values, id, number);
		return;
	}
	values_set_text(values, name, audit_raw(value));
}

void actor_script(struct decoder *decoder)
{
	struct values *values = &decoder->actor->values;
	struct span script;

	if (values_has(values, FIELD_interpreter) ||
	    !script_of(values_text(values, FIELD_executable), values_text(values, FIELD_args), &script))
		return;
	buffer_clear(&decoder->text);
	if (path_join(&decoder->text, values_text(values, FIELD_cwd), script) < 0)
		return;
	values_set_text(values, FIELD_interpreter, buffer_span(&decoder->text));
	values_set_inferred(values, FIELD_interpreter);
}

void actor_executable(struct context *actor, struct audit_value value, bool *ret_deleted, bool *ret_memfd)
{
	static const struct span deleted = { " (deleted)", 10 }, memfd = { "/memfd:", 7 };
	struct values *values = &actor->values;
	struct span path;
	bool is_memfd;

	value_set(values, FIELD_executable, value);
	if (!values_has(values, FIELD_executable))
		return;
	path = values_text(values, FIELD_executable);
	is_memfd = span_starts(path, memfd);
	if (span_ends(path, deleted)) {
		actor->executable.size -= (uint32_t)deleted.size;
		if (ret_deleted)
			*ret_deleted = !is_memfd; /* of a memfd d_path says so always */
	}
	if (ret_memfd)
		*ret_memfd = is_memfd;
}

enum name_slot { NAME_AUID, NAME_UID, NAME_GID, NAME_EUID, N_NAME_SLOTS };

static const struct audit_key name_keys[] = {
	AUDIT_KEY(NAME_AUID, "AUID"),
	AUDIT_KEY(NAME_UID, "UID"),
	AUDIT_KEY(NAME_GID, "GID"),
	AUDIT_KEY(NAME_EUID, "EUID"),
};

/* The kernel's record names AUID first and EUID fourth; nothing behind it is wanted. */
static const struct audit_layout name_layout = { name_keys, ARRAY_SIZE(name_keys), N_NAME_SLOTS, NAME_EUID };

void actor_names(struct context *actor, struct span names)
{
	static const enum field fields_of[N_NAME_SLOTS] = {
		[NAME_AUID] = FIELD_auid_name,
		[NAME_UID] = FIELD_user_name,
		[NAME_GID] = FIELD_group_name,
		[NAME_EUID] = FIELD_euser_name,
	};
	struct audit_value slots[N_NAME_SLOTS];

	if (names.size == 0)
		return;
	audit_scan(names, &name_layout, slots);
	for (unsigned i = 0; i < N_NAME_SLOTS; i++) {
		/* auditd writes unknown(1234) for an id without a name. */
		if (audit_is_nothing(slots[i]) || span_starts(audit_raw(slots[i]), SPAN("unknown(")))
			continue;
		if (!values_has(&actor->values, fields_of[i]))
			values_set_text(&actor->values, fields_of[i], audit_raw(slots[i]));
	}
}

static void set_contexts(struct decoder *decoder, struct values *values)
{
	struct audit_value subj = decoder->call.slots[CALL_subj];

	if (subj.data && subj.size > 0 && !subj.quoted && subj.data[0] == '=') {
		subj.data++;
		subj.size--;
	}
	if (!audit_is_nothing(subj))
		values_set_text(values, FIELD_subject_context, audit_raw(subj));
	else if (decoder->parts[PART_TASK_CONTEXTS]) {
		/* Stacked LSMs: subj=? and a record with one label for each. */
		values_set_text(values, FIELD_subject_context,
				record_text(decoder->parts[PART_TASK_CONTEXTS]));
	}
}

void actor_from_call(struct decoder *decoder)
{
	static const struct {
		enum field id, name;
		enum call_slot slot;
	} ids[] = {
		{ FIELD_auid, FIELD_auid_name, CALL_auid }, { FIELD_uid, FIELD_user_name, CALL_uid },
		{ FIELD_gid, FIELD_group_name, CALL_gid },  { FIELD_euid, FIELD_euser_name, CALL_euid },
		{ FIELD_suid, FIELD_NONE, CALL_suid },	    { FIELD_fsuid, FIELD_NONE, CALL_fsuid },
		{ FIELD_egid, FIELD_NONE, CALL_egid },	    { FIELD_sgid, FIELD_NONE, CALL_sgid },
		{ FIELD_fsgid, FIELD_NONE, CALL_fsgid },
	};
	const struct audit_value *slots = decoder->call.slots;
	struct context *actor = decoder->actor;
	struct values *values = &actor->values;

#define NUMBER(member, slot)                                                    \
	do {                                                                    \
		if (slots[slot].data && audit_u32(slots[slot], &actor->member)) \
			values_set_known(values, FIELD_##member);               \
	} while (0)
	NUMBER(ppid, CALL_ppid);
	NUMBER(pid, CALL_pid);
	NUMBER(ses, CALL_ses);
	NUMBER(auid, CALL_auid);
	NUMBER(uid, CALL_uid);
	NUMBER(gid, CALL_gid);
	NUMBER(euid, CALL_euid);
	NUMBER(suid, CALL_suid);
	NUMBER(fsuid, CALL_fsuid);
	NUMBER(egid, CALL_egid);
	NUMBER(sgid, CALL_sgid);
	NUMBER(fsgid, CALL_fsgid);
#undef NUMBER
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (unlikely(!values_has(values, ids[i].id)))
			actor_user(actor, ids[i].id, ids[i].name, slots[ids[i].slot]);
	value_set(values, FIELD_name, slots[CALL_comm]);
	actor_executable(actor, slots[CALL_exe], NULL, NULL);
	value_set(values, FIELD_tty, slots[CALL_tty]);
	set_contexts(decoder, values);
	actor_names(actor, decoder->call.names);
	if (values_has(values, FIELD_auid) && actor->auid == UNSET && !values_has(values, FIELD_auid_name))
		text_set(values, FIELD_auid_name, "unset");
	if (decoder->parts[PART_CWD]) {
		static const struct audit_key keys[] = { AUDIT_KEY(0, "cwd") };
		static const struct audit_layout layout = { keys, 1, 1, 0 };
		struct audit_value cwd;

		audit_scan(record_text(decoder->parts[PART_CWD]), &layout, &cwd);
		value_set(values, FIELD_cwd, cwd);
		/* `(unreachable)/x`: outside of the process's root. */
		if (values_has(values, FIELD_cwd) &&
		    (actor->cwd.size == 0 || values_text(values, FIELD_cwd).data[0] != '/'))
			values_unset(values, FIELD_cwd);
	}
}
