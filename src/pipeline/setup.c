/* See setup.h. */

#include "pipeline/setup.h"

#include <errno.h>

#include "event/schema.h"

static void write_times(struct buffer *text, const struct pipeline_times *times)
{
	buffer_printf(text, " timeout=%llu", (unsigned long long)times->timeout_ns);
	if (times->prune_ns > 0)
		buffer_printf(text, " prune=%llu", (unsigned long long)times->prune_ns);
	if (times->grace_ns > 0)
		buffer_printf(text, " grace=%llu", (unsigned long long)times->grace_ns);
	if (times->path_ns > 0)
		buffer_printf(text, " path=%llu", (unsigned long long)times->path_ns);
	if (times->signal_window_ns > 0)
		buffer_printf(text, " signal_window=%llu", (unsigned long long)times->signal_window_ns);
	if (times->collate_ns > 0)
		buffer_printf(text, " collate=%llu", (unsigned long long)times->collate_ns);
}

void setup_write_times(struct buffer *text, const struct pipeline_times *times, uint64_t now_ns)
{
	record_put_head(text, now_ns, 0);
	write_times(text, times);
}

static void put_redaction(struct buffer *text, const struct pipeline_options *options)
{
	struct span patterns = options->redaction_patterns;
	bool redacts = options->redaction_key && !options->no_redaction;

	buffer_printf(text, " redact=%u", redacts);
	if (redacts && patterns.size > 0)
		buffer_append_text(text, " patterns=");
	for (size_t i = 0; redacts && i < patterns.size; i++)
		buffer_append_hex(text, (uint8_t)patterns.data[i], 2);
}

void setup_write(struct buffer *text, const struct pipeline_options *options, uint64_t now_ns)
{
	const char *between = "";

	record_put_head(text, now_ns, 0);
	buffer_append_text(text, " boot_id=");
	buffer_append_span(text, options->tracker.boot_id);
	buffer_printf(text, " boot_time=%llu pid=%u", (unsigned long long)options->tracker.boot_time_ns, options->own_pid);
	if (options->manager_pid)
		buffer_printf(text, " manager=%u", options->manager_pid);
	if (options->guarded.size > 0)
		buffer_append_text(text, " guarded=");
	for (size_t i = 0; i < options->guarded.size; i++)
		buffer_append_hex(text, (uint8_t)options->guarded.data[i], 2);
	write_times(text, &(struct pipeline_times){ .timeout_ns = options->assembler.timeout_ns, .prune_ns = options->prune_ns,
						    .grace_ns = options->tracker.grace_ns,
						    .path_ns = options->tracker.path_ns,
						    .signal_window_ns = options->signal_window_ns,
						    .collate_ns = options->collate_ns });
	put_redaction(text, options);
	buffer_append_text(text, " not_audit=");
	for (unsigned i = 0; options->not_from_audit && i < N_KINDS; i++) {
		if (!options->not_from_audit[i])
			continue;
		buffer_printf(text, "%s%s.%s", between, categories[kinds[i].category].name, kinds[i].action);
		between = ",";
	}
}

static void read_kinds(struct setup *setup, struct span list)
{
	while (list.size > 0) {
		struct span action = span_take(&list, ','), category = span_take(&action, '.');
		unsigned kind = kind_lookup(category, action);

		if (kind < N_KINDS)
			setup->not_from_audit[kind] = true;
	}
}

int setup_read(struct setup *ret, struct span body)
{
	struct setup setup = { .boot_id = { NULL, 0 } };
	uint64_t pid = 0, manager_pid = 0;
	const struct {
		struct span key;
		uint64_t *to;
	} numbers[] = {
		{ SPAN("boot_time"), &setup.boot_time_ns },
		{ SPAN("timeout"), &setup.times.timeout_ns },
		{ SPAN("prune"), &setup.times.prune_ns },
		{ SPAN("grace"), &setup.times.grace_ns },
		{ SPAN("path"), &setup.times.path_ns },
		{ SPAN("signal_window"), &setup.times.signal_window_ns },
		{ SPAN("collate"), &setup.times.collate_ns },
		{ SPAN("pid"), &pid },
		{ SPAN("manager"), &manager_pid },
	};

	while (body.size > 0) {
		struct span value = span_take(&body, ' '), key = span_take(&value, '=');

		if (span_eq(key, SPAN("boot_id")))
			setup.boot_id = value;
		if (span_eq(key, SPAN("guarded")))
			setup.guarded = value;
		if (span_eq(key, SPAN("not_audit")))
			read_kinds(&setup, value);
		if (span_eq(key, SPAN("redact"))) {
			setup.says_redaction = true;
			setup.redacts = span_eq(value, SPAN("1"));
		}
		if (span_eq(key, SPAN("patterns")))
			setup.redaction_patterns = value;
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
			if (span_eq(key, numbers[i].key) && span_to_u64(value, numbers[i].to) < 0)
				return -EINVAL;
	}
	setup.only_times = setup.boot_id.data == NULL && setup.boot_time_ns == 0 && pid == 0;
	if (setup.times.timeout_ns == 0)
		return -EINVAL;
	if (!setup.only_times && (setup.boot_id.size == 0 || setup.boot_time_ns == 0 || pid > UINT32_MAX || manager_pid > UINT32_MAX))
		return -EINVAL;
	setup.own_pid = (uint32_t)pid;
	setup.manager_pid = (uint32_t)manager_pid;
	*ret = setup;
	return 0;
}
