/* `recorder selinux`: loads the policy of selinux/ where there is SELinux, and has what is there already get its types; or takes it away.
 * Programs of the host do it (semodule, restorecon, semanage); the scripts of packages call this.
 *
 * Types go with the module that has them: so what is to be forgotten is forgotten first, then the module goes, and then the files get the
 * types that they have without it. */

#include "cli/selinux.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/program.h"
#include "config.h"
#include "source/selinux.h"

struct selinux_options {
	struct place_options places;
};

static const struct option options[] = {
	PLACE_OPTIONS(struct selinux_options, places),
	{ .name = NULL },
};

#define N_WORDS_MAX 16u

static const char *const labelled[] = { "/etc/recorder", "/var/lib/recorder", "/var/log/recorder", "/run/recorder" };

/* A command line.  Paths of it are the host's, below its root. */
struct line {
	const char *root;
	char *words[N_WORDS_MAX + 1];	/* NULL behind the last */
	size_t n;
	bool is_cut;			/* there was no room for all */
};

static void line_free(struct line *line)
{
	for (size_t i = 0; i < line->n; i++)
		free(line->words[i]);
}

static void add(struct line *line, const char *root, const char *word)
{
	if (line->n < N_WORDS_MAX && asprintf(&line->words[line->n], "%s%s", root, word) >= 0)
		line->n++;
	else
		line->is_cut = true;
}

static void begin(struct line *line, const struct selinux *selinux, const char *root, enum selinux_tool tool)
{
	*line = (struct line){ .root = root };
	add(line, root, selinux->tools[tool]);
}

/* Those of a list that ends with NULL. */
static void add_words(struct line *line, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		add(line, *words[i] == '/' ? line->root : "", words[i]);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int finish(struct line *line, bool quietly)
{
	int r = line->is_cut ? -1 : program_run((const char *const *)line->words, quietly);

	if (line->is_cut)
		r = cli_fail(CLI_FAILED, "out of memory");
	else if (r != 0 && !quietly)
		r = cli_fail(CLI_FAILED, "selinux: %s failed (what it says is above)", line->words[0]);
	line_free(line);
	return r;
}

static int load(const struct selinux *selinux, const char *root)
{
	struct line line;

	begin(&line, selinux, root, SELINUX_SEMODULE);
	add_words(&line, WORDS("-X", SELINUX_PRIORITY));
	for (unsigned i = N_SELINUX_MODULES; i-- > 0;) {
		char path[256];

		snprintf(path, sizeof(path), RECORDER_SELINUX_DIR "/%s.cil", selinux_modules[i]);
		add_words(&line, WORDS("-i", path));
	}
	return finish(&line, false);
}

static int unload(const struct selinux *selinux, const char *root)
{
	struct line line;

	begin(&line, selinux, root, SELINUX_SEMODULE);
	add_words(&line, WORDS("-X", SELINUX_PRIORITY));
	for (unsigned i = 0; i < N_SELINUX_MODULES; i++)
		if (selinux->is_loaded[i])
			add_words(&line, WORDS("-r", selinux_modules[i]));
	return finish(&line, false);
}

/* Where the program is.  semanage takes a place as new or as known, not as either. */
static int tell_place(const struct selinux *selinux, const char *root)
{
	static const char *const ways[] = { "-a", "-m" };
	struct line line;
	int r = -1;

	for (size_t i = 0; i < ARRAY_SIZE(ways) && r != 0; i++) {
		begin(&line, selinux, root, SELINUX_SEMANAGE);
		add_words(&line, WORDS("fcontext", ways[i], "-t", SELINUX_EXEC_TYPE, selinux->program));
		r = finish(&line, i + 1 < ARRAY_SIZE(ways));
	}
	return r;
}

static void forget_place(const struct selinux *selinux, const char *root)
{
	struct line line;

	begin(&line, selinux, root, SELINUX_SEMANAGE);
	add_words(&line, WORDS("fcontext", "-d", selinux->program));
	finish(&line, true);
}

/* Files get the types that they are to have; those that are not there are no error. */
static int label(const struct selinux *selinux, const char *root)
{
	struct line line;

	begin(&line, selinux, root, SELINUX_RESTORECON);
	add_words(&line, WORDS("-R", "-i", selinux->program));
	for (size_t i = 0; i < ARRAY_SIZE(labelled); i++)
		add_words(&line, WORDS(labelled[i]));
	return finish(&line, false);
}

/* Can it be done at all? */
static int prepare(const struct selinux *selinux)
{
	char missing[160];

	if (geteuid() != 0)
		return cli_fail(CLI_PERMISSION, "selinux: only root can change the policy (sudo?)");
	if (selinux_missing(selinux, missing, sizeof(missing)))
		return cli_fail(CLI_FAILED, "selinux: the policy cannot be changed without %s (install what is missing)", missing);
	return CLI_DONE;
}

int selinux_install(const char *root)
{
	struct selinux selinux;
	int r;

	selinux_look(&selinux, root, NULL);
	if (selinux.mode == SELINUX_NONE) {
		printf("there is no SELinux here: nothing to do\n");
		return CLI_DONE;
	}
	r = prepare(&selinux);
	if (r == CLI_DONE)
		r = load(&selinux, root);
	if (r == CLI_DONE && selinux.is_elsewhere)
		r = tell_place(&selinux, root);
	if (r == CLI_DONE)
		r = label(&selinux, root);
	if (r == CLI_DONE)
		printf("the recorder's SELinux policy is loaded; a recorder that runs, and auditd's plugin, have it when they start again\n");
	return r;
}

int selinux_remove(const char *root)
{
	struct selinux selinux;
	bool is_there = false;
	int r;

	selinux_look(&selinux, root, NULL);
	for (unsigned i = 0; i < N_SELINUX_MODULES; i++)
		is_there |= selinux.is_loaded[i];
	if (!is_there)
		return CLI_DONE;
	r = prepare(&selinux);
	if (r == CLI_DONE && selinux.is_elsewhere)
		forget_place(&selinux, root);
	if (r == CLI_DONE)
		r = unload(&selinux, root);
	if (r == CLI_DONE)
		r = label(&selinux, root);
	if (r == CLI_DONE)
		printf("removed the recorder's SELinux policy\n");
	return r;
}

static int selinux_status(const char *root)
{
	struct selinux selinux;
	char why[384], mend[256];

	selinux_look(&selinux, root, NULL);
	selinux_explain(&selinux, why, sizeof(why), mend, sizeof(mend));
	printf("SELinux: %s%s%s%s\n", why, *mend ? " (" : "", mend, *mend ? ")" : "");
	return *mend ? CLI_FAILED : CLI_DONE;
}

static const struct {
	const char *name;
	int (*run)(const char *root);
} verbs[] = { { "status", selinux_status }, { "install", selinux_install }, { "remove", selinux_remove } };

static int run(const void *values, size_t n, char *const *arguments)
{
	const struct selinux_options *o = values;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, arguments[0]) == 0)
			return verbs[i].run(o->places.state_dir ? o->places.state_dir : "");
	return cli_fail(CLI_USAGE, "selinux: '%.64s' is none of status, install, remove", arguments[0]);
}

const struct command command_selinux = {
	.name = "selinux",
	.arguments = "status | install | remove",
	.summary = "Loads the recorder's SELinux policy, or takes it away",
	.text = "Nothing happens where there is no SELinux.  Needs semodule and restorecon (package policycoreutils).\n"
		"`make install` and the package have it loaded, `recorder uninstall` has it removed.\n",
	.options = options,
	.options_size = sizeof(struct selinux_options),
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
