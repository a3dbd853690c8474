#pragma once
/* Messages for people: stderr, `recorder: WHAT: WHY`.  Stages return codes; daemon and cli log, once. */

#include "base/macro.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
void log_message(enum log_level level, const char *format, ...) _printf_(2, 3);
/* Appends the text of the error (-errno or errno) and returns -errno: `return log_errno(r, "Failed to ...");` */
int log_errno(int error, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
