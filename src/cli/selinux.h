#pragma once
/* The recorder's policy for SELinux, put into force and taken away. */

/* root: the folder that is the host's /, or "".  Says what it does; an exit code. */
int selinux_install(const char *root);
int selinux_remove(const char *root);	/* nothing, where nothing is there */
