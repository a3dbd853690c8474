#pragma once
/* The inside of decode: one draft being turned into events.
 *
 * decode_draft() sorts the records of a draft by what they are, reads SYSCALL and PATH by place, fills the
 * actor, and calls the function of the system call (act_*.c) or of the record that is an event of its own
 * (audit_self.c).  All memory is the decoder's and used again; an event costs one event_new(). */

#include <errno.h>

#include "base/buffer.h"
#include "decode/audit.h"
#include "decode/audit_arch.h"
#include "decode/audit_text.h"
#include "decode/audit_type.h"

/* Values of SYSCALL and URINGOP. */
enum call_slot {
	CALL_arch, CALL_syscall, CALL_success, CALL_exit, CALL_a0, CALL_a1, CALL_a2, CALL_a3, CALL_items,
	CALL_ppid, CALL_pid, CALL_auid, CALL_uid, CALL_gid, CALL_euid, CALL_suid, CALL_fsuid, CALL_egid,
	CALL_sgid, CALL_fsgid, CALL_tty, CALL_ses, CALL_comm, CALL_exe, CALL_subj, CALL_key, CALL_uring_op,
	N_CALL_SLOTS,
};

struct call {
	bool known;			/* there was a SYSCALL or URINGOP record */
	bool is_uring;
	bool failed;
	bool has_exit;
	int64_t exit;
	uint32_t items;
	const struct arch *arch;
	const char *name;		/* NULL: unknown */
	const struct call_info *info;	/* NULL: no event of its own kind */
	struct span names;		/* the ENRICHED tail */
	struct audit_value slots[N_CALL_SLOTS];
};

enum nametype {
	NAMETYPE_NONE,			/* old kernels do not say */
	NAMETYPE_UNKNOWN,
	NAMETYPE_NORMAL,
	NAMETYPE_PARENT,
	NAMETYPE_DELETE,
	NAMETYPE_CREATE,
};

enum item_slot {
	ITEM_item, ITEM_name, ITEM_inode, ITEM_dev, ITEM_mode, ITEM_ouid, ITEM_ogid, ITEM_rdev, ITEM_obj,
	ITEM_flags, ITEM_objtype, ITEM_nametype,
	N_ITEM_SLOTS,
};

/* A PATH record. */
struct item {
	uint32_t number;
	enum nametype nametype;
	struct audit_value slots[N_ITEM_SLOTS];
};

#define MAX_ITEMS 64

struct exec_arg {
	uint32_t arg, part;
	struct audit_value value;
};

/* Parts the kernel sends, as bits; names in audit_event.c. */
enum missing {
	MISSING_SYSCALL = 1 << 0,
	MISSING_PATH = 1 << 1,
	MISSING_CWD = 1 << 2,
	MISSING_EXECVE = 1 << 3,
	MISSING_ARGS = 1 << 4,
	MISSING_SOCKADDR = 1 << 5,
	MISSING_RECORDS = 1 << 6,	/* there were more than are kept */
	MISSING_TARGET = 1 << 7,
};

struct decoder {
	struct decoder_options options;
	char *own_key;
	struct decoder_stats stats;
	struct context *actor;
	struct arch archs[N_ARCHS];
	uint8_t keys[512];		/* place in the table of audit_self.c + 1, by hash of the key */
	struct buffer name;		/* of decoder_text */
	struct buffer text;		/* a joined path, flags in words */
	struct exec_arg *args;
	size_t args_capacity;

	struct moment {			/* of the last probe record */
		uint64_t time_ns, n_events;
		uint16_t cpu;
	} moment;

	struct module_load {		/* the last driver that the kernel said was loaded, by whom */
		uint32_t tid;
		size_t size;
		char name[64];
	} module_load;

	/* Of the draft in hand */
	const struct draft *draft;
	decode_fn emit;
	void *user;
	unsigned n_events;
	uint32_t missing;		/* enum missing */
	struct call call;
	const struct draft_record *parts[N_PARTS];	/* the first of each */
	uint32_t n_parts[N_PARTS];
	struct item items[MAX_ITEMS];
	unsigned n_items;		/* kept */
	unsigned n_path_records;	/* came */
	bool has_self;			/* a record says what the call meant */
	bool self_explains;		/* ... so that the call makes no event */
	bool asked;			/* a rule that we loaded for a user asked for the call */
	bool instead;			/* ... whose own event is another source's to make */
	bool actor_is_used;		/* such a record has added to the actor what is its own */
};

/* audit_event.c */

/* An event of this draft; NULL: no memory. */
struct event *decoder_event(struct decoder *decoder, uint16_t kind, const char *code);
/* An event of the draft's system call, with code, outcome, keys. */
struct event *call_event(struct decoder *decoder, uint16_t kind);
/* Takes the event, adds what all events of the draft share, hands it on.  0 or < 0. */
int decoder_emit(struct decoder *decoder, struct event *event);
/* The i-th record of a part, counted from `*i`; NULL: no more.  *i goes behind it. */
const struct draft_record *decoder_next(const struct decoder *decoder, enum audit_part part, uint32_t *i);
enum audit_part audit_part_of(const struct draft_record *record);
/* The record's text without the ENRICHED tail. */
struct span record_text(const struct draft_record *record);

/* Lets go of what one huge event made its memory grow to. */
void decoder_trim(struct decoder *decoder);

/* A value's text; of a hex one decoded, valid until the next call. */
struct span decoder_text(struct decoder *decoder, struct audit_value value);
/* Sets a text field from a value; nothing happens if the value says nothing (audit_is_nothing). */
void value_set(struct values *values, enum field field, struct audit_value value);
void value_set_u32(struct values *values, enum field field, struct audit_value value);
static inline void text_set(struct values *values, enum field field, const char *text)
{
	values_set_text(values, field, span_of(text));
}

/* As wait(2) encodes it: the signal, or the code one byte up. */
static inline void exit_status_set(struct values *values, uint32_t status)
{
	if (status & 0x7f)
		values_set_number(values, FIELD_exit_signal, status & 0x7f);
	else
		values_set_number(values, FIELD_exit_code, status >> 8 & 0xff);
}

/* audit_actor.c */
void actor_from_call(struct decoder *decoder);
/* user_name and the like from an ENRICHED tail, where not known yet. */
void actor_names(struct context *actor, struct span names);
void actor_user(struct context *actor, enum field id, enum field name, struct audit_value value);
/* exe=: without ` (deleted)`.  *ret_deleted, *ret_memfd may be NULL. */
void actor_executable(struct context *actor, struct audit_value value, bool *ret_deleted, bool *ret_memfd);
/* The script that the arguments name, where nothing better is known of it: inferred. */
void actor_script(struct decoder *decoder);

/* audit_path.c */
int decoder_add_item(struct decoder *decoder, const struct draft_record *record);
/* The n-th (from 0) item of the type; NULL. */
const struct item *item_of(const struct decoder *decoder, enum nametype nametype, unsigned n);
/* The item that a call without create or delete is about: not a parent, with an inode if there is such. */
const struct item *item_object(const struct decoder *decoder);
/* file.path or file.target_path with what comes with them; `at`: argument of the folder descriptor, or -1. */
void path_set(struct decoder *decoder, struct event *event, enum field field, const struct item *item,
	      int at);
/* inode, device, mode, owner, type. */
void file_set(struct event *event, const struct item *item);
/* Absolute and without `.` and `..` into a PATH field; false: not possible, nothing set. */
bool path_set_joined(struct decoder *decoder, struct values *values, enum field field, struct span name);
bool device_parse(struct audit_value value, uint64_t *ret);
/* file.path is what this descriptor is of: whoever can look knows. */
void path_set_descriptor(struct event *event, int32_t descriptor);

/* act_*.c, audit_exec.c: 0, < 0, or ACT_PASS: this call is not what its name makes one think. */
#define ACT_PASS 1
#define ACT(name) int act_##name(struct decoder *decoder)
ACT(exec);
ACT(fork);
ACT(exit);
ACT(open);
ACT(truncate);
ACT(rename);
ACT(delete);
ACT(create);
ACT(link);
ACT(symlink);
ACT(chmod);
ACT(chown);
ACT(xattr);
ACT(mount);
ACT(unmount);
ACT(connect);
ACT(accept);
ACT(bind);
ACT(listen);
ACT(send);
ACT(socketcall);
ACT(setuid);
ACT(setgid);
ACT(capset);
ACT(setns);
ACT(unshare);
ACT(ptrace);
ACT(signal);
ACT(driver);
ACT(bpf);
ACT(time);
ACT(protect);
ACT(map);
ACT(memfd);
#undef ACT

/* BPF records also come without a call (a program unloaded later). */
int decode_bpf(struct decoder *decoder, const struct draft_record *record);

static inline bool call_arg(const struct call *call, int n, uint64_t *ret)
{
	return n >= 0 && n < 4 && call->slots[CALL_a0 + n].data && audit_hex(call->slots[CALL_a0 + n], ret);
}

/* audit_self.c */
int decoder_make_keys(struct decoder *decoder);
int decode_self(struct decoder *decoder, const struct draft_record *record, const struct audit_type *type);

/* own_event.c */
int decode_own(struct decoder *decoder, const struct draft_record *record);
