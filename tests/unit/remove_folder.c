/* A test's folder, its beginning and its end. */
#include "remove_folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void make_folder(char *root, size_t size, const char *name)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, size, "%.40s/mip-%s-XXXXXX", tmp != NULL ? tmp : "/tmp", name);
	assert_non_null(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status;
	(void)flag;
	(void)walk;
	return remove(path);
}

void remove_folder(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
