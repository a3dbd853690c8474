/* See file_version.h. */

#include "event/file_version.h"

#include "base/sip.h"

uint64_t file_version_id(const struct file_version *version)
{
	static const struct sip_key fixed = { { 0x7265636f72646572, 0x76657273696f6e } };
	unsigned char raw[24];

	for (unsigned i = 0; i < 8; i++) {
		raw[i] = (unsigned char)(version->device >> (8 * i));
		raw[8 + i] = (unsigned char)(version->inode >> (8 * i));
		raw[16 + i] = (unsigned char)(version->changed_ns >> (8 * i));
	}
	return sip_hash(&fixed, 0, (struct span){ (const char *)raw, sizeof(raw) });
}
