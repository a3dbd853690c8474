#pragma once
/* Inside decode/: one record of the kernel's programs being turned into events, see probe_event.c. */

#include <sys/sysmacros.h>

#include "decode/decoder.h"
#include "event/file_version.h"
#include "event/probe_check.h"

#define PROBE_MAX_EVENTS 256		/* of a record */
#define PROBE_CPU_BITS	 16		/* of event.origin: the processor, above it which event of that moment it is */

struct probe {
	struct decoder *decoder;
	const struct probe_record *record;
	struct span bytes;
	uint64_t time_ns;		/* since 1970 */
	uint64_t boot_to_real_ns;	/* to add to times since boot */
	unsigned n_events;
	decode_fn emit;
	void *user;
};

/* probe_event.c */
struct event *probe_event(const struct probe *probe, uint16_t kind, const char *code);	/* NULL: no memory */
int probe_emit(struct probe *probe, struct event *event);	/* takes it; 0 or < 0 */
bool probe_is_cut(const struct probe *probe, unsigned text);
const char *probe_call_name(const struct probe *probe);	/* NULL: no call */
uint16_t probe_call_kind(const struct probe *probe);
enum probe_act probe_call_act(const struct probe *probe);	/* PROBE_ACT_NONE: no call */
bool probe_fits(const struct probe_record *record);	/* its type and its call go together */
/* A text of the program as it is.  Of one that is cut, or could not be read, the event says so. */
void probe_set_text(const struct probe *probe, struct event *event, enum field field, unsigned text);
void probe_set_missing(struct event *event, const char *what);
uint64_t probe_argument(const struct probe *probe, unsigned n);	/* of a record with body.call; 0 beyond the last */
bool probe_exchanges(const struct probe *probe);	/* a rename of two (RENAME_EXCHANGE), told by two events */

/* The kernel's own encoding of a device, include/linux/kdev_t.h. */
static inline uint64_t probe_device(uint32_t device)
{
	return makedev(device >> 20, device & 0xfffff);
}

static inline struct path_root probe_root(const struct probe_root *root)
{
	return (struct path_root){ .inode = root->inode, .mount = root->mount, .init = root->init };
}

/* probe_path.c */
/* `origin` of the body: of whose mounts the path is; 0: nobody looked. */
void probe_set_mounts(struct event *event, uint32_t origin);
/* A path of the kernel's names into a PATH field.  Of one without its beginning (cut) the event says so. */
void probe_set_path(const struct probe *probe, struct event *event, enum field field, unsigned text);
/* That text of names is the root of a process that has a folder for it: does its path lead there? */
void probe_set_root(const struct probe *probe, struct event *event, enum field field, unsigned text);
/* A name as the program gave it, from the folder that it begins at.  0 or -ENOMEM. */
int probe_set_given(const struct probe *probe, struct event *event, enum field field, unsigned folder, unsigned given,
		    bool follows);
/* Names from the last to the first -> the path, appended. */
void probe_join_names(struct buffer *to, struct span names);

/* probe_file.c, probe_network.c, probe_process.c */
uint16_t probe_open_kind(const struct probe_record *record);
int probe_open(struct probe *probe);
int probe_raw(struct probe *probe);
int probe_written(struct probe *probe);
int probe_name(struct probe *probe);
int probe_file(struct probe *probe);
int probe_map(struct probe *probe);
int probe_socket(struct probe *probe);
int probe_dns(struct probe *probe);
int probe_http(struct probe *probe);
int probe_fork(struct probe *probe);
int probe_exec(struct probe *probe);
int probe_exit(struct probe *probe);
int probe_signal(struct probe *probe);
int probe_call(struct probe *probe);
int probe_access(struct probe *probe);
int probe_program(struct probe *probe);
int probe_module(struct probe *probe);
int probe_module_file(struct probe *probe);	/* a call that loads one, with its file */
