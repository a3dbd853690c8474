/* Calls on files, seen by the kernel's programs -> file and image events. */

#include "decode/probe.h"

#include <fcntl.h>

#include "decode/audit_value.h"

/* As the kernel of this machine numbers them, in octal as in asm-generic/fcntl.h. */
#define OPEN_ACCESS 03u
#define OPEN_TRUNC 01000u
#define OPEN_TMPFILE 020000000u
#if defined(__x86_64__) || defined(__i386__)
#define X86_FLAGS true
#else
#define X86_FLAGS false
#endif

#define LINK_FOLLOW 0x400u		/* AT_SYMLINK_FOLLOW */
#define LINK_NOFOLLOW 0x100u		/* AT_SYMLINK_NOFOLLOW */
#define MOUNT_FOLLOW 0x10u		/* MOVE_MOUNT_T_SYMLINKS */
#define RENAME_OF_EXCHANGE 2u

static void set_file(const struct probe *probe, struct event *event)
{
	const struct probe_file *file = &probe->record->body.file;
	const char *type = mode_type(file->mode);

#define SET(member, value) (event->member = (value), values_set_known(&event->values, FIELD_##member))
	SET(inode, file->inode);
	SET(device, probe_device(file->device));
	SET(mode, file->mode & 07777);
	SET(file_uid, file->uid);
	SET(file_gid, file->gid);
#undef SET
	if (type)
		text_set(&event->values, FIELD_file_type, type);
	probe_set_mounts(event, file->origin);
}

/* What has no name is called as in /proc/PID/fd; the name of a socket is that of its protocol.  NULL: it has one. */
static const char *nameless(const struct probe *probe)
{
	struct span names = probe_text(probe->bytes, FILE_PATH);
	const char *type = mode_type(probe->record->body.file.mode);

	if (type && strcmp(type, "socket") == 0)
		return "socket";
	if (names.size != 1 || names.data[0] != 0)
		return NULL;
	return type && strcmp(type, "fifo") == 0 ? "pipe" : "inode";
}

static void set_file_path(const struct probe *probe, struct event *event)
{
	const char *name = nameless(probe);
	struct buffer *text = &probe->decoder->text;

	if (!name) {
		probe_set_path(probe, event, FIELD_path, FILE_PATH);
		probe_set_root(probe, event, FIELD_path, FILE_ROOT);
		return;
	}
	buffer_clear(text);
	buffer_printf(text, "%s:[%llu]", name, (unsigned long long)probe->record->body.file.inode);
	values_set_text(&event->values, FIELD_path, buffer_span(text));
}

static struct event *file_event(const struct probe *probe, uint16_t kind)
{
	struct event *event = probe_event(probe, kind, "CALL");

	if (!event)
		return NULL;
	text_set(&event->values, FIELD_outcome, "success");
	set_file_path(probe, event);
	set_file(probe, event);
	return event;
}

/* A file without a name has its inode number for one: what was named is its folder. */
static void cut_last_name(struct event *event)
{
	struct span path = values_text(&event->values, FIELD_path);
	const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;

	if (slash)
		event->path.size = slash == path.data ? 1 : (uint32_t)(slash - path.data);
}

static void set_open_flags(const struct probe *probe, struct event *event)
{
	struct buffer *text = &probe->decoder->text;

	buffer_clear(text);
	open_flags_text(text, probe->record->body.file.flags, X86_FLAGS);
	values_set_text(&event->values, FIELD_flags, buffer_span(text));
}

static bool is_memfd(const struct probe_record *record)
{
	return record->call == PROBE_CALL_memfd_create || record->call == PROBE_CALL_memfd_secret;
}

static bool is_temporary(const struct probe_record *record)
{
	return !is_memfd(record) && (record->body.file.flags & OPEN_TMPFILE) == OPEN_TMPFILE;
}

uint16_t probe_open_kind(const struct probe_record *record)
{
	const struct probe_file *file = &record->body.file;

	if (file->origin & PROBE_CREATED && !is_temporary(record))
		return KIND_ID(file, create);
	return file->flags & (OPEN_ACCESS | OPEN_TRUNC) ? KIND_ID(file, write) : KIND_ID(file, read);
}

int probe_open(struct probe *probe)
{
	const struct probe_file *file = &probe->record->body.file;
	struct buffer *text = &probe->decoder->text;
	struct event *event = file_event(probe, probe_open_kind(probe->record));

	if (!event)
		return -ENOMEM;
	if (is_temporary(probe->record))
		cut_last_name(event);
	if (!is_memfd(probe->record)) {
		set_open_flags(probe, event);
		return probe_emit(probe, event);
	}
	text_set(&event->values, FIELD_file_type, "memfd");
	buffer_clear(text);
	memfd_flags_text(text, file->flags);
	if (text->size > 0)
		values_set_text(&event->values, FIELD_flags, buffer_span(text));
	return probe_emit(probe, event);
}

int probe_raw(struct probe *probe)
{
	struct event *event = file_event(probe, KIND_ID(security, raw_access));
	uint32_t device = (uint32_t)probe->record->body.file.value[0];

	if (!event)
		return -ENOMEM;
	if (device)
		values_set_number(&event->values, FIELD_device_number, probe_device(device));
	set_open_flags(probe, event);
	return probe_emit(probe, event);
}

int probe_written(struct probe *probe)
{
	const struct probe_file *file = &probe->record->body.file;
	struct event *event = file_event(probe, KIND_ID(file, write));

	if (!event)
		return -ENOMEM;
	values_set_number(&event->values, FIELD_size, file->size);
	values_set_number(&event->values, FIELD_write_bytes, file->value[0]);
	values_set_number(&event->values, FIELD_write_count, MIN(file->value[1], (uint64_t)UINT32_MAX));
	values_set_number(&event->values, FIELD_write_first, file->first_ns + probe->boot_to_real_ns);
	values_set_number(&event->values, FIELD_write_last, file->last_ns + probe->boot_to_real_ns);
	return probe_emit(probe, event);
}

static void set_owner(struct event *event, uint64_t uid, uint64_t gid)
{
	/* -1 leaves it. */
	if ((uint32_t)uid != UINT32_MAX)
		values_set_number(&event->values, FIELD_file_uid, (uint32_t)uid);
	if ((uint32_t)gid != UINT32_MAX)
		values_set_number(&event->values, FIELD_file_gid, (uint32_t)gid);
}

/* 32-bit programs hand a size of 64 bits in two arguments; those of ARM leave one out before it. */
static uint64_t size_of(const struct probe *probe, const uint64_t *arguments, size_t n)
{
	size_t first = X86_FLAGS ? 0 : 1;

	if (probe->record->call != PROBE_CALL_truncate64 && probe->record->call != PROBE_CALL_ftruncate64)
		return arguments[0];
	return (uint32_t)arguments[first] | (first + 1 < n ? arguments[first + 1] << 32 : 0);
}

int probe_file(struct probe *probe)
{
	const struct probe_file *file = &probe->record->body.file;
	uint16_t kind = probe_call_kind(probe);
	struct event *event;

	if (kind == KIND_ID(driver, load))
		return probe_module_file(probe);
	event = file_event(probe, kind);
	if (!event)
		return -ENOMEM;
	if (kind == KIND_ID(file, chmod))
		values_set_number(&event->values, FIELD_mode, file->value[0] & 07777);
	else if (kind == KIND_ID(file, chown))
		set_owner(event, file->value[0], file->value[1]);
	else if (kind == KIND_ID(file, truncate) && probe->record->call != PROBE_CALL_fallocate)	/* which gives room, not a size */
		values_set_number(&event->values, FIELD_size, size_of(probe, file->value, ARRAY_SIZE(file->value)));
	else if (kind == KIND_ID(file, xattr))
		probe_set_text(probe, event, FIELD_xattr, FILE_EXTRA);
	if (kind == KIND_ID(file, xattr))
		text_set(&event->values, FIELD_auditd_syscall, probe_call_name(probe));
	return probe_emit(probe, event);
}

/* Does the call act on what a link at the end of the name leads to?  Of linkat the first name. */
static bool follows_link(const struct probe *probe)
{
	switch (probe->record->call) {
	case PROBE_CALL_truncate:
	case PROBE_CALL_truncate64:
	case PROBE_CALL_chmod:
	case PROBE_CALL_fchmodat:
	case PROBE_CALL_chown:
	case PROBE_CALL_chown32:
	case PROBE_CALL_setxattr:
	case PROBE_CALL_removexattr:
	case PROBE_CALL_mount:
	case PROBE_CALL_umount:
		return true;
	case PROBE_CALL_umount2:
		return !(probe_argument(probe, 1) & 8);	/* UMOUNT_NOFOLLOW */
	case PROBE_CALL_fchmodat2:
		return !(probe_argument(probe, 3) & LINK_NOFOLLOW);
	case PROBE_CALL_fchownat:
		return !(probe_argument(probe, 4) & LINK_NOFOLLOW);
	case PROBE_CALL_setxattrat:
	case PROBE_CALL_removexattrat:
		return !(probe_argument(probe, 2) & LINK_NOFOLLOW);
	case PROBE_CALL_linkat:
		return probe_argument(probe, 4) & LINK_FOLLOW;
	case PROBE_CALL_move_mount:
		return probe_argument(probe, 4) & MOUNT_FOLLOW;
	default:
		return false;
	}
}

/* A slash at the end asks for a folder: what looks a file up follows the link then, whatever its flags
 * (path_resolution(7)); what makes or removes a name refuses. */
static bool asks_for_folder(const struct probe *probe, uint16_t kind)
{
	struct span given = probe_text(probe->bytes, NAME_GIVEN);

	return given.size > 1 && given.data[given.size - 1] == '/' &&
	       (kind == KIND_ID(file, chmod) || kind == KIND_ID(file, chown) || kind == KIND_ID(file, xattr) ||
		kind == KIND_ID(file, unmount));
}

/* A relative name without a descriptor says where the process is. */
static void set_cwd(const struct probe *probe)
{
	struct span given = probe_text(probe->bytes, NAME_GIVEN);
	struct buffer *text = &probe->decoder->text;
	bool has_descriptor = false;

	switch (probe->record->call) {
	case PROBE_CALL_mkdirat: case PROBE_CALL_mknodat: case PROBE_CALL_renameat: case PROBE_CALL_renameat2:
	case PROBE_CALL_unlinkat: case PROBE_CALL_linkat: case PROBE_CALL_fchmodat: case PROBE_CALL_fchmodat2:
	case PROBE_CALL_fchownat: case PROBE_CALL_setxattrat: case PROBE_CALL_removexattrat:
		has_descriptor = (int32_t)(uint32_t)probe_argument(probe, 0) != AT_FDCWD;
		break;
	case PROBE_CALL_symlinkat:
		has_descriptor = (int32_t)(uint32_t)probe_argument(probe, 1) != AT_FDCWD;
		break;
	case PROBE_CALL_move_mount:
		has_descriptor = (int32_t)(uint32_t)probe_argument(probe, 2) != AT_FDCWD;
		break;
	default:
		break;
	}
	if (has_descriptor || given.size == 0 || given.data[0] == '/' || probe_is_cut(probe, NAME_FOLDER))
		return;
	buffer_clear(text);
	probe_join_names(text, probe_text(probe->bytes, NAME_FOLDER));
	values_set_text(&probe->decoder->actor->values, FIELD_cwd, buffer_span(text));
}

static int set_names(const struct probe *probe, struct event *event, uint16_t kind)
{
	bool follows = follows_link(probe) || asks_for_folder(probe, kind);
	int r = probe_set_given(probe, event, FIELD_path, NAME_FOLDER, NAME_GIVEN, follows);

	if (r < 0)
		return r;
	if (kind == KIND_ID(file, rename) || kind == KIND_ID(file, link))
		return probe_set_given(probe, event, FIELD_target_path, NAME_FOLDER2, NAME_GIVEN2, false);
	if (kind == KIND_ID(file, symlink))
		probe_set_text(probe, event, FIELD_target_path, NAME_GIVEN2);
	else if (kind == KIND_ID(file, xattr))
		probe_set_text(probe, event, FIELD_xattr, NAME_GIVEN2);
	return 0;
}

static void set_made(const struct probe *probe, struct event *event)
{
	static const struct {
		uint32_t call, mode_argument;
	} calls[] = {
		{ PROBE_CALL_mkdir, 1 }, { PROBE_CALL_mkdirat, 2 }, { PROBE_CALL_mknod, 1 }, { PROBE_CALL_mknodat, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		uint32_t mode = (uint32_t)probe_argument(probe, calls[i].mode_argument);
		const char *type;

		if (calls[i].call != probe->record->call)
			continue;
		if (i < 2)	/* of which the kernel takes the permissions alone */
			mode = 0040000;
		type = mode_type(mode & 0170000 ? mode : mode | 0100000);
		if (type)
			text_set(&event->values, FIELD_file_type, type);
	}
}

static void set_flags_of_mount(const struct probe *probe, struct event *event, uint16_t kind)
{
	static const char *const names[] = { "MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW" };
	struct buffer *text = &probe->decoder->text;

	buffer_clear(text);
	if (kind == KIND_ID(file, unmount)) {
		uint64_t flags = probe->record->call == PROBE_CALL_umount2 ? probe_argument(probe, 1) : 0;

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (flags >> i & 1)
				buffer_printf(text, "%s%s", text->size > 0 ? "|" : "", names[i]);
	} else if (probe->record->call == PROBE_CALL_mount && (uint32_t)probe_argument(probe, 3) != 0) {
		mount_flags_text(text, (uint32_t)probe_argument(probe, 3));
	}
	if (text->size > 0)
		values_set_text(&event->values, FIELD_flags, buffer_span(text));
}

/* What is mounted, where that is a path: a device, a folder. */
static void set_mounted(const struct probe *probe, struct event *event)
{
	struct span source = probe_text(probe->bytes, NAME_GIVEN2);

	if (probe->record->call == PROBE_CALL_mount && source.size > 0 && source.data[0] == '/')
		values_set_text(&event->values, FIELD_target_path, source);
}

static int emit_unload(struct probe *probe)
{
	struct event *event = probe_event(probe, KIND_ID(driver, unload), "CALL");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	probe_set_text(probe, event, FIELD_driver_name, NAME_GIVEN2);
	text_set(&event->values, FIELD_auditd_syscall, probe_call_name(probe));
	return probe_emit(probe, event);
}

static void set_outcome(const struct probe *probe, struct event *event)
{
	if (probe->record->body.call.result != PROBE_UNKNOWN)
		text_set(&event->values, FIELD_outcome, "success");
	else
		probe_set_missing(event, fields[FIELD_outcome].name);
}

bool probe_exchanges(const struct probe *probe)
{
	return probe->record->call == PROBE_CALL_renameat2 && probe_argument(probe, 4) & RENAME_OF_EXCHANGE;
}

static int emit_exchanged(struct probe *probe)
{
	struct event *event = probe_event(probe, KIND_ID(file, rename), "CALL");
	int r;

	if (!event)
		return -ENOMEM;
	set_outcome(probe, event);
	r = probe_set_given(probe, event, FIELD_path, NAME_FOLDER2, NAME_GIVEN2, false);
	if (r >= 0)
		r = probe_set_given(probe, event, FIELD_target_path, NAME_FOLDER, NAME_GIVEN, false);
	if (r < 0) {
		event_free(event);
		return r;
	}
	return probe_emit(probe, event);
}

int probe_name(struct probe *probe)
{
	uint16_t kind = probe_call_kind(probe);
	struct event *event;
	int r;

	if (kind == KIND_ID(driver, unload))
		return emit_unload(probe);
	event = probe_event(probe, kind, "CALL");
	if (!event)
		return -ENOMEM;
	set_outcome(probe, event);
	set_cwd(probe);
	r = set_names(probe, event, kind);
	if (r < 0) {
		event_free(event);
		return r;
	}
	switch (kind) {
	case KIND_ID(file, create):
		set_made(probe, event);
		break;
	case KIND_ID(file, symlink):
		text_set(&event->values, FIELD_file_type, "symlink");
		break;
	case KIND_ID(file, chmod):
		values_set_number(&event->values, FIELD_mode,
				  probe_argument(probe, probe->record->call == PROBE_CALL_chmod ? 1 : 2) & 07777);
		break;
	case KIND_ID(file, chown):
		if (probe->record->call == PROBE_CALL_fchownat)
			set_owner(event, probe_argument(probe, 2), probe_argument(probe, 3));
		else
			set_owner(event, probe_argument(probe, 1), probe_argument(probe, 2));
		break;
	case KIND_ID(file, truncate):
		values_set_number(&event->values, FIELD_size, size_of(probe, &probe->record->body.call.value[1], 3));
		break;
	case KIND_ID(file, xattr):
		text_set(&event->values, FIELD_auditd_syscall, probe_call_name(probe));
		break;
	case KIND_ID(file, mount):
	case KIND_ID(file, unmount):
		set_flags_of_mount(probe, event, kind);
		set_mounted(probe, event);
		break;
	default:
		break;
	}
	r = probe_emit(probe, event);
	if (r >= 0 && probe_exchanges(probe))
		r = emit_exchanged(probe);
	return r;
}

int probe_map(struct probe *probe)
{
	const struct probe_file *file = &probe->record->body.file;
	const struct file_version version = { probe_device(file->device), file->inode, file->changed_ns };
	struct event *event = probe_event(probe, KIND_ID(image, load), "CALL");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	probe_set_path(probe, event, FIELD_dll_path, FILE_PATH);
	values_set_number(&event->values, FIELD_dll_inode, version.inode);
	values_set_number(&event->values, FIELD_dll_device, version.device);
	values_set_number(&event->values, FIELD_dll_changed, version.changed_ns);
	values_set_number(&event->values, FIELD_dll_hash_id, file_version_id(&version));
	return probe_emit(probe, event);
}
