/* What a record of the kernel's programs will be, without decoding it: for who has no time for all.  Only of records that are one event and
 * nothing else.  Of those that many others hang on (processes, drivers, security) nothing is said, nor of one that may touch a definition
 * or a file of accounts: what becomes of those is told by other events. */

#include "base/path.h"
#include "decode/probe.h"
#include "event/account.h"
#include "event/definition.h"

static bool is_of_host(uint32_t origin)
{
	return origin == 0 || origin & PROBE_MOUNTS_OF_HOST;
}

static bool is_watched(const struct buffer *path, struct span guarded)
{
	struct span name;
	enum account_file file;

	return buffer_error(path) < 0 || path_lies_in(buffer_span(path), guarded) || definition_of(buffer_span(path), &name) != DEFINITION_NONE ||
	       account_file_of(buffer_span(path), &file);
}

/* A file that is open, by the kernel's own names. */
static bool may_be_watched(const struct probe *probe, struct span guarded, struct buffer *path)
{
	if (!is_of_host(probe->record->body.file.origin) || probe->record->head.flags & PROBE_ELSEWHERE || probe_is_cut(probe, FILE_PATH))
		return true;
	buffer_clear(path);
	probe_join_names(path, probe_text(probe->bytes, FILE_PATH));
	return is_watched(path, guarded);
}

/* A name of one piece in a folder that the kernel walked to; any other may lead anywhere. */
static bool name_may_be_watched(const struct probe *probe, unsigned folder, unsigned given, struct span guarded, struct buffer *path)
{
	struct span name = probe_text(probe->bytes, given);

	if (folder == NAME_FOLDER2 && probe->record->head.flags & PROBE_SAME_FOLDER)
		folder = NAME_FOLDER;
	if (name.size == 0 || memchr(name.data, '/', name.size) || span_eq(name, SPAN(".")) || span_eq(name, SPAN("..")) ||
	    probe_is_cut(probe, folder) || probe_is_cut(probe, given))
		return true;
	buffer_clear(path);
	probe_join_names(path, probe_text(probe->bytes, folder));
	if (path->size > 1)
		buffer_append_byte(path, '/');
	buffer_append_span(path, name);
	return is_watched(path, guarded);
}

static bool names_may_be_watched(const struct probe *probe, uint16_t kind, struct span guarded, struct buffer *path)
{
	if (!is_of_host(probe->record->body.call.origin) || probe->record->head.flags & PROBE_ELSEWHERE)
		return true;
	switch (kind) {
	case KIND_ID(file, rename):
	case KIND_ID(file, link):
		return name_may_be_watched(probe, NAME_FOLDER, NAME_GIVEN, guarded, path) ||
		       name_may_be_watched(probe, NAME_FOLDER2, NAME_GIVEN2, guarded, path);
	case KIND_ID(file, create):
	case KIND_ID(file, delete):
	case KIND_ID(file, symlink):
		return name_may_be_watched(probe, NAME_FOLDER, NAME_GIVEN, guarded, path);
	default:
		return true;	/* a link at the end is followed */
	}
}

uint16_t probe_plain_kind(struct span bytes, struct span guarded, struct buffer *path)
{
	const struct probe probe = { .record = (const struct probe_record *)(const void *)bytes.data, .bytes = bytes };
	uint16_t kind;

	if (probe_check(bytes) < 0 || !probe_fits(probe.record))
		return N_KINDS;
	switch (probe.record->head.type) {
	case PROBE_OPEN:
		kind = probe_open_kind(probe.record);
		return kind == KIND_ID(file, read) || !may_be_watched(&probe, guarded, path) ? kind : N_KINDS;
	case PROBE_WRITTEN:
		return may_be_watched(&probe, guarded, path) ? N_KINDS : KIND_ID(file, write);
	case PROBE_FILE:
		kind = probe_call_kind(&probe);
		return kinds[kind].category != CATEGORY_file || may_be_watched(&probe, guarded, path) ? N_KINDS : kind;
	case PROBE_NAME:
		kind = probe_call_kind(&probe);
		return probe_exchanges(&probe) || names_may_be_watched(&probe, kind, guarded, path) ? N_KINDS : kind;
	case PROBE_MAP:
		return KIND_ID(image, load);
	case PROBE_SOCKET:
		return probe.record->call ? probe_call_kind(&probe) : KIND_ID(network, disconnect);
	default:
		return N_KINDS;	/* of a dns message and of http only decoding tells which */
	}
}
