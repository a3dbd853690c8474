/* System calls that change the kernel or executable memory -> driver, time, memory and image events. */

#include "decode/decoder.h"

#define PROT_OF_EXEC	 4u
#define MAP_OF_ANONYMOUS 0x20u /* but on MIPS, Alpha, PA-RISC, Xtensa */

int act_driver(struct decoder *decoder)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "name") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	bool unload = span_eq(decoder->call.info->name, SPAN("delete_module"));
	struct event *event;
	struct audit_value name;

	event = call_event(decoder, unload ? KIND_ID(driver, unload) : KIND_ID(driver, load));
	if (!event)
		return -ENOMEM;
	if (decoder->parts[PART_KERN_MODULE]) {
		/* PATH items of this call are files that the module makes in tracefs, not its own. */
		audit_scan(record_text(decoder->parts[PART_KERN_MODULE]), &layout, &name);
		value_set(&event->values, FIELD_driver_name, name);
	}
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	return decoder_emit(decoder, event);
}

int decode_bpf(struct decoder *decoder, const struct draft_record *record)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "prog-id"), AUDIT_KEY(1, "op") };
	static const struct audit_layout layout = { keys, 2, 2, 1 };
	struct audit_value slots[2];
	struct event *event;
	uint16_t kind;

	audit_scan(record_text(record), &layout, slots);
	if (slots[1].data && span_eq(audit_raw(slots[1]), SPAN("UNLOAD")))
		kind = KIND_ID(driver, unload);
	else
		kind = KIND_ID(driver, load);
	/* A program is unloaded when its last user lets go: by a call that has nothing to do with it, or
	 * none. */
	event = decoder->call.known ? call_event(decoder, kind) : decoder_event(decoder, kind, "BPF");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_code, "BPF");
	value_set_u32(&event->values, FIELD_bpf_id, slots[0]);
	if (decoder->call.name)
		text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	return decoder_emit(decoder, event);
}

/* Its record made the event already; without one the call made a map, read something, ...: nothing was
 * loaded. */
int act_bpf(struct decoder *decoder)
{
	return decoder->parts[PART_BPF] ? 0 : ACT_PASS;
}

/* What adjtimex changes has records of its own (TIME_*). */
int act_time(struct decoder *decoder)
{
	struct event *event = call_event(decoder, KIND_ID(security, time_change));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	text_set(&event->values, FIELD_security_subsystem, "time");
	return decoder_emit(decoder, event);
}

static int emit_memory(struct decoder *decoder, const char *operation)
{
	struct event *event = call_event(decoder, KIND_ID(security, memory_exec));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	text_set(&event->values, FIELD_security_operation, operation);
	return decoder_emit(decoder, event);
}

int act_protect(struct decoder *decoder)
{
	uint64_t protection;

	if (!call_arg(&decoder->call, decoder->call.info->flags, &protection) || !(protection & PROT_OF_EXEC))
		return ACT_PASS;
	return emit_memory(decoder, "protect");
}

int act_map(struct decoder *decoder)
{
	const struct item *item = item_object(decoder);
	uint64_t protection, flags = 0;
	struct event *event;

	if (!call_arg(&decoder->call, decoder->call.info->flags, &protection) || !(protection & PROT_OF_EXEC))
		return ACT_PASS;
	if (call_arg(&decoder->call, decoder->call.info->value, &flags) && flags & MAP_OF_ANONYMOUS)
		return emit_memory(decoder, "map");
	event = call_event(decoder, KIND_ID(image, load));
	if (!event)
		return -ENOMEM;
	if (item && !audit_is_nothing(item->slots[ITEM_name]))
		path_set_joined(decoder, &event->values, FIELD_dll_path,
				decoder_text(decoder, item->slots[ITEM_name]));
	else
		decoder->missing |= MISSING_PATH; /* the kernel has only the descriptor (MMAP) */
	if (item && item->slots[ITEM_inode].data && audit_u64(item->slots[ITEM_inode], &event->dll_inode))
		values_set_known(&event->values, FIELD_dll_inode);
	return decoder_emit(decoder, event);
}
