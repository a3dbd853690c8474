#pragma once
/* Messages for people: stderr, `recorder: WHAT: WHY`.  Stages return codes; daemon and cli log, once.
 *
 * Each call has a limit of its own (LOG_BURST messages in LOG_BURST_NS), so that what others can bring about does not fill a
 * disk; what is held back is counted, and the count is told by the next message of that call or by log_tell_held_back().
 * What others wrote into a message is no second line and obeys to no terminal: control characters are shown as `?`. */

#include <stdbool.h>

#include "base/macro.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_BURST 100u
#define LOG_BURST_NS (60 * NS_PER_SEC)
#define LOG_FILE_BYTES ((size_t)1 << 20)	/* then it becomes FILE.1 */

void log_set_level(enum log_level level);
/* If stderr is the journal: `<PRIORITY>` stands in front of a line from now on; the time and our name it has. */
void log_find_journal(void);
/* All else gets time and level from now on, a terminal colours too. */
void log_begin_service(void);
/* Messages go into this file too, always with time and level; 0600, and never larger than LOG_FILE_BYTES.  -errno. */
int log_open_file(const char *path);
void log_close_file(void);
/* What was held back of calls that are silent since. */
void log_tell_held_back(void);

/* One call in the source. */
struct log_site {
	struct log_site *next;		/* of those that hold something back */
	const char *format;
	enum log_level level;
	uint64_t began_ns;
	unsigned n, held_back;
};
/* May this call speak?  *ret_held_back: what it could not say before, if it may. */
bool log_site_may(struct log_site *site, uint64_t now_ns, unsigned *ret_held_back);

void log_at(struct log_site *site, enum log_level level, const char *format, ...) _printf_(3, 4);
int log_errno_at(struct log_site *site, int error, const char *format, ...) _printf_(3, 4);

#define log_message(level, ...)                            \
	({                                                 \
		static struct log_site log_site_;          \
		log_at(&log_site_, (level), __VA_ARGS__); \
	})
/* Appends the text of the error (-errno or errno) and returns -errno: `return log_errno(r, "Failed to ...");` */
#define log_errno(error, ...)                                    \
	({                                                       \
		static struct log_site log_site_;                \
		log_errno_at(&log_site_, (error), __VA_ARGS__); \
	})

#define log_error(...) log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
