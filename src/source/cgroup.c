/* See cgroup.h. A container is known by the name its runtime gave the control group, so the forms are a
 * table. The groups of helpers outside of the container (conmon, lxc.monitor) do not count, and neither
 * does a virtual machine: what runs in its group is the hypervisor. */

#include "source/cgroup.h"

#include <stdint.h>

#include "base/macro.h"

#define ID_SIZE	      64 /* ids of containers are SHA-256 in hex */
#define NAME_MAX_SIZE 255

enum id_form { ID, NAME };

/* One segment of the path: prefix, id or name, suffix. */
static const struct segment_form {
	struct span prefix, suffix;
	enum id_form form;
	struct span runtime;
} segment_forms[] = {
	{ SPAN("docker-"), SPAN(".scope"), ID, SPAN("docker") },
	{ SPAN("libpod-payload-"), SPAN(""), ID, SPAN("podman") },
	{ SPAN("libpod-"), SPAN(".scope"), ID, SPAN("podman") },
	{ SPAN("libpod-"), SPAN(""), ID, SPAN("podman") },
	{ SPAN("cri-containerd-"), SPAN(".scope"), ID, SPAN("containerd") },
	{ SPAN("cri-containerd:"), SPAN(""), ID, SPAN("containerd") },
	{ SPAN("nerdctl-"), SPAN(".scope"), ID, SPAN("containerd") },
	{ SPAN("crio-"), SPAN(".scope"), ID, SPAN("cri-o") },
	{ SPAN("crio-"), SPAN(""), ID, SPAN("cri-o") },
	{ SPAN("lxc.payload."), SPAN(""), NAME, SPAN("lxc") },
	{ SPAN("systemd-nspawn@"), SPAN(".service"), NAME, SPAN("systemd-nspawn") },
	{ SPAN("machine-lxc\\x2d"), SPAN(".scope"), NAME, SPAN("lxc") },
	{ SPAN("machine-"), SPAN(".scope"), NAME, SPAN("systemd-nspawn") },
};

/* A whole segment below a folder of this name. */
static const struct folder_form {
	struct span folder;
	bool folder_is_prefix;
	enum id_form form;
	struct span runtime;
} folder_forms[] = {
	{ SPAN("docker"), false, ID, SPAN("docker") },
	{ SPAN("pod"), true, ID, { NULL, 0 } }, /* kubepods/.../podUID/ID, whatever the runtime */
	{ SPAN("kubepods"), true, ID, { NULL, 0 } },
	{ SPAN("lxc"), false, NAME, SPAN("lxc") },
	{ SPAN("lxc.payload"), false, NAME, SPAN("lxc") },
};

static bool is_id(struct span s)
{
	if (s.size != ID_SIZE)
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (!((s.data[i] >= '0' && s.data[i] <= '9') || (s.data[i] >= 'a' && s.data[i] <= 'f')))
			return false;
	return true;
}

/* Names of units and machines; `\` begins an escape. */
static bool is_name(struct span s)
{
	static const struct span others = SPAN(":_.\\@-");

	if (s.size == 0 || s.size > NAME_MAX_SIZE || s.data[0] == '.')
		return false;
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      memchr(others.data, c, others.size)))
			return false;
	}
	return true;
}

static bool has_form(struct span s, enum id_form form)
{
	return form == ID ? is_id(s) : is_name(s);
}

static bool is_vm(struct span segment)
{
	return span_starts(segment, SPAN("machine-qemu\\x2d"));
}

static void match_container(struct span folder, struct span segment, struct cgroup *ret)
{
	/* containerd with systemd's driver, seen as a plain path: SLICE:cri-containerd:ID */
	const char *colon = segment.size ? memchr(segment.data, ':', segment.size) : NULL;

	if (is_vm(segment))
		return;
	if (colon) {
		struct span rest = { colon + 1, segment.size - (size_t)(colon + 1 - segment.data) };

		if (span_starts(rest, SPAN("cri-containerd:")))
			segment = rest;
	}
	for (size_t i = 0; i < ARRAY_SIZE(segment_forms); i++) {
		const struct segment_form *f = &segment_forms[i];
		struct span id = segment;

		if (!span_starts(segment, f->prefix) || !span_ends(segment, f->suffix) ||
		    segment.size < f->prefix.size + f->suffix.size)
			continue;
		id.data += f->prefix.size;
		id.size -= f->prefix.size + f->suffix.size;
		if (!has_form(id, f->form))
			continue;
		ret->container = id;
		ret->runtime = f->runtime;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(folder_forms); i++) {
		const struct folder_form *f = &folder_forms[i];

		if (!(f->folder_is_prefix ? span_starts(folder, f->folder) : span_eq(folder, f->folder)) ||
		    !has_form(segment, f->form))
			continue;
		ret->container = segment;
		ret->runtime = f->runtime;
		return;
	}
}

static bool is_unit(struct span segment)
{
	return (span_ends(segment, SPAN(".service")) || span_ends(segment, SPAN(".scope"))) &&
	       is_name(segment);
}

static void parse_path(struct span path, bool units, struct cgroup *ret)
{
	struct span folder = { NULL, 0 };

	if (span_ends(path, SPAN(" (deleted)")))
		path.size -= SPAN(" (deleted)").size;
	while (path.size > 0) {
		const char *slash = memchr(path.data, '/', path.size);
		struct span segment = { path.data, slash ? (size_t)(slash - path.data) : path.size };

		path.data += segment.size + (slash ? 1 : 0);
		path.size -= segment.size + (slash ? 1 : 0);
		if (segment.size == 0)
			continue;
		match_container(folder, segment, ret); /* the innermost stays */
		if (units && is_unit(segment))
			ret->unit = segment;
		folder = segment;
	}
}

/* HIERARCHY:CONTROLLERS:PATH a line; the one of systemd names the unit, without it that of version 2. */
void cgroup_parse(struct span text, struct cgroup *ret)
{
	struct cgroup found = { 0 }, systemd = { 0 };

	while (text.size > 0) {
		const char *end = memchr(text.data, '\n', text.size);
		struct span line = { text.data, end ? (size_t)(end - text.data) : text.size };
		const char *first, *second;
		struct span controllers, path;

		text.data += line.size + (end ? 1 : 0);
		text.size -= line.size + (end ? 1 : 0);
		first = line.size ? memchr(line.data, ':', line.size) : NULL;
		if (!first)
			continue;
		first++;
		second = memchr(first, ':', line.size - (size_t)(first - line.data));
		if (!second)
			continue;
		controllers = (struct span){ first, (size_t)(second - first) };
		second++;
		path = (struct span){ second, line.size - (size_t)(second - line.data) };
		if (span_eq(controllers, SPAN("name=systemd")))
			parse_path(path, true, &systemd);
		else
			parse_path(path, controllers.size == 0, &found);
	}
	if (systemd.container.size > 0) {
		found.container = systemd.container;
		found.runtime = systemd.runtime;
	}
	if (systemd.unit.size > 0)
		found.unit = systemd.unit;
	*ret = found;
}
