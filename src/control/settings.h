#pragma once
/* The settings: one table (settings.def) gives type, range, default and effect. */

#include "base/span.h"

enum setting_type { SETTING_BOOL, SETTING_INT };

enum setting_id {
#define SETTING(name, type, min, max, def, effect) SETTING_##name,
#include "control/settings.def"
	N_SETTINGS,
};

struct setting_info {
	const char *name;		/* without "CX.recorder." */
	enum setting_type type;
	int64_t min, max, standard;
	const char *effect;
};
extern const struct setting_info setting_infos[N_SETTINGS];

struct settings {
	int64_t value[N_SETTINGS];
	bool is_set[N_SETTINGS];	/* by a file, not the default */
};

struct settings_error {
	char message[512];		/* "recorder.conf:3: AuditdRulesBufferSize: 12 is below 64" */
};

void settings_init(struct settings *settings);	/* all defaults */
/* Lines `CX.recorder.NAME = VALUE` (the prefix may be left out), `#` begins a comment.  A name may stand
 * there once; one that nothing obeys yet is ignored with a warning in the log.  A missing file is an empty
 * one. 0; -EINVAL: the content is wrong; -errno.  On failure *error says why and settings is untouched. */
int settings_read(struct settings *settings, const char *path, struct settings_error *error);
/* The same with the text of a file; path is only what messages call it. */
int settings_parse(struct settings *settings, struct span text, const char *path,
		   struct settings_error *error);
