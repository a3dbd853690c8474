/* See kernel_version.h. */

#include "source/kernel_version.h"

#include <stdio.h>
#include <sys/utsname.h>

bool kernel_is_since(unsigned major, unsigned minor)
{
	unsigned of_major, of_minor;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &of_major, &of_minor) != 2)
		return false;
	return of_major != major ? of_major > major : of_minor >= minor;
}
