/* Secrets are replaced, with EnableRedaction.  Before privileges are dropped: the key and the patterns are root's. */

#include <errno.h>

#include "base/log.h"
#include "daemon/daemon.h"

int daemon_prepare_redaction(struct daemon *d)
{
	struct redaction_error error = { "" };
	int r;

	if (!daemon_setting(d, SETTING_EnableRedaction))
		return 0;
	r = redaction_conf_read(&d->redaction, d->places.redaction_key, d->places.redaction_file, &error);
	if (r < 0) {
		log_error("%s", error.message[0] ? error.message : "No key for the digests of secrets can be made");
		return r;
	}
	if (d->redaction.key_is_of_this_run)
		log_error("Secrets of this run alone can be matched with one another: %s", error.message);
	return 0;
}

void daemon_redact(const struct daemon *d, struct pipeline_options *options)
{
	if (!daemon_setting(d, SETTING_EnableRedaction))
		return;
	options->redaction_key = d->redaction.key;
	options->redaction_patterns = buffer_span(&d->redaction.patterns);
}
