/* See tlsh.h.  A window of five bytes goes over the bytes; six of its triplets that have the youngest byte choose a bucket each, by a
 * hash of Pearson's.  What is written is in which quarter each bucket is by its count, in two bits, how far the quarters are apart, how
 * many bytes there were, in steps, and a checksum. */

#include "source/tlsh.h"

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

#define WINDOW 5
#define BUCKETS 128
#define CODE_BYTES (BUCKETS / 4)

/* Pearson, "Fast Hashing of Variable-Length Text Strings", 1990. */
static const unsigned char pearson[256] = {
	1, 87, 49, 12, 176, 178, 102, 166, 121, 193, 6, 84, 249, 230, 44, 163, 14, 197, 213, 181,
	161, 85, 218, 80, 64, 239, 24, 226, 236, 142, 38, 200, 110, 177, 104, 103, 141, 253, 255, 50,
	77, 101, 81, 18, 45, 96, 31, 222, 25, 107, 190, 70, 86, 237, 240, 34, 72, 242, 20, 214,
	244, 227, 149, 235, 97, 234, 57, 22, 60, 250, 82, 175, 208, 5, 127, 199, 111, 62, 135, 248,
	174, 169, 211, 58, 66, 154, 106, 195, 245, 171, 17, 187, 182, 179, 0, 243, 132, 56, 148, 75,
	128, 133, 158, 100, 130, 126, 91, 13, 153, 246, 216, 219, 119, 68, 223, 78, 83, 88, 201, 99,
	122, 11, 92, 32, 136, 114, 52, 10, 138, 30, 48, 183, 156, 35, 61, 26, 143, 74, 251, 94,
	129, 162, 63, 152, 170, 7, 115, 167, 241, 206, 3, 150, 55, 59, 151, 220, 90, 53, 23, 131,
	125, 173, 15, 238, 79, 95, 89, 16, 105, 137, 225, 224, 217, 160, 37, 123, 118, 73, 2, 157,
	46, 116, 9, 145, 134, 228, 207, 212, 202, 215, 69, 229, 27, 188, 67, 124, 168, 252, 42, 4,
	29, 108, 21, 247, 19, 205, 39, 203, 233, 40, 186, 147, 198, 192, 155, 33, 164, 191, 98, 204,
	165, 180, 117, 76, 140, 36, 210, 172, 41, 54, 159, 8, 185, 232, 113, 196, 231, 47, 146, 120,
	51, 65, 28, 144, 254, 221, 93, 189, 194, 139, 112, 43, 71, 109, 184, 209,
};

/* The most bytes of each step of length: steps of a half, from 657 on of three tenths, from 3,200 on of a tenth. */
static const uint32_t steps[] = {
	1, 2, 3, 5, 7, 11, 17, 25, 38, 57, 86, 129, 194, 291, 437, 656, 854, 1110, 1443, 1876, 2439, 3171, 3475, 3823, 4205, 4626,
	5088, 5597, 6157, 6772, 7450, 8195, 9014, 9916, 10907, 11998, 13198, 14518, 15970, 17567, 19323, 21256, 23382, 25720, 28292,
	31121, 34233, 37656, 41422, 45564, 50121, 55133, 60646, 66711, 73382, 80721, 88793, 97672, 107439, 118183, 130002, 143002,
	157302, 173032, 190335, 209369, 230306, 253337, 278670, 306538, 337191, 370911, 408002, 448802, 493682, 543050, 597356,
	657091, 722800, 795081, 874589, 962048, 1058252, 1164078, 1280486, 1408534, 1549388, 1704327, 1874759, 2062236, 2268459,
	2495305, 2744836, 3019320, 3321252, 3653374, 4018711, 4420582, 4862641, 5348905, 5883796, 6472176, 7119394, 7831333, 8614467,
	9475909, 10423501, 11465851, 12612437, 13873681, 15261050, 16787154, 18465870, 20312458, 22343706, 24578077, 27035886,
	29739474, 32713425, 35984770, 39583245, 43541573, 47895730, 52685306, 57953837, 63749221, 70124148, 77136564, 84850228,
	93335252, 102668779, 112935659, 124229227, 136652151, 150317384, 165349128, 181884040, 200072456, 220079703, 242087671,
	266296456, 292926096, 322218735, 354440623, 389884688, 428873168, 471760495, 518936559, 570830240, 627913311, 690704607,
	759775136, 835752671, 919327967, 1011260767, 1112386880, 1223623232, 1345985727, 1480584256, 1628642751, 1791507135,
	1970657856, 2167723648, 2384496256, 2622945920, 2885240448, 3173764736, 3491141248, 3840255616, 4224281216,
};

/* Each triplet has a number of its own, which is hashed first: this is what comes of 0, 2, 3, 5, 7, 11 and 13. */
enum { OF_0 = 1, OF_2 = 49, OF_3 = 12, OF_5 = 178, OF_7 = 166, OF_11 = 84, OF_13 = 230 };

static inline unsigned char hash(unsigned of, unsigned a, unsigned b, unsigned c)
{
	return pearson[pearson[pearson[of ^ a] ^ b] ^ c];
}

void tlsh_begin(struct tlsh *tlsh)
{
	memset(tlsh, 0, sizeof(*tlsh));
}

void tlsh_add(struct tlsh *tlsh, const unsigned char *bytes, size_t size)
{
	unsigned b = tlsh->last[0], c = tlsh->last[1], d = tlsh->last[2], e = tlsh->last[3];
	unsigned char checksum = tlsh->checksum;
	uint32_t *buckets = tlsh->buckets;

	for (size_t i = 0; i < size; i++) {
		unsigned a = bytes[i];

		if (likely(tlsh->size + i >= WINDOW - 1)) {
			checksum = hash(OF_0, a, b, checksum);
			buckets[hash(OF_2, a, b, c)]++;
			buckets[hash(OF_3, a, b, d)]++;
			buckets[hash(OF_5, a, c, d)]++;
			buckets[hash(OF_7, a, c, e)]++;
			buckets[hash(OF_11, a, b, e)]++;
			buckets[hash(OF_13, a, d, e)]++;
		}
		e = d;
		d = c;
		c = b;
		b = a;
	}
	tlsh->last[0] = (unsigned char)b;
	tlsh->last[1] = (unsigned char)c;
	tlsh->last[2] = (unsigned char)d;
	tlsh->last[3] = (unsigned char)e;
	tlsh->checksum = checksum;
	tlsh->size += size;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Counts of which a quarter, a half, three quarters of the buckets have no more. */
static void find_quarters(const uint32_t *buckets, uint32_t ret[3])
{
	uint32_t sorted[BUCKETS];

	memcpy(sorted, buckets, sizeof(sorted));
	qsort(sorted, BUCKETS, sizeof(*sorted), compare);
	for (unsigned i = 0; i < 3; i++)
		ret[i] = sorted[(i + 1) * BUCKETS / 4 - 1];
}

static unsigned step_of(uint64_t size)
{
	unsigned step = 0;

	while (size > steps[step])
		step++;
	return step;
}

/* In 32 bits and single precision, as everybody computes it. */
static unsigned ratio_of(uint32_t a, uint32_t b)
{
	return (unsigned)((float)(a * 100) / (float)b) % 16;
}

static unsigned nibbles_swapped(unsigned byte)
{
	return (byte >> 4 | byte << 4) & 0xff;
}

bool tlsh_end(const struct tlsh *tlsh, char ret[static TLSH_TEXT + 1])
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char bytes[3 + CODE_BYTES] = { 0 };
	uint32_t quarters[3];
	unsigned used = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		used += tlsh->buckets[i] > 0;
	if (tlsh->size < TLSH_MIN_BYTES || tlsh->size > steps[ARRAY_SIZE(steps) - 1] || used <= BUCKETS / 2)
		return false;
	find_quarters(tlsh->buckets, quarters);
	bytes[0] = (unsigned char)nibbles_swapped(tlsh->checksum);
	bytes[1] = (unsigned char)nibbles_swapped(step_of(tlsh->size));
	bytes[2] = (unsigned char)(ratio_of(quarters[0], quarters[2]) << 4 | ratio_of(quarters[1], quarters[2]));
	for (unsigned i = 0; i < BUCKETS; i++) {
		uint32_t count = tlsh->buckets[i];
		unsigned quarter = 0;

		while (quarter < ARRAY_SIZE(quarters) && count > quarters[quarter])
			quarter++;
		bytes[sizeof(bytes) - 1 - i / 4] |= (unsigned char)(quarter << (i % 4 * 2));
	}
	memcpy(ret, "T1", 2);
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		ret[2 + 2 * i] = digits[bytes[i] >> 4];
		ret[3 + 2 * i] = digits[bytes[i] & 15];
	}
	ret[TLSH_TEXT] = 0;
	return true;
}
