/* System calls on processes -> process events (exec: audit_exec.c). */

#include "decode/access.h"

#include "decode/audit_value.h"

#define CLONE_THREAD 0x00010000u
/* Targets of one kill(-1) that get an event each. */
#define MAX_TARGETS 50

/* The child is the process of the event; what is known of it is the parent's, but for the pids. */
int act_fork(struct decoder *decoder)
{
	struct call *call = &decoder->call;
	struct context *actor = decoder->actor;
	const struct call_info *info = call->info;
	int flags_arg = call->arch && call->arch->clone_backwards2 && info->flags == 0 ? 1 : info->flags;
	bool has_parent = values_has(&actor->values, FIELD_pid);
	uint32_t parent = has_parent ? actor->pid : 0;
	struct event *event;
	uint64_t flags;

	if (call_arg(call, flags_arg, &flags) && flags & CLONE_THREAD)
		return 0;
	if (!call->has_exit || call->exit <= 0 || call->exit > INT32_MAX) {
		/* 0 is the child's own return, which has no record by the rules; a failure has no child. */
		if (!call->failed)
			return 0;
		values_unset(&actor->values, FIELD_pid);
	} else {
		values_set_number(&actor->values, FIELD_pid, (uint64_t)call->exit);
		/* clone3 keeps its flags in memory: it may have made a thread. */
		if (info->flags < 0 && span_eq(info->name, SPAN("clone3")))
			values_set_inferred(&actor->values, FIELD_pid);
	}
	if (has_parent)
		values_set_number(&actor->values, FIELD_ppid, parent);
	event = call_event(decoder, KIND_ID(process, fork));
	if (!event)
		return -ENOMEM;
	return decoder_emit(decoder, event);
}

int act_exit(struct decoder *decoder)
{
	struct event *event = call_event(decoder, KIND_ID(process, exit));
	uint64_t code;

	if (!event)
		return -ENOMEM;
	if (call_arg(&decoder->call, decoder->call.info->value, &code))
		values_set_number(&event->values, FIELD_exit_code, code & 0xff);
	return decoder_emit(decoder, event);
}

static void add_change(struct decoder *decoder, struct event *event, const char *name, enum call_slot slot)
{
	struct audit_value value = decoder->call.slots[slot];

	if (audit_is_nothing(value))
		return;
	buffer_clear(&decoder->text);
	buffer_append_text(&decoder->text, name);
	buffer_append_byte(&decoder->text, '=');
	buffer_append_span(&decoder->text, audit_raw(value));
	values_append_list(&event->values, FIELD_changes, buffer_span(&decoder->text));
}

/* The record has the ids after the call. */
int act_setuid(struct decoder *decoder)
{
	struct event *event = call_event(decoder, KIND_ID(process, setuid));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	add_change(decoder, event, "uid", CALL_uid);
	add_change(decoder, event, "euid", CALL_euid);
	add_change(decoder, event, "suid", CALL_suid);
	add_change(decoder, event, "fsuid", CALL_fsuid);
	return decoder_emit(decoder, event);
}

int act_setgid(struct decoder *decoder)
{
	struct event *event = call_event(decoder, KIND_ID(process, setgid));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	if (span_starts(decoder->call.info->name, SPAN("setgroups"))) {
		values_append_list(&event->values, FIELD_changes, SPAN("groups"));
		return decoder_emit(decoder, event);
	}
	add_change(decoder, event, "gid", CALL_gid);
	add_change(decoder, event, "egid", CALL_egid);
	add_change(decoder, event, "sgid", CALL_sgid);
	add_change(decoder, event, "fsgid", CALL_fsgid);
	return decoder_emit(decoder, event);
}

int act_capset(struct decoder *decoder)
{
	static const struct audit_key keys[] = {
		AUDIT_KEY(0, "pid"),	AUDIT_KEY(1, "cap_pi"), AUDIT_KEY(2, "cap_pp"),
		AUDIT_KEY(3, "cap_pe"), AUDIT_KEY(4, "cap_pa"),
	};
	static const struct audit_layout layout = { keys, ARRAY_SIZE(keys), 5, 4 };
	static const enum field fields_of[] = {
		[1] = FIELD_cap_inheritable,
		[2] = FIELD_cap_permitted,
		[3] = FIELD_cap_effective,
		[4] = FIELD_cap_ambient,
	};
	struct event *event = call_event(decoder, KIND_ID(process, capset));
	struct audit_value slots[5];

	if (!event)
		return -ENOMEM;
	if (decoder->parts[PART_CAPSET]) {
		audit_scan(record_text(decoder->parts[PART_CAPSET]), &layout, slots);
		for (unsigned i = 1; i < 5; i++)
			if (slots[i].size > 0)
				values_set_text(&event->values, fields_of[i], audit_raw(slots[i]));
	}
	return decoder_emit(decoder, event);
}

static int emit_namespaces(struct decoder *decoder, uint16_t kind)
{
	struct event *event = call_event(decoder, kind);
	uint64_t flags = 0;

	if (!event)
		return -ENOMEM;
	call_arg(&decoder->call, decoder->call.info->flags, &flags);
	buffer_clear(&decoder->text);
	clone_flags_text(&decoder->text, flags, 0);
	if (decoder->text.size > 0)
		values_set_text(&event->values, FIELD_changes, buffer_span(&decoder->text));
	return decoder_emit(decoder, event);
}

int act_setns(struct decoder *decoder)
{
	return emit_namespaces(decoder, KIND_ID(process, setns));
}

int act_unshare(struct decoder *decoder)
{
	return emit_namespaces(decoder, KIND_ID(process, unshare));
}

static void set_target(struct event *event, const struct draft_record *record)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "opid"), AUDIT_KEY(1, "ocomm") };
	static const struct audit_layout layout = { keys, 2, 2, 1 };
	struct audit_value slots[2];

	audit_scan(record_text(record), &layout, slots);
	value_set_u32(&event->values, FIELD_target_pid, slots[0]);
	value_set(&event->values, FIELD_target_name, slots[1]);
}

/* The pid of the argument: as the caller's pid namespace numbers it, so OBJ_PID is better. */
static void set_target_arg(struct decoder *decoder, struct event *event)
{
	uint64_t pid;

	if (call_arg(&decoder->call, decoder->call.info->value, &pid) && (int32_t)(uint32_t)pid > 0)
		values_set_number(&event->values, FIELD_target_pid, (uint32_t)pid);
}

/* Many look at their own memory by such a call, which then cannot fault. */
static bool is_on_itself(const struct decoder *decoder)
{
	uint64_t pid;

	return call_arg(&decoder->call, decoder->call.info->value, &pid) && values_has(&decoder->actor->values, FIELD_pid) &&
	       decoder->actor->pid == (uint32_t)pid;
}

int act_ptrace(struct decoder *decoder)
{
	struct span access = access_of_call(decoder->call.name);
	struct event *event;
	uint64_t request;

	if (!access.data) {
		if (!call_arg(&decoder->call, decoder->call.info->flags, &request))
			return ACT_PASS;
		access = access_of_request(request);
		if (!access.data)
			return ACT_PASS;
	}
	if (is_on_itself(decoder))
		return 0;
	event = call_event(decoder, KIND_ID(process, ptrace));
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	values_append_list(&event->values, FIELD_changes, access);
	if (decoder->parts[PART_OBJ_PID])
		set_target(event, decoder->parts[PART_OBJ_PID]);
	else if (decoder->call.info->value >= 0)
		set_target_arg(decoder, event);
	else
		decoder->missing |= MISSING_TARGET;	/* the kernel has only the descriptor of the process (pidfd_getfd) */
	return decoder_emit(decoder, event);
}

/* 0 asks; SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG and SIGWINCH end nobody, nor do the
 * two that the C library keeps for its threads (cancellation, setuid). */
static bool is_fatal(uint64_t number)
{
	static const uint32_t harmless = 1u << 0 | 1u << 17 | 1u << 18 | 1u << 19 | 1u << 20 | 1u << 21 |
					 1u << 22 | 1u << 23 | 1u << 28;

	return number > 33 || (number < 32 && !(harmless >> number & 1));
}

int act_signal(struct decoder *decoder)
{
	const struct draft_record *record;
	uint32_t i = 0;
	uint64_t number;
	unsigned n = 0;
	int r = 0;

	if (!call_arg(&decoder->call, decoder->call.info->flags, &number) || !is_fatal(number & UINT32_MAX))
		return ACT_PASS;
	do {
		struct event *event;

		record = decoder_next(decoder, PART_OBJ_PID, &i);
		if (!record && n > 0)
			break;
		event = call_event(decoder, KIND_ID(process, signal));
		if (!event)
			return -ENOMEM;
		values_set_number(&event->values, FIELD_target_signal, number & UINT32_MAX);
		if (record)
			set_target(event, record);
		else
			set_target_arg(decoder, event);
		if (++n == MAX_TARGETS)
			values_append_list(&event->values, FIELD_truncated, SPAN("targets"));
		r = decoder_emit(decoder, event);
	} while (r >= 0 && record && n < MAX_TARGETS);
	return r;
}
