#pragma once
/* An exec of a BPF ring, whole again: long arguments come in pieces behind it, and of the environment only the variables that
 * matter are kept, so that no secret of a program gets any further. */

#include "base/buffer.h"
#include "bpf/probe.h"

struct bpf_exec {
	struct buffer record;		/* probe_record up to the text before ENV; then what follows here */
	struct buffer env, args;
	uint32_t env_left, args_left;	/* still to come */
	bool env_cut, args_cut;		/* not all of it will come */
	bool is_open;
};

void bpf_exec_release(struct bpf_exec *exec);

/* A PROBE_EXEC, checked by probe_check().  1: it is whole already, *ret is it (until the next call); 0: pieces follow; -ENOMEM. */
int bpf_exec_begin(struct bpf_exec *exec, struct span record, struct span *ret);
/* A PROBE_MORE.  As above; one that belongs to nothing: 0. */
int bpf_exec_piece(struct bpf_exec *exec, struct span record, struct span *ret);
/* No more pieces come (the ring had no room): what there is, args marked as cut.  1, or 0: nothing was open; -ENOMEM. */
int bpf_exec_end(struct bpf_exec *exec, struct span *ret);

/* Variables of an environment block that are recorded, each with its NUL, appended.  false: one is longer than is kept. */
bool bpf_exec_keep_env(struct buffer *to, struct span block);
