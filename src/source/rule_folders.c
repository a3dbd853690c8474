/* See rule_folders.h.  That a folder is another shows by when it was made: what replaces one may have got its inode. */

#include "source/rule_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "source/audit_plan.h"

struct look {
	bool is_away, is_unknown;
	uint64_t devices, born_ns;	/* 0: none, or the file system does not keep it */
};

static void look_at(struct look *look, const char *folder)
{
	struct statx found;

	if (statx(AT_FDCWD, folder, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_BTIME, &found) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			look->is_away = true;
		else
			look->is_unknown = true;
		return;
	}
	look->devices = look->devices * 31 + ((uint64_t)found.stx_dev_major << 32 | found.stx_dev_minor);
	if (found.stx_mask & STATX_BTIME)
		look->born_ns = MAX(look->born_ns, (uint64_t)found.stx_btime.tv_sec * NS_PER_SEC + found.stx_btime.tv_nsec);
}

static struct look look_at_all(const struct audit_rule_data *data)
{
	struct look look = { .is_away = false };
	const char *text = data->buf;

	for (uint32_t i = 0; i < data->field_count; i++) {
		uint32_t field = data->fields[i], size = data->values[i];
		char path[PATH_MAX];

		if (field == AUDIT_DIR || field == AUDIT_WATCH || field == AUDIT_EXE) {
			memcpy(path, text, size);	/* shorter, and absolute: audit_field.c */
			path[size] = '\0';
			if (field != AUDIT_DIR)
				path[MAX(strrchr(path, '/') - path, 1)] = '\0';
			look_at(&look, path);
		}
		if (audit_rule_field_is_text(field))
			text += size;
	}
	return look;
}

void rule_folders_look(struct rule_folders *ret, const struct audit_rule_data *data)
{
	*ret = (struct rule_folders){ .devices = look_at_all(data).devices, .looked_ns = clock_now_ns() };
}

bool rule_folders_are_other(const struct rule_folders *folders, const struct audit_rule_data *data, uint64_t since_ns)
{
	struct look look = look_at_all(data);

	if (look.is_away || look.is_unknown || folders->looked_ns == 0)
		return look.is_away;
	return look.devices != folders->devices || (look.born_ns > 0 && look.born_ns >= MAX(since_ns, folders->looked_ns));
}
