/* See audit_folders.h.
 *
 * DESIGN: the kernel's `dir=` marks the inode of the folder, and the roots of what is mounted below it, when the first rule with that
 * text is loaded (kernel/audit_tree.c).  A call matches if a file or folder that it found lies below a mark by the dentries of its file
 * system (kernel/auditsc.c, handle_path): by where it is then, by whatever way it was reached.  What follows for a path that is wanted:
 *
 *	links into it, a bind mount elsewhere, a chroot, other mount namespaces, descriptors, files that were open before
 *					the file is where it is: matched
 *	rename or link from outside, making, removing
 *					the folders of both names are found by the call: matched
 *	what a process in a chroot calls so, and lies elsewhere
 *					audit does not tell the root, so its path is taken for the host's, guessed; not matched
 *	a folder on the way to it that is made, renamed, moved in or replaced
 *					matched as long as that is below the mark.  So the mark is as high as may be: on the folder directly
 *					below `/`, or on the root of the deepest mount that the path is in, which nobody can rename
 *	the marked folder itself is replaced or not there yet
 *					not to be had: there is no mark, all is asked for, until there is one.  That it was replaced is seen at
 *					the next look, and what happened since the one before is a gap
 *	a mount on the way to it, or below
 *					likewise: it is marked when rules are loaded anew
 *	what begins like the last part of it (`/etc` has /etcetera too)
 *					each such folder is marked; that one comes to be is a name in `/`, asked for by the inode of that, and
 *					what happens in it until the next look is a gap
 *	a mount namespace in which a file system that the host does not have stands where the path is (a container)
 *					what it has there is called by that path, and no rule can name it: all is asked for while a
 *					process has such a namespace.  One that comes and goes between two looks, or that a thread alone has, is not seen
 *	another name of the file (a hard link elsewhere)
 *					is not the path that is wanted, and not matched
 *	a path with `..` or a link in it
 *					files are called by where links lead, so it is nobody's; but all is asked for, since that may change
 *
 * Rules with the same text share the marks that the first of them made, whoever loaded it: so ours say `/etc/.`, which nobody writes
 * (daemon/narrowing.c).  Nothing is left out by `never`: what a mark says of what somebody does want less of is no longer true when the
 * folder is renamed, and what is under it has other names by other mounts. */

#include "source/audit_folders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "source/mount_table.h"

#define MAX_BYTES (2u << 20)		/* of a mountinfo: some 10,000 mounts */
#define MAX_NAMESPACES 256
#define BUDGET_NS (50 * NS_PER_MS)	/* that looking at them may take */

struct finding {
	struct audit_folders *found;
	const struct source_exclusion *paths;
	size_t n_paths;
	const struct audit_folders_host *host;
	struct mount_table *mounts;	/* of the host */
	bool is_elsewhere;		/* the recorder has mounts of its own */
	uint32_t seen[MAX_NAMESPACES];
	size_t n_seen;
};

static void add_identity(struct finding *finding, const void *data, size_t size)
{
	finding->found->identity = span_hash((struct span){ data, size }, finding->found->identity);
}

static void add_number(struct finding *finding, uint64_t number)
{
	add_identity(finding, &number, sizeof(number));
}

static bool give_up(struct finding *finding, const char *why)
{
	finding->found->why = why;
	return false;
}

/* Mounts */

static int read_mounts(struct mount_table **ret, const char *proc, const char *of)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	char name[512], part[16384];
	ssize_t n;
	int fd, r;

	snprintf(name, sizeof(name), "%s/%s/mountinfo", proc, of);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0 && text.size <= MAX_BYTES)
		buffer_append(&text, part, (size_t)n);
	r = n < 0 ? -errno : n > 0 ? -E2BIG : buffer_error(&text);
	close(fd);
	return r < 0 ? r : mount_table_new(ret, &text);
}

/* Files with the path lie in it, or below the path it stands. */
static bool is_on_the_way(const struct mount_point *mount, const struct source_exclusion *path)
{
	struct span text = path->path, point = mount->point;

	if (text.size > point.size && span_starts(text, point) && text.data[point.size] == '/')
		return true;
	return path->below ? span_starts(point, text) : span_eq(point, text);
}

static bool concerns(const struct finding *finding, const struct mount_point *mount)
{
	for (size_t i = 0; i < finding->n_paths; i++)
		if (is_on_the_way(mount, &finding->paths[i]))
			return true;
	return false;
}

struct search {
	struct finding *finding;
	const struct mount_table *among;
	bool missing;
};

struct look_up {
	uint64_t device;
	struct span point;
	bool by_point, found;
};

static void compare_mount(void *user, const struct mount_point *mount)
{
	struct look_up *want = user;

	want->found |= mount->device == want->device && (!want->by_point || span_eq(mount->point, want->point));
}

/* The device is mounted there, or, without a point, anywhere. */
static bool has_mount(const struct mount_table *table, uint64_t device, const struct span *point)
{
	struct look_up want = { .device = device, .point = point ? *point : (struct span){ NULL, 0 }, .by_point = point };

	mount_table_each(table, compare_mount, &want);
	return want.found;
}

static void learn_mount(void *user, const struct mount_point *mount)
{
	struct search *search = user;

	if (!concerns(search->finding, mount))
		return;
	add_number(search->finding, mount->id);
	add_number(search->finding, mount->device);
	add_identity(search->finding, mount->point.data, mount->point.size);
	search->missing |= search->among && !has_mount(search->among, mount->device, &mount->point);
}

static void look_for_foreign(void *user, const struct mount_point *mount)
{
	struct search *search = user;

	search->missing |= concerns(search->finding, mount) && !has_mount(search->among, mount->device, NULL);
}

static int read_namespace(const char *proc, const char *of, uint32_t *ret)
{
	char name[512], target[32];
	ssize_t n;

	snprintf(name, sizeof(name), "%s/%s/ns/mnt", proc, of);
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	return sscanf(target, "mnt:[%u]", ret) == 1 ? 0 : -EINVAL;
}

static bool is_new(struct finding *finding, uint32_t number)
{
	for (size_t i = 0; i < finding->n_seen; i++)
		if (finding->seen[i] == number)
			return false;
	if (finding->n_seen < MAX_NAMESPACES)
		finding->seen[finding->n_seen++] = number;
	return true;
}

/* No process has mounts of its own where the paths are, but of what the host has too.  A process that goes meanwhile has none. */
static bool look_at_namespaces(struct finding *finding)
{
	DIR *dir = opendir(finding->host->proc);
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	struct dirent *entry;
	bool ok = true;

	if (!dir)
		return give_up(finding, "/proc cannot be read");
	while (ok && (entry = readdir(dir))) {
		_cleanup_(mount_table_freep) struct mount_table *table = NULL;
		struct search search = { .finding = finding, .among = finding->mounts };
		uint32_t number;
		int r;

		if (!isdigit((unsigned char)entry->d_name[0]) || strcmp(entry->d_name, "1") == 0)
			continue;
		r = read_namespace(finding->host->proc, entry->d_name, &number);
		if (r == -EACCES || r == -EPERM)
			ok = give_up(finding, "the recorder may not look at the mount namespaces of others");
		if (r < 0 || !is_new(finding, number))
			continue;
		/* Anybody can make them by the hundred, each with mounts by the thousand. */
		if (finding->n_seen == MAX_NAMESPACES || clock_ns(CLOCK_MONOTONIC) - begin_ns > BUDGET_NS) {
			ok = give_up(finding, "there are too many mount namespaces");
			break;
		}
		r = read_mounts(&table, finding->host->proc, entry->d_name);
		if (r == -E2BIG || r == -ENOMEM)
			ok = give_up(finding, "a mount namespace has too many mounts");
		if (r < 0)
			continue;
		mount_table_each(table, look_for_foreign, &search);
		if (search.missing)
			ok = give_up(finding, "a container has a file system there that the host does not show");
	}
	closedir(dir);
	return ok;
}

static bool look_at_mounts(struct finding *finding)
{
	_cleanup_(mount_table_freep) struct mount_table *own = NULL;
	struct search search = { .finding = finding };
	const char *proc = finding->host->proc;
	uint32_t of_host = 0, of_self;

	if (read_mounts(&finding->mounts, proc, "1") < 0 || read_namespace(proc, "self", &of_self) < 0)
		return give_up(finding, "the mounts of the host cannot be read");
	/* Who may not ask is taken to be of the host, as in host_namespaces(), but what it sees is compared. */
	if (read_namespace(proc, "1", &of_host) >= 0)
		finding->seen[finding->n_seen++] = of_host;
	finding->is_elsewhere = of_host != 0 && of_host != of_self;
	if (of_host != of_self) {
		/* The kernel looks for folders and mounts from where we are. */
		if (read_mounts(&own, proc, "self") < 0)
			return give_up(finding, "the recorder's mounts cannot be read");
		search.among = own;
		is_new(finding, of_self);
	}
	mount_table_each(finding->mounts, learn_mount, &search);
	return search.missing ? give_up(finding, "the recorder does not see a mount of the host") : true;
}

/* Folders */

static int look_at(const char *root, struct span folder, struct statx *ret)
{
	char path[1024];

	if ((size_t)snprintf(path, sizeof(path), "%s%.*s", root, (int)folder.size, folder.data) >= sizeof(path))
		return -ENAMETOOLONG;
	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, ret) < 0 ? -errno : 0;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

static bool add_folder(struct finding *finding, struct span folder)
{
	char host_root[300];
	struct audit_folders *found = finding->found;
	struct statx own, host;

	for (size_t i = 0; i < found->n; i++)
		if (span_eq(span_of(found->paths[i]), folder))
			return true;
	snprintf(host_root, sizeof(host_root), "%s/1/root", finding->host->proc);
	if (look_at(finding->host->root, folder, &own) < 0 || !S_ISDIR(own.stx_mode))
		return give_up(finding, "a folder that they are in is not there, or is none");
	if (finding->is_elsewhere && (look_at(host_root, folder, &host) < 0 || !is_same(&own, &host)))
		return give_up(finding, "the recorder does not see what the host has there");
	if (found->n == AUDIT_SCOPE_FOLDERS)
		return give_up(finding, "they are in too many folders: as many rules would cost more than they save");
	if (folder.size >= sizeof(found->paths[0]))
		return give_up(finding, "a path is too long");
	memcpy(found->paths[found->n], folder.data, folder.size);
	found->paths[found->n++][folder.size] = 0;
	add_identity(finding, folder.data, folder.size);
	add_number(finding, own.stx_ino);
	add_number(finding, (uint64_t)own.stx_dev_major << 32 | own.stx_dev_minor);
	return true;
}

/* A name directly in `/`, and those that begin so, each of which is to be a folder. */
static bool add_beginning(struct finding *finding, struct span path)
{
	struct statx root;
	struct dirent *entry;
	char name[1024];
	struct statfs fs;
	bool ok = true, any = false;
	DIR *dir;

	snprintf(name, sizeof(name), "%s/", finding->host->root);
	/* An overlay may show another inode than audit does (fs/overlayfs/inode.c, ovl_map_ino). */
	if (look_at(finding->host->root, SPAN("/"), &root) < 0 || root.stx_ino > UINT32_MAX || statfs(name, &fs) < 0 || fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return give_up(finding, "what is made in / cannot be asked for");
	dir = opendir(name);
	if (!dir)
		return give_up(finding, "/ cannot be read");
	while (ok && (entry = readdir(dir))) {
		int size = snprintf(name, sizeof(name), "/%s", entry->d_name);

		if (span_starts((struct span){ name, (size_t)size }, path)) {
			ok = add_folder(finding, (struct span){ name, (size_t)size });
			any = true;
		}
	}
	closedir(dir);
	finding->found->root = (uint32_t)root.stx_ino;
	return ok && !any ? give_up(finding, "a folder that they are in is not there") : ok;
}

struct deepest {
	struct span path, point;
};

static void find_deepest(void *user, const struct mount_point *mount)
{
	struct deepest *deepest = user;

	if (mount->point.size > deepest->point.size && mount->point.size < deepest->path.size && span_starts(deepest->path, mount->point) &&
	    deepest->path.data[mount->point.size] == '/')
		deepest->point = mount->point;
}

static bool add_path(struct finding *finding, const struct source_exclusion *path)
{
	struct deepest deepest = { .path = path->path, .point = { "", 0 } };
	struct span text = path->path;
	const char *slash;

	/* The last part may be the beginning of one. */
	if (text.size < 2 || text.data[0] != '/')
		return give_up(finding, "a path says less than a folder");
	if (!path_is_normal(text.data[text.size - 1] == '/' ? (struct span){ text.data, text.size - 1 } : text))
		return give_up(finding, "a path is not as files are called");
	mount_table_each(finding->mounts, find_deepest, &deepest);
	if (deepest.point.size > 0)
		return add_folder(finding, deepest.point);
	slash = memchr(text.data + 1, '/', text.size - 1);
	if (!slash)
		return add_beginning(finding, text);
	return add_folder(finding, (struct span){ text.data, (size_t)(slash - text.data) });
}

void audit_folders_find(struct audit_folders *ret, const struct source_exclusion *paths, size_t n, const struct audit_folders_host *host)
{
	static const struct audit_folders_host whole = { "", "/proc" };
	struct finding finding = { .found = ret, .paths = paths, .n_paths = n, .host = host ? host : &whole };
	bool ok;

	*ret = (struct audit_folders){ .why = "" };
	ok = look_at_mounts(&finding);
	for (size_t i = 0; i < n && ok; i++)
		ok = add_path(&finding, &paths[i]);
	ok = ok && look_at_namespaces(&finding);
	if (!ok)
		ret->n = ret->root = 0;
	add_number(&finding, ok);
	mount_table_free(finding.mounts);
}
