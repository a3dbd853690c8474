/* See process_stat.h. */

#include "source/process_stat.h"

#include <errno.h>
#include <string.h>

/* PID (COMM) STATE PPID PGRP SESSION TTY TPGID FLAGS ... START is field 22. COMM may hold anything,
 * brackets too. */
int process_stat_parse(struct span stat, struct process_stat *ret)
{
	const char *open = memchr(stat.data, '(', stat.size), *close = memrchr(stat.data, ')', stat.size);
	struct process_stat found = { 0 };
	const char *end = stat.data + stat.size;
	unsigned number = 2;

	if (!open || !close || close < open)
		return -ESRCH;
	found.comm = (struct span){ open + 1, (size_t)(close - open - 1) };
	for (const char *p = close + 1; p < end;) {
		struct span field;

		while (p < end && *p == ' ')
			p++;
		field.data = p;
		while (p < end && *p != ' ' && *p != '\n')
			p++;
		field.size = (size_t)(p - field.data);
		if (p < end && *p == '\n')
			p++;
		number++;
		if (number == 3 && field.size > 0)
			found.state = field.data[0];
		if ((number == 4 && span_to_u64(field, &found.ppid) < 0) ||
		    (number == 9 && span_to_u64(field, &found.flags) < 0))
			return -ESRCH;
		if (number == 7) {
			int64_t tty;

			if (span_to_i64(field, &tty) < 0)
				return -ESRCH;
			found.tty = (uint32_t)tty;
		}
		if (number == 22) {
			if (span_to_u64(field, &found.start_ticks) < 0)
				return -ESRCH;
			*ret = found;
			return 0;
		}
	}
	return -ESRCH;
}
