/* Does to files what can be done to them and says of each act: {"what":"file", "pid", "action", "path", "target",
 * "inode", "how"}.  Paths are what the act came to in the end: absolute, symbolic links resolved.  An act that a recorder
 * must not report by default has the action "none".
 *
 *	files all DIR		every sort of act, below the empty folder DIR
 *	files links DIR		acts through symbolic links
 *	files storm N DIR	N rounds of create, write, rename, delete
 *	files descriptors DIR	acts through descriptors of folders and files; waits for the end of its input with all of
 *				them open, for a recorder that looks them up in /proc
 *	files forgotten DIR	the same and ends at once: nobody can look them up any more
 *	files mounts DIR	mounts a tmpfs on DIR and unmounts it, in a mount namespace of its own */

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "truth.h"

#define LEVELS 200

static char base[4096];

static void __attribute__((format(printf, 6, 7))) tell(const char *action, const char *how, ino_t inode,
	const char *folder,
							const char *target, const char *format, ...)
{
	struct line line = say("file");
	char name[4096], path[8192];
	va_list ap;

	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
	say_number(&line, "pid", getpid());
	say_word(&line, "action", action);
	say_word(&line, "how", how);
	say_bytes(&line, "path", path);
	say_bytes(&line, "target", target);
	if (inode)
		say_number(&line, "inode", (int64_t)inode);
	say_done(&line);
}

static char *below(const char *name)
{
	char *path = NULL;

	TRY(asprintf(&path, "%s/%s", base, name));
	return path;
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	TRY(lstat(path, &st));
	return st.st_ino;
}

/* Opens, closes, says the inode. */
static ino_t open_close(int at, const char *name, int flags)
{
	int fd = TRY(openat(at, name, flags | O_CLOEXEC, 0640));
	struct stat st;

	TRY(fstat(fd, &st));
	close(fd);
	return st.st_ino;
}

static void names(void)
{
	static const char *const odd[] = {
		"two words", " lead", "trail ", "double\"quote", "single'quote", "new\nline", "tab\tstop", "back\\slash",
		"\x1b[31mred", "caf\xc3\xa9", "caf\xe9", "\xff\xfe\x80", "100%", "%41", "(null)", "deadbeef", "*?[a]", "-rf",
		"\x1dUID=\"root\"", "key=value", ".hidden", "...", "a..", "\x7f",
	};
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = 0;
	for (size_t i = 0; i <= ARRAY_SIZE(odd); i++) {
		const char *name = i < ARRAY_SIZE(odd) ? odd[i] : longest;
		char *path = below(name);

		tell("create", "odd name", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY | O_EXCL), base,
		     NULL, "%s", name);
		tell("write", "odd relative name", open_close(AT_FDCWD, name, O_WRONLY), base, NULL, "%s",
		     name);
		tell("delete", "odd relative name", inode_of(name), base, NULL, "%s", name);
		TRY(unlink(name));
		free(path);
	}
}

static void opens(void)
{
	char *path = below("opened");
	int fd;

	tell("create", "O_CREAT", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY), base, NULL, "opened");
	tell("write", "O_CREAT of one that is there", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY), base,
	     NULL, "opened");
	tell("write", "O_RDWR", open_close(AT_FDCWD, path, O_RDWR), base, NULL, "opened");
	tell("write", "O_APPEND", open_close(AT_FDCWD, path, O_WRONLY | O_APPEND), base, NULL, "opened");
	tell("write", "O_TRUNC", open_close(AT_FDCWD, path, O_WRONLY | O_TRUNC), base, NULL, "opened");
	tell("write", "O_TMPFILE", open_close(AT_FDCWD, base, O_WRONLY | O_TMPFILE), base, NULL, "%s", "");
	tell("none", "O_RDONLY", open_close(AT_FDCWD, path, O_RDONLY), base, NULL, "opened");
	tell("none", "O_CREAT for reading of one that is there", open_close(AT_FDCWD, path,
	     O_CREAT | O_RDONLY), base, NULL,
	     "opened");
	if (open(path, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0 || errno != EEXIST)
		die("O_EXCL");
	tell("none", "O_EXCL of one that is there", 0, base, NULL, "opened");
	fd = (int)syscall(SYS_creat, path, 0600);
	close(TRY(fd));
	tell("write", "creat of one that is there", inode_of(path), base, NULL, "opened");
	tell("delete", "unlink", inode_of(path), base, NULL, "opened");
	TRY(unlink(path));
	fd = (int)syscall(SYS_creat, path, 0600);
	close(TRY(fd));
	tell("create", "creat", inode_of(path), base, NULL, "opened");
	if (truncate(path, 4000) < 0)
		die("truncate");
	tell("truncate", "truncate", inode_of(path), base, NULL, "opened");
	free(path);
}

static void changes(void)
{
	char *path = below("changed");
	ino_t inode = open_close(AT_FDCWD, path, O_CREAT | O_WRONLY);

	tell("create", "O_CREAT", inode, base, NULL, "changed");
	TRY(chmod(path, 0604));
	tell("chmod", "chmod", inode, base, NULL, "changed");
	TRY(fchmodat(AT_FDCWD, "changed", 04755, 0));
	tell("chmod", "fchmodat", inode, base, NULL, "changed");
	TRY(chown(path, 1, 2));
	tell("chown", "chown", inode, base, NULL, "changed");
	TRY(lchown("changed", 3, (gid_t)-1));
	tell("chown", "lchown", inode, base, NULL, "changed");
	TRY(fchownat(AT_FDCWD, "./changed", 0, 0, 0));
	tell("chown", "fchownat", inode, base, NULL, "changed");
	if (setxattr(path, "user.truth", "value", 5, 0) == 0) {
		tell("xattr", "setxattr", inode, base, NULL, "changed");
		TRY(lsetxattr("changed", "user.truth", "other", 5, XATTR_REPLACE));
		tell("xattr", "lsetxattr", inode, base, NULL, "changed");
		TRY(removexattr(path, "user.truth"));
		tell("xattr", "removexattr", inode, base, NULL, "changed");
	} else if (errno != EOPNOTSUPP) {
		die("setxattr");
	}
	free(path);
}

static void moves(void)
{
	char *from = below("from"), *to = below("to"), *there = below("there"), *folder = below("folder"),
		*moved = below("moved");
	ino_t inode = open_close(AT_FDCWD, from, O_CREAT | O_WRONLY), old;

	tell("create", "O_CREAT", inode, base, NULL, "from");
	TRY(rename(from, to));
	tell("rename", "rename", inode, base, to, "from");
	old = open_close(AT_FDCWD, there, O_CREAT | O_WRONLY);
	tell("create", "O_CREAT", old, base, NULL, "there");
	TRY(rename("to", "there"));
	tell("rename", "over one that is there", inode, base, there, "to");
	tell("create", "O_CREAT", open_close(AT_FDCWD, from, O_CREAT | O_WRONLY), base, NULL, "from");
	TRY((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, "there", 2 /* RENAME_EXCHANGE */));
	tell("rename", "RENAME_EXCHANGE", 0, base, there, "from");
	tell("rename", "RENAME_EXCHANGE", 0, base, from, "there");
	TRY(mkdir(folder, 0750));
	tell("create", "mkdir", inode_of(folder), base, NULL, "folder");
	TRY(rename(folder, moved));
	tell("rename", "a folder", inode_of(moved), base, moved, "folder");
	TRY(link(there, to));
	tell("link", "link", inode_of(to), base, to, "there");
	TRY(linkat(AT_FDCWD, "there", AT_FDCWD, "moved/linked", 0));
	free(to);
	to = below("moved/linked");
	tell("link", "relative", inode_of(to), base, to, "there");
	TRY(symlink("../anywhere at all", "moved/symlinked"));
	tell("symlink", "relative", inode_of("moved/symlinked"), base, "../anywhere at all", "moved/symlinked");
	TRY(mknod("moved/fifo", S_IFIFO | 0600, 0));
	tell("create", "mknod", inode_of("moved/fifo"), base, NULL, "moved/fifo");
	TRY(unlink("moved/symlinked"));
	tell("delete", "a symbolic link", 0, base, NULL, "moved/symlinked");
	TRY(unlink("moved/fifo"));
	tell("delete", "a fifo", 0, base, NULL, "moved/fifo");
	TRY(unlink("moved/linked"));
	tell("delete", "a hard link", 0, base, NULL, "moved/linked");
	TRY(rmdir(moved));
	tell("delete", "rmdir", 0, base, NULL, "moved");
	if (unlink(moved) == 0 || errno != ENOENT)
		die("unlink");
	tell("none", "unlink of nothing", 0, base, NULL, "moved");
	free(from);
	free(to);
	free(there);
	free(folder);
	free(moved);
}

/* Names that lead there by detours. */
static void detours(void)
{
	char *path = NULL;

	TRY(mkdir("real", 0700));
	tell("create", "mkdir", inode_of("real"), base, NULL, "real");
	TRY(mkdir("real/inner", 0700));
	tell("create", "mkdir", inode_of("real/inner"), base, NULL, "real/inner");
	TRY(mkdir("other", 0700));
	tell("create", "mkdir", inode_of("other"), base, NULL, "other");
	tell("create", "relative", open_close(AT_FDCWD, "real/relative", O_CREAT | O_WRONLY), base, NULL,
	     "real/relative");
	tell("create", "dots", open_close(AT_FDCWD, "./real/../other/./dots", O_CREAT | O_WRONLY), base, NULL,
	     "other/dots");
	TRY(asprintf(&path, "%s//real/./inner/..///slashes", base));
	tell("create", "absolute dots", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY), base, NULL,
	     "real/slashes");
	TRY(symlink("real/inner", "link"));
	tell("symlink", "relative", inode_of("link"), base, "real/inner", "link");
	TRY(chdir("link"));
	tell("create", "in a working directory reached by a link", open_close(AT_FDCWD, "here",
	     O_CREAT | O_WRONLY), base, NULL,
	     "real/inner/here");
	tell("create", "dots to above it", open_close(AT_FDCWD, "../up", O_CREAT | O_WRONLY), base, NULL,
	     "real/up");
	TRY(chdir(base));
	free(path);
}

/* Names that lead there by symbolic links, of which the kernel's records say nothing. */
static void links(void)
{
	char *path = NULL;

	TRY(mkdir("real", 0700));
	tell("create", "mkdir", inode_of("real"), base, NULL, "real");
	TRY(mkdir("real/inner", 0700));
	tell("create", "mkdir", inode_of("real/inner"), base, NULL, "real/inner");
	TRY(symlink("real/inner", "link"));
	tell("symlink", "relative", inode_of("link"), base, "real/inner", "link");
	TRY(asprintf(&path, "%s/link/through", base));
	tell("create", "absolute", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY), base, NULL,
	     "real/inner/through");
	free(path);
	tell("write", "relative", open_close(AT_FDCWD, "link/through", O_WRONLY), base, NULL,
	     "real/inner/through");
	/* By its text this is base/above; by its links it is real/above. */
	tell("create", "dots", open_close(AT_FDCWD, "link/../above", O_CREAT | O_WRONLY), base, NULL,
	     "real/above");
	TRY(asprintf(&path, "%s/link/../above", base));
	tell("delete", "absolute dots", inode_of(path), base, NULL, "real/above");
	TRY(unlink(path));
	free(path);
	TRY(symlink("real/inner/through", "last"));
	tell("symlink", "to a file", inode_of("last"), base, "real/inner/through", "last");
	tell("write", "a link to a file", open_close(AT_FDCWD, "last", O_WRONLY), base, NULL,
	     "real/inner/through");
}

static void deep(void)
{
	char path[LEVELS * 8 + 1] = "";
	size_t n = 0;

	for (unsigned i = 0; i < LEVELS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "deep%03u", i);
		TRY(mkdir(name, 0700));
		n += (size_t)snprintf(path + n, sizeof(path) - n, "%s%s", i ? "/" : "", name);
		tell("create", "deeper", inode_of(name), base, NULL, "%s", path);
		TRY(chdir(name));
	}
	tell("create", "in the depth", open_close(AT_FDCWD, "bottom", O_CREAT | O_WRONLY), base, NULL,
	     "%s/bottom", path);
	TRY(rename("bottom", "../moved up"));
	{
		char *folder = below(path), *to = NULL;

		*strrchr(folder, '/') = 0;
		TRY(asprintf(&to, "%s/moved up", folder));
		tell("rename", "in the depth", inode_of("../moved up"), base, to, "%s/bottom", path);
		free(folder);
		free(to);
	}
	TRY(chdir(base));
}

static void storm(unsigned n)
{
	char name[32], other[32];

	for (unsigned i = 0; i < n; i++) {
		char *path, *moved;

		snprintf(name, sizeof(name), "storm%u", i);
		snprintf(other, sizeof(other), "moved%u", i);
		path = below(name);
		moved = below(other);
		tell("create", "storm", open_close(AT_FDCWD, path, O_CREAT | O_WRONLY), base, NULL, "%s", name);
		tell("write", "storm", open_close(AT_FDCWD, path, O_WRONLY), base, NULL, "%s", name);
		TRY(rename(path, moved));
		tell("rename", "storm", inode_of(moved), base, moved, "%s", name);
		TRY(unlink(moved));
		tell("delete", "storm", 0, base, NULL, "%s", other);
		free(path);
		free(moved);
	}
}

static void descriptors(void)
{
	int one, two, file;
	ino_t inode;
	char *target;

	TRY(mkdir("one", 0700));
	tell("create", "mkdir", inode_of("one"), base, NULL, "one");
	TRY(mkdir("two", 0700));
	tell("create", "mkdir", inode_of("two"), base, NULL, "two");
	one = TRY(open("one", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	two = TRY(open("two", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	TRY(chdir("/"));

	inode = open_close(one, "new", O_CREAT | O_WRONLY);
	tell("create", "openat", inode, base, NULL, "one/new");
	tell("write", "openat", open_close(one, "new", O_WRONLY), base, NULL, "one/new");
	tell("write", "openat by dots", open_close(two, "../one/./new", O_WRONLY), base, NULL, "one/new");
	target = below("two/old");
	TRY(renameat(one, "new", two, "old"));
	tell("rename", "renameat", inode, base, target, "one/new");
	TRY(mkdirat(one, "sub", 0700));
	tell("create", "mkdirat", 0, base, NULL, "one/sub");
	free(target);
	target = below("one/sub/linked");
	TRY(linkat(two, "old", one, "sub/linked", 0));
	tell("link", "linkat", inode, base, target, "two/old");
	TRY(symlinkat("text", one, "symbolic"));
	tell("symlink", "symlinkat", 0, base, "text", "one/symbolic");
	TRY(fchmodat(two, "old", 0600, 0));
	tell("chmod", "fchmodat", inode, base, NULL, "two/old");
	TRY(fchownat(two, "old", 1, 1, 0));
	tell("chown", "fchownat", inode, base, NULL, "two/old");
	TRY(unlinkat(one, "sub/linked", 0));
	tell("delete", "unlinkat", 0, base, NULL, "one/sub/linked");
	TRY(unlinkat(one, "sub", AT_REMOVEDIR));
	tell("delete", "unlinkat a folder", 0, base, NULL, "one/sub");
	file = TRY(openat(two, "old", O_RDWR | O_CLOEXEC));
	tell("write", "openat", inode, base, NULL, "two/old");
	TRY(ftruncate(file, 100));
	tell("truncate", "ftruncate", 0, base, NULL, "two/old");
	TRY(fallocate(file, 0, 0, 200));
	tell("truncate", "fallocate", 0, base, NULL, "two/old");
	TRY(fchmod(file, 0644));
	tell("chmod", "fchmod", inode, base, NULL, "two/old");
	TRY(fchown(file, 0, 0));
	tell("chown", "fchown", inode, base, NULL, "two/old");
}

static void mounts(void)
{
	TRY(unshare(CLONE_NEWNS));
	TRY(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	tell("mount", "private", 0, "/", NULL, "%s", "");
	TRY(mount("truth", base, "tmpfs", MS_NOSUID, "size=1m"));
	tell("mount", "tmpfs", 0, base, NULL, "%s", "");
	TRY(chdir(base));
	tell("create", "in the mount", open_close(AT_FDCWD, "inside", O_CREAT | O_WRONLY), base, NULL,
	     "inside");
	TRY(chdir("/"));
	TRY(umount2(base, MNT_DETACH));
	tell("unmount", "umount2", 0, base, NULL, "%s", "");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";

	if (argc < 3 || !realpath(argv[argc - 1], base))
		return 2;
	TRY(chdir(base));
	umask(022);
	if (strcmp(mode, "all") == 0) {
		names();
		opens();
		changes();
		moves();
		detours();
		deep();
	} else if (strcmp(mode, "links") == 0) {
		links();
	} else if (strcmp(mode, "storm") == 0 && argc == 4) {
		storm((unsigned)atoi(argv[2]));
	} else if (strcmp(mode, "descriptors") == 0) {
		descriptors();
		TRY(close(STDOUT_FILENO));
		wait_for_end_of_input();
	} else if (strcmp(mode, "forgotten") == 0) {
		descriptors();
	} else if (strcmp(mode, "mounts") == 0) {
		mounts();
	} else {
		return 2;
	}
	return 0;
}
