#pragma once
/* The system calls that the programs look at: a table in memory of theirs, made from bpf/calls.def and what is wanted, with
 * libaudit's numbers. */

#include "bpf/probe.h"
#include "event/schema.h"

#define BPF_PLANS (2 * PROBE_SYSCALLS)	/* of the native machine, then of the narrow one */

/* of_acts: the acts that serve anything wanted.  Numbers of which nothing is wanted become zero. */
void bpf_calls_plan(struct probe_call_plan ret[BPF_PLANS], const bool kinds_wanted[N_KINDS], const bool of_acts[N_PROBE_ACTS]);
/* Bits of enum probe_want. */
uint32_t bpf_calls_wants(const bool kinds_wanted[N_KINDS]);
