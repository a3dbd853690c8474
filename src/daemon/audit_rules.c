/* See audit_rules.h.
 *
 * The file STATE/audit.rules is what the user gave, byte for byte.  Rules that the kernel refuses at the start or at a refresh are
 * set aside as audit.rules.refused, whose last line is a comment that says why: so the reason outlives the run. */

#include "daemon/audit_rules.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "control/file.h"
#include "daemon/daemon.h"
#include "event/json_text.h"

#define REFUSED_MARK "# refused: "
#define HIDING_SAID 8			/* lines of so many have room, see HIDING_LINES_MAX */

/* Files */

static int read_file(const char *path, struct buffer *ret, struct file_error *error)
{
	struct stat st;
	_cleanup_(file_close) int fd = file_open(path, &st, error);

	return fd < 0 ? fd : file_read(ret, fd, 2 * USER_RULES_MAX_BYTES, error);
}

static int remove_file(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static char *refused_path(const struct daemon *d)
{
	char *path;

	return asprintf(&path, "%s.refused", d->places.user_rules) < 0 ? NULL : path;
}

/* What is in force */

bool daemon_has_user_rules(const struct daemon *d)
{
	return d->user_audit.rules != NULL;
}

unsigned daemon_count_user_rules(const struct daemon *d)
{
	const struct user_audit *u = &d->user_audit;

	return u->rules && u->loaded && d->rules_loaded ? (unsigned)u->rules->n : 0;
}

unsigned daemon_hiding_user_rules(const struct daemon *d, char ret[static HIDING_LINES_MAX])
{
	const struct user_rules *rules = daemon_count_user_rules(d) > 0 ? d->user_audit.rules : NULL;
	unsigned n = 0;
	int used = 0;

	*ret = '\0';
	for (size_t i = 0; rules && i < rules->n; i++) {
		if (!rules->rules[i].hides)
			continue;
		if (n++ < HIDING_SAID)
			used += snprintf(ret + used, HIDING_LINES_MAX - (size_t)used, "%s%u", n > 1 ? ", " : "", rules->rules[i].line);
	}
	if (n > HIDING_SAID)
		snprintf(ret + used, HIDING_LINES_MAX - (size_t)used, " and %u more", n - HIDING_SAID);
	return n;
}

const char *daemon_user_rules_problem(const struct daemon *d)
{
	return *d->user_audit.problem ? d->user_audit.problem : NULL;
}

void daemon_forget_user_rules(struct daemon *d)
{
	struct user_audit *u = &d->user_audit;

	u->rules = user_rules_free(u->rules);
	buffer_release(&u->text);
	u->loaded = false;
	d->rules_file.stale = true;
}

/* They go: out of the kernel, and out of the file, but not out of sight. */
static void set_aside(struct daemon *d, const char *why)
{
	_cleanup_(freep) char *path = refused_path(d);
	struct user_audit *u = &d->user_audit;
	const char *unused;
	unsigned line;
	int r;

	if (u->loaded)
		audit_rules_follow(d->audit, NULL, &line, &unused);
	snprintf(u->problem, sizeof(u->problem), "The user-defined audit rules are not in force any more: %s (mend them in %s and register "
						 "them again)", why, path ? path : "the state folder");
	log_error("%s", u->problem);
	if (u->text.size > 0 && u->text.data[u->text.size - 1] != '\n')
		buffer_append_byte(&u->text, '\n');
	buffer_printf(&u->text, REFUSED_MARK "%s\n", why);
	r = path && buffer_error(&u->text) >= 0 ? file_replace(path, buffer_span(&u->text)) : -ENOMEM;
	/* Without a copy the file stays; the next start tries it again. */
	if (r >= 0)
		r = remove_file(d->places.user_rules);
	if (r < 0)
		log_errno(r, "Failed to set aside %s", d->places.user_rules);
	daemon_forget_user_rules(d);
}

/* 0, or -errno and the reason. */
static int make_rules(struct user_rules **ret, struct span text, struct user_rules_error *error)
{
	_cleanup_(user_rules_freep) struct user_rules *rules = NULL;
	int r = user_rules_parse(&rules, text, error);

	if (r >= 0)
		r = user_rules_check_paths(rules, error);
	if (r == -ENOMEM)
		*error = (struct user_rules_error){ .message = "out of memory" };
	if (r >= 0)
		*ret = TAKE(rules);
	return r;
}

/* The last line of what was set aside says why. */
static void remember_refusal(struct daemon *d)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	_cleanup_(freep) char *path = refused_path(d);
	struct file_error unread;
	const char *line;

	if (!path || read_file(path, &text, &unread) < 0)
		return;
	line = buffer_text(&text);
	for (const char *next; (next = strstr(line + 1, REFUSED_MARK)) != NULL;)
		line = next;
	if (strncmp(line, REFUSED_MARK, sizeof(REFUSED_MARK) - 1) == 0)
		line += sizeof(REFUSED_MARK) - 1;
	else
		line = "they were refused";
	snprintf(d->user_audit.problem, sizeof(d->user_audit.problem),
		 "The user-defined audit rules are not in force any more: %.*s (mend them in %s and register them again)",
		 (int)strcspn(line, "\n"), line, path);
}

void daemon_read_user_rules(struct daemon *d)
{
	struct user_audit *u = &d->user_audit;
	struct user_rules_error error;
	char why[USER_RULES_WHY_MAX];
	struct file_error unread;
	int r = read_file(d->places.user_rules, &u->text, &unread);

	if (r == -ENOENT) {
		remember_refusal(d);
		return;
	}
	if (r < 0) {
		snprintf(u->problem, sizeof(u->problem), "The user-defined audit rules in %s cannot be used: %s", d->places.user_rules,
			 unread.message);
		log_error("%s", u->problem);
		buffer_release(&u->text);
		return;
	}
	if (make_rules(&u->rules, buffer_span(&u->text), &error) < 0) {
		user_rules_error_text(&error, why);
		set_aside(d, why);
	}
}

/* Are our own rules in the kernel, so that theirs can be? NULL: yes. */
static const char *why_not_now(const struct daemon *d)
{
	if (d->withheld.user || d->withheld.by == HINDRANCE_PANIC || d->withheld.by == HINDRANCE_LOG)
		return hindrances[d->withheld.by].why;
	if (d->rules_loaded)
		return NULL;
	if (d->subscriptions.n == 0)
		return "nothing is subscribed to, so the kernel is asked for nothing";
	return "the kernel's audit cannot be read (or CX.recorder.AuditdEnableNetlink is 0)";
}

static void why_refused(char ret[static USER_RULES_WHY_MAX], unsigned line, const char *why)
{
	if (line)
		snprintf(ret, USER_RULES_WHY_MAX, "line %u: %s", line, why);
	else
		snprintf(ret, USER_RULES_WHY_MAX, "%s", why);
}

void daemon_follow_user_rules(struct daemon *d)
{
	struct user_audit *u = &d->user_audit;
	char text[USER_RULES_WHY_MAX];
	const char *why = "";
	unsigned line;
	int r;

	if (!u->rules)
		return;
	r = audit_rules_follow(d->audit, u->rules, &line, &why);
	u->loaded = r != -EROFS;	/* else some may be there */
	if (r >= 0 || r == -EROFS)
		return;
	why_refused(text, line, why);
	set_aside(d, text);
}

void daemon_unload_user_rules(struct daemon *d)
{
	const char *unused;
	unsigned line;

	if (d->user_audit.loaded && audit_rules_follow(d->audit, NULL, &line, &unused) >= 0)
		d->user_audit.loaded = false;
}

/* Requests */

static void answer_notes(struct buffer *out, const struct user_rules *rules)
{
	const char *separator = "";

	buffer_append_text(out, ",\"hiding_lines\":[");
	for (size_t i = 0; rules && i < rules->n; i++)
		if (rules->rules[i].hides) {
			buffer_printf(out, "%s%u", separator, rules->rules[i].line);
			separator = ",";
		}
	buffer_append_byte(out, ']');
}

static void answer_loaded(const struct daemon *d, struct buffer *out)
{
	const struct user_audit *u = &d->user_audit;
	bool loaded = daemon_count_user_rules(d) > 0;
	const char *why = loaded ? NULL : u->rules ? why_not_now(d) : daemon_user_rules_problem(d);

	buffer_printf(out, "\"rules\":%zu,\"loaded\":%s", u->rules ? u->rules->n : 0, loaded ? "true" : "false");
	if (why) {
		buffer_append_text(out, ",\"why\":");
		json_append_string(out, span_of(why));
	}
	answer_notes(out, u->rules);
}

/* Beside eBPF audit may not be read so far. */
static void open_audit(struct daemon *d)
{
	struct filter_error error = { "" };

	if (d->rules_loaded || !d->source || !d->audit)
		return;
	d->user_audit.is_coming = true;
	if (daemon_want(d, d->subscriptions.filter, NULL, &error) < 0)
		log_error("%s", error.message);
	d->user_audit.is_coming = false;
}

static bool can_load(const struct daemon *d)
{
	return d->rules_loaded && d->withheld.by == HINDRANCE_NONE;
}

/* In place of those before, which stay until all has gone well. */
static int replace_rules(struct daemon *d, struct user_rules *rules, struct span text, struct reply *reply)
{
	struct user_audit *u = &d->user_audit;
	char where[32] = "", message[USER_RULES_WHY_MAX];
	const char *why = "";
	unsigned line = 0;
	int r;

	if (rules)
		open_audit(d);
	r = can_load(d) ? audit_rules_follow(d->audit, rules, &line, &why) : 0;
	if (!can_load(d) && d->audit)	/* those before are let go of */
		(void)audit_rules_follow(d->audit, NULL, &line, &why);
	if (line)
		snprintf(where, sizeof(where), "line %u", line);
	if (r < 0) {
		reply_error(reply, "refused", where, "%s", why);
	} else {
		r = rules ? file_replace(d->places.user_rules, text) : remove_file(d->places.user_rules);
		if (r < 0)
			reply_error(reply, "failed", "", "%s: %s", d->places.user_rules, strerror(-r));
	}
	if (r < 0 && can_load(d) && audit_rules_follow(d->audit, u->rules, &line, &why) < 0) {
		why_refused(message, line, why);
		set_aside(d, message);
	}
	return r;
}

static void clear_problem(struct daemon *d)
{
	_cleanup_(freep) char *path = refused_path(d);

	*d->user_audit.problem = '\0';
	if (path)
		remove_file(path);
}

void daemon_register_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	struct user_audit *u = &d->user_audit;
	const json_t *value = json_object_get(request, "text");
	struct span text = { json_string_value(value), json_string_length(value) };
	_cleanup_(user_rules_freep) struct user_rules *rules = NULL;
	_cleanup_(buffer_release) struct buffer copy = { 0 };
	struct user_rules_error error;
	char where[USER_RULES_PLACE_MAX] = "text";
	int r;

	if (!json_is_string(value)) {
		reply_error(reply, "bad_request", "text", "must be a text: the rules, one a line");
		return;
	}
	r = make_rules(&rules, text, &error);
	if (r < 0) {
		if (error.line)
			user_rules_error_place(&error, where);
		reply_error(reply, r == -EINVAL ? "bad_rules" : "failed", where, "%s", error.message);
		return;
	}
	buffer_append_span(&copy, text);
	if (buffer_error(&copy) < 0) {
		reply_error(reply, "failed", "", "out of memory");
		return;
	}
	if (replace_rules(d, rules, text, reply) < 0)
		return;
	clear_problem(d);
	daemon_forget_user_rules(d);
	u->rules = TAKE(rules);
	u->text = copy;
	copy = (struct buffer){ 0 };
	u->loaded = can_load(d);
	if (d->withheld.by != HINDRANCE_NONE)
		daemon_apply_rules(d);
	log_info("User-defined audit rules registered: %zu", u->rules->n);
	notes_say(&d->notes, "config", "user-defined audit rules registered: %zu", u->rules->n);
	buffer_append_byte(&reply->result, '{');
	answer_loaded(d, &reply->result);
	buffer_append_byte(&reply->result, '}');
}

void daemon_get_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	buffer_append_text(&reply->result, "{\"text\":");
	json_append_string(&reply->result, buffer_span(&d->user_audit.text));
	buffer_append_byte(&reply->result, ',');
	answer_loaded(d, &reply->result);
	buffer_append_byte(&reply->result, '}');
}

void daemon_remove_user_rules(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	size_t n = d->user_audit.rules ? d->user_audit.rules->n : 0;

	if (replace_rules(d, NULL, SPAN(""), reply) < 0)
		return;
	clear_problem(d);
	daemon_forget_user_rules(d);
	if (d->withheld.by != HINDRANCE_NONE)
		daemon_apply_rules(d);
	if (n > 0) {
		log_info("User-defined audit rules removed: %zu", n);
		notes_say(&d->notes, "config", "user-defined audit rules removed: %zu", n);
	}
	buffer_printf(&reply->result, "{\"removed\":%zu}", n);
}
