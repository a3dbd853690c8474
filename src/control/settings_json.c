/* See settings_json.h. */

#include "control/settings_json.h"

#include "event/json_text.h"

static void member(struct buffer *out, const char *name, const char *text)
{
	buffer_printf(out, ",\"%s\":", name);
	json_append_string(out, span_of(text));
}

/* A number where it is one. */
static void append_value(struct buffer *out, const char *name, const struct settings *settings, enum setting_id id)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	buffer_printf(out, ",\"%s\":", name);
	setting_append_value(&text, settings, id);
	if (setting_infos[id].type == SETTING_BOOL || setting_infos[id].type == SETTING_INT)
		buffer_append_span(out, buffer_span(&text));
	else
		json_append_string(out, span_of(buffer_text(&text)));
}

void setting_json(struct buffer *out, const struct settings *settings, const struct settings *in_force, enum setting_id id)
{
	const struct setting_info *info = &setting_infos[id];
	_cleanup_(buffer_release) struct buffer range = { 0 };
	struct settings standard;

	settings_init(&standard);
	setting_append_range(&range, id);
	buffer_printf(out, "{\"name\":\"%s%s\"", SETTING_PREFIX, info->name);
	append_value(out, "value", settings, id);
	append_value(out, "default", &standard, id);
	member(out, "origin", setting_origin_words[settings->origin[id]]);
	member(out, "platform", setting_platform_words[info->platform]);
	member(out, "acts", setting_acts_words(id));
	if (in_force && !setting_is_same(settings, in_force, id))
		append_value(out, "in_force", in_force, id);
	member(out, "type", setting_type_words[info->type]);
	member(out, "range", buffer_text(&range));
	if (info->type == SETTING_BOOL || info->type == SETTING_INT)
		buffer_printf(out, ",\"min\":%lld,\"max\":%lld", (long long)info->min, (long long)info->max);
	if (info->type == SETTING_INT && *info->unit)
		member(out, "unit", info->unit);
	if (*info->where)
		member(out, "where", info->where);
	if (info->issue > 0)
		buffer_printf(out, ",\"issue\":%u", info->issue);
	member(out, "effect", info->effect);
	buffer_append_byte(out, '}');
}

void settings_json(struct buffer *out, const struct settings *settings, const struct settings *in_force)
{
	for (unsigned i = 0; i < N_SETTINGS; i++) {
		buffer_append_byte(out, i == 0 ? '[' : ',');
		setting_json(out, settings, in_force, (enum setting_id)i);
	}
	buffer_append_byte(out, ']');
}
