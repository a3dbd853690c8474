#pragma once
/* SELinux as far as the recorder is concerned: does it enforce, does the recorder's program have the type that its policy is about
 * (selinux/recorder.cil), and which programs of the host can mend that.  All of it is read from files: no library asks the kernel. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum selinux_mode { SELINUX_NONE, SELINUX_PERMISSIVE, SELINUX_ENFORCING };
enum selinux_module { SELINUX_MODULE_PERMISSIVE, SELINUX_MODULE_RECORDER, N_SELINUX_MODULES };	/* in the order in which they go */
enum selinux_tool { SELINUX_SEMODULE, SELINUX_RESTORECON, SELINUX_SEMANAGE, N_SELINUX_TOOLS };

#define SELINUX_EXEC_TYPE "recorder_exec_t"
#define SELINUX_PRIORITY "200"		/* of modules that are neither the distribution's nor an administrator's (semodule(8)) */

extern const char *const selinux_modules[N_SELINUX_MODULES];

struct selinux {
	enum selinux_mode mode;
	bool is_loaded[N_SELINUX_MODULES];	/* in the store of the policy in force */
	bool is_elsewhere;		/* the program is not where the policy expects it: semanage has to say where it is */
	char program[PATH_MAX];		/* as the host has it, without the root */
	char type[64];			/* of the program; empty: none */
	char tools[N_SELINUX_TOOLS][32];	/* where each is, without the root; empty: nowhere */
	bool is_old_python;		/* semanage is in the package that RHEL 7 has it in */
};

/* root: the folder that is the host's /, or "".  program: its place; NULL: that of this process. */
void selinux_look(struct selinux *ret, const char *root, const char *program);
bool selinux_is_applied(const struct selinux *selinux);	/* the program has its type */
/* "semodule, restorecon (policycoreutils)": what is needed and missing, with the packages that have it.  false: nothing. */
bool selinux_missing(const struct selinux *selinux, char *ret, size_t size);
/* What is so, and how it is mended: empty if it is well.  How it is where there is no SELinux, or one that refuses nothing, is well. */
void selinux_explain(const struct selinux *selinux, char *ret_why, size_t why_size, char *ret_mend, size_t mend_size);
