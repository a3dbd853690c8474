/* See health_fix.h.  Rules `-a task,never`: out of the kernel, and their lines out of the files that bring them at the next start of the
 * machine.  Done here, by who asked and as root: the daemon has no business in the files of others, and less rights. */

#include "cli/health_fix.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "control/host_file.h"
#include "daemon/places.h"
#include "source/audit_blind.h"
#include "source/rule_files.h"

struct fix {
	const struct fix_options *options;
	bool only_looks;
	unsigned n_files, n_lines;	/* that hold them */
	unsigned n_failed;
};

static int take_file(void *user, const char *path, struct span text, int error)
{
	_cleanup_(buffer_release) struct buffer rest = { 0 };
	struct fix *fix = user;
	unsigned n;
	int r;

	if (error < 0) {
		cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(-error));
		fix->n_failed++;
		return 0;
	}
	n = rule_text_sighted(&rest, text);
	if (buffer_error(&rest) < 0)
		return -ENOMEM;
	if (n == 0)
		return 0;
	fix->n_files++;
	fix->n_lines += n;
	if (fix->only_looks) {
		printf("%s: %u line%s `-a task,never`\n", path, n, n == 1 ? "" : "s");
		return 0;
	}
	r = host_file_change(path, text, buffer_span(&rest));
	if (r == -ELOOP)
		cli_fail(CLI_FAILED, "%s is a symbolic link, which is not followed (remove the line by hand)", path);
	else if (r < 0)
		cli_fail(CLI_FAILED, "cannot change %s: %s", path, strerror(-r));
	if (r < 0)
		fix->n_failed++;
	else
		printf("removed %u line%s from %s (as it was: %s" HOST_FILE_KEPT ")\n", n, n == 1 ? "" : "s", path, path);
	return 0;
}

static int take_files(struct fix *fix, const char *root)
{
	return rule_files_each(root, take_file, fix) < 0 ? cli_fail(CLI_FAILED, "out of memory") : CLI_DONE;
}

static void fix_kernel(struct fix *fix, struct audit_control *control)
{
	int r = audit_blind_remove(control);

	if (r == -EPERM)
		cli_fail(CLI_FAILED, "the kernel's audit is locked (-e 2): its rules go when the machine starts again");
	else if (r < 0)
		cli_fail(CLI_FAILED, "cannot remove the rules of the kernel: %s", audit_control_why(r));
	if (r < 0)
		fix->n_failed++;
	else if (r > 0)
		printf("removed %d rule%s from the kernel; what was born before is audited when it is started again (recorder coverage)\n", r,
		       r == 1 ? "" : "s");
}

static int confirm(const struct fix *fix)
{
	char answer[16];

	if (fix->options->yes)
		return CLI_DONE;
	if (!isatty(STDIN_FILENO))
		return cli_fail(CLI_USAGE, "health --fix: nobody can be asked here (--yes goes without a question)");
	printf("Remove them? [y/N] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || (strcmp(answer, "y\n") != 0 && strcmp(answer, "yes\n") != 0))
		return cli_fail(CLI_FAILED, "health --fix: nothing is removed");
	return CLI_DONE;
}

static int look(struct fix *fix, struct audit_control *control, const char *root, int *ret_n_rules)
{
	int r = take_files(fix, root), n = control ? audit_blind_count(control) : 0;

	if (n < 0)
		return cli_fail(CLI_FAILED, "cannot read the rules of the kernel: %s", audit_control_why(n));
	if (n > 0)
		printf("the kernel: %d rule%s `-a task,never`\n", n, n == 1 ? "" : "s");
	*ret_n_rules = n;
	return r;
}

static int fix_all(struct fix *fix, const char *root)
{
	struct audit_control *control = NULL;
	int n_rules = 0, r;

	r = audit_control_open(&control);
	if (r < 0)
		cli_fail(CLI_FAILED, "the kernel's rules are not looked at: %s", audit_control_why(r));
	fix->n_failed += r < 0;
	fix->only_looks = true;
	r = look(fix, control, root, &n_rules);
	if (r == CLI_DONE && fix->n_files == 0 && n_rules == 0) {
		printf("No rule `-a task,never`, in the kernel or in a file: there is nothing to remove.\n");
	} else if (r == CLI_DONE && fix->options->dry_run) {
		printf("These would be removed.\n");
	} else if (r == CLI_DONE) {
		r = confirm(fix);
		fix->only_looks = false;
		if (r == CLI_DONE)	/* the files first: what is in none of them does not come back */
			r = take_files(fix, root);
		if (r == CLI_DONE && n_rules > 0)
			fix_kernel(fix, control);
	}
	audit_control_free(control);
	return r == CLI_DONE && fix->n_failed > 0 ? CLI_FAILED : r;
}

int health_fix(const struct fix_options *options, const struct place_options *where)
{
	struct fix fix = { .options = options };
	struct places places;
	int r;

	if (geteuid() != 0)
		return cli_fail(CLI_PERMISSION, "health --fix: only root can change the host's audit rules (sudo?)");
	if (places_init(&places, where->config_dir, where->state_dir) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = fix_all(&fix, places.host_root);
	places_release(&places);
	return r;
}
