/* Records of the programs in the kernel (bpf/probe.h) -> events.  One record is one event, seldom more (each DNS message of a
 * write is one); nothing has to be assembled.  The bytes were checked as a whole (event/probe_check.h); numbers in them may be
 * anything. */

#include "decode/probe.h"

struct probe_call_info {
	const char *name;
	uint8_t act;
	uint16_t kind;
};

static const struct probe_call_info calls[N_PROBE_CALLS] = {
#define PROBE_CALL_LINE(call, act, category, action, at, name_arg, at2, name2, value, class) \
	[PROBE_CALL_##call] = { #call, PROBE_ACT_##act, KIND_ID(category, action) },
#include "bpf/calls.def"
};

static int (*const of_type[N_PROBE_TYPES])(struct probe *) = {
	[PROBE_FORK] = probe_fork,     [PROBE_EXEC] = probe_exec,	[PROBE_EXIT] = probe_exit,
	[PROBE_OPEN] = probe_open,     [PROBE_WRITTEN] = probe_written, [PROBE_NAME] = probe_name,
	[PROBE_FILE] = probe_file,     [PROBE_SOCKET] = probe_socket,	[PROBE_MAP] = probe_map,
	[PROBE_CALL] = probe_call,     [PROBE_PROGRAM] = probe_program, [PROBE_SIGNAL] = probe_signal,
	[PROBE_MODULE] = probe_module, [PROBE_DNS] = probe_dns,	[PROBE_HTTP] = probe_http,
	[PROBE_ACCESS] = probe_access, [PROBE_RAW] = probe_raw,
};

/* Where the call says of what kind the event is: what makes such records in the kernel. */
#define ACT(act) (1u << PROBE_ACT_##act)
static const uint32_t acts_of[N_PROBE_TYPES] = {
	[PROBE_NAME] = ACT(NAME),
	[PROBE_FILE] = ACT(FILE),
	[PROBE_SOCKET] = ACT(NONE) | ACT(CONNECT) | ACT(ACCEPT) | ACT(SOCKET) | ACT(SEND),
	[PROBE_HTTP] = ACT(WRITE) | ACT(READ) | ACT(SEND) | ACT(RECEIVE),
	[PROBE_CALL] = ACT(CALL) | ACT(MAP) | ACT(PROTECT) | ACT(PTRACE) | ACT(CAPS),
	[PROBE_ACCESS] = ACT(OPEN),
	[PROBE_RAW] = ACT(OPEN),
};
#undef ACT

const char *probe_call_name(const struct probe *probe)
{
	return calls[probe->record->call].name;
}

uint16_t probe_call_kind(const struct probe *probe)
{
	return calls[probe->record->call].kind;
}

enum probe_act probe_call_act(const struct probe *probe)
{
	return (enum probe_act)calls[probe->record->call].act;
}

uint64_t probe_argument(const struct probe *probe, unsigned n)
{
	return n < ARRAY_SIZE(probe->record->body.call.value) ? probe->record->body.call.value[n] : 0;
}

bool probe_is_cut(const struct probe *probe, unsigned text)
{
	return probe->record->cut >> text & 1;
}

void probe_set_missing(struct event *event, const char *what)
{
	text_set(&event->values, FIELD_completeness, "partial");
	values_append_list(&event->values, FIELD_missing, span_of(what));
}

void probe_set_text(const struct probe *probe, struct event *event, enum field field, unsigned text)
{
	struct span bytes = probe_text(probe->bytes, text);

	if (bytes.size == 0 && probe_is_cut(probe, text)) {
		probe_set_missing(event, fields[field].name);
		return;
	}
	values_set_text(&event->values, field, bytes);
	if (probe_is_cut(probe, text))
		values_append_list(&event->values, FIELD_truncated, span_of(fields[field].name));
}

struct event *probe_event(const struct probe *probe, uint16_t kind, const char *code)
{
	struct event *event = event_new(kind, probe->time_ns);

	if (!event)
		return NULL;
	event->tid = probe->record->head.tid;
	text_set(&event->values, FIELD_code, code);
	return event;
}

int probe_emit(struct probe *probe, struct event *event)
{
	const struct probe_head *head = &probe->record->head;
	struct decoder *decoder = probe->decoder;
	struct values *values = &event->values;

	if (!values_has(values, FIELD_source))
		values_set_text(values, FIELD_source, SPAN("ebpf"));
	/* A processor is at one place at a time: its number tells events of one moment apart, and few are of the same. It is
	 * mostly 0 or small, so the id takes little room wherever it is kept. */
	if (probe->time_ns != decoder->moment.time_ns || head->cpu != decoder->moment.cpu)
		decoder->moment = (struct moment){ .time_ns = probe->time_ns, .cpu = head->cpu };
	event->origin = decoder->moment.n_events++ << PROBE_CPU_BITS | head->cpu;
	probe->n_events++;
	if (values->failed || decoder->actor->values.failed) {
		event_free(event);
		return -ENOMEM;
	}
	decoder->stats.partial += values_has(values, FIELD_completeness);
	decoder->stats.events++;
	return probe->emit(probe->user, event, decoder->actor);
}

/* Who did it, as the task had it at that moment. */
static void set_actor(const struct probe *probe)
{
	const struct probe_head *head = &probe->record->head;
	struct context *actor = probe->decoder->actor;
	size_t name_bytes = strnlen(head->name, sizeof(head->name));

#define SET(member, value) (actor->member = (value), values_set_known(&actor->values, FIELD_##member))
	SET(pid, head->pid);
	SET(start, head->start_ns);
	if (head->ppid)
		SET(ppid, head->ppid);
	if (head->flags & PROBE_SOFTIRQ)
		return;
	SET(uid, head->uid);
	SET(euid, head->euid);
	SET(suid, head->suid);
	SET(fsuid, head->fsuid);
	SET(gid, head->gid);
	SET(egid, head->egid);
	SET(sgid, head->sgid);
	SET(fsgid, head->fsgid);
	SET(auid, head->auid);
	SET(ses, head->ses);
#undef SET
	if (name_bytes > 0)
		values_set_text(&actor->values, FIELD_name, (struct span){ head->name, name_bytes });
}

/* A capture may say anything. */
bool probe_fits(const struct probe_record *record)
{
	uint32_t acts = acts_of[record->head.type];

	/* The call that loads a driver from a file, which was closed already. */
	if (record->head.type == PROBE_CALL && calls[record->call].act == PROBE_ACT_FILE)
		return calls[record->call].kind == KIND_ID(driver, load);
	return of_type[record->head.type] && (acts == 0 || acts >> calls[record->call].act & 1);
}

uint64_t decode_probe_begin_ns(uint64_t time_ns, struct span bytes)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;
	uint64_t ago_ns = 0;

	if (record->head.type == PROBE_WRITTEN && record->body.file.first_ns > 0)
		ago_ns = record->head.time_ns - MIN(record->head.time_ns, record->body.file.first_ns);
	return time_ns - MIN(time_ns, ago_ns);
}

uint16_t decode_probe_kind(struct span bytes)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)bytes.data;

	if (probe_check(bytes) < 0 || !probe_fits(record))
		return N_KINDS;
	switch (record->head.type) {
	case PROBE_OPEN:
		return probe_open_kind(record);
	case PROBE_NAME:
	case PROBE_FILE:
		return calls[record->call].kind;
	case PROBE_SOCKET:
		return record->call ? calls[record->call].kind : KIND_ID(network, disconnect);
	case PROBE_FORK:
		return KIND_ID(process, fork);
	case PROBE_WRITTEN:
		return KIND_ID(file, write);
	case PROBE_MAP:
		return KIND_ID(image, load);
	case PROBE_DNS:
		return KIND_ID(dns, query);
	case PROBE_HTTP:
		return KIND_ID(http, headers);
	default:
		return N_KINDS;
	}
}

int decode_probe(struct decoder *decoder, uint64_t time_ns, struct span bytes, decode_fn emit, void *user)
{
	struct probe probe = {
		.decoder = decoder,
		.record = (const struct probe_record *)(const void *)bytes.data,
		.bytes = bytes,
		.time_ns = time_ns,
		.emit = emit,
		.user = user,
	};
	int r;

	decoder->stats.drafts++;
	if (probe_check(bytes) < 0 || !probe_fits(probe.record)) {
		decoder->stats.errors++;
		return 0;
	}
	probe.boot_to_real_ns = time_ns - probe.record->head.time_ns;
	decoder_trim(decoder);
	context_reset(decoder->actor);
	set_actor(&probe);
	r = of_type[probe.record->head.type](&probe);
	if (r >= 0 && probe.n_events == 0)
		decoder->stats.no_event++;
	return r < 0 ? r : 0;
}
