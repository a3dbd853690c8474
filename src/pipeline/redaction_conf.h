#pragma once
/* What redaction is told by files: the key, which lies beside the database, and the patterns, redaction.conf beside recorder.conf. */

#include "base/buffer.h"
#include "pipeline/redaction.h"

struct redaction_conf {
	unsigned char key[REDACTION_KEY_BYTES];
	struct buffer patterns;
	bool key_is_of_this_run;	/* there is no other that could be had */
};

/* The key is made where there is none.  A file of patterns that is missing has none.  0; -EINVAL: a pattern is none; -errno.  error: why,
 * with the path; also if 0 is returned and the key is of this run alone. */
int redaction_conf_read(struct redaction_conf *ret, const char *key_path, const char *patterns_path, struct redaction_error *error);
void redaction_conf_release(struct redaction_conf *conf);	/* wipes the key */
