/* See bpf_programs.h.
 *
 * They are loaded as they are wanted first: a program that is wanted later comes as another object whose maps are those of the
 * first.  What is wanted no more is detached, and what it had kept in its maps is forgotten.  To load and to attach takes
 * privileges; what the reader does is shared memory alone. */

#include "source/bpf_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "recorder.skel.h"
#include "source/bpf.h"
#include "source/bpf_calls.h"
#include "source/bpf_exclusions.h"
#include "source/bpf_ring.h"
#include "source/bpf_sections.h"
#include "source/host_namespaces.h"

#define MAX_KINDS 16
#define MAX_RINGS_BYTES ((size_t)256 << 20)	/* of all processors */
#define ALL (-2)			/* kinds of a program: any kind at all, */
#define CALLS (-3)			/* any kind that a program of system calls serves */
#define END (-1)
#define STOP_RECORDS 1024		/* told at the stop before the reader takes them */
#define WAKE_PART 8			/* of a ring: the reader is woken for as much */
#define TAKE_NS (20 * NS_PER_MS)	/* it has taken them by then */

struct program {
	const char *name;		/* NULL: no program of its own */
	const char *tracepoint;
	enum probe_act act;		/* NONE: attached itself */
	bool optional;
	const char *unless;		/* not where the kernel has that tracepoint; NULL: always */
	bool at_stop;			/* `tracepoint` is what it goes through */
	int kinds[MAX_KINDS];
};

static const struct program programs_of[] = {
#define ATTACHED(name, tracepoint, ...) { #name, tracepoint, PROBE_ACT_NONE, false, NULL, false, { __VA_ARGS__, END } },
#define OPTIONAL(name, tracepoint, ...) { #name, tracepoint, PROBE_ACT_NONE, true, NULL, false, { __VA_ARGS__, END } },
#define UNLESS(other, name, tracepoint, ...) { #name, tracepoint, PROBE_ACT_NONE, true, other, false, { __VA_ARGS__, END } },
#define AT_STOP(name, what, ...) { #name, what, PROBE_ACT_NONE, true, NULL, true, { __VA_ARGS__, END } },
#define CALLED(name, act, ...) { #name, "sys_exit", PROBE_ACT_##act, false, NULL, false, { __VA_ARGS__, END } },
#define WITHIN(act, ...) { NULL, "sys_exit", PROBE_ACT_##act, false, NULL, false, { __VA_ARGS__, END } },
#include "source/bpf_programs.def"
};

#define N_PROGRAMS ARRAY_SIZE(programs_of)

struct bpf_programs {
	struct recorder *objects[N_PROGRAMS];	/* the first has the maps */
	size_t n_objects;
	bool cannot_cast;		/* the kernel is too old for can_cast */
	bool usable[N_PROGRAMS];	/* the kernel has what the program needs */
	struct bpf_link *links[N_PROGRAMS];
	int stop_fd;			/* reading it runs the program of the stop; -1: there is none */
	uint64_t stopped_ns;		/* since boot: when that was begun; 0: not yet */
	struct probe_call_plan plans[BPF_PLANS];	/* as the programs have them */
	bool wanted[N_KINDS];
	struct bpf_ring *rings;
	unsigned n_cpus;
	struct probe_control *control;
	struct probe_counters *counters;	/* n_cpus of them */
	struct probe_writers *writers;
	_Atomic uint64_t let_go;	/* writes that nobody can tell */
	size_t control_bytes, counters_bytes, writers_bytes;
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
		for (size_t i = 0; i < N_PROGRAMS; i++)
			if (programs_of[i].act != PROBE_ACT_NONE && program_wanted(&programs_of[i], wanted))
				return true;
	}
	return false;
}

void bpf_programs_serve(const struct bpf_programs *programs, bool ret[N_KINDS])
{
	bool served[N_KINDS] = { [KIND_ID(process, fork)] = true, [KIND_ID(process, exec)] = true,
				 [KIND_ID(process, exit)] = true };

	for (size_t i = 0; i < N_PROGRAMS; i++)
		for (const int *kind = programs_of[i].kinds; *kind != END; kind++)
			if (*kind >= 0 && programs->usable[i])
				served[*kind] = true;
	/* One program is not enough where several are needed for a kind. */
	for (size_t i = 0; i < N_PROGRAMS; i++)
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

static bool has(const struct btf *btf, const char *prefix, const char *what, uint32_t kind)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", prefix, what);
	return btf__find_by_name_kind(btf, name, kind) > 0;
}

/* A function that programs may call, by its name in the kernel's enumeration of them. */
static bool has_helper(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (unsigned i = 0; type && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name) == 0)
			return true;
	return false;
}

static int find_tracepoints(struct bpf_programs *programs)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return errno == ENOENT || errno == ESRCH ? -ENODATA : -errno;
	/* All of them call it (since 5.11, 3ca1032ab7ab).  Older kernels would say EPERM: they count maps against RLIMIT_MEMLOCK. */
	if (!has_helper(btf, "BPF_FUNC_get_current_task_btf")) {
		btf__free(btf);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		const struct program *program = &programs_of[i];

		programs->usable[i] = program->at_stop ? has(btf, "bpf_iter", program->tracepoint, BTF_KIND_FUNC) :
			has(btf, "btf_trace", program->tracepoint, BTF_KIND_TYPEDEF);
		if (program->unless && has(btf, "btf_trace", program->unless, BTF_KIND_TYPEDEF))
			programs->usable[i] = false;
	}
	btf__free(btf);
	return 0;
}

/* Of the object that has it; programs that several lines name are one.  NULL: it is not loaded. */
static struct bpf_program *find_loaded(const struct bpf_programs *programs, size_t i)
{
	for (size_t k = 0; programs_of[i].name && k < programs->n_objects; k++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(programs->objects[k]->obj, programs_of[i].name);

		if (program && bpf_program__fd(program) >= 0)
			return program;
	}
	return NULL;
}

/* Whether any line names it and is needed. */
static bool is_needed(const char *name, const bool needed[N_PROGRAMS])
{
	for (size_t i = 0; i < N_PROGRAMS; i++)
		if (needed[i] && programs_of[i].name && strcmp(programs_of[i].name, name) == 0)
			return true;
	return false;
}

static int share_maps(struct recorder *object, const struct recorder *first)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->obj) {
		const struct bpf_map *of_first = bpf_object__find_map_by_name(first->obj, bpf_map__name(map));

		/* Constants each object has its own. */
		if (bpf_map__is_internal(map))
			continue;
		if (!of_first || bpf_map__reuse_fd(map, bpf_map__fd(of_first)) < 0)
			return of_first ? -errno : -EINVAL;
	}
	return 0;
}

/* Whether the kernel takes instructions that change a number and give what it was (bpf/fetch.h). */
static bool can_fetch(void)
{
	static const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -8 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -8, .imm = BPF_OR | BPF_FETCH },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "can_fetch", "GPL", instructions, ARRAY_SIZE(instructions), NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int load_object(struct bpf_programs *programs, const bool needed[N_PROGRAMS])
{
	struct recorder *object = recorder__open();
	struct bpf_program *program;
	int r = 0;

	if (!object)
		return -errno;
	bpf_object__for_each_program(program, object->obj)
		bpf_program__set_autoload(program, is_needed(bpf_program__name(program), needed));
	/* A type or function that the kernel lacks libbpf looks for in the modules, once an object, and libbpf 1.1 gives up where it may
	 * not (CAP_SYS_ADMIN, which we have not).  So the once is for something that nobody needs. */
	bpf_program__set_attach_target(object->progs.on_fork, 0, "no tracepoint");
	object->rodata->can_cast = !programs->cannot_cast;
	object->rodata->can_fetch = can_fetch();
	host_namespaces((uint32_t *)object->rodata->host_namespaces);
	if (programs->n_objects > 0) {
		r = share_maps(object, programs->objects[0]);
	} else {
		bpf_map__set_max_entries(object->maps.rings, programs->n_cpus);
		bpf_map__set_max_entries(object->maps.counters, programs->n_cpus);
	}
	if (r >= 0)
		r = recorder__load(object);
	if (r < 0) {
		recorder__destroy(object);
		return r;
	}
	programs->objects[programs->n_objects++] = object;
	return 0;
}

static int load_needed(struct bpf_programs *programs, const bool *wanted)
{
	bool needed[N_PROGRAMS], any = programs->n_objects == 0;
	int r;

	for (size_t i = 0; i < N_PROGRAMS; i++) {
		needed[i] = programs_of[i].name && programs->usable[i] && program_wanted(&programs_of[i], wanted) &&
			    !find_loaded(programs, i);
		any |= needed[i];
	}
	if (!any)
		return 0;
	r = load_object(programs, needed);
	if (r < 0 && !programs->cannot_cast) {
		programs->cannot_cast = true;
		r = bpf_sections_take();
		if (r >= 0)
			r = load_object(programs, needed);
		programs->cannot_cast = r >= 0;
	}
	return r;
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
		if (bpf_map_update_elem(bpf_map__fd(programs->objects[0]->maps.rings), &cpu, &programs->rings[cpu].fd, BPF_ANY) < 0)
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
	int fd = bpf_map__fd(programs->objects[0]->maps.plans);
	struct probe_call_plan plans[BPF_PLANS];
	bool of_acts[N_PROBE_ACTS] = { false };

	for (size_t i = 0; i < N_PROGRAMS; i++)
		of_acts[programs_of[i].act] |= program_wanted(&programs_of[i], wanted);
	bpf_calls_plan(plans, wanted, of_acts);
	for (uint32_t i = 0; i < BPF_PLANS; i++) {
		if (memcmp(&plans[i], &programs->plans[i], sizeof(plans[i])) == 0)
			continue;
		if (bpf_map_update_elem(fd, &i, &plans[i], BPF_ANY) < 0)
			return -errno;
		programs->plans[i] = plans[i];
	}
	return 0;
}

static int fill_acts(struct bpf_programs *programs)
{
	int acts = bpf_map__fd(programs->objects[0]->maps.acts);

	for (size_t i = 0; i < N_PROGRAMS; i++) {
		const struct bpf_program *program = programs_of[i].act == PROBE_ACT_NONE ? NULL : find_loaded(programs, i);
		uint32_t act = programs_of[i].act;
		int fd = program ? bpf_program__fd(program) : -1;

		if (fd >= 0 && bpf_map_update_elem(acts, &act, &fd, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* Attaching */

static void detach_one(struct bpf_programs *programs, size_t i)
{
	bpf_link__destroy(programs->links[i]);
	programs->links[i] = NULL;
	if (programs_of[i].at_stop && programs->stop_fd >= 0) {
		close(programs->stop_fd);
		programs->stop_fd = -1;
	}
}

static int attach(struct bpf_programs *programs, const bool *wanted)
{
	for (size_t i = 0; i < N_PROGRAMS; i++) {
		const struct bpf_program *program = NULL;

		if (programs_of[i].act == PROBE_ACT_NONE && !programs->links[i] && program_wanted(&programs_of[i], wanted))
			program = find_loaded(programs, i);
		if (!program)
			continue;
		programs->links[i] = bpf_program__attach(program);
		if (!programs->links[i])
			return -errno;
		if (programs_of[i].at_stop) {
			programs->stop_fd = bpf_iter_create(bpf_link__fd(programs->links[i]));
			if (programs->stop_fd < 0) {
				int r = -errno;

				detach_one(programs, i);
				return r;
			}
		}
	}
	return 0;
}

static void detach(struct bpf_programs *programs, const bool *wanted)
{
	for (size_t i = 0; i < N_PROGRAMS; i++)
		if (programs->links[i] && !(wanted && program_wanted(&programs_of[i], wanted)))
			detach_one(programs, i);
}

/* One less of struct probe_written. */
static void count_gone(const struct bpf_programs *programs, const struct probe_written_key *key)
{
	__atomic_sub_fetch(&programs->control->kept_writes, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&programs->writers->pending[PROBE_WRITER(key->pid)], 1, __ATOMIC_RELAXED);
}

static void forget(const struct bpf_programs *programs, const struct bpf_map *map)
{
	bool are_writes = map == programs->objects[0]->maps.writes;
	int map_fd = bpf_map__fd(map);
	union {
		struct probe_written_key written;
		char bytes[128];
	} key;

	assert(bpf_map__key_size(map) <= sizeof(key));
	while (bpf_map_get_next_key(map_fd, NULL, &key) == 0) {
		if (bpf_map_delete_elem(map_fd, &key) == 0) {
			if (are_writes)
				count_gone(programs, &key.written);
		} else if (errno != ENOENT) {
			break;
		}
	}
}

/* What the maps kept of kinds that nobody wants any more would be of another time when somebody wants them again. */
static void forget_unwanted(struct bpf_programs *programs, const bool *wanted)
{
	struct recorder *first = programs->objects[0];
	const struct {
		struct bpf_map *map;
		enum kind_id kinds[5];
	} kept[] = {
		{ first->maps.writes, { KIND_ID(file, write) } },
		{ first->maps.written_by, { KIND_ID(file, write) } },
		{ first->maps.long_paths, { KIND_ID(file, write) } },
		{ first->maps.connections, { KIND_ID(network, connect), KIND_ID(network, disconnect) } },
		{ first->maps.askers, { KIND_ID(dns, query), KIND_ID(dns, response) } },
		{ first->maps.uring_pieces, { KIND_ID(file, create), KIND_ID(file, rename), KIND_ID(file, delete),
					      KIND_ID(file, link), KIND_ID(file, symlink) } },
		{ first->maps.uring_named, { KIND_ID(file, create), KIND_ID(file, rename), KIND_ID(file, delete),
					     KIND_ID(file, link), KIND_ID(file, symlink) } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		bool was = false, is = false;

		for (size_t k = 0; k < ARRAY_SIZE(kept[i].kinds) && (k == 0 || kept[i].kinds[k] != 0); k++) {
			was |= programs->wanted[kept[i].kinds[k]];
			is |= wanted[kept[i].kinds[k]];
		}
		if (!was || is)
			continue;
		forget(programs, kept[i].map);
	}
}

/* What is asked of the kernel besides for the recorder's own sake (pipeline/guard.h), where it costs next to nothing: signals are few, and
 * who looks into our memory opens a file, so it is seen where opens are looked at anyway. */
static void add_own(bool wanted[N_KINDS])
{
	static const enum kind_id opens[] = { KIND_ID(file, create), KIND_ID(file, write), KIND_ID(file, read), KIND_ID(security, raw_access) };

	wanted[KIND_ID(process, signal)] |= any_kind(wanted);
	for (size_t i = 0; i < ARRAY_SIZE(opens); i++)
		wanted[KIND_ID(process, ptrace)] |= wanted[opens[i]];
}

int bpf_programs_want(struct bpf_programs *programs, const struct source_wants *asked)
{
	struct recorder *first;
	bool all[N_KINDS];
	struct source_wants own = *asked;
	const struct source_wants *wants = &own;
	int r;

	memcpy(all, asked->kinds, sizeof(all));
	add_own(all);
	own.kinds = all;
	r = load_needed(programs, wants->kinds);

	if (r < 0)
		return r;
	first = programs->objects[0];
	r = bpf_exclude_paths(bpf_map__fd(first->maps.excluded_paths), programs->control, wants);
	if (r >= 0)
		r = bpf_require_paths(bpf_map__fd(first->maps.required_paths), programs->control, wants);
	if (r >= 0)
		r = bpf_exclude_names(bpf_map__fd(first->maps.excluded_names), programs->control, wants);
	if (r >= 0)
		r = fill_acts(programs);
	if (r >= 0)
		r = attach(programs, wants->kinds);
	if (r >= 0)
		r = plan_calls(programs, wants->kinds);
	if (r < 0)
		return r;
	__atomic_store_n(&programs->control->wants, bpf_calls_wants(wants->kinds), __ATOMIC_RELAXED);
	detach(programs, wants->kinds);
	forget_unwanted(programs, wants->kinds);
	memcpy(programs->wanted, wants->kinds, sizeof(programs->wanted));
	return 0;
}

/* Life */

static int begin(struct bpf_programs *programs, const struct bpf_programs_options *options)
{
	struct recorder *first;
	bool all[N_KINDS];
	int r;

	libbpf_set_print(be_quiet);
	r = find_tracepoints(programs);
	memcpy(all, options->wants->kinds, sizeof(all));
	add_own(all);
	if (r >= 0)
		r = load_needed(programs, all);
	if (r < 0)
		return r;
	first = programs->objects[0];
	r = open_rings(programs, options->ring_bytes);
	if (r >= 0)
		r = map_memory(first->maps.control, sizeof(struct probe_control), 1, (void **)&programs->control,
			       &programs->control_bytes);
	if (r >= 0)
		r = map_memory(first->maps.counters, sizeof(struct probe_counters), programs->n_cpus,
			       (void **)&programs->counters, &programs->counters_bytes);
	if (r >= 0)
		r = map_memory(first->maps.writers, sizeof(struct probe_writers), 1, (void **)&programs->writers,
			       &programs->writers_bytes);
	if (r < 0)
		return r;
	programs->control->own_pid = options->own_pid;
	programs->control->wake_bytes = (uint32_t)(programs->rings[0].bytes / WAKE_PART);
	programs->control->write_interval_ms = options->write_interval_ms;
	programs->control->tells_groups = options->tells_groups;
	return bpf_programs_want(programs, options->wants);
}

int bpf_programs_open(struct bpf_programs **ret, const struct bpf_programs_options *options)
{
	struct bpf_programs *programs = calloc(1, sizeof(*programs));
	int n_cpus = libbpf_num_possible_cpus(), r;

	if (!programs)
		return -ENOMEM;
	programs->n_cpus = n_cpus > 0 ? (unsigned)n_cpus : 1;
	programs->stop_fd = -1;
	r = begin(programs, options);
	if (r < 0) {
		bpf_programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

struct bpf_programs *bpf_programs_free(struct bpf_programs *programs)
{
	if (!programs)
		return NULL;
	detach(programs, NULL);
	for (unsigned cpu = 0; programs->rings && cpu < programs->n_cpus; cpu++)
		bpf_ring_close(&programs->rings[cpu]);
	free(programs->rings);
	if (programs->control)
		munmap(programs->control, programs->control_bytes);
	if (programs->counters)
		munmap(programs->counters, programs->counters_bytes);
	if (programs->writers)
		munmap(programs->writers, programs->writers_bytes);
	while (programs->n_objects > 0)
		recorder__destroy(programs->objects[--programs->n_objects]);
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

/* All that is kept of files that are open, in portions that the reader can take.  0 or -errno. */
static int tell_kept(const struct bpf_programs *programs)
{
	char told[STOP_RECORDS];
	ssize_t n = 0;

	for (size_t i = 0; i < N_PROGRAMS && n >= 0; i++) {
		int fd;

		if (!programs_of[i].at_stop || !programs->links[i])
			continue;
		fd = bpf_iter_create(bpf_link__fd(programs->links[i]));
		if (fd < 0)
			return -errno;
		do {
			n = read(fd, told, sizeof(told));
			if (n >= STOP_RECORDS / 2)
				clock_sleep_ns(TAKE_NS);
		} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
		n = n < 0 ? -errno : n;
		close(fd);
	}
	return (int)MIN(n, 0);
}

/* The counter wraps for a moment where one thread adds behind another that takes away. */
bool bpf_programs_are_crowded(const struct bpf_programs *programs)
{
	return (int32_t)__atomic_load_n(&programs->control->kept_writes, __ATOMIC_RELAXED) > (int32_t)PROBE_KEPT_WRITES / 4 * 3;
}

/* It goes if the last write to it was before.  Whether that had not been told. */
static bool let_go_of(const struct bpf_programs *programs, const struct probe_written_key *key, uint64_t before_ns,
		      struct probe_written *ret)
{
	int fd = bpf_map__fd(programs->objects[0]->maps.writes);

	if (bpf_map_lookup_elem(fd, key, ret) < 0 || ret->last_ns >= before_ns)
		return false;
	/* Together, since 5.14: what is written in between would be gone too. */
	if (bpf_map_lookup_and_delete_elem(fd, key, ret) < 0 && (errno == ENOENT || bpf_map_delete_elem(fd, key) < 0))
		return false;
	count_gone(programs, key);
	bpf_map_delete_elem(bpf_map__fd(programs->objects[0]->maps.long_paths), key);
	return ret->untold != 0;
}

void bpf_programs_let_go(struct bpf_programs *programs, uint64_t *first_ns)
{
	int fd = bpf_map__fd(programs->objects[0]->maps.writes);
	uint64_t before_ns = programs->stopped_ns ? programs->stopped_ns : clock_ns(CLOCK_BOOTTIME);
	struct probe_written_key key, next;
	struct probe_written written;
	bool more;

	if (tell_kept(programs) < 0)
		return;
	more = bpf_map_get_next_key(fd, NULL, &next) == 0;
	/* The map may change meanwhile: who is gone begins anew, who comes is for the next time. */
	for (uint32_t i = 0; more && i < 2 * PROBE_KEPT_WRITES; i++) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!let_go_of(programs, &key, before_ns, &written))
			continue;
		*first_ns = MIN(*first_ns, written.first_ns);
		atomic_fetch_add(&programs->let_go, 1);
	}
}

int bpf_programs_stop(struct bpf_programs *programs)
{
	char told[STOP_RECORDS];
	ssize_t n = 0;
	int r;

	if (programs->stopped_ns == 0)
		programs->stopped_ns = clock_ns(CLOCK_BOOTTIME);
	if (programs->stop_fd >= 0)
		do
			n = read(programs->stop_fd, told, sizeof(told));
		while (n < 0 && (errno == EINTR || errno == EAGAIN));	/* EAGAIN: a million looked at, nothing told */
	r = n < 0 ? -errno : (int)n;
	/* A busy host never falls silent: what is in the rings now is the end. */
	if (r <= 0)
		detach(programs, NULL);
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

uint64_t bpf_programs_first_untold(struct bpf_programs *programs)
{
	uint64_t first_ns = __atomic_exchange_n(&programs->control->untold_first_ns, 0, __ATOMIC_RELAXED);

	return first_ns ? first_ns : UINT64_MAX;
}

uint64_t bpf_programs_untold(const struct bpf_programs *programs)
{
	return atomic_load(&((struct bpf_programs *)(uintptr_t)programs)->let_go) +
	       __atomic_load_n(&programs->control->untold_writes, __ATOMIC_RELAXED);
}
