/* Life and privileges of processes, seen by the kernel's programs -> process, driver and security events. */

#include "decode/probe.h"

#include <stdio.h>
#include <time.h>

#include "base/path.h"
#include "decode/access.h"
#include "decode/audit_value.h"
#include "event/namespaces.h"

_Static_assert(PROBE_N_NAMESPACES == N_NAMESPACES, "both tell the same of them");

#define MAP_OF_ANONYMOUS 0x20u

static void set_actor_namespaces(const struct probe *probe, const probe_u64 told[N_NAMESPACES / 2])
{
	struct buffer *text = &probe->decoder->text;
	uint32_t inodes[N_NAMESPACES];

	for (unsigned i = 0; i < N_NAMESPACES; i++)
		inodes[i] = (uint32_t)(told[i / 2] >> 32 * (i % 2));
	buffer_clear(text);
	namespaces_text(text, inodes);
	values_set_text(&probe->decoder->actor->values, FIELD_namespaces, buffer_span(text));
}

/* Of a child, and of who has changed them. */
static void take_namespaces(const struct probe *probe)
{
	if (probe->record->head.flags & PROBE_NAMESPACES)
		set_actor_namespaces(probe, &probe->record->body.call.value[PROBE_NAMESPACES_AT]);
}

/* Behind a NUL, which is not there if nobody asked for them.  The part before it. */
static struct span set_actor_groups(const struct probe *probe, unsigned n)
{
	struct values *values = &probe->decoder->actor->values;
	struct span text = probe_text(probe->bytes, n);
	const char *nul = text.size > 0 ? memchr(text.data, 0, text.size) : NULL;
	size_t before = nul ? (size_t)(nul - text.data) : text.size;

	if (!nul)
		return text;
	values_set_text(values, FIELD_groups, SPAN(""));
	for (size_t at = before + 1; at + sizeof(uint32_t) <= text.size; at += sizeof(uint32_t)) {
		char number[16];
		uint32_t id;

		memcpy(&id, text.data + at, sizeof(id));
		snprintf(number, sizeof(number), "%u", id);
		values_append_list(values, FIELD_groups, span_of(number));
	}
	if (probe_is_cut(probe, n))
		values_set_inferred(values, FIELD_groups);	/* there are more */
	return (struct span){ text.data, before };
}

static void note_cut_groups(const struct probe *probe, struct event *event, unsigned n)
{
	if (probe_is_cut(probe, n) && values_has(&probe->decoder->actor->values, FIELD_groups))
		values_append_list(&event->values, FIELD_truncated, span_of(fields[FIELD_groups].name));
}

int probe_fork(struct probe *probe)
{
	struct event *event;

	take_namespaces(probe);
	event = probe_event(probe, KIND_ID(process, fork), "FORK");

	return event ? probe_emit(probe, event) : -ENOMEM;
}

int probe_exit(struct probe *probe)
{
	const struct probe_head *head = &probe->record->head;
	struct event *event = probe_event(probe, KIND_ID(process, exit), "EXIT");
	uint32_t status = (uint32_t)probe_argument(probe, 0);

	if (!event)
		return -ENOMEM;
	/* By the clock that nobody sets. */
	if (head->time_ns >= head->start_ns)
		values_set_number(&event->values, FIELD_duration, head->time_ns - head->start_ns);
	exit_status_set(&event->values, status);
	return probe_emit(probe, event);
}

/* NUL-separated, as the kernel laid them out at the exec. */
static void set_args(const struct probe *probe, struct context *actor)
{
	struct span args = probe_text(probe->bytes, EXEC_ARGS);

	values_set_number(&actor->values, FIELD_args_count, probe->record->body.exec.argc);
	if (args.size == 0)
		return;
	if (args.data[args.size - 1] == 0) {
		values_set_text(&actor->values, FIELD_args, args);
	} else {	/* the last one was cut: it ends here */
		char *room = values_new_text(&actor->values, FIELD_args, args.size + 1);

		if (!room)
			return;
		memcpy(room, args.data, args.size);
		room[args.size] = 0;
	}
	context_set_command_line(actor);
}

/* Behind the root of the process, which may be missing where there was no room, and its namespaces. */
static struct span take_script(const struct probe *probe)
{
	probe_u64 namespaces[N_NAMESPACES / 2];
	struct span text = probe_text(probe->bytes, EXEC_SCRIPT);
	size_t at = sizeof(struct probe_root);

	if (probe->record->head.flags & PROBE_NAMESPACES) {
		if (text.size >= at + sizeof(namespaces)) {
			memcpy(namespaces, text.data + at, sizeof(namespaces));
			set_actor_namespaces(probe, namespaces);
		}
		at += sizeof(namespaces);
	}
	return text.size < at ? (struct span){ NULL, 0 } : (struct span){ text.data + at, text.size - at };
}

/* From where names of the process are to be looked for. */
static void set_root(const struct probe *probe, struct event *event)
{
	struct span text = probe_text(probe->bytes, EXEC_SCRIPT);
	struct probe_root root;

	if (text.size < sizeof(root))
		return;
	memcpy(&root, text.data, sizeof(root));
	event->root = probe_root(&root);
}

static int set_context_paths(const struct probe *probe, struct context *actor)
{
	struct buffer *text = &probe->decoder->text, *folder = &probe->decoder->name;
	struct span script = take_script(probe), tty = set_actor_groups(probe, EXEC_TTY);
	bool knows_folder = !probe_is_cut(probe, EXEC_CWD);

	buffer_clear(text);
	probe_join_names(text, probe_text(probe->bytes, EXEC_PATH));
	values_set_text(&actor->values, FIELD_executable, buffer_span(text));
	buffer_clear(folder);
	probe_join_names(folder, probe_text(probe->bytes, EXEC_CWD));
	if (knows_folder)
		values_set_text(&actor->values, FIELD_cwd, buffer_span(folder));
	if (tty.size > 0)
		values_set_text(&actor->values, FIELD_tty, tty);
	if (script.size > 0 && (knows_folder || script.data[0] == '/')) {
		buffer_clear(text);
		if (path_join(text, buffer_span(folder), script) >= 0)
			values_set_text(&actor->values, FIELD_interpreter, buffer_span(text));
	}
	return buffer_error(text) < 0 || buffer_error(folder) < 0 ? -ENOMEM : 0;
}

static void set_program(const struct probe *probe, struct event *event)
{
	const struct probe_exec *exec = &probe->record->body.exec;
	const struct file_version version = { probe_device(exec->device), exec->inode, exec->changed_ns };
	struct values *values = &event->values;

	values_set_number(values, FIELD_exe_inode, version.inode);
	values_set_number(values, FIELD_exe_device, version.device);
	values_set_number(values, FIELD_exe_changed, version.changed_ns);
	values_set_number(&probe->decoder->actor->values, FIELD_hash_id, file_version_id(&version));
	values_set_number(values, FIELD_exe_mode, exec->mode & 07777);
	values_set_number(values, FIELD_exe_uid, exec->uid);
	values_set_number(values, FIELD_exe_gid, exec->gid);
	/* The set-group-id bit without the group's x bit once meant locking. */
	values_set_number(values, FIELD_exe_is_setuid, (exec->mode & 04000) || (exec->mode & 02010) == 02010);
	values_set_number(values, FIELD_exe_is_memfd, exec->is_internal);
	values_set_number(values, FIELD_exe_is_deleted, exec->is_unhashed && !exec->is_internal);
}

/* Memory that was never a file of anybody's is run. */
static int emit_memfd(struct probe *probe)
{
	struct event *event = probe_event(probe, KIND_ID(security, memory_exec), "EXEC");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	text_set(&event->values, FIELD_auditd_syscall, "execve");
	values_set_text(&event->values, FIELD_security_object,
			values_text(&probe->decoder->actor->values, FIELD_executable));
	return probe_emit(probe, event);
}

/* As audit writes them. */
static void set_capabilities(const struct probe *probe, struct event *event, const probe_u64 caps[4])
{
	static const enum field order[] = { FIELD_cap_permitted, FIELD_cap_effective, FIELD_cap_inheritable,
					    FIELD_cap_ambient };
	struct buffer *text = &probe->decoder->text;

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		buffer_clear(text);
		if (caps[i])
			buffer_printf(text, "%016llx", (unsigned long long)caps[i]);
		else
			buffer_append_byte(text, '0');
		values_set_text(&event->values, order[i], buffer_span(text));
	}
}

int probe_exec(struct probe *probe)
{
	struct context *actor = probe->decoder->actor;
	struct span env = probe_text(probe->bytes, EXEC_ENV), variable;
	struct event *event;
	int r = set_context_paths(probe, actor);

	if (r < 0)
		return r;
	set_args(probe, actor);
	if (!probe_is_cut(probe, EXEC_SCRIPT))
		actor_script(probe->decoder);
	event = probe_event(probe, KIND_ID(process, exec), "EXEC");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	set_program(probe, event);
	set_root(probe, event);
	if (probe->record->body.exec.caps[0])	/* a program with powers, as audit tells it */
		set_capabilities(probe, event, probe->record->body.exec.caps);
	while (list_next(&env, &variable))
		values_append_list(&event->values, FIELD_env, variable);
	note_cut_groups(probe, event, EXEC_TTY);
	if (probe_is_cut(probe, EXEC_ARGS))
		values_append_list(&event->values, FIELD_truncated, SPAN("args"));
	if (probe_is_cut(probe, EXEC_ENV))
		values_append_list(&event->values, FIELD_truncated, SPAN("env"));
	if (probe_is_cut(probe, EXEC_PATH))
		values_append_list(&event->values, FIELD_truncated, SPAN("process.executable"));
	r = probe_emit(probe, event);
	return r < 0 || !probe->record->body.exec.is_internal ? r : emit_memfd(probe);
}

int probe_signal(struct probe *probe)
{
	struct event *event = probe_event(probe, KIND_ID(process, signal), "SIGNAL");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	values_set_number(&event->values, FIELD_target_signal, (uint32_t)probe_argument(probe, 0));
	values_set_number(&event->values, FIELD_target_pid, (uint32_t)probe_argument(probe, 1));
	return probe_emit(probe, event);
}

static void add_change(const struct probe *probe, struct event *event, const char *name, uint32_t id)
{
	struct buffer *text = &probe->decoder->text;

	buffer_clear(text);
	buffer_printf(text, "%s=%u", name, id);
	values_append_list(&event->values, FIELD_changes, buffer_span(text));
}

static void set_user_changes(const struct probe *probe, struct event *event)
{
	const struct probe_head *head = &probe->record->head;

	add_change(probe, event, "uid", head->uid);
	add_change(probe, event, "euid", head->euid);
	add_change(probe, event, "suid", head->suid);
	add_change(probe, event, "fsuid", head->fsuid);
}

static void set_group_changes(const struct probe *probe, struct event *event)
{
	const struct probe_head *head = &probe->record->head;

	if (probe->record->call == PROBE_CALL_setgroups || probe->record->call == PROBE_CALL_setgroups32) {
		values_append_list(&event->values, FIELD_changes, SPAN("groups"));
		return;
	}
	add_change(probe, event, "gid", head->gid);
	add_change(probe, event, "egid", head->egid);
	add_change(probe, event, "sgid", head->sgid);
	add_change(probe, event, "fsgid", head->fsgid);
}

static void set_namespaces(const struct probe *probe, struct event *event)
{
	struct buffer *text = &probe->decoder->text;

	buffer_clear(text);
	clone_flags_text(text, probe_argument(probe, probe->record->call == PROBE_CALL_setns ? 1 : 0), 0);
	if (text->size > 0)
		values_set_text(&event->values, FIELD_changes, buffer_span(text));
}

static void set_target(struct event *event, uint32_t pid)
{
	if (pid > 0 && pid <= INT32_MAX)
		values_set_number(&event->values, FIELD_target_pid, pid);
	else
		probe_set_missing(event, fields[FIELD_target_pid].name);
}

static void set_traced(const struct probe *probe, struct event *event)
{
	bool is_ptrace = probe->record->call == PROBE_CALL_ptrace, is_pidfd = probe->record->call == PROBE_CALL_pidfd_getfd;
	struct span access = is_ptrace ? access_of_request(probe_argument(probe, 0)) : access_of_call(probe_call_name(probe));
	uint32_t pid = (uint32_t)probe_argument(probe, is_pidfd ? 3 : is_ptrace ? 1 : 0);

	if (access.data)
		values_append_list(&event->values, FIELD_changes, access);
	/* But for a descriptor, which the kernel's programs follow, the number is of the caller's pid namespace. */
	set_target(event, is_pidfd || probe->record->head.ns_pid == probe->record->head.pid ? pid : 0);
}

/* The memory of another process was opened. */
int probe_access(struct probe *probe)
{
	struct event *event = probe_event(probe, KIND_ID(process, ptrace), "CALL");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	text_set(&event->values, FIELD_auditd_syscall, probe_call_name(probe));
	access_set_opened(&event->values, probe_argument(probe, 1));
	set_target(event, (uint32_t)probe_argument(probe, 0));
	return probe_emit(probe, event);
}

/* The driver that this call has loaded: the kernel has just said so. */
static void set_module_name(const struct probe *probe, struct event *event)
{
	struct module_load *load = &probe->decoder->module_load;

	if (load->tid == probe->record->head.tid && load->size > 0)
		values_set_text(&event->values, FIELD_driver_name, (struct span){ load->name, load->size });
	load->tid = 0;
}

static bool sets_other_clock(const struct probe *probe)
{
	switch (probe->record->call) {
	case PROBE_CALL_clock_settime:
	case PROBE_CALL_clock_settime64:
	case PROBE_CALL_clock_adjtime:
	case PROBE_CALL_clock_adjtime64:
		return probe_argument(probe, 0) != CLOCK_REALTIME;
	default:
		return false;
	}
}

int probe_call(struct probe *probe)
{
	uint16_t kind = probe_call_kind(probe);
	const char *name = probe_call_name(probe);
	bool names_call = true;
	struct event *event;

	if (sets_other_clock(probe))
		return 0;
	if (kind == KIND_ID(image, load))	/* an anonymous mapping */
		kind = KIND_ID(security, memory_exec);
	event = probe_event(probe, kind, "CALL");
	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	switch (kind) {
	case KIND_ID(process, setuid):
		set_user_changes(probe, event);
		break;
	case KIND_ID(process, setgid):
		set_group_changes(probe, event);
		set_actor_groups(probe, 0);
		note_cut_groups(probe, event, 0);
		break;
	case KIND_ID(process, capset):
		set_capabilities(probe, event, probe->record->body.call.value);
		names_call = false;
		break;
	case KIND_ID(process, setns):
	case KIND_ID(process, unshare):
		set_namespaces(probe, event);
		take_namespaces(probe);
		names_call = false;
		break;
	case KIND_ID(process, ptrace):
		set_traced(probe, event);
		break;
	case KIND_ID(security, memory_exec):
		text_set(&event->values, FIELD_security_operation, probe_call_kind(probe) == kind ? "protect" : "map");
		break;
	case KIND_ID(security, time_change):
		text_set(&event->values, FIELD_security_subsystem, "time");
		break;
	case KIND_ID(driver, load):	/* its bytes are of the program's memory, or its file is closed already */
		set_module_name(probe, event);
		probe_set_missing(event, fields[FIELD_driver_path].name);
		break;
	default:
		break;
	}
	if (names_call && name)
		text_set(&event->values, FIELD_auditd_syscall, name);
	return probe_emit(probe, event);
}

int probe_program(struct probe *probe)
{
	/* enum bpf_prog_type, include/uapi/linux/bpf.h */
	static const char *const types[] = {
		"unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp", "perf_event", "cgroup_skb",
		"cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops", "sk_skb", "cgroup_device", "sk_msg",
		"raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local", "lirc_mode2", "sk_reuseport", "flow_dissector",
		"cgroup_sysctl", "raw_tracepoint_writable", "cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm",
		"sk_lookup", "syscall", "netfilter",
	};
	const struct probe_program *program = &probe->record->body.program;
	const uint8_t *tag = (const uint8_t *)&program->tag;
	struct buffer *text = &probe->decoder->text;
	struct event *event = probe_event(probe, KIND_ID(driver, load), "CALL");
	size_t name_bytes = strnlen(program->name, sizeof(program->name));

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	text_set(&event->values, FIELD_auditd_syscall, "bpf");
	values_set_number(&event->values, FIELD_bpf_id, program->id);
	if (name_bytes > 0)
		values_set_text(&event->values, FIELD_bpf_name, (struct span){ program->name, name_bytes });
	if (program->type < ARRAY_SIZE(types))
		text_set(&event->values, FIELD_bpf_type, types[program->type]);
	buffer_clear(text);
	for (size_t i = 0; i < sizeof(program->tag); i++)
		buffer_printf(text, "%02x", tag[i]);
	values_set_text(&event->values, FIELD_bpf_tag, buffer_span(text));
	return probe_emit(probe, event);
}

int probe_module(struct probe *probe)
{
	bool is_load = probe_argument(probe, 0);
	struct event *event = probe_event(probe, is_load ? KIND_ID(driver, load) : KIND_ID(driver, unload), "MODULE");
	struct span name = probe_text(probe->bytes, 0);

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	probe_set_text(probe, event, FIELD_driver_name, 0);
	if (is_load) {
		struct module_load *load = &probe->decoder->module_load;

		load->tid = probe->record->head.tid;
		load->size = MIN(name.size, sizeof(load->name));
		memcpy(load->name, name.data, load->size);
	}
	return probe_emit(probe, event);
}

int probe_module_file(struct probe *probe)
{
	const struct probe_file *file = &probe->record->body.file;
	const struct file_version version = { probe_device(file->device), file->inode, file->changed_ns };
	struct event *event = probe_event(probe, KIND_ID(driver, load), "CALL");

	if (!event)
		return -ENOMEM;
	text_set(&event->values, FIELD_outcome, "success");
	text_set(&event->values, FIELD_auditd_syscall, probe_call_name(probe));
	set_module_name(probe, event);
	probe_set_path(probe, event, FIELD_driver_path, FILE_PATH);
	event->found = (struct file_id){ .device = version.device, .inode = version.inode, .known = true, .changed_ns = version.changed_ns };
	values_set_number(&event->values, FIELD_driver_hash_id, file_version_id(&version));
	return probe_emit(probe, event);
}
