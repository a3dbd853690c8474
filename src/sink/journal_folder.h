#pragma once
/* What lies in a folder of journals: NAME.jsonl and its old files, NAME.jsonl.1 and so on, plain or compressed. */

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/macro.h"

#define JOURNAL_ENDING ".jsonl"
#define JOURNAL_COMPRESSED ".zst"	/* behind the number */

struct journal_entry {
	unsigned number;		/* 0: NAME.jsonl */
	bool compressed;
	char name[NAME_MAX + 1];
	struct stat st;
};

/* The files of one journal as they were when they were looked at, the newest first. */
struct journal_folder {
	struct journal_entry *list;
	size_t n;
};

/* Is `name` a file of the journal whose NAME.jsonl is `base`? */
bool journal_file_number(const char *base, const char *name, unsigned *ret_number, bool *ret_compressed);
/* ret: empty. */
int journal_folder_look(struct journal_folder *ret, const char *folder, const char *base);
void journal_folder_release(struct journal_folder *folder);	/* and it is empty again */
/* Names of the journals there, sorted; of the list and of the names the caller is the owner.  The number, -errno. */
int journal_folder_names(const char *folder, char ***ret);
