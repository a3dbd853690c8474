/* Draft -> events: what the records of a draft are to each other, and what all its events share.
 *
 * A system call makes the event of its kind (audit_syscall.def); records that are events of their own
 * (PART_SELF) make theirs beside it. A draft without its SYSCALL record is forwarded as far as it goes,
 * marked partial. */

#include "decode/decoder.h"

#include "decode/audit_value.h"
#include "event/record.h"

static const struct audit_key call_keys[] = {
	AUDIT_KEY(CALL_arch, "arch"),
	AUDIT_KEY(CALL_syscall, "syscall"),
	AUDIT_KEY(CALL_success, "success"),
	AUDIT_KEY(CALL_exit, "exit"),
	AUDIT_KEY(CALL_a0, "a0"),
	AUDIT_KEY(CALL_a1, "a1"),
	AUDIT_KEY(CALL_a2, "a2"),
	AUDIT_KEY(CALL_a3, "a3"),
	AUDIT_KEY(CALL_items, "items"),
	AUDIT_KEY(CALL_ppid, "ppid"),
	AUDIT_KEY(CALL_pid, "pid"),
	AUDIT_KEY(CALL_auid, "auid"),
	AUDIT_KEY(CALL_uid, "uid"),
	AUDIT_KEY(CALL_gid, "gid"),
	AUDIT_KEY(CALL_euid, "euid"),
	AUDIT_KEY(CALL_suid, "suid"),
	AUDIT_KEY(CALL_fsuid, "fsuid"),
	AUDIT_KEY(CALL_egid, "egid"),
	AUDIT_KEY(CALL_sgid, "sgid"),
	AUDIT_KEY(CALL_fsgid, "fsgid"),
	AUDIT_KEY(CALL_tty, "tty"),
	AUDIT_KEY(CALL_ses, "ses"),
	AUDIT_KEY(CALL_comm, "comm"),
	AUDIT_KEY(CALL_exe, "exe"),
	AUDIT_KEY(CALL_subj, "subj"),
	AUDIT_KEY(CALL_key, "key"),
	AUDIT_KEY(CALL_uring_op, "uring_op"),
};
static const struct audit_layout call_layout = {
	call_keys,
	ARRAY_SIZE(call_keys),
	N_CALL_SLOTS,
	N_CALL_SLOTS,
};

#define DECLARE(name) [ACT_##name] = act_##name
static int (*const acts[N_ACTS])(struct decoder *) = {
	DECLARE(exec),	     DECLARE(fork),    DECLARE(exit),	DECLARE(open),	 DECLARE(truncate),
	DECLARE(rename),     DECLARE(delete),  DECLARE(create), DECLARE(link),	 DECLARE(symlink),
	DECLARE(chmod),	     DECLARE(chown),   DECLARE(xattr),	DECLARE(mount),	 DECLARE(unmount),
	DECLARE(connect),    DECLARE(accept),  DECLARE(bind),	DECLARE(listen), DECLARE(send),
	DECLARE(socketcall), DECLARE(setuid),  DECLARE(setgid), DECLARE(capset), DECLARE(setns),
	DECLARE(unshare),    DECLARE(ptrace),  DECLARE(signal), DECLARE(driver), DECLARE(bpf),
	DECLARE(time),	     DECLARE(protect), DECLARE(map),	DECLARE(memfd),
};
#undef DECLARE

struct span record_text(const struct draft_record *record)
{
	struct span text, names;

	audit_split((struct span){ record->data, record->size }, &text, &names);
	return text;
}

enum audit_part audit_part_of(const struct draft_record *record)
{
	const struct audit_type *type = audit_type_by_number(record->type);
	struct span body = { record->data, record->size };

	if (!type)
		return PART_SELF;
	if (unlikely(record->type == 1420 || record->type == 1421)) {
		/* Before Linux 6.12, Ubuntu's: see audit_type.def. */
		if (span_starts(body, SPAN("subj_")))
			return PART_TASK_CONTEXTS;
		if (span_starts(body, SPAN("obj_")))
			return PART_OTHER;
	}
	return type->part;
}

const struct draft_record *decoder_next(const struct decoder *decoder, enum audit_part part, uint32_t *i)
{
	const struct draft *draft = decoder->draft;

	while (*i < draft->n_records) {
		const struct draft_record *record = &draft->records[(*i)++];

		if (audit_part_of(record) == part)
			return record;
	}
	return NULL;
}

struct event *decoder_event(struct decoder *decoder, uint16_t kind, const char *code)
{
	struct event *event = event_new(kind, decoder->draft->time_ns);

	if (event && code)
		text_set(&event->values, FIELD_code, code);
	return event;
}

static bool is_own_key(const struct decoder *decoder, struct span key)
{
	return decoder->own_key && span_eq(key, span_of(decoder->own_key));
}

/* key="a", or in hex several with 0x01 between (kernel: AUDIT_KEY_SEPARATOR). */
static void set_keys(struct decoder *decoder, struct event *event)
{
	struct audit_value value = decoder->call.slots[CALL_key];
	struct span rest;

	if (audit_is_nothing(value))
		return;
	/* A stray quote at the end of a hex key: seen in Ubuntu 17 logs. */
	if (!value.quoted && value.size > 0 && value.data[value.size - 1] == '"')
		value.size--;
	rest = decoder_text(decoder, value);
	while (rest.size > 0) {
		const char *end = memchr(rest.data, 1, rest.size);
		struct span key = { rest.data, end ? (size_t)(end - rest.data) : rest.size };

		if (key.size > 0 && !is_own_key(decoder, key))
			values_append_list(&event->values, FIELD_auditd_key, key);
		if (!end)
			break;
		rest.size -= key.size + 1;
		rest.data = end + 1;
	}
}

static bool has_foreign_key(struct decoder *decoder)
{
	struct audit_value value = decoder->call.slots[CALL_key];

	return !audit_is_nothing(value) && !is_own_key(decoder, decoder_text(decoder, value));
}

/* Our key behind another, one separator or two between: a rule that we loaded for a user (source/user_rules.c).  The kernel writes
 * several in hex. */
static bool is_asked(struct decoder *decoder)
{
	struct audit_value value = decoder->call.slots[CALL_key];
	struct span keys, own = span_of(decoder->own_key);

	if (!decoder->own_key || audit_is_nothing(value) || value.quoted)
		return false;
	keys = decoder_text(decoder, value);
	return keys.size > own.size && span_ends(keys, own) && keys.data[keys.size - own.size - 1] == 1;
}

struct event *call_event(struct decoder *decoder, uint16_t kind)
{
	struct call *call = &decoder->call;
	struct event *event = decoder_event(decoder, kind, call->is_uring ? "URINGOP" : "SYSCALL");
	char number[24];

	if (!event)
		return NULL;
	if (call->failed) {
		text_set(&event->values, FIELD_outcome, "failure");
		if (call->has_exit)
			text_set(&event->values, FIELD_error_code, error_name(call->exit, number));
	} else if (call->slots[CALL_success].data) {
		text_set(&event->values, FIELD_outcome, "success");
	}
	return event;
}

static void set_missing(struct decoder *decoder, struct event *event)
{
	static const struct span names[] = {
		{ "syscall", 7 }, { "path", 4 },     { "cwd", 3 },     { "execve", 6 },
		{ "args", 4 },	  { "sockaddr", 8 }, { "records", 7 }, { "process.target.pid", 18 },
	};

	text_set(&event->values, FIELD_completeness, "partial");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (decoder->missing >> i & 1)
			values_append_list(&event->values, FIELD_missing, names[i]);
	decoder->stats.partial++;
}

int decoder_emit(struct decoder *decoder, struct event *event)
{
	const struct draft *draft = decoder->draft;
	struct values *values = &event->values;

	if (decoder->asked && decoder->options.shown && decoder->options.shown[event->kind] && event->kind != KIND_ID(file, read)) {
		decoder->instead = true;
		event_free(event);
		return 0;
	}
	event->asked = decoder->asked;
	if (!values_has(values, FIELD_source))
		values_set_text(values, FIELD_source, SPAN("audit"));
	if (decoder->call.known && !values_has(values, FIELD_auditd_key))
		set_keys(decoder, event);
	if (draft->node.size > 0)
		values_set_text(values, FIELD_node, draft->node);
	if (decoder->missing)
		set_missing(decoder, event);
	/* The number among the events takes 8 bits; there are never that many (MAX_SELF). Our own records
	 * have no serial; the pid tells those of one snapshot apart. */
	event->origin = draft->serial;
	if (draft->serial == 0 && draft->records[0].type >= RECORD_OWN_FIRST &&
	    values_has(&decoder->actor->values, FIELD_pid))
		event->origin = decoder->actor->pid;
	event->origin = event->origin << 8 | (decoder->n_events & 0xff);
	if (values->failed || decoder->actor->values.failed) {
		event_free(event);
		return -ENOMEM;
	}
	decoder->n_events++;
	decoder->stats.events++;
	return decoder->emit(decoder->user, event, decoder->actor);
}

static void read_call(struct decoder *decoder, const struct draft_record *record)
{
	struct call *call = &decoder->call;
	const struct audit_value *slots = call->slots;
	struct span text;
	uint64_t op;

	audit_split((struct span){ record->data, record->size }, &text, &call->names);
	audit_scan(text, &call_layout, call->slots);
	call->known = true;
	call->arch = NULL;
	call->name = NULL;
	call->info = NULL;
	call->items = 0;
	call->is_uring = audit_part_of(record) == PART_URINGOP;
	if (call->is_uring) {
		if (slots[CALL_uring_op].data && audit_u64(slots[CALL_uring_op], &op))
			call->name = uring_name(op, &call->info);
	} else {
		if (slots[CALL_arch].data)
			call->arch = arch_lookup(decoder->archs, audit_raw(slots[CALL_arch]));
		if (slots[CALL_syscall].data)
			call->name = arch_call(call->arch, audit_raw(slots[CALL_syscall]), &call->info);
	}
	call->failed = slots[CALL_success].size == 2; /* yes, no */
	call->has_exit = slots[CALL_exit].data && exit_parse(slots[CALL_exit], &call->exit);
	if (slots[CALL_items].data && !audit_u32(slots[CALL_items], &call->items))
		call->items = 0;
}

/* No more than this many records of a draft make events of their own: the number in event.origin has 8 bits.
 */
#define MAX_SELF   100
#define KEEP_BYTES (256u << 10)

static void gather(struct decoder *decoder)
{
	const struct draft *draft = decoder->draft;
	const struct draft_record *call = NULL;

	memset(decoder->parts, 0, sizeof(decoder->parts));
	memset(decoder->n_parts, 0, sizeof(decoder->n_parts));
	decoder->n_events = 0;
	decoder->n_items = 0;
	decoder->n_path_records = 0;
	decoder->missing = draft->n_dropped > 0 ? MISSING_RECORDS : 0;
	decoder->has_self = false;
	decoder->self_explains = false;
	decoder->actor_is_used = false;
	decoder->call.known = false;
	decoder->asked = false;
	for (uint32_t i = 0; i < draft->n_records; i++) {
		const struct draft_record *record = &draft->records[i];
		enum audit_part part = audit_part_of(record);

		if (decoder->n_parts[part]++ == 0)
			decoder->parts[part] = record;
		if (part == PART_PATH) {
			if (decoder_add_item(decoder, record) < 0)
				decoder->missing |= MISSING_RECORDS;
		} else if (part == PART_SELF) {
			const struct audit_type *type = audit_type_by_number(record->type);

			decoder->has_self = true;
			/* A denial comes with its call; a change of the configuration is the call. */
			if (!type || (type->kind != KIND_ID(security, mac_denied) &&
				      type->kind != KIND_ID(security, seccomp) &&
				      type->kind != KIND_ID(security, anomaly)))
				decoder->self_explains = true;
		}
	}
	call = decoder->parts[PART_SYSCALL] ? decoder->parts[PART_SYSCALL] : decoder->parts[PART_URINGOP];
	if (call) {
		read_call(decoder, call);
		decoder->asked = is_asked(decoder);
	}
}

static void append_items(struct decoder *decoder, struct buffer *buffer)
{
	for (unsigned i = 0; i < decoder->n_items; i++) {
		struct audit_value name = decoder->items[i].slots[ITEM_name];

		if (decoder->items[i].nametype == NAMETYPE_PARENT || audit_is_nothing(name))
			continue;
		buffer_append_text(buffer, " path=");
		buffer_append_span(buffer, decoder_text(decoder, name));
	}
}

/* A call that somebody's rule asked for and no kind stands for. */
static int emit_rule(struct decoder *decoder)
{
	struct call *call = &decoder->call;
	struct event *event = call_event(decoder, KIND_ID(security, audit_rule));
	struct buffer *text = &decoder->text;
	uint64_t argument;

	if (!event)
		return -ENOMEM;
	if (call->name)
		text_set(&event->values, FIELD_auditd_syscall, call->name);
	else if (call->slots[CALL_syscall].data)
		values_set_text(&event->values, FIELD_auditd_syscall, audit_raw(call->slots[CALL_syscall]));
	buffer_clear(text);
	for (int i = 0; i < 4; i++)
		if (call_arg(call, i, &argument)) {
			buffer_printf(text, "%sa%d=", text->size > 0 ? " " : "", i);
			buffer_append_hex(text, argument, 0);
		}
	if (call->has_exit)
		buffer_printf(text, " exit=%lld", (long long)call->exit);
	append_items(decoder, text);
	values_set_text(&event->values, FIELD_auditd_message, buffer_span(text));
	return decoder_emit(decoder, event);
}

/* What happened all the same when a call failed: an attempt to connect. */
static bool wanted_though_failed(const struct decoder *decoder)
{
	const struct call *call = &decoder->call;
	uint64_t number;

	if (decoder->options.failed_calls || call->info->act == ACT_connect)
		return true;
	return call->info->act == ACT_socketcall && call_arg(call, 0, &number) && number == 3;
}

/* A user's rule asks for calls that failed, too.  Nothing became of them: only who tried to open a file is an event of its kind. */
static bool is_mere_attempt(const struct decoder *decoder)
{
	const struct call *call = &decoder->call;

	return call->failed && decoder->asked && !decoder->options.failed_calls && call->info->act != ACT_open &&
	       !wanted_though_failed(decoder);
}

/* The next event starts from what the call says alone. */
static void actor_again(struct decoder *decoder)
{
	if (!decoder->actor_is_used)
		return;
	decoder->actor_is_used = false;
	context_reset(decoder->actor);
	if (decoder->call.known || decoder->parts[PART_CWD])
		actor_from_call(decoder);
}

static int decode_call(struct decoder *decoder)
{
	struct call *call = &decoder->call;
	int r = ACT_PASS;

	if (call->failed && !decoder->asked && (!call->info || !wanted_though_failed(decoder)) &&
	    !decoder->options.failed_calls) {
		decoder->stats.failed_calls += !decoder->has_self;
		return 0;
	}
	/* Nobody asked for this call: it came with a denial, without its paths, and the denial says more. */
	if (decoder->has_self && decoder->n_path_records == 0 && call->info && call->info->act >= ACT_open &&
	    call->info->act <= ACT_unmount && audit_is_nothing(call->slots[CALL_key]))
		return 0;
	if (call->items > decoder->n_path_records)
		decoder->missing |= MISSING_PATH;
	actor_again(decoder);
	decoder->instead = false;
	if (call->info && acts[call->info->act] && !is_mere_attempt(decoder))
		r = acts[call->info->act](decoder);
	if (r >= 0 && decoder->instead) {
		decoder->actor_is_used = true;
		actor_again(decoder);
		r = ACT_PASS;
	}
	if (r == ACT_PASS)
		r = has_foreign_key(decoder) ? emit_rule(decoder) : 0;
	return r;
}

/* PATH items of a call whose SYSCALL never came: what their types say happened, or was tried. */
static int emit_orphan_items(struct decoder *decoder)
{
	static const struct {
		enum nametype nametype;
		uint16_t kind;
	} kinds_of[] = {
		{ NAMETYPE_CREATE, KIND_ID(file, create) },
		{ NAMETYPE_DELETE, KIND_ID(file, delete) },
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(kinds_of); i++) {
		const struct item *item;

		for (unsigned n = 0; (item = item_of(decoder, kinds_of[i].nametype, n)); n++) {
			struct event *event = decoder_event(decoder, kinds_of[i].kind, "PATH");

			if (!event)
				return -ENOMEM;
			text_set(&event->values, FIELD_outcome, "unknown");
			path_set(decoder, event, FIELD_path, item, -1);
			file_set(event, item);
			r = decoder_emit(decoder, event);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Records of a call without SYSCALL: the beginning of a stream, a loss, an exclude rule. */
static int decode_orphans(struct decoder *decoder)
{
	const struct draft *draft = decoder->draft;
	struct event *event;
	char name[24];
	int r;

	if (decoder->parts[PART_BPF])
		return 0;
	decoder->missing |= MISSING_SYSCALL;
	if (decoder->parts[PART_EXECVE])
		return act_exec(decoder);
	r = emit_orphan_items(decoder);
	if (r < 0 || decoder->n_events > 0)
		return r;
	for (uint32_t i = 0; i < draft->n_records; i++) {
		const struct draft_record *record = &draft->records[i];

		if (audit_part_of(record) == PART_EOE)
			continue;
		event = decoder_event(decoder, KIND_ID(security, audit_rule),
				      audit_type_name(record->type, name));
		if (!event)
			return -ENOMEM;
		values_set_text(&event->values, FIELD_auditd_message, record_text(record));
		return decoder_emit(decoder, event); /* the first stands for all */
	}
	return 0;
}

static int decode_selves(struct decoder *decoder)
{
	uint32_t i = 0;
	unsigned n = 0;
	const struct draft_record *record;
	int r;

	while ((record = decoder_next(decoder, PART_SELF, &i))) {
		const struct audit_type *type = audit_type_by_number(record->type);

		if (++n > MAX_SELF) {
			decoder->stats.errors++;
			break;
		}
		if (!type)
			decoder->stats.unknown_types++;
		actor_again(decoder);
		r = decode_self(decoder, record, type);
		if (r < 0)
			return r;
		decoder->actor_is_used = true;
	}
	return 0;
}

static int decode_programs(struct decoder *decoder)
{
	const struct draft_record *record;
	uint32_t i = 0;
	unsigned n = 0;
	int r = 0;

	actor_again(decoder);
	while (r >= 0 && n++ < MAX_SELF && (record = decoder_next(decoder, PART_BPF, &i)))
		r = decode_bpf(decoder, record);
	return r;
}

/* One exec with megabytes of arguments must not hold its memory for ever. */
void decoder_trim(struct decoder *decoder)
{
	if (unlikely(decoder->actor->values.arena_capacity > KEEP_BYTES)) {
		struct context *actor = context_new();

		if (actor) {
			context_unref(decoder->actor);
			decoder->actor = actor;
		}
	}
	if (unlikely(decoder->args_capacity * sizeof(*decoder->args) > KEEP_BYTES)) {
		free(decoder->args);
		decoder->args = NULL;
		decoder->args_capacity = 0;
	}
	if (unlikely(decoder->name.capacity > KEEP_BYTES))
		buffer_release(&decoder->name);
	if (unlikely(decoder->text.capacity > KEEP_BYTES))
		buffer_release(&decoder->text);
}

int decode_draft(struct decoder *decoder, const struct draft *draft, decode_fn emit, void *user)
{
	bool is_own = draft->n_records > 0 && draft->records[0].type >= RECORD_OWN_FIRST;
	uint64_t failed = decoder->stats.failed_calls;
	int r = 0;

	decoder->draft = draft;
	decoder->emit = emit;
	decoder->user = user;
	decoder->stats.drafts++;
	decoder_trim(decoder);
	context_reset(decoder->actor);
	if (is_own) {
		decoder->n_events = 0;
		decoder->missing = 0;
		decoder->call.known = false;
		decoder->asked = false;
		for (uint32_t i = 0; i < draft->n_records && r >= 0; i++)
			r = decode_own(decoder, &draft->records[i]);
	} else {
		gather(decoder);
		if (!decoder->call.known)
			memset(&decoder->call, 0, sizeof(decoder->call));
	}
	if (!is_own && decoder->n_parts[PART_EOE] < draft->n_records) {
		if (decoder->call.known || decoder->parts[PART_CWD])
			actor_from_call(decoder);
		if (decoder->has_self)
			r = decode_selves(decoder);
		if (r >= 0 && decoder->parts[PART_BPF])
			r = decode_programs(decoder);
		if (r >= 0 && decoder->call.known) {
			if (!decoder->self_explains || has_foreign_key(decoder))
				r = decode_call(decoder);
		} else if (r >= 0 && !decoder->has_self) {
			r = decode_orphans(decoder);
		}
	}
	if (r >= 0 && decoder->n_events == 0 && decoder->stats.failed_calls == failed)
		decoder->stats.no_event++;
	decoder->draft = NULL;
	return r < 0 ? r : 0;
}

int decoder_new(struct decoder **ret, const struct decoder_options *options)
{
	_cleanup_(decoder_freep) struct decoder *decoder = calloc(1, sizeof(*decoder));
	int r;

	if (!decoder)
		return -ENOMEM;
	if (options)
		decoder->options = *options;
	if (decoder->options.own_key) {
		decoder->own_key = strdup(decoder->options.own_key);
		if (!decoder->own_key)
			return -ENOMEM;
		decoder->options.own_key = decoder->own_key;
	}
	decoder->actor = context_new();
	if (!decoder->actor)
		return -ENOMEM;
	r = decoder_make_keys(decoder);
	if (r < 0)
		return r;
	arch_fill(decoder->archs);
	*ret = TAKE(decoder);
	return 0;
}

void decoder_set_shown(struct decoder *decoder, const bool *shown)
{
	decoder->options.shown = shown;
}

struct decoder *decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return NULL;
	context_unref(decoder->actor);
	buffer_release(&decoder->name);
	buffer_release(&decoder->text);
	free(decoder->own_key);
	free(decoder->args);
	free(decoder);
	return NULL;
}

const struct decoder_stats *decoder_stats(const struct decoder *decoder)
{
	return &decoder->stats;
}
