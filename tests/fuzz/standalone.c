/*
 * Runs a fuzz target once over each file that is named, or over all files of a folder, without libFuzzer: under gcc,
 * for coverage, under a debugger. What libFuzzer lends to mutators stands here too, and does nothing.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

size_t LLVMFuzzerMutate(uint8_t *octets, size_t length, size_t most);
#pragma weak LLVMFuzzerInitialize

size_t LLVMFuzzerMutate(uint8_t *octets, size_t length, size_t most)
{
	(void)octets;
	(void)most;
	return length;
}

static void run_file(const char *path, long length)
{
	uint8_t *octets = malloc(length > 0 ? (size_t)length : 1);
	FILE *file = fopen(path, "rb");

	FUZZ_CHECK(octets && file && fread(octets, 1, (size_t)length, file) == (size_t)length);
	fclose(file);
	LLVMFuzzerTestOneInput(octets, (size_t)length);
	free(octets);
}

static void run_path(const char *path)
{
	struct stat status;
	struct dirent *entry;
	char inner[4096];
	DIR *folder;

	FUZZ_CHECK(stat(path, &status) == 0);
	if (!S_ISDIR(status.st_mode)) {
		run_file(path, (long)status.st_size);
		return;
	}
	folder = opendir(path);
	FUZZ_CHECK(folder);
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		FUZZ_CHECK(snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) < (int)sizeof(inner));
		run_path(inner);
	}
	closedir(folder);
}

int main(int count, char **arguments)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&count, &arguments);
	for (int i = 1; i < count; i++)
		run_path(arguments[i]);
	return 0;
}
