/* See output_file.h. */

#include "cli/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define BUFFER_BYTES (256u << 10)

int output_file_fail(const struct output_file *output, int error)
{
	bool denied = error == -EACCES || error == -EPERM;

	return cli_fail(denied ? CLI_PERMISSION : CLI_FAILED, "%s: cannot write %s: %s%s", output->command, output->path,
			error == -EEXIST ? "it is there already" : strerror(-error),
			error == -EEXIST ? " (--force replaces it)" : denied ? " (sudo?)" : "");
}

static int check_place(const struct output_file *output, const char *not)
{
	struct stat st, other;

	if (stat(output->path, &st) < 0)
		return errno == ENOENT ? CLI_DONE : output_file_fail(output, -errno);
	if (!S_ISREG(st.st_mode))
		return cli_fail(CLI_FAILED, "%s: %s is there and no ordinary file (without --output it goes to the standard output)",
				output->command, output->path);
	if (stat(not, &other) == 0 && st.st_dev == other.st_dev && st.st_ino == other.st_ino)
		return cli_fail(CLI_FAILED, "%s: %s is the history itself", output->command, output->path);
	return output->replace ? CLI_DONE : output_file_fail(output, -EEXIST);
}

/* What one that was killed left.  Who still writes it has it locked. */
static int remove_left_over(const struct output_file *output)
{
	int fd = open(output->part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), r = CLI_DONE;

	if (fd < 0)
		return errno == ENOENT ? CLI_DONE : output_file_fail(output, -errno);
	if (!output->replace)
		r = cli_fail(CLI_FAILED, "%s: %s is there: another is being written, or was not finished (--force replaces it)",
			     output->command, output->part);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = cli_fail(CLI_FAILED, "%s: %s is being written by another", output->command, output->part);
	else if (unlink(output->part) < 0)
		r = output_file_fail(output, -errno);
	close(fd);
	return r;
}

static int open_part(struct output_file *output)
{
	int fd, r = remove_left_over(output);

	if (r != CLI_DONE)
		return r;
	fd = open(output->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return output_file_fail(output, -errno);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {	/* another has seen it as a left-over */
		close(fd);
		return output_file_fail(output, -EBUSY);
	}
	output->file = fdopen(fd, "w");
	if (!output->file) {
		unlink(output->part);
		close(fd);
		return output_file_fail(output, -ENOMEM);
	}
	setvbuf(output->file, NULL, _IOFBF, BUFFER_BYTES);
	return CLI_DONE;
}

int output_file_open(struct output_file *ret, const char *command, const char *path, bool replace, const char *not)
{
	struct output_file output = { .command = command, .path = path, .replace = replace };
	int r = check_place(&output, not);

	if (r != CLI_DONE)
		return r;
	if (asprintf(&output.part, "%s.part", path) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = open_part(&output);
	if (r != CLI_DONE)
		free(output.part);
	else
		*ret = output;
	return r;
}

static int sync_folder(const char *path)
{
	_cleanup_(freep) char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, r;

	if (fd < 0)
		return copy ? -errno : -ENOMEM;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int put_in_place(const struct output_file *output)
{
	if (!output->replace) {
		if (renameat2(AT_FDCWD, output->part, AT_FDCWD, output->path, RENAME_NOREPLACE) == 0)
			return 0;
		/* A file system that cannot say "if it is not there": it was not when we began. */
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
	}
	return rename(output->part, output->path) < 0 ? -errno : 0;
}

int output_file_finish(struct output_file *output)
{
	int r = 0;

	if (fflush(output->file) != 0 || fsync(fileno(output->file)) < 0)
		r = -errno;
	if (r >= 0)
		r = put_in_place(output);
	if (r < 0)
		return output_file_fail(output, r);
	fclose(output->file);
	output->file = NULL;
	r = sync_folder(output->path);
	return r < 0 ? output_file_fail(output, r) : CLI_DONE;
}

void output_file_release(struct output_file *output)
{
	if (output->file) {
		unlink(output->part);
		fclose(output->file);
	}
	free(output->part);
}
