#pragma once
/* The programs in the kernel: which of them the kinds of events somebody wants need, whether this kernel can run them, and
 * their life. */

#include "bpf/probe.h"
#include "event/schema.h"
#include "source/source.h"

struct bpf_programs_options {
	const struct source_wants *wants;
	uint32_t own_pid;
	bool tells_groups;
	uint32_t write_interval_ms;	/* between two reports of writes to one open file */
	size_t ring_bytes;		/* of each processor */
};

struct bpf_programs;
/* Loads and attaches.  0; -errno: see bpf_why() in source/bpf.h. */
int bpf_programs_open(struct bpf_programs **ret, const struct bpf_programs_options *options);
/* Brings what is loaded, attached and left out to what is wanted now, beside a reader of the rings.  What was loaded once stays
 * loaded.  0; -errno: more may be attached than is wanted, what was wanted before still is. */
int bpf_programs_want(struct bpf_programs *programs, const struct source_wants *wants);
struct bpf_programs *bpf_programs_free(struct bpf_programs *programs);

/* Kinds that this kernel's programs show, wanted or not. */
void bpf_programs_serve(const struct bpf_programs *programs, bool ret[N_KINDS]);
struct bpf_ring *bpf_programs_rings(struct bpf_programs *programs, unsigned *ret_n);
struct probe_control *bpf_programs_control(struct bpf_programs *programs);
/* Lets the programs tell what they kept: a portion of it each time.  > 0: there may be more; 0: that was all; -errno. */
int bpf_programs_stop(struct bpf_programs *programs);
/* Is there little room left for what was written to files and not told yet? */
bool bpf_programs_are_crowded(const struct bpf_programs *programs);
/* What is kept is told, to be read; what nobody can tell any more, since its file was closed where no program looks, is let go of.
 * After the stop: all that is still kept.  Takes some 40 ms for a thousand that are told.  *first_ns (since boot) goes back to the
 * first write that was let go of. */
void bpf_programs_let_go(struct bpf_programs *programs, uint64_t *first_ns);
/* What was let go of, also by the programs, since they were loaded; any thread. */
uint64_t bpf_programs_untold(const struct bpf_programs *programs);
/* The first write that the programs let go of since the last call, since boot; UINT64_MAX: none. */
uint64_t bpf_programs_first_untold(struct bpf_programs *programs);
/* Of all processors together, for any thread. */
void bpf_programs_count(const struct bpf_programs *programs, struct probe_counters *ret);
