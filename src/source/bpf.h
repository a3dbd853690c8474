#pragma once
/* The eBPF source beyond source_ops. */

#include "bpf/probe.h"
#include "source/source.h"

/* Kinds of events that it shows on this kernel. */
void source_bpf_serves(const struct source *source, bool *ret_kinds);
/* By class, of all processors, since it was opened; by any thread. */
void source_bpf_count(const struct source *source, struct probe_counters *ret);
/* The same of a live source; all 0 if it has no programs. */
void source_live_bpf_count(const struct source *source, struct probe_counters *ret);
/* Of the rings of all processors, as they are mapped: each twice, so that no record has a break. */
size_t source_bpf_ring_bytes(const struct source *source);
size_t source_live_ring_bytes(const struct source *source);	/* 0 without programs */
/* See source_live_want(). */
int source_bpf_want(struct source *source, const struct source_wants *wants);
bool source_bpf_must_let_go(const struct source *source);
void source_bpf_let_go(struct source *source, bool all, struct source_untold *ret);
void source_bpf_set_write_interval(struct source *source, uint32_t interval_ms);
/* What the -errno that opening it gave means for a person who has to mend it. */
const char *bpf_why(int error);
const char *bpf_why_with(int error, const char *lockdown_path);	/* the file that says whether the kernel is locked down, for tests */
extern const char *const probe_class_names[N_PROBE_CLASSES];
