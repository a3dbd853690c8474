/* See plugin.h.
 *
 * auditd reads the folder of its plugins at its start and at SIGHUP.  A file that says what ours would stays as it is: whoever wants
 * `format = string` may have it.  While it starts, or is at reading them, auditd ignores the signal, so it is told again. */

#include "daemon/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/file.h"
#include "daemon/daemon.h"
#include "source/conf_text.h"

#define FIRST_AGAIN_NS (2 * NS_PER_SEC)
#define LAST_AGAIN_NS (128 * NS_PER_SEC)
#define NAME "recorder.conf"
#define SIGN "audit-pipe"		/* that a file is ours */
#define MAX_BYTES (64u << 10)
#define LINE_MAX_BYTES 150u		/* of a value: auditd takes lines of 159 bytes (audispd-pconfig.c, load_pconfig) */
#define INSTALLED "/run/recorder/recorder.auditpipe"	/* where the plugin looks by itself */

static const struct {
	const char *folder;
	unsigned since, until;		/* major versions of audit that look there */
} places[] = {
	{ "/etc/audit/plugins.d", 3, UINT_MAX },
	{ "/etc/audisp/plugins.d", 1, 2 },
};

static void fail(struct daemon *d, const char *why)
{
	if (strcmp(d->plugin.problem, why) != 0)
		log_error("auditd cannot be told of its plugin: %s: %s", *d->plugin.path ? d->plugin.path : places[0].folder, why);
	snprintf(d->plugin.problem, sizeof(d->plugin.problem), "%s", why);
}

/* Of an audit whose version nobody knows, the first that there is. */
static void find_place(struct daemon *d)
{
	unsigned version = d->auditd.version.major;

	*d->plugin.path = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places) && !*d->plugin.path; i++) {
		char path[sizeof(d->plugin.path) - sizeof(NAME)];

		if (version > 0 && (version < places[i].since || version > places[i].until))
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s%s", d->places.host_root, places[i].folder) < sizeof(path) &&
		    access(path, F_OK) == 0)
			snprintf(d->plugin.path, sizeof(d->plugin.path), "%s/%s", path, NAME);
	}
}

/* auditd parts words at blanks. */
static bool is_word(const char *text)
{
	return *text == '/' && !strpbrk(text, " \t\n");
}

struct words {
	char program[PATH_MAX], arguments[160];
};

static bool find_words(const struct daemon *d, struct words *ret)
{
	bool is_installed = strcmp(d->places.pipe, INSTALLED) == 0;
	char real[PATH_MAX];
	const char *pipe = d->places.pipe;
	ssize_t n = readlink("/proc/self/exe", ret->program, sizeof(ret->program) - 1);
	_cleanup_(freep) char *folder = NULL;

	if (n <= 0)
		return false;
	ret->program[n] = 0;
	if (span_ends(span_of(ret->program), SPAN(" (deleted)")))	/* another version lies there by now */
		ret->program[n - 10] = 0;
	if (*pipe != '/') {	/* auditd is elsewhere */
		folder = realpath(d->places.state_dir, NULL);
		if (!folder || (size_t)snprintf(real, sizeof(real), "%s%s", folder, strrchr(pipe, '/')) >= sizeof(real))
			return false;
		pipe = real;
	}
	return (size_t)snprintf(ret->arguments, sizeof(ret->arguments), is_installed ? SIGN : SIGN " --socket=%s", pipe) < LINE_MAX_BYTES &&
	       strlen(ret->program) < LINE_MAX_BYTES && is_word(ret->program) && is_word(pipe);
}

static bool is_as_wanted(struct span text, const struct words *words)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };

	buffer_printf(&line, "\nargs = %s\n", words->arguments);
	return span_eq(conf_text_get(text, "active"), SPAN("yes")) && span_eq(conf_text_get(text, "path"), span_of(words->program)) &&
	       line.size > 0 && memmem(text.data, text.size, line.data, line.size);
}

/* What is there; empty: nothing.  -errno, also if it is not ours. */
static int read_text(const char *path, struct buffer *ret, struct file_error *error)
{
	struct stat st;
	int fd = file_open(path, &st, error), r = fd;

	if (fd >= 0) {
		r = file_read(ret, fd, MAX_BYTES, error);
		close(fd);
	}
	if (r == -ENOENT)
		return 0;
	if (r >= 0 && ret->size > 0 && !memmem(ret->data, ret->size, SIGN, strlen(SIGN)))
		r = file_fail(error, -EEXIST, "it is somebody else's");
	return MIN(r, 0);
}

static int write_text(const char *path, const struct words *words)
{
	_cleanup_(new_file_release) struct new_file file = { .fd = -1 };
	_cleanup_(buffer_release) struct buffer text = { 0 };
	int r;

	buffer_printf(&text, "# Of the recorder: hands the records of the kernel's audit over to it.  It removes this file when netlink does.\n"
			     "active = yes\ndirection = out\npath = %s\ntype = always\nargs = %s\nformat = binary\n",
		      words->program, words->arguments);
	r = buffer_error(&text);
	if (r >= 0)
		r = new_file_open(&file, path);
	if (r >= 0 && fchmod(file.fd, 0640) < 0)
		r = -errno;
	if (r >= 0)
		r = file_write(file.fd, buffer_span(&text));
	return r >= 0 ? new_file_place(&file, path) : r;
}

static void tell(struct daemon *d, const char *what)
{
	bool reloaded = daemon_reload_auditd(d);

	d->plugin.wait_ns = FIRST_AGAIN_NS;
	d->plugin.again_ns = clock_ns(CLOCK_MONOTONIC) + FIRST_AGAIN_NS;
	log_info("%s is %s%s", d->plugin.path, what, reloaded ? "; auditd reads it again" : "");
	notes_say(&d->notes, "config", "auditd: %s is %s%s", d->plugin.path, what, reloaded ? "; reloaded" : "");
}

static void put(struct daemon *d, struct span before)
{
	struct words words;
	int r;

	if (!find_words(d, &words)) {
		fail(d, "the paths of the recorder and its socket are too long for it, or have blanks");
		return;
	}
	if (is_as_wanted(before, &words)) {
		*d->plugin.problem = 0;
		return;
	}
	r = write_text(d->plugin.path, &words);
	if (r < 0) {
		fail(d, strerror(-r));
		return;
	}
	*d->plugin.problem = 0;
	tell(d, "written");
}

void daemon_follow_plugin(struct daemon *d)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct file_error error = { "there is no such folder (install auditd, or write the file where its plugins are)" };
	bool is_wanted = d->source && source_live_plugin(d->source) >= 0;
	int r;

	find_place(d);
	r = *d->plugin.path ? read_text(d->plugin.path, &text, &error) : -ENOENT;
	if (is_wanted && r < 0)
		fail(d, error.message);
	else if (is_wanted)
		put(d, buffer_span(&text));
	else if (r >= 0 && text.size > 0 && unlink(d->plugin.path) == 0)
		tell(d, "removed");
	if (!is_wanted)
		*d->plugin.problem = 0;
}

void daemon_tick_plugin(struct daemon *d)
{
	struct plugin *plugin = &d->plugin;
	bool is_wanted = d->source && source_live_plugin(d->source) >= 0;

	if (plugin->again_ns == 0 || clock_ns(CLOCK_MONOTONIC) < plugin->again_ns)
		return;
	if (!is_wanted || source_live_plugin(d->source) == 0)
		daemon_reload_auditd(d);
	plugin->wait_ns = MIN(plugin->wait_ns * 2, LAST_AGAIN_NS);
	plugin->again_ns = is_wanted && source_live_plugin(d->source) == 0 ? clock_ns(CLOCK_MONOTONIC) + plugin->wait_ns : 0;
}
