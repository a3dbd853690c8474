#pragma once
/* The settings in force: what the file says, over it the command line; looked at again while the recorder runs.  A file with
 * a mistake changes nothing. */

#include "control/server.h"
#include "control/settings.h"

struct conf_options {
	const char *path;		/* recorder.conf; borrowed, as all here */
	const char *const *assignments;	/* of the command line: NAME=VALUE */
	size_t n_assignments;
	/* Settings are others now: what they were before.  May be NULL. */
	void (*changed)(void *user, const struct settings *before);
	/* The file was refused, for another reason than last time; or, with NULL, is right again.  May be NULL. */
	void (*refused)(void *user, const char *why);
	void *user;
};

/* A file as it was at some time, to know whether it has changed. */
struct conf_file {
	bool is_there;
	uint64_t device, inode, size, mtime_ns, ctime_ns;
};

struct conf_file conf_file_look(const char *path);
bool conf_file_is_same(const struct conf_file *a, const struct conf_file *b);

struct conf {
	struct conf_options options;
	struct settings settings;
	struct settings at_start;	/* what ACTS_START settings are until the next one */
	struct settings_error refused;	/* why the file is not in force; empty: it is */
	struct conf_file file;
	struct conf_file written;	/* as the recorder itself left it last */
	uint64_t looked_ns, applied_ns;
	bool has_changed;		/* the file, since it was read */
};

/* 0; -EINVAL: the file or the command line is wrong, -errno, *error says why. */
int conf_init(struct conf *conf, const struct conf_options *options, uint64_t now_ns, struct settings_error *error);
/* Now and then: obeys ConfigRefreshIntervalSecs and ReconfigureIntervalSeconds. */
void conf_tick(struct conf *conf, uint64_t now_ns);
/* At once, whether the file has changed or not.  -errno: refused. */
int conf_reload(struct conf *conf);
/* Settings as they act now. */
void conf_in_force(const struct conf *conf, struct settings *ret);

/* What the socket asks: {"name":..., "value":...}. */
void conf_answer_set(struct conf *conf, const json_t *request, struct reply *reply);
void conf_answer_reset(struct conf *conf, const json_t *request, struct reply *reply);
void conf_answer_get(const struct conf *conf, const json_t *request, struct reply *reply);
void conf_answer_list(const struct conf *conf, struct reply *reply);
