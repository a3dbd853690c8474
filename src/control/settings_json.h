#pragma once
/* Settings as `recorder config --json` and the socket show them. */

#include "control/settings.h"

/* An object {name, value, default, origin, platform, acts, type, range, effect} and, where they are, {min, max, unit, where,
 * issue}.  in_force: what the daemon has that runs; told where it differs.  NULL: none runs. */
void setting_json(struct buffer *out, const struct settings *settings, const struct settings *in_force, enum setting_id id);
/* An array of all. */
void settings_json(struct buffer *out, const struct settings *settings, const struct settings *in_force);
