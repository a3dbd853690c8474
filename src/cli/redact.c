/* `recorder redact`: what stands in the history in place of a secret that somebody knows.  It is read from standard input, without
 * echo: arguments are seen by everybody, and recorded. */

#include <errno.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupts.h"
#include "cli/place.h"
#include "control/seal_key.h"
#include "pipeline/redaction.h"

struct redact_options {
	struct place_options places;
};

static const struct option options[] = {
	{ .name = "db",
	  .argument = "FILE",
	  .help = "the history it is to be found in: redaction.key beside it is used",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct redact_options, places.database) },
	PLACE_OPTIONS(struct redact_options, places),
	{ .name = NULL },
};

static int read_key(const struct redact_options *o, struct seal_key *ret)
{
	_cleanup_(freep) char *path = place_redaction_key(&o->places);
	struct file_error error = { "" };
	int r;

	if (!path)
		return cli_fail(CLI_FAILED, "out of memory");
	r = seal_key_read(ret, SEAL_KEY_OF_REDACTION, path, &error);
	if (r == -ENOENT)
		return cli_fail(CLI_FAILED, "redact: %s: nothing was replaced there (--db FILE or --state DIR names another history)", error.message);
	if (r < 0)
		return cli_fail(r == -EACCES || r == -EPERM ? CLI_PERMISSION : CLI_FAILED, "redact: %s%s", error.message,
				r == -EACCES ? " (sudo?)" : "");
	return CLI_DONE;
}

static void print_mark(const struct seal_key *key, char *line, size_t size)
{
	char mark[SECRET_MARK_BYTES + 1];

	if (size > 0 && line[size - 1] == '\n')
		size--;
	if (size == 0)
		return;
	redaction_mark(key->bytes, (struct span){ line, size }, mark);
	printf("%s\n", mark);
}

/* Whatever ends the program meanwhile, the terminal shows again what is typed. */
static void ask(const struct seal_key *key, const struct termios *shown)
{
	struct termios hidden = *shown;
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size = -1;

	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_cc[VQUIT] = hidden.c_cc[VSUSP] = _POSIX_VDISABLE;	/* those that are not held */
	interrupts_hold();
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	fputs("Secret: ", stderr);
	if (interrupts_wait_for(STDIN_FILENO))
		size = getline(&line, &capacity, stdin);
	fputc('\n', stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, shown);
	interrupts_release();
	if (size > 0)
		print_mark(key, line, (size_t)size);
	if (line)
		explicit_bzero(line, capacity);
	free(line);
}

static void read_all(const struct seal_key *key)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;

	while ((size = getline(&line, &capacity, stdin)) > 0) {
		print_mark(key, line, (size_t)size);
		explicit_bzero(line, capacity);
	}
	free(line);
}

static int run(const void *values, size_t n, char *const *arguments)
{
	struct termios shown;
	struct seal_key key;
	int code = read_key(values, &key);

	if (code != CLI_DONE)
		return code;
	if (tcgetattr(STDIN_FILENO, &shown) == 0)
		ask(&key, &shown);
	else
		read_all(&key);
	seal_key_wipe(&key);
	return CLI_DONE;
}

const struct command command_redact = {
	.name = "redact",
	.summary = "Tells what stands in the history in place of a secret",
	.text = "Reads secrets from standard input, one a line, and prints for each the <redacted:DIGEST> that stands in its place.  Only "
		"with the key\nof the history, which root alone can read.\n\n"
		"  recorder query \"process.cmd contains '$(recorder redact)'\"\n",
	.options = options,
	.options_size = sizeof(struct redact_options),
	.run = run,
};
