/* System calls on files -> file events. */

#include "decode/access.h"

#include "decode/audit_value.h"

/* The same numbers on all machines, in octal as in asm-generic/fcntl.h. */
#define OPEN_ACCESS   03u
#define OPEN_TRUNC    01000u
#define OPEN_PATH     010000000u
#define OPEN_OF_CREAT 01101u /* O_CREAT|O_WRONLY|O_TRUNC */

static struct event *file_event(struct decoder *decoder, uint16_t kind, const struct item *item)
{
	struct event *event = call_event(decoder, kind);

	if (!event)
		return NULL;
	path_set(decoder, event, FIELD_path, item, decoder->call.info ? decoder->call.info->at : -1);
	file_set(event, item);
	return event;
}

/* The item of the type, or what else there is. */
static const struct item *item_prefer(const struct decoder *decoder, enum nametype nametype)
{
	const struct item *item = item_of(decoder, nametype, 0);

	return item ? item : item_object(decoder);
}

/* openat2 has its flags in memory: Linux 5.16 writes them into a record of their own. */
static bool open_flags(struct decoder *decoder, uint64_t *ret)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "oflag") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	const struct call_info *info = decoder->call.info;
	struct audit_value value;

	if (call_arg(&decoder->call, info->flags, ret)) {
		*ret &= UINT32_MAX;
		return true;
	}
	if (info->flags < 0 && info->value == 1) {
		*ret = OPEN_OF_CREAT;
		return true;
	}
	if (!decoder->parts[PART_OPENAT2])
		return false;
	audit_scan(record_text(decoder->parts[PART_OPENAT2]), &layout, &value);
	return value.data && audit_octal(value, ret);
}

enum gain { GAIN_NOTHING, GAIN_PROCESS, GAIN_RAW };

/* What an opened file gives besides itself.  A name relative to a folder that only the process knows says nothing of it. */
static enum gain gain_of(const struct decoder *decoder, const struct event *event, const struct item *item, uint32_t *ret_pid)
{
	bool is_guessed = span_eq(values_text(&event->values, FIELD_path_confidence), SPAN("guessed"));
	struct span path = is_guessed ? (struct span){ NULL, 0 } : values_text(&event->values, FIELD_path);
	uint64_t device = 0;
	uint32_t mode;

	/* Who was refused has gained nothing. */
	if (decoder->call.failed && !decoder->options.failed_calls)
		return GAIN_NOTHING;
	if (access_is_memory(path, ret_pid))
		return *ret_pid == 0 || *ret_pid == decoder->actor->pid ? GAIN_NOTHING : GAIN_PROCESS;
	if (!item || !mode_parse(item->slots[ITEM_mode], &mode))
		return GAIN_NOTHING;
	device_parse(item->slots[ITEM_rdev], &device);
	return access_is_raw(mode, device, path) ? GAIN_RAW : GAIN_NOTHING;
}

static void set_open_flags(struct decoder *decoder, struct event *event, uint64_t flags)
{
	const struct arch *arch = decoder->call.arch;

	buffer_clear(&decoder->text);
	open_flags_text(&decoder->text, flags, !arch || arch->x86_flags);
	values_set_text(&event->values, FIELD_flags, buffer_span(&decoder->text));
}

static bool set_opened(const struct decoder *decoder, struct event *event)
{
	const struct call *call = &decoder->call;

	event->has_opened = !call->failed && call->has_exit && call->exit >= 0 && call->exit <= INT32_MAX;
	if (event->has_opened)
		event->opened = (int32_t)call->exit;
	return event->has_opened;
}

/* An event of its own, for who leaves openings out; *flags: NULL if not known. */
static int emit_gain(struct decoder *decoder, enum gain gain, const struct item *item, uint32_t pid, const uint64_t *flags)
{
	uint16_t kind = gain == GAIN_RAW ? KIND_ID(security, raw_access) : KIND_ID(process, ptrace);
	struct event *event;
	uint64_t device;

	/* A user's rule asked for the file: that is told. */
	if (decoder->asked && decoder->options.shown && decoder->options.shown[kind])
		return 0;
	event = gain == GAIN_RAW ? file_event(decoder, kind, item) : call_event(decoder, kind);
	if (!event)
		return -ENOMEM;
	if (gain == GAIN_RAW) {
		if (device_parse(item->slots[ITEM_rdev], &device) && device != 0)
			values_set_number(&event->values, FIELD_device_number, device);
		if (flags)
			set_open_flags(decoder, event, *flags);
	} else {
		text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
		values_set_number(&event->values, FIELD_target_pid, pid);
		if (flags)
			access_set_opened(&event->values, *flags);
	}
	return decoder_emit(decoder, event);
}

int act_open(struct decoder *decoder)
{
	const struct item *created = item_of(decoder, NAMETYPE_CREATE, 0);
	uint16_t kind = KIND_ID(file, write);
	uint64_t flags = 0;
	const struct item *item = created ? created : item_object(decoder);
	struct event *event;
	enum gain gain;
	uint32_t pid = 0;
	bool has_flags;
	int r;

	has_flags = open_flags(decoder, &flags);
	/* A descriptor that can neither read nor write. */
	if (flags & OPEN_PATH)
		return ACT_PASS;
	/* Without flags it may be either; a write that was a read is the smaller error. */
	if (created)
		kind = KIND_ID(file, create);
	else if (has_flags && !(flags & (OPEN_ACCESS | OPEN_TRUNC)))
		kind = KIND_ID(file, read);
	event = file_event(decoder, kind, item);
	if (!event)
		return -ENOMEM;
	if (has_flags)
		set_open_flags(decoder, event, flags);
	set_opened(decoder, event);
	gain = gain_of(decoder, event, item, &pid);
	r = decoder_emit(decoder, event);
	return r < 0 || gain == GAIN_NOTHING ? r : emit_gain(decoder, gain, item, pid, has_flags ? &flags : NULL);
}

/* It never had a name in a file system: the record has a pointer to the one that it is called by, and its descriptor. */
int act_memfd(struct decoder *decoder)
{
	const struct call *call = &decoder->call;
	struct event *event = call_event(decoder, KIND_ID(file, create));
	uint64_t flags;

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_file_type, "memfd");
	decoder->missing |= MISSING_PATH;
	if (set_opened(decoder, event))
		path_set_descriptor(event, event->opened);
	if (call_arg(call, call->info->flags, &flags) && (uint32_t)flags != 0) {
		buffer_clear(&decoder->text);
		memfd_flags_text(&decoder->text, (uint32_t)flags);
		values_set_text(&event->values, FIELD_flags, buffer_span(&decoder->text));
	}
	return decoder_emit(decoder, event);
}

int act_truncate(struct decoder *decoder)
{
	struct event *event = file_event(decoder, KIND_ID(file, truncate), item_object(decoder));
	uint64_t size;

	if (!event)
		return -ENOMEM;
	if (call_arg(&decoder->call, decoder->call.info->value, &size))
		values_set_number(&event->values, FIELD_size, size);
	return decoder_emit(decoder, event);
}

static bool same_inode(const struct item *a, const struct item *b)
{
	return a->slots[ITEM_inode].data &&
	       span_eq(audit_raw(a->slots[ITEM_inode]), audit_raw(b->slots[ITEM_inode]));
}

static bool same_name(const struct item *a, const struct item *b)
{
	return span_eq(audit_raw(a->slots[ITEM_name]), audit_raw(b->slots[ITEM_name]));
}

/* PARENT, PARENT, DELETE (old), [DELETE (what the new name was before),] CREATE (new); an exchange has two of
 * each. The moved file is the one with the inode of the new name. */
static int emit_rename(struct decoder *decoder, const struct item *new)
{
	const struct item *old = NULL, *item;
	struct event *event;

	for (unsigned n = 0; (item = item_of(decoder, NAMETYPE_DELETE, n)); n++)
		if (!old || (new &&same_inode(item, new) && !same_inode(old, new)))
			old = item;
	if (!old)
		old = item_of(decoder, NAMETYPE_NORMAL, 0);
	event = file_event(decoder, KIND_ID(file, rename), old);
	if (!event)
		return -ENOMEM;
	if (new || !decoder->call.failed)
		path_set(decoder, event, FIELD_target_path, new, decoder->call.info->at2);
	return decoder_emit(decoder, event);
}

int act_rename(struct decoder *decoder)
{
	const struct item *first = item_of(decoder, NAMETYPE_CREATE, 0);
	const struct item *second = item_of(decoder, NAMETYPE_CREATE, 1);
	int r;

	r = emit_rename(decoder, first);
	/* RENAME_EXCHANGE: the flag is the fifth argument, which audit does not have. */
	if (r >= 0 && second && !same_name(first, second))
		r = emit_rename(decoder, second);
	return r;
}

int act_delete(struct decoder *decoder)
{
	struct event *event =
		file_event(decoder, KIND_ID(file, delete), item_prefer(decoder, NAMETYPE_DELETE));

	if (!event)
		return -ENOMEM;
	return decoder_emit(decoder, event);
}

int act_create(struct decoder *decoder)
{
	struct event *event =
		file_event(decoder, KIND_ID(file, create), item_prefer(decoder, NAMETYPE_CREATE));

	if (!event)
		return -ENOMEM;
	return decoder_emit(decoder, event);
}

int act_link(struct decoder *decoder)
{
	struct event *event = file_event(decoder, KIND_ID(file, link), item_prefer(decoder, NAMETYPE_NORMAL));

	if (!event)
		return -ENOMEM;
	path_set(decoder, event, FIELD_target_path, item_of(decoder, NAMETYPE_CREATE, 0),
		 decoder->call.info->at2);
	return decoder_emit(decoder, event);
}

/* The text of the link is a name of its own among the items, never looked up: it has no inode. */
static const struct item *link_text(const struct decoder *decoder)
{
	for (unsigned i = 0; i < decoder->n_items; i++) {
		const struct item *item = &decoder->items[i];

		if (item->nametype != NAMETYPE_PARENT && item->nametype != NAMETYPE_CREATE &&
		    !item->slots[ITEM_inode].data)
			return item;
	}
	return NULL;
}

int act_symlink(struct decoder *decoder)
{
	struct event *event =
		file_event(decoder, KIND_ID(file, symlink), item_prefer(decoder, NAMETYPE_CREATE));
	const struct item *text = link_text(decoder);

	if (!event)
		return -ENOMEM;
	if (text)
		value_set(&event->values, FIELD_target_path, text->slots[ITEM_name]);
	return decoder_emit(decoder, event);
}

int act_chmod(struct decoder *decoder)
{
	struct event *event = file_event(decoder, KIND_ID(file, chmod), item_object(decoder));
	uint64_t mode;

	if (!event)
		return -ENOMEM;
	/* PATH has the mode from before. */
	if (call_arg(&decoder->call, decoder->call.info->value, &mode))
		values_set_number(&event->values, FIELD_mode, mode & 07777);
	return decoder_emit(decoder, event);
}

int act_chown(struct decoder *decoder)
{
	struct event *event = file_event(decoder, KIND_ID(file, chown), item_object(decoder));
	int value = decoder->call.info->value;
	uint64_t id;

	if (!event)
		return -ENOMEM;
	/* -1 leaves it; 16-bit calls of i386 say 65535. */
	if (call_arg(&decoder->call, value, &id) && (uint32_t)id != UINT32_MAX && id != UINT16_MAX)
		values_set_number(&event->values, FIELD_file_uid, (uint32_t)id);
	if (call_arg(&decoder->call, value + 1, &id) && (uint32_t)id != UINT32_MAX && id != UINT16_MAX)
		values_set_number(&event->values, FIELD_file_gid, (uint32_t)id);
	return decoder_emit(decoder, event);
}

int act_xattr(struct decoder *decoder)
{
	struct event *event = file_event(decoder, KIND_ID(file, xattr), item_object(decoder));

	if (!event)
		return -ENOMEM;
	if (decoder->call.name)
		text_set(&event->values, FIELD_auditd_syscall, decoder->call.name);
	return decoder_emit(decoder, event);
}

/* The first item is the place (it is looked up first), a second one the device or folder mounted there. */
int act_mount(struct decoder *decoder)
{
	const struct item *place = decoder->n_items > 0 ? &decoder->items[0] : NULL;
	struct event *event = file_event(decoder, KIND_ID(file, mount), place);
	uint64_t flags;

	if (!event)
		return -ENOMEM;
	for (unsigned i = 1; i < decoder->n_items; i++)
		if (!same_name(&decoder->items[i], place) &&
		    !audit_is_nothing(decoder->items[i].slots[ITEM_name])) {
			path_set(decoder, event, FIELD_target_path, &decoder->items[i], -1);
			break;
		}
	if (call_arg(&decoder->call, decoder->call.info->flags, &flags) && (uint32_t)flags != 0) {
		buffer_clear(&decoder->text);
		mount_flags_text(&decoder->text, (uint32_t)flags);
		values_set_text(&event->values, FIELD_flags, buffer_span(&decoder->text));
	}
	return decoder_emit(decoder, event);
}

int act_unmount(struct decoder *decoder)
{
	static const char *const names[] = { "MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW" };
	const struct item *place = decoder->n_items > 0 ? &decoder->items[0] : NULL;
	struct event *event = file_event(decoder, KIND_ID(file, unmount), place);
	struct buffer *text = &decoder->text;
	uint64_t flags;

	if (!event)
		return -ENOMEM;
	if (call_arg(&decoder->call, decoder->call.info->flags, &flags) && flags != 0) {
		buffer_clear(text);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (flags >> i & 1)
				buffer_printf(text, "%s%s", text->size > 0 ? "|" : "", names[i]);
		if (text->size > 0)
			values_set_text(&event->values, FIELD_flags, buffer_span(text));
	}
	return decoder_emit(decoder, event);
}
