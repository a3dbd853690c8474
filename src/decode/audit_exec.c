/* execve: the arguments, and what was really run.
 *
 * EXECVE records (kernel/auditsc.c, audit_log_execve_info): `argc=2 a0="echo" a1="x"`. What does not fit a
 * record of about 7.5 KiB goes on in the next one; an argument that does not comes in parts, `a1_len=16384
 * a1[0]=61... `, then `a1[1]=`, each part quoted or hex on its own. Records may come in any order, so all
 * parts are collected first. */

#include "decode/decoder.h"

#include "decode/audit_value.h"

#define ARGS_MAX_BYTES (4u << 20) /* kept of the arguments of one exec */
#define ARGS_MAX_PARTS (512u << 10)
#define PROCTITLE_MAX  128 /* kernel: MAX_PROCTITLE_AUDIT_LEN */

struct args {
	size_t n;
	bool sorted;
	bool has_count;
	uint32_t count;
	uint64_t bytes;
	bool cut;
};

static bool grow(struct decoder *decoder)
{
	size_t capacity = decoder->args_capacity ? decoder->args_capacity * 2 : 64;
	struct exec_arg *args = realloc(decoder->args, capacity * sizeof(*args));

	if (!args)
		return false;
	decoder->args = args;
	decoder->args_capacity = capacity;
	return true;
}

static int add_arg(struct decoder *decoder, struct args *args, uint32_t arg, uint32_t part,
		   struct audit_value value)
{
	if (args->n == ARGS_MAX_PARTS) {
		args->cut = true;
		return 0;
	}
	if (args->n == decoder->args_capacity && !grow(decoder))
		return -ENOMEM;
	if (args->n > 0) {
		const struct exec_arg *last = &decoder->args[args->n - 1];

		if (last->arg > arg || (last->arg == arg && last->part >= part))
			args->sorted = false;
	}
	decoder->args[args->n++] = (struct exec_arg){ arg, part, value };
	return 0;
}

/* Digits at *p; false: none. */
static bool take_number(const char **p, const char *end, uint32_t *ret)
{
	const char *start = *p;
	uint32_t number = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		if (*p - start >= 9)
			return false;
		number = number * 10 + (uint32_t)(**p - '0');
	}
	*ret = number;
	return *p > start;
}

/* One EXECVE record.  Keys are read by hand: there may be a hundred thousand. */
static int read_record(struct decoder *decoder, struct args *args, struct span text)
{
	const char *p = text.data, *end = p + text.size;

	while (p < end) {
		uint32_t arg, part = 0;
		bool is_length = false;
		struct audit_value value;
		const char *q;
		int r;

		if (*p == ' ') {
			p++;
			continue;
		}
		if (*p != 'a')
			goto skip;
		q = p + 1;
		if (!take_number(&q, end, &arg)) {
			if (end - p > 5 && memcmp(p, "argc=", 5) == 0) {
				q = p + 5;
				args->has_count = take_number(&q, end, &args->count);
			}
			goto skip;
		}
		if (q < end && *q == '[') {
			q++;
			if (!take_number(&q, end, &part) || q == end || *q != ']')
				goto skip;
			q++;
		} else if (end - q > 4 && memcmp(q, "_len", 4) == 0) {
			q += 4;
			is_length = true;
		}
		if (q == end || *q != '=')
			goto skip;
		q++;
		if (q < end && *q == '"') {
			const char *close = memchr(q + 1, '"', (size_t)(end - q - 1));

			if (!close)
				goto skip;
			value = (struct audit_value){ q + 1, (uint32_t)(close - q - 1), true };
			p = close + 1;
		} else {
			const char *blank = memchr(q, ' ', (size_t)(end - q));

			p = blank ? blank : end;
			value = (struct audit_value){ q, (uint32_t)(p - q), false };
		}
		if (is_length)
			continue;
		r = add_arg(decoder, args, arg, part, value);
		if (r < 0)
			return r;
		continue;
skip:
		while (p < end && *p != ' ')
			p++;
	}
	return 0;
}

static int compare_args(const void *a, const void *b)
{
	const struct exec_arg *x = a, *y = b;

	if (x->arg != y->arg)
		return x->arg < y->arg ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

/* Sorts, drops what came twice, and cuts what is more than is kept. */
static void order(struct decoder *decoder, struct args *args)
{
	size_t n = 0;

	if (!args->sorted) {
		qsort(decoder->args, args->n, sizeof(*decoder->args), compare_args);
		for (size_t i = 0; i < args->n; i++)
			if (n == 0 || compare_args(&decoder->args[n - 1], &decoder->args[i]) != 0)
				decoder->args[n++] = decoder->args[i];
		args->n = n;
	}
	for (size_t i = 0; i < args->n; i++) {
		struct audit_value value = decoder->args[i].value;
		size_t size = audit_text_size(value, audit_is_hex(value)) + 1;

		if (args->bytes + size > ARGS_MAX_BYTES) {
			args->cut = true;
			args->n = i;
			break;
		}
		args->bytes += size;
	}
}

/* Parts of one argument follow each other without a NUL; of one of them missing, the text closes up. */
static bool set_args(struct decoder *decoder, const struct args *args, bool *ret_complete)
{
	struct context *actor = decoder->actor;
	char *start = values_new_text(&actor->values, FIELD_args, args->bytes), *p = start;
	uint32_t expected = 0;

	*ret_complete = true;
	if (!start)
		return false;
	for (size_t i = 0; i < args->n; i++) {
		const struct exec_arg *arg = &decoder->args[i];
		bool hex = audit_is_hex(arg->value);
		size_t size = audit_text_size(arg->value, hex);
		bool goes_on = i + 1 < args->n && decoder->args[i + 1].arg == arg->arg;

		if (arg->part == 0 ? arg->arg != expected
				   : i == 0 || decoder->args[i - 1].arg != arg->arg ||
					     decoder->args[i - 1].part + 1 != arg->part)
			*ret_complete = false;
		if (hex)
			audit_unhex(p, arg->value);
		else if (size > 0)
			memcpy(p, arg->value.data, size);
		p += size;
		if (!goes_on) {
			*p++ = 0;
			expected = arg->arg + 1;
		}
	}
	actor->args.size = (uint32_t)(p - start);
	actor->values.arena_size = actor->args.offset + actor->args.size;
	if (args->has_count && expected != args->count)
		*ret_complete = false;
	values_set_number(&actor->values, FIELD_args_count, args->has_count ? args->count : expected);
	return true;
}

/* PROCTITLE has the first 128 bytes of the arguments, NUL between them. */
static void args_from_title(struct decoder *decoder)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "proctitle") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	struct context *actor = decoder->actor;
	struct audit_value title;
	size_t size;

	if (!decoder->parts[PART_PROCTITLE])
		return;
	audit_scan(record_text(decoder->parts[PART_PROCTITLE]), &layout, &title);
	value_set(&actor->values, FIELD_args, title);
	if (!values_has(&actor->values, FIELD_args))
		return;
	size = actor->args.size;
	if (size == 0 || values_text(&actor->values, FIELD_args).data[size - 1] != 0) {
		struct text old = actor->args;
		char *room = values_new_text(&actor->values, FIELD_args, size + 1);

		if (!room)
			return;
		memcpy(room, actor->values.arena + old.offset, size); /* the arena may have moved */
		room[size] = 0;
	}
	values_set_inferred(&actor->values, FIELD_args);
	if (size >= PROCTITLE_MAX)
		decoder->missing |= MISSING_ARGS;
	context_set_command_line(actor);
}

static int set_arguments(struct decoder *decoder, bool *ret_cut)
{
	struct args args = { .sorted = true };
	const struct draft_record *record;
	bool complete;
	uint32_t i = 0;
	int r;

	*ret_cut = false;
	if (!decoder->parts[PART_EXECVE]) {
		if (!decoder->call.failed)
			decoder->missing |= MISSING_EXECVE;
		args_from_title(decoder);
		return 0;
	}
	if (decoder->n_parts[PART_EXECVE] == 1) {
		record = decoder->parts[PART_EXECVE];
		i = decoder->draft->n_records;
		r = read_record(decoder, &args, (struct span){ record->data, record->size });
		if (r < 0)
			return r;
	}
	while ((record = decoder_next(decoder, PART_EXECVE, &i))) {
		r = read_record(decoder, &args, (struct span){ record->data, record->size });
		if (r < 0)
			return r;
	}
	order(decoder, &args);
	*ret_cut = args.cut;
	if (!set_args(decoder, &args, &complete))
		return -ENOMEM;
	if (!complete && !args.cut)
		decoder->missing |= MISSING_ARGS;
	context_set_command_line(decoder->actor);
	return 0;
}

static bool same_file(const struct item *a, const struct item *b)
{
	return span_eq(audit_raw(a->slots[ITEM_inode]), audit_raw(b->slots[ITEM_inode])) &&
	       span_eq(audit_raw(a->slots[ITEM_dev]), audit_raw(b->slots[ITEM_dev]));
}

/* Of a script the kernel puts the interpreter and its option before the arguments (fs/binfmt_script.c): the
 * first argument is the name by which it opened the interpreter, one of the next two the name of the script.
 * Returns the item of the program that runs, *ret_script that of the script. */
static const struct item *find_program(struct decoder *decoder, const struct item **ret_script)
{
	const struct item *first = item_object(decoder), *program = NULL;
	struct span args = values_text(&decoder->actor->values, FIELD_args), arg, name;
	bool names_script = false;

	*ret_script = NULL;
	for (unsigned i = 0; i < decoder->n_items; i++)
		if (decoder->items[i].nametype != NAMETYPE_PARENT) {
			first = &decoder->items[i];
			break;
		}
	if (!first || !list_next(&args, &arg))
		return first;
	for (unsigned i = 1; i < decoder->n_items && !program; i++) {
		const struct item *item = &decoder->items[i];

		if (same_file(item, first) || audit_is_nothing(item->slots[ITEM_name]))
			continue;
		if (span_eq(decoder_text(decoder, item->slots[ITEM_name]), arg))
			program = item;
	}
	if (!program || audit_is_nothing(first->slots[ITEM_name]))
		return first;
	name = decoder_text(decoder, first->slots[ITEM_name]);
	for (unsigned i = 0; i < 2 && list_next(&args, &arg); i++)
		if (span_eq(arg, name) || span_starts(arg, SPAN("/dev/fd/")))
			names_script = true;
	if (!names_script)
		return first;
	*ret_script = first;
	return program;
}

static void set_program(struct decoder *decoder, struct event *event, const struct item *item)
{
	struct values *values = &event->values;
	uint32_t mode;

	if (!item)
		return;
	if (item->slots[ITEM_inode].data && audit_u64(item->slots[ITEM_inode], &event->exe_inode))
		values_set_known(values, FIELD_exe_inode);
	if (device_parse(item->slots[ITEM_dev], &event->exe_device))
		values_set_known(values, FIELD_exe_device);
	if (mode_parse(item->slots[ITEM_mode], &mode)) {
		event->exe_mode = mode & 07777;
		values_set_known(values, FIELD_exe_mode);
		/* The set-group-id bit without the group's x bit once meant locking. */
		event->exe_is_setuid = (mode & 04000) || (mode & 02010) == 02010;
		values_set_known(values, FIELD_exe_is_setuid);
	}
	if (item->slots[ITEM_ouid].data && audit_u32(item->slots[ITEM_ouid], &event->exe_uid))
		values_set_known(values, FIELD_exe_uid);
	if (item->slots[ITEM_ogid].data && audit_u32(item->slots[ITEM_ogid], &event->exe_gid))
		values_set_known(values, FIELD_exe_gid);
}

/* What the kernel opened, by which whoever looks for it knows it again. */
static void set_script(struct event *event, const struct item *item)
{
	struct file_id *found = &event->found;

	found->known = item->slots[ITEM_inode].data && audit_u64(item->slots[ITEM_inode], &found->inode) &&
		       device_parse(item->slots[ITEM_dev], &found->device);
}

static void set_capabilities(struct decoder *decoder, struct event *event)
{
	enum { PP, PI, PE, PA, N };
	static const struct audit_key keys[] = {
		AUDIT_KEY(PP, "pp"),	 AUDIT_KEY(PI, "pi"),	  AUDIT_KEY(PE, "pe"),
		AUDIT_KEY(PA, "pa"),	 AUDIT_KEY(PP, "new_pp"), AUDIT_KEY(PI, "new_pi"),
		AUDIT_KEY(PE, "new_pe"), /* before Linux 4.15 */
	};
	static const struct audit_layout layout = { keys, ARRAY_SIZE(keys), N, PA };
	static const enum field fields_of[N] = {
		[PP] = FIELD_cap_permitted,
		[PI] = FIELD_cap_inheritable,
		[PE] = FIELD_cap_effective,
		[PA] = FIELD_cap_ambient,
	};
	struct audit_value slots[N];

	if (!decoder->parts[PART_BPRM_FCAPS])
		return;
	audit_scan(record_text(decoder->parts[PART_BPRM_FCAPS]), &layout, slots);
	for (unsigned i = 0; i < N; i++)
		if (slots[i].size > 0)
			values_set_text(&event->values, fields_of[i], audit_raw(slots[i]));
}

/* Memory that was never a file of anybody's is run. */
static int emit_memfd(struct decoder *decoder)
{
	struct event *event = call_event(decoder, KIND_ID(security, memory_exec));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_auditd_syscall, decoder->call.name ? decoder->call.name : "execve");
	values_set_text(&event->values, FIELD_security_object,
			values_text(&decoder->actor->values, FIELD_executable));
	return decoder_emit(decoder, event);
}

int act_exec(struct decoder *decoder)
{
	struct context *actor = decoder->actor;
	const struct item *program, *script;
	bool deleted = false, memfd = false, cut;
	struct event *event;
	int r;

	r = set_arguments(decoder, &cut);
	if (r < 0)
		return r;
	program = find_program(decoder, &script);
	if (script)
		path_set_joined(decoder, &actor->values, FIELD_interpreter,
				decoder_text(decoder, script->slots[ITEM_name]));
	event = decoder->call.known ? call_event(decoder, KIND_ID(process, exec))
				    : decoder_event(decoder, KIND_ID(process, exec), "EXECVE");
	if (!event)
		return -ENOMEM;
	if (!decoder->call.failed) {
		set_program(decoder, event, program);
		if (script)
			set_script(event, script);
		set_capabilities(decoder, event);
		if (decoder->call.known && decoder->call.slots[CALL_exe].data) {
			actor_executable(actor, decoder->call.slots[CALL_exe], &deleted, &memfd);
			if (!script)
				actor_script(decoder);
			values_set_number(&event->values, FIELD_exe_is_memfd, memfd);
			values_set_number(&event->values, FIELD_exe_is_deleted, deleted);
		}
	}
	if (cut)
		values_append_list(&event->values, FIELD_truncated, SPAN("args"));
	r = decoder_emit(decoder, event);
	if (r < 0 || !memfd)
		return r;
	return emit_memfd(decoder);
}
