/* `recorder uninstall`: ends the recorder and takes away what it has put onto this host, but for the program itself, which is the
 * package's.  The history and the settings stay unless --purge asks, with --keep all that is in the recorder's own folders does.
 *
 * What is not certain to be ours stays: files by name in our own folders, files elsewhere only if they say what they are and no
 * package owns them, folders only when nothing is left in them. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/place.h"
#include "cli/program.h"
#include "cli/selinux.h"
#include "control/host_file.h"
#include "daemon/auditd.h"
#include "daemon/places.h"
#include "daemon/rival.h"
#include "source/audit_host.h"
#include "source/audit_rules.h"
#include "source/rule_files.h"

#define UNIT "recorder.service"
#define MAX_BYTES (1u << 20)		/* of a file of auditd */
#define END_SECONDS 10			/* a recorder that was told to end does so in five */

struct uninstall_options {
	struct place_options places;
	bool purge, keep, yes;
};

static const struct option options[] = {
	{ .name = "purge", .help = "the history, the journals and the settings go too", .type = OPTION_FLAG,
	  .offset = offsetof(struct uninstall_options, purge) },
	{ .name = "keep", .help = "subscriptions and keys stay too: for who installs it again", .type = OPTION_FLAG,
	  .offset = offsetof(struct uninstall_options, keep) },
	{ .name = "yes", .letter = 'y', .help = "without a question", .type = OPTION_FLAG,
	  .offset = offsetof(struct uninstall_options, yes) },
	PLACE_OPTIONS(struct uninstall_options, places),
	{ .name = NULL },
};

/* In this order: a folder comes after those in it. */
enum folder { FOLDER_SUBSCRIPTIONS, FOLDER_JOURNALS, FOLDER_RUN, FOLDER_STATE, FOLDER_CONFIG, N_FOLDERS };

/* How much goes; each takes what the one before does. */
enum extent {
	EXTENT_HOST,			/* --keep: what would act or be in the way without a recorder */
	EXTENT_RECORDER,		/* subscriptions, keys, what can be made anew */
	EXTENT_ALL,			/* --purge: history, journals, settings */
};

static const struct {
	enum folder folder;
	const char *pattern;		/* fnmatch(3) */
	enum extent extent;		/* the least that takes it */
} files[] = {
	{ FOLDER_SUBSCRIPTIONS, "*.json*", EXTENT_RECORDER },
	{ FOLDER_JOURNALS, "*.jsonl*", EXTENT_ALL },
	{ FOLDER_JOURNALS, "recorder.log*", EXTENT_ALL },
	{ FOLDER_RUN, "recorder.sock", EXTENT_HOST },
	{ FOLDER_RUN, "recorder.auditpipe", EXTENT_HOST },
	{ FOLDER_STATE, "subscriptions.key*", EXTENT_RECORDER },
	{ FOLDER_STATE, "audit.rules*", EXTENT_RECORDER },
	{ FOLDER_STATE, "canary.????????", EXTENT_HOST },
	{ FOLDER_STATE, "kernel-audit.state*", EXTENT_HOST },
	{ FOLDER_STATE, "proc.bin", EXTENT_RECORDER },
	{ FOLDER_STATE, "suspension", EXTENT_RECORDER },
	{ FOLDER_STATE, "hashes*", EXTENT_RECORDER },
	{ FOLDER_STATE, "recorder.db*", EXTENT_ALL },
	{ FOLDER_STATE, "history.key*", EXTENT_ALL },
	{ FOLDER_STATE, "redaction.key*", EXTENT_ALL },
	{ FOLDER_STATE, "recorder.lock", EXTENT_RECORDER },
	{ FOLDER_CONFIG, "recorder.conf*", EXTENT_ALL },
	{ FOLDER_CONFIG, "redaction.conf*", EXTENT_ALL },
	{ FOLDER_CONFIG, "signing.pub", EXTENT_ALL },
};

/* Elsewhere, below the root of the host (places.h): ours if they say so. */
static const struct {
	const char *path;
	const char *sign;		/* a line of ours holds this */
	enum { OF_NOBODY, OF_AUDITD, OF_SYSTEMD, N_OWNERS } owner;	/* is told that it is gone */
} elsewhere[] = {
	{ OWN_RULES_FILE, OWN_RULES_SIGN, OF_NOBODY },
	{ "/etc/audit/plugins.d/recorder.conf", "audit-pipe", OF_AUDITD },
	{ "/etc/audisp/plugins.d/recorder.conf", "audit-pipe", OF_AUDITD },
	{ "/etc/systemd/system/" UNIT, "recorder run", OF_SYSTEMD },
	{ "/usr/local/lib/systemd/system/" UNIT, "recorder run", OF_SYSTEMD },
	{ "/usr/lib/systemd/system/" UNIT, "recorder run", OF_SYSTEMD },
};

struct uninstall {
	const struct uninstall_options *options;
	enum extent extent;
	struct places places;
	char *folders[N_FOLDERS];
	bool is_installed;		/* the installed places, not those of a --state */
	unsigned n_kept, n_failed;
};

static void removed(const char *path)
{
	printf("removed %s\n", path);
}

static void kept(struct uninstall *u, const char *path, const char *why)
{
	printf("kept %s: %s\n", path, why);
	u->n_kept++;
}

static void failed(struct uninstall *u, const char *path)
{
	cli_fail(CLI_FAILED, "cannot remove %s: %m", path);
	u->n_failed++;
}

/* Programs of the system */

static bool is_of_package(const char *path)
{
	return program_run((const char *const[]){ "dpkg-query", "-S", path, NULL }, true) == 0 ||
	       program_run((const char *const[]){ "rpm", "-qf", path, NULL }, true) == 0;
}

static bool has_systemd(const struct uninstall *u)
{
	return u->is_installed && access("/run/systemd/system", F_OK) == 0;
}

/* The end of the recorder */

static void on_alarm(int number)
{
}

static int ask_to_end(const char *socket)
{
	_cleanup_(client_closep) struct client_connection *client = NULL;
	json_t *request = json_pack("{s:s}", "command", "recorder.uninstall");
	int r = request ? client_open(&client, socket) : cli_fail(CLI_FAILED, "out of memory");

	if (r == CLI_DONE)
		r = client_request(client, request, NULL);
	json_decref(request);
	return r;
}

/* A recorder that was told to end has ended when it lets go of its lock, and no other begins while we hold it.  *ret is -1 where
 * there is none. */
static int take_lock(const struct uninstall *u, int *ret)
{
	int fd = open(u->places.lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		*ret = -1;
		return errno == ENOENT || errno == ENOTDIR ? CLI_DONE :
							     cli_fail(CLI_FAILED, "cannot open %s: %m", u->places.lock);
	}
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);	/* no SA_RESTART: flock is interrupted */
	alarm(END_SECONDS);
	if (flock(fd, LOCK_EX) < 0) {
		close(fd);
		return cli_fail(CLI_FAILED, "the recorder that records into %s does not end (its log may say why)",
				u->places.state_dir);
	}
	alarm(0);
	*ret = fd;
	return CLI_DONE;
}

static int end_recorder(const struct uninstall *u)
{
	if (has_systemd(u) && program_run((const char *const[]){ "systemctl", "cat", UNIT, NULL }, true) == 0) {
		/* Whether a service that is installed again is enabled is up to who takes its unit away now. */
		const char *const stop[] = { "systemctl", "stop", UNIT, NULL },
				  *const disable[] = { "systemctl", "disable", "--now", UNIT, NULL };

		if (program_run(u->extent == EXTENT_HOST ? stop : disable, false) != 0)
			return cli_fail(CLI_FAILED, "systemctl cannot stop %s (systemctl status %s says why)", UNIT, UNIT);
		printf("%s %s\n", u->extent == EXTENT_HOST ? "stopped" : "stopped and disabled", UNIT);
	}
	return client_probe(u->places.socket) == 1 ? ask_to_end(u->places.socket) : CLI_DONE;
}

/* What is taken away */

static void clean_kernel(struct uninstall *u)
{
	struct audit_control *control = NULL;
	int rival = rival_find(), r;
	char why[128];

	if (rival > 0) {	/* of another folder */
		snprintf(why, sizeof(why), "they are those of another recorder, pid %d", rival);
		kept(u, "the rules of the kernel's audit", why);
		return;
	}
	r = audit_control_open(&control);
	if (r >= 0)
		r = audit_rules_clean(control, u->places.kernel_state);
	audit_control_free(control);
	if (r > 0)
		printf("removed %d rules and settings of the kernel's audit\n", r);
	else if (r < 0)		/* there is no audit, or not for us: no rule can be there either */
		kept(u, "the kernel's audit as it is", audit_control_why(r));
}

/* One of a folder that is ours. */
static void remove_entry(struct uninstall *u, int dir_fd, const char *folder, const char *name)
{
	_cleanup_(freep) char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		failed(u, path);
	else if (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode))
		kept(u, path, "it is no ordinary file");
	else if (unlinkat(dir_fd, name, 0) < 0)
		failed(u, path);
	else
		removed(path);
}

/* A file that was not finished has a dot in front, and more behind. */
static bool is_of(const char *pattern, const char *name)
{
	return fnmatch(pattern, name + (name[0] == '.'), 0) == 0;
}

static const char *const why_kept[] = {
	[EXTENT_HOST] = "history, journals, subscriptions and settings stay",
	[EXTENT_RECORDER] = "it is not empty (--purge removes history, journals and settings)",
	[EXTENT_ALL] = "there is something in it that is not the recorder's",
};

static void clean_folder(struct uninstall *u, enum folder folder)
{
	const char *path = u->folders[folder];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		if (errno != ENOENT)
			kept(u, path, "it is no folder that can be read");
		return;
	}
	while ((entry = readdir(dir)))
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			if (files[i].folder == folder && u->extent >= files[i].extent &&
			    is_of(files[i].pattern, entry->d_name)) {
				remove_entry(u, fd, path, entry->d_name);
				break;
			}
	closedir(dir);
	for (unsigned i = folder + 1; i < N_FOLDERS; i++)
		if (strcmp(u->folders[i], path) == 0)
			return;		/* more of it goes */
	if (rmdir(path) == 0)
		removed(path);
	else if (errno == ENOTEMPTY || errno == EEXIST)
		kept(u, path, why_kept[u->extent]);
	else if (errno != ENOENT)
		failed(u, path);
}

static bool has_text(const char *path, const char *sign)
{
	char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return strstr(text, sign) != NULL;
}

/* It ends our plugin. */
static void reload_auditd(void)
{
	struct audit_control *control = NULL;
	struct audit_state state;
	pid_t pid = 0;

	if (audit_control_open(&control) >= 0 && audit_control_state(control, &state) >= 0)
		pid = auditd_find(state.pid);
	audit_control_free(control);
	if (pid > 0 && kill(pid, SIGHUP) == 0)
		printf("auditd, pid %d, reads its configuration again\n", pid);
}

static int read_file(struct buffer *ret, const char *path)
{
	struct file_error error;
	struct stat st;
	int fd = file_open(path, &st, &error), r = fd;

	if (fd >= 0) {
		r = file_read(ret, fd, MAX_BYTES, &error);
		close(fd);
	}
	return MIN(r, 0);
}

/* What the recorder has changed of auditd's configuration is as it was before, unless somebody else has changed it since: he may have
 * meant it with our values.  Whether anything was put back. */
static bool put_back(struct uninstall *u, enum audit_file file)
{
	_cleanup_(buffer_release) struct buffer text = { 0 }, before = { 0 };
	_cleanup_(freep) char *path = NULL, *was = NULL;
	int r, r_before;

	if (asprintf(&path, "%s%s", u->places.host_root, audit_file_paths[file]) < 0 || asprintf(&was, "%s" HOST_FILE_KEPT, path) < 0)
		return false;
	r_before = read_file(&before, was);
	if (r_before == -ENOENT || r_before == -ENOTDIR)
		return false;
	r = read_file(&text, path);
	if (r == -ENOENT) {		/* it went with auditd */
		if (unlink(was) < 0)
			failed(u, was);
		else
			removed(was);
		return false;
	}
	if (r_before < 0 || r < 0 || audit_file_is_as_before(file, buffer_span(&text), buffer_span(&before)) != 1) {
		kept(u, was, "the file was changed by somebody else since, or cannot be read: it is what it was before the recorder");
		return false;
	}
	if (rename(was, path) < 0) {
		failed(u, was);
		return false;
	}
	printf("put back %s\n", path);
	return true;
}

static void clean_elsewhere(struct uninstall *u)
{
	bool had[N_OWNERS] = { false };

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		_cleanup_(freep) char *path = NULL;

		if (asprintf(&path, "%s%s", u->places.host_root, elsewhere[i].path) < 0 || !has_text(path, elsewhere[i].sign))
			continue;
		if (is_of_package(path)) {
			kept(u, path, "it goes with its package");
			continue;
		}
		if (unlink(path) < 0) {
			failed(u, path);
			continue;
		}
		removed(path);
		had[elsewhere[i].owner] = true;
	}
	for (enum audit_file file = 0; file < N_AUDIT_FILES; file++)
		had[OF_AUDITD] |= put_back(u, file);
	if (had[OF_AUDITD])
		reload_auditd();
	if (had[OF_SYSTEMD] && has_systemd(u))
		program_run((const char *const[]){ "systemctl", "daemon-reload", NULL }, false);
}

/* The question */

static const char *const what_goes[] = {
	[EXTENT_HOST] = "rules are removed; history, journals, subscriptions, keys and settings stay",
	[EXTENT_RECORDER] = "subscriptions, keys and rules are removed; history, journals and settings stay",
	[EXTENT_ALL] = "subscriptions, keys and rules are removed, and so are its history, journals and settings",
};

static int confirm(const struct uninstall *u)
{
	char answer[16];

	if (u->options->yes)
		return CLI_DONE;
	if (!isatty(STDIN_FILENO))
		return cli_fail(CLI_USAGE, "uninstall: nobody can be asked here (--yes goes without a question)");
	printf("The recorder of %s is stopped; its %s.\nGo on? [y/N] ", u->places.state_dir, what_goes[u->extent]);
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || (strcmp(answer, "y\n") != 0 && strcmp(answer, "yes\n") != 0))
		return cli_fail(CLI_FAILED, "uninstall: nothing is removed");
	return CLI_DONE;
}

static char *folder_of(const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;

	if (slash)
		*slash = 0;
	return folder;
}

static int find_places(struct uninstall *u)
{
	const struct place_options *o = &u->options->places;
	const struct places *p = &u->places;

	if (places_init(&u->places, o->config_dir, o->state_dir) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	u->is_installed = !o->config_dir && !o->state_dir;
	u->folders[FOLDER_SUBSCRIPTIONS] = strdup(p->subscriptions_dir);
	u->folders[FOLDER_JOURNALS] = strdup(p->journals_dir);
	u->folders[FOLDER_RUN] = folder_of(p->socket);
	u->folders[FOLDER_STATE] = strdup(p->state_dir);
	/* `--state DIR` alone means DIR and nothing of the installed places. */
	u->folders[FOLDER_CONFIG] = folder_of(o->state_dir && !o->config_dir ? p->database : p->config_file);
	for (size_t i = 0; i < N_FOLDERS; i++)
		if (!u->folders[i])
			return cli_fail(CLI_FAILED, "out of memory");
	return CLI_DONE;
}

static int uninstall(struct uninstall *u)
{
	int lock_fd = -1, r = confirm(u);

	if (r == CLI_DONE)
		r = end_recorder(u);
	if (r == CLI_DONE)
		r = take_lock(u, &lock_fd);
	if (r != CLI_DONE)
		return r;
	clean_kernel(u);
	if (selinux_remove(u->places.host_root) != CLI_DONE)
		u->n_failed++;
	for (unsigned i = 0; i < N_FOLDERS; i++)
		clean_folder(u, (enum folder)i);
	clean_elsewhere(u);
	if (lock_fd >= 0)
		close(lock_fd);
	return u->n_failed > 0 ? CLI_FAILED : CLI_DONE;
}

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct uninstall_options *o = values;
	struct uninstall u = { .options = o,
			       .extent = o->purge ? EXTENT_ALL : o->keep ? EXTENT_HOST : EXTENT_RECORDER };
	int r;

	if (o->purge && o->keep)
		return cli_fail(CLI_USAGE, "uninstall: --purge and --keep exclude one another");
	if (geteuid() != 0)
		return cli_fail(CLI_PERMISSION, "uninstall: only root can take it away (sudo?)");
	r = find_places(&u);
	if (r == CLI_DONE)
		r = uninstall(&u);
	for (size_t i = 0; i < N_FOLDERS; i++)
		free(u.folders[i]);
	places_release(&u.places);
	return r;
}

const struct command command_uninstall = {
	.name = "uninstall",
	.summary = "Stops the recorder and removes what it has put onto this host",
	.text = "Subscriptions, keys, audit rules and the unit go.  The history, the journals and the settings\n"
		"stay unless --purge is given, with --keep the subscriptions and keys too; the program is removed\n"
		"with its package.  Says what it removes and what it keeps.\n",
	.options = options,
	.options_size = sizeof(struct uninstall_options),
	.run = run,
};
