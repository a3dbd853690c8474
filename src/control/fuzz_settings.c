/* Any bytes as a settings file: refused with a message or accepted with every value in its range. */

#include <errno.h>

#include "base/log.h"
#include "control/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings;
	struct settings_error error = { "" };
	int r;

	log_set_level(LOG_LEVEL_ERROR);
	settings_init(&settings);
	r = settings_parse(&settings, (struct span){ (const char *)data, size }, "recorder.conf", &error);
	if (r < 0 ? r != -EINVAL || error.message[0] == '\0' : error.message[0] != '\0')
		abort();
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if (settings.value[i] < setting_infos[i].min || settings.value[i] > setting_infos[i].max)
			abort();
		if (r < 0 && settings.is_set[i])
			abort();
	}
	return 0;
}
