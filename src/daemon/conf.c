/* See conf.h.  Looking is one stat(2) an interval; what is found applies at the next turn of the other interval, so that an
 * editor that writes in pieces, or a package script that makes several changes, has time to finish. */

#include "daemon/conf.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/macro.h"
#include "control/path_trust.h"
#include "control/settings_edit.h"
#include "control/settings_json.h"

struct conf_file conf_file_look(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct conf_file){ .is_there = false };
	return (struct conf_file){
		.is_there = true,
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec,
		.ctime_ns = (uint64_t)st.st_ctim.tv_sec * NS_PER_SEC + (uint64_t)st.st_ctim.tv_nsec,
	};
}

bool conf_file_is_same(const struct conf_file *a, const struct conf_file *b)
{
	return a->is_there == b->is_there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int assign(struct settings *settings, const char *assignment, struct settings_error *error)
{
	const char *equals = strchr(assignment, '=');
	struct span name = { assignment, equals ? (size_t)(equals - assignment) : 0 };
	int r;

	if (!equals) {
		snprintf(error->message, sizeof(error->message), "'%.80s' is not a setting (NAME=VALUE)", assignment);
		return -EINVAL;
	}
	r = setting_set(settings, name, span_of(equals + 1), ORIGIN_COMMAND_LINE, error);
	return r < 0 ? -EINVAL : 0;
}

/* A file that others can write would be theirs to switch recording off by. */
static int trust(const char *path, struct settings_error *error)
{
	struct file_error why = { "" };
	int r = path_trust(path, NULL, &why);

	if (r != -EPERM)
		return 0;		/* who reads it says what is wrong with it */
	snprintf(error->message, sizeof(error->message), "%s", why.message);
	return r;
}

static int read_all(struct conf *conf, struct settings *ret, struct settings_error *error)
{
	const struct conf_options *o = &conf->options;
	int r;

	settings_init(ret);
	/* Before it is read: a change meanwhile is seen by the next look. */
	conf->file = conf_file_look(o->path);
	conf->has_changed = false;
	r = trust(o->path, error);
	if (r >= 0)
		r = settings_read(ret, o->path, error);
	for (size_t i = 0; r >= 0 && i < o->n_assignments; i++)
		r = assign(ret, o->assignments[i], error);
	return r;
}

int conf_init(struct conf *conf, const struct conf_options *options, uint64_t now_ns, struct settings_error *error)
{
	int r;

	*conf = (struct conf){ .options = *options, .looked_ns = now_ns, .applied_ns = now_ns };
	r = read_all(conf, &conf->settings, error);
	conf->at_start = conf->settings;
	return r;
}

static void refuse(struct conf *conf, const struct settings_error *error)
{
	const struct conf_options *o = &conf->options;
	bool is_news = strcmp(conf->refused.message, error->message) != 0;

	conf->refused = *error;
	if (is_news && o->refused)
		o->refused(o->user, *error->message ? error->message : NULL);
}

int conf_reload(struct conf *conf)
{
	const struct conf_options *o = &conf->options;
	struct settings settings, before = conf->settings;
	struct settings_error error = { "" };
	bool is_other = false;
	int r = read_all(conf, &settings, &error);

	refuse(conf, &error);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < N_SETTINGS; i++)
		is_other |= !setting_is_same(&settings, &before, (enum setting_id)i);
	conf->settings = settings;
	if (is_other && o->changed)
		o->changed(o->user, &before);
	return 0;
}

static bool is_due(const struct conf *conf, enum setting_id interval_s, uint64_t since_ns, uint64_t now_ns)
{
	return now_ns - since_ns >= (uint64_t)conf->settings.value[interval_s] * NS_PER_SEC;
}

void conf_tick(struct conf *conf, uint64_t now_ns)
{
	if (is_due(conf, SETTING_ConfigRefreshIntervalSecs, conf->looked_ns, now_ns)) {
		struct conf_file file = conf_file_look(conf->options.path);

		conf->looked_ns = now_ns;
		conf->has_changed |= !conf_file_is_same(&file, &conf->file);
	}
	if (is_due(conf, SETTING_ReconfigureIntervalSeconds, conf->applied_ns, now_ns)) {
		conf->applied_ns = now_ns;
		if (conf->has_changed)
			conf_reload(conf);
	}
}

void conf_in_force(const struct conf *conf, struct settings *ret)
{
	*ret = conf->settings;
	for (unsigned i = 0; i < N_SETTINGS; i++) {
		if (setting_infos[i].acts != ACTS_START)
			continue;
		ret->value[i] = conf->at_start.value[i];
		memcpy(ret->text[i], conf->at_start.text[i], sizeof(ret->text[i]));
	}
}

/* Requests */

static int requested(const json_t *request, struct reply *reply)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	struct settings_error error;
	int id;

	if (!name) {
		reply_error(reply, "bad_request", "name", "the name of the setting is missing");
		return -EINVAL;
	}
	id = setting_find(span_of(name), &error);
	if (id < 0)
		reply_error(reply, "bad_setting", "name", "%s", error.message);
	return id;
}

static void answer(const struct conf *conf, enum setting_id id, struct reply *reply)
{
	struct settings in_force;

	conf_in_force(conf, &in_force);
	setting_json(&reply->result, &conf->settings, &in_force, id);
}

static void change(struct conf *conf, enum setting_id id, struct span value, struct reply *reply)
{
	struct settings_error error;
	int r = settings_edit(conf->options.path, id, value, &error);

	conf->written = conf_file_look(conf->options.path);
	if (r < 0) {
		reply_error(reply, r == -EINVAL ? "bad_file" : r == -EBUSY ? "busy" : "failed", "", "%s", error.message);
		return;
	}
	if (conf_reload(conf) < 0) {
		reply_error(reply, "bad_file", "", "%s", conf->refused.message);
		return;
	}
	answer(conf, id, reply);
}

/* A number, true and false as well as their text. */
static int append_value(struct buffer *out, const json_t *value)
{
	if (json_is_integer(value))
		buffer_append_i64(out, json_integer_value(value));
	else if (json_is_boolean(value))
		buffer_append_byte(out, json_is_true(value) ? '1' : '0');
	else if (json_is_string(value))
		buffer_append(out, json_string_value(value), json_string_length(value));
	else
		return -EINVAL;
	return buffer_error(out);
}

void conf_answer_set(struct conf *conf, const json_t *request, struct reply *reply)
{
	_cleanup_(buffer_release) struct buffer value = { 0 };
	struct settings probe = conf->settings;
	struct settings_error error;
	int id = requested(request, reply), r;
	struct span text;

	if (id < 0)
		return;
	r = append_value(&value, json_object_get(request, "value"));
	if (r < 0) {
		reply_error(reply, "bad_request", "value", r == -ENOMEM ? "no memory" : "must be a number or a text");
		return;
	}
	text = span_of(buffer_text(&value));	/* "" is a value too */
	if (setting_set(&probe, span_of(setting_infos[id].name), text, ORIGIN_FILE, &error) < 0)
		reply_error(reply, "bad_setting", "value", "%s", error.message);
	else
		change(conf, (enum setting_id)id, text, reply);
}

void conf_answer_reset(struct conf *conf, const json_t *request, struct reply *reply)
{
	int id = requested(request, reply);

	if (id >= 0)
		change(conf, (enum setting_id)id, (struct span){ NULL, 0 }, reply);
}

void conf_answer_get(const struct conf *conf, const json_t *request, struct reply *reply)
{
	int id = requested(request, reply);

	if (id >= 0)
		answer(conf, (enum setting_id)id, reply);
}

void conf_answer_list(const struct conf *conf, struct reply *reply)
{
	struct settings in_force;

	conf_in_force(conf, &in_force);
	settings_json(&reply->result, &conf->settings, &in_force);
}
