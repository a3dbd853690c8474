/* See self.h.  What is looked at is the file that the kernel runs (/proc/self/exe), whatever lies at its path by now. */

#include "daemon/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "control/path_trust.h"
#include "control/signature.h"

const char *const self_outcome_names[N_SELF_OUTCOMES] = {
	[SELF_SIGNED] = "signed", [SELF_UNSIGNED] = "unsigned", [SELF_NO_KEY] = "no_key", [SELF_REFUSED] = "refused",
	[SELF_REPLACED] = "replaced",
};

static void _printf_(3, 4) say(struct self_report *report, enum self_outcome outcome, const char *format, ...)
{
	va_list ap;

	report->outcome = outcome;
	va_start(ap, format);
	vsnprintf(report->why, sizeof(report->why), format, ap);
	va_end(ap);
}

/* 0; -ENOENT. */
static int read_text(const char *path, size_t max, struct buffer *ret, struct file_error *error)
{
	struct stat st;
	_cleanup_(file_close) int fd = file_open(path, &st, error);

	return fd < 0 ? fd : file_read(ret, fd, max, error);
}

/* Of a file that is trusted, or that somebody named. */
static int add_keys(struct signing_keys *keys, const char *path, bool must_be_ours, struct self_report *report)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct file_error error = { "" };
	int r = must_be_ours ? path_trust(path, NULL, &error) : 0;

	if (r < 0 && r != -ENOENT) {
		say(report, SELF_REFUSED, "the keys cannot be trusted: %s", error.message);
		return r;
	}
	if (r >= 0)
		r = read_text(path, SIGNING_KEYS_TEXT_MAX, &text, &error);
	if (r == -ENOENT && must_be_ours)
		return 0;
	if (r >= 0)
		r = signing_keys_add(keys, buffer_span(&text), &error);
	if (r < 0)
		say(report, SELF_REFUSED, "the keys in %.300s cannot be used: %.500s", path, error.message);
	return r;
}

static int find_keys(struct signing_keys *keys, const char *keys_path, const char *only_keys, struct self_report *report)
{
	struct file_error error = { "" };
	int r = 0;

	if (only_keys)
		return add_keys(keys, only_keys, false, report);
	if (*RECORDER_SIGNING_KEY)
		r = signing_keys_add(keys, SPAN(RECORDER_SIGNING_KEY), &error);
	if (r < 0) {
		say(report, SELF_REFUSED, "the key that was compiled in cannot be used: %s", error.message);
		return r;
	}
	return add_keys(keys, keys_path, true, report);
}

/* The descriptor of the file that runs; -1: said. */
static int find_program(struct self_report *report)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n = readlink("/proc/self/exe", report->program, sizeof(report->program) - 1);
	struct stat ours, there;

	report->program[MAX(n, 0)] = 0;
	if (fd < 0 || n <= 0 || fstat(fd, &ours) < 0) {
		say(report, SELF_REFUSED, "the file that runs cannot be read: %s", strerror(errno));
	} else if (stat(report->program, &there) < 0 || there.st_dev != ours.st_dev || there.st_ino != ours.st_ino) {
		say(report, SELF_REPLACED, "the file that runs is not at its path any more: it was replaced or removed");
	} else {
		return fd;
	}
	file_close(&fd);
	return -1;
}

/* -ENOENT: there is none. */
static int read_signature(struct self_report *report, struct signature *ret)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	char path[PATH_MAX + 8];
	struct file_error error = { "" };
	int r;

	snprintf(path, sizeof(path), "%s.sig", report->program);
	r = read_text(path, SIGNATURE_TEXT_MAX, &text, &error);
	if (r == -ENOENT) {
		say(report, SELF_UNSIGNED, "there is no signature beside it (%.900s)", path);
		return r;
	}
	if (r >= 0)
		r = signature_read(ret, buffer_span(&text), &error);
	if (r < 0)
		say(report, SELF_REFUSED, "%.500s cannot be used: %.500s", path, error.message);
	else
		memcpy(report->key_id, ret->key_id, sizeof(report->key_id));
	return r;
}

void self_verify(const char *keys_path, const char *only_keys, struct self_report *ret)
{
	struct file_error error = { "" };
	struct signing_keys keys = { .n = 0 };
	struct signature signature;
	_cleanup_(file_close) int fd = -1;

	*ret = (struct self_report){ .outcome = SELF_REFUSED };
	fd = find_program(ret);
	if (fd < 0 || read_signature(ret, &signature) < 0 || find_keys(&keys, keys_path, only_keys, ret) < 0)
		return;
	if (keys.n == 0)
		say(ret, SELF_NO_KEY, "signed by key %s, and no public key is there to check that by", ret->key_id);
	else if (signature_check(&signature, &keys, fd, &error) < 0)
		say(ret, SELF_REFUSED, "%s", error.message);
	else
		say(ret, SELF_SIGNED, "what was signed by key %s", ret->key_id);
}
