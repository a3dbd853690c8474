#pragma once
/* docs/SETTINGS.md: the reference of all settings, made from the table. */

#include "base/buffer.h"

void settings_doc(struct buffer *out);
void settings_man(struct buffer *out);	/* recorder.conf(5), for scdoc */
