/* Markdown and a manual page that a person reads: first what does something here, then what is to come, then what belongs to other systems. */

#include "control/settings_doc.h"
#include "base/scdoc.h"
#include "control/settings.h"

static const char intro[] =
	"# Settings\n"
	"\n"
	"<!-- Made by `recorder help --settings-md` from src/control/settings.def. Do not edit. -->\n"
	"\n"
	"They stand in `recorder.conf`, a line each: `CX.recorder.NAME = VALUE` (the prefix may be left out), `#` begins a comment.\n"
	"`recorder config list|get|set|reset` shows and changes them, through the recorder where it runs, else in the file.\n"
	"`recorder run --set NAME=VALUE` goes before the file.\n"
	"\n"
	"A recorder that runs looks at the file every `ConfigRefreshIntervalSecs`, applies what has changed every\n"
	"`ReconfigureIntervalSeconds`, and does both at once on SIGHUP or `recorder config set`. A file with a mistake is refused as a\n"
	"whole: the values before it stay in force, and `recorder status` names the line and the reason.\n";

static void put_value(struct buffer *out, enum setting_id id)
{
	_cleanup_(buffer_release) struct buffer value = { 0 };
	struct settings standard;

	settings_init(&standard);
	setting_append_value(&value, &standard, id);
	buffer_append_text(out, value.size > 0 ? buffer_text(&value) : "nothing");
}

static void put_row(struct buffer *out, enum setting_id id)
{
	const struct setting_info *info = &setting_infos[id];

	buffer_printf(out, "| `%s` | ", info->name);
	put_value(out, id);
	buffer_append_text(out, " | ");
	setting_append_range(out, id);
	buffer_printf(out, " | %s | ", setting_platform_words[info->platform]);
	if (info->acts != ACTS_NEVER)
		buffer_printf(out, "%s, `src/%s`%s", setting_acts_words(id), info->where, info->issue > 0 ? "; " : "");
	if (info->issue > 0)
		buffer_printf(out, "%sissue %u", info->acts != ACTS_NEVER ? "the rest: " : "", info->issue);
	if (info->acts == ACTS_NEVER && info->issue == 0)
		buffer_append_text(out, setting_acts_words(id));
	buffer_printf(out, " | %s |\n", info->effect);
}

enum part { PART_ACTS, PART_LATER, PART_ELSEWHERE };

static enum part part_of(enum setting_id id)
{
	return !setting_is_here(id) ? PART_ELSEWHERE : setting_infos[id].acts == ACTS_NEVER ? PART_LATER : PART_ACTS;
}

void settings_doc(struct buffer *out)
{
	static const char *const titles[] = {
		[PART_ACTS] = "In force",
		[PART_LATER] = "To come: checked and kept, with the issue that brings what they govern",
		[PART_ELSEWHERE] = "Of other platforms: checked and kept, without effect here",
	};

	buffer_append_text(out, intro);
	for (unsigned part = 0; part < ARRAY_SIZE(titles); part++) {
		buffer_printf(out, "\n## %s\n\n| name | default | values | platform | acts | effect |\n|---|---|---|---|---|---|\n",
			      titles[part]);
		for (unsigned i = 0; i < N_SETTINGS; i++)
			if (part_of((enum setting_id)i) == part)
				put_row(out, (enum setting_id)i);
	}
}

/* The manual */

static const char man_intro[] =
	"recorder.conf(5)\n"
	"\n"
	"; Made by `recorder help --man recorder.conf` from src/control/settings.def. Do not edit.\n"
	"\n"
	"# NAME\n"
	"\n"
	"recorder.conf - settings of the recorder\n"
	"\n"
	"# SYNOPSIS\n"
	"\n"
	"_/etc/recorder/recorder.conf_\n"
	"\n"
	"# DESCRIPTION\n"
	"\n"
	"A setting a line:\n"
	"\n"
	"```\n"
	"CX.recorder.AuditdRulesBufferSize = 65536   # records\n"
	"```\n"
	"\n"
	"The prefix may be left out, *#* begins a comment, a name stands there once; what is not there has its default. A file with a\n"
	"mistake is refused as a whole: at the start the recorder says the line and the reason and exits with 2; while it runs, the\n"
	"values before it stay in force and *recorder status* tells. There need not be a file: its package brings none.\n"
	"\n"
	"*recorder config* *list*, *get*, *set* and *reset* show and change settings, through the recorder where it runs, else in the file;\n"
	"comments, order and blanks stay as they are. *recorder run --set* _NAME_=_VALUE_ goes before the file.\n"
	"\n"
	"A recorder that runs looks at the file every *ConfigRefreshIntervalSecs* and applies what has changed every\n"
	"*ReconfigureIntervalSeconds*, and does both at once on SIGHUP or *recorder config set*. Every change is an event (recorder, config).\n"
	"\n"
	"Each is told here with its default, in brackets what it may be, and when a change acts.\n";

static void put_entry(struct buffer *out, enum setting_id id)
{
	const struct setting_info *info = &setting_infos[id];
	_cleanup_(buffer_release) struct buffer range = { 0 };

	setting_append_range(&range, id);
	buffer_printf(out, "\n*%s* = ", info->name);
	put_value(out, id);
	buffer_append_text(out, " (");
	scdoc_append_text(out, buffer_text(&range));
	if (info->acts != ACTS_NEVER)
		buffer_printf(out, "; %s", setting_acts_words(id));
	if (!setting_is_here(id))
		buffer_printf(out, "; %s", setting_platform_words[info->platform]);
	buffer_append_text(out, ")\n\t");
	scdoc_append_text(out, info->effect);
	buffer_append_byte(out, '\n');
}

void settings_man(struct buffer *out)
{
	static const char *const titles[] = {
		[PART_ACTS] = "SETTINGS",
		[PART_LATER] = "SETTINGS WITHOUT EFFECT YET",
		[PART_ELSEWHERE] = "SETTINGS OF OTHER PLATFORMS",
	};
	static const char *const what[] = {
		[PART_LATER] = "They are checked and kept; what they govern this version does not have.\n",
		[PART_ELSEWHERE] = "They are checked and kept, so that one file serves hosts of all kinds, and do nothing here.\n",
	};
	bool begun[ARRAY_SIZE(titles)] = { false };

	buffer_append_text(out, man_intro);
	for (unsigned part = 0; part < ARRAY_SIZE(titles); part++)
		for (unsigned i = 0; i < N_SETTINGS; i++) {
			if (part_of((enum setting_id)i) != part)
				continue;
			if (!begun[part])
				buffer_printf(out, "\n# %s\n%s%s", titles[part], what[part] ? "\n" : "", what[part] ? what[part] : "");
			begun[part] = true;
			put_entry(out, (enum setting_id)i);
		}
	buffer_append_text(out, "\n# SEE ALSO\n\n*recorder*(1), *recorder-subscription*(5), *auditd.conf*(5)\n");
}
