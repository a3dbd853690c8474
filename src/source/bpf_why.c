/* What is said of the eBPF source, also where there is none. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/bpf.h"

const char *const probe_class_names[N_PROBE_CLASSES] = {
	[PROBE_CLASS_EXEC] = "exec",	   [PROBE_CLASS_EXIT] = "exit",		[PROBE_CLASS_FORK] = "fork",
	[PROBE_CLASS_PROCESS] = "process", [PROBE_CLASS_FILE] = "file",		[PROBE_CLASS_FILE_WRITE] = "file_write",
	[PROBE_CLASS_FILE_READ] = "file_read", [PROBE_CLASS_NETWORK] = "network", [PROBE_CLASS_DNS] = "dns",
	[PROBE_CLASS_IMAGE] = "image",	   [PROBE_CLASS_DRIVER] = "driver",	[PROBE_CLASS_SECURITY] = "security",
	[PROBE_CLASS_HTTP] = "http",
};

/* What a program may not call then the verifier says of it as if there were no such thing (kernel/trace/bpf_trace.c,
 * bpf_tracing_func_proto: NULL, so EINVAL).  Of the words of the file the one in brackets is in force (security/lockdown/lockdown.c). */
static bool is_locked_down(const char *path)
{
	FILE *file = fopen(path, "re");
	char words[128] = "";

	if (!file)
		return false;
	if (!fgets(words, sizeof(words), file))
		words[0] = 0;
	fclose(file);
	return strstr(words, "[confidentiality]");
}

const char *bpf_why(int error)
{
	return bpf_why_with(error, "/sys/kernel/security/lockdown");
}

const char *bpf_why_with(int error, const char *lockdown_path)
{
	if ((error == -EPERM || error == -EACCES || error == -EINVAL) && is_locked_down(lockdown_path))
		return "the kernel is locked down (lockdown=confidentiality), which forbids programs to read its memory";
	switch (error) {
	case -ENOPKG:
		return "this recorder was built without it (clang, bpftool and libbpf were missing)";
	case -ENODATA:
		return "the kernel has no description of its types (/sys/kernel/btf/vmlinux; CONFIG_DEBUG_INFO_BTF)";
	case -EPERM:
		return "the kernel does not allow it (root or CAP_BPF and CAP_PERFMON are needed)";
	case -EACCES:
		return "the kernel's verifier refuses a program (a fault of the recorder, please report it with `uname -r`)";
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
