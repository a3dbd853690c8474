#pragma once
/* What no subscription wants, in the maps of the programs that leave it out. */

#include "bpf/probe.h"
#include "source/source.h"

/* Makes the maps say what is wanted, by difference.  0; -errno.  What does not fit is left out later. */
int bpf_exclude_paths(int map_fd, struct probe_control *control, const struct source_wants *wants);
/* Before that there may be more than is wanted, never less. */
int bpf_require_paths(int map_fd, struct probe_control *control, const struct source_wants *wants);
int bpf_exclude_names(int map_fd, struct probe_control *control, const struct source_wants *wants);
