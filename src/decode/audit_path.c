/* PATH records and what they say together with CWD: absolute paths.
 *
 * The kernel prints of a name what the program passed (kernel/auditsc.c, audit_log_name): CREATE, DELETE and
 * NORMAL items carry the whole of it, a PARENT item its folder part, or the working directory when it has
 * none, even if the call had a folder descriptor (audit-kernel issue 9).  So a relative name is joined with
 * the working directory unless a descriptor was given; then the join is a guess, and the event carries the
 * descriptor for whoever can resolve it.
 * `.`, `..` and double slashes are removed by text alone: symbolic links in between are not resolved. */

#include "base/path.h"
#include "decode/decoder.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "decode/audit_value.h"

static const struct audit_key item_keys[] = {
	AUDIT_KEY(ITEM_item, "item"),	      AUDIT_KEY(ITEM_name, "name"),
	AUDIT_KEY(ITEM_inode, "inode"),	      AUDIT_KEY(ITEM_dev, "dev"),
	AUDIT_KEY(ITEM_mode, "mode"),	      AUDIT_KEY(ITEM_ouid, "ouid"),
	AUDIT_KEY(ITEM_ogid, "ogid"),	      AUDIT_KEY(ITEM_rdev, "rdev"),
	AUDIT_KEY(ITEM_nametype, "nametype"), AUDIT_KEY(ITEM_obj, "obj"),
	AUDIT_KEY(ITEM_objtype, "objtype"),   AUDIT_KEY(ITEM_flags, "flags"),
};
static const struct audit_layout item_layout = {
	item_keys, ARRAY_SIZE(item_keys), N_ITEM_SLOTS, ITEM_nametype, /* file capabilities follow */
};

static enum nametype nametype_of(struct audit_value value)
{
	static const struct {
		struct span name;
		enum nametype type;
	} names[] = {
		{ { "NORMAL", 6 }, NAMETYPE_NORMAL },	{ { "PARENT", 6 }, NAMETYPE_PARENT },
		{ { "CREATE", 6 }, NAMETYPE_CREATE },	{ { "DELETE", 6 }, NAMETYPE_DELETE },
		{ { "UNKNOWN", 7 }, NAMETYPE_UNKNOWN },
	};

	if (value.data)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (span_eq(names[i].name, audit_raw(value)))
				return names[i].type;
	return NAMETYPE_NONE;
}

int decoder_add_item(struct decoder *decoder, const struct draft_record *record)
{
	struct item *item = &decoder->items[decoder->n_items];
	struct audit_value type;

	decoder->n_path_records++;
	if (decoder->n_items == MAX_ITEMS)
		return -ENOSPC;
	audit_scan((struct span){ record->data, record->size }, &item_layout, item->slots);
	type = item->slots[ITEM_nametype];
	if (!type.data)
		type = item->slots[ITEM_objtype]; /* before Linux 4.11 */
	/* The names of an ENRICHED tail follow the last value without a blank. */
	if (type.data && !type.quoted) {
		const char *tail = memchr(type.data, 0x1d, type.size);

		if (tail)
			type.size = (uint32_t)(tail - type.data);
	}
	item->nametype = nametype_of(type);
	if (!item->slots[ITEM_item].data || !audit_u32(item->slots[ITEM_item], &item->number))
		item->number = decoder->n_items;
	/* Records may come in any order (multicast, several threads of auditd): kept by their number. */
	for (unsigned i = decoder->n_items; i > 0 && decoder->items[i - 1].number > decoder->items[i].number;
	     i--) {
		struct item moved = decoder->items[i - 1];

		decoder->items[i - 1] = decoder->items[i];
		decoder->items[i] = moved;
	}
	decoder->n_items++;
	return 0;
}

const struct item *item_of(const struct decoder *decoder, enum nametype nametype, unsigned n)
{
	for (unsigned i = 0; i < decoder->n_items; i++)
		if (decoder->items[i].nametype == nametype && n-- == 0)
			return &decoder->items[i];
	return NULL;
}

const struct item *item_object(const struct decoder *decoder)
{
	const struct item *found = NULL;

	for (unsigned i = 0; i < decoder->n_items; i++) {
		const struct item *item = &decoder->items[i];

		if (item->nametype == NAMETYPE_PARENT)
			continue;
		/* The last one with an inode: names that were tried before it (automount, symlinks) come
		 * first. */
		if (!found || item->slots[ITEM_inode].data)
			found = item;
	}
	return found;	/* a parent alone is not what was acted upon */
}

struct span decoder_text(struct decoder *decoder, struct audit_value value)
{
	char *room;

	if (value.quoted || !audit_is_hex(value))
		return audit_raw(value);
	buffer_clear(&decoder->name);
	room = buffer_reserve(&decoder->name, value.size / 2);
	if (!room)
		return (struct span){ NULL, 0 };
	audit_unhex(room, value);
	decoder->name.size = value.size / 2;
	return buffer_span(&decoder->name);
}

static bool set_joined(struct decoder *decoder, struct values *values, enum field field, struct span base,
		       struct span name)
{
	int r;

	if (base.size == 0 && path_is_normal(name)) {
		values_set_text(values, field, name);
		return true;
	}
	buffer_clear(&decoder->text);
	r = path_join(&decoder->text, base, name);
	if (r < 0) {
		values->failed |= r == -ENOMEM;
		return false;
	}
	values_set_text(values, field, buffer_span(&decoder->text));
	return true;
}

bool path_set_joined(struct decoder *decoder, struct values *values, enum field field, struct span name)
{
	struct span cwd = { NULL, 0 };

	if (name.size == 0)
		return false;
	if (name.data[0] != '/') {
		cwd = values_text(&decoder->actor->values, FIELD_cwd);
		if (cwd.size == 0)
			return false;
	}
	return set_joined(decoder, values, field, cwd, name);
}

static void set_confidence(struct event *event, bool guessed)
{
	/* Of two paths the worse counts. */
	if (guessed || !values_has(&event->values, FIELD_path_confidence))
		text_set(&event->values, FIELD_path_confidence, guessed ? "guessed" : "joined");
}

/* The folder that the parent item names, if it tells more than we know. */
static struct span parent_folder(struct decoder *decoder, struct span name)
{
	const struct item *parent = item_of(decoder, NAMETYPE_PARENT, 0);
	struct audit_value folder;

	if (!parent || memchr(name.data, '/', name.size))
		return (struct span){ NULL, 0 };
	folder = parent->slots[ITEM_name];
	if (!folder.data || !folder.quoted || folder.size == 0 || folder.data[0] != '/')
		return (struct span){ NULL, 0 };
	return audit_raw(folder);
}

static void set_given(struct event *event, enum field field, struct span name, bool has_descriptor,
		      int32_t descriptor)
{
	bool target = field == FIELD_target_path;

	values_set_text(&event->values, target ? FIELD_given_target_path : FIELD_given_path, name);
	if (has_descriptor)
		values_set_number(&event->values, target ? FIELD_target_dirfd : FIELD_dirfd,
				  (uint32_t)descriptor);
	set_confidence(event, true);
}

void path_set_descriptor(struct event *event, int32_t descriptor)
{
	set_given(event, FIELD_path, SPAN(""), true, descriptor);
}

/* The folders that the PARENT items tell.  A rename has two, in no order that can be relied upon (Linux 6.18 has that of
 * the new name first). */
static void set_folder(const struct decoder *decoder, struct event *event, enum field field, const struct item *item)
{
	const struct item *parent;

	if (!item || (item->nametype != NAMETYPE_CREATE && item->nametype != NAMETYPE_DELETE))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(event->folders) && (parent = item_of(decoder, NAMETYPE_PARENT, i)); i++)
		event->folders[i].known = parent->slots[ITEM_inode].data &&
					  audit_u64(parent->slots[ITEM_inode], &event->folders[i].inode) &&
					  device_parse(parent->slots[ITEM_dev], &event->folders[i].device);
	*(field == FIELD_target_path ? &event->target_in_folder : &event->path_in_folder) = event->folders[0].known;
}

void path_set(struct decoder *decoder, struct event *event, enum field field, const struct item *item, int at)
{
	struct values *values = &event->values;
	struct span cwd = values_text(&decoder->actor->values, FIELD_cwd);
	struct audit_value value = item ? item->slots[ITEM_name] : (struct audit_value){ 0 };
	struct span name = { "", 0 };
	int32_t descriptor = AT_FDCWD;
	bool has_descriptor;
	uint64_t argument;

	has_descriptor = call_arg(&decoder->call, at, &argument);
	if (has_descriptor) {
		descriptor = (int32_t)(uint32_t)argument; /* the registers' upper half is not the program's */
		has_descriptor = descriptor != AT_FDCWD;
	}
	if (!audit_is_nothing(value))
		name = decoder_text(decoder, value);
	set_folder(decoder, event, field, item);
	if (name.size > 0 && name.data[0] == '/') {
		set_joined(decoder, values, field, (struct span){ NULL, 0 }, name);
		return;
	}
	if (name.size == 0) {
		/* A call on a descriptor: its path is not in the records. */
		if (has_descriptor)
			set_given(event, field, name, true, descriptor);
		else
			decoder->missing |= MISSING_PATH;
		return;
	}
	if (has_descriptor || (at >= 0 && decoder->call.is_uring)) {
		set_given(event, field, name, has_descriptor, descriptor);
		if (cwd.size > 0)
			set_joined(decoder, values, field, cwd, name);
		return;
	}
	if (cwd.size == 0) {
		decoder->missing |= MISSING_CWD;
		cwd = parent_folder(decoder, name);
	}
	if (cwd.size == 0) {
		set_given(event, field, name, false, 0);
		return;
	}
	set_joined(decoder, values, field, cwd, name);
	set_confidence(event, false);
}

bool device_parse(struct audit_value value, uint64_t *ret)
{
	const char *colon = value.data ? memchr(value.data, ':', value.size) : NULL;
	uint64_t major_number, minor_number;

	if (!colon)
		return false;
	if (!audit_hex((struct audit_value){ value.data, (uint32_t)(colon - value.data), false },
		       &major_number) ||
	    !audit_hex(
		    (struct audit_value){ colon + 1, (uint32_t)(value.data + value.size - colon - 1), false },
		    &minor_number))
		return false;
	if (major_number > UINT32_MAX || minor_number > UINT32_MAX)
		return false;
	*ret = makedev((unsigned)major_number, (unsigned)minor_number);
	return true;
}

void file_set(struct event *event, const struct item *item)
{
	struct values *values = &event->values;
	uint32_t mode;
	const char *type;

	if (!item)
		return;
	if (item->slots[ITEM_inode].data && audit_u64(item->slots[ITEM_inode], &event->inode))
		values_set_known(values, FIELD_inode);
	if (device_parse(item->slots[ITEM_dev], &event->device))
		values_set_known(values, FIELD_device);
	if (mode_parse(item->slots[ITEM_mode], &mode)) {
		event->mode = mode & 07777;
		values_set_known(values, FIELD_mode);
		type = mode_type(mode);
		if (type)
			text_set(values, FIELD_file_type, type);
	}
	if (item->slots[ITEM_ouid].data && audit_u32(item->slots[ITEM_ouid], &event->file_uid))
		values_set_known(values, FIELD_file_uid);
	if (item->slots[ITEM_ogid].data && audit_u32(item->slots[ITEM_ogid], &event->file_gid))
		values_set_known(values, FIELD_file_gid);
}
