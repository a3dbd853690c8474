/* Names of our own record types, as they stand in a capture. */

#include "event/record.h"

static const char *const own_names[RECORD_OWN_END - RECORD_OWN_FIRST] = {
	[RECORD_FORK - RECORD_OWN_FIRST] = "RECORDER_FORK",
	[RECORD_EXIT - RECORD_OWN_FIRST] = "RECORDER_EXIT",
	[RECORD_PROCESS - RECORD_OWN_FIRST] = "RECORDER_PROCESS",
	[RECORD_NO_PROCESS - RECORD_OWN_FIRST] = "RECORDER_NO_PROCESS",
	[RECORD_FD - RECORD_OWN_FIRST] = "RECORDER_FD",
	[RECORD_PATH - RECORD_OWN_FIRST] = "RECORDER_PATH",
	[RECORD_NAME - RECORD_OWN_FIRST] = "RECORDER_NAME",
	[RECORD_SETUP - RECORD_OWN_FIRST] = "RECORDER_SETUP",
	[RECORD_CLOCK - RECORD_OWN_FIRST] = "RECORDER_CLOCK",
	[RECORD_GAP - RECORD_OWN_FIRST] = "RECORDER_GAP",
	[RECORD_PROBE - RECORD_OWN_FIRST] = "RECORDER_PROBE",
	[RECORD_NOTE - RECORD_OWN_FIRST] = "RECORDER_NOTE",
};

const char *record_own_name(uint32_t type)
{
	if (type < RECORD_OWN_FIRST || type >= RECORD_OWN_END)
		return NULL;
	return own_names[type - RECORD_OWN_FIRST];
}

uint32_t record_own_type(struct span name)
{
	for (uint32_t type = RECORD_OWN_FIRST; type < RECORD_OWN_END; type++)
		if (span_eq(span_of(own_names[type - RECORD_OWN_FIRST]), name))
			return type;
	return 0;
}
