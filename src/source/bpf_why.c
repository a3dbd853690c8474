/* What is said of the eBPF source, also where there is none. */

#include <errno.h>

#include "source/bpf.h"

const char *const probe_class_names[N_PROBE_CLASSES] = {
	[PROBE_CLASS_EXEC] = "exec",	   [PROBE_CLASS_EXIT] = "exit",		[PROBE_CLASS_FORK] = "fork",
	[PROBE_CLASS_PROCESS] = "process", [PROBE_CLASS_FILE] = "file",		[PROBE_CLASS_FILE_WRITE] = "file_write",
	[PROBE_CLASS_FILE_READ] = "file_read", [PROBE_CLASS_NETWORK] = "network", [PROBE_CLASS_DNS] = "dns",
	[PROBE_CLASS_IMAGE] = "image",	   [PROBE_CLASS_DRIVER] = "driver",	[PROBE_CLASS_SECURITY] = "security",
	[PROBE_CLASS_HTTP] = "http",
};

const char *bpf_why(int error)
{
	switch (error) {
	case -ENOPKG:
		return "this recorder was built without it (clang, bpftool and libbpf were missing)";
	case -ENODATA:
		return "the kernel has no description of its types (/sys/kernel/btf/vmlinux; CONFIG_DEBUG_INFO_BTF)";
	case -EPERM:
	case -EACCES:
		return "the kernel does not allow it (root or CAP_BPF and CAP_PERFMON are needed; lockdown=confidentiality forbids it)";
	case -ENOMEM:
		return "no memory (on kernels before 5.11: raise RLIMIT_MEMLOCK)";
	case -ENOTSUP:
	case -EINVAL:
	case -E2BIG:
	case -ESRCH:
		return "the kernel is too old for the programs (5.13 is needed)";
	default:
		return "the programs could not be loaded";
	}
}
