/* Who did what to what, in the order in which one asks: time, login user and user, process, action, what it
 * was done to, and what else matters of this kind of event. A function for each category says the last two;
 * everything else is in `recorder show`. */

#include <errno.h>

#include "cli/event_line.h"
#include "cli/text.h"
#include "cli/value_text.h"

struct part {
	struct buffer *out;
	const struct screen *screen;
	const struct event *event;
};

/* The first of the fields that the event knows, after a label. */
static bool put_first(const struct part *part, const char *label, const enum field *list, size_t n)
{
	const struct event *event = part->event;

	for (size_t i = 0; i < n; i++) {
		const struct values *values = fields[list[i]].is_context ?
						      (event->context ? &event->context->values : NULL) :
						      &event->values;

		if (!values || !values_has(values, list[i]))
			continue;
		if (part->out->size > 0)
			buffer_append_byte(part->out, ' ');
		buffer_append_text(part->out, label);
		value_append(part->out, part->screen, values, list[i]);
		return true;
	}
	return false;
}

#define PUT_FIRST(part, label, ...)                                 \
	put_first(part, label, (const enum field[]){ __VA_ARGS__ }, \
		  ARRAY_SIZE(((const enum field[]){ __VA_ARGS__ })))

static void put_text(const struct part *part, const char *text)
{
	if (part->out->size > 0)
		buffer_append_byte(part->out, ' ');
	buffer_append_text(part->out, text);
}

static bool is_kind(const struct part *part, unsigned kind)
{
	return part->event->kind == kind;
}

/* Process */

static void put_target(const struct part *part)
{
	const struct values *values = &part->event->values;

	if (!PUT_FIRST(part, "", FIELD_target_name, FIELD_target_executable) &&
	    values_has(values, FIELD_target_pid))
		put_text(part, "?");
	if (values_has(values, FIELD_target_pid))
		buffer_printf(part->out, "[%u]", part->event->target_pid);
}

static void process_subject(const struct part *part)
{
	if (is_kind(part, KIND_ID(process, ptrace)) || is_kind(part, KIND_ID(process, signal)))
		put_target(part);	/* what was done to it is the detail */
	else if (values_has(&part->event->values, FIELD_changes))
		PUT_FIRST(part, "", FIELD_changes);
	else
		PUT_FIRST(part, "", FIELD_command_line, FIELD_executable);
}

static void process_detail(const struct part *part)
{
	const struct values *values = &part->event->values;

	if (values_has(values, FIELD_exit_signal) && part->event->exit_signal != 0) {
		put_text(part, "killed by ");
		signal_append(part->out, part->event->exit_signal);
	} else {
		PUT_FIRST(part, "exit ", FIELD_exit_code);
	}
	if (values_has(values, FIELD_duration)) {
		put_text(part, "after ");
		append_duration(part->out, part->event->duration);
	}
	if (values_has(values, FIELD_target_signal)) {
		put_text(part, "");
		signal_append(part->out, part->event->target_signal);
	}
	if (values_has(values, FIELD_exe_is_memfd) && part->event->exe_is_memfd)
		put_text(part, "from memory");
	if (values_has(values, FIELD_exe_is_deleted) && part->event->exe_is_deleted)
		put_text(part, "deleted");
	if (values_has(values, FIELD_exe_is_setuid) && part->event->exe_is_setuid)
		put_text(part, "setuid");
	PUT_FIRST(part, "env ", FIELD_env);
	if (is_kind(part, KIND_ID(process, ptrace)))
		PUT_FIRST(part, "", FIELD_changes);
	if (values_has(values, FIELD_access_count) && part->event->access_count > 1)
		PUT_FIRST(part, "times ", FIELD_access_count);
}

/* File */

static void file_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_path);
	PUT_FIRST(part, "→ ", FIELD_target_path);
}

static void file_detail(const struct part *part)
{
	const struct values *values = &part->event->values;

	if (is_kind(part, KIND_ID(file, chmod)))
		PUT_FIRST(part, "mode ", FIELD_mode);
	if (is_kind(part, KIND_ID(file, chown)) && values_has(values, FIELD_file_uid)) {
		PUT_FIRST(part, "owner ", FIELD_file_uid);
		if (values_has(values, FIELD_file_gid))
			buffer_printf(part->out, ":%u", part->event->file_gid);
	}
	if (is_kind(part, KIND_ID(file, mount)))
		PUT_FIRST(part, "", FIELD_flags);
	PUT_FIRST(part, "", FIELD_xattr);
	if (values_has(values, FIELD_file_type) &&
	    !span_eq(values_text(values, FIELD_file_type), SPAN("file")))
		PUT_FIRST(part, "", FIELD_file_type);
	if (values_has(values, FIELD_write_count) && part->event->write_count > 1)
		PUT_FIRST(part, "writes ", FIELD_write_count);
	if (values_has(values, FIELD_read_count) && part->event->read_count > 1)
		PUT_FIRST(part, "reads ", FIELD_read_count);
	PUT_FIRST(part, "path ", FIELD_path_confidence);
}

/* Network */

static bool put_endpoint(const struct part *part, const char *label, enum field ip, enum field port)
{
	const struct values *values = &part->event->values;

	if (!values_has(values, ip))
		return false;
	put_text(part, label);
	address_append(part->out, values_text(values, ip), values_has(values, port));
	if (values_has(values, port)) {
		buffer_append_byte(part->out, ':');
		buffer_append_u64(part->out, values_number(values, port));
	}
	return true;
}

static void network_subject(const struct part *part)
{
	const struct event *event = part->event;
	bool ingress = event->kind == KIND_ID(network, accept) ||
		       span_eq(values_text(&event->values, FIELD_direction), SPAN("ingress"));
	bool local = event->kind == KIND_ID(network, bind) || event->kind == KIND_ID(network, listen);

	if (values_has(&event->values, FIELD_socket_path))
		PUT_FIRST(part, local ? "" : ingress ? "← " : "→ ", FIELD_socket_path);
	else if (local || ingress)
		put_endpoint(part, local ? "" : "← ", FIELD_source_ip, FIELD_source_port);
	else if (!put_endpoint(part, "→ ", FIELD_destination_ip, FIELD_destination_port))
		put_endpoint(part, "", FIELD_source_ip, FIELD_source_port);
	PUT_FIRST(part, "", FIELD_destination_domain);
}

static void network_detail(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_transport, FIELD_network_type);
	PUT_FIRST(part, "in ", FIELD_bytes_in);
	PUT_FIRST(part, "out ", FIELD_bytes_out);
}

static void dns_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_dns_question_name);
	PUT_FIRST(part, "", FIELD_dns_question_type);
}

static void dns_detail(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_dns_answers, FIELD_dns_resolved_ip, FIELD_dns_response_code);
}

/* What is loaded */

static void image_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_dll_path);
}

static void driver_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_driver_name);
	PUT_FIRST(part, "bpf program ", FIELD_bpf_name, FIELD_bpf_id);
}

static void driver_detail(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_driver_path, FIELD_bpf_type);
}

/* Security and system */

static void security_subject(const struct part *part)
{
	if (is_kind(part, KIND_ID(security, sudo)))
		PUT_FIRST(part, "", FIELD_security_command);
	PUT_FIRST(part, "", FIELD_user_target_name, FIELD_user_target_id);
	PUT_FIRST(part, "group ", FIELD_group_target_name, FIELD_group_target_id);
	PUT_FIRST(part, "", FIELD_security_object, FIELD_path);
	if (values_has(&part->event->values, FIELD_target_pid))
		put_target(part);
	if (part->out->size == 0)
		PUT_FIRST(part, "", FIELD_security_subsystem, FIELD_auditd_key, FIELD_code);
}

static void security_detail(const struct part *part)
{
	const struct event *event = part->event;

	PUT_FIRST(part, "from ", FIELD_source_ip, FIELD_source_domain);
	PUT_FIRST(part, "on ", FIELD_terminal);
	PUT_FIRST(part, "", FIELD_security_changes);
	PUT_FIRST(part, "", FIELD_security_permission, FIELD_security_operation, FIELD_auth_method);
	PUT_FIRST(part, "", FIELD_security_syscall, FIELD_auditd_syscall);
	PUT_FIRST(part, "", FIELD_flags);
	if (values_has(&event->values, FIELD_security_signal)) {
		put_text(part, "");
		signal_append(part->out, event->security_signal);
	}
	if (part->out->size == 0)
		PUT_FIRST(part, "", FIELD_auditd_message);
}

static void system_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_system_unit, FIELD_user_target_name);
}

static void system_detail(const struct part *part)
{
	PUT_FIRST(part, "on ", FIELD_terminal);
	PUT_FIRST(part, "in ", FIELD_path);
}

/* The rest */

static void registry_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_registry_path);
	PUT_FIRST(part, "", FIELD_registry_value);
}

static void registry_detail(const struct part *part)
{
	PUT_FIRST(part, "= ", FIELD_registry_data);
}

static void http_subject(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_http_method);
	PUT_FIRST(part, "", FIELD_http_url);
	PUT_FIRST(part, "status ", FIELD_http_status);
}

static void http_detail(const struct part *part)
{
	if (span_eq(values_text(&part->event->values, FIELD_direction), SPAN("ingress")))
		put_endpoint(part, "← ", FIELD_source_ip, FIELD_source_port);
	else
		put_endpoint(part, "→ ", FIELD_destination_ip, FIELD_destination_port);
}

static void recorder_subject(const struct part *part)
{
	const struct values *values = &part->event->values;

	PUT_FIRST(part, "", FIELD_gap_class);
	PUT_FIRST(part, "", FIELD_gap_cause, FIELD_path, FIELD_message);
	if (values_has(values, FIELD_gap_count)) {
		put_text(part,
			 values_has(values, FIELD_gap_exact) && part->event->gap_exact ? "" : "at least ");
		append_count(part->out, part->event->gap_count);
		PUT_FIRST(part, "", FIELD_gap_unit);
	}
}

static void recorder_detail(const struct part *part)
{
	PUT_FIRST(part, "", FIELD_file_sha256, FIELD_file_hash_state);
}

static void nothing(const struct part *part)
{
}

static void signal_subject(const struct part *part);
static void signal_detail(const struct part *part);

static const struct {
	void (*subject)(const struct part *part);
	void (*detail)(const struct part *part);
	enum colour colour;
	const char *prefix;		/* before the action, where it does not tell by itself */
} forms[N_CATEGORIES] = {
	[CATEGORY_process] = { process_subject, process_detail, COLOUR_GREEN, "" },
	[CATEGORY_file] = { file_subject, file_detail, COLOUR_BLUE, "" },
	[CATEGORY_network] = { network_subject, network_detail, COLOUR_CYAN, "" },
	[CATEGORY_dns] = { dns_subject, dns_detail, COLOUR_CYAN, "dns " },
	[CATEGORY_image] = { image_subject, nothing, COLOUR_DIM, "image " },
	[CATEGORY_driver] = { driver_subject, driver_detail, COLOUR_MAGENTA, "driver " },
	[CATEGORY_security] = { security_subject, security_detail, COLOUR_YELLOW, "" },
	[CATEGORY_system] = { system_subject, system_detail, COLOUR_MAGENTA, "" },
	[CATEGORY_registry] = { registry_subject, registry_detail, COLOUR_BLUE, "registry " },
	[CATEGORY_http] = { http_subject, http_detail, COLOUR_CYAN, "http " },
	[CATEGORY_recorder] = { recorder_subject, recorder_detail, COLOUR_RED, "recorder " },
	[CATEGORY_signal] = { signal_subject, signal_detail, COLOUR_RED, "signal " },
};

/* Signal: what it says, and of what */

/* The event as it was before it became that of a signal, whose text it borrows.  False: it does not say what it was. */
static bool matched_of(const struct part *part, struct event *ret)
{
	const struct values *values = &part->event->values;
	unsigned kind = kind_lookup(values_text(values, FIELD_signal_event_category),
				    values_text(values, FIELD_signal_event_action));

	if (kind == N_KINDS || kinds[kind].category == CATEGORY_signal)
		return false;
	*ret = *part->event;
	ret->kind = (uint16_t)kind;
	return true;
}

static void signal_subject(const struct part *part)
{
	struct event matched;

	PUT_FIRST(part, "", FIELD_rule_severity, FIELD_severity);
	PUT_FIRST(part, "", FIELD_rule_name, FIELD_rule_id);
	if (!matched_of(part, &matched))
		return;
	if (part->out->size > 0)
		buffer_append_text(part->out, ": ");
	buffer_printf(part->out, "%s%s", forms[event_category(&matched)].prefix, kinds[matched.kind].action);
	forms[event_category(&matched)].subject(&(struct part){ part->out, part->screen, &matched });
}

static void signal_detail(const struct part *part)
{
	const struct event *event = part->event;
	struct event matched;

	if (matched_of(part, &matched))
		forms[event_category(&matched)].detail(&(struct part){ part->out, part->screen, &matched });
	if (!values_has(&event->values, FIELD_signal_count) || event->signal_count < 2)
		return;
	put_text(part, "× ");
	append_count(part->out, event->signal_count);
	if (!values_has(&event->values, FIELD_signal_first) || !values_has(&event->values, FIELD_signal_last))
		return;
	put_text(part, "within ");
	append_duration(part->out, event->signal_last - MIN(event->signal_first, event->signal_last));
}

void event_append_subject(struct buffer *out, const struct screen *screen, const struct event *event)
{
	struct part part = { out, screen, event };

	forms[event_category(event)].subject(&part);
}

void event_append_detail(struct buffer *out, const struct screen *screen, const struct event *event)
{
	struct part part = { out, screen, event };

	forms[event_category(event)].detail(&part);
}

enum colour event_colour(const struct event *event)
{
	return event->kind == KIND_ID(recorder, hash) ? COLOUR_DIM : forms[event_category(event)].colour;
}

static void append_id_or_name(struct buffer *out, const struct values *values, enum field name, enum field id)
{
	if (values_has(values, name))
		buffer_append_span(out, values_text(values, name));
	else
		buffer_append_u64(out, values_number(values, id));
}

static void append_origin(struct buffer *out, const struct values *values)
{
	if (!values_has(values, FIELD_login_ip))
		return;
	buffer_append_byte(out, '@');
	address_append(out, values_text(values, FIELD_login_ip), false);
}

static void append_user(struct buffer *out, const struct context *context, bool with_origin)
{
	const struct values *values = context ? &context->values : NULL;
	enum field id = FIELD_euid, name = FIELD_euser_name;
	bool has_user, is_other;

	if (!values)
		return;
	/* The effective user is who acts; the login user, where another, who he is. */
	if (!values_has(values, FIELD_euid)) {
		id = FIELD_uid;
		name = FIELD_user_name;
	}
	has_user = values_has(values, id) || values_has(values, name);
	is_other = values_has(values, FIELD_auid) && context->auid != UINT32_MAX &&
		   !(values_has(values, id) && values_number(values, id) == context->auid);
	if (is_other) {
		append_id_or_name(out, values, FIELD_auid_name, FIELD_auid);
		if (with_origin)
			append_origin(out, values);
		if (has_user)
			buffer_append_byte(out, '>');
	}
	if (has_user)
		append_id_or_name(out, values, name, id);
	if (with_origin && !is_other)
		append_origin(out, values);
}

void event_append_user(struct buffer *out, const struct context *context)
{
	append_user(out, context, false);
}

void event_append_login(struct buffer *out, const struct context *context)
{
	append_user(out, context, true);
}

void event_append_process(struct buffer *out, const struct context *context)
{
	struct span name = { NULL, 0 };

	if (!context)
		return;
	if (values_has(&context->values, FIELD_name)) {
		name = values_text(&context->values, FIELD_name);
	} else if (values_has(&context->values, FIELD_executable)) {
		const char *slash;

		name = values_text(&context->values, FIELD_executable);
		slash = name.size ? memrchr(name.data, '/', name.size) : NULL;
		if (slash)
			name = (struct span){ slash + 1, name.size - (size_t)(slash + 1 - name.data) };
	} else {
		name = SPAN("?");
	}
	buffer_append_span(out, name);
	if (values_has(&context->values, FIELD_pid))
		buffer_printf(out, "[%u]", context->pid);
}

/* The line */

#define USER_MAX 20
#define LOGIN_MAX 60			/* with an address of IPv6, where the screen has room */
#define PROCESS_MAX 24
#define LAST_MIN 20			/* columns the last one has even on a narrow screen */

void event_lines_init(struct event_lines *lines, const struct screen *screen)
{
	*lines = (struct event_lines){ .screen = *screen, .widths = { 10, 16, 7 } };
}

void event_lines_release(struct event_lines *lines)
{
	buffer_release(&lines->raw);
	buffer_release(&lines->text);
	buffer_release(&lines->line);
}

/* What is in `raw`, made safe. */
static struct span safe(struct event_lines *lines)
{
	buffer_clear(&lines->text);
	text_append_safe(&lines->text, buffer_span(&lines->raw));
	buffer_clear(&lines->raw);
	return buffer_span(&lines->text);
}

static void put_coloured(struct event_lines *lines, struct span text, size_t width, enum colour colour)
{
	buffer_append_text(&lines->line, screen_colour(&lines->screen, colour));
	text_append_cut(&lines->line, text, width);
	buffer_append_text(&lines->line, screen_end(&lines->screen, colour));
}

/* Returns the columns it took. */
static size_t put_column(struct event_lines *lines, size_t column, size_t max, enum colour colour)
{
	struct span text = safe(lines);
	size_t width = MIN(text_width(text), max);

	lines->widths[column] = MAX(lines->widths[column], width);
	put_coloured(lines, text, max, colour);
	for (size_t i = width; i < lines->widths[column] + 2; i++)
		buffer_append_byte(&lines->line, ' ');
	return lines->widths[column] + 2;
}

/* Its name says that it failed. */
static bool is_denial(const struct event *event)
{
	return event->kind == KIND_ID(security, mac_denied) || event->kind == KIND_ID(security, login_failed);
}

static void put_last(struct event_lines *lines, const struct event *event, size_t used)
{
	size_t left = lines->screen.width == SIZE_MAX ? SIZE_MAX
						      : MAX(lines->screen.width, used + LAST_MIN) - used;
	struct span outcome = values_text(&event->values, FIELD_outcome);
	size_t width;

	if (span_eq(outcome, SPAN("failure")) && !is_denial(event)) {
		buffer_append_text(&lines->raw, "failed");
		if (values_has(&event->values, FIELD_error_code)) {
			buffer_append_byte(&lines->raw, ' ');
			buffer_append_span(&lines->raw, values_text(&event->values, FIELD_error_code));
		}
		buffer_append_text(&lines->raw, "  ");
		width = text_width(safe(lines));
		put_coloured(lines, buffer_span(&lines->text), left, COLOUR_RED);
		left = left > width ? left - width : 0;
	} else if (span_eq(outcome, SPAN("in_progress"))) {
		buffer_append_text(&lines->raw, "in progress  ");
	}
	event_append_subject(&lines->raw, &lines->screen, event);
	safe(lines);
	width = text_width(buffer_span(&lines->text));
	put_coloured(lines, buffer_span(&lines->text), left, COLOUR_NONE);
	event_append_detail(&lines->raw, &lines->screen, event);
	if (lines->raw.size > 0 && (left == SIZE_MAX || width + 6 < left)) {
		buffer_append_text(&lines->line, "  ");
		safe(lines);
		put_coloured(lines, buffer_span(&lines->text), left == SIZE_MAX ? left : left - width - 2,
			     COLOUR_DIM);
	}
	buffer_clear(&lines->raw);
}

static void put_day(struct event_lines *lines, uint64_t time_ns)
{
	int day = screen_day(&lines->screen, time_ns);

	if (lines->begun && day == lines->day)
		return;
	lines->begun = true;
	lines->day = day;
	screen_append_date(&lines->screen, &lines->raw, time_ns);
	put_coloured(lines, safe(lines), SIZE_MAX, COLOUR_BOLD);
	buffer_append_byte(&lines->line, '\n');
}

static void append_action(struct buffer *out, const struct event *event)
{
	buffer_append_text(out, forms[event_category(event)].prefix);
	buffer_append_text(out, kinds[event->kind].action);
}

static size_t put_user(struct event_lines *lines, const struct event *event)
{
	append_user(&lines->raw, event->context, lines->with_origin);
	return lines->with_origin ? MAX(MIN(LOGIN_MAX, lines->screen.width / 3), USER_MAX) : USER_MAX;
}

static void measure(struct event_lines *lines, size_t column, size_t max)
{
	size_t width = text_width(safe(lines));

	lines->widths[column] = MAX(lines->widths[column], MIN(width, max));
}

void event_line_measure(struct event_lines *lines, const struct event *event)
{
	size_t user_max = put_user(lines, event);

	measure(lines, 0, user_max);
	event_append_process(&lines->raw, event->context);
	measure(lines, 1, PROCESS_MAX);
	append_action(&lines->raw, event);
	measure(lines, 2, SIZE_MAX);
}

void event_line_mark(struct event_lines *lines, bool is_marked)
{
	lines->is_marked = is_marked;
}

/* Returns the columns it took. */
static size_t put_mark(struct event_lines *lines)
{
	if (!lines->marks)
		return 0;
	if (lines->is_marked)
		put_coloured(lines, SPAN("▶ "), SIZE_MAX, COLOUR_BOLD);
	else
		buffer_append_text(&lines->line, "  ");
	return 2;
}

int event_line_print(struct event_lines *lines, const struct event *event)
{
	size_t used = 14, user_max;
	int r;

	buffer_clear(&lines->line);
	put_day(lines, event->time_ns);
	used += put_mark(lines);
	screen_append_clock(&lines->screen, &lines->line, event->time_ns);
	buffer_append_text(&lines->line, "  ");
	user_max = put_user(lines, event);
	used += put_column(lines, 0, user_max, COLOUR_NONE);
	event_append_process(&lines->raw, event->context);
	used += put_column(lines, 1, PROCESS_MAX, COLOUR_BOLD);
	append_action(&lines->raw, event);
	used += put_column(lines, 2, SIZE_MAX, event_colour(event));
	put_last(lines, event, used);
	buffer_append_byte(&lines->line, '\n');
	r = buffer_error(&lines->line);
	if (r < 0)
		return r;
	fwrite(lines->line.data, 1, lines->line.size, lines->screen.out);
	return 0;
}
