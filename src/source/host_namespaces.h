#pragma once
/* The namespaces that are the host's own: those of its first process, or, where nobody may look at that, those of the recorder. */

#include "event/namespaces.h"

/* Those of the process whose folder of /proc is open, by their inodes; 0: not known.  How many are. */
unsigned namespaces_read(int folder, uint32_t ret[static N_NAMESPACES]);
void host_namespaces(uint32_t ret[static N_NAMESPACES]);
