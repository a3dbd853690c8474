/* See bpf_programs.h.
 *
 * The calls that are looked at are a table in memory that the programs share with us; it is made from bpf/calls.def and what
 * is wanted, with libaudit's numbers.  Everything is opened here, with privileges; afterwards only shared memory is used. */

#include "source/bpf_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macro.h"
#include "recorder.skel.h"
#include "source/bpf.h"
#include "source/bpf_ring.h"
#include "source/call_number.h"

#define MAX_KINDS 16
#define MAX_PROGRAMS 32
#define MAX_RINGS_BYTES ((size_t)256 << 20)	/* of all processors */
#define ALL (-2)			/* kinds of a program: any kind at all, */
#define CALLS (-3)			/* any kind that a program of system calls serves */
#define END (-1)
#define STOP_RECORDS 1024		/* told at the stop before the reader takes them */

struct program {
	const char *name;		/* NULL: no program of its own */
	const char *tracepoint;
	enum probe_act act;		/* NONE: attached itself */
	bool optional;
	bool at_stop;			/* `tracepoint` is what it goes through */
	int kinds[MAX_KINDS];
};

static const struct program programs_of[] = {
#define ATTACHED(name, tracepoint, ...) { #name, tracepoint, PROBE_ACT_NONE, false, false, { __VA_ARGS__, END } },
#define OPTIONAL(name, tracepoint, ...) { #name, tracepoint, PROBE_ACT_NONE, true, false, { __VA_ARGS__, END } },
#define AT_STOP(name, what, ...) { #name, what, PROBE_ACT_NONE, true, true, { __VA_ARGS__, END } },
#define CALLED(name, act, ...) { #name, "sys_exit", PROBE_ACT_##act, false, false, { __VA_ARGS__, END } },
#include "source/bpf_programs.def"
};

struct probe_line {
	const char *name;
	enum probe_act act;
	enum kind_id kind;
	struct probe_call_plan plan;
};

static const struct probe_line lines[] = {
	[PROBE_CALL_NONE] = { 0 },
#define PROBE_CALL_LINE(call, act, category, action, at, name_arg, at2, name2, value, class)                              \
	[PROBE_CALL_##call] = { #call, PROBE_ACT_##act, KIND_ID(category, action),                                         \
				{ PROBE_ACT_##act, PROBE_CALL_##call, at, name_arg, at2, name2, value,                     \
				  PROBE_CLASS_##class } },
#include "bpf/calls.def"
};

struct bpf_programs {
	struct recorder *skeleton;
	struct bpf_link *links[MAX_PROGRAMS];
	int stop_fd;			/* reading it runs the program of the stop; -1: there is none */
	bool usable[ARRAY_SIZE(programs_of)];	/* the kernel has what the program needs */
	struct bpf_ring *rings;
	unsigned n_cpus;
	struct probe_control *control;
	struct probe_counters *counters;	/* n_cpus of them */
	size_t control_bytes, counters_bytes;
};

/* What is wanted */

static bool any_kind(const bool *wanted)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		if (wanted[i] && kinds[i].category != CATEGORY_recorder)
			return true;
	return false;
}

static bool program_wanted(const struct program *program, const bool *wanted)
{
	for (const int *kind = program->kinds; *kind != END; kind++) {
		if (*kind == ALL)
			return any_kind(wanted);
		if (*kind >= 0 && wanted[*kind])
			return true;
		if (*kind != CALLS)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++)
			if (programs_of[i].act != PROBE_ACT_NONE && program_wanted(&programs_of[i], wanted))
				return true;
	}
	return false;
}

/* An act that looks at what a call moved decides by itself whether somebody wants it. */
static bool act_serves_many(enum probe_act act)
{
	return act == PROBE_ACT_OPEN || act == PROBE_ACT_WRITE || act == PROBE_ACT_CONNECT || act == PROBE_ACT_ACCEPT ||
	       act == PROBE_ACT_SEND || act == PROBE_ACT_RECEIVE || act == PROBE_ACT_READ || act == PROBE_ACT_MAP ||
	       act == PROBE_ACT_CLOSE;
}

static bool line_wanted(const struct probe_line *line, const bool *wanted)
{
	if (!act_serves_many(line->act))
		return wanted[line->kind];
	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++)
		if (programs_of[i].act == line->act && program_wanted(&programs_of[i], wanted))
			return true;
	return false;
}

static uint32_t wants(const bool *wanted)
{
	static const struct {
		enum kind_id kind;
		enum probe_want want;
	} table[] = {
		{ KIND_ID(file, create), PROBE_WANT_CREATE },
		{ KIND_ID(file, write), PROBE_WANT_WRITE },
		{ KIND_ID(file, read), PROBE_WANT_READ },
		{ KIND_ID(dns, query), PROBE_WANT_DNS },
		{ KIND_ID(dns, response), PROBE_WANT_DNS },
		{ KIND_ID(image, load), PROBE_WANT_IMAGE },
		{ KIND_ID(security, memory_exec), PROBE_WANT_MEMORY },
		{ KIND_ID(network, send), PROBE_WANT_SEND },
		{ KIND_ID(network, disconnect), PROBE_WANT_DISCONNECT },
		{ KIND_ID(network, connect), PROBE_WANT_CONNECT },
		{ KIND_ID(network, accept), PROBE_WANT_ACCEPT },
		{ KIND_ID(file, rename), PROBE_WANT_RENAME },
		{ KIND_ID(file, delete), PROBE_WANT_DELETE },
		{ KIND_ID(file, link), PROBE_WANT_LINK },
		{ KIND_ID(file, symlink), PROBE_WANT_SYMLINK },
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (wanted[table[i].kind])
			bits |= table[i].want;
	return bits;
}

void bpf_programs_serve(const struct bpf_programs *programs, bool ret[N_KINDS])
{
	bool served[N_KINDS] = { [KIND_ID(process, fork)] = true, [KIND_ID(process, exec)] = true,
				 [KIND_ID(process, exit)] = true };

	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++)
		for (const int *kind = programs_of[i].kinds; *kind != END; kind++)
			if (*kind >= 0 && programs->usable[i])
				served[*kind] = true;
	/* One program is not enough where several are needed for a kind. */
	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++)
		for (const int *kind = programs_of[i].kinds; *kind != END; kind++)
			if (*kind >= 0 && !programs->usable[i] && !programs_of[i].optional)
				served[*kind] = false;
	memcpy(ret, served, sizeof(served));
}

/* Loading */

static int __attribute__((format(printf, 2, 0))) be_quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	return 0;
}

static int find_tracepoints(struct bpf_programs *programs)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char name[64];

	if (!btf)
		return errno == ENOENT || errno == ESRCH ? -ENODATA : -errno;
	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++) {
		bool at_stop = programs_of[i].at_stop;

		snprintf(name, sizeof(name), "%s_%s", at_stop ? "bpf_iter" : "btf_trace", programs_of[i].tracepoint);
		programs->usable[i] = btf__find_by_name_kind(btf, name, at_stop ? BTF_KIND_FUNC : BTF_KIND_TYPEDEF) > 0;
	}
	btf__free(btf);
	return 0;
}

/* Programs that several lines name are loaded if one of them is wanted. */
static void choose(struct bpf_programs *programs, const bool *wanted)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, programs->skeleton->obj) {
		bool load = false;

		for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++)
			if (strcmp(programs_of[i].name, bpf_program__name(program)) == 0)
				load |= programs->usable[i] && program_wanted(&programs_of[i], wanted);
		bpf_program__set_autoload(program, load);
	}
}

static int open_rings(struct bpf_programs *programs, size_t ring_bytes)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);

	/* A host may have places for hundreds of processors. */
	ring_bytes = MIN(ring_bytes, MAX_RINGS_BYTES / programs->n_cpus);
	while (bytes <= ring_bytes / 2)
		bytes *= 2;
	programs->rings = calloc(programs->n_cpus, sizeof(*programs->rings));
	if (!programs->rings)
		return -ENOMEM;
	for (uint32_t cpu = 0; cpu < programs->n_cpus; cpu++) {
		int r = bpf_ring_open(&programs->rings[cpu], bytes);

		if (r < 0)
			return r;
		if (bpf_map_update_elem(bpf_map__fd(programs->skeleton->maps.rings), &cpu, &programs->rings[cpu].fd, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static int map_memory(const struct bpf_map *map, size_t value_bytes, size_t n, void **ret, size_t *ret_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory;

	*ret_bytes = ((value_bytes + 7) / 8 * 8 * n + page - 1) / page * page;
	memory = mmap(NULL, *ret_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

static int plan_calls(struct bpf_programs *programs, const bool *wanted)
{
	struct call_machines machines = call_machines();
	int fd = bpf_map__fd(programs->skeleton->maps.plans);

	for (size_t i = 1; i < ARRAY_SIZE(lines); i++) {
		const int numbers[] = { call_number(lines[i].name, machines.native),
					machines.narrow < 0 ? -1 : call_number(lines[i].name, machines.narrow) };

		if (!line_wanted(&lines[i], wanted))
			continue;
		for (uint32_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			uint32_t key = k * PROBE_SYSCALLS + (uint32_t)numbers[k];

			if (numbers[k] < 0 || numbers[k] >= PROBE_SYSCALLS)
				continue;
			if (bpf_map_update_elem(fd, &key, &lines[i].plan, BPF_ANY) < 0)
				return -errno;
		}
	}
	return 0;
}

/* "/run/systemd/" -> { "run", "systemd" }; false: it has more names, or longer ones, than the programs compare. */
static bool path_key(struct span path, struct probe_excluded *ret, unsigned *ret_names)
{
	unsigned n = 0;

	*ret = (struct probe_excluded){ 0 };
	if (path.size == 0 || path.data[0] != '/')
		return false;
	while (path.size > 0) {
		const char *end;
		size_t size;

		path.data++;
		path.size--;
		if (path.size == 0)
			break;
		end = memchr(path.data, '/', path.size);
		size = end ? (size_t)(end - path.data) : path.size;
		if (n == PROBE_EXCLUDED_NAMES || size == 0 || size >= PROBE_EXCLUDED_BYTES)
			return false;
		memcpy(ret->name[n++], path.data, size);
		path = (struct span){ path.data + size, path.size - size };
	}
	*ret_names = n;
	return n > 0;
}

static int exclude_paths(struct bpf_programs *programs, const struct bpf_programs_options *options)
{
	int fd = bpf_map__fd(programs->skeleton->maps.excluded_paths);

	for (size_t i = 0; i < options->n_excluded_paths; i++) {
		const struct source_exclusion *exclusion = &options->excluded_paths[i];
		uint32_t how = 0, more = exclusion->below ? PROBE_EXCLUDE_BELOW : PROBE_EXCLUDE_ITSELF;
		struct probe_excluded key;
		unsigned n_names;

		/* `/proc` as a beginning means /process too: no whole names. */
		if ((exclusion->below && !span_ends(exclusion->path, SPAN("/"))) || !path_key(exclusion->path, &key, &n_names))
			continue;
		bpf_map_lookup_elem(fd, &key, &how);
		how |= more;
		if (bpf_map_update_elem(fd, &key, &how, BPF_ANY) < 0)
			return errno == E2BIG ? 0 : -errno;	/* what does not fit is left out later */
		programs->control->excluded_depths |= 1u << n_names;
	}
	return 0;
}

static int exclude_names(struct bpf_programs *programs, const struct bpf_programs_options *options)
{
	int fd = bpf_map__fd(programs->skeleton->maps.excluded_names);
	uint32_t one = 1;

	for (size_t i = 0; i < options->n_excluded_names; i++) {
		char key[PROBE_NAME_BYTES] = { 0 };

		if (options->excluded_names[i].size >= sizeof(key))
			continue;
		memcpy(key, options->excluded_names[i].data, options->excluded_names[i].size);
		if (bpf_map_update_elem(fd, key, &one, BPF_ANY) < 0)
			return errno == E2BIG ? 0 : -errno;
		programs->control->excludes_names = 1;
	}
	return 0;
}

static int fill_acts(struct bpf_programs *programs)
{
	int acts = bpf_map__fd(programs->skeleton->maps.acts);

	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++) {
		const struct bpf_program *program =
			bpf_object__find_program_by_name(programs->skeleton->obj, programs_of[i].name);
		uint32_t act = programs_of[i].act;
		int fd = program && act != PROBE_ACT_NONE ? bpf_program__fd(program) : -1;

		if (fd >= 0 && bpf_map_update_elem(acts, &act, &fd, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static int attach(struct bpf_programs *programs)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(programs_of); i++) {
		const struct bpf_program *program =
			bpf_object__find_program_by_name(programs->skeleton->obj, programs_of[i].name);

		if (!program || programs_of[i].act != PROBE_ACT_NONE || bpf_program__fd(program) < 0)
			continue;
		programs->links[n] = bpf_program__attach(program);
		if (!programs->links[n])
			return -errno;
		/* Now, while there are privileges. */
		if (programs_of[i].at_stop) {
			programs->stop_fd = bpf_iter_create(bpf_link__fd(programs->links[n]));
			if (programs->stop_fd < 0)
				return -errno;
		}
		n++;
	}
	return 0;
}

static int load_skeleton(struct bpf_programs *programs, const bool *wanted, bool can_cast)
{
	struct recorder *skeleton = programs->skeleton = recorder__open();

	if (!skeleton)
		return -errno;
	choose(programs, wanted);
	skeleton->rodata->can_cast = can_cast;
	bpf_map__set_max_entries(skeleton->maps.rings, programs->n_cpus);
	bpf_map__set_max_entries(skeleton->maps.counters, programs->n_cpus);
	return recorder__load(skeleton);
}

static int load(struct bpf_programs *programs, const struct bpf_programs_options *options)
{
	struct recorder *skeleton;
	int r;

	libbpf_set_print(be_quiet);
	r = find_tracepoints(programs);
	if (r < 0)
		return r;
	r = load_skeleton(programs, options->wanted, true);
	if (r < 0) {
		recorder__destroy(programs->skeleton);
		r = load_skeleton(programs, options->wanted, false);
	}
	if (r < 0)
		return r;
	skeleton = programs->skeleton;
	r = open_rings(programs, options->ring_bytes);
	if (r >= 0)
		r = map_memory(skeleton->maps.control, sizeof(struct probe_control), 1, (void **)&programs->control,
			       &programs->control_bytes);
	if (r >= 0)
		r = map_memory(skeleton->maps.counters, sizeof(struct probe_counters), programs->n_cpus,
			       (void **)&programs->counters, &programs->counters_bytes);
	if (r < 0)
		return r;
	programs->control->own_pid = options->own_pid;
	programs->control->write_interval_ms = options->write_interval_ms;
	programs->control->wants = wants(options->wanted);
	r = exclude_paths(programs, options);
	if (r >= 0)
		r = exclude_names(programs, options);
	if (r >= 0)
		r = plan_calls(programs, options->wanted);
	if (r >= 0)
		r = fill_acts(programs);
	return r < 0 ? r : attach(programs);
}

int bpf_programs_open(struct bpf_programs **ret, const struct bpf_programs_options *options)
{
	struct bpf_programs *programs = calloc(1, sizeof(*programs));
	int n_cpus = libbpf_num_possible_cpus(), r;

	if (!programs)
		return -ENOMEM;
	programs->n_cpus = n_cpus > 0 ? (unsigned)n_cpus : 1;
	programs->stop_fd = -1;
	r = load(programs, options);
	if (r < 0) {
		bpf_programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

static void detach(struct bpf_programs *programs)
{
	for (size_t i = 0; i < MAX_PROGRAMS; i++) {
		bpf_link__destroy(programs->links[i]);
		programs->links[i] = NULL;
	}
}

struct bpf_programs *bpf_programs_free(struct bpf_programs *programs)
{
	if (!programs)
		return NULL;
	if (programs->stop_fd >= 0)
		close(programs->stop_fd);
	detach(programs);
	for (unsigned cpu = 0; programs->rings && cpu < programs->n_cpus; cpu++)
		bpf_ring_close(&programs->rings[cpu]);
	free(programs->rings);
	if (programs->control)
		munmap(programs->control, programs->control_bytes);
	if (programs->counters)
		munmap(programs->counters, programs->counters_bytes);
	recorder__destroy(programs->skeleton);
	free(programs);
	return NULL;
}

struct bpf_ring *bpf_programs_rings(struct bpf_programs *programs, unsigned *ret_n)
{
	*ret_n = programs->n_cpus;
	return programs->rings;
}

struct probe_control *bpf_programs_control(struct bpf_programs *programs)
{
	return programs->control;
}

int bpf_programs_stop(struct bpf_programs *programs)
{
	char told[STOP_RECORDS];
	ssize_t n = 0;
	int r;

	if (programs->stop_fd >= 0)
		do
			n = read(programs->stop_fd, told, sizeof(told));
		while (n < 0 && (errno == EINTR || errno == EAGAIN));	/* EAGAIN: a million looked at, nothing told */
	r = n < 0 ? -errno : (int)n;
	/* A busy host never falls silent: what is in the rings now is the end. */
	if (r <= 0)
		detach(programs);
	return r;
}

void bpf_programs_count(const struct bpf_programs *programs, struct probe_counters *ret)
{
	*ret = (struct probe_counters){ 0 };
	for (unsigned cpu = 0; cpu < programs->n_cpus; cpu++)
		for (unsigned i = 0; i < N_PROBE_CLASSES; i++) {
			const struct probe_counters *of = &programs->counters[cpu];

			ret->made[i] += __atomic_load_n(&of->made[i], __ATOMIC_RELAXED);
			ret->lost[i] += __atomic_load_n(&of->lost[i], __ATOMIC_RELAXED);
			ret->dropped[i] += __atomic_load_n(&of->dropped[i], __ATOMIC_RELAXED);
		}
}
