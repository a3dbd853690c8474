/* The ring reader: takes the records of reader.bpf.c and drops them, the least that recording through a ring can cost.
 *
 *	bench-reader NAME		counts what programs of that name did
 *	bench-reader NAME reads		files that are opened for reading as well
 *
 * Says "ready", and after SIGTERM a line "KIND COUNT" for each kind, and "lost COUNT". */

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "reader.h"
#include "reader.skel.h"

#define IDLE_MS 100
#define NAP_NS 10000000		/* with records there: it would be woken for each */

static const char *const kind_names[N_READER_KINDS] = {
	[READER_FORK] = "process/fork",
	[READER_EXEC] = "process/exec",
	[READER_EXIT] = "process/exit",
	[READER_CREATE] = "file/create",
	[READER_READ] = "file/read",
	[READER_RENAME] = "file/rename",
	[READER_DELETE] = "file/delete",
	[READER_CHANGE] = "file/change",
	[READER_CONNECT] = "network/connect",
	[READER_ACCEPT] = "network/accept",
	[READER_LISTEN] = "network/listen",
	[READER_STATE] = "network/state",
	[READER_OTHER] = "other",
};

#define NONE READER_NONE
#define CALL(name, kind, path, path2, flags) { SYS_##name, { READER_##kind, { path, path2 }, flags } },

/* What the default subscription makes a recorder look at, but for bytes written and names asked for. */
static const struct {
	int number;
	struct reader_call call;
} calls[] = {
#ifdef SYS_open				/* machines with the old calls */
	CALL(open, CREATE, 0, NONE, 1)
	CALL(creat, CREATE, 0, NONE, NONE)
	CALL(rename, RENAME, 0, 1, NONE)
	CALL(unlink, DELETE, 0, NONE, NONE)
	CALL(rmdir, DELETE, 0, NONE, NONE)
	CALL(link, CHANGE, 0, 1, NONE)
	CALL(symlink, CHANGE, 0, 1, NONE)
	CALL(mkdir, CHANGE, 0, NONE, NONE)
	CALL(mknod, CHANGE, 0, NONE, NONE)
	CALL(chmod, CHANGE, 0, NONE, NONE)
	CALL(chown, CHANGE, 0, NONE, NONE)
	CALL(lchown, CHANGE, 0, NONE, NONE)
#endif
#ifdef SYS_renameat
	CALL(renameat, RENAME, 1, 3, NONE)
#endif
	CALL(openat, CREATE, 1, NONE, 2)
	CALL(openat2, CREATE, 1, NONE, NONE)
	CALL(open_by_handle_at, CREATE, NONE, NONE, 2)
	CALL(truncate, CHANGE, 0, NONE, NONE)
	CALL(ftruncate, CHANGE, NONE, NONE, NONE)
	CALL(renameat2, RENAME, 1, 3, NONE)
	CALL(unlinkat, DELETE, 1, NONE, NONE)
	CALL(linkat, CHANGE, 1, 3, NONE)
	CALL(symlinkat, CHANGE, 0, 2, NONE)
	CALL(mkdirat, CHANGE, 1, NONE, NONE)
	CALL(mknodat, CHANGE, 1, NONE, NONE)
	CALL(fchmod, CHANGE, NONE, NONE, NONE)
	CALL(fchmodat, CHANGE, 1, NONE, NONE)
	CALL(fchown, CHANGE, NONE, NONE, NONE)
	CALL(fchownat, CHANGE, 1, NONE, NONE)
	CALL(connect, CONNECT, NONE, NONE, NONE)
	CALL(accept, ACCEPT, NONE, NONE, NONE)
	CALL(accept4, ACCEPT, NONE, NONE, NONE)
	CALL(bind, LISTEN, NONE, NONE, NONE)
	CALL(listen, LISTEN, NONE, NONE, NONE)
	CALL(setuid, OTHER, NONE, NONE, NONE)
	CALL(setgid, OTHER, NONE, NONE, NONE)
	CALL(setreuid, OTHER, NONE, NONE, NONE)
	CALL(setregid, OTHER, NONE, NONE, NONE)
	CALL(setresuid, OTHER, NONE, NONE, NONE)
	CALL(setresgid, OTHER, NONE, NONE, NONE)
	CALL(init_module, OTHER, NONE, NONE, NONE)
	CALL(finit_module, OTHER, NONE, NONE, NONE)
	CALL(delete_module, OTHER, NONE, NONE, NONE)
	CALL(ptrace, OTHER, NONE, NONE, NONE)
	CALL(mount, OTHER, 1, NONE, NONE)
	CALL(umount2, OTHER, 0, NONE, NONE)
};

struct counts {
	const char *name;
	unsigned long of[N_READER_KINDS];
};

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	told_to_end = number;
}

static int on_record(void *user, void *data, size_t size)
{
	struct counts *counts = user;
	const struct reader_record *record = data;

	if (size == sizeof(*record) && record->kind < N_READER_KINDS &&
	    strncmp(record->name, counts->name, sizeof(record->name)) == 0)
		counts->of[record->kind]++;
	return 0;
}

static int set_up(struct reader *programs, int wants_reads)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		memcpy(&programs->rodata->calls[calls[i].number], &calls[i].call, sizeof(calls[i].call));
	programs->rodata->wants_reads = wants_reads ? 1 : 0;
	return reader__load(programs) < 0 || reader__attach(programs) < 0 ? -1 : 0;
}

static int read_all(struct ring_buffer *ring)
{
	const struct timespec nap = { 0, NAP_NS };

	while (!told_to_end) {
		int n = ring_buffer__poll(ring, IDLE_MS);

		if (n < 0 && n != -EINTR)
			return n;
		n = ring_buffer__consume(ring);
		if (n < 0)
			return n;
		if (n > 0)
			nanosleep(&nap, NULL);
	}
	return ring_buffer__consume(ring);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct counts counts = { 0 };
	struct reader *programs;
	struct ring_buffer *ring;

	if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "reads") != 0)) {
		fprintf(stderr, "usage: bench-reader NAME [reads]\n");
		return 2;
	}
	counts.name = argv[1];
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	programs = reader__open();
	if (!programs || set_up(programs, argc == 3) < 0) {
		perror("bench-reader: the programs");
		return 1;
	}
	ring = ring_buffer__new(bpf_map__fd(programs->maps.ring), on_record, &counts, NULL);
	if (!ring) {
		perror("bench-reader: the ring");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	if (read_all(ring) < 0) {
		perror("bench-reader: reading");
		return 1;
	}
	for (int i = READER_FORK; i < N_READER_KINDS; i++)
		printf("%s %lu\n", kind_names[i], counts.of[i]);
	printf("lost %llu\n", programs->bss->lost);
	ring_buffer__free(ring);
	reader__destroy(programs);
	return 0;
}
