/* A test's folder, its beginning and its end. */
#ifndef REMOVE_FOLDER_H
#define REMOVE_FOLDER_H

#include <stddef.h>

/* A new one, "mip-NAME-XXXXXX" below TMPDIR; its path is put into `root`. */
void make_folder(char *root, size_t size, const char *name);

/* With all that is in it. */
void remove_folder(const char *path);

#endif
