/* See bpf_sections.h.
 *
 * Who prepares the programs of a kind of sections does the rest of what libbpf does for these too: which tracepoint it is, and
 * how it is attached. */

#include "source/bpf_sections.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"

static int prepare(struct bpf_program *program, struct bpf_prog_load_opts *options, long attach_type)
{
	const char *section = bpf_program__section_name(program), *name = strchr(section, '/');
	/* They are the program's, to be changed here (libbpf.h, bpf_program__set_insns). */
	struct bpf_insn *code = (struct bpf_insn *)(uintptr_t)bpf_program__insns(program);
	int type_id = name ? libbpf_find_vmlinux_btf_id(name + 1, (enum bpf_attach_type)attach_type) : -EINVAL;

	if (type_id < 0)
		return type_id;
	options->attach_btf_id = (uint32_t)type_id;
	for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
		/* imm: which function; 0: the kernel has none of that name. */
		if (code[i].code == (BPF_JMP | BPF_CALL) && code[i].src_reg == BPF_PSEUDO_KFUNC_CALL && code[i].imm == 0)
			code[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 };
	return 0;
}

static int attach(const struct bpf_program *program, long attach_type, struct bpf_link **ret)
{
	struct bpf_link *link = attach_type == BPF_TRACE_ITER ? bpf_program__attach_iter(program, NULL) :
								bpf_program__attach_trace(program);

	*ret = link;
	return link ? 0 : -errno;
}

int bpf_sections_take(void)
{
	static bool are_taken;		/* libbpf has one list for all, parts of which are in use from then on */
	static const struct {
		const char *section;
		enum bpf_attach_type attach_type;
	} sections[] = { { "tp_btf/", BPF_TRACE_RAW_TP }, { "iter/", BPF_TRACE_ITER } };

	for (size_t i = 0; i < ARRAY_SIZE(sections) && !are_taken; i++) {
		LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = sections[i].attach_type, .prog_prepare_load_fn = prepare,
			    .prog_attach_fn = attach);
		int r = libbpf_register_prog_handler(sections[i].section, BPF_PROG_TYPE_TRACING, sections[i].attach_type, &options);

		if (r < 0)
			return r;
	}
	are_taken = true;
	return 0;
}
