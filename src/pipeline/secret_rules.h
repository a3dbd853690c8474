#pragma once
/* What secrets.def says of a name, an option, a word. */

#include "base/span.h"

/* What of a value is the secret. */
enum part {
	NOTHING,
	ALL,
	COLON, PERCENT, COMMA,		/* what stands behind the first of it */
	COOKIE,				/* all, if it has a `=`: else it is a file */
	HEADER,				/* all, but for a scheme */
	LINE, PAIR,			/* it is `NAME: VALUE` or `NAME=VALUE`: the value, whatever is in it, if the name says so */
	PROGRAM,			/* none of it: it is a program whose options follow */
};

/* Of what has a name that ends so; HEADER only where a colon follows. */
enum part secret_name(struct span name);
bool secret_is_scheme(struct span word);
/* The size of the secret that the text begins with, whatever stands before it; 0: none. */
size_t secret_token(struct span text);

/* The programs of the table that a command named so far: who runs whom is not known, so the options of all count. */
struct secret_programs {
	uint64_t seen[4], with_command[4];	/* bits: of their first rows; the word that they ask for was there too */
	bool is_any, runs;
};
/* after_option: it may be the value of one. */
void secret_programs_note(struct secret_programs *programs, struct span word, bool after_option);
/* A word that may be an option.  *ret_at: where its value begins; the word's size: it is the next word. */
enum part secret_option(const struct secret_programs *programs, struct span word, size_t *ret_at);
