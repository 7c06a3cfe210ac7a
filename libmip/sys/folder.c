/* Folders: each above the last is made as others find it everywhere, the last as its owner wants it. */
#include "folder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	MODE_ABOVE = 0755,
};

static int make_one(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

int mip_folder_make(const char *folder, mode_t mode)
{
	char path[PATH_MAX];
	size_t length = strnlen(folder, sizeof(path));

	if (length == sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, folder, length + 1);
	for (size_t i = 1; i < length; i++) {
		int status;

		if (path[i] != '/' || path[i + 1] == '\0')
			continue;
		path[i] = '\0';
		status = make_one(path, MODE_ABOVE);
		if (status < 0)
			return status;
		path[i] = '/';
	}
	return make_one(path, mode);
}

char *mip_folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}
