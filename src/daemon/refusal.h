#pragma once
/* Files that could not be used as wanted, each with why, for people who ask. */

struct refusal {
	char *file;		/* its name in the folder; the path, if it was given with one */
	char *why;		/* without the name: "not an ordinary file" */
};

/* Copies both.  0; -ENOMEM. */
int refusal_add(struct refusal **list, unsigned *n, const char *file, const char *why);
/* Empties the list. */
void refusals_release(struct refusal **list, unsigned *n);
