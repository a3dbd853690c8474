#pragma once
/* TLSH of a stream of bytes: a hash that is alike for what is alike (Oliver, Cheng, Chen: "TLSH - A Locality Sensitive Hash", 2013), as
 * others write and compare it: 128 buckets, a checksum of one byte, version T1.  Files of one origin are found by it, also those that
 * differ in every other hash; nobody relies on it for what a file is. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLSH_TEXT 72			/* "T1" and 70 hexadecimal digits */
#define TLSH_MIN_BYTES 50		/* of fewer there is none */

struct tlsh {
	uint32_t buckets[256];		/* the half of them counts */
	uint64_t size;
	unsigned char last[4];		/* the youngest first */
	unsigned char checksum;
};

void tlsh_begin(struct tlsh *tlsh);
void tlsh_add(struct tlsh *tlsh, const unsigned char *bytes, size_t size);
/* false: there were too few bytes, too few different ones, or more than 4 GB of them. */
bool tlsh_end(const struct tlsh *tlsh, char ret[static TLSH_TEXT + 1]);
