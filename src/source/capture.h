#pragma once
/* Writes the records a run saw to a file that source_replay reads back: a bug report. */

#include "event/record.h"

struct capture;
/* The file is made anew, for its owner alone. 0 or -errno. */
int capture_open(struct capture **ret, const char *path);
/* Buffered. 0, or -errno of the first write that failed, now and from now on. */
int capture_write(struct capture *capture, const struct record *record);
int capture_flush(struct capture *capture);
uint64_t capture_records(const struct capture *capture);
/* Flushes; NULL is fine. Returns NULL; who wants to know of errors flushes first. */
struct capture *capture_free(struct capture *capture);
