/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All programs as one object: they share the maps of common.h. */

#include "common.h"

#include "process.bpf.c"
#include "calls.bpf.c"
#include "file.bpf.c"
#include "written.bpf.c"
#include "network.bpf.c"
#include "dns.bpf.c"
#include "http.bpf.c"
#include "uring.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
