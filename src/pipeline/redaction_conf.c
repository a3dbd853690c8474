/* See redaction_conf.h.  A key that cannot be read or made must not let secrets through: one of the run does, by which equal secrets of
 * the run are equal.  A pattern that is none does stop whoever asks, as a mistake in the settings does. */

#include "pipeline/redaction_conf.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "control/seal_key.h"
#include "control/settings_line.h"

static int read_key(struct redaction_conf *conf, const char *path, struct redaction_error *error)
{
	struct file_error why = { "" };
	struct seal_key key;

	if (seal_key_need(&key, SEAL_KEY_OF_REDACTION, path, &why) >= 0) {
		memcpy(conf->key, key.bytes, sizeof(conf->key));
		seal_key_wipe(&key);
		return 0;
	}
	snprintf(error->message, sizeof(error->message), "%.500s", why.message);
	conf->key_is_of_this_run = true;
	return RAND_priv_bytes(conf->key, sizeof(conf->key)) == 1 ? 0 : -EIO;
}

static int read_patterns(struct redaction_conf *conf, const char *path, struct redaction_error *error)
{
	struct redaction_error why = { "" };
	struct redaction *redaction = NULL;
	int r = settings_file_load(path, &conf->patterns);

	if (r == 1)
		return 0;
	if (r >= 0 && conf->patterns.size > REDACTION_FILE_MAX)
		r = -EFBIG;
	if (r < 0) {
		snprintf(error->message, sizeof(error->message), "%.240s: %s", path, strerror(-r));
		return r;
	}
	r = redaction_new(&redaction, conf->key, buffer_span(&conf->patterns), &why);
	if (r < 0)
		snprintf(error->message, sizeof(error->message), "%.160s: %.300s", path, r == -EINVAL ? why.message : strerror(-r));
	redaction_free(redaction);
	return r;
}

int redaction_conf_read(struct redaction_conf *ret, const char *key_path, const char *patterns_path, struct redaction_error *error)
{
	struct redaction_conf conf = { .key_is_of_this_run = false };
	int r = read_key(&conf, key_path, error);

	if (r >= 0)
		r = read_patterns(&conf, patterns_path, error);
	if (r < 0)
		redaction_conf_release(&conf);
	else
		*ret = conf;
	return r;
}

void redaction_conf_release(struct redaction_conf *conf)
{
	OPENSSL_cleanse(conf->key, sizeof(conf->key));
	buffer_release(&conf->patterns);
}
