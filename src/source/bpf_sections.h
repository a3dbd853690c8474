#pragma once
/* The programs of the folder bpf without the call of a function that the kernel does not have (bpf/kernel.h, can_cast).
 *
 * It is never run then, but a kernel before 5.16 (a5d827275241) refuses a program in which such a call stands at all, and libbpf 1.1
 * leaves it there.  So libbpf is told to ask us about each program just before the kernel gets it. */

/* For what is opened from now on, by the thread that calls this.  0 or -errno. */
int bpf_sections_take(void);
