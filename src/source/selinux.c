/* See selinux.h.  What the kernel says of the program's type is the whole truth: it says `unlabeled_t` of a type that its policy does not
 * have (security/selinux/hooks.c, selinux_inode_getsecurity), so who has ours has the policy too. */

#include "source/selinux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/span.h"

#define GUIDE "SELinux is in enforcing mode but recorder audit-pipe does not have the recorder SELinux policy applied"

const char *const selinux_modules[N_SELINUX_MODULES] = {
	[SELINUX_MODULE_PERMISSIVE] = "recorder_permissive", [SELINUX_MODULE_RECORDER] = "recorder",
};

/* Those that the policy itself gives the type. */
static const char *const expected_programs[] = { "/usr/bin/recorder", "/usr/local/bin/recorder" };

static const struct {
	const char *name, *package, *old_package;
	bool is_for_elsewhere;
} tools[N_SELINUX_TOOLS] = {
	[SELINUX_SEMODULE] = { "semodule", "policycoreutils", "policycoreutils", false },
	[SELINUX_RESTORECON] = { "restorecon", "policycoreutils", "policycoreutils", false },
	[SELINUX_SEMANAGE] = { "semanage", "policycoreutils-python-utils", "policycoreutils-python", true },
};
static const char *const tool_folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

/* The store moved with policycoreutils 2.4; RHEL 7 has left it where it was. */
static const char *const stores[] = { "/var/lib/selinux", "/etc/selinux" };

static bool exists(const char *root, const char *folder, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	return asprintf(&path, "%s%s/%s", root, folder, name) >= 0 && access(path, F_OK) == 0;
}

/* The value of the last `KEY=VALUE` of a file, without quotes.  Empty: none. */
static void read_value(const char *root, const char *name, const char *key, char *ret, size_t size)
{
	_cleanup_(freep) char *path = NULL;
	char line[256];
	FILE *file;

	*ret = 0;
	file = asprintf(&path, "%s%s", root, name) >= 0 ? fopen(path, "re") : NULL;
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *value = line + strlen(key) + 1;

		if (!span_starts(span_of(line), span_of(key)) || value[-1] != '=')
			continue;
		value += strspn(value, "\"' \t");
		value[strcspn(value, "\"'\r\n")] = 0;
		for (size_t n = strlen(value); n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
			value[n - 1] = 0;
		snprintf(ret, size, "%s", value);
	}
	fclose(file);
}

static enum selinux_mode read_mode(const char *root)
{
	_cleanup_(freep) char *path = NULL;
	FILE *file = asprintf(&path, "%s/sys/fs/selinux/enforce", root) >= 0 ? fopen(path, "re") : NULL;
	int said;

	if (!file)
		return SELINUX_NONE;
	said = fgetc(file);
	fclose(file);
	return said == '1' ? SELINUX_ENFORCING : SELINUX_PERMISSIVE;
}

static void find_modules(struct selinux *selinux, const char *root)
{
	char type[64], folder[PATH_MAX];

	read_value(root, "/etc/selinux/config", "SELINUXTYPE", type, sizeof(type));
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		snprintf(folder, sizeof(folder), "%s/%s/active/modules/" SELINUX_PRIORITY, stores[i], type);
		for (unsigned module = 0; module < N_SELINUX_MODULES; module++)
			selinux->is_loaded[module] |= exists(root, folder, selinux_modules[module]);
	}
}

static void find_program(struct selinux *selinux, const char *root, const char *program)
{
	static const struct span gone = SPAN(" (deleted)");	/* another version lies there by now */
	ssize_t n = -1;

	if (program)
		snprintf(selinux->program, sizeof(selinux->program), "%s", program);
	else
		n = readlink("/proc/self/exe", selinux->program, sizeof(selinux->program) - 1);
	if (n >= 0)
		selinux->program[n] = 0;
	if (n >= 0 && span_ends(span_of(selinux->program), gone))
		selinux->program[n - (ssize_t)gone.size] = 0;
	selinux->is_elsewhere = true;
	for (size_t i = 0; i < ARRAY_SIZE(expected_programs); i++)
		if (strcmp(selinux->program, expected_programs[i]) == 0)
			selinux->is_elsewhere = false;
}

/* `user:role:TYPE:level` */
static void read_type(struct selinux *selinux, const char *root)
{
	_cleanup_(freep) char *path = NULL;
	char label[256], *field = label;
	ssize_t n = asprintf(&path, "%s%s", root, selinux->program) >= 0 ?
			    lgetxattr(path, "security.selinux", label, sizeof(label) - 1) : -1;

	if (n <= 0)
		return;
	label[n] = 0;
	for (unsigned i = 0; field && i < 2; i++) {
		field = strchr(field, ':');
		field = field ? field + 1 : NULL;
	}
	if (field)
		snprintf(selinux->type, sizeof(selinux->type), "%.*s", (int)strcspn(field, ":"), field);
}

static void find_tools(struct selinux *selinux, const char *root)
{
	char id[64], like[64], version[32];

	for (unsigned tool = 0; tool < N_SELINUX_TOOLS; tool++)
		for (size_t i = 0; i < ARRAY_SIZE(tool_folders) && !*selinux->tools[tool]; i++)
			if (exists(root, tool_folders[i], tools[tool].name))
				snprintf(selinux->tools[tool], sizeof(selinux->tools[tool]), "%s/%s", tool_folders[i], tools[tool].name);
	read_value(root, "/etc/os-release", "ID", id, sizeof(id));
	read_value(root, "/etc/os-release", "ID_LIKE", like, sizeof(like));
	read_value(root, "/etc/os-release", "VERSION_ID", version, sizeof(version));
	selinux->is_old_python = (strcmp(id, "rhel") == 0 || strstr(like, "rhel")) && strtoul(version, NULL, 10) < 8;
}

void selinux_look(struct selinux *ret, const char *root, const char *program)
{
	*ret = (struct selinux){ .mode = read_mode(root) };
	if (ret->mode == SELINUX_NONE)
		return;
	find_modules(ret, root);
	find_program(ret, root, program);
	read_type(ret, root);
	find_tools(ret, root);
}

bool selinux_is_applied(const struct selinux *selinux)
{
	return strcmp(selinux->type, SELINUX_EXEC_TYPE) == 0;
}

bool selinux_missing(const struct selinux *selinux, char *ret, size_t size)
{
	const char *package = NULL;
	size_t n = 0;

	*ret = 0;
	for (unsigned tool = 0; tool < N_SELINUX_TOOLS; tool++) {
		const char *of = selinux->is_old_python ? tools[tool].old_package : tools[tool].package;

		if (*selinux->tools[tool] || (tools[tool].is_for_elsewhere && !selinux->is_elsewhere))
			continue;
		if (package && strcmp(package, of) != 0 && n < size)
			n += (size_t)snprintf(ret + n, size - n, " (%s)", package);
		if (n < size)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", package ? ", " : "", tools[tool].name);
		package = of;
	}
	if (package && n < size)
		snprintf(ret + n, size - n, " (%s)", package);
	return package != NULL;
}

void selinux_explain(const struct selinux *selinux, char *ret_why, size_t why_size, char *ret_mend, size_t mend_size)
{
	bool is_applied = selinux_is_applied(selinux);
	char missing[160];

	*ret_mend = 0;
	if (selinux->mode == SELINUX_NONE)
		snprintf(ret_why, why_size, "there is none");
	else if (selinux->mode == SELINUX_PERMISSIVE)
		snprintf(ret_why, why_size, "it refuses nothing (permissive); the recorder's policy is %sapplied", is_applied ? "" : "not ");
	else if (is_applied)
		snprintf(ret_why, why_size, "it enforces, and the recorder's policy is applied");
	else if (!selinux->is_loaded[SELINUX_MODULE_RECORDER])
		snprintf(ret_why, why_size, GUIDE ": it is not loaded");
	else
		snprintf(ret_why, why_size, GUIDE ": %.160s has %s%s", selinux->program, *selinux->type ? "the type " : "no type", selinux->type);
	if (selinux->mode != SELINUX_ENFORCING || is_applied)
		return;
	if (selinux_missing(selinux, missing, sizeof(missing)))
		snprintf(ret_mend, mend_size, "install %s, then `recorder selinux install`", missing);
	else
		snprintf(ret_mend, mend_size, "recorder selinux install");
}
