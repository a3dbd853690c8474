#pragma once
/* The settings: one table (settings.def) gives type, range, default, platform and effect. */

#include "base/buffer.h"

enum setting_type { SETTING_BOOL, SETTING_INT, SETTING_CHOICE, SETTING_TEXT };
enum setting_platform { PLATFORM_ALL, PLATFORM_LINUX, PLATFORM_WINDOWS, PLATFORM_MACOS };
enum setting_acts { ACTS_NOW, ACTS_START, ACTS_NEVER };
enum setting_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_COMMAND_LINE };

enum setting_id {
#define SETTING(name, type, min, max, def, unit, platform, acts, issue, where, effect) SETTING_##name,
#include "control/settings.def"
	N_SETTINGS,
};

#define SETTING_PREFIX "CX.recorder."
#define SETTING_TEXT_BYTES 64		/* with the NUL */

struct setting_info {
	const char *name;		/* without the prefix */
	enum setting_type type;
	int64_t min, max, standard;
	const char *unit;		/* "ms"; of a CHOICE its words, "on,off" */
	enum setting_platform platform;
	enum setting_acts acts;
	unsigned issue;			/* of the tracker; 0: none */
	const char *where;		/* file below src; "": nowhere yet */
	const char *effect;
};
extern const struct setting_info setting_infos[N_SETTINGS];
extern const char *const setting_type_words[], *const setting_platform_words[], *const setting_origin_words[];

struct settings {
	int64_t value[N_SETTINGS];	/* CHOICE: the number of the word; TEXT: 0 */
	char text[N_SETTINGS][SETTING_TEXT_BYTES];	/* TEXT alone */
	enum setting_origin origin[N_SETTINGS];
};

struct settings_error {
	char message[512];		/* "recorder.conf:3: StatusUpdateInterval: 0 is out of range (1 to 86400 s)" */
};

void settings_init(struct settings *settings);	/* all defaults */
/* Lines `CX.recorder.NAME = VALUE` (the prefix may be left out), `#` begins a comment.  A name may stand there once.  A
 * missing file is an empty one. 0; -EINVAL: the content is wrong; -errno.  On failure *error says why and settings is
 * untouched. */
int settings_read(struct settings *settings, const char *path, struct settings_error *error);
/* The same with the text of a file; path is only what messages call it. */
int settings_parse(struct settings *settings, struct span text, const char *path, struct settings_error *error);
/* One alone, with or without the prefix.  Its id; -ENOENT: the name is unknown, -EINVAL: the value is wrong, *error says
 * how and what was meant. */
int setting_find(struct span name, struct settings_error *error);
int setting_set(struct settings *settings, struct span name, struct span value, enum setting_origin origin,
		struct settings_error *error);

bool setting_is_same(const struct settings *a, const struct settings *b, enum setting_id id);
bool setting_is_here(enum setting_id id);	/* this platform has it */
/* As the file writes it. */
void setting_append_value(struct buffer *out, const struct settings *settings, enum setting_id id);
/* What may be set: "0 or 1", "64 to 1048576 ms", ... */
void setting_append_range(struct buffer *out, enum setting_id id);
/* What it does now, in words: "at once", "not on this platform", ... */
const char *setting_acts_words(enum setting_id id);
