/* See places.h. */

#include "daemon/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macro.h"
#include "daemon/last_words.h"

static int join(char **ret, const char *dir, const char *name)
{
	return asprintf(ret, "%s/%s", dir, name) < 0 ? -ENOMEM : 0;
}

static int join_text(char **ret, const char *text, const char *more)
{
	return asprintf(ret, "%s%s", text, more) < 0 ? -ENOMEM : 0;
}

int places_init(struct places *places, const char *config_dir, const char *state_dir)
{
	const char *config = config_dir ? config_dir : "/etc/recorder";
	const char *state = state_dir ? state_dir : "/var/lib/recorder";
	struct places p = { 0 };
	int r;

	r = join(&p.config_file, config, "recorder.conf");
	if (r >= 0)
		r = join(&p.redaction_file, config, "redaction.conf");
	if (r >= 0)
		r = join(&p.redaction_key, state, "redaction.key");
	if (r >= 0)
		r = join(&p.signing_keys, config, "signing.pub");
	if (r >= 0)
		r = (p.state_dir = strdup(state)) ? 0 : -ENOMEM;
	if (r >= 0)
		r = join(&p.database, state, "recorder.db");
	if (r >= 0)
		r = join(&p.subscriptions_dir, state, "subscriptions");
	if (r >= 0)
		r = join(&p.history_key, state, "history.key");
	if (r >= 0)
		r = join(&p.subscriptions_key, state, "subscriptions.key");
	if (r >= 0)
		r = state_dir ? join(&p.journals_dir, state, "journals") : join(&p.journals_dir, "/var/log", "recorder");
	if (r >= 0)
		r = state_dir ? join(&p.socket, state, "recorder.sock") :
				join(&p.socket, "/run/recorder", "recorder.sock");
	if (r >= 0)
		r = join(&p.pipe, state_dir ? state_dir : "/run/recorder", "recorder.auditpipe");
	if (r >= 0)
		r = join(&p.user_rules, state, "audit.rules");
	if (r >= 0)
		r = join(&p.kernel_state, state, "kernel-audit.state");
	if (r >= 0)
		r = join(&p.lock, state, "recorder.lock");
	if (r >= 0)
		r = (p.host_root = strdup(state_dir ? state_dir : "")) ? 0 : -ENOMEM;
	if (r < 0)
		places_release(&p);
	else
		*places = p;
	return r;
}

void places_release(struct places *places)
{
	free(places->config_file);
	free(places->redaction_file);
	free(places->redaction_key);
	free(places->signing_keys);
	free(places->state_dir);
	free(places->database);
	free(places->subscriptions_dir);
	free(places->subscriptions_key);
	free(places->history_key);
	free(places->journals_dir);
	free(places->socket);
	free(places->pipe);
	free(places->user_rules);
	free(places->kernel_state);
	free(places->lock);
	free(places->host_root);
	*places = (struct places){ 0 };
}

/* What is not there yet will be ours. */
static int check(const char *path, struct path_doubt *doubt)
{
	struct path_doubt found = { 0 };
	struct file_error error = { "" };
	int r = path_trust(path, &found, &error);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0) {
		log_error("%s", error.message);
		return r;
	}
	if (doubt && *found.message && (!*doubt->message || (found.foreign && !doubt->foreign)))
		*doubt = found;
	return 0;
}

/* With the folders above it that are missing. */
static int make_dir(const char *path)
{
	_cleanup_(freep) char *part = strdup(path);
	struct stat st;

	if (!part)
		return log_errno(ENOMEM, "Failed to make %s", path);
	for (char *slash = part + 1;; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = 0;
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return log_errno(errno, "Failed to make the folder %s", part);
		if (!slash)
			break;
		*slash = '/';
	}
	if (stat(path, &st) < 0)
		return log_errno(errno, "Failed to look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return log_errno(ENOTDIR, "%s", path);
	return check(path, NULL);
}

int places_make(const struct places *places)
{
	_cleanup_(freep) char *socket_dir = strdup(places->socket);
	int r;

	if (!socket_dir)
		return log_errno(ENOMEM, "Failed to make %s", places->socket);
	*strrchr(socket_dir, '/') = 0;
	r = make_dir(places->state_dir);
	if (r >= 0)
		r = make_dir(places->subscriptions_dir);
	if (r >= 0)
		r = make_dir(places->journals_dir);
	if (r >= 0)
		r = make_dir(socket_dir);
	return r;
}

int places_check(const struct places *places, struct path_doubt *ret_doubt)
{
	const char *const paths[] = { places->config_file, places->state_dir, places->database, places->history_key,
				      places->subscriptions_dir, places->subscriptions_key, places->journals_dir, places->user_rules,
				      places->kernel_state, places->lock, places->redaction_file, places->redaction_key };
	_cleanup_(freep) char *socket_dir = strdup(places->socket), *log = NULL, *index = NULL;
	int r = socket_dir && join_text(&log, places->database, "-wal") >= 0 && join_text(&index, places->database, "-shm") >= 0 ? 0 : -ENOMEM;

	if (r < 0)
		return log_errno(r, "Failed to look at the folders");
	*ret_doubt = (struct path_doubt){ 0 };
	*strrchr(socket_dir, '/') = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(paths); i++)
		r = check(paths[i], ret_doubt);
	if (r >= 0)
		r = check(log, ret_doubt);
	if (r >= 0)
		r = check(index, ret_doubt);
	return r < 0 ? r : check(socket_dir, ret_doubt);
}

int places_lock(const struct places *places, char *ret_before)
{
	int fd = open(places->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char pid[32] = "";
	ssize_t n;

	if (fd < 0)
		return log_errno(errno, "Failed to open %s", places->lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = -errno;

		if (r == -EWOULDBLOCK) {
			n = pread(fd, pid, sizeof(pid) - 1, 0);
			pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
			log_error("Another recorder%s%s already records into %s (stop it, or use another --state)",
				  *pid ? ", pid " : "", pid, places->state_dir);
			r = -EBUSY;
		} else {
			log_errno(r, "Failed to lock %s", places->lock);
		}
		close(fd);
		return r;
	}
	if (ret_before) {
		n = pread(fd, ret_before, LAST_WORDS_MAX - 1, 0);
		ret_before[MAX(n, 0)] = 0;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) < 0)
		log_warning("Could not write the pid into %s, ignoring", places->lock);
	return fd;
}
