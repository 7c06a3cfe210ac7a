/*
 * Folders that the daemons make for what they leave on the host: sockets, records.
 */
#ifndef MIP_SYS_FOLDER_H
#define MIP_SYS_FOLDER_H

#include <sys/types.h>

/* Makes a folder, and those above it (mode 0755), if need be. 1: it was made, with that mode; 0: it was there;
 * negative errno. */
int mip_folder_make(const char *path, mode_t mode);
/* The folder of a file: "/run/mip" of "/run/mip/ha.sock", "." of a bare name. NULL: no memory. */
char *mip_folder_of(const char *file);

#endif
