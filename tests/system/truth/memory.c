/* Maps memory and says of each mapping that a recorder must report {"what":"image", "how", "pid", "path", "inode"} for a
 * file mapped to be run, {"what":"memory", "how", "pid", "call", "operation"} for other memory made so.
 *
 *	memory all DIR LIBRARY PROGRAM	in the empty folder DIR; LIBRARY can be loaded, PROGRAM is run from memory:
 *					{"what":"memfd", "pid", "name", "args"} */

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "truth.h"

#define PAGE 4096

static char base[4096];

static void tell_image(const char *how, const char *path, ino_t inode)
{
	struct line line = say("image");

	say_word(&line, "how", how);
	say_number(&line, "pid", getpid());
	say_bytes(&line, "path", path);
	say_number(&line, "inode", (int64_t)inode);
	say_done(&line);
}

static void tell_memory(const char *how, const char *call, const char *operation)
{
	struct line line = say("memory");

	say_word(&line, "how", how);
	say_number(&line, "pid", getpid());
	say_word(&line, "call", call);
	say_word(&line, "operation", operation);
	say_done(&line);
}

static void *map(size_t size, int protection, int flags, int fd)
{
	void *at = mmap(NULL, size, protection, flags, fd, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

/* What the dynamic linker mapped before main: all files in memory to be run, but for what the kernel mapped itself, the
 * program and the linker. */
static void loaded(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4600], own[4096];
	ssize_t n = TRY(readlink("/proc/self/exe", own, sizeof(own) - 1));

	own[n] = 0;
	if (!maps)
		die("maps");
	while (fgets(line, sizeof(line), maps)) {
		char *path = strchr(line, '/'), *name;
		struct stat st;

		line[strcspn(line, "\n")] = 0;
		if (!path || !strstr(line, " r-xp ") || strcmp(path, own) == 0)
			continue;
		name = strrchr(path, '/') + 1;
		if (strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.so", 5) == 0)
			continue;
		TRY(stat(path, &st));
		tell_image("loaded at the start", path, st.st_ino);
	}
	fclose(maps);
}

static void files(const char *library)
{
	char path[5000], *real = realpath(library, NULL);
	struct stat st;
	int fd;

	if (!real)
		die(library);
	TRY(stat(real, &st));
	if (!dlopen(library, RTLD_NOW))
		die(dlerror());
	tell_image("dlopen", real, st.st_ino);
	if (!dlopen(library, RTLD_NOW))
		die(dlerror());

	snprintf(path, sizeof(path), "%s/code", base);
	fd = TRY(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0755));
	TRY(ftruncate(fd, 3 * PAGE));
	TRY(fstat(fd, &st));
	map(PAGE, PROT_READ, MAP_PRIVATE, fd);
	map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	tell_image("private", path, st.st_ino);
	map(2 * PAGE, PROT_EXEC, MAP_SHARED, fd);
	tell_image("shared", path, st.st_ino);
	close(fd);
	TRY(symlink("code", "link"));
	fd = TRY(open("link", O_RDONLY | O_CLOEXEC));
	map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd);
	tell_image("by a link, for writing too", path, st.st_ino);
	close(fd);
	fd = TRY(open("/dev/zero", O_RDWR | O_CLOEXEC));
	map(PAGE, PROT_READ, MAP_PRIVATE, fd);
	close(fd);
}

static void anonymous(void)
{
	void *at = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *code;
	int fd;

	TRY(mprotect(at, PAGE, PROT_READ));
	TRY(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
	tell_memory("private", "mprotect", "protect");
	TRY(mprotect(at, PAGE, PROT_NONE));
	if (syscall(SYS_pkey_mprotect, at, PAGE, PROT_EXEC, -1) == 0)
		tell_memory("private", "pkey_mprotect", "protect");
	if (mprotect((void *)PAGE, PAGE, PROT_EXEC) == 0 || errno != ENOMEM)
		die("mprotect of nothing");
	map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	tell_memory("private", "mmap", "map");
	map(PAGE, PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1);
	tell_memory("shared", "mmap", "map");
	fd = TRY(open("code", O_RDWR | O_CLOEXEC));
	code = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	TRY(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
	tell_memory("of a file", "mprotect", "protect");
	close(fd);
	if (mmap(NULL, PAGE, PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED || errno != EBADF)
		die("mmap of nothing");
}

static void memfd(const char *program)
{
	const char *args[] = { "from memory", "", NULL }, *environment[] = { NULL };
	int fd = TRY(memfd_create("truth", MFD_CLOEXEC)), from = TRY(open(program, O_RDONLY | O_CLOEXEC));
	struct line line;
	struct stat st;
	pid_t pid;
	int status;

	TRY(fstat(from, &st));
	for (off_t at = 0; at < st.st_size;) {
		char buffer[65536];
		ssize_t n = TRY(read(from, buffer, sizeof(buffer)));

		at += TRY(write(fd, buffer, (size_t)n));
	}
	close(from);
	pid = TRY(fork());
	if (pid == 0) {
		fexecve(fd, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)environment);
		_exit(127);
	}
	TRY(waitpid(pid, &status, 0));
	if (status)
		die("memfd");
	line = say("memfd");
	say_number(&line, "pid", pid);
	say_word(&line, "name", "memfd:truth");
	say_list(&line, "args", args);
	say_done(&line);
}

int main(int argc, char **argv)
{
	if (argc != 5 || strcmp(argv[1], "all") != 0 || !realpath(argv[2], base))
		return 2;
	TRY(chdir(base));
	loaded();
	files(argv[3]);
	anonymous();
	memfd(argv[4]);
	return 0;
}
